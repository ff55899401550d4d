package simulate

import (
	"fmt"
	"math"
)

// runPhases performs the operations of phase k (of an instruction) and of the
// next one: what is issued, then what is awaited.
func (s *Simulator) runPhases(k int) error {
	if a, b := s.opsFrom[k], s.opsTo[k]; a < b {
		if err := s.runOps(a, b); err != nil {
			return err
		}
	}
	if a, b := s.opsFrom[k+1], s.opsTo[k+1]; a < b {
		return s.runOps(a, b)
	}
	return nil
}

// runOps performs one phase's operations: ops[from:to].
func (s *Simulator) runOps(from, to int32) error {
	for _, op := range s.ops[from:to] {
		if op&opOnce != 0 && (!s.first || s.again(op)) || op&opWrapped != 0 && s.final {
			continue
		}
		id := op >> opShift
		if op&opWait != 0 {
			if s.pending[id] {
				if err := s.wait(id); err != nil {
					return err
				}
			}
			continue
		}
		if s.pending[id] {
			return fmt.Errorf("simulate: copies[%d] is issued again before it was awaited", id)
		}
		s.issue(id)
	}
	return nil
}

// again reports whether op issues a once copy in a later iteration of a plain
// loop.
func (s *Simulator) again(op int32) bool {
	if op&opWait != 0 {
		return false
	}
	t := s.plan.Copies[op>>opShift].Start
	for l := range s.loops {
		if !s.loops[l].Periodic && t >= s.loops[l].Begin && t < s.loops[l].End && s.iteration[l] > 0 {
			return true
		}
	}
	return false
}

// issue puts copy id at the end of its engine's queue.
func (s *Simulator) issue(id int32) {
	c := &s.plan.Copies[id]
	e := &s.engines[c.Engine]
	s.pending[id] = true
	e.queue[e.tail&uint32(len(e.queue)-1)] = id
	e.tail++
	if s.recorder != nil {
		s.recorder.issued(s, id)
	}
	if e.entering+1 != e.tail || e.last-e.first >= e.maxInFlight {
		return
	}
	e.enter(s.now, s.plan.Copies, s.pending)
	s.next = min(s.next, e.event)
	if e.event <= s.now {
		s.handleEvents()
	}
}

// wait lets time pass until copy id is complete.
func (s *Simulator) wait(id int32) error {
	if s.usedAny {
		clear(s.used)
		s.usedAny = false
		s.applyRates()
	}
	began := s.now
	for s.pending[id] {
		if math.IsInf(s.next, 1) {
			return fmt.Errorf("simulate: copies[%d] on engine %d never completes: its engine has no bandwidth left, or waits for a copy that was never issued", id, s.plan.Copies[id].Engine)
		}
		s.now = s.next
		s.handleEvents()
	}
	s.waitS += s.now - began
	if s.recorder != nil {
		s.recorder.waited(s, id, s.origin+began)
	}
	return nil
}

