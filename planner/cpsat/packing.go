package cpsat

import (
	"context"
	"fmt"
	"math"
	"slices"

	"strata/malloc/pack"
)

// MaxPackItems is the largest packing that Pack takes. Beyond some tens of items
// CP-SAT proves little in minutes that malloc/pack does not find at once.
const MaxPackItems = 64

// Packing is Pack's answer.
type Packing struct {
	// Status: Optimal and Infeasible are CP-SAT's proof that Peak is least, or
	// that no packing keeps within the capacity; Feasible and Unknown say that the
	// time was over first.
	Status  Status
	Offsets []int64 // pack.Check accepts them; nil where there are none
	Peak    int64
	Bound   int64 // no packing peaks below; at least the load
}

// Pack looks for the packing of least peak within p's capacity: rectangles
// of lifetime × bytes, all of an item's at one height, none overlapping.
// It begins with malloc/pack's portfolio, so that its answer is never worse. When
// ctx ends the best so far is returned. Errors: an invalid problem, more than
// MaxPackItems items, the solver's.
func (w *Worker) Pack(ctx context.Context, p *pack.Problem, o Options) (*Packing, error) {
	if len(p.Items) > MaxPackItems {
		return nil, fmt.Errorf("cpsat: %d items to pack, the exact model takes %d", len(p.Items), MaxPackItems)
	}
	free := *p
	free.Capacity = 0 // what is beyond it is still a hint
	greedy, err := pack.Portfolio(&free, 16)
	if err != nil {
		return nil, err
	}
	limit := int64(math.MaxInt64)
	if p.Capacity > 0 {
		limit = p.Capacity
	}
	best := &Packing{Status: Unknown, Bound: greedy.Load}
	if greedy.Peak <= limit && pack.Check(p, greedy.Offsets) == nil {
		best.Status, best.Offsets, best.Peak = Feasible, greedy.Offsets, greedy.Peak
		if best.Peak == best.Bound { // our own bound, no solver needed
			best.Status = Optimal
			return best, nil
		}
	}
	if greedy.Load > limit {
		best.Status = Infeasible
		return best, nil
	}
	m := newPackModel(p, greedy, min(limit, greedy.Peak))
	if m == nil {
		best.Status = Infeasible // a pin beyond the capacity
		return best, nil
	}
	s, err := w.Minimize(ctx, &m.Model, o)
	if err != nil {
		return best, err
	}
	best.Bound = max(best.Bound, m.bytes(s.Bound))
	switch s.Status {
	case Infeasible:
		if best.Offsets != nil {
			return best, fmt.Errorf("cpsat: the solver calls a packing problem infeasible whose solution with peak %d is checked", best.Peak)
		}
		best.Status = Infeasible
	case Optimal, Feasible:
		offsets := m.offsets(s.Values)
		if err := pack.Check(p, offsets); err != nil {
			return best, fmt.Errorf("cpsat: the solver's packing is none: %w", err)
		}
		peak := int64(0)
		for i := range offsets {
			peak = max(peak, offsets[i]+p.Items[i].Size)
		}
		best.Status, best.Offsets, best.Peak = s.Status, offsets, peak
		if best.Status == Optimal {
			best.Bound = peak
		}
	}
	return best, nil
}

// packModel is a packing as rectangles, in units of the greatest common divisor
// of sizes, alignments, pins and windows: rounding every offset of a packing down to the
// unit keeps it a packing.
type packModel struct {
	Model
	p      *pack.Problem
	unit   int64
	step   []int64 // per item: its offset is step × place, in units
	place  []Var
	isFree []bool // false: pinned
	peak   Var
}

