package malloc

// earliestSource returns the first time a copy for touch i into tier may start
// (rule 3's a): after the previous fast touch, with a valid source at home, a
// select's content known. In the body times run back into the iteration before
// and may lie before its begin.
func (g *Game) earliestSource(i, tier int32) int {
	bd := g.bd
	tc := &bd.touches[i]
	t := int(tc.instr)
	if bd.inBody(t) {
		a := t - bd.L + 1
		if a < t {
			a++ // shorter than the circle: length L is kept for always resident
		}
		lo, hi := bd.bodyLo[tc.buf], bd.bodyHi[tc.buf]
		m := hi - lo
		near := false // the nearest fast touch has been seen
		for d := int32(1); d <= m; d++ {
			j, shift := i-d, 0
			if j < lo {
				j, shift = j+m, bd.L
			}
			v, fast, stop := g.sourceLimit(j)
			if fast && !near {
				near = true
				v = max(v, int(bd.touches[j].instr)+1)
			}
			a = max(a, v-shift)
			if stop {
				break
			}
		}
		if sa := g.selectAfter(tc.buf); sa >= 0 {
			if bd.inBody(sa) && sa >= t {
				a = max(a, sa+1-bd.L)
			} else if sa < t {
				a = max(a, sa+1)
			}
		}
		return min(a, t+1)
	}
	a := int(bd.segLo[t])
	near := false
	for j := i - 1; j >= bd.first[tc.buf]; j-- {
		v, fast, stop := g.sourceLimit(j)
		if fast && !near {
			near = true
			v = max(v, int(bd.touches[j].instr)+1)
		}
		a = max(a, v)
		if stop {
			break
		}
	}
	if sa := g.selectAfter(tc.buf); sa >= 0 && sa < t {
		a = max(a, sa+1)
	}
	return a
}

// sourceLimit says from when home holds what touch j leaves behind (0: it wrote
// nothing), whether a later copy must start after it because it is fast (or a
// demand copy), and whether earlier touches no longer matter.
func (g *Game) sourceLimit(j int32) (v int, fast, stop bool) {
	tc := &g.bd.touches[j]
	fast = g.effective(j) > dropTouch || g.demandTier(j) >= 0
	if tc.write {
		stop = true
		v = int(tc.instr) + 1
		if c := g.st.backOf[j]; g.effective(j) > dropTouch && c >= 0 {
			v = int(g.st.copies[c].before)
		}
	}
	return v, fast, stop
}

// latestStart is rule 3's s: the latest start in [a, t] for which [s, t) offers
// want picoseconds on engine e, else the start offering most, the latest of them.
func (g *Game) latestStart(e, a, t int, body bool, want int64) int {
	sum, best := int64(0), t
	if want <= 0 {
		return t
	}
	for s := t - 1; s >= a; s-- {
		if r := g.roomAt(e, s, body); r > 0 {
			sum += r
			best = s
			if sum >= want {
				return s
			}
		}
	}
	return best
}

// copyIn is COPY on touch i.
func (g *Game) copyIn(i, tier int32, lead, back int) bool {
	bd := g.bd
	tc := &bd.touches[i]
	buf := tc.buf
	t := int(tc.instr)
	body := bd.inBody(t)
	h := bd.path[bd.p.Buffers[buf].Home*bd.nt+int(tier)]
	if h.first < 0 {
		return false
	}
	last := h.first
	if h.second >= 0 {
		last = h.second
	}
	a := g.earliestSource(i, tier)
	if a > t {
		return false
	}
	z := bd.size[int(buf)*bd.nt+int(tier)]
	s := t - back
	if back < 0 {
		s = g.latestStart(last, a, t, body, int64(lead)*bd.copyTime(last, z))
	} else if s < a {
		return false
	}
	promised := int32(-1)
	if body && i == bd.bodyHi[buf]-1 {
		promised = g.promiseOf(buf)
		if promised >= 0 && g.st.blocks[promised].tier != tier {
			return false
		}
	}
	g.setKind(i, copyTouch)
	g.setTouchBlock(i, -1, tier)
	for s <= t {
		m := g.mark()
		nd := len(g.dirty)
		u, ok := g.copyFrom(i, tier, h, a, s, t, body, promised)
		if ok {
			g.dirty = g.dirty[:nd] // looked at already
			return true
		}
		g.undoTo(m.trail)
		g.dirty = g.dirty[:nd]
		if u < s {
			return false
		}
		s = u + 1
	}
	return false
}

