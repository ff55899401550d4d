package malloc

// promiseOf returns the block of buf whose data its last touch in the body is
// yet to bring (rule 12), or -1.
func (g *Game) promiseOf(buf int32) int32 {
	for k := g.st.bufHead[buf]; k >= 0; k = g.st.blocks[k].next {
		if b := &g.st.blocks[k]; !b.dead && b.promise {
			return k
		}
	}
	return -1
}

// effective is what touch i counts as: a promised last touch, while undecided,
// as COPY with s = t (rule 12).
func (g *Game) effective(i int32) uint8 {
	k := g.st.kind[i]
	if k == undecidedTouch && g.st.blockOf[i] >= 0 {
		return copyTouch
	}
	return k
}

// reaches reports whether the instruction of touch i can use tier for it.
func (g *Game) reaches(i, tier int32) bool {
	tc := &g.bd.touches[i]
	x := g.executorOf(int(tc.instr))
	nt := g.bd.nt
	return (!tc.read || g.bd.readBW[x*nt+int(tier)] > 0) && (!tc.write || g.bd.writeBW[x*nt+int(tier)] > 0)
}

func (g *Game) executorOf(t int) int {
	c := g.st.exec[t]
	if c < 0 {
		c = 0
	}
	return g.bd.runsOn[t][c].Executor
}

// play applies action a to touch i and everything the rules make follow from
// it. On false the state is as before.
func (g *Game) play(i int32, a Action) bool {
	m := g.mark()
	g.dirty = g.dirty[:0]
	if g.decide(i, a) && g.dirtyFits() && (!g.bd.hops || g.handOversFit()) {
		return true
	}
	g.dirty = g.dirty[:0]
	g.undoTo(m.trail)
	return false
}

func (g *Game) decide(i int32, a Action) bool {
	tc := &g.bd.touches[i]
	if g.st.kind[i] != undecidedTouch {
		return false
	}
	if a.Kind == Drop {
		if !g.dropAllowed(i) {
			return false
		}
		g.setKind(i, dropTouch)
		return g.refreshBacks(tc.buf)
	}
	tier := int32(a.Tier)
	if a.Kind > CopyIn || tier < 0 || int(tier) >= g.bd.nt || int(tier) == g.bd.p.Buffers[tc.buf].Home ||
		!g.reaches(i, tier) || g.st.banned[g.bd.group[tc.buf]] || tc.pin >= 0 && tc.pin != tier || g.noFast[i] {
		return false
	}
	if !g.classAllows(i, tier) {
		return false
	}
	ok := false
	switch {
	case a.Kind == CopyIn:
		ok = tc.needsOld() && g.copyIn(i, tier, max(a.Lead, 1), a.Back)
	case tc.def && !g.bd.param[tc.buf]:
		ok = g.define(i, tier)
	default:
		ok = g.stay(i, tier, a.circle)
	}
	if !ok {
		return false
	}
	g.extendIntoLoop(i)
	return g.refreshBacks(tc.buf) && g.forceClass(i, tier)
}

// findOffset applies rule 5 to a new block of buf over [s, e); -1: no place.
func (g *Game) findOffset(buf, tier int32, s, e int32, body bool) int64 {
	bd := g.bd
	z, align := bd.size[int(buf)*bd.nt+int(tier)], bd.align[int(buf)*bd.nt+int(tier)]
	if body && int(e-s) > bd.L {
		return -1
	}
	rs := g.ranges(s, e, body)
	for _, r := range rs {
		for t := r.s; t < r.e; t++ {
			if g.ownAt(buf, tier, t, -1) || g.demandAt(buf, tier, t) {
				return -1
			}
		}
	}
	fits := func(off int64) bool {
		for _, r := range rs {
			for t := r.s; t < r.e; t++ {
				if !g.freeAt(buf, tier, t, off, z) {
					return false
				}
			}
		}
		return true
	}
	if off := g.fixedOffset(buf, tier); off >= 0 {
		if fits(off) {
			return off
		}
		return -1
	}
	if off := g.preferredOffset(buf, tier, body); off >= 0 && off%align == 0 && fits(off) {
		return off
	}
	sp := &g.st.spaces[tier]
	cur := append(g.gapA[:0], gap{0, sp.top})
	tmp := g.gapB
	for _, r := range rs {
		for t := r.s; t < r.e; t++ {
			tmp = sp.narrow(tmp, cur, t, z)
			cur, tmp = tmp, cur
			if len(cur) == 0 {
				g.gapA, g.gapB = cur, tmp
				return -1
			}
		}
	}
	g.gapA, g.gapB = cur, tmp
	return sp.choose(cur, z, align, g.opt.FirstFit)
}

