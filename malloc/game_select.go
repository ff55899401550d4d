package malloc

// selectAfter is the instruction a select buffer's content is known after, or
// -1.
func (g *Game) selectAfter(buf int32) int {
	if s := g.bd.p.Buffers[buf].Select; s != nil {
		return s.After
	}
	return -1
}

// newContentBetween reports whether a select buffer is chosen anew between two
// consecutive touches.
func (g *Game) newContentBetween(prev, i int32) bool {
	bd := g.bd
	a := g.selectAfter(bd.touches[i].buf)
	if a < 0 {
		return false
	}
	p, t := int(bd.touches[prev].instr), int(bd.touches[i].instr)
	if bd.inBody(t) && bd.inBody(p) && p >= t {
		return bd.inBody(a) // one iteration apart: the choice lies between
	}
	return a >= p && a < t
}

// selectHeld reports whether decided blocks of tier hold all of a select
// buffer's parts when touch i needs them (rule 13).
func (g *Game) selectHeld(i, tier int32) bool {
	bd := g.bd
	s := bd.p.Buffers[bd.touches[i].buf].Select
	if s == nil || len(s.Of) == 0 {
		return false
	}
	t := int(bd.touches[i].instr)
	for _, of := range s.Of {
		if of < 0 || of >= bd.nb {
			return false
		}
		held := false
		for k := g.st.bufHead[of]; k >= 0 && !held; k = g.st.blocks[k].next {
			b := &g.st.blocks[k]
			if b.tier != tier || b.home || b.between || b.promise || !g.blockAt(k, t) {
				continue
			}
			u := t
			if u < int(b.start) {
				u += bd.L
			}
			held = b.src < 0 || int(g.st.copies[b.src].before) <= u
		}
		if !held {
			return false
		}
	}
	return true
}
