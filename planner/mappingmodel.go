package planner

import (
	"math"
	"slices"

	"strata/malloc"
	"strata/planner/cpsat"
)

// mappingModel is a mapping as an integer model. It is a relaxation: every legal
// plan gives it a solution whose objective is at most the plan's simulated time,
// so its bound is one of every plan. What it leaves out: offsets (only the sum of
// live bytes is limited), the order of issue, and latency beyond a copy's own.
//
// Place. A touch finds the buffer resident because it stays there since the touch
// before, or because a copy brings it, which is issued where the residency for
// this touch begins: at any instruction after the last touch that found it
// resident. A version defined in fast memory that home needs is written back by
// the instruction where it is first due; its block lasts until then.
//
// Time. Instruction t is arrived at at A[t], runs from E[t] after its waits, and
// ends at A[t+1], at least its compute or memory time later. What an engine moves
// between two instants takes at least its bytes over its bandwidth: for all s ≤ t
// the copies issued at s or later and awaited by t fit between A[s] and E[t]. The
// same holds of a tier that engines share, on a clock that stands still while
// instructions use the tier. In the coarse model there are no instants, only the
// whole run; it is small enough to be solved where the full one is not.
type mappingModel struct {
	cpsat.Model
	m       *mapping
	coarse  bool
	tickS   float64 // seconds per unit of time
	horizon int64
	load    []cpsat.Expr // [T] bytes of moving buffers, in units
	unit    int64
	time    []cpsat.Expr   // [T] memory time
	taken   [][]cpsat.Expr // [T][tier] time of the tier's whole bandwidth
	span    []cpsat.Expr   // [T] duration: a variable or a constant
	end     cpsat.Var      // of the run
	clocks  []modelClock   // A and E, then those of shared tiers
	windows []window
	totals  []cpsat.Expr // coarse: what the end is at least
	buffers []modelBuffer
}

// modelClock is a clock's value when instructions are arrived at, and run. The
// last instant of both is the end of the run, before and after its last waits.
type modelClock struct {
	tier            int         // -1: time itself
	arrive, execute []cpsat.Var // [T+1]
}

// window says that what is moved takes place between arriving at s and running t.
type window struct {
	clock, s, t int
	moved       cpsat.Expr
}

// modelBuffer are the decisions on one buffer.
type modelBuffer struct {
	touches []modelTouch
	back    cpsat.Var   // its version is written back; -1: cannot be
	due     []cpsat.Var // from the definition + 1 to T: the write-back is awaited by then
	final   []cpsat.Var // resident after the last touch, for the write-back
}

// modelTouch are the decisions on one touch and what is before it.
type modelTouch struct {
	fast     cpsat.Var
	resident cpsat.Var
	stays    cpsat.Var   // -1: cannot
	copied   cpsat.Var   // -1: cannot
	first    int         // the copy's residency may begin from here on
	fetched  []cpsat.Var // [first, instr): resident for this touch by its copy
	original cpsat.Var   // resident ever since the definition, -1: never
	from     int         // one past the touch before
	hold     []cpsat.Var // [from, instr): the original's block lasts for the write-back
}

// ticks is the number of time units up to the best known time: fine enough that
// rounding every term down loses less than a thousandth of a percent.
const ticks = 1 << 26

// newMappingModel makes the model for plans that take from lowerS to limitS.
func newMappingModel(m *mapping, lowerS, limitS float64, coarse bool) *mappingModel {
	T := len(m.p.Instructions)
	x := &mappingModel{m: m, coarse: coarse, tickS: limitS / ticks, horizon: ticks + 1, unit: max(1, m.commonUnit()),
		load: make([]cpsat.Expr, T), time: make([]cpsat.Expr, T), taken: make([][]cpsat.Expr, T), span: make([]cpsat.Expr, T)}
	for t := range T {
		x.time[t].Const = x.down(m.settled[t].timeS)
		x.taken[t] = make([]cpsat.Expr, len(m.p.Tiers))
		for tier := range x.taken[t] {
			x.taken[t][tier].Const = x.down(m.settled[t].tierS[tier])
		}
	}
	x.end = x.Int(max(0, x.down(lowerS)-1), x.horizon)
	for i := range m.moving {
		x.addBuffer(&m.moving[i])
	}
	x.addCapacity()
	x.addRun()
	if !coarse {
		x.addInstants()
	}
	x.addMoves()
	x.Minimize(one(x.end))
	return x
}

