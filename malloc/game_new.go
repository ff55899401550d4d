package malloc

import "fmt"

func newGame(p *Program, ev Evaluator, opt Options) (*Game, error) {
	bd, err := newBoard(p)
	if err != nil {
		return nil, err
	}
	g := &Game{bd: bd, opt: opt, ev: ev, ignoreDemand: -1}
	g.floats.init(bd)
	g.checked = make([]int, bd.T)
	n := len(bd.touches)
	st := &g.st
	st.kind = make([]uint8, n)
	st.blockOf, st.tierOf, st.backOf = make([]int32, n), make([]int32, n), make([]int32, n)
	for i := 0; i < n; i++ {
		st.blockOf[i], st.tierOf[i], st.backOf[i] = -1, -1, -1
	}
	st.exec = make([]int32, bd.T)
	for t := range st.exec {
		st.exec[t] = -1
		g.maxRuns = max(g.maxRuns, len(bd.runsOn[t]))
		if len(bd.runsOn[t]) > 1 {
			st.runsLeft[g.partAt(t)]++
		}
	}
	g.demand = make([]int32, n*g.maxRuns)
	for i := range bd.touches {
		for x, r := range bd.runsOn[bd.touches[i].instr] {
			g.demand[i*g.maxRuns+x] = bd.findDemand(int32(i), r.Executor)
		}
	}
	g.askFrom = make([]int32, bd.T+1)
	for t := 0; t < bd.T; t++ {
		for q := bd.atFirst[t]; q < bd.atFirst[t+1]; q++ {
			i := bd.atInstr[q]
			asks := bd.hops // a promised touch may need the place between
			for x := range bd.runsOn[t] {
				asks = asks || g.demand[int(i)*g.maxRuns+x] != -1
			}
			if asks {
				g.askers = append(g.askers, i)
			}
		}
		g.askFrom[t+1] = int32(len(g.askers))
	}
	st.room = make([]int64, bd.ne*bd.T)
	for t := 0; t < bd.T; t++ {
		rho := bd.rho
		if t < bd.B {
			rho = bd.rhoPre
		} else if t >= bd.E {
			rho = bd.rhoPost
		}
		for e := 0; e < bd.ne; e++ {
			st.room[e*bd.T+t] = toPicos(rho * bd.allFast[t][0])
		}
	}
	for i := range p.Tiers {
		top := p.Tiers[i].Capacity
		if top == Unlimited {
			top = unlimitedTop
		}
		st.spaces = append(st.spaces, newSpace(top, bd.T, p.Tiers[i].WriteBW <= 0 && p.Tiers[i].Capacity == Unlimited))
	}
	st.bufHead = make([]int32, bd.nb)
	for i := range st.bufHead {
		st.bufHead[i] = -1
	}
	st.classOff = fill(len(bd.members)*bd.nt, -1)
	st.mayOff = fill(bd.mays*bd.nt, -1)
	st.left = [2][]int32{make([]int32, bd.nb), make([]int32, bd.nb)}
	for i := range bd.touches {
		part := g.partOf(int32(i))
		st.left[part][bd.touches[i].buf]++
		st.leftAll[part]++
	}
	st.banned = make([]bool, bd.groups)
	st.chosen = -1
	g.noFast = make([]bool, n)
	for i := range bd.touches {
		if s := p.Buffers[bd.touches[i].buf].Select; s != nil {
			g.selects = append(g.selects, int32(i))
		}
	}
	if err := g.placeHomes(); err != nil {
		return nil, err
	}
	for t := 0; t < bd.T; t++ {
		if err := g.pathsExist(t); err != nil {
			return nil, err
		}
		if !g.demandFits(t) {
			return nil, g.infeasible(t)
		}
	}
	g.dirty = g.dirty[:0]
	st.trail, st.oldBlocks = st.trail[:0], st.oldBlocks[:0]
	return g, nil
}

func fill(n int, v int64) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = v
	}
	return s
}

