package planner

import (
	"math/rand/v2"
	"slices"

	"strata/malloc"
)

// ringWalk holds a plan as a ring: which buffers are pinned, and when the copies
// of the others start.
type ringWalk struct {
	spec  *ringSpec
	order []int   // streams that may be pinned, by first touch
	roles [][]int // streams of one role in the repeated layers, by first touch
	role  []int   // per stream: index into roles
	now   *ring
	next  *ring
}

func newRingWalk(spec *ringSpec) *ringWalk {
	w := &ringWalk{spec: spec, role: make([]int, len(spec.streams))}
	names := map[string]int{}
	for i := range spec.streams {
		if spec.weight(i) > 0 {
			w.order = append(w.order, i)
		}
	}
	slices.SortStableFunc(w.order, func(a, b int) int { return spec.firstTouch(a) - spec.firstTouch(b) })
	for _, i := range w.order {
		name := roleName(spec.p.Buffers[spec.streams[i].buf].Name)
		k, ok := names[name]
		if !ok {
			k = len(w.roles)
			names[name] = k
			w.roles = append(w.roles, nil)
		}
		w.roles[k] = append(w.roles[k], i)
		w.role[i] = k
	}
	return w
}

// roleName is a buffer's name without its numbers: what the same tensors of
// repeated layers share.
func roleName(name string) string {
	out := make([]byte, 0, len(name))
	for i := range len(name) {
		if name[i] < '0' || name[i] > '9' {
			out = append(out, name[i])
		}
	}
	return string(out)
}

func (w *ringWalk) operators() []string {
	return []string{"swap", "toggle", "slide", "role", "window", "packing", "timing", "exchange"}
}

func (w *ringWalk) adopt(plan *malloc.Plan) *malloc.Plan {
	x, ok := w.spec.ringFromPlan(plan)
	if !ok {
		return nil
	}
	w.now = x
	return x.plan()
}

func (w *ringWalk) settle(accepted bool) {
	if accepted {
		w.now = w.next
	}
	w.next = nil
}

func (w *ringWalk) propose(op int, rng *rand.Rand) *malloc.Plan {
	if len(w.order) < 2 {
		return nil
	}
	if op == 6 {
		w.next = w.shift(rng)
	} else {
		w.next = w.recompose(op, rng)
	}
	if w.next == nil {
		return nil
	}
	return w.next.plan()
}

// recompose changes what is pinned or how the ring is packed, and builds it anew.
func (w *ringWalk) recompose(op int, rng *rand.Rand) *ring {
	c := choice{pinned: slices.Clone(w.now.pinned), bestFit: w.now.bestFit, hold: w.now.hold}
	pick := func(list []int, pinned bool) int {
		for range 32 {
			if i := list[rng.IntN(len(list))]; c.pinned[i] == pinned {
				return i
			}
		}
		return -1
	}
	flip := func(list ...int) {
		for _, i := range list {
			if i >= 0 {
				c.pinned[i] = !c.pinned[i]
			}
		}
	}
	switch op {
	case 0: // a pinned and a streamed buffer of any kind
		for range 1 + rng.IntN(2) {
			a, b := pick(w.order, true), pick(w.order, false)
			if a < 0 || b < 0 {
				return nil
			}
			flip(a, b)
		}
	case 1:
		flip(w.order[rng.IntN(len(w.order))])
	case 2: // the neighbour of the same role is streamed instead
		a := pick(w.order, false)
		if a < 0 {
			return nil
		}
		list := w.roles[w.role[a]]
		b := list[(slices.Index(list, a)+1+(len(list)-2)*rng.IntN(2)+len(list))%len(list)]
		if !c.pinned[b] {
			return nil
		}
		flip(a, b)
	case 3:
		w.spreadRole(&c, w.roles[rng.IntN(len(w.roles))], rng)
	case 4: // deal the streamed bytes of a stretch anew
		w.deal(&c, rng)
	case 5:
		if rng.IntN(2) == 0 {
			c.bestFit = !c.bestFit
		} else {
			c.hold = !c.hold
		}
	case 7: // one for some others of at most its bytes
		a := pick(w.order, rng.IntN(2) == 0)
		if a < 0 {
			return nil
		}
		left, was := w.spec.streams[a].block, c.pinned[a]
		flip(a)
		for range 4 {
			if b := pick(w.order, !was); b >= 0 && b != a && w.spec.streams[b].block <= left {
				flip(b)
				left -= w.spec.streams[b].block
			}
		}
	}
	x, ok := w.spec.ringOf(c)
	if !ok {
		return nil
	}
	return x
}