func one(v cpsat.Var) cpsat.Expr { return cpsat.Expr{Terms: []cpsat.Term{{Var: v, Coeff: 1}}} }

// commonUnit is the largest unit of which all sizes are multiples.
func (m *mapping) commonUnit() int64 {
	unit := int64(0)
	for i := range m.moving {
		for b := m.moving[i].sizeBytes; b != 0; {
			unit, b = b, unit%b
		}
	}
	return unit
}

// down rounds a duration down to ticks.
func (x *mappingModel) down(seconds float64) int64 {
	return int64(math.Min(math.Floor(seconds/x.tickS*(1-1e-12)), 4*ticks))
}

// implies requires b where a holds.
func (x *mappingModel) implies(a, b cpsat.Var) { x.AtLeastOne([]cpsat.Var{a.Not(), b}) }

// rising makes n variables of which each implies the next.
func (x *mappingModel) rising(n int) []cpsat.Var {
	v := make([]cpsat.Var, n)
	for i := range v {
		v[i] = x.Bool()
		if i > 0 {
			x.implies(v[i-1], v[i])
		}
	}
	return v
}

// addBuffer adds the decisions on one buffer.
func (x *mappingModel) addBuffer(b *mappedBuffer) {
	y := modelBuffer{back: -1}
	size := b.sizeBytes / x.unit
	for i := range b.touches {
		t := &b.touches[i]
		z := modelTouch{fast: x.Bool(), stays: -1, copied: -1, original: -1}
		x.sites(t, z.fast)
		if i == 0 && b.defined {
			z.resident, z.original = z.fast, z.fast
			x.load[t.instr].Add(z.resident, size)
			y.touches = append(y.touches, z)
			x.addBack(&y, b)
			continue
		}
		z.resident = x.Bool()
		x.implies(z.fast, z.resident)
		x.load[t.instr].Add(z.resident, size)
		x.addStay(&y, &z, i, b)
		x.addCopy(&y, &z, i, b)
		found := cpsat.Expr{Terms: []cpsat.Term{{Var: z.resident, Coeff: -1}}}
		for _, v := range []cpsat.Var{z.stays, z.copied} {
			if v >= 0 {
				found.Add(v, 1)
			}
		}
		x.Linear(0, 0, found)
		if b.defined {
			x.addNeed(&y, &z, i, b)
		}
		y.touches = append(y.touches, z)
	}
	if b.needsFinal {
		x.addFinal(&y, b)
	}
	x.buffers = append(x.buffers, y)
}

// sites says what a touch takes in either tier, and forbids the tier that the
// executor or a pin excludes.
func (x *mappingModel) sites(t *mappedTouch, fast cpsat.Var) {
	if !t.fastOK {
		x.AtLeastOne([]cpsat.Var{fast.Not()})
	}
	if !t.homeOK {
		x.AtLeastOne([]cpsat.Var{fast})
	}
	choose := func(e *cpsat.Expr, inFast, atHome float64) {
		f, h := x.down(inFast), x.down(atHome)
		e.Const += h
		e.Add(fast, f-h)
	}
	choose(&x.time[t.instr], t.fastUse.timeS, t.homeUse.timeS)
	for tier := range x.taken[t.instr] {
		choose(&x.taken[t.instr][tier], t.fastUse.tierS[tier], t.homeUse.tierS[tier])
	}
}

// addStay lets touch i find the buffer where the touch before left it.
func (x *mappingModel) addStay(y *modelBuffer, z *modelTouch, i int, b *mappedBuffer) {
	if i == 0 {
		return
	}
	before := &y.touches[i-1]
	z.from = b.touches[i-1].instr + 1
	z.stays = x.Bool()
	x.implies(z.stays, before.resident)
	for k := z.from; k < b.touches[i].instr; k++ {
		x.load[k].Add(z.stays, b.sizeBytes/x.unit)
	}
	if before.original >= 0 {
		z.original = x.Bool()
		x.implies(z.original, before.original)
		x.implies(z.original, z.stays)
		x.AtLeastOne([]cpsat.Var{z.original, before.original.Not(), z.stays.Not()})
	}
}

