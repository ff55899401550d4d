package planner

import (
	"cmp"
	"slices"

	"strata/malloc"
)

// A ring is the part of a fast tier through which read-only buffers are
// streamed: each touch of a streamed buffer gets a block of its own, filled by a
// copy that starts as early as the room allows, and given back after the touch.
// The other read-only buffers are pinned above it. In a periodic body the ring
// closes: blocks at its end may already hold what the next iteration starts
// with.
//
// ringSpec holds what does not depend on the choice of pins; it is derived once
// from the all-DROP plan, whose other blocks (homes, scratch, demand copies of
// what cannot be streamed) stay where they are.
type ringSpec struct {
	p                *malloc.Program
	base             *malloc.Plan
	tier             int
	capacity         int64 // rounded down to align
	align            int64 // of every offset in the ring
	begin, end, trip int   // the periodic body [begin, end); begin = end = T without one
	streams          []stream
	streamOf         []int // per buffer: index into streams, or -1
	keptBlocks       []int // blocks of base that stay
	keptCopies       []int // copies of base that stay
	fixed            []arc // kept blocks in tier
	bodyTop          int64 // bytes below any pin: the highest kept block in the body
	clock            []float64
	locked           map[int]bool // streams that are pinned or streamed whatever the choice
}

// stream is one buffer that may be pinned or streamed.
type stream struct {
	buf, engine   int
	block, copied int64 // bytes of a block, bytes of a copy
	pre, body     []int // instructions that read it: before the loop, in its body
	post          []int // after the loop
}

// arc is a block's place: [start, end) in time, [lo, hi) in bytes. In a periodic
// body start may be below begin: the block then starts in the iteration before.
type arc struct {
	start, end int
	lo, hi     int64
}

// newRingSpec finds the tier and the buffers a ring can serve. ok is false when
// there are none.
func newRingSpec(p *malloc.Program, base *malloc.Plan) (r *ringSpec, ok bool) {
	t := len(p.Instructions)
	r = &ringSpec{p: p, base: base, begin: t, end: t, trip: 1}
	if l := p.PeriodicLoop(); l != nil && l.Trip > 0 {
		r.begin, r.end, r.trip = l.Begin, l.End, int(l.Trip)
	}
	r.tier = ringTier(p, base)
	if r.tier < 0 {
		return nil, false
	}
	r.findStreams()
	if len(r.streams) == 0 {
		return nil, false
	}
	r.align = max(p.Tiers[r.tier].Align, 1)
	for _, e := range p.Engines {
		if e.To == r.tier || e.From == r.tier {
			r.align = max(r.align, e.IOAlign)
		}
	}
	for _, s := range r.streams {
		r.align = max(r.align, homeAlign(p, s.buf))
	}
	r.capacity = p.Tiers[r.tier].Capacity / r.align * r.align
	r.keep()
	r.clock = make([]float64, t+1)
	for i := range p.Instructions {
		r.clock[i+1] = r.clock[i] + fastTime(p, i)
	}
	return r, true
}

// fastTime is an instruction's time on its first executor with all operands in
// the tier that it reads fastest.
func fastTime(p *malloc.Program, t int) float64 {
	in := &p.Instructions[t]
	compute, executor := in.ComputeS, 0
	if len(in.RunsOn) > 0 {
		compute, executor = in.RunsOn[0].ComputeS, in.RunsOn[0].Executor
	}
	read, write := 0.0, 0.0
	if len(p.Executors) == 0 {
		for _, tier := range p.Tiers {
			read, write = max(read, tier.ReadBW), max(write, tier.WriteBW)
		}
	} else {
		for _, a := range p.Executors[executor].Access {
			read, write = max(read, a.ReadBW), max(write, a.WriteBW)
		}
	}
	memory := 0.0
	for _, o := range in.Reads {
		if read > 0 {
			memory += float64(o.Bytes) / read
		}
	}
	for _, o := range in.Writes {
		if write > 0 {
			memory += float64(o.Bytes) / write
		}
	}
	return max(compute, memory)
}

// readable says whether instruction t reads tier on the executor base gives it.
func readable(p *malloc.Program, executor []int, t, tier int) bool {
	if len(p.Executors) == 0 {
		return true
	}
	for _, a := range p.Executors[executor[t]].Access {
		if a.Tier == tier && a.ReadBW > 0 {
			return true
		}
	}
	return false
}

// executorsOf lists the executor of every instruction under a plan.
func executorsOf(p *malloc.Program, plan *malloc.Plan) []int {
	list := make([]int, len(p.Instructions))
	for i := range p.Instructions {
		if on := p.Instructions[i].RunsOn; len(on) > 0 {
			list[i] = on[0].Executor
		}
	}
	for _, run := range plan.Runs {
		list[run.Instr] = run.Executor
	}
	return list
}

