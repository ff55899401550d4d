package simulate

import (
	"fmt"
	"math"
	"slices"

	"strata/malloc"
)

// segmentLength is how many instructions lie between two states that an
// Incremental keeps.
const segmentLength = 16

// coincideS is how far apart two states may be to count as one, as a share of the
// whole run.
const coincideS = 1e-13

// Incremental evaluates a plan again after small changes: it simulates from the
// segment of the first change until the engines' queues coincide with what they
// were there before, and takes the time of all other segments as it was. Changes
// are kept on a trail: Undo takes back all since the last Commit.
//
// A segment is a stretch of straight instructions; a loop is one segment, so that
// a change inside it costs the simulation of that loop. A copy that makes a queue
// late makes the simulation go on until a wait or an idle engine absorbs that:
// in the worst case to the end of the plan.
//
// It is not safe for concurrent use.
type Incremental struct {
	sim  Simulator
	plan malloc.Plan
	live []bool  // per copy: not removed
	room []int32 // per phase: end of its list's memory in sim.ops
	safe int32   // a column with bandwidth, for operands without bytes

	length   int // of a segment; 0: segmentLength
	segs     []segment
	segOf    []int32     // per instruction
	loopSeg  int         // the periodic loop's segment; len(segs) without one
	states   []*snapshot // at the begin of each segment, and at the end of the last
	secondsS []float64   // per segment
	periodS  float64
	scoreS   malloc.Score
	stale    bool

	dirty  []bool // per segment: changed since it was simulated
	moved  []bool // per copy: changed since then; while it is queued no states coincide
	edits  []edit
	redone []redo
	spare  []*snapshot
}

// segment is a stretch of instructions; next is the first loop at or after from.
type segment struct{ from, to, next int }

// edit is how to take back one change: of a site, an executor or a copy.
type edit struct {
	kind    editKind
	at      int // operand's instruction, or copy
	operand int
	value   int32 // tier or executor before
	copy    malloc.Copy
	live    bool
}

type editKind uint8

const (
	editSite editKind = iota
	editRun
	editCopy
	editAdd
)

// redo is how to take back the simulation of one segment.
type redo struct {
	segment  int
	secondsS float64
	periodS  float64
	after    *snapshot // the state after it before; nil: it was the same
}

// NewIncremental loads a plan, whose slices it copies. With steady set growth is
// taken at its mean, as NewSteady does.
func NewIncremental(p *malloc.Program, plan *malloc.Plan, steady bool) (*Incremental, error) {
	x := &Incremental{sim: Simulator{fixedGrow: steady}}
	if err := x.Load(p, plan); err != nil {
		return nil, err
	}
	return x, nil
}

// Load replaces the plan and simulates all of it.
func (x *Incremental) Load(p *malloc.Program, plan *malloc.Plan) error {
	x.plan = *plan
	x.plan.Copies = append(make([]malloc.Copy, 0, len(plan.Copies)+16), plan.Copies...)
	x.live = resized(x.live, len(plan.Copies))
	for i := range x.live {
		x.live[i] = true
	}
	s := &x.sim
	if err := s.prepare(p, &x.plan); err != nil {
		return err
	}
	x.room = append(x.room[:0], s.opsTo...)
	x.safe = 0
	for td, bw := range s.tierBW {
		if bw > 0 {
			x.safe = int32(td)
			break
		}
	}
	// One term an operand, so that a site can change in place.
	s.termsFrom = append(s.termsFrom[:0], s.operandFrom...)
	s.terms = resized(s.terms, int(s.operandFrom[len(p.Instructions)]))
	for t := range p.Instructions {
		if err := x.retime(t); err != nil {
			return err
		}
	}
	x.widenQueues()
	x.cut()
	clear(x.moved)
	x.edits, x.redone = x.edits[:0], x.redone[:0]
	x.states = append(x.states, make([]*snapshot, max(0, len(x.segs)+1-len(x.states)))...)
	x.states = x.states[:len(x.segs)+1]
	for i := range x.states {
		if x.states[i] == nil {
			x.states[i] = &snapshot{}
		}
	}
	x.states[0].save(s)
	for k := range x.segs {
		began := s.origin + s.now
		if err := x.run(k); err != nil {
			return err
		}
		x.secondsS[k] = s.origin + s.now - began
		x.states[k+1].save(s)
	}
	return x.sum()
}