// addCopy lets a copy bring the buffer for touch i, awaited there.
func (x *mappingModel) addCopy(y *modelBuffer, z *modelTouch, i int, b *mappedBuffer) {
	if x.m.in < 0 {
		return
	}
	z.copied = x.Bool()
	x.implies(z.copied, z.fast)
	if b.defined {
		z.first = b.touches[0].instr + 1
	}
	if x.coarse {
		return
	}
	z.fetched = x.rising(b.touches[i].instr - z.first)
	for k, v := range z.fetched {
		x.load[z.first+k].Add(v, b.sizeBytes/x.unit)
	}
	if n := len(z.fetched); n > 0 {
		x.implies(z.fetched[n-1], z.copied)
	}
	for k := range y.touches { // no two blocks at a time
		if at := b.touches[k].instr - z.first; at >= 0 {
			x.AtMostOne(z.fetched[at], y.touches[k].resident)
		}
	}
}

// addBack lets the version be written back.
func (x *mappingModel) addBack(y *modelBuffer, b *mappedBuffer) {
	if x.m.out < 0 {
		return
	}
	y.back = x.Bool()
	x.implies(y.back, y.touches[0].fast)
	if x.coarse {
		return
	}
	y.due = x.rising(len(x.m.p.Instructions) - b.touches[0].instr)
	x.implies(y.due[len(y.due)-1], y.back)
	x.implies(y.back, y.due[len(y.due)-1])
}

// addNeed has the version at home before home is used: by touch i, or by the copy
// that serves it. Where the original does not stay until the touch, its block
// lasts until the write-back is due.
func (x *mappingModel) addNeed(y *modelBuffer, z *modelTouch, i int, b *mappedBuffer) {
	first, t := y.touches[0].fast, b.touches[i].instr
	if y.back < 0 { // once in fast memory it stays there
		x.AtLeastOne([]cpsat.Var{z.fast, first.Not()})
		if z.copied >= 0 {
			x.AtMostOne(z.copied, first)
		}
		return
	}
	x.AtLeastOne([]cpsat.Var{z.fast, first.Not(), y.back})
	if z.copied >= 0 {
		x.AtLeastOne([]cpsat.Var{z.copied.Not(), first.Not(), y.back})
	}
	if x.coarse {
		return
	}
	due := y.due[t-b.touches[0].instr-1]
	x.AtLeastOne([]cpsat.Var{z.fast, first.Not(), due})
	if z.copied >= 0 {
		x.AtLeastOne([]cpsat.Var{z.copied.Not(), first.Not(), due})
		for k, v := range z.fetched {
			x.AtLeastOne([]cpsat.Var{v.Not(), first.Not(), y.due[k]})
		}
	}
	if before := &y.touches[i-1]; before.original >= 0 {
		gone := []cpsat.Var{y.back.Not(), before.original.Not(), z.stays}
		for k := z.from; k < t; k++ {
			hold := x.Bool()
			z.hold = append(z.hold, hold)
			x.load[k].Add(hold, b.sizeBytes/x.unit)
			x.AtLeastOne(append([]cpsat.Var{hold, y.due[k-b.touches[0].instr-1]}, gone...))
		}
		x.AtLeastOne(append([]cpsat.Var{due}, gone...))
	}
}

// addFinal brings an out buffer home by the end of the run.
func (x *mappingModel) addFinal(y *modelBuffer, b *mappedBuffer) {
	first := y.touches[0].fast
	if y.back < 0 {
		x.AtLeastOne([]cpsat.Var{first.Not()})
		return
	}
	x.implies(first, y.back)
	last := &y.touches[len(y.touches)-1]
	if x.coarse || last.original < 0 {
		return
	}
	for k := b.touches[len(b.touches)-1].instr + 1; k < len(x.m.p.Instructions); k++ {
		hold := x.Bool()
		y.final = append(y.final, hold)
		x.load[k].Add(hold, b.sizeBytes/x.unit)
		x.AtLeastOne([]cpsat.Var{hold, y.due[k-b.touches[0].instr-1], y.back.Not(), last.original.Not()})
	}
}

