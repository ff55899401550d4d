package simulate

import (
	"math"

	"strata/malloc"
)

const (
	maxPeriod     = 8     // q: iterations after which the state may repeat
	maxIterations = 64    // looked at for a repetition
	sameStateS    = 1e-12 // two states are the same within this many seconds
)

// runRange runs instructions [from, to); next is the first loop at or after
// from. It returns the period of the periodic loop when that lies inside.
func (s *Simulator) runRange(from, to, next int, direct bool) (period float64, err error) {
	for t := from; t < to; {
		if next < len(s.loops) && s.loops[next].Begin == t {
			t = s.loops[next].End
			var outer outerLoop
			if s.recorder != nil {
				outer = s.recorder.enterLoop(s, next)
			}
			if next == s.periodic {
				s.beforeS = s.origin + s.now
				period, err = s.runPeriodic(next, direct)
				s.loopS = s.origin + s.now - s.beforeS
			} else {
				err = s.runPlain(next, direct)
			}
			if err != nil {
				return 0, err
			}
			if s.recorder != nil {
				s.recorder.leaveLoop(s, next, outer)
			}
			next = int(s.skip[next])
			continue
		}
		stop := to
		if next < len(s.loops) {
			stop = min(stop, s.loops[next].Begin)
		}
		if err := s.runStraight(t, stop); err != nil {
			return 0, err
		}
		t = stop
	}
	return period, nil
}

// runStraight runs instructions [from, to), which hold no loop.
func (s *Simulator) runStraight(from, to int) error {
	for t := from; t < to; t++ {
		k := t * phases
		if s.recorder != nil {
			s.recorder.reach(s, t)
		}
		if err := s.runPhases(k); err != nil {
			return err
		}
		if s.recorder != nil {
			s.recorder.beginInstruction(s)
		}
		s.execute(t)
		if s.recorder != nil {
			s.recorder.endInstruction(s, t)
		}
		if err := s.runPhases(k + phaseBackIssue); err != nil {
			return err
		}
		if s.recorder != nil {
			s.recorder.leave(s, t)
		}
	}
	return nil
}

// runPlain runs a loop that is not periodic: trip iterations that start and end
// with empty queues. Without growth inside they all take the same time.
func (s *Simulator) runPlain(l int, direct bool) error {
	if err := s.drain(); err != nil {
		return err
	}
	loop := &s.loops[l]
	for i := int64(0); i < loop.Trip; i++ {
		s.iteration[l] = float64(i)
		if s.recorder != nil {
			s.recorder.beginIteration(s, l, i)
		}
		began, waited := s.now, s.waitS
		if _, err := s.runRange(loop.Begin, loop.End, l+1, direct); err != nil {
			return err
		}
		if err := s.drain(); err != nil {
			return err
		}
		if !direct && (i > 0 || !s.handsOver(loop)) && !s.grows(loop.Begin, loop.End, l) {
			rest := float64(loop.Trip - 1 - i)
			s.waitS += rest * (s.waitS - waited)
			s.now += rest * (s.now - began)
			break
		}
	}
	s.iteration[l] = 0
	return nil
}

// handsOver reports whether a once copy starts in a plain loop, whose first
// iteration then differs from the others.
func (s *Simulator) handsOver(l *malloc.Loop) bool {
	for i := range s.plan.Copies {
		if c := &s.plan.Copies[i]; c.Once && c.Start >= l.Begin && c.Start < l.End {
			return true
		}
	}
	return false
}

// grows reports whether bytes in [from, to) depend on loop l's iteration.
func (s *Simulator) grows(from, to, l int) bool {
	for _, x := range s.terms[s.termsFrom[from]:s.termsFrom[to]] {
		if int(x.loop) == l && x.slope != 0 {
			return true
		}
	}
	return false
}

