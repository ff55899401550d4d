package malloc

import (
	"cmp"
	"slices"
	"sort"
)

// once is a hand-over copy of the plan being built.
type once struct {
	copy, first int32 // copies of the state; first -1: one hop
}

// firstNeed is the first instruction of the loop's first iteration that needs
// what body block k holds: its first touch, or a select read of it.
func (g *Game) firstNeed(k int32) int32 {
	bd := g.bd
	b := &g.st.blocks[k]
	need := int32(bd.E)
	full := int(b.end-b.start) == bd.L
	for i := bd.bodyLo[b.buf]; i < bd.bodyHi[b.buf]; i++ {
		t := bd.touches[i].instr
		if g.st.blockOf[i] == k && (full || t < b.start) {
			need = min(need, t)
		}
	}
	for _, i := range g.selects {
		t := bd.touches[i].instr
		if g.st.blockOf[i] == -2 && g.st.tierOf[i] == b.tier && bd.inBody(int(t)) && t < need {
			for _, of := range bd.p.Buffers[bd.touches[i].buf].Select.Of {
				if int32(of) == b.buf && g.blockAt(k, int(t)) {
					need = t
				}
			}
		}
	}
	return need
}

// handOvers fills, by copies made once, every body block that goes on into the
// next iteration and continues no straight block (rule 12). It changes the
// state: the caller undoes it. false: a copy in two hops finds no place.
func (g *Game) handOvers(dst []once) ([]once, bool) {
	bd := g.bd
	dst = dst[:0]
	if bd.L == 0 {
		return dst, true
	}
	type need struct{ k, t int32 }
	var list []need
	for k := range g.st.blocks {
		if b := &g.st.blocks[k]; !b.dead && b.body && !b.home && !b.between && b.from < 0 && g.wrapsTouched(b) {
			list = append(list, need{int32(k), g.firstNeed(int32(k))})
		}
	}
	// what is needed last is placed first, so that its start is the latest and
	// the queue serves the copies in the order of need
	sort.Slice(list, func(i, j int) bool {
		if list[i].t != list[j].t {
			return list[i].t > list[j].t
		}
		return list[i].k > list[j].k
	})
	for _, n := range list {
		o, ok := g.handOverCopy(n.k, n.t)
		if !ok {
			return dst, false
		}
		dst = append(dst, o)
	}
	return dst, true
}

// handOversFit reports whether every hand-over finds its place: only copies in
// two hops can fail to.
func (g *Game) handOversFit() bool {
	if g.bd.L == 0 || g.handOversHold() {
		return true
	}
	m := g.mark()
	nd := len(g.dirty)
	_, ok := g.handOvers(nil)
	g.undoTo(m.trail)
	g.dirty = g.dirty[:nd]
	return ok
}

// handOversHold is a quick test that is never wrong when it says yes. Every
// hand-over, whatever its start, holds its place and its block between at the
// last instruction before the loop, and in the worst case only there: where all
// of them, and that instruction's demand copies, fit there however the blocks
// between split the largest gap, each of them finds a start.
func (g *Game) handOversHold() bool {
	bd := g.bd
	if bd.nt > len(holdNeed{}) {
		return false
	}
	t := bd.B - 1
	var mids, most, count, demand holdNeed
	var tiers [len(holdNeed{})]bool
	if t >= 0 {
		if len(bd.members) > 0 || !g.addDemand(t, &demand) {
			return false
		}
		g.gapHold = g.gapHold[:0]
	}
	for k := range g.st.blocks {
		b := &g.st.blocks[k]
		if b.dead || !b.body || b.home || b.between || b.from >= 0 || !g.wrapsTouched(b) {
			continue
		}
		if t < 0 {
			if bd.path[bd.p.Buffers[b.buf].Home*bd.nt+int(b.tier)].second >= 0 {
				return false
			}
			continue
		}
		z := bd.size[int(b.buf)*bd.nt+int(b.tier)]
		if g.ownAt(b.buf, b.tier, t, -1) || !g.st.spaces[b.tier].free(t, b.off, b.off+z) {
			return false
		}
		for n := g.st.bufHead[b.buf]; n >= 0; n = g.st.blocks[n].next {
			if o := &g.st.blocks[n]; int(n) != k && o.body && !o.dead && !o.home && !o.between && o.from < 0 && g.wrapsTouched(o) {
				return false // one may stand in the other's way
			}
		}
		tiers[b.tier] = true
		g.gapHold = append(g.gapHold, holdPlace{int32(b.tier), b.off, b.off + z})
		h := bd.path[bd.p.Buffers[b.buf].Home*bd.nt+int(b.tier)]
		if h.second < 0 {
			continue
		}
		if g.ownAt(b.buf, int32(h.via), t, -1) || g.demandAt(b.buf, int32(h.via), t) || g.demandAt(b.buf, b.tier, t) || g.handOverFrom(b) > t {
			return false
		}
		at := int(b.buf)*bd.nt + h.via
		y := bd.size[at] + bd.align[at]
		mids[h.via] += y
		most[h.via] = max(most[h.via], y)
		count[h.via]++
	}
	if len(g.gapHold) == 0 {
		return true
	}
	slices.SortFunc(g.gapHold, func(a, b holdPlace) int { return cmp.Compare(a.lo, b.lo) })
	for tier := 0; tier < bd.nt; tier++ {
		if !tiers[tier] && count[tier] == 0 {
			continue
		}
		big := int64(0)
		for _, a := range g.st.spaces[tier].gaps[t] {
			lo := a.lo
			for _, h := range g.gapHold {
				if int(h.tier) == tier && h.lo >= a.lo && h.hi <= a.hi {
					if h.lo < lo {
						return false // two share a place
					}
					big = max(big, h.lo-lo)
					lo = h.hi
				}
			}
			big = max(big, a.hi-lo)
		}
		if (big-mids[tier])/(count[tier]+1) < most[tier]+demand[tier] {
			return false
		}
	}
	return true
}

