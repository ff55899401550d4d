package malloc

import (
	"errors"
	"fmt"
)

// part is 0 while the body has undecided touches, then 1.
func (g *Game) part() int {
	if g.st.leftAll[0] > 0 || g.runPending(0) >= 0 {
		return 0
	}
	return 1
}

func (g *Game) inBody() bool { return g.part() == 0 }

func (g *Game) done() bool {
	return g.st.leftAll[0] == 0 && g.st.leftAll[1] == 0 && g.runPending(0) < 0 && g.runPending(1) < 0
}

func (g *Game) seq(part int) []int32 {
	if part == 0 {
		return g.bd.bodySeq
	}
	return g.bd.straightSeq
}

// runPending returns the first instruction of the part whose executor is still
// to be chosen, or -1.
func (g *Game) runPending(part int) int {
	if g.st.runsLeft[part] == 0 {
		return -1
	}
	for t := 0; t < g.bd.T; t++ {
		if g.bd.inBody(t) == (part == 0) && len(g.bd.runsOn[t]) > 1 && g.st.exec[t] < 0 {
			return t
		}
	}
	return -1
}

// nextTouch returns the touch Next asks about, or the instruction of a RUN_ON.
func (g *Game) nextTouch() (touch int32, run int) {
	part := g.part()
	run = g.runPending(part)
	if g.opt.Order == FreeOrder {
		if run >= 0 {
			return -1, run
		}
		b := g.st.chosen
		if b < 0 || g.st.left[part][b] == 0 {
			b = -1
			for i, n := range g.st.left[part] {
				if n > 0 {
					b = i
					break
				}
			}
			if b < 0 {
				return -1, -1
			}
		}
		lo, hi := g.bd.first[b], g.bd.first[b+1]
		for i := lo; i < hi; i++ {
			if g.st.kind[i] == undecidedTouch && g.partOf(i) == part {
				return i, -1
			}
		}
		return -1, -1
	}
	seq := g.seq(part)
	c := g.st.cursor[part]
	for c < len(seq) && g.st.kind[seq[c]] != undecidedTouch {
		c++
	}
	if c == len(seq) {
		return -1, run
	}
	if run >= 0 && run <= int(g.bd.touches[seq[c]].instr) {
		return -1, run
	}
	return seq[c], -1
}

func (g *Game) next() Decision {
	i, run := g.nextTouch()
	if i < 0 {
		return Decision{RunOn: run >= 0, Instr: run, Buf: -1, Touch: -1, Body: run >= 0 && g.bd.inBody(run)}
	}
	return g.decision(i)
}

func (g *Game) decision(i int32) Decision {
	tc := &g.bd.touches[i]
	return Decision{Instr: int(tc.instr), Buf: int(tc.buf), Touch: int(i - g.bd.first[tc.buf]), Def: tc.def, Read: tc.read, Write: tc.write, Body: g.bd.inBody(int(tc.instr))}
}

func (g *Game) undecided() []int {
	g.list = g.list[:0]
	for b, n := range g.st.left[g.part()] {
		if n > 0 {
			g.list = append(g.list, b)
		}
	}
	return g.list
}

func (g *Game) choose(buf int) error {
	if g.opt.Order != FreeOrder {
		return errors.New("malloc: Choose needs a game in FreeOrder")
	}
	if buf < 0 || buf >= g.bd.nb || g.st.left[g.part()][buf] == 0 {
		return fmt.Errorf("malloc: buffer %d has no undecided touch in the present part: choose one of Undecided", buf)
	}
	if c := g.st.chosen; c >= 0 && c != buf && g.st.left[g.part()][c] > 0 && g.begun(c) {
		return fmt.Errorf("malloc: buffer %d still has undecided touches: decide them before choosing buffer %d", c, buf)
	}
	g.setChosen(buf)
	return nil
}

// begun reports whether some touch of buf in the present part is decided.
func (g *Game) begun(buf int) bool {
	part := g.part()
	for i := g.bd.first[buf]; i < g.bd.first[buf+1]; i++ {
		if g.st.kind[i] != undecidedTouch && g.partOf(i) == part {
			return true
		}
	}
	return false
}

// advance moves the part's cursor past what is decided.
func (g *Game) advance() {
	for part := range g.st.cursor {
		seq := g.seq(part)
		c := g.st.cursor[part]
		for c < len(seq) && g.st.kind[seq[c]] != undecidedTouch {
			c++
		}
		g.setCursor(part, c)
		if c < len(seq) {
			return
		}
	}
}
