package planner

import (
	"math/rand/v2"
	"slices"

	"strata/malloc"
)

func (w *scriptWalk) operators() []string {
	names := []string{"window", "tensors", "pressure", "role", "timing", "swap", "order"}
	if len(w.groups) > 0 {
		names = append(names, "executor")
	}
	return names
}

// mostDestroyed bounds the buffers of one neighbourhood, apart from macro-moves.
const mostDestroyed = 12

// destroy picks what to decide anew and writes new wishes into next. It returns
// false when there is nothing to change.
func (w *scriptWalk) destroy(op int, rng *rand.Rand) bool {
	switch op {
	case 0: // a window of time
		n := len(w.p.Instructions)
		at, width := rng.IntN(n), 1+rng.IntN(min(20, n))
		for t := at; t < min(at+width, n); t++ {
			for _, b := range w.at[t] {
				if len(w.changed) < mostDestroyed && rng.IntN(4) > 0 {
					w.take(b)
				}
			}
		}
	case 1:
		for range 1 + rng.IntN(4) {
			w.take(int32(rng.IntN(len(w.p.Buffers))))
		}
	case 2:
		w.relieve(rng)
	case 3:
		return w.tie(rng)
	case 4:
		return w.retime(rng)
	case 5:
		return w.swap(rng)
	case 6:
		return w.reorder(rng)
	case 7:
		return w.reassign(rng)
	}
	if len(w.changed) == 0 {
		return false
	}
	w.repair(rng)
	return true
}

// take puts a buffer that has a choice into the neighbourhood, with its class.
func (w *scriptWalk) take(b int32) {
	if len(w.tiers[b]) == 0 || w.taken[b] || w.touchFrom[b] == w.touchFrom[b+1] {
		return
	}
	w.taken[b] = true
	w.changed = append(w.changed, b)
}

// relieve destroys what stays around an instruction where a tier is full, and
// some of what is used there without staying.
func (w *scriptWalk) relieve(rng *rand.Rand) {
	t := rng.IntN(len(w.p.Instructions))
	length := 0
	if l := w.p.PeriodicLoop(); l != nil && t >= l.Begin && t < l.End {
		length = l.End - l.Begin
	}
	var over []int32
	for b := range w.p.Buffers {
		if len(w.tiers[b]) == 0 {
			continue
		}
		before, after, stays := false, false, false
		for i := w.touchFrom[b]; i < w.touchFrom[b+1]; i++ {
			x := &w.touches[i]
			if (length > 0) != x.Body {
				continue
			}
			before = before || x.Instr <= t
			after = after || x.Instr >= t
			stays = stays || w.now.wish[i].Kind == malloc.NoCopy
		}
		if stays && (before && after || length > 0 && (before || after)) {
			over = append(over, int32(b))
		}
	}
	rng.Shuffle(len(over), func(i, j int) { over[i], over[j] = over[j], over[i] })
	for _, b := range over[:min(len(over), 1+rng.IntN(6))] {
		w.take(b)
	}
	n := len(w.p.Instructions)
	for u := max(0, t-4); u < min(n, t+5); u++ {
		for _, b := range w.at[u] {
			if len(w.changed) < mostDestroyed && rng.IntN(2) == 0 {
				w.take(b)
			}
		}
	}
}

// repair gives the destroyed buffers their turns anew, the one that gains most a
// byte first, up to noise: at the place of the first of them, before what came
// after it, or after all others.
func (w *scriptWalk) repair(rng *rand.Rand) {
	rank := make([]float64, len(w.p.Buffers))
	for _, b := range w.changed {
		rank[b] = w.guide.worth[b] * (0.5 + rng.Float64())
		w.rewish(b, w.option(b, rng), rng)
	}
	slices.SortStableFunc(w.changed, func(a, b int32) int {
		switch {
		case rank[a] > rank[b]:
			return -1
		case rank[a] < rank[b]:
			return 1
		}
		return 0
	})
	w.requeue(rng.IntN(3) == 0)
}

