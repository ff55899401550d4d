package pack

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// Minimize looks for a packing of least peak, whatever p.Capacity says. The
// status is Solved when there is a packing at all; the peak is the least one if
// it equals the bound.
//
// The greedy portfolio gives a first packing. Then the exact search makes runs under
// smaller capacities, on the component that ends highest: at the bound, which is
// the optimum more often than not; then half way down, a quarter, …; then with a
// capacity for each run, all over the gap and more often near the peak, as the
// time to an answer varies more from run to run than from one capacity to the next.
// A run that is cut proves nothing; one that ends raises the bound.
//
// It goes on until peak and bound meet, the context ends or MaxNodes are spent. The
// answer depends on the clock only through ctx.
func Minimize(ctx context.Context, p *Problem, o Options) (*Answer, error) {
	began := time.Now()
	free := *p
	free.Capacity = 0
	p = &free
	a, err := firstAnswer(p)
	if err != nil || a.Status == Infeasible {
		return a, err
	}
	a.Status = Solved
	a.Bound = max(a.Bound, leastEnd(p))
	defer func() { a.Elapsed = time.Since(began) }()
	tell := func() {
		if o.Progress != nil {
			o.Progress(a.Peak, a.Bound)
		}
	}
	tell()
	if a.Peak == a.Bound {
		return a, nil
	}
	if len(p.Items) > exactItems {
		return a, large(ctx, p, a.Bound, o, a)
	}
	if r, _ := Portfolio(p, 16); r != nil && r.Peak < a.Peak {
		a.take(r)
		tell()
	}
	parts := shares(p, o, a)
	for ctx.Err() == nil && (o.MaxNodes == 0 || a.Nodes < o.MaxNodes) {
		top := parts[0]
		bound := a.Bound
		for _, x := range parts {
			if x.peak > top.peak {
				top = x
			}
			bound = max(bound, x.bound)
		}
		if bound > a.Bound || top.peak < a.Peak {
			a.Bound, a.Peak = bound, top.peak
			tell()
		}
		if top.peak <= a.Bound || top.s == nil {
			break
		}
		left := int64(math.MaxInt64)
		if o.MaxNodes > 0 {
			left = o.MaxNodes - a.Nodes
		}
		top.bound = a.Bound // below it nothing is gained
		top.descend(ctx, p, a, left)
	}
	a.Peak = peakOf(p, a.Offsets)
	if err := Check(p, a.Offsets); err != nil {
		return nil, fmt.Errorf("pack: the search's answer is none: %w", err)
	}
	return a, nil
}

// share is a component on its way down.
type share struct {
	items       []int
	s           *search
	peak, bound int64
	low         int64 // no less than bound: runs below found nothing and ended
	drop        int64 // next step down
	cap         int32 // of the present attempt, in units; 0: each run has its own
	left        int   // batches left to it
	runs        int   // made in it
	begun       bool
}

// shares sets out the components, those too large without a search.
func shares(p *Problem, o Options, a *Answer) []*share {
	pieces := p.pieces()
	groups := [][]int{all(len(p.Items))}
	if o.Off&RuleComponents == 0 {
		groups = components(pieces)
	}
	var out []*share
	for _, g := range groups {
		x := &share{items: g}
		part, at := subproblem(p, pieces, g)
		x.bound = max(Load(part), leastEnd(part))
		for _, i := range g {
			x.peak = max(x.peak, a.Offsets[i]+p.Items[i].Size)
		}
		out = append(out, x)
		if x.peak == x.bound {
			continue
		}
		if in := compile(part, at, x.peak, o.Off); in != nil {
			x.s = &search{in: in, o: o}
		}
	}
	return out
}

// descend makes a batch of runs below the peak and takes a lower packing.
func (x *share) descend(ctx context.Context, p *Problem, a *Answer, maxNodes int64) {
	in := x.s.in
	low := int32((max(x.bound, x.low) + in.unit - 1) / in.unit)
	high := int32((x.peak - 1) / in.unit)
	if low > high { // only windows that interlock leave a gap here
		x.s = nil
		return
	}
	race := x.cap > 0 || !x.begun
	if race && (x.left == 0 || x.cap < low || x.cap > high) {
		x.attempt(low)
		race = x.cap > 0
	}
	var caps [batch]int32
	for k := range caps {
		if caps[k] = x.cap; !race { // fills the gap evenly in the root of the distance from the peak
			_, u := math.Modf(float64(x.runs+k) * math.Phi)
			caps[k] = max(low, high-int32(float64(high-low)*u*u))
		}
	}
	lower := false
	for k, r := range x.s.batch(ctx, x.runs, caps, maxNodes, race) {
		a.Nodes, a.Failures, a.Runs = a.Nodes+r.nodes, a.Failures+r.failures, a.Runs+r.runs
		switch r.outcome {
		case found:
			x.take(p, a, r.place)
			lower = true
		case proved:
			if x.low = max(x.low, int64(caps[k]+1)*in.unit); in.exact && in.complete {
				x.bound = max(x.bound, x.low)
			}
		default:
			continue
		}
		if race {
			break // what later runs did depends on the threads
		}
	}
	x.runs += batch
	if x.left--; lower {
		x.left = 0
	} else if x.left == 0 {
		x.drop /= 2
	}
}

// attempt chooses the next capacity: the least, half way down, a quarter, and none
// for all runs in the end.
func (x *share) attempt(low int32) {
	unit := x.s.in.unit
	x.runs, x.left, x.cap = 0, 2, 0
	switch {
	case !x.begun:
		x.cap, x.drop = low, x.peak-x.bound
	case x.drop >= unit:
		x.cap = max(low, int32((x.peak-x.drop)/unit))
	default:
		x.s.fresh, x.runs = true, batch
	}
	x.begun = true
	x.s.start()
}

// take keeps a run's packing if it is lower.
func (x *share) take(p *Problem, a *Answer, place []int32) {
	offsets := make([]int64, len(place))
	peak := int64(0)
	for k, i := range x.items {
		if offsets[k] = p.Items[i].Pin; offsets[k] < 0 {
			offsets[k] = int64(place[k]) * x.s.in.unit
		}
		peak = max(peak, offsets[k]+p.Items[i].Size)
	}
	if peak >= x.peak {
		return
	}
	x.peak, a.By = peak, "exact search"
	a.Offsets = slices.Clone(a.Offsets)
	for k, i := range x.items {
		a.Offsets[i] = offsets[k]
	}
}
