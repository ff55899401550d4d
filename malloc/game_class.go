package malloc

// dropAllowed: a promised last touch and a member bound by its class are not
// offered DROP.
func (g *Game) dropAllowed(i int32) bool {
	bd := g.bd
	tc := &bd.touches[i]
	if bd.inBody(int(tc.instr)) && i == bd.bodyHi[tc.buf]-1 && g.promiseOf(tc.buf) >= 0 {
		return false
	}
	if c := bd.class[tc.buf]; c >= 0 {
		for q := bd.atFirst[tc.instr]; q < bd.atFirst[tc.instr+1]; q++ {
			j := bd.atInstr[q]
			if j != i && bd.class[bd.touches[j].buf] == c && g.effective(j) > dropTouch {
				return false
			}
		}
	}
	return g.demandTier(i) != -2
}

// classAllows: members of a must class at one instruction share tier and place,
// the first decision binds.
func (g *Game) classAllows(i, tier int32) bool {
	bd := g.bd
	c := bd.class[bd.touches[i].buf]
	if c < 0 {
		return true
	}
	t := bd.touches[i].instr
	for q := bd.atFirst[t]; q < bd.atFirst[t+1]; q++ {
		j := bd.atInstr[q]
		if j == i || bd.class[bd.touches[j].buf] != c {
			continue
		}
		if g.st.kind[j] == dropTouch || g.effective(j) > dropTouch && g.st.tierOf[j] != tier {
			return false
		}
	}
	return true
}

// forceClass decides the other members' touches at touch i's instruction, which
// its decision binds.
func (g *Game) forceClass(i, tier int32) bool {
	bd := g.bd
	c := bd.class[bd.touches[i].buf]
	if c < 0 {
		return true
	}
	t := bd.touches[i].instr
	for q := bd.atFirst[t]; q < bd.atFirst[t+1]; q++ {
		j := bd.atInstr[q]
		if bd.class[bd.touches[j].buf] != c || g.effective(j) != undecidedTouch {
			continue
		}
		m := g.mark()
		if g.decide(j, Action{Kind: NoCopy, Tier: int(tier)}) {
			continue
		}
		g.undoTo(m.trail)
		if !g.decide(j, Action{Kind: CopyIn, Tier: int(tier), Lead: 1, Back: -1}) {
			return false
		}
	}
	return true
}

// fixedOffset is the offset rule 5 and 6 force on a block of buf, or -1.
func (g *Game) fixedOffset(buf, tier int32) int64 {
	if c := g.bd.class[buf]; c >= 0 {
		return g.st.classOff[int(c)*g.bd.nt+int(tier)]
	}
	return -1
}

// preferredOffset is the offset a straight block of buf would like: its body
// block's, or a may partner's; -1: none.
func (g *Game) preferredOffset(buf, tier int32, body bool) int64 {
	if !body {
		if h := g.handOver(buf, tier); h >= 0 {
			return g.st.blocks[h].off
		}
	}
	if c := g.bd.may[buf]; c >= 0 {
		return g.st.mayOff[int(c)*g.bd.nt+int(tier)]
	}
	return -1
}
