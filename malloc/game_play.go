package malloc

import (
	"errors"
	"fmt"
)

func (g *Game) step(a Action) (float64, error) {
	i, run := g.nextTouch()
	if i < 0 && run < 0 {
		return 0, errors.New("malloc: the game is over: every decision has been made")
	}
	before, static := Score{}, 0.0
	if !g.opt.NoReward && !g.opt.StaticReward {
		var err error
		if before, err = g.score(); err != nil {
			return 0, err
		}
	}
	if g.opt.StaticReward {
		static = g.staticBenefit(i, run, a)
	}
	rec := moveRecord{mark: g.mark(), touch: i, instr: int32(run), action: a}
	if i < 0 {
		x := -1
		for k, r := range g.bd.runsOn[run] {
			if a.Kind == RunOn && r.Executor == a.Executor {
				x = k
			}
		}
		if x < 0 || !g.runAllowed(run, x) {
			return 0, fmt.Errorf("malloc: %s is not legal for instruction %d (%s)", a, run, g.bd.p.Instructions[run].Name)
		}
		g.setExec(run, x)
		g.st.moves = append(g.st.moves, rec)
	} else {
		if g.opt.Order == FreeOrder {
			g.setChosen(int(g.bd.touches[i].buf))
		}
		if g.play(i, a) {
			g.st.moves = append(g.st.moves, rec)
		} else {
			g.undoTo(rec.mark.trail)
			if g.st.banned[g.bd.group[g.bd.touches[i].buf]] || len(g.actions(nil)) > 0 {
				tc := &g.bd.touches[i]
				return 0, fmt.Errorf("malloc: %s is not legal for touch %d of buffer %d (%s) at instruction %d", a, i-g.bd.first[tc.buf], tc.buf, g.bd.p.Buffers[tc.buf].Name, tc.instr)
			}
			if err := g.backup(i); err != nil {
				return 0, err
			}
		}
	}
	if g.opt.Order == ProgramOrder {
		g.advance()
	}
	if g.opt.StaticReward {
		return static, nil
	}
	if g.opt.NoReward {
		return 0, nil
	}
	after, err := g.score()
	if err != nil {
		return 0, err
	}
	return before.TotalS - after.TotalS, nil
}

// backup is rule 8: rewind to the class's first decision that is not DROP, mark
// the class DROP, replay what came later.
func (g *Game) backup(i int32) error {
	grp := g.bd.group[g.bd.touches[i].buf]
	at := -1
	for k := range g.st.moves {
		m := &g.st.moves[k]
		if m.touch >= 0 && m.action.Kind != Drop && g.bd.group[g.bd.touches[m.touch].buf] == grp {
			at = k
			break
		}
	}
	if at < 0 {
		return fmt.Errorf("malloc: no legal move for buffer %d (%s) at instruction %d and none to take back", g.bd.touches[i].buf, g.bd.p.Buffers[g.bd.touches[i].buf].Name, g.bd.touches[i].instr)
	}
	later := append([]moveRecord(nil), g.st.moves[at:]...)
	later = append(later, moveRecord{touch: i, action: Action{Kind: Drop}})
	n := g.st.backups + 1
	g.rewind(later[0].mark)
	g.note(trailEntry{op: trBan, i: grp})
	g.st.banned[grp] = true
	for g.st.backups < n {
		g.note(trailEntry{op: trBackups})
		g.st.backups++
	}
	for _, m := range later {
		mk := g.mark()
		if m.touch < 0 {
			x := 0
			for k, r := range g.bd.runsOn[m.instr] {
				if r.Executor == m.action.Executor {
					x = k
				}
			}
			if !g.runAllowed(int(m.instr), x) {
				x = 0
				if !g.runAllowed(int(m.instr), x) {
					continue
				}
			}
			g.setExec(int(m.instr), x)
			g.st.moves = append(g.st.moves, moveRecord{mk, m.touch, m.instr, Action{Kind: RunOn, Executor: g.bd.runsOn[m.instr][x].Executor}})
			continue
		}
		if g.st.kind[m.touch] != undecidedTouch {
			continue
		}
		if g.opt.Order == FreeOrder {
			g.setChosen(int(g.bd.touches[m.touch].buf))
		}
		a := m.action
		if g.st.banned[g.bd.group[g.bd.touches[m.touch].buf]] || !g.play(m.touch, a) {
			a = Action{Kind: Drop}
			if !g.play(m.touch, a) {
				continue
			}
		}
		g.st.moves = append(g.st.moves, moveRecord{mk, m.touch, m.instr, a})
	}
	return nil
}

// staticBenefit is the option of rule 9: what the touch alone gains in its
// instruction when everything else is slow.
func (g *Game) staticBenefit(i int32, run int, a Action) float64 {
	if i < 0 || a.Kind == Drop || a.Kind == RunOn {
		return 0
	}
	bd := g.bd
	tc := &bd.touches[i]
	x := g.executorOf(int(tc.instr))
	home := bd.p.Buffers[tc.buf].Home
	cost := func(tier int) float64 {
		s := 0.0
		if tc.read && bd.readBW[x*bd.nt+tier] > 0 {
			s += float64(tc.readBytes) / bd.readBW[x*bd.nt+tier]
		}
		if tc.write && bd.writeBW[x*bd.nt+tier] > 0 {
			s += float64(tc.writeBytes) / bd.writeBW[x*bd.nt+tier]
		}
		return s
	}
	fast := cost(a.Tier)
	d := g.demandTier(i)
	if d < 0 {
		return cost(home) - fast
	}
	h := bd.path[home*bd.nt+int(d)]
	slow := cost(int(d))
	if h.first >= 0 {
		slow += float64(bd.copyBytes(int(tc.buf), h.first)) / bd.p.Engines[h.first].BW
	}
	return slow - fast
}

func (g *Game) score() (Score, error) {
	if g.st.cachedAt == g.st.version+1 {
		return g.st.cached, nil
	}
	if g.ev == nil {
		return Score{}, errors.New("malloc: the game has no Evaluator: pass one to NewGame")
	}
	s, err := g.ev.Evaluate(g.bd.p, g.Plan())
	if err != nil {
		return s, err
	}
	g.st.cached, g.st.cachedAt = s, g.st.version+1
	return s, nil
}
