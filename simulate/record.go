package simulate

import (
	"slices"

	"strata/malloc"
	"strata/trace"
)

// recorder turns a direct run into a Timeline; the clock calls its hooks.
type recorder struct {
	opt     TimelineOptions
	t       *trace.Timeline
	engine0 int // lane of engine 0

	instr     int   // the instruction that runs or is about to
	iteration int32 // of the innermost loop, -1 outside
	keep      bool  // slices of this iteration are recorded
	outerKeep bool  // and of the iteration around the innermost loop

	issuedIn   []int32   // per copy: iteration of its issue
	issuedKeep []bool    // per copy: whether that iteration is recorded
	headS      []float64 // per copy: when no predecessor was left
	startS     []float64 // per copy: when its transfer began; -1: not yet
	doneS      []float64 // per copy: when it was complete

	copyBytes, copyRequests []int64 // per engine
	beganS                  float64 // of the running instruction

	occupancy occupancy
}

func (r *recorder) reset(s *Simulator) error {
	n := len(s.plan.Copies)
	r.issuedIn, r.issuedKeep = make([]int32, n), make([]bool, n)
	r.headS, r.startS, r.doneS = make([]float64, n), make([]float64, n), make([]float64, n)
	r.copyBytes, r.copyRequests = make([]int64, len(s.engines)), make([]int64, len(s.engines))
	r.iteration, r.keep, r.outerKeep = -1, true, true
	r.t = &trace.Timeline{Source: "predicted", Name: s.p.Name}
	if len(s.p.Executors) == 0 {
		r.t.Lanes = append(r.t.Lanes, trace.Lane{Kind: trace.LaneExecutor, Name: "executor"})
	}
	for i, x := range s.p.Executors {
		r.t.Lanes = append(r.t.Lanes, trace.Lane{Kind: trace.LaneExecutor, ID: i, Name: x.Name})
	}
	r.engine0 = len(r.t.Lanes)
	for i := range s.p.Engines {
		r.t.Lanes = append(r.t.Lanes, trace.Lane{Kind: trace.LaneEngine, ID: i, Name: engineName(s.p, i)})
	}
	return r.occupancy.reset(s)
}

func engineName(p *malloc.Program, i int) string {
	name := func(t int) string {
		if t < 0 || t >= len(p.Tiers) {
			return "?"
		}
		return p.Tiers[t].Name
	}
	return name(p.Engines[i].From) + " → " + name(p.Engines[i].To)
}

func (r *recorder) timeS(s *Simulator) float64 { return s.origin + s.now }

// reach is called before instruction t's copies are issued.
func (r *recorder) reach(s *Simulator, t int) {
	r.instr = t
	r.occupancy.take(r.occupancy.comes.at(t), r.timeS(s), r.keep)
}

// leave is called when everything before instruction t+1 is over.
func (r *recorder) leave(s *Simulator, t int) {
	r.occupancy.release(r.occupancy.goes.at(t+1), r.timeS(s), r.keep)
}

func (r *recorder) beginInstruction(s *Simulator) { r.beganS = r.timeS(s) }

func (r *recorder) endInstruction(s *Simulator, t int) {
	if !r.keep {
		return
	}
	in := &s.p.Instructions[t]
	lane := &r.t.Lanes[s.executor[t]]
	lane.Slices = append(lane.Slices, trace.Slice{Kind: trace.Compute, Ref: int32(t), Iteration: r.iteration,
		StartS: r.beganS, EndS: r.timeS(s), Name: in.Name})
}

// issued is called when copy id enters its engine's queue.
func (r *recorder) issued(s *Simulator, id int32) {
	c := &s.plan.Copies[id]
	r.issuedIn[id], r.issuedKeep[id] = r.iteration, r.keep
	r.startS[id] = -1
	r.headS[id] = -1
	if e := &s.engines[c.Engine]; e.tail-e.head == 1 {
		r.headS[id] = r.timeS(s)
	}
	r.copyBytes[c.Engine] += c.Bytes
	r.copyRequests[c.Engine] += Requests(&s.p.Engines[c.Engine], c.Bytes)
}

func (r *recorder) beginTransfer(s *Simulator, engine int) {
	e := &s.engines[engine]
	id := e.queue[e.head&uint32(len(e.queue)-1)]
	if r.startS[id] < 0 {
		r.startS[id] = r.timeS(s)
	}
}

func (r *recorder) endTransfer(s *Simulator, engine int, id int32) {
	now := r.timeS(s)
	r.doneS[id] = now
	e := &s.engines[engine]
	if e.busy() {
		r.headS[e.queue[e.head&uint32(len(e.queue)-1)]] = now
	}
	if !r.issuedKeep[id] {
		return
	}
	c := &s.plan.Copies[id]
	lane := &r.t.Lanes[r.engine0+engine]
	lane.Slices = append(lane.Slices, trace.Slice{Kind: trace.Transfer, Ref: id, Iteration: r.issuedIn[id],
		StartS: r.startS[id], EndS: now, Bytes: c.Bytes, Name: s.p.Buffers[c.Buf].Name})
}

