package costmodel

import (
	"math"
	"slices"
	"strconv"

	"strata/malloc"
)

// relaxation is what the Lagrangian bound keeps of one stretch of a program: the
// periodic body (on a circle) or the straight part before it (on a line).
//
// All limited tiers count as one fast memory. Candidates are buffers whose home
// is the unlimited tier; each of their touches is fast or, where the executor
// reaches home, slow. What lies in a limited home is always there and costs as
// little as it can; so do select buffers, paged ones and members of must classes,
// whose bytes are not counted.
type relaxation struct {
	n        int
	circular bool

	computeS []float64 // per instruction: time that no placement takes away
	memoryS  []float64 // memory time of operands that are no candidates
	mostS    []float64 // the longest an instruction can run, +Inf: unknown
	roomB    []float64 // bytes of fast memory that candidates may use
	freed    []bool    // instructions of plain loops: nothing is priced there

	copyS  float64 // seconds a byte takes from home over all engines together
	demand float64 // seconds of the home tier's time that a byte read there takes from the copies; 0: none

	cands []candidate
	uses  []candidateUse // of all candidates, in order
}

// candidate is a buffer with its uses[from:to].
type candidate struct {
	buf      int
	from, to int
	blockB   float64 // of a block in the fast memory
	copiedS  float64 // copied bytes × copyS
	defined  bool    // its first touch makes it: no copy
}

// candidateUse is one touch.
type candidateUse struct {
	instr    int
	fastS    float64 // memory time when fast
	slowS    float64 // memory time at home; +Inf: the executor does not reach it
	readB    float64 // bytes read at home when slow
	def      bool    // enters fast memory without a copy
	freeCopy bool    // in a plain loop: a copy costs nothing
}

// relax builds the relaxation of instructions [lo, hi).
func (b *bounder) relax(lo, hi int, circular bool) *relaxation {
	p := b.p
	r := &relaxation{n: hi - lo, circular: circular}
	for _, a := range []*[]float64{&r.computeS, &r.memoryS, &r.mostS, &r.roomB} {
		*a = make([]float64, r.n)
	}
	r.freed = make([]bool, r.n)
	home, capacity := -1, 0.0
	for i, t := range p.Tiers {
		if t.Capacity == malloc.Unlimited {
			home = i
		} else {
			capacity += float64(t.Capacity)
		}
	}
	if home < 0 {
		return nil
	}
	bw, shared := 0.0, true
	for _, e := range p.Engines {
		if e.From == home {
			bw += e.BW
			shared = shared && slices.Contains(e.Shares, home)
		}
	}
	if read := p.Tiers[home].ReadBW; shared && bw >= read && read > 0 {
		bw, r.demand = read, 1/read
	}
	r.copyS = math.Inf(1)
	if bw > 0 {
		r.copyS = 1 / bw
	}
	live := b.liveAt(lo, hi)
	for t := range r.n {
		r.roomB[t] = capacity - live[t]
		for i := range p.Loops {
			l := &p.Loops[i]
			r.freed[t] = r.freed[t] || !l.Periodic && lo+t >= l.Begin && lo+t < l.End
		}
	}
	shares := make([]int, len(p.Buffers))
	for i := range p.Buffers {
		shares[b.class[i]]++
	}
	uses := make([][]candidateUse, len(p.Buffers))
	for t := range r.n {
		b.relaxInstruction(r, lo+t, t, home, shares, uses)
	}
	for i := range p.Buffers {
		if len(uses[i]) == 0 {
			continue
		}
		if b.tooLarge(i, home) && slowOnly(uses[i]) {
			for _, u := range uses[i] {
				r.memoryS[u.instr] += u.slowS
			}
			continue
		}
		c := candidate{buf: i, from: len(r.uses), blockB: b.leastBlock(i, home), copiedS: b.leastCopied(i, home) * r.copyS}
		r.uses = append(r.uses, uses[i]...)
		c.to = len(r.uses)
		c.defined = r.uses[c.from].def
		r.cands = append(r.cands, c)
	}
	return r
}

