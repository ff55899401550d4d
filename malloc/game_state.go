package malloc

// What a touch has been decided to be; the zero value counts as DROP.
const (
	undecidedTouch uint8 = iota
	dropTouch
	noCopyTouch
	copyTouch
)

// gblock is a block of the state. Body blocks have B ≤ start < E and may end
// past E (rule 12); straight blocks are plain intervals.
type gblock struct {
	buf        int32
	tier       int32
	start, end int32
	keep       int32 // end without what write-backs ask for
	src        int32 // copy that fills it, or -1
	from       int32 // block it continues, or -1
	next       int32 // the buffer's next older block
	body       bool
	dead       bool
	home       bool
	between    bool // the middle of a copy in two hops
	promise    bool // the last touch is yet to bring the data (rule 12)
	off        int64
}

// gcopy is a copy of the state; times of a body copy have B ≤ start < E and may
// have before past E, a write-back has B < start ≤ E.
type gcopy struct {
	buf, block    int32
	engine        int32
	start, before int32
	after         int32
	bookLo        int32 // bookings[bookLo:bookHi]
	bookHi        int32
	bytes         int64
	back          bool
	dead          bool
}

type booking struct {
	slot  int32 // engine*T + instruction
	picos int64
}

// state is what moves change, each change noted on the trail.
type state struct {
	kind     []uint8 // per touch
	blockOf  []int32 // per touch; -1 none, -2 a select read where its parts lie
	tierOf   []int32 // per touch, when fast
	backOf   []int32 // per touch: copy that writes its version back, or -1
	exec     []int32 // per instruction: index into runsOn, -1 undecided
	blocks   []gblock
	copies   []gcopy
	bookings []booking
	room     []int64 // [engine*T] picoseconds left, may be negative
	spaces   []space
	bufHead  []int32 // newest block per buffer
	classOff []int64 // [class*nt] or -1
	mayOff   []int64 // [may*nt] or -1
	left     [2][]int32
	leftAll  [2]int
	runsLeft [2]int // instructions whose executor is undecided
	banned   []bool // per group

	cursor  [2]int // per part: what comes before in program order is decided
	chosen  int    // buffer being decided (free order), -1
	backups int

	trail     []trailEntry
	oldBlocks []gblock
	oldCopies []gcopy
	moves     []moveRecord
	version   int64 // grows with every change, for caches
	cached    Score
	cachedAt  int64
}

type moveRecord struct {
	mark   Mark
	touch  int32 // -1: RUN_ON
	instr  int32
	action Action
}

func (g *Game) partOf(i int32) int { return g.partAt(int(g.bd.touches[i].instr)) }

func (g *Game) partAt(t int) int {
	if g.bd.inBody(t) {
		return 0
	}
	return 1
}

func (g *Game) countKind(i int32, from, to uint8) {
	if (from == undecidedTouch) == (to == undecidedTouch) {
		return
	}
	d := 1
	if from == undecidedTouch {
		d = -1
	}
	part := g.partOf(i)
	g.st.left[part][g.bd.touches[i].buf] += int32(d)
	g.st.leftAll[part] += d
}

func (g *Game) setKind(i int32, k uint8) {
	g.note(trailEntry{op: trKind, i: i, a: int64(g.st.kind[i])})
	g.countKind(i, g.st.kind[i], k)
	g.st.kind[i] = k
}

func (g *Game) setTouchBlock(i, block, tier int32) {
	g.note(trailEntry{op: trTouchBlock, i: i, j: g.st.blockOf[i], tier: g.st.tierOf[i]})
	g.st.blockOf[i], g.st.tierOf[i] = block, tier
}

func (g *Game) setBlock(i int32, b gblock) {
	g.st.oldBlocks = append(g.st.oldBlocks, g.st.blocks[i])
	g.note(trailEntry{op: trBlockSet, i: i})
	g.st.blocks[i] = b
}

func (g *Game) setCursor(part, c int) {
	if c != g.st.cursor[part] {
		g.note(trailEntry{op: trCursor, i: int32(part), a: int64(g.st.cursor[part])})
		g.st.cursor[part] = c
	}
}

func (g *Game) setChosen(b int) {
	if b != g.st.chosen {
		g.note(trailEntry{op: trChosen, a: int64(g.st.chosen)})
		g.st.chosen = b
	}
}

// ranges returns the instructions an interval occupies: a body interval that
// passes the loop's end goes on at its begin.
func (g *Game) ranges(s, e int32, body bool) [2]span {
	if !body || int(e) <= g.bd.E {
		return [2]span{{int(s), int(e)}, {}}
	}
	B, E, L := g.bd.B, g.bd.E, g.bd.L
	if int(s) >= E {
		return [2]span{{int(s) - L, int(e) - L}, {}}
	}
	return [2]span{{int(s), E}, {B, int(e) - L}}
}

// real maps a body time to the instruction that runs then.
func (g *Game) real(t int, body bool) int {
	if !body {
		return t
	}
	if t < g.bd.B {
		return t + g.bd.L
	}
	if t >= g.bd.E {
		return t - g.bd.L
	}
	return t
}

func (g *Game) blockAt(k int32, t int) bool {
	b := &g.st.blocks[k]
	if b.dead {
		return false
	}
	if !b.body {
		return t >= int(b.start) && t < int(b.end)
	}
	if !g.bd.inBody(t) {
		return false
	}
	return t >= int(b.start) && t < int(b.end) || t+g.bd.L < int(b.end)
}

