package planner

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"

	"strata/malloc"
)

// A placement baseline keeps whole units (layers, matrices) resident: units in
// an order of its own go to the fastest limited tier as long as they fit, then
// to the next tier; the rest are demand copies. This is how today's tools place
// models; none of them plans a copy ahead.
type placementSolver struct {
	name string
	// place lists the units in the order they are to be made resident. Its error
	// wraps ErrNotApplicable where the baseline has no meaning.
	place func(p *malloc.Program) ([]unit, error)
}

// unit is a set of buffers that is resident as a whole or not at all.
type unit struct {
	name string
	bufs []int
}

func (s placementSolver) Name() string { return s.name }

func (s placementSolver) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	units, err := s.place(p.Program)
	if err != nil {
		return nil, fmt.Errorf("planner: %s: %w", s.name, err)
	}
	a, err := begin(ctx, p, budget, report, s.name)
	if err != nil {
		return nil, err
	}
	tiers := fastTiers(p.Program)
	if len(tiers) == 0 {
		return nil, fmt.Errorf("planner: %s: no limited tier that read-only buffers can be copied to: %w", s.name, ErrNotApplicable)
	}
	// A game that starts at all accepts zero units, so the search has a floor.
	if _, err := malloc.NewGame(p.Program, nil, malloc.Options{NoReward: true}); err != nil {
		return nil, err
	}
	if len(p.Program.Executors) > 1 && !a.done() {
		a.component = "resident"
		if plan, err := playResident(p.Program, a.late); err == nil && plan != nil {
			if _, err := a.offer(plan); err != nil {
				return nil, err
			}
		}
		a.component = s.name
	}
	ends := make([]int, len(tiers)) // units before ends[i] lie in tiers ≤ i
	plan, _, err := playPlacement(p.Program, nil, nil, nil, a.late)
	if err == nil && plan == nil { // too late for a game
		plan, err = demandPlan(p.Program)
	}
	if err != nil {
		return nil, err
	}
	for i := range tiers {
		from := 0
		if i > 0 {
			from = ends[i-1]
		}
		best := plan
		// The largest number of further units for which all become resident. More
		// never fits where fewer do not, up to fragmentation.
		tooMany := func(n int) bool {
			if a.done() {
				return true
			}
			try := slices.Clone(ends)
			for j := i; j < len(try); j++ {
				try[j] = from + n + 1
			}
			plan, whole, err := playPlacement(p.Program, units, tiers, try, a.late)
			if err == nil && whole {
				best = plan
			}
			return err != nil || !whole
		}
		n := len(units) - from
		if n > 0 && tooMany(n-1) {
			n = sort.Search(n-1, tooMany)
		}
		for j := i; j < len(ends); j++ {
			ends[j] = from + n
		}
		plan = best
	}
	if _, err := a.offer(plan); err != nil {
		return nil, err
	}
	return a.result(s.name)
}

// fastTiers lists the limited tiers to which the home of some read-only buffer
// has an engine, in one or two hops, fastest (as an executor reads it) first.
func fastTiers(p *malloc.Program) []int {
	speed := make([]float64, len(p.Tiers))
	for i := range p.Tiers {
		if len(p.Executors) == 0 {
			speed[i] = p.Tiers[i].ReadBW
		}
		for _, x := range p.Executors {
			for _, a := range x.Access {
				if a.Tier == i {
					speed[i] = max(speed[i], a.ReadBW)
				}
			}
		}
	}
	var list []int
	for t := range p.Tiers {
		if p.Tiers[t].Capacity == malloc.Unlimited || speed[t] == 0 {
			continue
		}
		for b := range p.Buffers {
			if streamable(p, b) && p.Buffers[b].Home != t && joined(p, p.Buffers[b].Home, t) {
				list = append(list, t)
				break
			}
		}
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(speed[b], speed[a]) })
	return list
}

// joined says whether engines lead from one tier to another in at most two hops.
func joined(p *malloc.Program, from, to int) bool {
	if directEngine(p, from, to) >= 0 {
		return true
	}
	for via := range p.Tiers {
		if directEngine(p, from, via) >= 0 && directEngine(p, via, to) >= 0 {
			return true
		}
	}
	return false
}