// copyFrom tries COPY with a start no earlier than s. On failure it returns the
// latest time that stands in the way (a later start may do), or s-1 when no
// start will.
func (g *Game) copyFrom(i, tier int32, h hop, a, s, t int, body bool, promised int32) (int, bool) {
	bd := g.bd
	buf := bd.touches[i].buf
	s, off := g.placeWindow(buf, tier, s, t, body, promised)
	if off < 0 {
		return s - 1, false
	}
	fail := s - 1               // set to a later time when that stands in the way
	norm := func(u int) int32 { // block times of the body start in [B, E)
		if body && s < bd.B {
			return int32(u + bd.L)
		}
		return int32(u)
	}
	var k int32
	if promised >= 0 {
		pb := g.st.blocks[promised]
		if int(pb.end)-s > bd.L {
			return t, false
		}
		end, keep := pb.end, pb.keep
		if s < bd.B {
			end, keep = end+int32(bd.L), keep+int32(bd.L)
		}
		g.killBlock(promised)
		k = g.addBlock(gblock{buf: buf, tier: tier, start: norm(s), end: end, keep: keep, src: -1, from: -1, body: body, off: off})
		g.retarget(buf, promised, k)
	} else {
		e := norm(t + 1)
		if !body {
			e = g.loopEnd(norm(s), e)
		}
		k = g.addBlock(gblock{buf: buf, tier: tier, start: norm(s), end: e, keep: e, src: -1, from: -1, body: body, off: off})
	}
	g.setTouchBlock(i, k, tier)
	for u := t; u >= s; u-- {
		if !g.demandHolds(g.real(u, body)) {
			return max(u, fail), false
		}
	}
	var c int32
	if h.second < 0 {
		c = g.newCopy(gcopy{buf: buf, block: k, engine: int32(h.first), start: norm(s), before: norm(t), after: -1, bytes: bd.copyBytes(int(buf), h.first)})
		g.bookBack(c, h.first, s, t, body, bd.copyTime(h.first, bd.size[int(buf)*bd.nt+int(tier)]))
	} else if c = g.twoHops(buf, tier, k, h, a, s, t, body, false); c < 0 {
		return s, false
	}
	b := g.st.blocks[k]
	b.src = c
	g.setBlock(k, b)
	return 0, true
}

// placeWindow finds the earliest start from s on at which [start, t+1) has an
// offset for buf in tier, by rule 5. off -1: none.
func (g *Game) placeWindow(buf, tier int32, s, t int, body bool, promised int32) (int, int64) {
	bd := g.bd
	z, align := bd.size[int(buf)*bd.nt+int(tier)], bd.align[int(buf)*bd.nt+int(tier)]
	at := func(off int64) int { // earliest start at a given offset; t+1: none
		lo := t + 1
		for u := t; u >= s; u-- {
			r := g.real(u, body)
			if promised >= 0 && u == t { // the promise itself
				lo = u
				continue
			}
			if g.ownAt(buf, tier, r, promised) || promised >= 0 && g.blockAt(promised, r) || !g.freeAt(buf, tier, r, off, z) {
				break
			}
			lo = u
		}
		return lo
	}
	if promised >= 0 {
		off := g.st.blocks[promised].off
		if lo := at(off); lo <= t {
			return lo, off
		}
		return s, -1
	}
	if off := g.fixedOffset(buf, tier); off >= 0 {
		if lo := at(off); lo <= t {
			return lo, off
		}
		return s, -1
	}
	if off := g.preferredOffset(buf, tier, body); off >= 0 && off%align == 0 {
		if lo := at(off); lo <= t {
			return lo, off
		}
	}
	sp := &g.st.spaces[tier]
	cur, tmp := append(g.gapA[:0], gap{0, sp.top}), g.gapB
	lo, off := s, int64(-1)
	for u := t; u >= s; u-- {
		r := g.real(u, body)
		if g.ownAt(buf, tier, r, -1) {
			break
		}
		tmp = sp.narrow(tmp, cur, r, z)
		cur, tmp = tmp, cur
		o := sp.choose(cur, z, align, g.opt.FirstFit)
		if o < 0 {
			break
		}
		lo, off = u, o
	}
	g.gapA, g.gapB = cur, tmp
	return lo, off
}

