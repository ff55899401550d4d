package malloc

func (g *Game) resident(buf, tier int) bool {
	bd := g.bd
	if g.opt.Order != FreeOrder || buf < 0 || buf >= bd.nb || bd.bodyLo[buf] == bd.bodyHi[buf] || tier < 0 || tier >= bd.nt || g.runPending(0) >= 0 {
		return false
	}
	if int(g.st.left[0][buf]) != int(bd.bodyHi[buf]-bd.bodyLo[buf]) {
		return false
	}
	if c := g.st.chosen; c >= 0 && c != buf && g.st.left[0][c] > 0 && g.begun(c) {
		return false
	}
	m := g.mark()
	g.setChosen(buf)
	for i := bd.bodyLo[buf]; i < bd.bodyHi[buf]; i++ {
		if g.st.kind[i] != undecidedTouch {
			continue
		}
		rec := moveRecord{mark: g.mark(), touch: i, instr: -1, action: Action{Kind: NoCopy, Tier: tier, circle: i == bd.bodyLo[buf]}}
		if !g.play(i, rec.action) {
			g.rewind(m)
			return false
		}
		g.st.moves = append(g.st.moves, rec)
	}
	return true
}

func extendOrCopy(legal []Action) Action {
	best := legal[0]
	for _, a := range legal {
		if a.Kind == NoCopy {
			return a
		}
		if a.Kind == CopyIn && best.Kind == Drop {
			best = a
		}
	}
	return best
}

func (g *Game) finish(policy Policy, all bool) error {
	part := g.part()
	pos, posPart := 0, part
	for !g.done() && (all || g.part() == part) {
		if g.opt.Order == FreeOrder {
			if posPart != g.part() {
				pos, posPart = 0, g.part()
			}
			pos = g.chooseEarliest(pos)
		}
		i, _ := g.nextTouch()
		if policy == nil && i >= 0 && g.opt.NoReward {
			if g.extendOrCopyTouch(i) {
				continue
			}
		}
		g.acts = g.actions(g.acts[:0])
		a := Action{Kind: Drop}
		if len(g.acts) > 0 {
			if policy == nil {
				a = extendOrCopy(g.acts)
			} else {
				a = policy(g, g.next(), g.acts)
			}
		}
		if _, err := g.step(a); err != nil {
			return err
		}
	}
	return nil
}

// extendOrCopyTouch plays what ExtendOrCopy would pick for touch i without
// listing the other moves; false: nothing but a dead end was found.
func (g *Game) extendOrCopyTouch(i int32) bool {
	tc := &g.bd.touches[i]
	home := g.bd.p.Buffers[tc.buf].Home
	for _, kind := range [...]ActionKind{NoCopy, CopyIn} {
		if kind == CopyIn && !tc.needsOld() {
			break
		}
		for tier := 0; tier < g.bd.nt; tier++ {
			if tier == home || g.noFast[i] || !g.reaches(i, int32(tier)) {
				continue
			}
			if g.record(i, Action{Kind: kind, Tier: tier, Lead: 1, Back: -1}) {
				return true
			}
		}
	}
	return g.record(i, Action{Kind: Drop})
}

// record plays a for touch i and notes the move.
func (g *Game) record(i int32, a Action) bool {
	rec := moveRecord{mark: g.mark(), touch: i, instr: -1, action: a}
	if g.opt.Order == FreeOrder {
		g.setChosen(int(g.bd.touches[i].buf))
	}
	if !g.play(i, a) {
		g.undoTo(rec.mark.trail)
		return false
	}
	g.st.moves = append(g.st.moves, rec)
	if g.opt.Order == ProgramOrder {
		g.advance()
	}
	return true
}

// chooseEarliest picks, in free order, the buffer of the earliest undecided
// touch of the part from position pos of its sequence on, unless one is being
// decided. It returns the position it found.
func (g *Game) chooseEarliest(pos int) int {
	part := g.part()
	if c := g.st.chosen; c >= 0 && g.st.left[part][c] > 0 && g.begun(c) {
		return pos
	}
	seq := g.seq(part)
	for ; pos < len(seq); pos++ {
		if g.st.kind[seq[pos]] == undecidedTouch {
			g.setChosen(int(g.bd.touches[seq[pos]].buf))
			return pos
		}
	}
	return 0
}

func (g *Game) dropRest() error {
	part := g.part()
	for !g.done() && g.part() == part {
		i, run := g.nextTouch()
		if i < 0 && run < 0 {
			return nil
		}
		a := Action{Kind: Drop}
		if i < 0 {
			a = Action{Kind: RunOn, Executor: g.bd.runsOn[run][0].Executor}
		} else if !g.probe(i, a) {
			if a = (Action{Kind: NoCopy, Tier: int(g.forcedTier(i))}); !g.probe(i, a) {
				a = Action{Kind: CopyIn, Tier: a.Tier, Back: 0}
			}
		}
		if _, err := g.step(a); err != nil {
			return err
		}
	}
	return nil
}

// forcedTier is the tier a promise binds touch i to.
func (g *Game) forcedTier(i int32) int32 {
	if p := g.promiseOf(g.bd.touches[i].buf); p >= 0 {
		return g.st.blocks[p].tier
	}
	return 0
}

func (g *Game) finishStraight(policy Policy) error {
	if g.inBody() {
		if err := g.dropRest(); err != nil {
			return err
		}
	}
	if g.done() {
		return nil
	}
	return g.finish(policy, false)
}