// directEngine is the fastest engine between two tiers, or -1.
func directEngine(p *malloc.Program, from, to int) int {
	best := -1
	for i, e := range p.Engines {
		if e.From == from && e.To == to && e.BW > 0 && (best < 0 || e.BW > p.Engines[best].BW) {
			best = i
		}
	}
	return best
}

// streamable says whether a buffer is read-only in the sense of the ring.
func streamable(p *malloc.Program, buf int) bool {
	b := &p.Buffers[buf]
	return b.Kind == malloc.KindParam && b.Select == nil
}

// ringTier is the limited tier to which the most bytes of read-only buffers can
// be copied from their homes; -1 when there is none.
func ringTier(p *malloc.Program, base *malloc.Plan) int {
	best, most := -1, int64(0)
	for tier := range p.Tiers {
		if p.Tiers[tier].Capacity == malloc.Unlimited {
			continue
		}
		r := &ringSpec{p: p, base: base, tier: tier, begin: len(p.Instructions), end: len(p.Instructions)}
		r.findStreams()
		sum := int64(0)
		for _, s := range r.streams {
			sum += s.block
		}
		if sum > most {
			best, most = tier, sum
		}
	}
	return best
}

// findStreams fills streams: params that are never written, belong to no must
// class, are touched in no loop that is not periodic, are read only by executors
// that reach the tier, and are not fixed elsewhere.
func (r *ringSpec) findStreams() {
	p := r.p
	no := make([]bool, len(p.Buffers))
	for i := range p.Buffers {
		no[i] = !streamable(p, i) || p.Buffers[i].Home == r.tier || directEngine(p, p.Buffers[i].Home, r.tier) < 0
	}
	for _, a := range p.Aliases {
		for _, b := range a.Buffers {
			no[b] = no[b] || a.Kind == "must"
		}
	}
	for _, l := range p.Loops {
		for _, c := range l.Carried {
			no[c[0]], no[c[1]] = true, true
		}
	}
	executor := executorsOf(p, r.base)
	touches := make([][]int, len(p.Buffers))
	for t := range p.Instructions {
		in := &p.Instructions[t]
		inLoop := false
		for _, l := range p.Loops {
			inLoop = inLoop || !l.Periodic && l.Begin <= t && t < l.End
		}
		for i, o := range in.Reads {
			if n := len(touches[o.Buf]); n == 0 || touches[o.Buf][n-1] != t {
				touches[o.Buf] = append(touches[o.Buf], t)
			}
			no[o.Buf] = no[o.Buf] || inLoop || !readable(p, executor, t, r.tier)
			for _, f := range in.Fixed {
				if f.Arg == argName('r', i) && f.Tier != r.tier {
					no[o.Buf] = true
				}
			}
		}
		for _, o := range in.Writes {
			no[o.Buf] = true
		}
	}
	for _, s := range r.base.Sites {
		o := operandAt(p, s)
		if s.Tier != r.tier && s.Tier != p.Buffers[o].Home {
			no[o] = true // served elsewhere, for instance in two hops
		}
	}
	r.streams, r.streamOf = nil, make([]int, len(p.Buffers))
	for b := range p.Buffers {
		r.streamOf[b] = -1
		if no[b] || len(touches[b]) == 0 {
			continue
		}
		e := directEngine(p, p.Buffers[b].Home, r.tier)
		s := stream{buf: b, engine: e, copied: extentBytes(&p.Buffers[b], p.Engines[e].IOAlign)}
		s.block = blockBytes(p, b, r.tier)
		for _, t := range touches[b] {
			switch {
			case t < r.begin:
				s.pre = append(s.pre, t)
			case t < r.end:
				s.body = append(s.body, t)
			default:
				s.post = append(s.post, t)
			}
		}
		r.streamOf[b] = len(r.streams)
		r.streams = append(r.streams, s)
	}
}

// extentBytes is a buffer's extent at home, widened to multiples of align.
func extentBytes(b *malloc.Buffer, align int64) int64 {
	align = max(align, 1)
	at := int64(0)
	if b.HomeOffset != nil {
		at = *b.HomeOffset
	}
	return (at+b.Size+align-1)/align*align - at/align*align
}

// homeAlign is the largest io_align of the engines to or from a buffer's home.
func homeAlign(p *malloc.Program, buf int) int64 {
	io := int64(1)
	for _, e := range p.Engines {
		if e.From == p.Buffers[buf].Home || e.To == p.Buffers[buf].Home {
			io = max(io, e.IOAlign)
		}
	}
	return io
}