// define is NOCOPY on a definition: a block [d, d+1), longer where the version
// must be written back.
func (g *Game) define(i, tier int32) bool {
	tc := &g.bd.touches[i]
	body := g.bd.inBody(int(tc.instr))
	g.setKind(i, noCopyTouch)
	g.setTouchBlock(i, -1, tier)
	e := tc.instr + 1
	if v, ok := g.backEnd(i); !ok {
		return false
	} else if v > e {
		e = v
	}
	off := g.findOffset(tc.buf, tier, tc.instr, e, body)
	if off < 0 {
		return false
	}
	k := g.addBlock(gblock{buf: tc.buf, tier: tier, start: tc.instr, end: tc.instr + 1, keep: tc.instr + 1, src: -1, from: -1, body: body, off: off})
	g.setTouchBlock(i, k, tier)
	return true
}

// previous returns the touch before i that a NOCOPY would continue: in the body
// the last touch precedes the first (rule 12). -1: none.
func (g *Game) previous(i int32) int32 {
	bd := g.bd
	buf := bd.touches[i].buf
	if bd.inBody(int(bd.touches[i].instr)) {
		if i > bd.bodyLo[buf] {
			return i - 1
		}
		return bd.bodyHi[buf] - 1
	}
	if i > bd.first[buf] {
		return i - 1
	}
	return -1
}

// stay is NOCOPY on a use.
func (g *Game) stay(i, tier int32, circle bool) bool {
	bd := g.bd
	tc := &bd.touches[i]
	t := tc.instr
	body := bd.inBody(int(t))
	if g.selectHeld(i, tier) {
		g.setKind(i, noCopyTouch)
		g.setTouchBlock(i, -2, tier)
		return true
	}
	prev := g.previous(i)
	if prev < 0 || g.newContentBetween(prev, i) {
		return false
	}
	if body && i == bd.bodyLo[tc.buf] {
		return g.promise(i, prev, tier, circle)
	}
	if g.st.kind[prev] <= dropTouch || g.st.blockOf[prev] < 0 || g.st.tierOf[prev] != tier {
		return false
	}
	k := g.st.blockOf[prev]
	b := g.st.blocks[k]
	z := bd.size[int(tc.buf)*bd.nt+int(tier)]
	g.setKind(i, noCopyTouch)
	if body {
		p := g.promiseOf(tc.buf)
		if i == bd.bodyHi[tc.buf]-1 && p >= 0 {
			return g.meet(i, k, p)
		}
		at := bd.touches[prev].instr // when the previous touch is, on the block's axis
		if at < b.start {
			at += int32(bd.L)
		}
		e := t + 1
		for e <= at+1 {
			e += int32(bd.L)
		}
		if !g.grow(k, e) {
			return false
		}
		b = g.st.blocks[k]
		b.keep = max(b.keep, e)
		g.setBlock(k, b)
		g.setTouchBlock(i, k, tier)
		return true
	}
	if b.body { // the body's last touch: a straight block from the loop's end continues it
		until := int32(bd.E)
		if bd.touches[prev].instr < b.start { // the touch lies in what wrapped
			until += int32(bd.L)
		}
		if b.end < until {
			return false
		}
		b.keep = max(b.keep, until)
		g.setBlock(k, b)
		e := g.loopEnd(b.start, t+1)
		for u := bd.E; u < int(e); u++ {
			if g.ownAt(tc.buf, tier, u, -1) || !g.freeAt(tc.buf, tier, u, b.off, z) {
				return false
			}
		}
		n := g.addBlock(gblock{buf: tc.buf, tier: tier, start: int32(bd.E), end: e, keep: e, src: -1, from: k, off: b.off})
		g.setTouchBlock(i, n, tier)
		return true
	}
	if g.changesInside(tc.buf, b.start, t) {
		return false
	}
	e := g.loopEnd(b.start, t+1)
	if !g.grow(k, e) {
		return false
	}
	b = g.st.blocks[k]
	b.keep = max(b.keep, e)
	g.setBlock(k, b)
	g.setTouchBlock(i, k, tier)
	return true
}

// loopEnd lengthens an end that lies in a loop which is not periodic and which
// the block entered from outside: every iteration must find it.
func (g *Game) loopEnd(start, e int32) int32 {
	at := e - 1
	for _, l := range g.bd.plain {
		if int(at) >= l.s && int(at) < l.e && int(start) < l.s {
			e = max(e, int32(l.e))
		}
	}
	return e
}

