package planner

import (
	"math"
	"slices"

	"strata/malloc"
)

// A guide is what the agent believes before it searches: for every buffer
// whether it should stay in a fast tier, and how far ahead a copy of it should
// start. It gives the prior over legal moves and the greedy policy that
// completes a game. It learns from the best plan so far.
type guide struct {
	p     *malloc.Program
	tier  []int // per buffer: the fast tier wanted, -1: home
	stay  []bool
	lead  []int     // per buffer: lead wanted for copies, 1..4
	back  []int     // per buffer: exact start before the touch in the body, -1: by lead
	worth []float64 // per buffer: seconds saved per iteration when resident, per byte
	first []int     // per buffer: its first touch of the searched part
	gap   []float64 // per instruction: all-fast seconds before it
	runs  []int
}

// newGuide derives a guide from the program alone: no plan is looked at. Worth
// is the static benefit of being resident: the difference in memory time, and
// where no executor reaches home the time of the copy it saves, request latency
// included. All that can stay wants to; share gives up where there is no room.
func newGuide(p *malloc.Program, base *malloc.Plan) *guide {
	n := len(p.Buffers)
	g := &guide{p: p, tier: make([]int, n), stay: make([]bool, n), lead: make([]int, n), back: make([]int, n),
		worth: make([]float64, n), first: make([]int, n), gap: make([]float64, len(p.Instructions)+1)}
	for t := range p.Instructions {
		g.gap[t+1] = g.gap[t] + fastTime(p, t)
	}
	begin, end := 0, len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		begin, end = l.Begin, l.End
	}
	executor := executorsOf(p, base)
	g.runs = executor
	for b := range g.first {
		g.first[b], g.lead[b], g.back[b], g.tier[b] = -1, 1, -1, -1
	}
	for t := begin; t < end; t++ {
		in := &p.Instructions[t]
		for _, list := range [][]malloc.Operand{in.Reads, in.Writes} {
			for _, o := range list {
				if g.first[o.Buf] < 0 {
					g.first[o.Buf] = t
				}
				if saved, tier := saving(p, o, executor[t]); saved > 0 {
					g.worth[o.Buf] += saved
					g.tier[o.Buf] = tier
				}
			}
		}
	}
	for b := range p.Buffers {
		if g.first[b] >= 0 && g.tier[b] >= 0 {
			g.worth[b] /= float64(blockBytes(p, b, g.tier[b]))
			g.stay[b] = p.Buffers[b].Select == nil
		}
	}
	return g
}

// saving is what one operand saves in the tier its executor reads fastest, and
// that tier; 0 where there is no such tier or nothing to save.
func saving(p *malloc.Program, o malloc.Operand, executor int) (seconds float64, tier int) {
	b := &p.Buffers[o.Buf]
	access := []malloc.Access(nil)
	if len(p.Executors) == 0 {
		for t := range p.Tiers {
			access = append(access, malloc.Access{Tier: t, ReadBW: p.Tiers[t].ReadBW, WriteBW: p.Tiers[t].WriteBW})
		}
	} else {
		access = p.Executors[executor].Access
	}
	best, home := malloc.Access{Tier: -1}, malloc.Access{Tier: -1}
	for _, a := range access {
		if a.Tier == b.Home {
			home = a
		} else if a.ReadBW > best.ReadBW && p.Tiers[a.Tier].Capacity != malloc.Unlimited && joined(p, b.Home, a.Tier) {
			best = a
		}
	}
	if best.Tier < 0 || best.ReadBW == 0 || best.Tier == b.Home {
		return 0, -1
	}
	fast, slow := float64(o.Bytes)/best.ReadBW, 0.0
	if home.ReadBW > 0 {
		slow = float64(o.Bytes) / home.ReadBW
	} else if e := directEngine(p, b.Home, best.Tier); e >= 0 {
		slow = fast + p.Engines[e].LatencyS/2 + float64(extentBytes(b, p.Engines[e].IOAlign))/p.Engines[e].BW
	} else {
		slow = 2 * fast
	}
	return max(0, slow-fast), best.Tier
}

