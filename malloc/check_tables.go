package malloc

import (
	"slices"
	"strconv"
)

// checkTables is what the checker derives from a Program alone.
//
// Time is unrolled: the first, one middle and the last iteration of the
// periodic body (fewer when it runs fewer times) between the straight parts. An
// instruction t of iteration k is at t + k·L, one after the loop at
// t + (K-1)·L. A steady plan does the same in every middle iteration, so what
// holds in one holds in all.
type checkTables struct {
	p          *Program
	T          int
	begin, end int // the periodic body; T, T without one
	L          int
	trip       int64
	K          int // iterations that are unrolled: min(trip, 3)
	N          int // length of the unrolled axis

	rep      []int32 // per buffer: the first buffer of its carried pairs
	class    []int32 // per buffer: must-class (carried pairs included), -1 none
	extent   []int64 // per buffer: bytes of data, or of the aligned extent around them
	homeIO   []int64 // per tier: largest io_align of engines to or from it
	argBase  []int32 // per instruction: index of its first operand; reads, then writes
	def      []int32 // per buffer: its first write, -1 none or param
	carried  []bool  // per rep
	afterAt  map[int][]int32
	inSelect []int32 // select buffers whose `after` lies in the body
	runsIn   []bool  // per executor·tier: readable
	runsOut  []bool  // per executor·tier: writable
	repeats  []int64 // per instruction: runs over the whole run outside the periodic loop
	scratch  []checkScratch

	twice     map[int]bool  // instructions that write a buffer twice
	loopOf    []int32       // per instruction: innermost loop that is not periodic and repeats, -1 none
	loopIn    []int32       // per loop: the one around it, -1 none
	plainEnds map[int][]int // loops that are not periodic, by their end on the unrolled axis
}

type checkScratch struct {
	instr, tier int
	bytes       int64
}

func (k *checkTables) load(p *Program) {
	k.p, k.T = p, len(p.Instructions)
	k.begin, k.end, k.K = k.T, k.T, 1
	if l := p.PeriodicLoop(); l != nil {
		k.begin, k.end, k.trip = l.Begin, l.End, l.Trip
		k.L = l.End - l.Begin
		k.K = int(min(l.Trip, 3))
	}
	k.N = k.T + (k.K-1)*k.L
	k.loadClasses()
	k.loadSizes()
	k.loadOperands()
	k.loadExecutors()
	k.loadLoops()
}

func (k *checkTables) loadLoops() {
	p := k.p
	k.repeats, k.loopOf = make([]int64, k.T), make([]int32, k.T)
	for t := range k.repeats {
		k.repeats[t], k.loopOf[t] = 1, -1
	}
	k.loopIn = make([]int32, len(p.Loops))
	k.plainEnds = make(map[int][]int)
	outerFirst := make([]int, 0, len(p.Loops))
	for i, l := range p.Loops {
		if !l.Periodic && l.Trip > 1 {
			outerFirst = append(outerFirst, i)
		}
	}
	slices.SortStableFunc(outerFirst, func(a, b int) int {
		return p.Loops[b].End - p.Loops[b].Begin - p.Loops[a].End + p.Loops[a].Begin
	})
	for _, i := range outerFirst {
		l := &p.Loops[i]
		at := k.unrolled(l.End-1) + 1
		k.plainEnds[at] = append(k.plainEnds[at], i)
		k.loopIn[i] = k.loopOf[l.Begin]
		for t := l.Begin; t < l.End; t++ {
			k.loopOf[t] = int32(i)
			if k.repeats[t] > MaxSizeBytes/l.Trip {
				k.repeats[t] = MaxSizeBytes
			} else {
				k.repeats[t] *= l.Trip
			}
		}
	}
}

