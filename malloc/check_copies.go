package malloc

import "fmt"

// This file checks what can be said of blocks and copies one at a time: where
// blocks may lie in time and space, windows, sources, bytes in the steady state.

// classifyCopies finds out what each copy does: its block is its destination
// when the block lies where the engine ends, its source where it begins.
func (k *checkRun) classifyCopies() {
	copies := k.plan.Copies
	k.writeBack = make([]bool, len(copies))
	k.toHome = make([]bool, len(copies))
	k.intoBlock = make([]bool, len(copies))
	for i := range copies {
		c := &copies[i]
		e := &k.p.Engines[c.Engine]
		k.intoBlock[i] = k.plan.Blocks[c.Block].Tier == e.To
		k.toHome[i] = e.To == k.p.Buffers[c.Buf].Home
		k.writeBack[i] = k.toHome[i]
	}
	for i := range copies { // the first of two hops home
		for j, n := i, 0; k.writeBack[j] && copies[j].After >= 0 && n < len(k.p.Tiers); n++ {
			j = copies[j].After
			if k.p.Engines[copies[j].Engine].From == k.p.Buffers[copies[j].Buf].Home {
				break
			}
			k.writeBack[j] = true
		}
	}
	k.betweenHops = make([]bool, len(copies))
	for _, c := range copies {
		if c.Once && c.After >= 0 {
			k.betweenHops[c.After] = true
		}
	}
	k.fillOf = make([]int32, len(k.plan.Blocks))
	k.onceOf = make([]int32, len(k.plan.Blocks))
	for i := range k.fillOf {
		k.fillOf[i], k.onceOf[i] = -1, -1
	}
	for i := range copies {
		if !k.intoBlock[i] || k.toHome[i] {
			continue
		}
		of := k.fillOf
		if copies[i].Once {
			of = k.onceOf
		}
		b := copies[i].Block
		if of[b] >= 0 {
			k.failCopy(TwoSources, i, fmt.Sprintf("copies[%d] fills block %d too", of[b], b), "a block has one source")
		}
		of[b] = int32(i)
	}
}

// checkWindows checks every block and every copy on its own.
func (k *checkRun) checkWindows() {
	for i := range k.plan.Blocks {
		k.checkBlock(i)
	}
	for i := range k.plan.Copies {
		c := &k.plan.Copies[i]
		if !k.toHome[i] && !k.writeBack[i] {
			if want := k.copyBytes(c.Buf, c.Engine); c.Bytes != want {
				k.failCopy(WrongByteCount, i, fmt.Sprintf("%d bytes", c.Bytes), fmt.Sprintf("the whole buffer in units of %d is %d", k.p.Engines[c.Engine].IOAlign, want))
			}
		}
		k.checkAfter(i)
		switch {
		case k.writeBack[i]:
			k.checkWriteBackWindow(i)
		case c.Once:
			k.checkOnceWindow(i)
		default:
			k.checkFillWindow(i)
		}
	}
}

func (k *checkRun) checkBlock(i int) {
	b := &k.plan.Blocks[i]
	z := int64(0)
	if b.Buf != ScratchBuf {
		z = k.blockBytes(b.Buf, b.Tier)
		if home := k.p.Buffers[b.Buf].Home; home == b.Tier && !k.limited(home) {
			k.failBlock(WrongTier, i, "the tier is the buffer's home, which is unlimited", "blocks lie in other tiers")
		}
	}
	if u := k.unit(b.Buf, b.Tier); b.Offset%u != 0 {
		k.failBlock(Misaligned, i, fmt.Sprintf("offset %d", b.Offset), fmt.Sprintf("a multiple of %d is expected", u))
	}
	switch capacity := k.p.Tiers[b.Tier].Capacity; {
	case b.Offset < 0 || b.Offset > MaxSizeBytes:
		k.failBlock(OverCapacity, i, fmt.Sprintf("offset %d", b.Offset), "0..2^53-1 is expected")
	case k.limited(b.Tier) && b.Offset+z > capacity:
		k.failBlock(OverCapacity, i, fmt.Sprintf("its %d bytes end at %d", z, b.Offset+z), fmt.Sprintf("the tier has %d", capacity))
	}
	switch {
	case k.inBody(b.Start):
		if b.End > b.Start+k.L {
			k.failBlock(WrongWrap, i, fmt.Sprintf("it is %d long", b.End-b.Start), fmt.Sprintf("at most the body's length %d is expected", k.L))
		}
	case b.End > k.T:
		k.failBlock(BadInterval, i, fmt.Sprintf("it ends at %d", b.End), fmt.Sprintf("the schedule ends at %d", k.T))
	case b.Start < k.begin && b.End > k.begin && b.End < k.end && !k.betweenOnce(i):
		k.failBlock(WrongWrap, i, fmt.Sprintf("it starts before the body [%d, %d) and ends inside it", k.begin, k.end), fmt.Sprintf("an end at %d, continued by a block of the body, or from %d on is expected", k.begin, k.end))
	}
}