// requeue moves the turns of the changed buffers, in their order, to the first
// one's place in each part or to the part's end.
func (w *scriptWalk) requeue(first bool) {
	for _, body := range []bool{true, false} {
		from := slices.IndexFunc(w.next.items, func(it item) bool { return it.body == body })
		if from < 0 {
			continue
		}
		part := w.next.items[from:]
		if body {
			if end := slices.IndexFunc(part, func(it item) bool { return !it.body }); end >= 0 {
				part = part[:end]
			}
		}
		var moved, rest []item
		at := -1
		for _, it := range part {
			if w.taken[it.buf] {
				if at < 0 {
					at = len(rest)
				}
			} else {
				rest = append(rest, it)
			}
		}
		if at < 0 {
			continue
		}
		has := func(b int32) bool { return slices.Contains(part, item{b, body}) }
		for _, b := range w.changed {
			if has(b) {
				moved = append(moved, item{b, body})
			}
		}
		if !first {
			at = len(rest)
		}
		out := append(append(slices.Clone(rest[:at]), moved...), rest[at:]...)
		copy(part, out)
	}
}

// Ways for a buffer to live.
const (
	liveStay     = iota // from the first touch to the last, around the loop
	liveCopies          // a copy for each use
	liveHome            // at home
	liveFront           // stay, then home
	liveBack            // home, then stay
	liveExtend          // as now, copies and drops turned into staying where they follow each other
	liveMeasures = 6
)

// option draws a way to live.
func (w *scriptWalk) option(b int32, rng *rand.Rand) int {
	if rng.IntN(3) == 0 {
		return liveStay
	}
	return rng.IntN(liveMeasures)
}

// rewish writes a way to live as wishes for a buffer's touches.
func (w *scriptWalk) rewish(b int32, way int, rng *rand.Rand) {
	lo, hi := w.touchFrom[b], w.touchFrom[b+1]
	if lo == hi {
		return
	}
	tier := w.tiers[b][rng.IntN(len(w.tiers[b]))]
	if t := w.guide.tier[b]; t >= 0 && rng.IntN(4) > 0 {
		tier = t
	}
	lead := 1 + rng.IntN(4)
	cut := lo + int32(rng.IntN(int(hi-lo)+1))
	stay := malloc.Action{Kind: malloc.NoCopy, Tier: tier, Back: -1}
	get := malloc.Action{Kind: malloc.CopyIn, Tier: tier, Lead: lead, Back: -1}
	for i := lo; i < hi; i++ {
		x := &w.touches[i]
		fast := stay
		if !x.Def && !x.Body && (i == lo || w.touches[i-1].Body) {
			fast = get // nothing to stay from
		}
		switch way {
		case liveStay:
			w.next.wish[i] = fast
		case liveCopies:
			if w.next.wish[i] = get; x.Def {
				w.next.wish[i] = stay
			}
		case liveHome:
			w.next.wish[i] = malloc.Action{Kind: malloc.Drop}
		case liveFront:
			if w.next.wish[i] = (malloc.Action{Kind: malloc.Drop}); i < cut {
				w.next.wish[i] = fast
			}
		case liveBack:
			switch {
			case i < cut:
				w.next.wish[i] = malloc.Action{Kind: malloc.Drop}
			case i == cut && !x.Def:
				w.next.wish[i] = get
			default:
				w.next.wish[i] = fast
			}
		case liveExtend:
			if i > lo && w.next.wish[i-1].Kind != malloc.Drop {
				w.next.wish[i] = stay
				w.next.wish[i].Tier = w.next.wish[i-1].Tier
			}
		}
	}
}

// tie is the macro-move of repeated layers: all buffers of one role live as one of
// them does or as drawn; untying follows when other operators change one.
func (w *scriptWalk) tie(rng *rand.Rand) bool {
	b := int32(rng.IntN(len(w.p.Buffers)))
	list := w.roles[w.role[b]]
	if len(list) < 2 || len(w.tiers[b]) == 0 {
		return false
	}
	lo, hi := w.touchFrom[b], w.touchFrom[b+1]
	way := -1
	if rng.IntN(3) > 0 {
		way = rng.IntN(liveFront)
	}
	part := list
	if k := rng.IntN(3); k == 0 { // half of the layers
		part = list[rng.IntN(len(list)):]
	}
	for _, c := range part {
		from, to := w.touchFrom[c], w.touchFrom[c+1]
		if len(w.tiers[c]) == 0 {
			continue
		}
		if way >= 0 {
			w.rewish(c, way, rng)
		} else if to-from == hi-lo {
			copy(w.next.wish[from:to], w.now.wish[lo:hi])
		}
		w.take(c)
	}
	w.requeue(rng.IntN(2) == 0)
	return len(w.changed) > 0
}