// blockBytes is game.md rule 1: what a block of buf takes in a tier.
func blockBytes(p *malloc.Program, buf, tier int) int64 {
	io := homeAlign(p, buf)
	align := max(p.Tiers[tier].Align, io)
	return (extentBytes(&p.Buffers[buf], io) + align - 1) / align * align
}

// keep sorts base's blocks and copies into those that stay and those that the
// ring replaces.
func (r *ringSpec) keep() {
	replaced := func(b malloc.Block) bool {
		return b.Buf >= 0 && b.Tier == r.tier && r.streamOf[b.Buf] >= 0
	}
	r.keptBlocks, r.keptCopies, r.fixed, r.bodyTop = nil, nil, nil, 0
	for i, b := range r.base.Blocks {
		if replaced(b) {
			continue
		}
		r.keptBlocks = append(r.keptBlocks, i)
		if b.Tier != r.tier {
			continue
		}
		a := arc{start: b.Start, end: b.End, lo: b.Offset, hi: b.Offset + r.bytesOf(b)}
		r.fixed = append(r.fixed, a)
		if r.begin <= b.Start && b.Start < r.end {
			r.bodyTop = max(r.bodyTop, a.hi)
		}
	}
	for i, c := range r.base.Copies {
		if !replaced(r.base.Blocks[c.Block]) {
			r.keptCopies = append(r.keptCopies, i)
		}
	}
}

// bytesOf is what a block of base occupies.
func (r *ringSpec) bytesOf(b malloc.Block) int64 {
	if b.Buf != malloc.ScratchBuf {
		return classBytes(r.p, b.Buf, b.Tier)
	}
	return scratchBytes(r.p, b.Start, b.Tier)
}

// ring is one choice of pins and the blocks and copies it leads to.
type ring struct {
	*ringSpec
	pinned  []bool
	room    int64 // [0, room) is the ring and what is fixed, [room, capacity) the pins
	pinAt   []int64
	body    []placed
	pre     []placed
	handed  []placed // blocks that only the hand-over into the loop needs
	post    []placed
	pinFrom []int // per stream: start of its straight block that the loop continues, or -1
	bestFit bool
	hold    bool // no copy serves the next iteration
}

// placed is one block of a streamed buffer and the copy that fills it.
type placed struct {
	stream, touch int
	arc
	until int  // the copy is awaited by this instruction
	once  bool // the hand-over's copy
	cont  bool // no copy: continues an earlier block
}

// space is the set of blocks already placed, ordered by offset, on the line or
// (length > 0) on a circle.
type space struct {
	arcs   []arc
	length int
	align  int64
}

func (s *space) up(n int64) int64 { return (n + s.align - 1) / s.align * s.align }

func (s *space) add(a arc) {
	i, _ := slices.BinarySearchFunc(s.arcs, a.lo, func(x arc, lo int64) int { return cmp.Compare(x.lo, lo) })
	s.arcs = slices.Insert(s.arcs, i, a)
}

func (s *space) remove(a arc) {
	for i := range s.arcs {
		if s.arcs[i] == a {
			s.arcs = slices.Delete(s.arcs, i, i+1)
			return
		}
	}
}

// meets says whether a and [start, end) overlap in time.
func (s *space) meets(a *arc, start, end int) bool {
	if a.start < end && start < a.end {
		return true
	}
	if s.length == 0 {
		return false
	}
	return a.start-s.length < end && start < a.end-s.length || a.start+s.length < end && start < a.end+s.length
}

// gap finds a free place of size bytes below top over [start, end): the lowest,
// or with bestFit the tightest.
func (s *space) gap(start, end int, size, top int64, bestFit bool) (int64, bool) {
	cursor, at, tight := int64(0), int64(-1), int64(1)<<62
	for i := range s.arcs {
		a := &s.arcs[i]
		if a.hi <= cursor || !s.meets(a, start, end) {
			continue
		}
		if free := min(a.lo, top) - cursor; free >= size && free < tight {
			if !bestFit {
				return cursor, true
			}
			at, tight = cursor, free
		}
		cursor = max(cursor, s.up(a.hi))
	}
	if at >= 0 {
		return at, true
	}
	return cursor, top-cursor >= size
}

// freeAt says whether [lo, hi) is free over [start, end).
func (s *space) freeAt(start, end int, lo, hi int64) bool {
	for i := range s.arcs {
		if a := &s.arcs[i]; a.lo < hi && lo < a.hi && s.meets(a, start, end) {
			return false
		}
	}
	return true
}
