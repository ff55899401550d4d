package pack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// sweep packs items of one span in the order of their starts, keeping what is
// live in a list by offset. It looks at live items only, so a hundred thousand
// take a fraction of a second; the orders of the portfolio come lower. It returns
// nil for a problem with circles, pins or items of several spans.
func sweep(p *Problem, fit Fit) *Result {
	if p.Period > 0 {
		return nil
	}
	order := make([]int, 0, len(p.Items))
	for i := range p.Items {
		it := &p.Items[i]
		if it.Pin >= 0 || len(it.Spans) > 1 {
			return nil
		}
		if len(it.Spans) == 1 && it.Size > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &p.Items[a], &p.Items[b]
		return cmp.Or(cmp.Compare(x.Spans[0].Start, y.Spans[0].Start), cmp.Compare(y.Size, x.Size), a-b)
	})
	type resident struct {
		extent
		end int
	}
	r := &Result{Offsets: make([]int64, len(p.Items)), Load: Load(p), Order: ByStart, Fit: fit, Tries: 1}
	var live []resident
	now := -1
	for _, i := range order {
		it := &p.Items[i]
		if s := it.Spans[0].Start; s > now {
			now = s
			live = slices.DeleteFunc(live, func(x resident) bool { return x.end <= now })
		}
		a := max(it.Align, 1)
		top, best, bestLen, at := int64(0), int64(-1), int64(0), len(live)
		for k, x := range live {
			lo := (top + a - 1) / a * a
			if room := x.lo - lo; room >= it.Size && (best < 0 || room < bestLen) {
				best, bestLen, at = lo, room, k
				if fit == FirstFit {
					break
				}
			}
			top = max(top, x.hi)
		}
		if best < 0 {
			best = (top + a - 1) / a * a
		}
		r.Offsets[i] = best
		r.Peak = max(r.Peak, best+it.Size)
		live = slices.Insert(live, at, resident{extent{best, best + it.Size}, it.Spans[0].End})
	}
	return r
}

// largeOrders are tried on problems beyond the exact search, the most promising
// first.
var largeOrders = [...]struct {
	order Order
	fit   Fit
}{{BySize, FirstFit}, {ByArea, BestFit}, {BySizeLong, FirstFit}, {BySize, BestFit}, {ByDuration, FirstFit}, {ByArea, FirstFit}, {BySizeLong, BestFit}}

// large packs a problem beyond the exact search in one order after another until
// the peak is at most goal or the context ends.
func large(ctx context.Context, p *Problem, goal int64, o Options, a *Answer) error {
	if a.Peak <= goal || ctx.Err() != nil {
		return nil
	}
	tell := func() {
		if o.Progress != nil {
			o.Progress(a.Peak, a.Bound)
		}
	}
	if r := sweep(p, BestFit); r != nil && r.Peak < a.Peak {
		a.take(r)
		tell()
	}
	k, err := newPacker(p)
	if err != nil {
		return err
	}
	for _, x := range largeOrders {
		peak, err := k.runUntil(ctx, Sorted(p, x.order), x.fit)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if peak < a.Peak {
			a.Offsets, a.Peak, a.By = slices.Clone(k.offsets), peak, fmt.Sprintf("greedy by %s, %s", x.order, x.fit)
			tell()
		}
		if a.Peak <= goal {
			return nil
		}
	}
	return nil
}