func newPackModel(p *pack.Problem, greedy *pack.Result, limit int64) *packModel {
	n := len(p.Items)
	m := &packModel{p: p, step: make([]int64, n), place: make([]Var, n), isFree: make([]bool, n)}
	for i := range p.Items {
		it := &p.Items[i]
		m.unit = gcd(m.unit, it.Size)
		if it.Align > 1 {
			m.unit = gcd(m.unit, it.Align)
		}
		if it.Pin > 0 {
			m.unit = gcd(m.unit, it.Pin)
		}
		for _, w := range it.Windows {
			m.unit = gcd(gcd(m.unit, w.Lo), w.Hi)
		}
	}
	m.unit = max(m.unit, 1)
	top := limit / m.unit
	m.peak = m.Int((greedy.Load+m.unit-1)/m.unit, top)
	m.Hint(m.peak, min(top, greedy.Peak/m.unit))
	m.Minimize(Expr{Terms: []Term{{m.peak, 1}}})
	var x, y []int
	for i := range p.Items {
		it := &p.Items[i]
		size := it.Size / m.unit
		start := Fixed(max(it.Pin, 0) / m.unit)
		m.step[i] = max(it.Align/m.unit, 1)
		if it.Pin < 0 {
			if size > top {
				return nil
			}
			most := (top - size) / m.step[i]
			if size == 0 {
				most = 0 // it takes no bytes: anywhere is good
			}
			m.isFree[i] = true
			m.place[i] = m.Int(0, most)
			m.Hint(m.place[i], min(most, greedy.Offsets[i]/m.unit/m.step[i]))
			start = Expr{Terms: []Term{{m.place[i], m.step[i]}}}
		} else if it.Pin+it.Size > limit {
			return nil
		}
		if it.Size == 0 {
			continue
		}
		end := Expr{Terms: start.Terms, Const: start.Const + size}
		m.Linear(NoLower, 0, Expr{Terms: append([]Term{{m.peak, -1}}, end.Terms...), Const: end.Const})
		rows := make(map[[2]int64]int) // by the bytes occupied
		for _, s := range pieces(p, it) {
			part := [2]int64{s.lo / m.unit, s.hi / m.unit}
			if _, ok := rows[part]; !ok {
				rows[part] = m.Interval(Expr{Terms: start.Terms, Const: start.Const + part[0]}, Fixed(part[1]-part[0]), Expr{Terms: start.Terms, Const: start.Const + part[1]})
			}
			x = append(x, m.Interval(Fixed(int64(s.start)), Fixed(int64(s.end-s.start)), Fixed(int64(s.end))))
			y = append(y, rows[part])
		}
	}
	m.NoOverlap2D(x, y)
	return m
}

func (m *packModel) offsets(values []int64) []int64 {
	out := make([]int64, len(m.place))
	for i := range out {
		if m.isFree[i] {
			out[i] = values[m.place[i]] * m.step[i] * m.unit
		} else {
			out[i] = m.p.Items[i].Pin
		}
	}
	return out
}

// bytes is a bound in bytes; an unknown one is no bound.
func (m *packModel) bytes(units int64) int64 {
	if units <= 0 {
		return 0
	}
	return units * m.unit
}

// piece is a rectangle of an item: over [start, end) it occupies the bytes
// [lo, hi) of its size.
type piece struct {
	start, end int
	lo, hi     int64
}

// pieces cuts an item's life into rectangles that do not overlap in time: at its
// windows, and where it wraps round the circle.
func pieces(p *pack.Problem, it *pack.Item) []piece {
	var out []piece
	for _, s := range line(p, it.Spans) {
		out = append(out, piece{s.Start, s.End, 0, it.Size})
	}
	for _, w := range it.Windows {
		for _, s := range line(p, []pack.Span{w.Span}) {
			var cut []piece
			for _, x := range out {
				from, to := max(x.start, s.Start), min(x.end, s.End)
				if from >= to {
					cut = append(cut, x)
					continue
				}
				cut = append(cut, piece{x.start, from, x.lo, x.hi}, piece{from, to, w.Lo, w.Hi}, piece{to, x.end, x.lo, x.hi})
			}
			out = cut
		}
	}
	return slices.DeleteFunc(out, func(x piece) bool { return x.start >= x.end || x.lo >= x.hi })
}

// line merges spans and unrolls those that wrap.
func line(p *pack.Problem, list []pack.Span) []pack.Span {
	var spans []pack.Span
	for _, s := range list {
		if p.Period > 0 && s.End > p.Period {
			spans = append(spans, pack.Span{Start: 0, End: s.End - p.Period})
			s.End = p.Period
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b pack.Span) int { return a.Start - b.Start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
