package malloc

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// stay is one block during one iteration, on the unrolled time axis.
type stay struct {
	block      int
	start, end int
	ver        int32 // version of its content; -1 nothing
	ready      int   // from when the content is there
	busy       int   // until when a copy reads it
	filled     int32 // copy that filled it last, -1 none
}

// unroll lays every block out on the unrolled axis. A block of the body that
// wraps also occupies its tail in the first iteration, and is cut at the end of
// the last.
func (k *checkRun) unroll() {
	k.staysOf = make([][2]int, len(k.plan.Blocks))
	k.stays = make([]stay, 0, len(k.plan.Blocks)+len(k.plan.Blocks)/2)
	last := k.end + (k.K-1)*k.L
	for i := range k.plan.Blocks {
		b := &k.plan.Blocks[i]
		k.staysOf[i][0] = len(k.stays)
		add := func(start, end int) {
			if start < end {
				k.stays = append(k.stays, stay{block: i, start: start, end: end, ver: -1, filled: -1})
			}
		}
		switch {
		case k.inBody(b.Start):
			end := min(b.End, b.Start+k.L)
			add(k.begin, min(end-k.L, last))
			for it := range k.K {
				add(b.Start+it*k.L, min(end+it*k.L, last))
			}
		case b.Start < k.begin && b.End < k.end:
			add(b.Start, b.End)
		default:
			add(k.unrolled(b.Start), k.unrolled(b.End))
		}
		k.staysOf[i][1] = len(k.stays)
	}
}

// checkSpace refuses two blocks at one place at one time, members of a class at
// different places of one tier, and two blocks of one buffer in one tier; it
// measures the peak of every tier.
func (k *checkRun) checkSpace() {
	k.report.PeakBytes = make([]int64, len(k.p.Tiers))
	k.report.ArenaBytes = make([]int64, len(k.p.Tiers))
	byTier := make([][]int32, len(k.p.Tiers))
	for i := range k.stays {
		b := &k.plan.Blocks[k.stays[i].block]
		byTier[b.Tier] = append(byTier[b.Tier], int32(i))
		if b.Offset >= 0 && b.Offset <= MaxSizeBytes {
			k.report.ArenaBytes[b.Tier] = max(k.report.ArenaBytes[b.Tier], b.Offset+k.bytesOf(k.stays[i].block))
		}
	}
	from := make([]int, len(k.stays)) // where a stay begins to count
	for i := range from {
		from[i] = k.stays[i].start
	}
	for tier, list := range byTier {
		sortedByStart(k.stays, list)
		k.mergeClasses(list, from)
		k.sweep(tier, list, from)
	}
}

// bytesOf is what block i occupies.
func (k *checkRun) bytesOf(i int) int64 {
	b := &k.plan.Blocks[i]
	if b.Buf == ScratchBuf {
		return k.scratchSize[i]
	}
	return k.blockBytes(b.Buf, b.Tier)
}

// mergeClasses compares the stays of one class, or of one buffer, in one tier:
// where two members live at once they must lie at one offset, and are then
// counted once. list is ordered by start.
func (k *checkRun) mergeClasses(list []int32, from []int) {
	type key struct {
		class bool
		id    int32
	}
	groups := make(map[key][]int32)
	for _, s := range list {
		if k.full() {
			return // the lists of live blocks may be as long as the plan
		}
		buf := k.plan.Blocks[k.stays[s].block].Buf
		if buf == ScratchBuf {
			continue
		}
		id := key{false, int32(buf)}
		if c := k.class[buf]; c >= 0 {
			id = key{true, c}
		}
		live := groups[id]
		n := 0
		for _, o := range live {
			if k.stays[o].end <= k.stays[s].start {
				continue
			}
			live[n] = o
			n++
			a, b := &k.plan.Blocks[k.stays[o].block], &k.plan.Blocks[k.stays[s].block]
			switch {
			case a.Buf == b.Buf:
				k.failBlock(Overlap, k.stays[s].block, fmt.Sprintf("%s is the same buffer's in the same tier", k.blockText(k.stays[o].block)), "a buffer's blocks in one tier never overlap in time")
				from[s] = k.stays[s].end // told; do not tell it again as bytes
			case a.Offset != b.Offset:
				k.failBlock(SplitAliasClass, k.stays[s].block, fmt.Sprintf("%s is of the same class", k.blockText(k.stays[o].block)), "members share their offset at common times")
			default:
				from[s] = max(from[s], min(k.stays[o].end, k.stays[s].end))
			}
		}
		groups[id] = append(live[:n], s)
	}
}