// betweenOnce reports whether block i only serves as the place between the two
// hops of a once copy, which may be awaited inside the body.
func (k *checkRun) betweenOnce(i int) bool {
	if k.onceOf[i] < 0 {
		return false
	}
	return k.betweenHops[k.onceOf[i]]
}

// checkAfter: the copy that one must follow is issued earlier in the same
// iteration and leaves the buffer where this one begins.
func (k *checkRun) checkAfter(i int) {
	c := &k.plan.Copies[i]
	if c.After < 0 {
		return
	}
	a := &k.plan.Copies[c.After]
	switch {
	case c.After == i:
		k.failCopy(QueueOrder, i, "it follows itself", "an earlier copy is expected")
	case k.rep[a.Buf] != k.rep[c.Buf]:
		k.failCopy(QueueOrder, i, fmt.Sprintf("copies[%d], which it follows, moves %s", c.After, k.bufferText(a.Buf)), "a copy of the same buffer is expected")
	case k.p.Engines[a.Engine].To != k.p.Engines[c.Engine].From:
		k.failCopy(QueueOrder, i, fmt.Sprintf("copies[%d], which it follows, ends in tier %d", c.After, k.p.Engines[a.Engine].To), fmt.Sprintf("this one begins in tier %d", k.p.Engines[c.Engine].From))
	case a.Start > c.Start || a.Start == c.Start && (c.After > i || k.writeBack[i] && !k.writeBack[c.After]) || a.Once != c.Once && k.L > 0 && k.inBody(c.Start):
		k.failCopy(QueueOrder, i, fmt.Sprintf("copies[%d], which it follows, is issued at %d", c.After, a.Start), "it is issued earlier in the same iteration")
	}
}

// stretch is the part of the schedule that a copy outside the body stays in.
func (k *checkRun) stretch(start int) (lo, hi int) {
	if start < k.begin || k.L == 0 {
		return 0, k.begin
	}
	return k.end, k.T
}

// checkFillWindow: start and before lie inside the destination; in the body
// before may be of the next iteration.
func (k *checkRun) checkFillWindow(i int) {
	c := &k.plan.Copies[i]
	b := &k.plan.Blocks[c.Block]
	if !k.intoBlock[i] {
		k.failCopy(CopyOutsideWindow, i, "its block is its source", "a copy that does not go home fills its block")
		return
	}
	start, before := c.Start, c.Before
	if k.inBody(c.Start) {
		if c.Before >= c.Start+k.L {
			k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("it is awaited %d instructions later", c.Before-c.Start), fmt.Sprintf("fewer than the body's length %d are expected", k.L))
			return
		}
		if start < b.Start {
			start, before = start+k.L, before+k.L
		}
		if !k.inBody(b.Start) {
			k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("its block over [%d, %d) belongs to a straight part", b.Start, b.End), "a block of the body is expected")
			return
		}
	} else {
		if c.Start >= k.T {
			k.failCopy(CopyOutsideWindow, i, "it starts after the last instruction", "it serves a touch")
			return
		}
		if lo, hi := k.stretch(c.Start); c.Before > hi || c.Start < lo {
			k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("it is awaited at %d", c.Before), fmt.Sprintf("its stretch is [%d, %d)", lo, hi))
			return
		}
	}
	if start < b.Start || before >= b.End {
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("its block covers [%d, %d)", b.Start, b.End), "start and before lie inside it")
	}
}

// checkOnceWindow: the hand-over into the loop (rule 12).
func (k *checkRun) checkOnceWindow(i int) {
	c := &k.plan.Copies[i]
	b := &k.plan.Blocks[c.Block]
	switch {
	case !k.intoBlock[i]:
		k.failCopy(CopyOutsideWindow, i, "its block is its source", "a once copy fills its block")
	case k.L == 0 || c.Start > k.begin:
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("a once copy starts at %d", c.Start), fmt.Sprintf("it hands over to the body, so it starts by %d", k.begin))
	case c.Before >= k.begin+k.L:
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("it is awaited at %d", c.Before), fmt.Sprintf("before %d is expected", k.begin+k.L))
	case c.Start < k.begin && (b.Start > c.Start || b.End < k.begin):
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("its block covers [%d, %d)", b.Start, b.End), fmt.Sprintf("a straight block from %d or earlier to the body's begin %d is expected", c.Start, k.begin))
	case c.Start == k.begin && !k.inBody(b.Start):
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("its block covers [%d, %d)", b.Start, b.End), "a copy from the body's begin on fills a block of the body")
	case c.Start == k.begin && b.Start > k.begin && b.End <= k.end:
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("its block covers [%d, %d)", b.Start, b.End), "a block that wraps or starts at the body's begin is expected")
	}
}

