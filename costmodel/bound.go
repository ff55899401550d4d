package costmodel

import (
	"fmt"
	"math"
	"strconv"

	"strata/malloc"
)

// BoundMethod names the formula of LowerBound.
const BoundMethod = "periodic/2"

// Bound is a time below which no plan of a program can come, in seconds.
type Bound struct {
	TotalS        float64 // the whole run
	PerIterationS float64 // one steady iteration of the periodic loop; 0 without one
	MeanS         float64 // mean over the loop's iterations of this run, the first and last included
	Method        string
}

// LowerBound returns the bound periodic/2, the larger of an argument about space at
// one instant, periodic/1,
//
//	per iteration  max(Σ, S / bw),   S = max(0, W - C + F)
//	of the run     max(trip·Σ + Σ outside, (W' + (trip-1)·S) / bw)
//
// and of one about space over time, which area describes.
//
// Σ is the body's instruction times with every operand in the fastest tier its
// executor reaches and growth at its mean (time is convex in the bytes, so the
// mean bounds the sum over iterations from below). W is the bytes of the params
// the body touches whose homes no executor reaches, W' those of the whole
// program, bw the bandwidth of all engines out of these homes, C all limited
// capacity and F the most bytes of limited homes and scratch that the body keeps
// live at one time: what is not resident at that time must be copied in every
// iteration. Members of a must class share storage and count once; a select
// buffer counts nothing, since it may be read where its whole source is resident;
// a paged buffer counts the pages it has in the first iteration.
//
// It shares no code with the simulator.
func LowerBound(p *malloc.Program) (Bound, error) {
	b := bounder{p: p, loop: p.PeriodicLoop(), begin: len(p.Instructions), end: len(p.Instructions)}
	if b.loop != nil {
		b.begin, b.end = b.loop.Begin, b.loop.End
	}
	if err := b.check(); err != nil {
		return Bound{}, err
	}
	b.unreached = unreachedHomes(p)
	b.classes()
	b.touches()

	body, outside, err := b.fastTimes()
	if err != nil {
		return Bound{}, err
	}
	bw := 0.0
	for _, e := range p.Engines {
		if b.unreached[e.From] {
			bw += e.BW
		}
	}
	bodyBytes, allBytes := b.streamBytes()
	copyS := func(bytes float64) (float64, error) {
		if bytes <= 0 {
			return 0, nil
		}
		if bw <= 0 {
			return 0, fmt.Errorf("costmodel: %.0f bytes live in tiers that no executor reaches and no engine leaves", bytes)
		}
		return bytes / bw, nil
	}
	out := Bound{Method: BoundMethod}
	if b.loop == nil {
		c, err := copyS(allBytes)
		out.TotalS = max(outside, c)
		return out, err
	}
	capacity := 0.0
	for _, t := range p.Tiers {
		if t.Capacity != malloc.Unlimited {
			capacity += float64(t.Capacity)
		}
	}
	stream := max(0, bodyBytes-capacity+b.liveBytes())
	perIteration, err := copyS(stream)
	if err != nil {
		return Bound{}, err
	}
	run, err := copyS(allBytes + float64(b.loop.Trip-1)*stream)
	if err != nil {
		return Bound{}, err
	}
	trip := float64(b.loop.Trip)
	a := b.area(body, capacity, bw)
	out.PerIterationS = max(body, perIteration, a.steady())
	// What the first iteration finds was brought before the loop, into the room
	// that residents leave.
	out.MeanS = max(body, a.mean(trip))
	if bw > 0 {
		out.MeanS = max(out.MeanS, ((trip-1)*stream+a.least)/(trip*bw))
	}
	out.TotalS = max(trip*body+outside, run, outside+trip*out.MeanS)
	return out, nil
}