// sweep goes through one tier in time, the live blocks ordered by offset: a new
// block that overlaps one overlaps a neighbour. O(n log n).
func (k *checkRun) sweep(tier int, list []int32, from []int) {
	live := newOffsetTree(len(list))
	starts := make([]int32, 0, len(list))
	for _, s := range list {
		if from[s] < k.stays[s].end && k.bytesOf(k.stays[s].block) > 0 {
			starts = append(starts, s)
		}
	}
	ends := slices.Clone(starts)
	slices.SortStableFunc(starts, func(a, b int32) int { return from[a] - from[b] })
	slices.SortFunc(ends, func(a, b int32) int { return k.stays[a].end - k.stays[b].end })
	node := make(map[int32]int32, len(starts))
	used := int64(0)
	e := 0
	for _, s := range starts {
		for e < len(ends) && k.stays[ends[e]].end <= from[s] {
			if at, ok := node[ends[e]]; ok {
				live.remove(at)
				used -= k.bytesOf(k.stays[ends[e]].block)
				delete(node, ends[e])
			}
			e++
		}
		i := k.stays[s].block
		lo := k.plan.Blocks[i].Offset
		hi := lo + k.bytesOf(i)
		if other := live.overlapping(lo, hi); other >= 0 {
			o := k.stays[other].block
			k.failBlock(Overlap, i, fmt.Sprintf("its bytes [%d, %d) meet %s", lo, hi, k.blockText(o)), "bytes that are free in its interval are expected")
			continue
		}
		node[s] = live.insert(lo, hi, s)
		used += hi - lo
		k.report.PeakBytes[tier] = max(k.report.PeakBytes[tier], used)
	}
}

// offsetTree is a treap of disjoint byte ranges ordered by offset.
type offsetTree struct {
	root        int32
	left, right []int32
	weight      []uint32
	lo, hi      []int64
	value       []int32
	random      *rand.Rand
}

func newOffsetTree(n int) *offsetTree {
	return &offsetTree{root: -1, left: make([]int32, 0, n), right: make([]int32, 0, n), weight: make([]uint32, 0, n),
		lo: make([]int64, 0, n), hi: make([]int64, 0, n), value: make([]int32, 0, n), random: rand.New(rand.NewPCG(1, 2))}
}

// overlapping returns the value of a range that meets [lo, hi), or -1.
func (t *offsetTree) overlapping(lo, hi int64) int32 {
	for n := t.root; n >= 0; {
		switch {
		case hi <= t.lo[n]:
			n = t.left[n]
		case lo >= t.hi[n]:
			n = t.right[n]
		default:
			return t.value[n]
		}
	}
	return -1
}

func (t *offsetTree) insert(lo, hi int64, value int32) int32 {
	n := int32(len(t.lo))
	t.left, t.right = append(t.left, -1), append(t.right, -1)
	t.weight, t.value = append(t.weight, t.random.Uint32()), append(t.value, value)
	t.lo, t.hi = append(t.lo, lo), append(t.hi, hi)
	a, b := t.split(t.root, lo)
	t.root = t.merge(t.merge(a, n), b)
	return n
}

func (t *offsetTree) remove(n int32) {
	a, b := t.split(t.root, t.lo[n])
	_, b = t.split(b, t.lo[n]+1)
	t.root = t.merge(a, b)
}

// split separates the ranges that start below at from the others.
func (t *offsetTree) split(n int32, at int64) (a, b int32) {
	if n < 0 {
		return -1, -1
	}
	if t.lo[n] < at {
		t.right[n], b = t.split(t.right[n], at)
		return n, b
	}
	a, t.left[n] = t.split(t.left[n], at)
	return a, n
}

