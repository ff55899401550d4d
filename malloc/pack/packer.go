package pack

import (
	"context"
	"fmt"
	"slices"
)

// PinError reports a pinned item that overlaps another one.
type PinError struct {
	Item     int
	From, To int64 // its bytes
}

func (e *PinError) Error() string {
	return fmt.Sprintf("pack: pinned item %d at [%d,%d) overlaps another pinned item", e.Item, e.From, e.To)
}

// packer places the items of one problem, again and again in different orders.
type packer struct {
	p       *Problem
	spans   [][]Span  // per item, in compressed times
	windows [][]piece // of items with windows, in compressed times
	plain   []piece
	times   []int
	tree    tree
	offsets []int64
	hits    []int32
	ranges  []extent
	pinned  []int
}

// extent is a range of occupied bytes.
type extent struct{ lo, hi int64 }

func newPacker(p *Problem) (*packer, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	k := &packer{p: p, spans: make([][]Span, len(p.Items)), windows: make([][]piece, len(p.Items)), offsets: make([]int64, len(p.Items))}
	for i, ps := range p.pieces() {
		for _, x := range ps {
			k.times = append(k.times, x.start, x.end)
			if n := len(k.spans[i]); n > 0 && k.spans[i][n-1].End == x.start {
				k.spans[i][n-1].End = x.end
			} else {
				k.spans[i] = append(k.spans[i], Span{x.start, x.end})
			}
		}
		if len(p.Items[i].Windows) > 0 {
			k.windows[i] = ps
		}
		if p.Items[i].Pin >= 0 {
			k.pinned = append(k.pinned, i)
		}
	}
	slices.Sort(k.times)
	k.times = slices.Compact(k.times)
	at := func(t int) int {
		n, _ := slices.BinarySearch(k.times, t)
		return n
	}
	for i := range k.spans {
		for j, s := range k.spans[i] {
			k.spans[i][j] = Span{at(s.Start), at(s.End)}
		}
		for j := range k.windows[i] {
			k.windows[i][j].start, k.windows[i][j].end = at(k.windows[i][j].start), at(k.windows[i][j].end)
		}
	}
	k.tree.init(len(k.times), len(p.Items))
	return k, nil
}

// run packs in the given order and returns the peak.
func (k *packer) run(order []int, fit Fit) (int64, error) {
	return k.runUntil(context.Background(), order, fit)
}

// runUntil is run, left unfinished when the context ends.
func (k *packer) runUntil(ctx context.Context, order []int, fit Fit) (int64, error) {
	k.tree.clear()
	peak := int64(0)
	for _, i := range k.pinned {
		it := &k.p.Items[i]
		for _, r := range k.overlapping(i) {
			if it.Pin < r.hi && r.lo < it.Pin+it.Size {
				return 0, &PinError{i, it.Pin, it.Pin + it.Size}
			}
		}
		k.put(i, it.Pin)
		peak = max(peak, it.Pin+it.Size)
	}
	for n, i := range order {
		if n&255 == 255 && ctx.Err() != nil {
			return 0, nil
		}
		it := &k.p.Items[i]
		if it.Pin >= 0 {
			continue
		}
		off := choose(k.overlapping(i), it.Size, max(it.Align, 1), fit)
		k.put(i, off)
		peak = max(peak, off+it.Size)
	}
	return peak, nil
}

// shared appends the ranges item h occupies as they stand in i's way: where both
// live, moved so that they keep i's whole size off them.
func (k *packer) shared(i, h int) {
	size := k.p.Items[i].Size
	for _, x := range k.pieces(i) {
		for _, y := range k.pieces(h) {
			if x.start < y.end && y.start < x.end {
				k.ranges = append(k.ranges, extent{k.offsets[h] + y.lo - x.hi + size, k.offsets[h] + y.hi - x.lo})
			}
		}
	}
}

// pieces are the stretches of item i's life, in compressed times.
func (k *packer) pieces(i int) []piece {
	if k.windows[i] != nil {
		return k.windows[i]
	}
	k.plain = k.plain[:0]
	for _, s := range k.spans[i] {
		k.plain = append(k.plain, piece{s.Start, s.End, 0, k.p.Items[i].Size})
	}
	return k.plain
}

func (k *packer) put(i int, off int64) {
	k.offsets[i] = off
	if k.p.Items[i].Size == 0 {
		return
	}
	for _, s := range k.spans[i] {
		k.tree.insert(s.Start, s.End, int32(i))
	}
}

// overlapping returns the byte ranges of placed items that share a time with
// item i, by offset.
func (k *packer) overlapping(i int) []extent {
	k.hits = k.hits[:0]
	k.tree.stamp++
	for _, s := range k.spans[i] {
		k.hits = k.tree.query(s.Start, s.End, k.hits)
	}
	k.ranges = k.ranges[:0]
	for _, h := range k.hits {
		if k.windows[i] == nil && k.windows[h] == nil {
			k.ranges = append(k.ranges, extent{k.offsets[h], k.offsets[h] + k.p.Items[h].Size})
			continue
		}
		k.shared(i, int(h))
	}
	slices.SortFunc(k.ranges, func(a, b extent) int { return cmpInt64(a.lo, b.lo) })
	return k.ranges
}

// choose returns the offset for size bytes between the occupied ranges.
func choose(occupied []extent, size, align int64, fit Fit) int64 {
	up := func(n int64) int64 { return (n + align - 1) / align * align }
	best, bestLen, top := int64(-1), int64(0), int64(0)
	for _, r := range occupied {
		if lo := up(top); r.lo-lo >= size {
			if fit == FirstFit {
				return lo
			}
			if best < 0 || r.lo-lo < bestLen {
				best, bestLen = lo, r.lo-lo
			}
		}
		top = max(top, r.hi)
	}
	if best >= 0 {
		return best
	}
	return up(top)
}