// retime moves the starts of some copies of a stretch.
func (w *scriptWalk) retime(rng *rand.Rand) bool {
	n := len(w.p.Instructions)
	at, done := rng.IntN(n), 0
	for u := range min(n, 24) {
		t := (at + u) % n
		for _, b := range w.at[t] {
			for i := w.touchFrom[b]; i < w.touchFrom[b+1]; i++ {
				x := &w.next.wish[i]
				if w.touches[i].Instr != t || x.Kind != malloc.CopyIn || rng.IntN(2) == 0 {
					continue
				}
				switch back := x.Back; {
				case back < 0:
					x.Lead = 1 + rng.IntN(4)
					if rng.IntN(2) == 0 {
						x.Back = 1 << rng.IntN(6)
					}
				case rng.IntN(4) == 0:
					x.Back, x.Lead = -1, 1+rng.IntN(4)
				default:
					x.Back = max(0, back+rng.IntN(2*max(back/2, 2)+1)-max(back/2, 2))
				}
				if done++; done >= 4 {
					return true
				}
			}
		}
	}
	return done > 0
}

// swap lets a buffer that stays and one that does not change places.
func (w *scriptWalk) swap(rng *rand.Rand) bool {
	pick := func(stays bool) int32 {
		for range 32 {
			b := int32(rng.IntN(len(w.p.Buffers)))
			if len(w.tiers[b]) == 0 || w.taken[b] || w.touchFrom[b] == w.touchFrom[b+1] {
				continue
			}
			has := false
			for i := w.touchFrom[b]; i < w.touchFrom[b+1]; i++ {
				has = has || w.now.wish[i].Kind == malloc.NoCopy && !w.touches[i].Def
			}
			if has == stays {
				return b
			}
		}
		return -1
	}
	out, in := pick(true), pick(false)
	if out < 0 || in < 0 {
		return false
	}
	w.take(in)
	w.take(out)
	w.rewish(in, liveStay, rng)
	w.rewish(out, liveCopies+rng.IntN(2), rng)
	w.requeue(rng.IntN(2) == 0)
	return true
}

// reorder gives one buffer its turn earlier or later, which changes what finds
// room.
func (w *scriptWalk) reorder(rng *rand.Rand) bool {
	n := len(w.next.items)
	i := rng.IntN(n)
	it := w.next.items[i]
	lo, hi := 0, n
	for k, x := range w.next.items {
		if !x.body {
			if it.body {
				hi = k
			} else {
				lo = k
			}
			break
		}
	}
	j := lo + rng.IntN(hi-lo)
	if i == j {
		return false
	}
	w.next.items = slices.Delete(w.next.items, i, i+1)
	w.next.items = slices.Insert(w.next.items, j, it)
	return true
}

// reassign runs the instructions of a group, or one of them, on another executor.
func (w *scriptWalk) reassign(rng *rand.Rand) bool {
	list := w.groups[rng.IntN(len(w.groups))]
	if rng.IntN(2) == 0 {
		at := rng.IntN(len(list))
		list = list[at : at+1]
	} else if rng.IntN(2) == 0 {
		list = list[rng.IntN(len(list)):]
	}
	on := w.p.Instructions[list[0]].RunsOn
	x := on[rng.IntN(len(on))].Executor
	for _, t := range list {
		for _, r := range w.p.Instructions[t].RunsOn {
			if r.Executor == x {
				w.next.run[t] = x
			}
		}
		for _, b := range w.at[t] {
			w.take(b)
		}
	}
	for _, b := range w.changed {
		w.rewish(b, liveStay, rng)
	}
	return true
}