// spreadRole is the macro-move of repeated layers: of one role, as many as now
// are streamed, one more or one less, at equal distances.
func (w *ringWalk) spreadRole(c *choice, list []int, rng *rand.Rand) {
	n := 0
	for _, i := range list {
		if !c.pinned[i] {
			n++
		}
	}
	n = min(max(n+rng.IntN(3)-1, 0), len(list))
	phase := rng.Float64()
	for k, i := range list {
		// exactly n of len(list) indexes cross an integer
		a := int(phase + float64(k)*float64(n)/float64(len(list)))
		b := int(phase + float64(k+1)*float64(n)/float64(len(list)))
		c.pinned[i] = a == b
	}
}

// deal streams other buffers of a stretch of time than now, in about as many
// bytes.
func (w *ringWalk) deal(c *choice, rng *rand.Rand) {
	n := min(len(w.order), 4+rng.IntN(12))
	at := rng.IntN(len(w.order))
	bytes := int64(0)
	var list []int
	for k := range n {
		i := w.order[(at+k)%len(w.order)]
		list = append(list, i)
		if !c.pinned[i] {
			bytes += w.spec.streams[i].block
			c.pinned[i] = true
		}
	}
	rng.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
	for _, i := range list {
		if z := w.spec.streams[i].block; z <= bytes {
			c.pinned[i] = false
			bytes -= z
		}
	}
}

// shift takes the streamed blocks of a stretch out and puts them back with other
// starts and places.
func (w *ringWalk) shift(rng *rand.Rand) *ring {
	if len(w.now.body) == 0 {
		return nil
	}
	x := &ring{ringSpec: w.spec, pinned: w.now.pinned, pinAt: w.now.pinAt, room: w.now.room, bestFit: rng.IntN(2) == 0, hold: w.now.hold,
		pinFrom: make([]int, len(w.spec.streams)), body: slices.Clone(w.now.body)}
	for i := range x.pinFrom {
		x.pinFrom[i] = -1
	}
	length := x.end - x.begin
	n := min(len(x.body), 1+rng.IntN(8))
	at := rng.IntN(len(x.body))
	out := func(k int) bool { return (k-at+len(x.body))%len(x.body) < n }
	sp := space{length: length, align: x.align}
	for _, a := range x.fixed {
		if x.begin <= a.start && a.start < x.end {
			sp.add(a)
		}
	}
	for i := range x.streams {
		if x.pinned[i] && len(x.streams[i].body) > 0 {
			sp.add(arc{start: x.begin, end: x.end, lo: x.pinAt[i], hi: x.pinAt[i] + x.streams[i].block})
		}
	}
	for k := range x.body {
		if !out(k) {
			sp.add(x.body[k].arc)
		}
	}
	delay := rng.IntN(3)
	for j := range n {
		k := (at + j) % len(x.body)
		b := &x.body[k]
		s := &x.streams[b.stream]
		from := b.touch + 1 - length
		if k > 0 {
			from = max(from, x.body[k-1].start)
		} else if !x.hold {
			from = max(from, x.body[len(x.body)-1].start-length)
		} else {
			from = max(from, x.begin)
		}
		if len(s.body) > 1 { // a buffer's blocks never overlap in time
			i := slices.Index(s.body, b.touch)
			last := s.body[(i+len(s.body)-1)%len(s.body)]
			if i == 0 {
				last -= length
			}
			from = max(from, last+1)
		}
		if delay > 0 && from < b.touch {
			from += rng.IntN(min(1<<(2*delay), b.touch-from) + 1)
		}
		a, ok := x.earliest(&sp, from, b.touch, s.block)
		if !ok {
			return nil
		}
		b.arc = a
		sp.add(a)
	}
	if !x.placeBefore() || !x.placeAfter() {
		return nil
	}
	return x
}