// drain waits for everything queued.
func (s *Simulator) drain() error {
	for i := range s.engines {
		e := &s.engines[i]
		for e.busy() {
			if err := s.wait(e.queue[(e.tail-1)&uint32(len(e.queue)-1)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// handleEvents handles every engine event that is due, then sets next.
func (s *Simulator) handleEvents() {
	if len(s.engines) == 1 { // the common machine: one link to the model file
		e := &s.engines[0]
		for e.event <= s.now {
			if e.transferring {
				if s.endTransfer(0) {
					s.applyRates()
				}
				continue
			}
			e.start(s.now, 0)
			s.mask = 1
			if s.recorder != nil {
				s.recorder.beginTransfer(s, 0)
			}
			s.applyRates()
		}
		s.next = e.event
		return
	}
	rerate := false // an engine began or ceased to transfer
	for again := true; again; {
		again = false
		for i := range s.engines {
			e := &s.engines[i]
			if e.event > s.now {
				continue
			}
			again = true
			if e.transferring {
				rerate = s.endTransfer(i) || rerate
				continue
			}
			e.start(s.now, 0)
			s.mask |= 1 << i
			rerate = true
			if s.recorder != nil {
				s.recorder.beginTransfer(s, i)
			}
		}
		if !again && rerate {
			rerate = false
			s.applyRates()
			again = s.next <= s.now // a request without bytes
		}
	}
	s.next = math.Inf(1)
	for i := range s.engines {
		s.next = min(s.next, s.engines[i].event)
	}
}

// endTransfer ends engine i's transfer and goes on with its next request when
// that is ready, at the same rate; otherwise it reports that rates change.
func (s *Simulator) endTransfer(i int) (ceased bool) {
	e := &s.engines[i]
	done := e.finishRequest()
	if done >= 0 {
		s.pending[done] = false
		if s.recorder != nil {
			s.recorder.endTransfer(s, i, done)
		}
	}
	if e.entering != e.tail {
		e.enter(s.now, s.plan.Copies, s.pending)
	}
	if e.first != e.last {
		if ready := e.ready[e.first&uint32(len(e.ready)-1)]; ready <= s.now {
			e.start(s.now, e.rate)
			if s.recorder != nil {
				s.recorder.beginTransfer(s, i)
			}
		} else {
			e.event = ready
		}
	}
	if !e.transferring {
		s.mask &^= 1 << i
		ceased = true
	}
	if done >= 0 && s.hasAfter {
		for k := range s.engines {
			s.engines[k].enter(s.now, s.plan.Copies, s.pending)
		}
	}
	return ceased
}

// applyRates recomputes every transferring engine's rate after a change of the
// set of transferring engines, or of what the running instruction takes.
func (s *Simulator) applyRates() {
	if s.steal {
		s.rates = s.slot(s.mask, s.engines)
		rate := s.rate[s.rates*len(s.engines):]
		for i := range s.engines {
			if e := &s.engines[i]; e.transferring && e.rate != rate[i] {
				e.setRate(s.now, rate[i])
			}
		}
	} else {
		s.countTransferring(s.mask)
		for i := range s.engines {
			e := &s.engines[i]
			if !e.transferring {
				continue
			}
			if r := s.engineRate(i, e.bw, s.used); e.rate != r || e.remaining == 0 {
				e.setRate(s.now, r)
			}
		}
	}
	s.next = math.Inf(1)
	for i := range s.engines {
		e := &s.engines[i]
		if e.transferring && e.remaining == 0 {
			e.event = min(e.event, s.now)
		}
		s.next = min(s.next, e.event)
	}
}

// memoryTime is the instruction's memory time at the present rates.
func (s *Simulator) memoryTime(t int) float64 {
	per := s.perByte[s.rates*s.columns:]
	sum := 0.0
	for i := s.termsFrom[t]; i < s.termsFrom[t+1]; i++ {
		x := &s.terms[i]
		bytes := x.base
		if x.loop >= 0 {
			bytes += x.slope * s.iteration[x.loop]
		}
		sum += bytes * per[x.column]
	}
	return sum
}

// execute runs instruction t while the engines move bytes.
func (s *Simulator) execute(t int) {
	compute := s.computeS[t]
	memory := s.memoryTime(t)
	if !s.steal {
		s.executeIdle(t, max(compute, memory))
		return
	}
	end := s.now + max(compute, memory)
	if end <= s.next {
		s.now = end
		return
	}
	left := 1.0 // of the memory traffic
	computeEnd := s.now + compute
	for {
		end := max(computeEnd, s.now+left*memory)
		if end <= s.next || math.IsInf(s.next, 1) {
			s.now = end
			return
		}
		if memory > 0 {
			left = max(0, left-(s.next-s.now)/memory)
		}
		s.now = s.next
		s.handleEvents()
		memory = s.memoryTime(t)
	}
}

// executeIdle runs instruction t for a fixed time under idle_bw; the engines get
// what it leaves.
func (s *Simulator) executeIdle(t int, duration float64) {
	end := s.now + duration
	busy := false
	for i := range s.engines {
		busy = busy || s.engines[i].busy()
	}
	if !busy || duration == 0 {
		s.now = end
		return
	}
	clear(s.used)
	for _, x := range s.terms[s.termsFrom[t]:s.termsFrom[t+1]] {
		td := int(x.column) % (2 * s.tiers)
		bytes := x.base
		if x.loop >= 0 {
			bytes += x.slope * s.iteration[x.loop]
		}
		if bw := s.tierBW[td]; bw > 0 {
			s.used[td/2] += bytes / bw / duration
		} else {
			s.used[td/2] = 1
		}
	}
	for i := range s.used {
		// An instruction that takes all of a tier leaves exactly nothing.
		if s.used[i] > 1-1e-12 {
			s.used[i] = 1
		}
	}
	s.usedAny = true
	s.applyRates()
	for s.next < end {
		s.now = s.next
		s.handleEvents()
	}
	s.now = end
}
