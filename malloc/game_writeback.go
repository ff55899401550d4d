package malloc

// backNeed is what rule 4 asks of the version that touch w writes in fast
// memory: whether home needs it, and by when at the latest.
func (g *Game) backNeed(w int32) (need bool, latest int) {
	bd := g.bd
	tc := &bd.touches[w]
	buf := tc.buf
	d := int(tc.instr)
	end := bd.first[buf+1]
	lo, hi := bd.bodyLo[buf], bd.bodyHi[buf]
	by := func(t int) {
		need = true
		latest = min(latest, t)
	}
	// reader looks at touch u, t its instruction on the version's time axis; it
	// reports whether the version ends there.
	reader := func(u int32, t int) bool {
		uc := &bd.touches[u]
		switch g.effective(u) {
		case noCopyTouch:
		case copyTouch:
			s := t
			if k := g.st.blockOf[u]; k >= 0 && g.st.blocks[k].src >= 0 {
				c := g.st.copies[g.st.blocks[k].src]
				if c.after >= 0 {
					c = g.st.copies[c.after]
				}
				s = t - (g.real(int(uc.instr), true) - int(c.start))
				for bd.inBody(int(uc.instr)) && s > t {
					s -= bd.L
				}
				for bd.inBody(int(uc.instr)) && s <= t-bd.L {
					s += bd.L
				}
			}
			by(s)
		default:
			if uc.needsOld() {
				by(t)
			}
		}
		return uc.write
	}
	body := bd.inBody(d)
	latest = bd.T
	switch {
	case body:
		latest = d + bd.L - 1
		if k := g.st.blockOf[w]; k >= 0 {
			if b := &g.st.blocks[k]; int(b.end-b.start) < bd.L {
				latest = min(latest, g.after(b, d)+bd.L-1)
			}
		}
		last := true
		m := hi - lo
		for n := int32(1); n <= m; n++ {
			u, t := w+n, 0
			if u >= hi {
				u -= m
				t = bd.L
			}
			t += int(bd.touches[u].instr)
			if u > w && u < hi && t < bd.E && bd.touches[u].write {
				last = false
			}
			if reader(u, t) {
				latest = min(latest, t)
				break
			}
		}
		if last && (bd.out[buf] || hi < end) {
			need = true
		}
	case d < bd.B:
		latest = bd.B
		done := false
		for u := w + 1; u < lo && !done; u++ {
			if done = reader(u, int(bd.touches[u].instr)); done {
				latest = min(latest, int(bd.touches[u].instr))
			}
		}
		if !done && lo < hi {
			written := false
			for u := lo; u < hi; u++ {
				if !written {
					if u == lo && g.st.kind[u] == noCopyTouch {
						k := g.st.blockOf[u]
						if k >= 0 && g.st.blocks[k].from < 0 {
							by(bd.B)
						}
					} else {
						var l2 = latest
						n2 := need
						reader(u, int(bd.touches[u].instr))
						if need && !n2 || latest < l2 {
							need, latest = true, min(l2, bd.B)
						}
					}
				}
				if bd.touches[u].write {
					written = true
					if g.effective(u) <= dropTouch || g.st.backOf[u] >= 0 {
						by(bd.B)
					}
				}
			}
			done = written
		}
		if !done {
			for u := hi; u < end; u++ {
				if g.st.kind[u] != noCopyTouch && bd.touches[u].needsOld() {
					by(bd.B)
				}
				if bd.touches[u].write {
					done = true
					break
				}
			}
		}
		if !done && bd.out[buf] {
			need = true
		}
	default:
		done := false
		for u := w + 1; u < end && !done; u++ {
			if done = reader(u, int(bd.touches[u].instr)); done {
				latest = min(latest, int(bd.touches[u].instr))
			}
		}
		if !done && bd.out[buf] {
			need = true
		}
	}
	if len(bd.plain) > 0 {
		g.plainNeed(w, by)
		for _, l := range bd.plain {
			switch { // the loop starts and ends with empty queues
			case d >= l.s && d < l.e:
				latest = min(latest, l.e)
			case d < l.s:
				latest = min(latest, l.s)
			}
		}
	}
	if c := bd.class[buf]; c >= 0 && need {
		latest = min(latest, g.overwritten(buf, c, d, body))
	}
	return need, latest
}

// plainNeed asks for version w at home by the end of a loop that is not periodic
// where the loop's next iteration reads it there.
func (g *Game) plainNeed(w int32, by func(int)) {
	bd := g.bd
	buf, d := bd.touches[w].buf, int(bd.touches[w].instr)
	for _, l := range bd.plain {
		if d < l.s || d >= l.e {
			continue
		}
		last := true
		for u := w + 1; u < bd.first[buf+1] && int(bd.touches[u].instr) < l.e; u++ {
			last = last && !bd.touches[u].write
		}
		for u := bd.first[buf]; u <= w && last; u++ {
			uc := &bd.touches[u]
			if int(uc.instr) < l.s {
				continue
			}
			if g.effective(u) != noCopyTouch && uc.needsOld() {
				by(l.e)
			}
			if uc.write {
				break
			}
		}
	}
}

// after returns the time at which instruction d falls in body block b, minus
// d's own iteration: the block's start as seen from d.
func (g *Game) after(b *gblock, d int) int {
	if d >= int(b.start) {
		return int(b.start)
	}
	return int(b.start) - g.bd.L
}

