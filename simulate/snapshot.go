package simulate

import "math"

// snapshot is the engines' state at a moment, times counted from then: what
// decides how a run goes on, in memory proportional to what is queued.
type snapshot struct {
	ids    []int32   // per engine: queued, in flight, not yet entered; then the copies queued, then which requests are final
	values []float64 // per engine: bytes left of the entering copy, of the transfer (-1: none), time to the next event; then per request in flight ready time and bytes
}

// save notes the simulator's state.
func (y *snapshot) save(s *Simulator) {
	y.ids, y.values = y.ids[:0], y.values[:0]
	for i := range s.engines {
		e := &s.engines[i]
		e.settle(s.now)
		remaining := -1.0
		if e.transferring {
			remaining = e.remaining
		}
		event := e.event - s.now
		if e.transferring || e.first == e.last {
			event = math.Inf(1) // of a transfer: follows from what remains
		}
		y.ids = append(y.ids, int32(e.tail-e.head), int32(e.last-e.first), int32(e.tail-e.entering))
		y.values = append(y.values, e.leftBytes, remaining, event)
		for k := e.head; k != e.tail; k++ {
			y.ids = append(y.ids, e.queue[k&uint32(len(e.queue)-1)])
		}
		for k := e.first; k != e.last; k++ {
			at := k & uint32(len(e.ready)-1)
			final := int32(0)
			if e.final[at] {
				final = 1
			}
			y.ids = append(y.ids, final)
			y.values = append(y.values, e.ready[at]-s.now, e.request[at])
		}
	}
}

// load makes the simulator go on from the state, at time 0.
func (y *snapshot) load(s *Simulator) {
	clear(s.pending)
	s.now, s.origin, s.mask = 0, 0, 0
	ids, values := y.ids, y.values
	for i := range s.engines {
		e := &s.engines[i]
		queued, flying, entering := uint32(ids[0]), uint32(ids[1]), uint32(ids[2])
		e.leftBytes, e.remaining, e.event = values[0], values[1], values[2]
		ids, values = ids[3:], values[3:]
		e.head, e.tail, e.entering = 0, queued, queued-entering
		for k := range queued {
			e.queue[k] = ids[k]
			s.pending[ids[k]] = true
		}
		ids = ids[queued:]
		for uint32(len(e.ready)) < flying {
			e.first, e.last = 0, 0
			e.growFlight(2 * len(e.ready))
		}
		e.first, e.last = 0, flying
		for k := range flying {
			e.final[k], e.ready[k], e.request[k] = ids[k] == 1, values[2*k], values[2*k+1]
		}
		ids, values = ids[flying:], values[2*flying:]
		e.transferring = e.remaining >= 0
		e.rate, e.at = 0, 0
		if e.transferring {
			s.mask |= 1 << i
		} else {
			e.remaining = 0
		}
	}
	clear(s.used)
	s.usedAny = false
	s.applyRates()
}

// coincides says whether two states are the same to within near seconds. Bytes are
// compared as exactly as seconds are to the whole run.
func (y *snapshot) coincides(z *snapshot, near float64) bool {
	if len(y.ids) != len(z.ids) || len(y.values) != len(z.values) {
		return false
	}
	for i, id := range y.ids {
		if id != z.ids[i] {
			return false
		}
	}
	for i, v := range y.values {
		if w := z.values[i]; v != w && !(math.Abs(v-w) <= near) && !(math.Abs(v-w) <= coincideS*math.Abs(w)) {
			return false
		}
	}
	return true
}
