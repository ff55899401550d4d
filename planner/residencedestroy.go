package planner

import "math/rand/v2"

// mostResidences bounds the buffers of one neighbourhood.
const mostResidences = 15

// choose puts a buffer with a choice into the neighbourhood.
func (w *residenceWalk) choose(b int32) {
	if b >= 0 && w.s.bytes[b] > 0 && !w.taken[b] && len(w.changed) < mostResidences {
		w.taken[b] = true
		w.changed = append(w.changed, b)
	}
}

// destroy picks the buffers that get new lives.
func (w *residenceWalk) destroy(op int, rng *rand.Rand) {
	n := int32(len(w.s.p.Instructions))
	at := rng.Int32N(n)
	switch op {
	case 0:
		w.around(at, 1+rng.Int32N(min(20, n)), 3, rng)
	case 1:
		for range 1 + rng.IntN(5) {
			w.choose(w.s.choices[rng.IntN(len(w.s.choices))])
		}
	case 2:
		w.lying(at, at+1, 1+rng.IntN(7), rng)
		w.around(max(0, at-4), 9, 2, rng)
	case 3:
		w.compete(w.unserved(rng), rng)
	case 4:
		w.copied(at, rng)
	case 5: // the slowest of some instructions
		for range 8 {
			if u := rng.Int32N(n); w.excessS(u) > w.excessS(at) {
				at = u
			}
		}
		w.around(at, 1, 4, rng)
		w.lying(at, at+1, 1+rng.IntN(6), rng)
	}
}

// around takes touched buffers of a window, chance of four of each.
func (w *residenceWalk) around(at, width int32, chance int, rng *rand.Rand) {
	for t := at; t < min(at+width, int32(len(w.s.at))); t++ {
		for _, b := range w.s.at[t] {
			if rng.IntN(4) < chance {
				w.choose(b)
			}
		}
	}
}

// lying takes some of what lies in fast memory in [from, to).
func (w *residenceWalk) lying(from, to int32, most int, rng *rand.Rand) {
	seen := 0
	picked := make([]int32, 0, most)
	for i := range w.room.places {
		x := &w.room.places[i]
		if x.buf < 0 || x.start >= to || x.end <= from {
			continue
		}
		if seen++; len(picked) < most {
			picked = append(picked, x.buf)
		} else if k := rng.IntN(seen); k < most {
			picked[k] = x.buf
		}
	}
	for _, b := range picked {
		w.choose(b)
	}
}

// unserved is a buffer with touches at home, of some drawn the one with the most
// seconds to save there; -1: all drawn are fast.
func (w *residenceWalk) unserved(rng *rand.Rand) int32 {
	best, most := int32(-1), 0.0
	for range 1 + rng.IntN(12) {
		b := w.s.choices[rng.IntN(len(w.s.choices))]
		at := 0
		for _, fast := range w.site[b] {
			if !fast {
				at++
			}
		}
		if gain := w.s.worth[b] * float64(at) / float64(len(w.site[b])); gain > most {
			best, most = b, gain
		}
	}
	return best
}

// compete takes a buffer and some of those in its way.
func (w *residenceWalk) compete(b int32, rng *rand.Rand) {
	if b < 0 {
		return
	}
	w.choose(b)
	t := w.s.touches[b]
	k := rng.IntN(len(t))
	from, to := t[k].instr, t[k].instr+1
	if k+1 < len(t) && rng.IntN(2) == 0 {
		to = t[k+1].instr + 1
	}
	w.lying(from, to, 1+rng.IntN(6), rng)
}

// copied takes buffers with a copy around an instruction.
func (w *residenceWalk) copied(at int32, rng *rand.Rand) {
	for i := range w.room.places {
		x := &w.room.places[i]
		if x.buf < 0 || x.start > at || x.end <= at || rng.IntN(2) == 0 {
			continue
		}
		for _, y := range w.lives[x.buf].stays {
			if y.before >= at && y.start <= at {
				w.choose(x.buf)
			}
		}
	}
	w.around(at, 3, 1, rng)
}

// excessS is what an instruction would save with all operands in fast memory.
func (w *residenceWalk) excessS(t int32) float64 {
	home := w.s.access[w.s.home]
	fast := w.s.access[w.s.fast]
	c := &w.clock
	all := c.fastS[t] + c.homeReadS[t]*home.ReadBW/fast.ReadBW + c.homeWriteS[t]*home.WriteBW/fast.WriteBW
	return c.runS(t) - max(c.computeS[t], all)
}