// bounder holds what LowerBound reads off a program.
type bounder struct {
	p          *malloc.Program
	loop       *malloc.Loop // the periodic one, or nil
	begin, end int          // its body; both the program's end without one
	unreached  []bool       // per tier: no executor reaches it

	class []int // per buffer: smallest buffer of its must class

	first, last         []int  // per buffer: touches of the whole program; first -1: none
	bodyFirst, bodyLast []int  // touches in the body; bodyFirst -1: none
	defined             []int  // per buffer: first write, -1: none
	readFirst           []bool // per buffer: the body reads it before it writes it
	bodyReadBytes       []int64
}

func (b *bounder) check() error {
	p := b.p
	for i, l := range p.Loops {
		if l.Begin < 0 || l.Begin >= l.End || l.End > len(p.Instructions) || l.Trip < 1 {
			return fmt.Errorf("costmodel: loops[%d]: [%d, %d) × %d: want 0 ≤ begin < end ≤ %d and trip ≥ 1", i, l.Begin, l.End, l.Trip, len(p.Instructions))
		}
	}
	for i, f := range p.Buffers {
		if f.Home < 0 || f.Home >= len(p.Tiers) {
			return fmt.Errorf("costmodel: buffers[%d]: home %d: the program has %d tiers", i, f.Home, len(p.Tiers))
		}
	}
	for i, e := range p.Engines {
		if e.From < 0 || e.From >= len(p.Tiers) {
			return fmt.Errorf("costmodel: engines[%d]: from %d: the program has %d tiers", i, e.From, len(p.Tiers))
		}
	}
	for t := range p.Instructions {
		in := &p.Instructions[t]
		for _, list := range [][]malloc.Operand{in.Reads, in.Writes} {
			for _, o := range list {
				if o.Buf < 0 || o.Buf >= len(p.Buffers) {
					return fmt.Errorf("costmodel: instructions[%d] touches buffer %d: the program has %d", t, o.Buf, len(p.Buffers))
				}
			}
		}
	}
	return nil
}

func unreachedHomes(p *malloc.Program) []bool {
	unreached := make([]bool, len(p.Tiers))
	if len(p.Executors) == 0 {
		return unreached
	}
	for i := range unreached {
		unreached[i] = true
	}
	for _, x := range p.Executors {
		for _, a := range x.Access {
			if a.Tier >= 0 && a.Tier < len(unreached) {
				unreached[a.Tier] = false
			}
		}
	}
	return unreached
}

// classes joins the members of must classes and carried pairs.
func (b *bounder) classes() {
	b.class = make([]int, len(b.p.Buffers))
	for i := range b.class {
		b.class[i] = i
	}
	root := func(i int) int {
		for b.class[i] != i {
			i = b.class[i]
		}
		return i
	}
	join := func(i, j int) {
		if i < 0 || j < 0 || i >= len(b.class) || j >= len(b.class) {
			return
		}
		i, j = root(i), root(j)
		b.class[max(i, j)] = min(i, j)
	}
	for _, a := range b.p.Aliases {
		if a.Kind == "must" {
			for _, m := range a.Buffers {
				join(a.Buffers[0], m)
			}
		}
	}
	for _, l := range b.p.Loops {
		for _, c := range l.Carried {
			join(c[0], c[1])
		}
	}
	for i := range b.class {
		b.class[i] = root(i)
	}
}

func (b *bounder) touches() {
	n := len(b.p.Buffers)
	b.first, b.last = make([]int, n), make([]int, n)
	b.bodyFirst, b.bodyLast, b.defined = make([]int, n), make([]int, n), make([]int, n)
	b.readFirst, b.bodyReadBytes = make([]bool, n), make([]int64, n)
	for i := range n {
		b.first[i], b.last[i], b.bodyFirst[i], b.bodyLast[i], b.defined[i] = -1, -1, -1, -1, -1
	}
	touch := func(t, i int) {
		if b.first[i] < 0 {
			b.first[i] = t
		}
		b.last[i] = t
		if t >= b.begin && t < b.end {
			if b.bodyFirst[i] < 0 {
				b.bodyFirst[i] = t
			}
			b.bodyLast[i] = t
		}
	}
	for t := range b.p.Instructions {
		in := &b.p.Instructions[t]
		inBody := t >= b.begin && t < b.end
		for _, o := range in.Reads {
			if inBody {
				b.bodyReadBytes[o.Buf] = max(b.bodyReadBytes[o.Buf], o.Bytes)
				b.readFirst[o.Buf] = b.readFirst[o.Buf] || b.defined[o.Buf] < 0
			}
			touch(t, o.Buf)
		}
		for _, o := range in.Writes {
			if b.defined[o.Buf] < 0 {
				b.defined[o.Buf] = t
			}
			touch(t, o.Buf)
		}
	}
}

