package malloc

import "sort"

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
	m := g.mark()
	nd := len(g.dirty)
	_, ok := g.handOvers(nil)
	g.undoTo(m.trail)
	g.dirty = g.dirty[:nd]
	return ok
}

func (g *Game) handOverCopy(k, need int32) (once, bool) {
	bd := g.bd
	b := g.st.blocks[k]
	nt := bd.nt
	h := bd.path[bd.p.Buffers[b.buf].Home*nt+int(b.tier)]
	z := bd.size[int(b.buf)*nt+int(b.tier)]
	B := bd.B
	// the earliest start: home valid, after the previous touch
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
