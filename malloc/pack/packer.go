package pack

import (
	"fmt"
	"slices"
)

// packer places the items of one problem, again and again in different orders.
type packer struct {
	p       *Problem
	spans   [][]Span // per item, in compressed times
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
	k := &packer{p: p, spans: make([][]Span, len(p.Items)), offsets: make([]int64, len(p.Items))}
	for i := range p.Items {
		k.spans[i] = p.merged(&p.Items[i])
		for _, s := range k.spans[i] {
			k.times = append(k.times, s.Start, s.End)
		}
		if p.Items[i].Pin >= 0 {
			k.pinned = append(k.pinned, i)
		}
	}
	slices.Sort(k.times)
	k.times = slices.Compact(k.times)
	for i := range k.spans {
		spans := make([]Span, len(k.spans[i]))
		for j, s := range k.spans[i] {
			a, _ := slices.BinarySearch(k.times, s.Start)
			b, _ := slices.BinarySearch(k.times, s.End)
			spans[j] = Span{a, b}
		}
		k.spans[i] = spans
	}
	k.tree.init(len(k.times), len(p.Items))
	return k, nil
}

// run packs in the given order and returns the peak.
func (k *packer) run(order []int, fit Fit) (int64, error) {
	k.tree.clear()
	peak := int64(0)
	for _, i := range k.pinned {
		it := &k.p.Items[i]
		for _, r := range k.overlapping(i) {
			if it.Pin < r.hi && r.lo < it.Pin+it.Size {
				return 0, fmt.Errorf("pack: pinned item %d at [%d,%d) overlaps another pinned item", i, it.Pin, it.Pin+it.Size)
			}
		}
		k.put(i, it.Pin)
		peak = max(peak, it.Pin+it.Size)
	}
	for _, i := range order {
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
		k.ranges = append(k.ranges, extent{k.offsets[h], k.offsets[h] + k.p.Items[h].Size})
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