// ownAt reports whether buf has a block other than except in tier at time t.
func (g *Game) ownAt(buf, tier int32, t int, except int32) bool {
	for k := g.st.bufHead[buf]; k >= 0; k = g.st.blocks[k].next {
		if k != except && g.st.blocks[k].tier == tier && g.blockAt(k, t) {
			return true
		}
	}
	return false
}

// demandAt reports whether buf has a demand copy in tier at time t.
func (g *Game) demandAt(buf, tier int32, t int) bool {
	if buf == g.ignoreDemand {
		return false
	}
	for _, i := range g.askers[g.askFrom[t]:g.askFrom[t+1]] {
		if g.bd.touches[i].buf == buf && g.effective(i) <= dropTouch && g.demandTier(i) == tier {
			return true
		}
	}
	return false
}

// classAt reports whether another member of buf's must class has a block in
// tier at time t: then buf shares its place.
func (g *Game) classAt(buf, tier int32, t int) bool {
	c := g.bd.class[buf]
	if c < 0 {
		return false
	}
	for _, m := range g.bd.members[c] {
		if m != buf && g.ownAt(m, tier, t, -1) {
			return true
		}
	}
	return false
}

// freeAt reports whether buf's block may cover offset off of tier at time t.
func (g *Game) freeAt(buf, tier int32, t int, off, z int64) bool {
	return g.classAt(buf, tier, t) || g.st.spaces[tier].free(t, off, off+z)
}

// occupy takes (or gives back) the block's bytes over [s, e).
func (g *Game) occupy(k int32, s, e int32, give bool) {
	b := g.st.blocks[k]
	z := g.bd.size[int(b.buf)*g.bd.nt+int(b.tier)]
	lo, hi := b.off, b.off+z
	sp := &g.st.spaces[b.tier]
	op := trTake
	if give {
		op = trGive
	}
	shared := g.bd.class[b.buf] >= 0
	for _, r := range g.ranges(s, e, b.body) {
		run := r.s
		flush := func(t int) {
			if run < t {
				g.note(trailEntry{op: op, tier: b.tier, i: int32(run), j: int32(t), a: lo, b: hi})
				if !give {
					g.dirty = append(g.dirty, span{run, t})
				}
			}
			run = t + 1
		}
		for t := r.s; t < r.e; t++ {
			if shared && g.classAt(b.buf, b.tier, t) {
				flush(t)
				continue
			}
			if give {
				sp.give(t, lo, hi)
			} else {
				sp.take(t, lo, hi)
			}
		}
		flush(r.e)
	}
}

// addBlock creates a block; its place must be free.
func (g *Game) addBlock(b gblock) int32 {
	k := int32(len(g.st.blocks))
	b.next = -1
	if b.buf >= 0 {
		b.next = g.st.bufHead[b.buf]
		g.st.bufHead[b.buf] = k
	}
	g.note(trailEntry{op: trBlockNew})
	g.st.blocks = append(g.st.blocks, b)
	// the new block must not count as sharing with itself: classAt looks at others only
	g.occupy(k, b.start, b.end, false)
	nt := g.bd.nt
	if c := g.bd.class[b.buf]; c >= 0 && g.st.classOff[int(c)*nt+int(b.tier)] < 0 {
		s := int(c)*nt + int(b.tier)
		g.note(trailEntry{op: trClassOff, i: int32(s), a: g.st.classOff[s]})
		g.st.classOff[s] = b.off
	}
	if c := g.bd.may[b.buf]; c >= 0 {
		s := int(c)*nt + int(b.tier)
		g.note(trailEntry{op: trClassOff, i: int32(s), j: 1, a: g.st.mayOff[s]})
		g.st.mayOff[s] = b.off
	}
	return k
}

// killBlock removes a block.
func (g *Game) killBlock(k int32) {
	b := g.st.blocks[k]
	g.occupy(k, b.start, b.end, true)
	b.dead = true
	g.setBlock(k, b)
}

// canGrow reports whether block k may cover [s, e), times it does not cover yet.
func (g *Game) canGrow(k int32, s, e int32) bool {
	b := &g.st.blocks[k]
	z := g.bd.size[int(b.buf)*g.bd.nt+int(b.tier)]
	for _, r := range g.ranges(s, e, b.body) {
		for t := r.s; t < r.e; t++ {
			if g.blockAt(k, t) || g.ownAt(b.buf, b.tier, t, k) || g.demandAt(b.buf, b.tier, t) || !g.freeAt(b.buf, b.tier, t, b.off, z) {
				return false
			}
		}
	}
	return true
}

// grow moves the end of block k to e (no shorter than now); false: no place.
func (g *Game) grow(k int32, e int32) bool {
	b := g.st.blocks[k]
	if e <= b.end {
		return true
	}
	if b.body && (int(e-b.start) > g.bd.L || int(e-b.start) == g.bd.L && b.src >= 0) || !g.canGrow(k, b.end, e) {
		return false
	}
	g.occupy(k, b.end, e, false)
	b.end = e
	g.setBlock(k, b)
	return true
}

// shrink moves the end of block k back to e.
func (g *Game) shrink(k int32, e int32) {
	b := g.st.blocks[k]
	if e >= b.end {
		return
	}
	g.occupy(k, e, b.end, true)
	b.end = e
	g.setBlock(k, b)
}
