package planner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"strata/costmodel"
	"strata/malloc"
)

// branchBound plays every line of the game that could still be better than the
// best plan: over all orders of the buffers and all legal moves, cut off where the
// Lagrangian bound with the touches decided so far is no better. When it ends by
// itself no game scores less than its result. It is for instances of at most
// mostBranched buffers that have a choice; larger ones are ErrNotApplicable.
type branchBound struct{}

func (branchBound) Name() string { return "branch-bound" }

const (
	mostBranched  = 12
	branchSteps   = 3000    // subgradient steps of the root's bound
	branchSeen    = 1 << 22 // states remembered: about 100 MB
	branchOpening = 200     // evaluations of lns for the plan to beat
)

// branching is the state of the depth-first search.
type branching struct {
	a      *attempt
	g      *malloc.Game
	prices *costmodel.Prices
	worth  []float64
	on     []int               // per instruction: its executor, -1: it has a choice
	reach  [][]bool            // per executor and tier: it reads or writes there
	seen   map[uint64]struct{} // keys of states between two buffers that were searched
	err    error
}

func (s branchBound) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	base, err := demandPlan(p.Program)
	if err != nil {
		return nil, err
	}
	a.component = "demand"
	if _, err := a.offer(base); err != nil {
		return nil, err
	}
	g, err := malloc.NewGame(p.Program, nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		var infeasible *malloc.InfeasibleError
		if errors.As(err, &infeasible) {
			return nil, fmt.Errorf("planner: branch-bound: only the repacked demand plan fits: %w", ErrNotApplicable)
		}
		return nil, err
	}
	if n := branchable(p.Program); n > mostBranched {
		return nil, fmt.Errorf("planner: branch-bound: %d buffers have a choice, at most %d can be searched exactly: %w", n, mostBranched, ErrNotApplicable)
	}
	if !a.done() {
		opening := Budget{Evaluations: branchOpening}
		if a.budget.Evaluations > 0 {
			opening.Evaluations = max(1, min(branchOpening, (a.budget.Evaluations-a.evaluations)/4))
		}
		opening.Time = a.rest(0.25).Time
		r, err := lnsSolver{}.Solve(ctx, p, opening, nil)
		if err != nil {
			return nil, err
		}
		a.evaluations += r.Evaluations
		found := r.Incumbent
		found.Evaluations = a.evaluations
		a.adopt(found)
	}
	a.component = s.Name()
	prices, err := costmodel.NewPrices(p.Program, branchSteps)
	if err != nil {
		return nil, err
	}
	b := &branching{a: a, g: g, prices: prices, worth: newGuide(p.Program, base).worth, seen: map[uint64]struct{}{}}
	b.tables(p.Program)
	b.deeper(-1)
	if b.err != nil {
		return nil, b.err
	}
	return a.result(s.Name())
}

// branchable counts the buffers that have a tier to go to and a touch.
func branchable(p *malloc.Program) int {
	touched := make([]bool, len(p.Buffers))
	for t := range p.Instructions {
		for _, list := range [][]malloc.Operand{p.Instructions[t].Reads, p.Instructions[t].Writes} {
			for _, o := range list {
				touched[o.Buf] = true
			}
		}
	}
	n := 0
	for b := range p.Buffers {
		for t := range p.Tiers {
			if touched[b] && t != p.Buffers[b].Home && p.Tiers[t].Capacity != malloc.Unlimited && joined(p, p.Buffers[b].Home, t) {
				n++
				break
			}
		}
	}
	return n
}

func (b *branching) tables(p *malloc.Program) {
	b.on = make([]int, len(p.Instructions))
	for t := range p.Instructions {
		switch runs := p.Instructions[t].RunsOn; len(runs) {
		case 0:
		case 1:
			b.on[t] = runs[0].Executor
		default:
			b.on[t] = -1
		}
	}
	for x := range max(1, len(p.Executors)) {
		reach := make([]bool, len(p.Tiers))
		for t := range reach {
			reach[t] = len(p.Executors) == 0
		}
		if len(p.Executors) > 0 {
			for _, acc := range p.Executors[x].Access {
				reach[acc.Tier] = acc.ReadBW > 0 || acc.WriteBW > 0
			}
		}
		b.reach = append(b.reach, reach)
	}
}

// better says whether a line with this bound can still beat the best plan.
func (b *branching) better() bool {
	return b.prices.FloorS() < b.a.best.Score.TotalS*(1-1e-9)
}

// deeper searches what follows the game's state; chosen is the buffer whose
// touches are being decided. It returns false to end the search.
func (b *branching) deeper(chosen int) bool {
	g := b.g
	if b.err != nil || b.a.done() {
		return false
	}
	if !b.better() {
		return true
	}
	if g.Done() {
		return b.leaf()
	}
	d := g.Next()
	if !d.RunOn && d.Buf != chosen {
		return b.choose()
	}
	legal := g.Actions(nil)
	promising(legal)
	for _, act := range legal {
		m := g.Mark()
		if _, err := g.Step(act); err != nil {
			b.err = err
			return false
		}
		before := costmodel.AnyWay
		if !d.RunOn {
			before = b.prices.Decide(d.Buf, d.Instr, b.ways(d, act))
		}
		on := b.deeper(chosen)
		if !d.RunOn {
			b.prices.Decide(d.Buf, d.Instr, before)
		}
		g.Rewind(m)
		if !on {
			return false
		}
	}
	return true
}

// choose branches over which buffer is decided next, the most valuable first. A
// state that another order of decisions led to before is not searched again: the
// plan to beat has only become better since.
func (b *branching) choose() bool {
	key := b.g.Key()
	if _, ok := b.seen[key]; ok {
		return true
	}
	if len(b.seen) < branchSeen {
		b.seen[key] = struct{}{}
	}
	order := slices.Clone(b.g.Undecided())
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(b.worth[y], b.worth[x]) })
	for _, buf := range order {
		m := b.g.Mark()
		if b.g.Choose(buf) == nil && !b.deeper(buf) {
			return false
		}
		b.g.Rewind(m)
	}
	return true
}

// promising puts moves that keep a buffer in fast memory first.
func promising(legal []malloc.Action) {
	rank := func(a malloc.Action) int {
		switch a.Kind {
		case malloc.NoCopy:
			return 0
		case malloc.CopyIn:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(legal, func(x, y malloc.Action) int { return rank(x) - rank(y) })
}

// ways is what a move leaves of the bound's ways to serve a touch. A copy may come
// from another fast tier, where the bound's single fast memory just keeps it.
func (b *branching) ways(d malloc.Decision, a malloc.Action) costmodel.Ways {
	switch {
	case a.Kind == malloc.NoCopy && d.Def:
		return costmodel.New
	case a.Kind == malloc.NoCopy:
		return costmodel.Stay
	case a.Kind == malloc.CopyIn:
		return costmodel.New | costmodel.Stay
	case b.on[d.Instr] < 0:
		return costmodel.AnyWay
	case b.reach[b.on[d.Instr]][b.a.p.Program.Buffers[d.Buf].Home]:
		return costmodel.Slow
	}
	return costmodel.New | costmodel.Stay
}

// leaf scores a complete game.
func (b *branching) leaf() bool {
	plan := b.g.Plan()
	b.a.evaluations++
	score, err := b.a.exact.Evaluate(b.a.p.Program, plan)
	if err != nil {
		b.err = err
		return false
	}
	if score.TotalS < b.a.best.Score.TotalS {
		b.a.accept(plan, score)
	}
	return true
}