// runPeriodic runs the periodic loop and returns its period: iterations with
// growth at its mean until the state at begin repeats, mean over the repeating
// ones; the mean of the direct run when that does not happen.
func (s *Simulator) runPeriodic(l int, direct bool) (float64, error) {
	loop := &s.loops[l]
	if direct {
		return s.runAll(l)
	}
	grows := s.grows(loop.Begin, loop.End, l)
	mean := float64(loop.Trip-1) / 2
	exact := !grows || s.fixedGrow // iterations are alike: the ones looked at count
	s.saved.assign(&s.state)

	h := &s.history
	h.reset()
	s.first, s.final = true, false
	last := loop.Trip - 1 // the last iteration makes no copies for a next one
	k, q := 0, 0
	for ; k <= maxIterations; k++ {
		s.rebase()
		if k > 0 {
			if q = h.repeats(k, &s.state); q > 0 {
				break
			}
		}
		if exact && int64(k) == last {
			s.savedLast.assign(&s.state)
		}
		if k == maxIterations {
			break
		}
		s.iteration[l] = mean
		began, waited := s.origin+s.now, s.waitS
		if err := s.runIteration(l); err != nil {
			return 0, err
		}
		h.seconds[k], h.waits[k] = s.origin+s.now-began, s.waitS-waited
	}
	s.unsettled = q == 0
	if q == 0 || !exact {
		s.assignState(&s.saved)
		directMean, err := s.runAll(l)
		if err != nil || q == 0 {
			return directMean, err
		}
		return h.mean(k, q), nil
	}
	if last < int64(k) {
		s.assignState(&s.savedLast)
	} else {
		rest := last - int64(k)
		h.skip(&s.state, k, q, rest/int64(q))
		for range rest % int64(q) {
			s.rebase()
			if err := s.runIteration(l); err != nil {
				return 0, err
			}
		}
	}
	s.rebase()
	s.first, s.final = last == 0, true
	if err := s.runIteration(l); err != nil {
		return 0, err
	}
	return h.mean(k, q), s.leave(l)
}

// runAll runs every iteration of periodic loop l, growth included, and returns
// their mean time.
func (s *Simulator) runAll(l int) (float64, error) {
	trip := s.loops[l].Trip
	began := s.origin + s.now
	for i := range trip {
		s.rebase()
		s.first, s.final = i == 0, i == trip-1
		s.iteration[l] = float64(i)
		if s.fixedGrow {
			s.iteration[l] = float64(trip-1) / 2
		}
		if s.recorder != nil {
			s.recorder.beginIteration(s, l, i)
		}
		if err := s.runIteration(l); err != nil {
			return 0, err
		}
	}
	err := s.leave(l)
	return (s.origin + s.now - began) / float64(trip), err
}

// runIteration runs the body once.
func (s *Simulator) runIteration(l int) error {
	loop := &s.loops[l]
	err := s.runStraight(loop.Begin, loop.End)
	s.first = false
	return err
}

// leave ends the periodic loop: write-backs open at its end are awaited.
func (s *Simulator) leave(l int) error {
	for _, id := range s.exitWait {
		if s.pending[id] {
			if err := s.wait(id); err != nil {
				return err
			}
		}
	}
	s.iteration[l] = 0
	s.first, s.final = false, false
	return nil
}

// rebase moves the origin of time to now, so that states of different
// iterations compare to full precision.
func (s *Simulator) rebase() {
	for i := range s.engines {
		s.engines[i].shift(s.now)
	}
	s.next -= s.now
	s.origin += s.now
	s.now = 0
}

// assignState restores a saved state.
func (s *Simulator) assignState(from *state) {
	s.state.assign(from)
	// Rates depend on what is not part of the state: the last instruction's use
	// of the tiers, and the one slot that many engines share.
	clear(s.used)
	s.usedAny = false
	s.applyRates()
}

// stateHistory holds the states at the loop's begin of the last iterations.
type stateHistory struct {
	states  [maxPeriod + 1][]float64
	seconds [maxIterations]float64
	waits   [maxIterations]float64
}

func (h *stateHistory) reset() {
	for i := range h.states {
		h.states[i] = h.states[i][:0]
	}
}

// repeats records iteration k's state and returns the smallest q ≤ maxPeriod
// such that iteration k-q ≥ 1 began in the same state, else 0. Iteration 0
// never counts: it alone has the hand-over's copies.
func (h *stateHistory) repeats(k int, st *state) int {
	at := k % (maxPeriod + 1)
	x := h.states[at][:0]
	for i := range st.engines {
		x = st.engines[i].appendState(st.now, x)
	}
	h.states[at] = x
	for q := 1; q <= maxPeriod && k-q >= 1; q++ {
		if sameState(x, h.states[(k-q)%(maxPeriod+1)]) {
			return q
		}
	}
	return 0
}

func sameState(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Abs(a[i]-b[i]) > sameStateS {
			return false
		}
	}
	return true
}

// mean is the mean time of iterations k-q to k-1.
func (h *stateHistory) mean(k, q int) float64 {
	sum := 0.0
	for _, x := range h.seconds[k-q : k] {
		sum += x
	}
	return sum / float64(q)
}

// skip passes n times the iterations k-q to k-1 without running them.
func (h *stateHistory) skip(st *state, k, q int, n int64) {
	for i := k - q; i < k; i++ {
		st.origin += float64(n) * h.seconds[i]
		st.waitS += float64(n) * h.waits[i]
	}
}