// waited records the wait for copy id since beganS seconds: first for the copies
// before it, then for itself.
func (r *recorder) waited(s *Simulator, id int32, beganS float64) {
	now := r.timeS(s)
	if !r.keep || now <= beganS {
		return
	}
	c := &s.plan.Copies[id]
	lane := &r.t.Lanes[s.executor[min(r.instr, len(s.executor)-1)]]
	wait := trace.Slice{Kind: trace.Wait, Ref: id, Iteration: r.iteration, StartS: beganS, EndS: now,
		Bytes: c.Bytes, Name: s.p.Buffers[c.Buf].Name, Cause: trace.CauseCopy}
	if s.isBack[id] {
		wait.Cause = trace.CauseWriteBack
		lane.Slices = append(lane.Slices, wait)
		return
	}
	head := r.headS[id]
	if c.After >= 0 {
		head = max(head, r.doneS[c.After])
	}
	if head = min(head, now); head > beganS {
		queue := wait
		queue.EndS, queue.Cause = head, trace.CauseQueue
		lane.Slices = append(lane.Slices, queue)
		wait.StartS = head
	}
	if wait.StartS < wait.EndS {
		lane.Slices = append(lane.Slices, wait)
	}
}

// beginIteration is called before iteration i of loop l.
func (r *recorder) beginIteration(s *Simulator, l int, i int64) {
	now := r.timeS(s)
	kept := r.keep
	r.iteration = int32(min(i, 1<<31-1))
	r.keep = r.outerKeep && r.opt.records(i, s.loops[l].Trip)
	switch {
	case !r.keep && kept:
		r.t.Omitted = append(r.t.Omitted, trace.Omission{FromIteration: r.iteration, StartS: now})
	case r.keep && !kept:
		r.closeOmission(now, r.iteration-1)
		r.occupancy.resume(now)
	}
}

func (r *recorder) closeOmission(nowS float64, to int32) {
	o := &r.t.Omitted[len(r.t.Omitted)-1]
	o.ToIteration, o.EndS = max(o.FromIteration, to), nowS
}

// enterLoop is called before the first iteration of loop l; the result is handed
// to leaveLoop.
func (r *recorder) enterLoop(s *Simulator, l int) outerLoop {
	out := outerLoop{r.iteration, r.keep, r.outerKeep}
	r.outerKeep = r.keep
	r.occupancy.take(r.occupancy.entry[l], r.timeS(s), r.keep)
	return out
}

// leaveLoop is called after the last iteration of loop l.
func (r *recorder) leaveLoop(s *Simulator, l int, outer outerLoop) {
	now := r.timeS(s)
	if !r.keep && outer.keep {
		r.closeOmission(now, r.iteration)
		r.occupancy.resume(now)
	}
	r.occupancy.release(r.occupancy.exit[l], now, outer.keep)
	r.iteration, r.keep, r.outerKeep = outer.iteration, outer.keep, outer.outerKeep
}

// outerLoop is what a loop hides while it runs.
type outerLoop struct {
	iteration       int32
	keep, outerKeep bool
}

func (r *recorder) finish(s *Simulator, total float64) *trace.Timeline {
	t := r.t
	t.TotalS = total
	// Waits between two executors' instructions are recorded as they end, so a
	// lane is already in order; engines are FIFO. Sorting is for equal starts.
	for i := range t.Lanes {
		slices.SortStableFunc(t.Lanes[i].Slices, func(a, b trace.Slice) int {
			switch {
			case a.StartS < b.StartS:
				return -1
			case a.StartS > b.StartS:
				return 1
			}
			return 0
		})
	}
	t.Tiers = r.occupancy.tiers
	for i := range s.engines {
		t.Counters = append(t.Counters,
			trace.Counter{Name: trace.CounterCopyBytes + " " + engineName(s.p, i), Unit: "bytes", Value: float64(r.copyBytes[i])},
			trace.Counter{Name: trace.CounterCopyRequests + " " + engineName(s.p, i), Unit: "requests", Value: float64(r.copyRequests[i])})
	}
	reads, writes := s.access()
	for i, tier := range s.p.Tiers {
		if reads[i] > 0 || writes[i] > 0 {
			t.Counters = append(t.Counters,
				trace.Counter{Name: trace.CounterReadBytes + " " + tier.Name, Unit: "bytes", Value: reads[i]},
				trace.Counter{Name: trace.CounterWriteBytes + " " + tier.Name, Unit: "bytes", Value: writes[i]})
		}
	}
	t.Counters = append(t.Counters, trace.Counter{Name: trace.CounterWait, Unit: "s", Value: s.waitS})
	return t
}
