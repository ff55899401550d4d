package malloc

import (
	"sort"
	"strconv"
)

// buildPlan writes the state down as a plan, undecided touches as DROP. Hand-over
// copies are placed on the state for the while.
func (g *Game) buildPlan() *Plan {
	bd := g.bd
	version := g.st.version
	m := g.mark()
	onces, _ := g.handOvers(nil)
	p := &Plan{Format: PlanFormat, Sites: make([]Site, 0, len(bd.argOf)), Blocks: make([]Block, 0, len(g.st.blocks)+bd.T), Copies: make([]Copy, 0, len(g.st.copies)+bd.T)}
	w := planWriter{g: g, p: p, of: make([]int32, len(g.st.blocks)), copyOf: make([]int32, len(g.st.copies)), once: make([]bool, len(g.st.copies))}
	for _, o := range onces {
		w.once[o.copy] = true
		if o.first >= 0 {
			w.once[o.first] = true
		}
	}
	for k := range g.st.blocks {
		b := &g.st.blocks[k]
		w.of[k] = -1
		if !b.dead {
			w.of[k] = int32(len(p.Blocks))
			p.Blocks = append(p.Blocks, Block{Buf: int(b.buf), Tier: int(b.tier), Start: int(b.start), End: int(b.end), Offset: b.off})
		}
	}
	for c := range g.st.copies {
		cp := &g.st.copies[c]
		w.copyOf[c] = -1
		if cp.dead || w.of[cp.block] < 0 {
			continue
		}
		n := Copy{Buf: int(cp.buf), Block: int(w.of[cp.block]), Engine: int(cp.engine), Start: int(cp.start), Before: int(cp.before), Bytes: cp.bytes, Once: w.once[c], After: -1}
		if cp.after >= 0 {
			n.After = int(w.copyOf[cp.after])
		}
		w.copyOf[c] = int32(len(p.Copies))
		p.Copies = append(p.Copies, n)
		w.back = append(w.back, cp.back)
	}
	for i := range bd.touches { // write-back sizes depend on what else is written back
		if c := g.st.backOf[i]; c >= 0 {
			p.Copies[w.copyOf[c]].Bytes = g.backBytes(int32(i), int(g.st.copies[c].engine))
		}
	}
	for t := 0; t < bd.T; t++ {
		w.instruction(t)
	}
	g.undoTo(m.trail)
	g.dirty = g.dirty[:0]
	g.st.version = version
	w.order()
	p.Traffic = w.traffic()
	for t := 0; t < bd.T; t++ {
		if x := g.st.exec[t]; x > 0 {
			p.Runs = append(p.Runs, Run{Instr: t, Executor: bd.runsOn[t][x].Executor})
		}
	}
	return p
}

// argNames holds the names of the first operands, so that writing a plan does
// not build them again.
var argNames = func() (names [2][32]string) {
	for n := range names[0] {
		names[0][n] = "r" + strconv.Itoa(n)
		names[1][n] = "w" + strconv.Itoa(n)
	}
	return names
}()

func argName(write bool, n int) string {
	k, letter := 0, "r"
	if write {
		k, letter = 1, "w"
	}
	if n < len(argNames[k]) {
		return argNames[k][n]
	}
	return letter + strconv.Itoa(n)
}

type planWriter struct {
	g      *Game
	p      *Plan
	of     []int32 // plan block of a state block
	copyOf []int32
	once   []bool
	back   []bool // per plan copy: a write-back
}

func (w *planWriter) copy(c Copy, back bool) int {
	w.p.Copies = append(w.p.Copies, c)
	w.back = append(w.back, back)
	return len(w.p.Copies) - 1
}

// instruction writes scratch, demand copies and sites of instruction t.
func (w *planWriter) instruction(t int) {
	g, bd := w.g, w.g.bd
	g.demandFits(t)
	mid := -1 // block between of the demand copy just written
	for n, pl := range g.floats.places {
		if pl.touch < 0 {
			w.p.Blocks = append(w.p.Blocks, Block{Buf: ScratchBuf, Tier: int(pl.tier), Start: t, End: t + 1, Offset: pl.off})
			continue
		}
		if pl.between {
			continue
		}
		k := len(w.p.Blocks)
		tc := &bd.touches[pl.touch]
		w.p.Blocks = append(w.p.Blocks, Block{Buf: int(tc.buf), Tier: int(pl.tier), Start: t, End: t + 1, Offset: pl.off})
		mid = -1
		if n+1 < len(g.floats.places) && g.floats.places[n+1].between {
			mid = w.between(t, g.floats.places[n+1], tc.buf)
		}
		home := bd.p.Buffers[tc.buf].Home
		if tc.needsOld() {
			w.fill(int(tc.buf), k, mid, bd.path[home*bd.nt+int(pl.tier)], t)
		}
		if tc.write {
			e := bd.path[int(pl.tier)*bd.nt+home].first
			bytes := min(roundUp(tc.writeBytes, max(bd.p.Engines[e].IOAlign, 1)), bd.copyBytes(int(tc.buf), e))
			w.copy(Copy{Buf: int(tc.buf), Block: k, Engine: e, Start: t + 1, Before: t + 1, Bytes: bytes, After: -1}, true)
		}
	}
	// a promised last touch still undecided is copied into the promised block
	for q := bd.atFirst[t]; q < bd.atFirst[t+1]; q++ {
		i := bd.atInstr[q]
		tc := &bd.touches[i]
		if g.st.kind[i] != undecidedTouch {
			continue
		}
		if k := g.st.blockOf[i]; k >= 0 {
			mid = -1
			for _, pl := range g.floats.places {
				if pl.touch == i && pl.between {
					mid = w.between(t, pl, tc.buf)
				}
			}
			w.fill(int(tc.buf), int(w.of[k]), mid, bd.path[bd.p.Buffers[tc.buf].Home*bd.nt+int(g.st.blocks[k].tier)], t)
		}
	}
	in := &bd.p.Instructions[t]
	base := int(bd.argBase[t])
	for n := range in.Reads {
		w.p.Sites = append(w.p.Sites, Site{Instr: t, Arg: argName(false, n), Tier: g.siteOf(bd.argOf[base+n], t)})
	}
	for n := range in.Writes {
		w.p.Sites = append(w.p.Sites, Site{Instr: t, Arg: argName(true, n), Tier: g.siteOf(bd.argOf[base+len(in.Reads)+n], t)})
	}
}