// guideSetting is one way to share a tier between what stays and what streams.
type guideSetting struct {
	room  float64 // kept free for streaming, in largest streamed blocks
	least int     // which size class is the smallest that is streamed, from the largest: 0, 1, …
	exact bool    // copies start where the room allows, else by lead
}

// guideSettings are tried in the agent's first games; the best begins its search.
var guideSettings = []guideSetting{
	{2, 0, true}, {2.5, 0, true}, {3, 0, true}, {4, 0, true}, {2, 1, true}, {3, 1, true}, {2.5, 0, false}, {4, 0, false},
}

// share gives up residency where a tier cannot hold all that wants to stay: of
// the read-only buffers that can be streamed, those that lie evenly in time. It
// then says how far ahead each copy starts: as far as the room left holds what
// is on its way and not yet used.
func (g *guide) share(spec *ringSpec, set guideSetting) {
	var order []int
	total, largest := int64(0), int64(0)
	for i := range spec.streams {
		b := spec.streams[i].buf
		g.back[b] = -1
		if w := spec.weight(i); w > 0 && g.tier[b] >= 0 {
			g.stay[b] = true
			order = append(order, i)
			total += w
			largest = max(largest, w)
		}
	}
	must := total - (spec.capacity - spec.bodyTop)
	if must <= 0 {
		return
	}
	slices.SortStableFunc(order, func(a, b int) int { return spec.firstTouch(a) - spec.firstTouch(b) })
	classes := spec.sizeClasses(order)
	var pinned []bool
	for k := max(0, len(classes)-1-set.least); k >= 0 && pinned == nil; k-- { // large ones are the cheapest per byte to stream
		may := slices.DeleteFunc(slices.Clone(order), func(i int) bool { return spec.streams[i].block < classes[k] })
		pinned = spec.spreadEvenly(may, must+int64(set.room*float64(largest)))
	}
	if pinned == nil {
		pinned = make([]bool, len(spec.streams))
	}
	room := spec.capacity - spec.bodyTop
	for i := range spec.streams {
		g.stay[spec.streams[i].buf] = pinned[i]
		if pinned[i] {
			room -= spec.streams[i].block
		}
	}
	if set.exact && spec.end > spec.begin {
		g.startAhead(spec, pinned, room)
	}
}

