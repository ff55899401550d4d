package planner

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"strata/malloc"
)

// rank puts the destroyed buffers into the order in which they come back: by what
// a byte of fast memory saves, with noise.
func (w *residenceWalk) rank(rng *rand.Rand) {
	key := make(map[int32]float64, len(w.changed))
	way, noise := rng.IntN(4), [...]float64{0.1, 0.4, 1}[rng.IntN(3)]
	for _, b := range w.changed {
		t := w.s.touches[b]
		z, span := float64(w.s.bytes[b]), float64(t[len(t)-1].instr-t[0].instr+1)
		value := [...]float64{w.s.worth[b] / (z * span), w.s.worth[b] / z, w.s.worth[b] / math.Sqrt(z), 1}[way]
		key[b] = value * math.Exp(noise*rng.NormFloat64())
	}
	slices.SortStableFunc(w.changed, func(x, y int32) int { return cmp.Compare(key[y], key[x]) })
}

// whim is how a buffer is put in.
type whim struct {
	skipDefinition bool
	copies         float64 // share of possible copies that are made
	lead           float64 // room asked of a copy, in its own time
	cut            bool    // residences end early at times
}

func drawWhim(rng *rand.Rand) whim {
	return whim{skipDefinition: rng.IntN(12) == 0, copies: [...]float64{1, 1, 1, 0.7, 0}[rng.IntN(5)],
		lead: [...]float64{0.7, 1, 1, 1.25, 1.5, 2, 3}[rng.IntN(7)], cut: rng.IntN(4) == 0}
}

// insert gives a buffer a new life in the room that is left.
func (w *residenceWalk) insert(b int32, rng *rand.Rand) {
	s := w.s
	l := life{back: -1}
	touches := s.touches[b]
	n := len(touches)
	out := s.p.Buffers[b].End == malloc.EndOut
	way := drawWhim(rng)
	last := func(from int) int { // how far a residence may reach
		if way.cut && rng.IntN(2) == 0 {
			return from + rng.IntN(n-from)
		}
		return n - 1
	}
	if rng.IntN(16) == 0 {
		w.lives[b] = l
		return
	}
	next, ready := 0, int32(0) // touch to serve, and from when a copy may start
	if touches[0].def {
		next, ready = 1, touches[0].instr+1
		if !way.skipDefinition {
			for j := last(0); j >= 0; j-- {
				if w.define(b, &l, j, out || j < n-1, way.lead) {
					x := &l.stays[0]
					next, ready = j+1, max(x.end, l.back)
					break
				}
			}
		}
	}
	for next < n {
		made := false
		if rng.Float64() < way.copies {
			for j := last(next); j >= next && !made; j-- {
				made = w.fetch(b, &l, next, j, ready, way.lead)
			}
		}
		if made {
			x := &l.stays[len(l.stays)-1]
			next, ready = int(x.last)+1, x.end
		} else {
			next++
		}
	}
	for _, x := range l.stays {
		w.room.add(tenancy{x.offset, x.offset + s.bytes[b], x.start, x.end, b})
	}
	w.lives[b] = l
}

// define begins a life in fast memory that lasts until touch j, and until it is
// written back where it must be.
func (w *residenceWalk) define(b int32, l *life, j int, back bool, lead float64) bool {
	s := w.s
	t := s.touches[b]
	start, end := t[0].instr, t[j].instr+1
	written := int32(-1)
	if back {
		limit := int32(len(s.p.Instructions))
		if j+1 < len(t) {
			limit = t[j+1].instr
		}
		want := lead * w.backS(b)
		for written = start + 1; written < limit && want > 0; written++ {
			want -= w.clock.freeOutS(written)
		}
	}
	offset := w.room.find(s.bytes[b], start, max(end, written))
	if offset < 0 && written > end {
		written = end
		offset = w.room.find(s.bytes[b], start, end)
	}
	if offset < 0 {
		return false
	}
	l.stays = append(l.stays, residence{first: 0, last: int32(j), start: start, before: -1, end: max(end, written), offset: offset, copy: -1})
	l.backStart, l.back = start+1, written
	return true
}

// fetch brings a buffer in for touches i..j by a copy that starts at ready or later.
func (w *residenceWalk) fetch(b int32, l *life, i, j int, ready int32, lead float64) bool {
	s := w.s
	t, end := s.touches[b][i].instr, s.touches[b][j].instr+1
	if ready > t {
		return false
	}
	want := lead * w.copyS(b)
	start := t
	for start > ready && want > 0 {
		start--
		want -= w.clock.freeInS(start)
	}
	for {
		if offset := w.room.find(s.bytes[b], start, end); offset >= 0 {
			l.stays = append(l.stays, residence{first: int32(i), last: int32(j), start: start, before: t, end: end, offset: offset, copy: -1})
			return true
		}
		if t-start <= 1 {
			return false
		}
		start += (t - start + 1) / 2
	}
}
