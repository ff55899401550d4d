package pack

import (
	"cmp"
	"slices"
)

// Order names a sorting of items before they are placed.
type Order uint8

const (
	Given      Order = iota // as listed
	BySize                  // larger first
	ByArea                  // size × time live, larger first
	ByDuration              // longer first, then larger
	ByStart                 // earlier first, then larger
	ByEnd                   // later end first, then larger
	BySizeLong              // size × √duration, a compromise between BySize and ByArea
	Moved                   // one of the above, then what ends at the peak moved forward
	orderCount = int(Moved)
)

var orderNames = [...]string{"given", "size", "area", "duration", "start", "end", "size-long", "moved"}

func (o Order) String() string { return orderNames[o] }

// Sorted returns the items' indexes in the order's sequence; ties keep the
// listed sequence.
func Sorted(p *Problem, o Order) []int {
	n := len(p.Items)
	order := make([]int, n)
	live := make([]int, n)
	start, end := make([]int, n), make([]int, n)
	for i := range order {
		order[i] = i
		for j, s := range p.merged(&p.Items[i]) {
			live[i] += s.End - s.Start
			if j == 0 || s.Start < start[i] {
				start[i] = s.Start
			}
			end[i] = max(end[i], s.End)
		}
	}
	size := func(i int) int64 { return p.Items[i].Size }
	var key func(a, b int) int
	switch o {
	case BySize:
		key = func(a, b int) int { return cmp.Or(cmp.Compare(size(b), size(a)), live[b]-live[a]) }
	case ByArea:
		key = func(a, b int) int {
			return cmp.Or(cmp.Compare(float64(size(b))*float64(live[b]), float64(size(a))*float64(live[a])), cmp.Compare(size(b), size(a)))
		}
	case ByDuration:
		key = func(a, b int) int { return cmp.Or(live[b]-live[a], cmp.Compare(size(b), size(a))) }
	case ByStart:
		key = func(a, b int) int { return cmp.Or(start[a]-start[b], cmp.Compare(size(b), size(a))) }
	case ByEnd:
		key = func(a, b int) int { return cmp.Or(end[b]-end[a], cmp.Compare(size(b), size(a))) }
	case BySizeLong:
		key = func(a, b int) int {
			x, y := float64(size(a)), float64(size(b))
			return cmp.Or(cmp.Compare(y*y*float64(live[b]), x*x*float64(live[a])), cmp.Compare(size(b), size(a)))
		}
	default:
		return order
	}
	slices.SortStableFunc(order, key)
	return order
}

// Portfolio packs in every order and with both fits, then for at most rounds
// times moves the items that end at the best peak to the front and packs again.
// It stops when the peak is the load. The error is a *FitError when p has a
// capacity and no packing kept within it; the Result is the best one even then.
func Portfolio(p *Problem, rounds int) (*Result, error) {
	orders := make([]Order, orderCount)
	for o := range orders {
		orders[o] = Order(o)
	}
	return greedy(p, orders, rounds)
}

func greedy(p *Problem, orders []Order, rounds int) (*Result, error) {
	k, err := newPacker(p)
	if err != nil {
		return nil, err
	}
	res := &Result{Load: Load(p), Peak: -1}
	var best []int
	try := func(order []int, o Order, fit Fit) (bool, error) {
		peak, err := k.run(order, fit)
		if err != nil {
			return false, err
		}
		res.Tries++
		if res.Peak >= 0 && peak >= res.Peak {
			return false, nil
		}
		res.Peak, res.Order, res.Fit = peak, o, fit
		res.Offsets = append(res.Offsets[:0], k.offsets...)
		best = append(best[:0], order...)
		return true, nil
	}
	for _, o := range orders {
		order := Sorted(p, o)
		for fit := BestFit; fit <= FirstFit && res.Peak != res.Load; fit++ {
			if _, err := try(order, o, fit); err != nil {
				return nil, err
			}
		}
	}
	cur := slices.Clone(best)
	last := slices.Clone(res.Offsets)
	lastPeak := res.Peak
	for r := 0; r < rounds && res.Peak > res.Load; r++ {
		var front, rest []int
		for n, i := range cur {
			if last[i]+p.Items[i].Size == lastPeak && n > 0 {
				front = append(front, i)
			} else {
				rest = append(rest, i)
			}
		}
		if len(front) == 0 {
			break
		}
		cur = append(front, rest...)
		if _, err := try(cur, Moved, res.Fit); err != nil {
			return nil, err
		}
		copy(last, k.offsets)
		lastPeak = 0
		for i, off := range last {
			lastPeak = max(lastPeak, off+p.Items[i].Size)
		}
	}
	if p.Capacity > 0 && res.Peak > p.Capacity {
		for i, off := range res.Offsets {
			if off+p.Items[i].Size > p.Capacity {
				return res, &FitError{Item: i, PeakBytes: res.Peak, Load: res.Load, CapacityBytes: p.Capacity}
			}
		}
	}
	return res, nil
}