// placeHomes gives every buffer whose home is limited its one place there
// (rule 1), in index order.
func (g *Game) placeHomes() error {
	bd := g.bd
	for i := 0; i < bd.nb; i++ {
		f := &bd.p.Buffers[i]
		lo, hi := bd.first[i], bd.first[i+1]
		if bd.p.Tiers[f.Home].Capacity == Unlimited || lo == hi {
			continue
		}
		s, e := int(bd.touches[lo].instr), int(bd.touches[hi-1].instr)+1
		if bd.param[i] && f.Select == nil {
			s = 0
		}
		if bd.out[i] {
			e = bd.T
		}
		if bd.L > 0 && s < bd.E && e > bd.B {
			local := s >= bd.B && e <= bd.E && bd.touches[lo].def && !bd.out[i]
			if !local {
				s, e = min(s, bd.B), max(e, bd.E)
			}
		}
		for lo := s; lo < e; { // a loop that is not periodic finds it every iteration
			l := bd.loopLo[min(lo, bd.T-1)]
			if l >= 0 && (int(l) < s || int(bd.loopHi[lo]) < e || !bd.touches[bd.first[i]].def) {
				s, e = min(s, int(l)), max(e, int(bd.loopHi[lo]))
				lo = int(bd.loopHi[lo])
				continue
			}
			lo++
		}
		off := g.homeOffset(int32(i), int32(f.Home), s, e)
		if off < 0 {
			z := bd.size[i*bd.nt+f.Home]
			for t := s; t < e; t++ {
				if need := g.usedAt(f.Home, t) + z; need > bd.p.Tiers[f.Home].Capacity {
					return g.tooSmall(t, f.Home, need, i)
				}
			}
			return g.tooSmall(s, f.Home, g.highest(f.Home, s, e)+z, i)
		}
		for _, r := range []span{{s, min(e, bd.B)}, {max(s, bd.B), min(e, bd.E)}, {max(s, bd.E), e}} {
			if r.s >= r.e {
				continue
			}
			body := bd.L > 0 && r.s >= bd.B && r.e <= bd.E
			from := int32(-1)
			if h := g.st.bufHead[i]; h >= 0 && int(g.st.blocks[h].end) == r.s {
				from = h
			}
			g.addBlock(gblock{buf: int32(i), tier: int32(f.Home), start: int32(r.s), end: int32(r.e), keep: int32(r.e), src: -1, from: from, body: body, home: true, off: off})
		}
	}
	return nil
}

func (g *Game) homeOffset(buf, tier int32, s, e int) int64 {
	bd := g.bd
	z, align := bd.size[int(buf)*bd.nt+int(tier)], bd.align[int(buf)*bd.nt+int(tier)]
	if off := g.fixedOffset(buf, tier); off >= 0 {
		for t := s; t < e; t++ {
			if !g.freeAt(buf, tier, t, off, z) {
				return -1
			}
		}
		return off
	}
	sp := &g.st.spaces[tier]
	cur, tmp := append(g.gapA[:0], gap{0, sp.top}), g.gapB
	for t := s; t < e && len(cur) > 0; t++ {
		tmp = sp.narrow(tmp, cur, t, z)
		cur, tmp = tmp, cur
	}
	g.gapA, g.gapB = cur, tmp
	return sp.choose(cur, z, align, g.opt.FirstFit)
}

func (g *Game) usedAt(tier, t int) int64 {
	sp := &g.st.spaces[tier]
	free := int64(0)
	for _, a := range sp.gaps[t] {
		free += a.hi - a.lo
	}
	return sp.top - free
}

// highest is the top of what tier holds over [s, e).
func (g *Game) highest(tier, s, e int) int64 {
	sp := &g.st.spaces[tier]
	h := int64(0)
	for t := s; t < e; t++ {
		top := sp.top
		if n := len(sp.gaps[t]); n > 0 && sp.gaps[t][n-1].hi == sp.top {
			top = sp.gaps[t][n-1].lo
		}
		h = max(h, top)
	}
	return h
}

func (g *Game) tooSmall(t, tier int, need int64, buf int) error {
	p := g.bd.p
	return &InfeasibleError{Instr: t, InstrName: p.Instructions[t].Name, Tier: tier, TierName: p.Tiers[tier].Name, NeedBytes: need, CapacityBytes: p.Tiers[tier].Capacity, Buf: buf}
}

// infeasible explains why the demand places of instruction t do not fit.
func (g *Game) infeasible(t int) error {
	bad := g.floats.places[len(g.floats.places)-1]
	tier := int(max(bad.tier, 0))
	need := g.usedAt(tier, t)
	for _, p := range g.floats.places {
		if int(p.tier) == tier {
			need += p.bytes
		}
	}
	if c := g.bd.p.Tiers[tier].Capacity; need <= c { // it fits in sum but not in one piece
		need = g.highest(tier, t, t+1) + bad.bytes
		need = max(need, c+1)
	}
	buf := ScratchBuf
	if bad.touch >= 0 {
		buf = int(g.bd.touches[bad.touch].buf)
	}
	return g.tooSmall(t, tier, need, buf)
}

// pathsExist refuses a program in which some operand can never be served.
func (g *Game) pathsExist(t int) error {
	bd := g.bd
	for q := bd.atFirst[t]; q < bd.atFirst[t+1]; q++ {
		i := bd.atInstr[q]
		if g.demandTier(i) == -2 {
			f := &bd.p.Buffers[bd.touches[i].buf]
			return fmt.Errorf("malloc: instruction %d (%s): buffer %q at home in tier %q reaches the executor by no engine: add an engine from there to a tier the executor accesses", t, bd.p.Instructions[t].Name, f.Name, bd.p.Tiers[f.Home].Name)
		}
	}
	return nil
}