// siteOf is the tier touch i is served from at instruction t.
func (g *Game) siteOf(i int32, t int) int {
	bd := g.bd
	tc := &bd.touches[i]
	if g.effective(i) > dropTouch {
		return int(g.st.tierOf[i])
	}
	if d := g.demandTier(i); d >= 0 {
		return int(d)
	}
	return bd.p.Buffers[tc.buf].Home
}

func (w *planWriter) between(t int, pl place, buf int32) int {
	w.p.Blocks = append(w.p.Blocks, Block{Buf: int(buf), Tier: int(pl.tier), Start: t, End: t + 1, Offset: pl.off})
	return len(w.p.Blocks) - 1
}

// fill writes the demand copy, in one or two hops, into plan block k at t.
func (w *planWriter) fill(buf, k, mid int, h hop, t int) {
	bd := w.g.bd
	if h.second < 0 {
		w.copy(Copy{Buf: buf, Block: k, Engine: h.first, Start: t, Before: t, Bytes: bd.copyBytes(buf, h.first), After: -1}, false)
		return
	}
	c := w.copy(Copy{Buf: buf, Block: mid, Engine: h.first, Start: t, Before: t, Bytes: bd.copyBytes(buf, h.first), After: -1}, false)
	w.copy(Copy{Buf: buf, Block: k, Engine: h.second, Start: t, Before: t, Bytes: bd.copyBytes(buf, h.second), After: c}, false)
}

// order sorts the copies by issue: start, write-backs first, then by deadline.
func (w *planWriter) order() {
	n := len(w.p.Copies)
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	cs := w.p.Copies
	sort.SliceStable(perm, func(i, j int) bool {
		a, b := perm[i], perm[j]
		if cs[a].Start != cs[b].Start {
			return cs[a].Start < cs[b].Start
		}
		if w.back[a] != w.back[b] {
			return w.back[a]
		}
		return cs[a].Before < cs[b].Before
	})
	inv := make([]int, n)
	out := make([]Copy, n)
	back := make([]bool, n)
	for i, o := range perm {
		inv[o] = i
		out[i], back[i] = cs[o], w.back[o]
	}
	for i := range out {
		if out[i].After >= 0 {
			out[i].After = inv[out[i].After]
		}
	}
	w.p.Copies, w.back = out, back
}

// traffic counts every engine's bytes and requests over the whole run: straight
// and once copies, trip times those of the body, one less for what serves a
// next iteration.
func (w *planWriter) traffic() []Traffic {
	bd := w.g.bd
	out := make([]Traffic, bd.ne)
	for e := range out {
		out[e].Engine = e
	}
	for i := range w.p.Copies {
		c := &w.p.Copies[i]
		n := int64(1)
		if !c.Once && bd.L > 0 {
			switch {
			case w.back[i] && c.Start > bd.B && c.Start <= bd.E:
				n = bd.trip
			case !w.back[i] && c.Start >= bd.B && c.Start < bd.E && c.Before < bd.E:
				n = bd.trip
			case !w.back[i] && c.Start >= bd.B && c.Start < bd.E:
				n = bd.trip - 1
			}
		}
		if !c.Once {
			at := c.Start
			if w.back[i] { // it belongs to the instruction that wrote
				at--
			}
			for _, l := range bd.p.Loops {
				if !l.Periodic && at >= l.Begin && at < l.End {
					n *= l.Trip
				}
			}
		}
		e := &bd.p.Engines[c.Engine]
		out[c.Engine].Bytes += n * c.Bytes
		if e.RequestBytes > 0 {
			out[c.Engine].Requests += n * ((c.Bytes + e.RequestBytes - 1) / e.RequestBytes)
		} else {
			out[c.Engine].Requests += n
		}
	}
	return out
}