// cut divides the program into segments.
func (x *Incremental) cut() {
	s := &x.sim
	n := len(s.p.Instructions)
	x.segs, x.segOf = x.segs[:0], resized(x.segOf, n)
	x.loopSeg = -1
	next, length := 0, x.length
	if length == 0 {
		length = segmentLength
	}
	for t := 0; t < n; {
		g := segment{from: t, next: next}
		if next < len(s.loops) && s.loops[next].Begin == t {
			g.to = s.loops[next].End
			if next == s.periodic {
				x.loopSeg = len(x.segs)
			}
			next = int(s.skip[next])
		} else {
			g.to = min(n, t+length)
			if next < len(s.loops) {
				g.to = min(g.to, s.loops[next].Begin)
			}
		}
		for ; t < g.to; t++ {
			x.segOf[t] = int32(len(x.segs))
		}
		x.segs = append(x.segs, g)
	}
	if x.loopSeg < 0 {
		x.loopSeg = len(x.segs)
	}
	x.secondsS, x.dirty = resized(x.secondsS, len(x.segs)), resized(x.dirty, len(x.segs))
	clear(x.dirty)
	x.periodS = 0
}

// run simulates one segment from the present state.
func (x *Incremental) run(k int) error {
	g := x.segs[k]
	period, err := x.sim.runRange(g.from, g.to, g.next, false)
	if k == x.loopSeg {
		x.periodS = period
	}
	return err
}

// sum adds the segments up.
func (x *Incremental) sum() error {
	total := 0.0
	for _, s := range x.secondsS {
		total += s
	}
	if math.IsNaN(total) || total > longestS {
		return fmt.Errorf("simulate: the run never ends: an instruction or a copy has no bandwidth at a tier it uses")
	}
	x.scoreS, x.stale = malloc.Score{TotalS: total, PeriodS: x.periodS}, false
	return nil
}

// widenQueues makes every engine's queue hold all copies.
func (x *Incremental) widenQueues() {
	size := ringSize(cap(x.plan.Copies))
	for i := range x.sim.engines {
		if e := &x.sim.engines[i]; len(e.queue) < size {
			e.queue = make([]int32, size)
			e.head, e.tail, e.entering = 0, 0, 0 // empty: only called between runs
		}
	}
	for len(x.sim.pending) < cap(x.plan.Copies) {
		x.sim.pending = append(x.sim.pending, false)
	}
	for len(x.moved) < cap(x.plan.Copies) {
		x.moved = append(x.moved, false)
	}
}

// retime rewrites the terms of instruction t after its executor and sites.
func (x *Incremental) retime(t int) error {
	s := &x.sim
	in := &s.p.Instructions[t]
	lo := int(s.operandFrom[t])
	for k := range len(in.Reads) + len(in.Writes) {
		y := term{column: x.safe, loop: -1}
		direction, o := int32(0), malloc.Operand{}
		if k < len(in.Reads) {
			o = in.Reads[k]
		} else {
			direction, o = 1, in.Writes[k-len(in.Reads)]
		}
		y.base = float64(o.Bytes)
		if direction == 0 {
			var err error
			if y.slope, y.loop, err = s.growthOf(t, o.Buf); err != nil {
				return err
			}
		}
		if y.base != 0 || y.slope != 0 {
			y.column = (s.executor[t]*int32(s.tiers)+s.siteTier[lo+k])*2 + direction
			if !(s.ownBW[y.column] > 0) {
				return fmt.Errorf("simulate: instruction %d (%s): executor %d does not reach tier %d for %s", t, in.Name, s.executor[t], s.siteTier[lo+k], argName(k, len(in.Reads)))
			}
		}
		s.terms[lo+k] = y
	}
	return nil
}