func (t *offsetTree) merge(a, b int32) int32 {
	if a < 0 {
		return b
	}
	if b < 0 {
		return a
	}
	if t.weight[a] > t.weight[b] {
		t.right[a] = t.merge(t.right[a], b)
		return a
	}
	t.left[b] = t.merge(a, t.left[b])
	return b
}

// checkHomeBlocks: a buffer whose home is a limited tier lies there at one
// offset from its definition (a param: 0) to its last touch + 1 (out: the end);
// in a body that its value outlives, all the time.
func (k *checkRun) checkHomeBlocks() {
	first := make([]int, len(k.p.Buffers)) // per rep
	last := make([]int, len(k.p.Buffers))
	for i := range first {
		first[i], last[i] = -1, -1
	}
	for t := range k.p.Instructions {
		in := &k.p.Instructions[t]
		for j := range len(in.Reads) + len(in.Writes) {
			r := k.rep[operandBuffer(in, j)]
			if first[r] < 0 {
				first[r] = t
			}
			last[r] = t
		}
	}
	k.homeStays = make([][]int32, len(k.p.Buffers))
	homes := make([][]int, len(k.p.Buffers))
	for i := range k.plan.Blocks {
		if b := &k.plan.Blocks[i]; b.Buf != ScratchBuf && k.p.Buffers[b.Buf].Home == b.Tier {
			homes[k.rep[b.Buf]] = append(homes[k.rep[b.Buf]], i)
		}
	}
	for i := range k.p.Buffers {
		b := &k.p.Buffers[i]
		if b.Kind == KindParam {
			first[k.rep[i]] = 0
		}
		if b.End == EndOut {
			last[k.rep[i]] = k.T - 1
		}
	}
	for i := range k.p.Buffers {
		if r := int(k.rep[i]); r != i || last[r] < 0 || !k.limited(k.p.Buffers[r].Home) {
			continue
		}
		k.checkHome(i, first[i], last[i]+1, homes[i])
	}
}

// checkHome checks the home blocks of one rep that lives over [d, e).
func (k *checkRun) checkHome(r, d, e int, blocks []int) {
	fail := func(found string, lo, hi int) {
		k.fail(Violation{Code: MissingHomeBlock, Buf: r, Instr: -1, Block: -1, Copy: -1, Start: lo, End: hi, Found: found, Expected: "one block at home all its life",
			Message: fmt.Sprintf("%s: its home tier %d is limited, it lives there over [%d, %d): %s", k.bufferText(r), k.p.Buffers[r].Home, lo, hi, found)})
	}
	if len(blocks) == 0 {
		fail("no block holds it", d, e)
		return
	}
	for _, i := range blocks[1:] {
		if k.plan.Blocks[i].Offset != k.plan.Blocks[blocks[0]].Offset {
			k.failBlock(MovedBlock, i, fmt.Sprintf("%s is its home too", k.blockText(blocks[0])), "a home has one offset")
			return
		}
	}
	var held []int32
	for _, i := range blocks {
		for s := k.staysOf[i][0]; s < k.staysOf[i][1]; s++ {
			held = append(held, int32(s))
		}
	}
	sortedByStart(k.stays, held)
	k.homeStays[r] = held
	covered := func(lo, hi int) bool {
		for _, s := range held {
			if k.stays[s].start > lo {
				break
			}
			lo = max(lo, k.stays[s].end)
		}
		return lo >= hi
	}
	for i := k.loopOf[e-1]; i >= 0 && d < k.p.Loops[i].Begin; i = k.loopIn[i] { // needed again in the next iteration
		e = k.p.Loops[i].End
	}
	if k.inBody(d) && e <= k.end && !k.carried[r] { // lives within each iteration
		for it := range k.K {
			if !covered(d+it*k.L, e+it*k.L) {
				fail("the home blocks do not cover that", d, e)
				return
			}
		}
		return
	}
	if k.L > 0 && d < k.end && e > k.begin { // outlives an iteration
		if k.inBody(d) {
			d = k.begin
		}
		e = max(e, k.end)
	}
	hi := k.unrolled(e)
	if e == k.end && k.L > 0 {
		hi = k.end + (k.K-1)*k.L
	}
	if !covered(k.unrolled(d), hi) {
		fail("the home blocks do not cover that", d, e)
	}
}
