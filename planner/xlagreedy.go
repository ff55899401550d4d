package planner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"strata/malloc"
)

// xlaGreedy is a greedy in the manner of XLA's memory-space assignment: buffers
// sorted by memory-boundedness, each decided once and never undone, and per touch
// a fixed cascade: stay where the previous touch left it unless the gap is too
// long, else prefetch so that the copy hides, else slow memory. It is a
// reduction, not XLA: no slices, no scoped reservations, no repacking. All of its
// settings are tried; the best is the result.
type xlaGreedy struct {
	name     string
	settings []xlaKnobs
}

func (s xlaGreedy) Name() string { return s.name }

// xlaKnobs is one setting.
type xlaKnobs struct {
	key     int     // sort key, an index into xlaKeys
	lead    int     // preferred overlap: the copy's time, so many times over; 0: never prefetch
	gap     float64 // longest stay without a touch, in times of the buffer's copy
	reserve float64 // room kept free for prefetches, in largest buffers
}

// xlaKeys name the sort keys: benefit b, bytes z, live instructions d.
var xlaKeys = []string{"b/sqrt(z)", "b/z", "b", "b/(z·d)"}

var (
	// xlaDefault is XLA's own default order and gap, one setting.
	xlaDefault = []xlaKnobs{{key: 0, lead: 2, gap: 2}}
	// densityOnly fills fast memory by benefit per byte and instruction and never
	// prefetches.
	densityOnly = []xlaKnobs{{key: 3, gap: math.Inf(1)}}
	// xlaSweep is every combination: 120 settings.
	xlaSweep = sweep()
)

func sweep() (all []xlaKnobs) {
	for _, reserve := range []float64{0, 2.5, 5} {
		for key := range xlaKeys {
			for _, lead := range []int{1, 2, 3, 4, 6} {
				for _, gap := range []float64{math.Inf(1), 2} {
					all = append(all, xlaKnobs{key, lead, gap, reserve})
				}
			}
		}
	}
	return all
}

func (s xlaGreedy) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.name)
	if err != nil {
		return nil, err
	}
	t, err := newGreedyTable(a)
	if err != nil {
		return nil, err
	}
	for _, k := range s.settings {
		if a.done() {
			break
		}
		if _, err := t.play(func() []int { return xlaOrder(t.g, t.guide, k.key) }, k); errors.Is(err, errStopped) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return a.result(s.name)
}

// greedyTable is a game on which greedy orders are played again and again.
type greedyTable struct {
	a     *attempt
	g     *malloc.Game
	guide *guide
	start malloc.Mark
}

// newGreedyTable sets the game up and offers the plan of demand copies.
func newGreedyTable(a *attempt) (*greedyTable, error) {
	p := a.p.Program
	name := a.component
	if len(fastTiers(p)) == 0 && !anyFast(p) {
		return nil, fmt.Errorf("planner: %s: no buffer can be in another tier than its home: %w", name, ErrNotApplicable)
	}
	g, err := malloc.NewGame(p, nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		return nil, err
	}
	a.component = "demand"
	base := g.Plan()
	if _, err := a.offer(base); err != nil {
		return nil, err
	}
	a.component = name
	return &greedyTable{a: a, g: g, guide: newGuide(p, base), start: g.Mark()}, nil
}

// play plays one greedy game with the order that order gives at its start, and
// offers the plan. errStopped: nobody waits for it any more.
func (t *greedyTable) play(order func() []int, k xlaKnobs) (malloc.Score, error) {
	t.g.Rewind(t.start)
	if err := assign(t.a, t.g, t.guide, order, k); err != nil {
		return malloc.Score{}, err
	}
	return t.a.offer(t.g.Plan())
}

// anyFast says whether some limited tier is joined to a home by an engine.
func anyFast(p *malloc.Program) bool {
	for b := range p.Buffers {
		for t := range p.Tiers {
			if t != p.Buffers[b].Home && p.Tiers[t].Capacity != malloc.Unlimited && joined(p, p.Buffers[b].Home, t) {
				return true
			}
		}
	}
	return false
}