// fastTimes returns the all-fast instruction times of one body iteration, and of
// everything outside the body with its loops' trips.
func (b *bounder) fastTimes() (body, outside float64, err error) {
	for t := range b.p.Instructions {
		s, err := b.fastTime(t)
		if err != nil {
			return 0, 0, err
		}
		if b.loop != nil && t >= b.begin && t < b.end {
			body += s
			continue
		}
		for i := range b.p.Loops {
			if l := &b.p.Loops[i]; !l.Periodic && t >= l.Begin && t < l.End {
				s *= float64(l.Trip)
			}
		}
		outside += s
	}
	return body, outside, nil
}

// fastTime is instruction t's time on its best executor with every operand in
// the tier that executor reads or writes fastest.
func (b *bounder) fastTime(t int) (float64, error) {
	in := &b.p.Instructions[t]
	reads, writes := 0.0, 0.0
	for _, o := range in.Reads {
		reads += float64(o.Bytes)
		for i := range b.p.Loops {
			l := &b.p.Loops[i]
			if t < l.Begin || t >= l.End {
				continue
			}
			for _, g := range l.Growth {
				if g.Buf == o.Buf {
					reads += g.Slope * float64(l.Trip-1) / 2
				}
			}
		}
	}
	for _, o := range in.Writes {
		writes += float64(o.Bytes)
	}
	runs := in.RunsOn
	if len(runs) == 0 {
		runs = []malloc.RunsOn{{Executor: 0, ComputeS: in.ComputeS}}
	}
	best := math.Inf(1)
	for _, r := range runs {
		readBW, writeBW := b.fastest(r.Executor)
		memory := 0.0
		if reads > 0 {
			memory += reads / readBW
		}
		if writes > 0 {
			memory += writes / writeBW
		}
		best = min(best, max(r.ComputeS, memory))
	}
	if math.IsInf(best, 1) || math.IsNaN(best) {
		return 0, fmt.Errorf("costmodel: instruction %d (%s): no executor that may run it reads and writes any tier", t, in.Name)
	}
	return best, nil
}

func (b *bounder) fastest(executor int) (readBW, writeBW float64) {
	if len(b.p.Executors) == 0 {
		for _, t := range b.p.Tiers {
			readBW, writeBW = max(readBW, t.ReadBW), max(writeBW, t.WriteBW)
		}
		return readBW, writeBW
	}
	if executor < 0 || executor >= len(b.p.Executors) {
		return 0, 0
	}
	for _, a := range b.p.Executors[executor].Access {
		readBW, writeBW = max(readBW, a.ReadBW), max(writeBW, a.WriteBW)
	}
	return readBW, writeBW
}

// streamBytes returns W and W'.
func (b *bounder) streamBytes() (body, all float64) {
	inBody := make(map[int]int64)
	anywhere := make(map[int]int64)
	for i := range b.p.Buffers {
		f := &b.p.Buffers[i]
		if f.Kind != malloc.KindParam || f.Select != nil || !b.unreached[f.Home] || b.first[i] < 0 {
			continue
		}
		if d := b.defined[i]; d >= 0 && b.writtenBeforeRead(i) {
			continue // its first value is never read from home
		}
		c := b.class[i]
		anywhere[c] = max(anywhere[c], f.Size)
		if b.bodyFirst[i] >= 0 && b.defined[i] < 0 {
			inBody[c] = max(inBody[c], f.Size)
		}
	}
	for _, n := range inBody {
		body += float64(n)
	}
	for _, n := range anywhere {
		all += float64(n)
	}
	return body, all
}

