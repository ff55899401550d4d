package costmodel

import (
	"cmp"
	"math"
	"slices"

	"strata/malloc"
)

// area is the argument about space over time. In an iteration of T seconds the
// limited tiers offer C·T byte-seconds. A param that stays takes its size for all
// of T. One that is streamed takes its size from the issue of its copy to the end
// of its use: h seconds at least, the copy's latency and transfer alone on the
// fastest engine, and the touching instruction's all-fast time. Since the body's
// copies are the same in every iteration, with x the streamed share of each param,
//
//	Σ s·[x·h + (1-x)·T] + base(T) ≤ C·T   and   Σ x·s ≤ bw·T
//
// where base is what limited homes and scratch hold, weighted with the all-fast
// times. For a given T the most that streaming can free is a fractional knapsack,
// smallest h first; the least T for which it frees enough is a lower bound.
//
// In a run of n iterations the first may find y bytes of streamed params already
// there, as many as there was room for when the loop began, b0 being what then
// lives: y ≤ C - b0 - Σ (1-x)·s. These need no copy and no time in the loop.
type area struct {
	items    []areaItem // by hold
	bytes    float64    // Σ s
	longest  float64    // largest hold
	capacity float64
	bw       float64
	body     float64 // Σ of the body's all-fast times
	baseMin  float64 // held at every time
	baseMore float64 // byte-seconds an iteration beyond it
	least    float64 // Σ s + b0 - C: what is streamed at least
}

// areaItem is a param that is touched in the body and lies where no executor
// reaches it.
type areaItem struct{ bytes, holdS float64 }

func (b *bounder) area(body, capacity, bw float64) *area {
	a := &area{capacity: capacity, bw: bw, body: body}
	// Members of a must class are one param, of the smallest one's size.
	classes := map[int]int{} // to index of items
	for i := range b.p.Buffers {
		f := &b.p.Buffers[i]
		if f.Kind != malloc.KindParam || f.Select != nil || !b.unreached[f.Home] || b.bodyFirst[i] < 0 || b.defined[i] >= 0 {
			continue
		}
		item := areaItem{float64(f.Size), b.copyS(f)}
		if use, err := b.fastTime(b.bodyFirst[i]); err == nil {
			item.holdS += use
		}
		if k, ok := classes[b.class[i]]; ok {
			x := &a.items[k]
			x.bytes, x.holdS = min(x.bytes, item.bytes), min(x.holdS, item.holdS)
			continue
		}
		classes[b.class[i]] = len(a.items)
		a.items = append(a.items, item)
	}
	for _, i := range a.items {
		a.bytes += i.bytes
		a.longest = max(a.longest, i.holdS)
	}
	slices.SortFunc(a.items, func(x, y areaItem) int { return cmp.Compare(x.holdS, y.holdS) })
	blocks, scratch := b.live()
	a.baseMin = math.Inf(1)
	for t := range blocks {
		a.baseMin = min(a.baseMin, blocks[t]+scratch[t])
	}
	for t := range blocks {
		if s, err := b.fastTime(b.begin + t); err == nil {
			a.baseMore += (blocks[t] + scratch[t] - a.baseMin) * s
		}
	}
	a.least = a.bytes + blocks[0] - capacity
	return a
}

// copyS is the least time of a copy of a param out of its home.
func (b *bounder) copyS(f *malloc.Buffer) float64 {
	best := math.Inf(1)
	for _, e := range b.p.Engines {
		if e.From == f.Home {
			best = min(best, e.LatencyS+float64(f.Size)/e.BW)
		}
	}
	if math.IsInf(best, 1) {
		return 0
	}
	return best
}

// steady bounds an iteration when all are alike.
func (a *area) steady() float64 { return a.shortest(math.Inf(1)) }

// mean bounds the mean iteration of a loop of n.
func (a *area) mean(n float64) float64 {
	if n < 2 {
		return a.body
	}
	return a.shortest(n)
}

// shortest is the least T for which streaming can free enough, found by
// bisection; what is feasible for T is so for any longer time.
func (a *area) shortest(n float64) float64 {
	if len(a.items) == 0 || a.bw <= 0 || a.feasible(a.body, n) {
		return a.body
	}
	low, high := a.body, 2*a.body+a.bytes/a.bw
	for range 60 {
		if a.feasible(high, n) {
			break
		}
		low, high = high, 2*high
	}
	for range 100 {
		middle := low + (high-low)/2
		if a.feasible(middle, n) {
			high = middle
		} else {
			low = middle
		}
	}
	return low
}

// feasible tells whether an iteration of t seconds could be long enough, in a loop
// of n.
func (a *area) feasible(t, n float64) bool {
	link := (a.bw*t - a.least/n) / (1 - 1/n) // bytes that may be streamed
	if min(link, a.bytes) < a.least {
		return false
	}
	freed := 0.0
	for _, i := range a.items {
		gain := t - i.holdS + a.longest/n
		if gain <= 0 || link <= 0 {
			break
		}
		take := min(i.bytes, link)
		freed += take * gain
		link -= take
	}
	return freed >= (a.bytes-a.capacity+a.baseMin)*t+a.baseMore+a.least*a.longest/n
}