// relaxInstruction sorts instruction t's operands into candidates' uses and fixed
// memory time. at is its index in the stretch.
func (b *bounder) relaxInstruction(r *relaxation, t, at, home int, shares []int, uses [][]candidateUse) {
	p := b.p
	in := &p.Instructions[t]
	fast, err := b.fastTime(t)
	if err != nil {
		fast = 0
	}
	times := 1.0
	for i := range p.Loops {
		if l := &p.Loops[i]; !l.Periodic && t >= l.Begin && t < l.End {
			times *= float64(l.Trip)
		}
	}
	runs := in.RunsOn
	if len(runs) == 0 {
		runs = []malloc.RunsOn{{Executor: 0, ComputeS: in.ComputeS}}
	}
	single := len(runs) == 1 && !r.freed[at]
	r.computeS[at], r.mostS[at] = fast*times, math.Inf(1)
	if single {
		r.computeS[at] = runs[0].ComputeS
		r.mostS[at] = b.longestS(t, runs[0])
	}
	reaches := false // home, on some executor
	for _, x := range runs {
		read, write := b.access(x.Executor, home)
		reaches = reaches || read > 0 || write > 0
	}
	readBW, writeBW := b.fastest(runs[0].Executor)
	homeRead, homeWrite := b.access(runs[0].Executor, home)
	operand := func(o malloc.Operand, write bool) {
		f := &p.Buffers[o.Buf]
		bytes := float64(o.Bytes)
		candidate := f.Home == home && f.Select == nil && f.Paged == 0 && shares[b.class[o.Buf]] == 1
		switch g := b.meanGrowth(t, o.Buf); {
		case write:
		case !candidate:
			bytes += g
		case g < 0: // a candidate counts in all iterations but one, whichever
			bytes = max(0, bytes+2*g)
		}
		fastS, slowS := 0.0, 0.0
		if single {
			if write {
				fastS, slowS = perBW(bytes, writeBW), perBW(bytes, homeWrite)
			} else {
				fastS, slowS = perBW(bytes, readBW), perBW(bytes, homeRead)
			}
		} else if !reaches {
			slowS = math.Inf(1)
		}
		if !candidate {
			r.memoryS[at] += min(fastS, slowS)
			return
		}
		list := uses[o.Buf]
		if len(list) == 0 || list[len(list)-1].instr != at {
			list = append(list, candidateUse{instr: at, freeCopy: r.freed[at],
				def: write && f.Kind != malloc.KindParam && b.first[o.Buf] == t && b.defined[o.Buf] == t})
		}
		u := &list[len(list)-1]
		u.fastS += fastS
		u.slowS += slowS
		if !write && single {
			u.readB += bytes
		}
		uses[o.Buf] = list
	}
	for _, o := range in.Reads {
		operand(o, false)
	}
	for _, o := range in.Writes {
		operand(o, true)
	}
}

// perBW is bytes/bw; no bandwidth: never, for any bytes, since a site must be
// reached even by an operand without traffic.
func perBW(bytes, bw float64) float64 {
	if bw <= 0 {
		return math.Inf(1)
	}
	return bytes / bw
}

// access is an executor's bandwidth to a tier.
func (b *bounder) access(executor, tier int) (read, write float64) {
	if len(b.p.Executors) == 0 {
		return b.p.Tiers[tier].ReadBW, b.p.Tiers[tier].WriteBW
	}
	if executor < 0 || executor >= len(b.p.Executors) {
		return 0, 0
	}
	for _, a := range b.p.Executors[executor].Access {
		if a.Tier == tier {
			return a.ReadBW, a.WriteBW
		}
	}
	return 0, 0
}

// longestS is the longest that instruction t runs on an executor: every operand in
// the slowest tier reached, engines taking all that they can. +Inf: no limit.
func (b *bounder) longestS(t int, on malloc.RunsOn) float64 {
	p := b.p
	slowest := [2]float64{math.Inf(1), math.Inf(1)}
	for tier := range p.Tiers {
		var own [2]float64
		own[0], own[1] = b.access(on.Executor, tier)
		for d, bw := range []float64{p.Tiers[tier].ReadBW, p.Tiers[tier].WriteBW} {
			if own[d] <= 0 {
				continue
			}
			taken := 0.0
			for _, e := range p.Engines {
				if p.Model.Overlap == "steal" && slices.Contains(e.Shares, tier) {
					engine := p.Tiers[tier].ReadBW
					if e.To == tier {
						engine = p.Tiers[tier].WriteBW
					}
					if engine <= 0 {
						return math.Inf(1)
					}
					taken += e.BW / engine
				}
			}
			if taken > 0 {
				own[d] = min(own[d], (1-taken)*bw)
			}
			if own[d] <= 0 {
				return math.Inf(1)
			}
			slowest[d] = min(slowest[d], own[d])
		}
	}
	in := &p.Instructions[t]
	memory := 0.0
	for _, o := range in.Reads {
		// growth by its largest: a run slot of the last iteration
		bytes := float64(o.Bytes) + 2*max(0, b.meanGrowth(t, o.Buf))
		memory += bytes / slowest[0]
	}
	for _, o := range in.Writes {
		memory += float64(o.Bytes) / slowest[1]
	}
	return max(on.ComputeS, memory)
}

