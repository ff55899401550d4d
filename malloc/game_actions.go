package malloc

// backs are the starts a macro-action may ask for, before the touch.
var backs = [...]int{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}

func (g *Game) actions(dst []Action) []Action {
	before := len(dst)
	g.starts = g.starts[:0]
	defer func() {
		for len(g.starts) < len(dst)-before {
			g.starts = append(g.starts, -1)
		}
	}()
	i, run := g.nextTouch()
	if i < 0 {
		if run >= 0 {
			for x := range g.bd.runsOn[run] {
				if g.runAllowed(run, x) {
					dst = append(dst, Action{Kind: RunOn, Executor: g.bd.runsOn[run][x].Executor})
				}
			}
		}
		return dst
	}
	if g.probe(i, Action{Kind: Drop}) {
		dst = append(dst, Action{Kind: Drop, Tier: g.bd.p.Buffers[g.bd.touches[i].buf].Home})
	}
	tc := &g.bd.touches[i]
	home := g.bd.p.Buffers[tc.buf].Home
	for tier := 0; tier < g.bd.nt; tier++ {
		if tier == home || g.noFast[i] || !g.reaches(i, int32(tier)) {
			continue
		}
		if a := (Action{Kind: NoCopy, Tier: tier}); g.probe(i, a) {
			dst = append(dst, a)
		}
		if !tc.needsOld() {
			continue
		}
		seen := [4 + len(backs)]span{}
		n := 0
		try := func(a Action) {
			m, v := g.mark(), g.st.version
			defer func() { g.st.version = v }()
			if !g.play(i, a) {
				return
			}
			b := &g.st.blocks[g.st.blockOf[i]]
			made := span{int(b.start), int(b.off)}
			g.undoTo(m.trail)
			for _, s := range seen[:n] {
				if s == made {
					return
				}
			}
			seen[n] = made
			n++
			for len(g.starts) < len(dst)-before {
				g.starts = append(g.starts, -1)
			}
			g.starts = append(g.starts, made.s)
			dst = append(dst, a)
		}
		for lead := 1; lead <= 4; lead++ {
			try(Action{Kind: CopyIn, Tier: tier, Lead: lead, Back: -1})
		}
		if n == 0 {
			if a := (Action{Kind: CopyIn, Tier: tier, Back: 0}); !g.probe(i, a) {
				continue
			}
		}
		for _, back := range backs {
			if back > g.bd.T {
				break
			}
			try(Action{Kind: CopyIn, Tier: tier, Back: back})
		}
	}
	return dst
}

// probe reports whether a is legal for touch i, leaving the state as it was.
func (g *Game) probe(i int32, a Action) bool {
	m, v := g.mark(), g.st.version
	ok := g.play(i, a)
	g.undoTo(m.trail)
	g.st.version = v
	return ok
}

func (g *Game) legal(a Action) bool {
	i, run := g.nextTouch()
	if i < 0 {
		if run < 0 || a.Kind != RunOn {
			return false
		}
		for x, r := range g.bd.runsOn[run] {
			if r.Executor == a.Executor {
				return g.runAllowed(run, x)
			}
		}
		return false
	}
	return g.probe(i, a)
}

// runAllowed: only executors whose operands all keep a legal action (rule 11).
func (g *Game) runAllowed(t, x int) bool {
	bd := g.bd
	old := g.st.exec[t]
	g.st.exec[t] = int32(x)
	ok := true
	for q := bd.atFirst[t]; q < bd.atFirst[t+1] && ok; q++ {
		i := bd.atInstr[q]
		switch {
		case g.effective(i) > dropTouch:
			ok = g.reaches(i, g.st.tierOf[i])
		default:
			ok = g.demandTier(i) != -2
		}
	}
	ok = ok && g.demandFits(t) && (!bd.hops || g.handOversFit())
	g.st.exec[t] = old
	return ok
}

func (g *Game) setExec(t, x int) {
	g.note(trailEntry{op: trExec, i: int32(t), j: g.st.exec[t]})
	old := g.st.exec[t]
	if old < 0 {
		old = 0
		g.st.runsLeft[g.partAt(t)]--
	}
	rho := g.bd.rho
	if t < g.bd.B {
		rho = g.bd.rhoPre
	} else if t >= g.bd.E {
		rho = g.bd.rhoPost
	}
	d := toPicos(rho*g.bd.allFast[t][old]) - toPicos(rho*g.bd.allFast[t][x])
	g.st.exec[t] = int32(x)
	for e := 0; e < g.bd.ne; e++ {
		g.useRoom(int32(e*g.bd.T+t), d)
	}
}