// checkWriteBackWindow: the source covers the window; a body's write-back
// starts in (begin, end], a straight one stays in its stretch.
func (k *checkRun) checkWriteBackWindow(i int) {
	c := &k.plan.Copies[i]
	b := &k.plan.Blocks[c.Block]
	if c.Once {
		k.failCopy(CopyOutsideWindow, i, "a write-back is marked once", "only copies into a body are")
		return
	}
	if !k.bodyCopy(i) {
		lo, hi := k.stretch(c.Start - 1) // of the instruction that wrote
		if c.Start < lo || c.Before > hi {
			k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("a straight write-back over [%d, %d)", c.Start, c.Before), fmt.Sprintf("it stays inside [%d, %d]", lo, hi))
			return
		}
		if c.Start < b.Start || c.Before > b.End {
			k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("its block covers [%d, %d)", b.Start, b.End), "the block lasts until the write-back is awaited")
		}
		return
	}
	if c.Before >= c.Start+k.L {
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("a write-back of the body over [%d, %d)", c.Start, c.Before), fmt.Sprintf("less than the body's length %d is expected", k.L))
		return
	}
	if b.End-b.Start == k.L {
		return
	}
	start, before := c.Start, c.Before
	if start <= b.Start {
		start, before = start+k.L, before+k.L
	}
	if start < b.Start || before > b.End {
		k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("its block covers [%d, %d)", b.Start, b.End), "the block lasts until the write-back is awaited")
	}
}

// checkSteadyBytes computes what each write-back of the body moves in the steady
// state: the bytes written since the last one, going round the circle.
func (k *checkRun) checkSteadyBytes() {
	k.steady = make([]int64, len(k.plan.Copies))
	k.carrying = make([]bool, len(k.p.Buffers))
	if k.L == 0 {
		return
	}
	at := make(map[int32]map[int][]int) // rep → start → write-backs of the body
	for i := range k.plan.Copies {
		k.steady[i] = -1
		if c := &k.plan.Copies[i]; k.writeBack[i] && k.bodyCopy(i) {
			r := k.rep[c.Buf]
			if at[r] == nil {
				at[r] = make(map[int][]int)
			}
			at[r][c.Start] = append(at[r][c.Start], i)
			k.carrying[r] = true
		}
	}
	if len(at) == 0 {
		return
	}
	dirty := make(map[int32]int64, len(at))
	for round := range 2 {
		for t := k.begin; t <= k.end; t++ {
			for r, starts := range at {
				k.settle(r, starts[t], dirty, round)
			}
			if t == k.end {
				break
			}
			k.dirtied(t, func(r int32, bytes int64, fresh, home bool) {
				if at[r] == nil {
					return
				}
				switch {
				case home:
					dirty[r] = 0
				case fresh:
					dirty[r] = bytes
				default:
					dirty[r] += bytes
				}
			})
		}
	}
}

// settle records what the write-backs move that rep r starts at one time.
func (k *checkRun) settle(r int32, list []int, dirty map[int32]int64, round int) {
	cleaned := false
	for _, i := range list {
		c := &k.plan.Copies[i]
		if round == 1 {
			k.steady[i] = min(upTo(dirty[r], k.p.Engines[c.Engine].IOAlign), k.copyBytes(c.Buf, c.Engine))
		}
		cleaned = cleaned || k.toHome[i]
	}
	if cleaned {
		dirty[r] = 0
	}
}

// dirtied calls f for every write of instruction t: its rep, bytes, whether it
// defines the buffer anew, and whether it goes straight to the home tier.
func (k *checkRun) dirtied(t int, f func(r int32, bytes int64, fresh, home bool)) {
	in := &k.p.Instructions[t]
	base := int(k.argBase[t]) + len(in.Reads)
	for j, w := range in.Writes {
		fresh := int(k.def[w.Buf]) == t
		fresh = fresh && !k.writtenBefore(t, j)
		f(k.rep[w.Buf], w.Bytes, fresh, int(k.site[base+j]) == k.p.Buffers[w.Buf].Home)
	}
}