// playPlacement plays a game in which units before ends[i] become resident in
// tiers[i] and all else is dropped. whole is false when some buffer of a unit
// could not be made resident, or late said that nobody waits any more; the plan is
// then nil.
func playPlacement(p *malloc.Program, units []unit, tiers, ends []int, late func() bool) (plan *malloc.Plan, whole bool, err error) {
	g, err := malloc.NewGame(p, nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		return nil, false, err
	}
	want := make([]int, len(p.Buffers)) // tier, -1: home
	for i := range want {
		want[i] = -1
	}
	from := 0
	var order []int
	for i, tier := range tiers {
		for _, u := range units[from:ends[i]] {
			for _, b := range u.bufs {
				if p.Buffers[b].Home != tier {
					want[b] = tier
					order = append(order, b)
				}
			}
		}
		from = max(from, ends[i])
	}
	runs := executorsFor(p, want)
	eager := len(p.Executors) > 1
	for !g.Done() {
		for g.Next().RunOn {
			if late != nil && late() {
				return nil, false, nil
			}
			if err := runOn(g, runs); err != nil {
				return nil, false, err
			}
		}
		body := g.InBody()
		if eager && body {
			for _, b := range slices.Clone(g.Undecided()) {
				if want[b] < 0 && !streamable(p, b) {
					stayNear(g, b, runs)
				}
			}
		}
		for _, b := range order {
			if late != nil && late() {
				return nil, false, nil
			}
			if body && g.Resident(b, want[b]) || g.Choose(b) != nil {
				continue // resident, or without a touch in this part
			}
			if !playBuffer(g, b, body, want[b], !body && p.PeriodicLoop() != nil) {
				return nil, false, nil
			}
			if g.InBody() != body || g.Done() {
				break
			}
		}
		if g.Done() || g.InBody() != body {
			continue
		}
		for _, b := range selects(p) { // a row is read where its table is
			if g.Choose(b) != nil {
				continue
			}
			if a := (malloc.Action{Kind: malloc.NoCopy, Tier: want[p.Buffers[b].Select.Of[0]]}); a.Tier >= 0 && g.Legal(a) {
				if _, err := g.Step(a); err != nil {
					return nil, false, err
				}
			}
		}
		if g.Done() || g.InBody() != body {
			continue
		}
		if eager {
			if err := playNear(g, runs, late); err == errStopped {
				return nil, false, nil
			} else if err != nil {
				return nil, false, err
			}
			continue
		}
		if err := g.DropRest(); err != nil {
			return nil, false, err
		}
	}
	return g.Plan(), true, nil
}

// selects lists the buffers that are a part of others.
func selects(p *malloc.Program) []int {
	var list []int
	for b := range p.Buffers {
		if s := p.Buffers[b].Select; s != nil && len(s.Of) > 0 {
			list = append(list, b)
		}
	}
	return list
}

// runOn answers a RUN_ON with the wanted executor, else the first that is legal.
func runOn(g *malloc.Game, runs []int) error {
	a := malloc.Action{Kind: malloc.RunOn, Executor: runs[g.Next().Instr]}
	if !g.Legal(a) {
		legal := g.Actions(nil)
		if len(legal) == 0 {
			return fmt.Errorf("planner: no executor can run instruction %d", g.Next().Instr)
		}
		a = legal[0]
	}
	_, err := g.Step(a)
	return err
}

// playBuffer decides the chosen buffer's touches in the present part: stay,
// else copy for the touch; it returns false when one of them has neither and may
// not be dropped.
func playBuffer(g *malloc.Game, b int, body bool, tier int, mayDrop bool) bool {
	for !g.Done() {
		d := g.Next()
		if d.RunOn || d.Buf != b || g.InBody() != body {
			break
		}
		played := false
		for _, a := range [...]malloc.Action{
			{Kind: malloc.NoCopy, Tier: tier},
			{Kind: malloc.CopyIn, Tier: tier, Lead: 1, Back: -1},
			{Kind: malloc.CopyIn, Tier: tier, Back: 0},
		} {
			if g.Legal(a) {
				if _, err := g.Step(a); err != nil {
					return false
				}
				played = true
				break
			}
		}
		if !played {
			if !mayDrop {
				return false
			}
			if _, err := g.Step(malloc.Action{Kind: malloc.Drop}); err != nil {
				return false
			}
		}
	}
	return true
}

// executorsFor gives every instruction the executor that reads its wanted tier
// fastest; one without placed operands runs where the one before it does.
func executorsFor(p *malloc.Program, want []int) []int {
	runs := make([]int, len(p.Instructions))
	last := -1
	for t := range p.Instructions {
		in := &p.Instructions[t]
		if len(in.RunsOn) == 0 {
			continue
		}
		best, speed := -1, 0.0
		for _, o := range in.Reads {
			tier := want[o.Buf]
			if tier < 0 {
				if streamable(p, o.Buf) {
					tier = p.Buffers[o.Buf].Home
				} else {
					continue
				}
			}
			for _, r := range in.RunsOn {
				for _, a := range p.Executors[r.Executor].Access {
					if a.Tier == tier && a.ReadBW > speed {
						best, speed = r.Executor, a.ReadBW
					}
				}
			}
		}
		if best < 0 && slices.ContainsFunc(in.RunsOn, func(r malloc.RunsOn) bool { return r.Executor == last }) {
			best = last
		}
		if best < 0 {
			best = in.RunsOn[len(in.RunsOn)-1].Executor
			for _, r := range in.RunsOn {
				if slices.ContainsFunc(p.Executors[r.Executor].Access, func(a malloc.Access) bool {
					return p.Tiers[a.Tier].Capacity == malloc.Unlimited
				}) {
					best = r.Executor
				}
			}
		}
		runs[t], last = best, best
	}
	return runs
}

// layerName finds a layer's number in a tensor's name: blk.3.ffn_up.weight,
// model.layers.3.mlp, h.3.attn.
var layerName = regexp.MustCompile(`(?:^|[._/])(?:blk|layers?|h|block)[._](\d+)(?:[._/\[]|$)`)

