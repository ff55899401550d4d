package pack

import (
	"fmt"
	"slices"
)

// Span is a half-open time interval [Start, End). On a circle of length L it
// has Start < L and End ≤ Start+L, and goes on at 0 beyond L.
type Span struct{ Start, End int }

// Item is what gets one offset: one block, or several that must lie at the same
// place (a block and its continuation, the members of an alias class). Its spans
// may overlap each other.
type Item struct {
	Spans   []Span
	Size    int64    // bytes, at least 0
	Align   int64    // offset is a multiple of it; 0 means 1
	Pin     int64    // offset it must have, -1: free
	Windows []Window // when it occupies less than its size, disjoint
}

// Window says that over Span an item occupies only the bytes [Lo, Hi) of its
// size, none if they are equal: it shrinks or grows without moving.
type Window struct {
	Span
	Lo, Hi int64
}

// Alias joins items that must lie at the same offset into one: it lives whenever
// one of them does, and occupies what the largest of those alive needs. Members
// need not be equally large. All free members keep their alignment; pins of two
// members must agree.
func Alias(items ...Item) (Item, error) {
	out := Item{Pin: -1, Align: 1}
	for i, it := range items {
		if it.Pin >= 0 && out.Pin >= 0 && it.Pin != out.Pin {
			return Item{}, fmt.Errorf("pack: alias: member %d is pinned to %d, another one to %d", i, it.Pin, out.Pin)
		}
		a := max(it.Align, 1)
		out.Pin, out.Size, out.Align = max(out.Pin, it.Pin), max(out.Size, it.Size), out.Align/gcd(out.Align, a)*a
		out.Spans = append(out.Spans, it.Spans...)
	}
	// where only smaller members live, the joined item is that small
	var times []int
	for _, s := range out.Spans {
		times = append(times, s.Start, s.End)
	}
	for i := range items {
		for _, w := range items[i].Windows {
			times = append(times, w.Start, w.End)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	for k := 1; k < len(times); k++ {
		lo, hi, live := out.Size, int64(0), false
		for i := range items {
			for _, s := range items[i].Spans {
				if s.Start <= times[k-1] && s.End >= times[k] {
					a, b := int64(0), items[i].Size
					for _, w := range items[i].Windows {
						if w.Start <= times[k-1] && w.End >= times[k] {
							a, b = w.Lo, w.Hi
						}
					}
					if live = true; a < b {
						lo, hi = min(lo, a), max(hi, b)
					}
				}
			}
		}
		if live && (lo > 0 || hi < out.Size) {
			out.Windows = append(out.Windows, Window{Span{times[k-1], times[k]}, min(lo, hi), hi})
		}
	}
	return out, nil
}

// Problem is a packing instance.
type Problem struct {
	Items    []Item
	Period   int   // length of the circle, 0: a line
	Capacity int64 // the peak must not exceed it; 0 or less: no limit
}

// Fit says which of the free ranges that are large enough an item takes.
type Fit uint8

const (
	BestFit  Fit = iota // the smallest, ties to the lowest, the open end last
	FirstFit            // the lowest
)

func (f Fit) String() string { return [...]string{"best fit", "first fit"}[f] }

// Result is a packing: Offsets[i] is item i's, Peak the highest end.
type Result struct {
	Offsets []int64
	Peak    int64
	Load    int64 // the most bytes live at one time, a lower bound of any peak
	Order   Order // the order that found it
	Fit     Fit
	Tries   int // packings made to find it
}

// FitError reports that a packing does not keep within the capacity.
type FitError struct {
	Item            int
	PeakBytes, Load int64
	CapacityBytes   int64
}

func (e *FitError) Error() string {
	if e.Load > e.CapacityBytes {
		return fmt.Sprintf("pack: %d bytes are live at one time, the capacity is %d: no packing fits", e.Load, e.CapacityBytes)
	}
	return fmt.Sprintf("pack: the best packing found ends at %d bytes, the capacity is %d (item %d is the first beyond it; the load is %d)", e.PeakBytes, e.CapacityBytes, e.Item, e.Load)
}

// Validate reports what makes p no packing problem.
func (p *Problem) Validate() error {
	for i := range p.Items {
		it := &p.Items[i]
		if it.Size < 0 || it.Align < 0 {
			return fmt.Errorf("pack: item %d has size %d and alignment %d, neither may be negative", i, it.Size, it.Align)
		}
		if it.Pin >= 0 && it.Align > 1 && it.Pin%it.Align != 0 {
			return fmt.Errorf("pack: item %d is pinned to %d, no multiple of its alignment %d", i, it.Pin, it.Align)
		}
		for _, s := range it.Spans {
			if s.Start < 0 || s.End <= s.Start {
				return fmt.Errorf("pack: item %d lives over [%d,%d), which is empty or negative", i, s.Start, s.End)
			}
			if p.Period > 0 && (s.Start >= p.Period || s.End > s.Start+p.Period) {
				return fmt.Errorf("pack: item %d lives over [%d,%d), longer than the circle of %d", i, s.Start, s.End, p.Period)
			}
		}
		if err := p.validateWindows(i); err != nil {
			return err
		}
	}
	return nil
}

// Pack places the items in the order given (every index once), pinned ones
// first. Errors: an invalid problem, two pinned items that overlap, an order
// that is no permutation.
func Pack(p *Problem, order []int, fit Fit) (*Result, error) {
	pk, err := newPacker(p)
	if err != nil {
		return nil, err
	}
	if len(order) != len(p.Items) {
		return nil, fmt.Errorf("pack: the order names %d of %d items", len(order), len(p.Items))
	}
	seen := make([]bool, len(p.Items))
	for _, i := range order {
		if i < 0 || i >= len(seen) || seen[i] {
			return nil, fmt.Errorf("pack: the order names item %d twice or not at all", i)
		}
		seen[i] = true
	}
	peak, err := pk.run(order, fit)
	if err != nil {
		return nil, err
	}
	return &Result{Offsets: slices.Clone(pk.offsets), Peak: peak, Load: Load(p), Fit: fit, Order: Given, Tries: 1}, nil
}

// Check reports the first fault of offsets as an answer to p: an overlap, a
// broken pin, a misaligned offset, an end beyond the capacity. It is written
// without the packer's structures: a sweep over the events of time.
func Check(p *Problem, offsets []int64) error {
	if len(offsets) != len(p.Items) {
		return fmt.Errorf("pack: %d offsets for %d items", len(offsets), len(p.Items))
	}
	for i := range p.Items {
		it := &p.Items[i]
		switch {
		case offsets[i] < 0:
			return fmt.Errorf("pack: item %d has no offset", i)
		case it.Align > 1 && offsets[i]%it.Align != 0:
			return fmt.Errorf("pack: item %d at %d, no multiple of %d", i, offsets[i], it.Align)
		case it.Pin >= 0 && offsets[i] != it.Pin:
			return fmt.Errorf("pack: item %d at %d is pinned to %d", i, offsets[i], it.Pin)
		case p.Capacity > 0 && offsets[i]+it.Size > p.Capacity:
			return &FitError{Item: i, PeakBytes: offsets[i] + it.Size, Load: Load(p), CapacityBytes: p.Capacity}
		}
	}
	type part struct {
		piece
		item int
	}
	var parts []part
	for i, ps := range p.pieces() {
		for _, x := range ps {
			parts = append(parts, part{x, i})
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return a.start - b.start })
	var live []part
	for _, x := range parts {
		keep := live[:0]
		for _, y := range live {
			if y.end > x.start {
				keep = append(keep, y)
			}
		}
		live = keep
		for _, y := range live {
			a, b := x.item, y.item
			if a != b && offsets[a]+x.lo < offsets[b]+y.hi && offsets[b]+y.lo < offsets[a]+x.hi {
				return fmt.Errorf("pack: items %d at [%d,%d) and %d at [%d,%d) are both live at %d", a, offsets[a]+x.lo, offsets[a]+x.hi, b, offsets[b]+y.lo, offsets[b]+y.hi, x.start)
			}
		}
		live = append(live, x)
	}
	return nil
}

// unroll returns the item's spans as intervals of the line [0, Period).
func (p *Problem) unroll(it *Item) []Span {
	if p.Period == 0 {
		return it.Spans
	}
	var out []Span
	for _, s := range it.Spans {
		if s.End <= p.Period {
			out = append(out, s)
			continue
		}
		out = append(out, Span{s.Start, p.Period}, Span{0, s.End - p.Period})
	}
	return out
}

// Load returns the most bytes live at one time, an item counted once at a time
// however many of its spans overlap.
func Load(p *Problem) int64 {
	type event struct {
		t    int
		size int64
	}
	var ev []event
	for _, ps := range p.pieces() {
		for _, x := range ps {
			ev = append(ev, event{x.start, x.hi - x.lo}, event{x.end, x.lo - x.hi})
		}
	}
	slices.SortFunc(ev, func(a, b event) int {
		if a.t != b.t {
			return a.t - b.t
		}
		return cmpInt64(a.size, b.size) // ends first
	})
	var live, most int64
	for _, e := range ev {
		live += e.size
		most = max(most, live)
	}
	return most
}

func cmpInt64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// merged returns the item's times as disjoint intervals of the line.
func (p *Problem) merged(it *Item) []Span {
	s := p.unroll(it)
	if len(s) < 2 {
		return s
	}
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b Span) int { return a.Start - b.Start })
	out := s[:1]
	for _, x := range s[1:] {
		if l := &out[len(out)-1]; x.Start <= l.End {
			l.End = max(l.End, x.End)
		} else {
			out = append(out, x)
		}
	}
	return out
}