func (k *checkTables) loadClasses() {
	p := k.p
	k.rep = make([]int32, len(p.Buffers))
	k.class = make([]int32, len(p.Buffers))
	k.carried = make([]bool, len(p.Buffers))
	for i := range k.rep {
		k.rep[i], k.class[i] = int32(i), int32(i)
	}
	find := func(parent []int32, i int32) int32 {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	join := func(parent []int32, a, b int32) {
		a, b = find(parent, a), find(parent, b)
		parent[max(a, b)] = min(a, b)
	}
	shared := make([]bool, len(p.Buffers))
	for _, l := range p.Loops {
		for _, pair := range l.Carried {
			join(k.rep, int32(pair[0]), int32(pair[1]))
			join(k.class, int32(pair[0]), int32(pair[1]))
			shared[pair[0]], shared[pair[1]] = true, true
			k.carried[pair[0]], k.carried[pair[1]] = true, true
		}
	}
	for _, a := range p.Aliases {
		if a.Kind == "must" {
			for _, b := range a.Buffers {
				join(k.class, int32(a.Buffers[0]), int32(b))
				shared[b] = true
			}
		}
	}
	for i := range k.rep {
		k.rep[i] = find(k.rep, int32(i))
		k.class[i] = find(k.class, int32(i))
	}
	for i := range k.class {
		if !shared[i] {
			k.class[i] = -1
		}
	}
}

func (k *checkTables) loadSizes() {
	p := k.p
	k.homeIO = make([]int64, len(p.Tiers))
	for i := range k.homeIO {
		k.homeIO[i] = 1
	}
	for i := range p.Engines {
		e := &p.Engines[i]
		k.homeIO[e.From] = max(k.homeIO[e.From], e.IOAlign)
		k.homeIO[e.To] = max(k.homeIO[e.To], e.IOAlign)
	}
	k.extent = make([]int64, len(p.Buffers))
	for i := range p.Buffers {
		b := &p.Buffers[i]
		k.extent[i] = b.Size
		if b.HomeOffset != nil {
			io := k.homeIO[b.Home]
			lo := *b.HomeOffset / io * io
			k.extent[i] = upTo(*b.HomeOffset+b.Size, io) - lo
		}
	}
}

// upTo is n rounded up to a multiple of unit.
func upTo(n, unit int64) int64 {
	if r := n % unit; r != 0 {
		return n - r + unit
	}
	return n
}

// unit is what a block of buf in tier is aligned and rounded to (rule 1).
func (k *checkTables) unit(buf, tier int) int64 {
	if buf == ScratchBuf {
		return k.p.Tiers[tier].Align
	}
	return max(k.p.Tiers[tier].Align, k.homeIO[k.p.Buffers[buf].Home])
}

// blockBytes is z of rule 1; for scratch, bytes is what the instruction needs.
func (k *checkTables) blockBytes(buf, tier int) int64 {
	return upTo(k.extent[buf], k.unit(buf, tier))
}

// copyBytes is what a whole copy of buf by engine e moves.
func (k *checkTables) copyBytes(buf, e int) int64 {
	return upTo(k.extent[buf], k.p.Engines[e].IOAlign)
}

func (k *checkTables) loadOperands() {
	p := k.p
	k.argBase = make([]int32, k.T+1)
	k.def = make([]int32, len(p.Buffers))
	for i := range k.def {
		k.def[i] = -1
	}
	k.twice = make(map[int]bool)
	writtenAt := make([]int, len(p.Buffers)) // +1
	for t := range p.Instructions {
		in := &p.Instructions[t]
		for _, w := range in.Writes {
			if writtenAt[w.Buf] == t+1 {
				k.twice[t] = true
			}
			writtenAt[w.Buf] = t + 1
		}
		k.argBase[t+1] = k.argBase[t] + int32(len(in.Reads)+len(in.Writes))
		for _, w := range in.Writes {
			if k.def[w.Buf] < 0 && p.Buffers[w.Buf].Kind != KindParam {
				k.def[w.Buf] = int32(t)
			}
		}
		for key, bytes := range in.Scratch {
			if tier, _ := strconv.Atoi(key); bytes > 0 {
				k.scratch = append(k.scratch, checkScratch{t, tier, bytes})
			}
		}
	}
	slices.SortFunc(k.scratch, func(a, b checkScratch) int {
		if a.instr != b.instr {
			return a.instr - b.instr
		}
		return a.tier - b.tier
	})
	k.afterAt = make(map[int][]int32)
	for i := range p.Buffers {
		if s := p.Buffers[i].Select; s != nil && s.After >= 0 {
			k.afterAt[s.After] = append(k.afterAt[s.After], int32(i))
			if k.inBody(s.After) {
				k.inSelect = append(k.inSelect, int32(i))
			}
		}
	}
}

// writtenBefore reports whether an earlier write operand of instruction t names
// the buffer of write operand j.
func (k *checkTables) writtenBefore(t, j int) bool {
	if !k.twice[t] {
		return false
	}
	w := k.p.Instructions[t].Writes
	return slices.ContainsFunc(w[:j], func(o Operand) bool { return o.Buf == w[j].Buf })
}

func (k *checkTables) loadExecutors() {
	p, nt := k.p, len(k.p.Tiers)
	n := max(1, len(p.Executors))
	k.runsIn, k.runsOut = make([]bool, n*nt), make([]bool, n*nt)
	if len(p.Executors) == 0 {
		for tier := range p.Tiers {
			k.runsIn[tier] = true
			k.runsOut[tier] = p.Tiers[tier].WriteBW > 0
		}
	}
	for x := range p.Executors {
		for _, a := range p.Executors[x].Access {
			k.runsIn[x*nt+a.Tier] = a.ReadBW > 0
			k.runsOut[x*nt+a.Tier] = a.WriteBW > 0
		}
	}
}

func (k *checkTables) inBody(t int) bool { return k.begin <= t && t < k.end }

// limited reports whether a tier has a capacity.
func (k *checkTables) limited(tier int) bool { return k.p.Tiers[tier].Capacity != Unlimited }

// unrolled maps a time of the straight parts to the unrolled axis.
func (k *checkTables) unrolled(t int) int {
	if k.L > 0 && t >= k.end {
		return t + (k.K-1)*k.L
	}
	return t
}