func (x *mappingModel) addCapacity() {
	capacity := x.m.p.Tiers[x.m.fast].Capacity
	for t := range x.load {
		free := capacity - x.m.loadBytes[t]
		if free < 0 {
			free = -x.unit // no solution
		}
		x.Linear(cpsat.NoLower, free/x.unit, x.load[t])
	}
}

// addRun: the run takes at least its instructions, each its compute or memory
// time.
func (x *mappingModel) addRun() {
	all := one(x.end)
	for t := range x.time {
		compute := x.down(x.m.computeS[t])
		if len(x.time[t].Terms) == 0 {
			x.span[t] = cpsat.Fixed(max(compute, x.time[t].Const))
		} else {
			d := x.Int(compute, x.horizon)
			x.span[t] = one(d)
			x.Linear(0, cpsat.NoUpper, minus(one(d), x.time[t], 1))
		}
		all = minus(all, x.span[t], 1)
	}
	x.Linear(0, cpsat.NoUpper, all)
}

// minus is a - n·b; they share no variable.
func minus(a, b cpsat.Expr, n int64) cpsat.Expr {
	out := cpsat.Expr{Terms: slices.Clone(a.Terms), Const: a.Const - n*b.Const}
	for _, t := range b.Terms {
		out.Add(t.Var, -n*t.Coeff)
	}
	return out
}

// interval is b - a of two instants.
func interval(a, b cpsat.Var) cpsat.Expr {
	if a == b {
		return cpsat.Fixed(0)
	}
	return cpsat.Expr{Terms: []cpsat.Term{{Var: b, Coeff: 1}, {Var: a, Coeff: -1}}}
}

// newClock makes a clock that begins at 0.
func (x *mappingModel) newClock(tier int) *modelClock {
	T := len(x.m.p.Instructions)
	c := modelClock{tier: tier}
	for t := range T + 1 {
		c.arrive = append(c.arrive, x.Int(0, x.horizon*int64(min(t, 1))))
		if t == T && tier < 0 {
			c.execute = append(c.execute, x.end)
		} else {
			c.execute = append(c.execute, x.Int(0, x.horizon))
		}
		x.Linear(0, cpsat.NoUpper, interval(c.arrive[t], c.execute[t]))
	}
	x.clocks = append(x.clocks, c)
	return &x.clocks[len(x.clocks)-1]
}

// addInstants lets instructions follow each other.
func (x *mappingModel) addInstants() {
	c := x.newClock(-1)
	for t := range x.m.p.Instructions {
		x.Linear(0, cpsat.NoUpper, minus(interval(c.execute[t], c.arrive[t+1]), x.span[t], 1))
	}
}

// addTierClock adds a clock that stands still while instructions use a tier.
func (x *mappingModel) addTierClock(tier int) {
	c, run := x.newClock(tier), x.clocks[0]
	for t := range c.arrive {
		x.Linear(0, cpsat.NoUpper, minus(interval(run.arrive[t], run.execute[t]), interval(c.arrive[t], c.execute[t]), 1))
		if t < len(x.taken) {
			free := minus(interval(run.execute[t], run.arrive[t+1]), x.taken[t][tier], 1)
			x.Linear(0, cpsat.NoUpper, minus(free, interval(c.execute[t], c.arrive[t+1]), 1))
			x.Linear(0, cpsat.NoUpper, interval(c.execute[t], c.arrive[t+1]))
		}
	}
}