// twoHops adds the two copies that fill block k by time t through the tier
// between, the second from s on; it returns the second, -1 where no block
// between fits.
func (g *Game) twoHops(buf, tier, k int32, h hop, a, s, t int, body, once bool) int32 {
	bd := g.bd
	via := int32(h.via)
	z := bd.size[int(buf)*bd.nt+h.via]
	if body && s >= bd.B { // both hops belong to one iteration
		a = max(a, bd.B)
	}
	s1 := g.latestStart(h.first, a, s, body, bd.copyTime(h.first, z))
	// the block between lives [s1, t+1)
	for ; s1 <= s; s1++ {
		start, end := int32(s1), int32(t+1)
		shift := int32(0)
		if body && s1 < bd.B {
			shift = int32(bd.L)
		}
		off := g.findOffset(buf, via, start+shift, end+shift, body)
		if off < 0 {
			continue
		}
		m := g.mark()
		nd := len(g.dirty)
		mid := g.addBlock(gblock{buf: buf, tier: via, start: start + shift, end: end + shift, keep: end + shift, src: -1, from: -1, body: body, between: true, off: off})
		ok := true
		for u := s1; u <= t && ok; u++ {
			ok = g.demandHolds(g.real(u, body))
		}
		if !ok {
			g.undoTo(m.trail)
			g.dirty = g.dirty[:nd]
			continue
		}
		shift2 := int32(0)
		if body && s < bd.B {
			shift2 = int32(bd.L)
		}
		c1 := g.newCopy(gcopy{buf: buf, block: mid, engine: int32(h.first), start: start + shift, before: int32(s) + shift, after: -1, bytes: bd.copyBytes(int(buf), h.first)})
		g.bookBack(c1, h.first, s1, s, body, bd.copyTime(h.first, z))
		b := g.st.blocks[mid]
		b.src = c1
		g.setBlock(mid, b)
		c2 := g.newCopy(gcopy{buf: buf, block: k, engine: int32(h.second), start: int32(s) + shift2, before: int32(t) + shift2, after: c1, bytes: bd.copyBytes(int(buf), h.second)})
		g.bookBack(c2, h.second, s, t, body, bd.copyTime(h.second, bd.size[int(buf)*bd.nt+int(tier)]))
		return c2
	}
	return -1
}

// handOver returns the body block of buf in tier that the first iteration must
// find filled: always resident, or past the loop's end with a touch there. -1:
// none.
func (g *Game) handOver(buf, tier int32) int32 {
	bd := g.bd
	if bd.L == 0 {
		return -1
	}
	for k := g.st.bufHead[buf]; k >= 0; k = g.st.blocks[k].next {
		if b := &g.st.blocks[k]; !b.dead && b.body && !b.home && !b.between && b.tier == tier && g.wrapsTouched(b) {
			return k
		}
	}
	return -1
}

// wrapsTouched reports whether the first iteration reads in b what it has not
// brought there itself.
func (g *Game) wrapsTouched(b *gblock) bool {
	return int(b.keep) > g.bd.E || int(b.end-b.start) == g.bd.L && !g.bd.touches[g.bd.bodyLo[b.buf]].def
}

// extendIntoLoop lets the last straight touch before the loop continue into the
// body's block at the same offset, where there is place until begin (rule 12).
func (g *Game) extendIntoLoop(i int32) {
	bd := g.bd
	tc := &bd.touches[i]
	if int(tc.instr) >= bd.B || bd.L == 0 || i != bd.bodyLo[tc.buf]-1 || g.st.blockOf[i] < 0 {
		return
	}
	k := g.st.blockOf[i]
	b := g.st.blocks[k]
	h := g.handOver(tc.buf, b.tier)
	if h < 0 || g.st.blocks[h].off != b.off || g.st.blocks[h].from >= 0 {
		return
	}
	m := g.mark()
	nd := len(g.dirty)
	from := b.end
	ok := g.grow(k, int32(bd.B))
	for u := int(from); u < bd.B && ok; u++ {
		ok = g.demandHolds(u)
	}
	if !ok {
		g.undoTo(m.trail)
		g.dirty = g.dirty[:nd]
		return
	}
	g.dirty = g.dirty[:nd]
	b = g.st.blocks[k]
	b.keep = int32(bd.B)
	g.setBlock(k, b)
	hb := g.st.blocks[h]
	hb.from = k
	g.setBlock(h, hb)
}

// handOverPossible reports whether a block of buf that goes on into the next
// iteration can be filled before the loop. One hop always can, at begin; two
// need an instruction before the loop for the block between.
func (g *Game) handOverPossible(buf, tier int32) bool {
	h := g.bd.path[g.bd.p.Buffers[buf].Home*g.bd.nt+int(tier)]
	return h.first >= 0 && (h.second < 0 || g.bd.B > 0)
}
