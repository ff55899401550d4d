package malloc

import (
	"errors"
	"fmt"
)

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
	c := 0
	if part == g.cursorPart() {
		c = g.st.cursor
	}
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

func (g *Game) cursorPart() int {
	if g.st.leftAll[0] > 0 {
		return 0
	}
	return 1
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

// backs are the starts a macro-action may ask for, before the touch.
var backs = [...]int{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}

func (g *Game) actions(dst []Action) []Action {
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
		g.resetCursor()
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
		g.resetCursor()
	}
	return true
}

// resetCursor starts the straight parts' sequence once the body is decided.
func (g *Game) resetCursor() {
	if j, _ := g.nextTouch(); j < 0 || g.partOf(j) != g.cursorPart() {
		g.setCursor(0)
	}
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