// addMoves gives the copies of each engine, and those of all engines that share a
// tier, the time they take.
func (x *mappingModel) addMoves() {
	engines := []int{x.m.in, x.m.out}
	own := []bool{x.m.in >= 0, x.m.out >= 0} // the tier's clock does not say it already
	for tier := range x.m.p.Tiers {
		rates := []float64{0, 0} // seconds of the tier's bandwidth per byte
		for i, e := range engines {
			if e < 0 || !slices.Contains(x.m.p.Engines[e].Shares, tier) {
				continue
			}
			if bw := x.tierBW(&x.m.p.Engines[e], tier); bw > 0 {
				rates[i] = 1 / bw
				own[i] = own[i] && bw > x.m.p.Engines[e].BW
			}
		}
		if rates[0] == 0 && rates[1] == 0 {
			continue
		}
		if x.coarse {
			total := x.moved(rates[0], rates[1], 0, len(x.taken))
			for t := range x.taken {
				total = minus(total, x.taken[t][tier], -1)
			}
			x.addTotal(total)
			continue
		}
		x.addTierClock(tier)
		x.addWindows(len(x.clocks)-1, rates[0], rates[1])
	}
	for i, e := range engines {
		if !own[i] {
			continue
		}
		rates := []float64{0, 0}
		rates[i] = 1 / x.m.p.Engines[e].BW
		if x.coarse {
			x.addTotal(x.moved(rates[0], rates[1], 0, len(x.taken)))
			continue
		}
		x.addWindows(0, rates[0], rates[1])
	}
	if !x.coarse && x.m.in >= 0 {
		x.addLatency()
	}
}

// tierBW is a tier's bandwidth in the direction in which an engine uses it.
func (x *mappingModel) tierBW(e *malloc.Engine, tier int) float64 {
	if tier == e.From {
		return x.m.p.Tiers[tier].ReadBW
	}
	return x.m.p.Tiers[tier].WriteBW
}

// addWindows: on a clock, what is issued at s or later and awaited by t takes
// place between both.
func (x *mappingModel) addWindows(clock int, in, out float64) {
	T, c := len(x.m.p.Instructions), &x.clocks[clock]
	for s := range T + 1 {
		for t := s; t <= T; t++ {
			if moved := x.moved(in, out, s, t); len(moved.Terms) > 0 {
				x.addWindow(window{clock, s, t, moved}, c)
			}
		}
	}
}

// addTotal: the run takes at least that.
func (x *mappingModel) addTotal(total cpsat.Expr) {
	x.Linear(0, cpsat.NoUpper, minus(one(x.end), total, 1))
	x.totals = append(x.totals, total)
}

func (x *mappingModel) addWindow(w window, c *modelClock) {
	x.Linear(0, cpsat.NoUpper, minus(interval(c.arrive[w.s], c.execute[w.t]), w.moved, 1))
	x.windows = append(x.windows, w)
}

// moved is the time, at in and out seconds per byte, of the copies that are
// issued at s or later and awaited by t; in the coarse model of all copies.
func (x *mappingModel) moved(in, out float64, s, t int) cpsat.Expr {
	e := cpsat.Expr{}
	for i := range x.buffers {
		y, b := &x.buffers[i], &x.m.moving[i]
		size := x.down(float64(b.fillBytes) * in)
		for k := range y.touches {
			z, at := &y.touches[k], b.touches[k].instr
			if z.copied < 0 || size == 0 || at > t || at < s {
				continue
			}
			e.Add(z.copied, size)
			if s > z.first { // unless it is under way before s
				if f := s - 1 - z.first; f < len(z.fetched) {
					e.Add(z.fetched[f], -size)
				}
			}
		}
		size = x.down(float64(b.backBytes) * out)
		if y.back < 0 || size == 0 {
			continue
		}
		d := b.touches[0].instr
		switch {
		case x.coarse:
			e.Add(y.back, size)
		case s <= d+1 && t >= d+1:
			e.Add(y.due[t-d-1], size)
		}
	}
	return e
}

// addLatency: a copy's own latency passes before it moves anything.
func (x *mappingModel) addLatency() {
	e := &x.m.p.Engines[x.m.in]
	if e.LatencyS == 0 {
		return
	}
	for i := range x.buffers {
		y, b := &x.buffers[i], &x.m.moving[i]
		size := x.down(e.LatencyS + float64(b.fillBytes)/e.BW)
		for k := range y.touches {
			z, at := &y.touches[k], b.touches[k].instr
			if z.copied < 0 {
				continue
			}
			for s := z.first; s <= at; s++ {
				moved := cpsat.Expr{Terms: []cpsat.Term{{Var: z.copied, Coeff: size}}}
				if s > z.first {
					moved.Add(z.fetched[s-1-z.first], -size)
				}
				x.addWindow(window{0, s, at, moved}, &x.clocks[0])
			}
		}
	}
}