// overwritten is the first time after d at which another member of must class c
// is written: it shares buf's place.
func (g *Game) overwritten(buf, c int32, d int, body bool) int {
	bd := g.bd
	t := bd.T + bd.L
	for _, m := range bd.members[c] {
		if m == buf {
			continue
		}
		for u := bd.first[m]; u < bd.first[m+1]; u++ {
			uc := &bd.touches[u]
			if !uc.write {
				continue
			}
			v := int(uc.instr)
			if v <= d && body && bd.inBody(v) {
				v += bd.L
			}
			if v > d {
				t = min(t, v)
			}
		}
	}
	return t
}

// backEnd returns rule 4's e for the version of touch w, 0 where none is needed.
func (g *Game) backEnd(w int32) (int32, bool) {
	need, latest := g.backNeed(w)
	if !need {
		return 0, true
	}
	e, _, ok := g.backWindow(w, latest)
	return e, ok
}

// backWindow finds the write-back window [d+1, e) of touch w's version.
func (g *Game) backWindow(w int32, latest int) (e int32, engine int, ok bool) {
	bd := g.bd
	tc := &bd.touches[w]
	d := int(tc.instr)
	h := bd.path[int(g.st.tierOf[w])*bd.nt+bd.p.Buffers[tc.buf].Home]
	if h.first < 0 || h.second >= 0 || latest < d+1 {
		return 0, 0, false
	}
	body := bd.inBody(d)
	want := bd.copyTime(h.first, bd.size[int(tc.buf)*bd.nt+int(g.st.tierOf[w])])
	u, sum := d+1, int64(0)
	for u < latest && sum < want {
		sum += g.roomAt(h.first, u, body)
		u++
	}
	return int32(u), h.first, true
}

// refreshBacks brings the write-backs of buf's fast versions in line with what
// its touches now need (rule 4). false: one has no place or no time.
func (g *Game) refreshBacks(buf int32) bool {
	bd := g.bd
	if !bd.written[buf] {
		return true
	}
	for w := bd.first[buf]; w < bd.first[buf+1]; w++ {
		if !bd.touches[w].write {
			continue
		}
		fast := g.effective(w) > dropTouch && g.st.blockOf[w] >= 0
		need, latest := false, 0
		if fast {
			need, latest = g.backNeed(w)
		}
		c := g.st.backOf[w]
		if c >= 0 {
			cp := g.st.copies[c]
			m := g.mark()
			g.killCopy(c)
			if need && cp.block == g.st.blockOf[w] && g.covers(cp.block, w, cp.before) {
				// it stays if it would be the same again
				if e, _, ok := g.backWindow(w, latest); ok && e == cp.before {
					g.undoTo(m.trail)
					continue
				}
			}
			g.setBack(w, -1)
			if !g.st.blocks[cp.block].dead {
				g.trim(cp.block)
			}
		}
		if !need {
			continue
		}
		e, eng, ok := g.backWindow(w, latest)
		if !ok {
			return false
		}
		k := g.st.blockOf[w]
		b := g.st.blocks[k]
		body := bd.inBody(int(bd.touches[w].instr))
		be := e
		if body && bd.touches[w].instr < b.start {
			be += int32(bd.L)
		}
		if int(b.end-b.start) < bd.L || !body {
			if !g.grow(k, be) {
				return false
			}
		}
		c = g.newCopy(gcopy{buf: buf, block: k, engine: int32(eng), start: bd.touches[w].instr + 1, before: e, after: -1, back: true})
		g.bookForward(c, eng, int(bd.touches[w].instr)+1, int(e), body, bd.copyTime(eng, bd.size[int(buf)*bd.nt+int(b.tier)]))
		g.setBack(w, c)
	}
	return true
}

// covers reports whether block k lasts until a write-back of touch w awaited by
// before is over.
func (g *Game) covers(k, w, before int32) bool {
	b := &g.st.blocks[k]
	if b.body && int(b.end-b.start) == g.bd.L {
		return true
	}
	if b.body && g.bd.touches[w].instr < b.start {
		before += int32(g.bd.L)
	}
	return b.end >= before
}

// trim shortens block k to what its touches and remaining write-backs need.
func (g *Game) trim(k int32) {
	bd := g.bd
	b := &g.st.blocks[k]
	if b.body && int(b.keep-b.start) >= bd.L {
		return
	}
	e := b.keep
	for w := bd.first[b.buf]; w < bd.first[b.buf+1]; w++ {
		if c := g.st.backOf[w]; c >= 0 && g.st.copies[c].block == k {
			v := g.st.copies[c].before
			if b.body && bd.touches[w].instr < b.start {
				v += int32(bd.L)
			}
			e = max(e, v)
		}
	}
	g.shrink(k, e)
}

// backBytes is what the write-back of touch w's version moves: what was written
// since the last slow copy, widened to the engine's io_align.
func (g *Game) backBytes(w int32, engine int) int64 {
	bd := g.bd
	buf := bd.touches[w].buf
	io := max(bd.p.Engines[engine].IOAlign, 1)
	full := bd.copyBytes(int(buf), engine)
	lo, hi := bd.first[buf], bd.first[buf+1]
	body := bd.inBody(int(bd.touches[w].instr))
	if body {
		lo, hi = bd.bodyLo[buf], bd.bodyHi[buf]
	}
	sum := int64(0)
	for n, u := int32(0), w; n < hi-lo; n++ {
		uc := &bd.touches[u]
		if n > 0 && uc.write && (g.st.backOf[u] >= 0 || g.effective(u) <= dropTouch) {
			break
		}
		if uc.write {
			sum += uc.writeBytes
		}
		if uc.fresh && uc.write || g.effective(u) == copyTouch {
			break
		}
		u--
		if u < lo {
			if !body {
				break
			}
			u = hi - 1
		}
	}
	return min(roundUp(sum, io), full)
}