// changesInside reports whether buf is written in a loop that is not periodic,
// has time t inside and start before it: a block that enters it would not be the
// same in the next iteration.
func (g *Game) changesInside(buf, start, t int32) bool {
	bd := g.bd
	for _, l := range bd.plain {
		if int(t) < l.s || int(t) >= l.e || int(start) >= l.s {
			continue
		}
		for w := bd.first[buf]; w < bd.first[buf+1]; w++ {
			if u := int(bd.touches[w].instr); bd.touches[w].write && u >= l.s && u < l.e {
				return true
			}
		}
	}
	return false
}

// promise is NOCOPY on the body's first touch: the block since the last touch.
func (g *Game) promise(i, last, tier int32, circle bool) bool {
	bd := g.bd
	tc := &bd.touches[i]
	L := int32(bd.L)
	if g.st.kind[last] != undecidedTouch || !g.reaches(last, tier) || !g.classAllows(last, tier) || !g.handOverPossible(tc.buf, tier) {
		return false
	}
	if bd.touches[last].pin >= 0 && bd.touches[last].pin != tier || g.noFast[last] {
		return false
	}
	g.setKind(i, noCopyTouch)
	g.ignoreDemand = tc.buf // the promise replaces its own demand copies
	defer func() { g.ignoreDemand = -1 }()
	if last == i || circle { // an arc that meets itself
		off := g.findOffset(tc.buf, tier, int32(bd.B), int32(bd.E), true)
		if off < 0 {
			return false
		}
		if last == i {
			k := g.addBlock(gblock{buf: tc.buf, tier: tier, start: int32(bd.B), end: int32(bd.E), keep: int32(bd.E), src: -1, from: -1, body: true, off: off})
			g.setTouchBlock(i, k, tier)
			return true
		}
		return g.addPromise(i, last, tier, off)
	}
	off := g.findOffset(tc.buf, tier, bd.touches[last].instr, tc.instr+1+L, true)
	return off >= 0 && g.addPromise(i, last, tier, off)
}

func (g *Game) addPromise(i, last, tier int32, off int64) bool {
	bd := g.bd
	tc := &bd.touches[i]
	if bd.path[bd.p.Buffers[tc.buf].Home*bd.nt+int(tier)].first < 0 {
		return false
	}
	e := tc.instr + 1 + int32(bd.L)
	k := g.addBlock(gblock{buf: tc.buf, tier: tier, start: bd.touches[last].instr, end: e, keep: e, src: -1, from: -1, body: true, promise: true, off: off})
	g.setTouchBlock(i, k, tier)
	g.setTouchBlock(last, k, tier) // undecided, it counts as COPY with s = t
	return g.forceClass(last, tier)
}

// meet is NOCOPY on the last touch when a promise waits for it: the block k of
// the touch before becomes one with the promised block p.
func (g *Game) meet(i, k, p int32) bool {
	bd := g.bd
	tc := &bd.touches[i]
	pb := g.st.blocks[p]
	if k == p { // all touches stayed: always resident
		s, e := int32(bd.B), int32(bd.E)
		if !g.grow(k, pb.start+int32(bd.L)) {
			return false
		}
		pb = g.st.blocks[k]
		pb.start, pb.end, pb.keep, pb.promise = s, e, e, false
		g.setBlock(k, pb)
		g.setTouchBlock(i, k, pb.tier)
		return true
	}
	b := g.st.blocks[k]
	if b.tier != pb.tier || b.off != pb.off || int(pb.end-b.start) > bd.L {
		return false
	}
	// everything between must be free, then p is given up for a longer k
	if b.end < pb.start && !g.canGrow(k, b.end, pb.start) {
		return false
	}
	end := pb.end
	g.killBlock(p)
	if !g.grow(k, end) {
		return false
	}
	b = g.st.blocks[k]
	b.keep = pb.keep
	g.setBlock(k, b)
	g.retarget(tc.buf, p, k)
	g.setTouchBlock(i, k, b.tier)
	return true
}

// retarget moves the touches of block from to block to.
func (g *Game) retarget(buf, from, to int32) {
	for j := g.bd.bodyLo[buf]; j < g.bd.bodyHi[buf]; j++ {
		if g.st.blockOf[j] == from {
			g.setTouchBlock(j, to, g.st.tierOf[j])
		}
	}
}