// layerOf is a buffer's layer, or -1.
func layerOf(name string) int {
	m := layerName.FindStringSubmatch(name)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}

var (
	expertName    = regexp.MustCompile(`_exps\b|_exps[.\[]|\bexperts?\b`)
	attentionName = regexp.MustCompile(`attn|attention|self_attn|norm`)
	ffnName       = regexp.MustCompile(`ffn|mlp|feed_forward`)
)

// weights lists the read-only buffers by layer (in layer order), and those of no
// layer. Rows and experts selected at run time belong to no unit: the buffers
// they are parts of do.
func weights(p *malloc.Program) (layers [][]int, rest []int) {
	byLayer := map[int][]int{}
	for b := range p.Buffers {
		if !streamable(p, b) {
			continue
		}
		if n := layerOf(p.Buffers[b].Name); n >= 0 {
			byLayer[n] = append(byLayer[n], b)
		} else {
			rest = append(rest, b)
		}
	}
	var numbers []int
	for n := range byLayer {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		layers = append(layers, byLayer[n])
	}
	return layers, rest
}

// wholeLayers places layers front to back, what belongs to no layer last.
func wholeLayers(p *malloc.Program) ([]unit, error) {
	layers, rest := weights(p)
	if len(layers) == 0 {
		return nil, fmt.Errorf("no buffer name carries a layer number: %w", ErrNotApplicable)
	}
	var units []unit
	for i, l := range layers {
		units = append(units, unit{fmt.Sprintf("layer %d", i), l})
	}
	if len(rest) > 0 {
		units = append(units, unit{"output", rest})
	}
	return units, nil
}

// llamacppFit places in the order of llama.cpp's fitting: the output and then
// layers back to front; with experts, the dense parts of all layers first, then
// the experts layer by layer from the front.
func llamacppFit(p *malloc.Program) ([]unit, error) {
	if len(p.Executors) < 2 {
		return nil, fmt.Errorf("one executor: llama.cpp fits layers onto a device beside the host: %w", ErrNotApplicable)
	}
	layers, rest := weights(p)
	if len(layers) == 0 {
		return nil, fmt.Errorf("no buffer name carries a layer number: %w", ErrNotApplicable)
	}
	var units, experts []unit
	if len(rest) > 0 {
		units = append(units, unit{"output", rest})
	}
	for i := len(layers) - 1; i >= 0; i-- {
		dense, routed := splitExperts(p, layers[i])
		units = append(units, unit{fmt.Sprintf("layer %d", i), dense})
		if len(routed) > 0 {
			experts = append([]unit{{fmt.Sprintf("experts %d", i), routed}}, experts...)
		}
	}
	return append(units, experts...), nil
}

func splitExperts(p *malloc.Program, bufs []int) (dense, experts []int) {
	for _, b := range bufs {
		if expertName.MatchString(p.Buffers[b].Name) {
			experts = append(experts, b)
		} else {
			dense = append(dense, b)
		}
	}
	return dense, experts
}

// expertsToCPU places everything but the experts, layer by layer.
func expertsToCPU(p *malloc.Program) ([]unit, error) {
	layers, rest := weights(p)
	var units []unit
	found := false
	for i, l := range layers {
		dense, experts := splitExperts(p, l)
		found = found || len(experts) > 0
		units = append(units, unit{fmt.Sprintf("layer %d", i), dense})
	}
	if !found {
		return nil, fmt.Errorf("no buffer holds experts: %w", ErrNotApplicable)
	}
	if len(rest) > 0 {
		units = append([]unit{{"output", rest}}, units...)
	}
	return units, nil
}

// kvResident keeps the KV cache, then attention and norms, then what belongs to
// no layer, and fills what is left with feed-forward matrices from the front:
// weights are spilled, the cache never.
func kvResident(p *malloc.Program) ([]unit, error) {
	var units []unit
	for b := range p.Buffers {
		if p.Buffers[b].Kind == malloc.KindKV {
			units = append(units, unit{p.Buffers[b].Name, []int{b}})
		}
	}
	if len(units) == 0 {
		return nil, fmt.Errorf("no buffer is a KV cache: %w", ErrNotApplicable)
	}
	layers, rest := weights(p)
	if len(layers) == 0 {
		return nil, fmt.Errorf("no buffer name carries a layer number: %w", ErrNotApplicable)
	}
	single := func(list []int, match func(name string) bool) {
		for _, b := range list {
			if n := p.Buffers[b].Name; match(n) {
				units = append(units, unit{n, []int{b}})
			}
		}
	}
	attention := func(n string) bool { return attentionName.MatchString(n) && !expertName.MatchString(n) }
	for _, l := range layers {
		single(l, attention)
	}
	single(rest, func(string) bool { return true })
	for _, l := range layers {
		single(l, func(n string) bool { return !attention(n) && ffnName.MatchString(n) })
	}
	for _, l := range layers {
		single(l, func(n string) bool { return !attention(n) && !ffnName.MatchString(n) })
	}
	return units, nil
}
