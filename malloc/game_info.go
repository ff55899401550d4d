package malloc

func (g *Game) touchInfos(buf int) []TouchInfo {
	if buf < 0 || buf >= g.bd.nb {
		return nil
	}
	var out []TouchInfo
	for i := g.bd.first[buf]; i < g.bd.first[buf+1]; i++ {
		tc := &g.bd.touches[i]
		f := TouchInfo{Instr: int(tc.instr), Def: tc.def, Read: tc.read, Write: tc.write, Body: g.bd.inBody(int(tc.instr)),
			ReadBytes: tc.readBytes, WriteBytes: tc.writeBytes, Decided: g.st.kind[i] != undecidedTouch, Tier: int(g.st.tierOf[i])}
		switch g.st.kind[i] {
		case noCopyTouch:
			f.Kind = NoCopy
		case copyTouch:
			f.Kind = CopyIn
		}
		out = append(out, f)
	}
	return out
}

func (g *Game) blockBytes(buf, tier int) int64 { return g.bd.size[buf*g.bd.nt+tier] }

func (g *Game) freeBytes(tier, t int) int64 {
	n := g.st.spaces[tier].top - g.usedAt(tier, t)
	g.demandFits(t)
	for _, p := range g.floats.places {
		if int(p.tier) == tier && p.off >= 0 {
			n -= p.bytes
		}
	}
	return n
}

func (g *Game) moveLog() []Move {
	out := make([]Move, len(g.st.moves))
	for k, m := range g.st.moves {
		out[k].Action = m.action
		if m.touch >= 0 {
			out[k].Decision = g.decision(m.touch)
		} else {
			out[k].Decision = Decision{RunOn: true, Instr: int(m.instr), Buf: -1, Touch: -1, Body: g.bd.inBody(int(m.instr))}
		}
	}
	return out
}

func (g *Game) program() *Program { return g.bd.p }