// assign plays one greedy game.
func assign(a *attempt, g *malloc.Game, guide *guide, orderOf func() []int, k xlaKnobs) error {
	p := g.Program()
	keep := make([]int64, len(p.Tiers)) // bytes that may be held without a copy
	largest := int64(0)
	for b := range p.Buffers {
		if guide.first[b] >= 0 && guide.tier[b] >= 0 {
			largest = max(largest, blockBytes(p, b, guide.tier[b]))
		}
	}
	for t := range keep {
		keep[t] = p.Tiers[t].Capacity - int64(k.reserve*float64(largest))
	}
	held := make([]int64, len(p.Tiers))
	if g.InBody() {
		for t := range held {
			if p.Tiers[t].Capacity != malloc.Unlimited {
				l := p.PeriodicLoop()
				free := p.Tiers[t].Capacity
				for i := l.Begin; i < l.End; i++ {
					free = min(free, g.FreeBytes(t, i))
				}
				held[t] = p.Tiers[t].Capacity - free
			}
		}
	}
	wasBody := g.InBody()
	order := orderOf()
	pass := func() error {
		for _, b := range order {
			if a.late() {
				return errStopped
			}
			if g.Choose(b) != nil { // forced already
				continue
			}
			tier := guide.tier[b]
			touches := g.Touches(b)
			stays := 0
			for !g.Done() {
				d := g.Next()
				if d.RunOn || d.Buf != b || g.InBody() != wasBody {
					break
				}
				move := malloc.Action{Kind: malloc.Drop}
				if tier >= 0 {
					move = cascade(g, guide, d, touches, k, tier, held[tier], keep[tier])
				}
				if move.Kind == malloc.Drop {
					move = guide.dropOrFirst(g)
				}
				if _, err := g.Step(move); err != nil {
					return err
				}
				if move.Kind == malloc.NoCopy {
					stays++
				}
			}
			if wasBody && stays > 0 && stays == bodyTouches(touches) {
				held[tier] += blockBytes(p, b, tier)
			}
		}
		return nil
	}
	for g.Next().RunOn && !g.Done() {
		if _, err := g.Step(guide.greedy(g, g.Next())); err != nil {
			return err
		}
	}
	if err := pass(); err != nil {
		return err
	}
	if wasBody {
		return a.straight(g)
	}
	return g.Finish(nil, true)
}

func bodyTouches(list []malloc.TouchInfo) int {
	n := 0
	for _, t := range list {
		if t.Body {
			n++
		}
	}
	return n
}

// cascade is XLA's: no copy, prefetch, slow.
func cascade(g *malloc.Game, guide *guide, d malloc.Decision, touches []malloc.TouchInfo, k xlaKnobs, tier int, held, keep int64) malloc.Action {
	p := g.Program()
	z := blockBytes(p, d.Buf, tier)
	stay := malloc.Action{Kind: malloc.NoCopy, Tier: tier}
	copyS := math.Inf(1)
	if e := directEngine(p, p.Buffers[d.Buf].Home, tier); e >= 0 {
		copyS = float64(z) / p.Engines[e].BW
	}
	if held+z <= keep && idleS(guide, p, d, touches) <= k.gap*copyS && g.Legal(stay) {
		return stay
	}
	for lead := k.lead; lead >= 1; lead-- {
		if a := (malloc.Action{Kind: malloc.CopyIn, Tier: tier, Lead: lead, Back: -1}); g.Legal(a) {
			return a
		}
	}
	return malloc.Action{Kind: malloc.Drop}
}

// idleS is the all-fast time from the previous touch, around the loop for the
// body's first, to this one.
func idleS(guide *guide, p *malloc.Program, d malloc.Decision, touches []malloc.TouchInfo) float64 {
	if d.Def {
		return 0
	}
	prev := -1
	for i := 0; i < d.Touch; i++ {
		if touches[i].Body == d.Body {
			prev = touches[i].Instr
		}
	}
	if prev >= 0 {
		return guide.gap[d.Instr] - guide.gap[prev+1]
	}
	l := p.PeriodicLoop()
	if l == nil || !d.Body {
		return math.Inf(1)
	}
	last := d.Instr
	for _, t := range touches {
		if t.Body {
			last = t.Instr
		}
	}
	return guide.gap[l.End] - guide.gap[last+1] + guide.gap[d.Instr] - guide.gap[l.Begin]
}

// xlaOrder sorts the buffers of the present part by a key, largest first; ties
// go to larger, then earlier ones.
func xlaOrder(g *malloc.Game, guide *guide, key int) []int {
	p := g.Program()
	list := slices.Clone(g.Undecided())
	value := make([]float64, len(p.Buffers))
	for _, b := range list {
		if guide.tier[b] < 0 || p.Buffers[b].Select != nil { // a row comes after its table
			value[b] = -1
			continue
		}
		z := float64(blockBytes(p, b, guide.tier[b]))
		benefit := guide.worth[b] * z
		t := g.Touches(b)
		d := float64(t[len(t)-1].Instr - t[0].Instr + 1)
		value[b] = [...]float64{benefit / math.Sqrt(z), benefit / z, benefit, benefit / (z * d)}[key]
	}
	slices.SortStableFunc(list, func(x, y int) int {
		switch {
		case value[x] != value[y]:
			if value[x] > value[y] {
				return -1
			}
			return 1
		case p.Buffers[x].Size != p.Buffers[y].Size:
			if p.Buffers[x].Size > p.Buffers[y].Size {
				return -1
			}
			return 1
		}
		return guide.first[x] - guide.first[y]
	})
	return list
}