// holdNeed is bytes, or a number of blocks, per tier; holdPlace a hand-over's
// place.
type holdNeed [4]int64

type holdPlace struct {
	tier   int32
	lo, hi int64
}

// handOverFrom is the earliest start of the hand-over of body block b: home
// valid, after the previous touch.
func (g *Game) handOverFrom(b *gblock) int {
	bd := g.bd
	B := bd.B
	a := int(bd.segLo[B])
	if a == B && B > 0 {
		a = int(bd.segLo[B-1])
	}
	near := false
	for j := bd.bodyLo[b.buf] - 1; j >= bd.first[b.buf]; j-- {
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
	if bd.p.Buffers[b.buf].Select != nil {
		a = B
	}
	return a
}

func (g *Game) handOverCopy(k, need int32) (once, bool) {
	bd := g.bd
	b := g.st.blocks[k]
	nt := bd.nt
	h := bd.path[bd.p.Buffers[b.buf].Home*nt+int(b.tier)]
	z := bd.size[int(b.buf)*nt+int(b.tier)]
	B := bd.B
	a := g.handOverFrom(&b)
	last, t := h.first, B
	if h.second >= 0 {
		last, t = h.second, B-1
	}
	s := max(a, min(t, g.latestStart(last, a, t, false, bd.copyTime(last, z))))
	if h.second >= 0 && (a > t || B == 0) {
		return once{}, false
	}
	for ; s < B; s++ {
		ok := true
		for u := B - 1; u >= s && ok; u-- {
			ok = !g.ownAt(b.buf, b.tier, u, -1) && g.freeAt(b.buf, b.tier, u, b.off, z)
		}
		if !ok {
			if h.second >= 0 && s >= t {
				return once{}, false
			}
			continue
		}
		m := g.mark()
		nd := len(g.dirty)
		n := g.addBlock(gblock{buf: b.buf, tier: b.tier, start: int32(s), end: int32(B), keep: int32(B), src: -1, from: -1, off: b.off})
		for u := s; u < B && ok; u++ {
			ok = g.demandHolds(u)
		}
		o := once{first: -1}
		if ok && h.second >= 0 {
			o.copy = g.twoHops(b.buf, b.tier, n, h, a, s, t, false, true)
			if ok = o.copy >= 0; ok {
				o.first = g.st.copies[o.copy].after
			}
		} else if ok {
			o.copy = g.newCopy(gcopy{buf: b.buf, block: n, engine: int32(h.first), start: int32(s), before: need, after: -1, bytes: bd.copyBytes(int(b.buf), h.first)})
			g.bookBack(o.copy, h.first, s, B, false, bd.copyTime(h.first, z))
		}
		if ok {
			nb := g.st.blocks[n]
			nb.src = o.copy
			g.setBlock(n, nb)
			b.from = n
			g.setBlock(k, b)
			return o, true
		}
		g.undoTo(m.trail)
		g.dirty = g.dirty[:nd]
		if h.second >= 0 && s >= t {
			return once{}, false
		}
	}
	if h.second >= 0 {
		return once{}, false
	}
	c := g.newCopy(gcopy{buf: b.buf, block: k, engine: int32(h.first), start: int32(B), before: need, after: -1, bytes: bd.copyBytes(int(b.buf), h.first)})
	return once{c, -1}, true
}