// writtenBeforeRead reports whether buffer i's first touch is a write alone.
func (b *bounder) writtenBeforeRead(i int) bool {
	t := b.first[i]
	for _, o := range b.p.Instructions[t].Reads {
		if o.Buf == i {
			return false
		}
	}
	return true
}

// liveBytes returns F: over the body's times, the most bytes of blocks in
// limited home tiers plus the instruction's scratch.
func (b *bounder) liveBytes() float64 {
	blocks, scratch := b.live()
	most := 0.0
	for t := range blocks {
		most = max(most, blocks[t]+scratch[t])
	}
	return most
}

// live returns for each instruction of the body the bytes of blocks that are
// certainly in limited home tiers, and its scratch there.
func (b *bounder) live() (blocks, scratch []float64) {
	length := b.end - b.begin
	step := make([]float64, length+1)
	type stay struct{ from, to int }
	byClass := make(map[int][]int)
	stays := make([]stay, len(b.p.Buffers))
	for i := range b.p.Buffers {
		f := &b.p.Buffers[i]
		if b.p.Tiers[f.Home].Capacity == malloc.Unlimited || b.first[i] < 0 {
			continue
		}
		from, to := b.stay(i)
		if from < to {
			stays[i] = stay{from, to}
			byClass[b.class[i]] = append(byClass[b.class[i]], i)
		}
	}
	for _, members := range byClass {
		if len(members) == 1 {
			i := members[0]
			step[stays[i].from-b.begin] += float64(b.liveSize(i))
			step[stays[i].to-b.begin] -= float64(b.liveSize(i))
			continue
		}
		// One place for the class: the largest live member at each time.
		now := int64(0)
		for t := b.begin; t <= b.end; t++ {
			live := int64(0)
			for _, i := range members {
				if t >= stays[i].from && t < stays[i].to {
					live = max(live, b.liveSize(i))
				}
			}
			step[t-b.begin] += float64(live - now)
			now = live
		}
	}
	blocks, scratch = make([]float64, length), make([]float64, length)
	now := 0.0
	for t := range length {
		now += step[t]
		blocks[t] = now
		for tier, n := range b.p.Instructions[b.begin+t].Scratch {
			if k, err := strconv.Atoi(tier); err == nil && k >= 0 && k < len(b.p.Tiers) && b.p.Tiers[k].Capacity != malloc.Unlimited {
				scratch[t] += float64(n)
			}
		}
	}
	return blocks, scratch
}

// stay returns the part of the body during which buffer i's home block is
// certainly live.
func (b *bounder) stay(i int) (from, to int) {
	f := &b.p.Buffers[i]
	outlives := f.End == malloc.EndOut || b.last[i] >= b.end
	before := f.Kind == malloc.KindParam || b.defined[i] >= 0 && b.defined[i] < b.begin
	inBody := b.bodyFirst[i] >= 0
	switch {
	case before && (inBody || outlives):
		return b.begin, b.end
	case !inBody:
		return 0, 0
	case outlives:
		return b.bodyFirst[i], b.end
	case b.readFirst[i]: // carried: from the last iteration to its last read
		if d := b.defined[i]; d >= 0 {
			return d, b.end
		}
		return b.begin, b.bodyLast[i] + 1
	}
	return b.bodyFirst[i], b.bodyLast[i] + 1
}

// liveSize is the bytes buffer i surely holds while live.
func (b *bounder) liveSize(i int) int64 {
	f := &b.p.Buffers[i]
	if f.Paged <= 0 {
		return f.Size
	}
	pages := (b.bodyReadBytes[i] + f.Paged - 1) / f.Paged
	return min(f.Size, pages*f.Paged)
}