// Score returns the time of the plan with all changes. After an error only Undo
// and Load are allowed.
func (x *Incremental) Score() (malloc.Score, error) {
	if !x.stale {
		return x.scoreS, nil
	}
	s := &x.sim
	near := coincideS * x.scoreS.TotalS
	for k := x.nextDirty(0); k < len(x.segs); k = x.nextDirty(k) {
		x.states[k].load(s)
		s.first, s.final = x.loopSeg == len(x.segs) || k <= x.loopSeg, false
		for {
			began, period := s.origin+s.now, x.periodS
			if err := x.run(k); err != nil {
				return malloc.Score{}, err
			}
			r := redo{segment: k, secondsS: x.secondsS[k], periodS: period}
			x.secondsS[k] = s.origin + s.now - began
			x.dirty[k] = false
			after := x.take()
			after.save(s)
			same := after.coincides(x.states[k+1], near) && !x.holdsMoved(s)
			if same {
				x.spare = append(x.spare, after)
			} else {
				r.after, x.states[k+1] = x.states[k+1], after
			}
			x.redone = append(x.redone, r)
			k++
			if k == len(x.segs) || same && !x.dirty[k] {
				break
			}
		}
	}
	clear(x.moved)
	err := x.sum()
	return x.scoreS, err
}

// holdsMoved says whether a copy that changed is queued: its bytes may not have
// counted yet.
func (x *Incremental) holdsMoved(s *Simulator) bool {
	for i := range s.engines {
		e := &s.engines[i]
		for k := e.head; k != e.tail; k++ {
			if x.moved[e.queue[k&uint32(len(e.queue)-1)]] {
				return true
			}
		}
	}
	return false
}

func (x *Incremental) nextDirty(k int) int {
	for k < len(x.segs) && !x.dirty[k] {
		k++
	}
	return k
}

// take returns memory for a state.
func (x *Incremental) take() *snapshot {
	if n := len(x.spare); n > 0 {
		y := x.spare[n-1]
		x.spare = x.spare[:n-1]
		return y
	}
	return &snapshot{}
}

// Commit keeps all changes.
func (x *Incremental) Commit() {
	for _, r := range x.redone {
		if r.after != nil {
			x.spare = append(x.spare, r.after)
		}
	}
	x.edits, x.redone = x.edits[:0], x.redone[:0]
}

// Undo takes back all changes since the last Commit.
func (x *Incremental) Undo() {
	for i := len(x.edits) - 1; i >= 0; i-- {
		e := &x.edits[i]
		switch e.kind {
		case editSite:
			x.sim.siteTier[int(x.sim.operandFrom[e.at])+e.operand] = e.value
			_ = x.retime(e.at) // it was valid before
		case editRun:
			x.placeRun(e.at, e.value)
			_ = x.retime(e.at)
		case editCopy:
			x.unlink(e.at)
			x.plan.Copies[e.at], x.live[e.at] = e.copy, e.live
			_ = x.link(e.at)
		case editAdd:
			x.unlink(e.at)
			x.plan.Copies, x.live = x.plan.Copies[:e.at], x.live[:e.at]
		}
	}
	for i := len(x.redone) - 1; i >= 0; i-- {
		r := &x.redone[i]
		x.secondsS[r.segment], x.periodS = r.secondsS, r.periodS
		if r.after != nil {
			x.spare = append(x.spare, x.states[r.segment+1])
			x.states[r.segment+1] = r.after
		}
	}
	x.edits, x.redone = x.edits[:0], x.redone[:0]
	clear(x.dirty)
	clear(x.moved)
	_ = x.sum()
}

// Plan returns the plan as it is now, blocks and what is not simulated as loaded.
func (x *Incremental) Plan() *malloc.Plan {
	out := x.plan
	index := make([]int, len(x.plan.Copies))
	out.Copies = nil
	for i, c := range x.plan.Copies {
		if x.live[i] {
			index[i] = len(out.Copies)
			out.Copies = append(out.Copies, c)
		}
	}
	for i := range out.Copies {
		if a := out.Copies[i].After; a >= 0 {
			out.Copies[i].After = index[a]
		}
	}
	out.Sites, out.Runs = nil, nil
	for t := range x.sim.p.Instructions {
		in := &x.sim.p.Instructions[t]
		lo := int(x.sim.operandFrom[t])
		for k := range len(in.Reads) + len(in.Writes) {
			out.Sites = append(out.Sites, malloc.Site{Instr: t, Arg: argName(k, len(in.Reads)), Tier: int(x.sim.siteTier[lo+k])})
		}
		if len(in.RunsOn) > 1 {
			out.Runs = append(out.Runs, malloc.Run{Instr: t, Executor: int(x.sim.executor[t])})
		}
	}
	out.Blocks = slices.Clone(x.plan.Blocks)
	return &out
}