// meanGrowth is the mean over the iterations of what reads of buf at t grow by.
func (b *bounder) meanGrowth(t, buf int) float64 {
	sum := 0.0
	for i := range b.p.Loops {
		l := &b.p.Loops[i]
		if t < l.Begin || t >= l.End {
			continue
		}
		for _, g := range l.Growth {
			if g.Buf == buf {
				sum += g.Slope * float64(l.Trip-1) / 2
			}
		}
	}
	return sum
}

// leastBlock is the least that a block of buffer i takes in a limited tier.
func (b *bounder) leastBlock(i, home int) float64 {
	p := b.p
	io := int64(1)
	for _, e := range p.Engines {
		if e.From == home || e.To == home {
			io = max(io, e.IOAlign)
		}
	}
	least := math.Inf(1)
	for _, t := range p.Tiers {
		if t.Capacity == malloc.Unlimited {
			continue
		}
		align := max(t.Align, io, 1)
		least = min(least, float64((extent(&p.Buffers[i], io)+align-1)/align*align))
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// tooLarge says that buffer i fits into no limited tier: it is always at home.
func (b *bounder) tooLarge(i, home int) bool {
	largest := int64(0)
	for t, tier := range b.p.Tiers {
		if t != home {
			largest = max(largest, tier.Capacity)
		}
	}
	return b.leastBlock(i, home) > float64(largest)
}

// slowOnly says that all uses reach home.
func slowOnly(uses []candidateUse) bool {
	return !slices.ContainsFunc(uses, func(u candidateUse) bool { return math.IsInf(u.slowS, 1) })
}

// leastCopied is the least that a copy of buffer i from home moves.
func (b *bounder) leastCopied(i, home int) float64 {
	least := math.Inf(1)
	for _, e := range b.p.Engines {
		if e.From == home {
			least = min(least, float64(extent(&b.p.Buffers[i], e.IOAlign)))
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// extent is a buffer's extent at home, widened to multiples of align.
func extent(f *malloc.Buffer, align int64) int64 {
	align = max(align, 1)
	at := int64(0)
	if f.HomeOffset != nil {
		at = *f.HomeOffset
	}
	return (at+f.Size+align-1)/align*align - at/align*align
}

// liveAt returns the bytes that limited homes and scratch surely hold at each
// instruction of [lo, hi): the whole body, or straight instructions before it.
func (b *bounder) liveAt(lo, hi int) []float64 {
	live := make([]float64, hi-lo)
	classes := map[int][]int{}
	var order []int
	for i := range b.p.Buffers {
		if b.p.Tiers[b.p.Buffers[i].Home].Capacity != malloc.Unlimited && b.first[i] >= 0 {
			if c := b.class[i]; classes[c] == nil {
				order = append(order, c)
			}
			classes[b.class[i]] = append(classes[b.class[i]], i)
		}
	}
	now := make([]int64, hi-lo)
	for _, c := range order {
		least, most := hi, lo // where the class lives
		for _, i := range classes[c] {
			var from, to int
			if b.loop != nil && lo == b.begin {
				from, to = b.stay(i)
			} else {
				from, to = b.first[i], b.last[i]+1
				if b.p.Buffers[i].Kind == malloc.KindParam {
					from = 0
				}
			}
			z := b.liveSize(i)
			if b.p.Buffers[i].Paged > 0 && lo != b.begin {
				z = 0 // its pages come as it grows
			}
			from, to = max(from, lo), min(to, hi)
			if from >= to {
				continue
			}
			least, most = min(least, from), max(most, to)
			for t := from; t < to; t++ {
				now[t-lo] = max(now[t-lo], z)
			}
		}
		for t := least; t < most; t++ {
			live[t-lo] += float64(now[t-lo])
			now[t-lo] = 0
		}
	}
	for t := range live {
		for tier, n := range b.p.Instructions[lo+t].Scratch {
			if k, err := strconv.Atoi(tier); err == nil && k >= 0 && k < len(b.p.Tiers) && b.p.Tiers[k].Capacity != malloc.Unlimited {
				live[t] += float64(n)
			}
		}
	}
	return live
}