// startAhead sets the start of each streamed copy: right after the touch of the
// latest stream before it that the room cannot hold beside those in between.
func (g *guide) startAhead(spec *ringSpec, pinned []bool, room int64) {
	var list []use
	for i := range spec.streams {
		if !pinned[i] {
			for _, t := range spec.streams[i].body {
				list = append(list, use{i, t})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b use) int { return a.touch - b.touch })
	length := spec.end - spec.begin
	for n, u := range list {
		sum, from := spec.streams[u.stream].block, u.touch-length+2
		for k := 1; k < len(list); k++ {
			before, touch := list[(n-k+len(list))%len(list)], 0
			touch = before.touch
			if k > n {
				touch -= length
			}
			if sum += spec.streams[before.stream].block; sum > room {
				from = max(from, touch+1)
				break
			}
		}
		g.back[spec.streams[u.stream].buf] = max(0, u.touch-from)
	}
}

// learn takes over what a plan does in the searched part.
func (g *guide) learn(plan *malloc.Plan) {
	p := g.p
	begin, end := 0, len(p.Instructions)
	l := p.PeriodicLoop()
	if l != nil {
		begin, end = l.Begin, l.End
	}
	length := end - begin
	for _, run := range plan.Runs {
		g.runs[run.Instr] = run.Executor
	}
	resident := make([]bool, len(p.Buffers))
	seen := make([]bool, len(p.Buffers))
	for _, b := range plan.Blocks {
		if b.Buf < 0 || p.Buffers[b.Buf].Home == b.Tier || b.Start < begin || b.Start >= end {
			continue
		}
		seen[b.Buf] = true
		if l != nil && b.End-b.Start == length || l == nil && b.End-b.Start > 1 {
			resident[b.Buf] = true
			g.tier[b.Buf] = b.Tier
		}
	}
	for b := range seen {
		if seen[b] {
			g.stay[b], g.back[b] = resident[b], -1
		}
	}
	for _, c := range plan.Copies {
		if c.Once || c.Start < begin || c.Start >= end || plan.Blocks[c.Block].Tier == p.Buffers[c.Buf].Home {
			continue
		}
		if p.Engines[c.Engine].To == plan.Blocks[c.Block].Tier && !resident[c.Buf] {
			g.back[c.Buf] = c.Before - c.Start
		}
	}
}

// Logits of the prior. The scale matters more than the values: search needs a
// few good moves, ordered.
const (
	logitWanted  = 3.0
	logitNear    = 1.5
	logitOther   = 0.0
	logitDrop    = -3.0
	logitAgainst = -1.0
)

// logit is the prior of one legal move of a decision.
func (g *guide) logit(d malloc.Decision, a malloc.Action) float64 {
	switch {
	case a.Kind == malloc.RunOn:
		if a.Executor == g.runs[d.Instr] {
			return logitWanted
		}
		return logitOther
	case a.Kind == malloc.Drop:
		if g.tier[d.Buf] < 0 {
			return logitWanted
		}
		return logitDrop
	case a.Tier != g.tier[d.Buf]:
		return logitAgainst
	case a.Kind == malloc.NoCopy:
		if g.stay[d.Buf] {
			return logitWanted
		}
		return logitAgainst
	}
	base := logitWanted
	if g.stay[d.Buf] {
		base = logitOther
	}
	if back := g.back[d.Buf]; back >= 0 {
		if a.Back >= 0 {
			return base - math.Abs(math.Log2(float64(a.Back+1))-math.Log2(float64(back+1)))
		}
		return base - 1
	}
	if a.Back >= 0 {
		return base - 1.5
	}
	return base - 0.5*math.Abs(float64(max(a.Lead, 1)-g.lead[d.Buf]))
}

// greedy is the move that completes a game: the wanted one when it is legal,
// else the nearest to it.
func (g *guide) greedy(game *malloc.Game, d malloc.Decision) malloc.Action {
	if d.RunOn {
		a := malloc.Action{Kind: malloc.RunOn, Executor: g.runs[d.Instr]}
		if game.Legal(a) {
			return a
		}
		if legal := game.Actions(nil); len(legal) > 0 {
			return legal[0]
		}
		return a
	}
	tier := g.tier[d.Buf]
	if tier < 0 {
		return g.dropOrFirst(game)
	}
	try := [...]malloc.Action{
		{Kind: malloc.NoCopy, Tier: tier},
		{Kind: malloc.CopyIn, Tier: tier, Back: g.back[d.Buf], Lead: g.lead[d.Buf]},
		{Kind: malloc.CopyIn, Tier: tier, Back: -1, Lead: 2},
		{Kind: malloc.CopyIn, Tier: tier, Back: -1, Lead: 1},
		{Kind: malloc.CopyIn, Tier: tier, Back: 0},
	}
	list := try[:]
	if !g.stay[d.Buf] && g.p.Buffers[d.Buf].Select == nil { // a select may be read where its parts stay
		list = try[1:]
	}
	for _, a := range list {
		if game.Legal(a) {
			return a
		}
	}
	return g.dropOrFirst(game)
}

func (g *guide) dropOrFirst(game *malloc.Game) malloc.Action {
	drop := malloc.Action{Kind: malloc.Drop}
	if game.Legal(drop) {
		return drop
	}
	if legal := game.Actions(nil); len(legal) > 0 {
		return legal[0]
	}
	return drop // a dead end: any move backs the class up
}

// rank orders the buffers of the searched part for a game in free order: what
// stays, by worth per byte, then what is copied, by time.
func (g *guide) rank() []int {
	var list []int
	for b, t := range g.first {
		if t >= 0 {
			list = append(list, b)
		}
	}
	slices.SortStableFunc(list, func(x, y int) int {
		sx, sy := g.stay[x] && g.tier[x] >= 0, g.stay[y] && g.tier[y] >= 0
		switch {
		case sx != sy:
			if sx {
				return -1
			}
			return 1
		case sx && g.worth[x] != g.worth[y]:
			if g.worth[x] > g.worth[y] {
				return -1
			}
			return 1
		}
		return g.first[x] - g.first[y]
	})
	return list
}
