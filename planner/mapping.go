package planner

import (
	"fmt"

	"strata/malloc"
)

// mapping is a small instance as the exact model sees it: one straight schedule,
// one limited (fast) tier, the unlimited tier as home of what may move, at most
// one engine each way. What lives in the fast tier anyway, scratch and home
// blocks, is a load that no decision changes.
type mapping struct {
	p          *malloc.Program
	fast, home int
	in, out    int // engines home → fast and back, -1: none
	moving     []mappedBuffer
	loadBytes  []int64      // [T] of scratch and home blocks
	computeS   []float64    // [T]
	settled    []operandUse // operands that stay: per instruction, in the fast tier
}

// mappedBuffer is a buffer whose touches are decided.
type mappedBuffer struct {
	buf        int
	sizeBytes  int64 // of a block
	fillBytes  int64 // of a copy from home
	backBytes  int64 // of a write-back
	needsFinal bool  // an out buffer that is written: home holds it at the end
	defined    bool  // its first touch is its definition; else it is a param
	touches    []mappedTouch
}

// mappedTouch is one touch: an instruction's reads of a buffer, or its write.
type mappedTouch struct {
	instr          int
	fastUse        operandUse
	homeUse        operandUse
	fastOK, homeOK bool
}

// operandUse is what operands take: seconds of the executor, and of each tier's whole
// bandwidth.
type operandUse struct {
	timeS float64
	tierS []float64 // [tier]
}

// mappingLimit bounds the models: the instructions over which buffers may or may
// not be resident, summed. fullLimit bounds the full one, whose size grows with
// the square of the instructions. Beyond them CP-SAT finds and proves little in
// minutes.
const (
	mappingLimit = 20000
	fullLimit    = 500_000
)

// full says that the full model is small enough.
func (m *mapping) full() bool {
	touches := 0
	for i := range m.moving {
		touches += len(m.moving[i].touches)
	}
	T := len(m.p.Instructions)
	return T*T/6*touches <= fullLimit
}

// newMapping describes p; the error is ErrNotApplicable with the reason where the
// exact model does not cover it.
func newMapping(p *malloc.Program) (*mapping, error) {
	no := func(format string, args ...any) (*mapping, error) {
		return nil, fmt.Errorf("planner: cp-sat: %s: %w", fmt.Sprintf(format, args...), ErrNotApplicable)
	}
	if len(p.Loops) > 0 {
		return no("the exact model covers straight schedules, this one has %d loops", len(p.Loops))
	}
	if len(p.Tiers) != 2 || len(p.Executors) > 1 {
		return no("the exact model covers two tiers and one executor, here are %d and %d", len(p.Tiers), len(p.Executors))
	}
	m := &mapping{p: p, fast: -1, home: -1, in: -1, out: -1}
	for i := range p.Tiers {
		if p.Tiers[i].Capacity == malloc.Unlimited {
			m.home = i
		} else {
			m.fast = i
		}
	}
	for i := range p.Engines {
		way := &m.in
		if p.Engines[i].From == m.fast {
			way = &m.out
		}
		if *way >= 0 {
			return no("the exact model covers one engine each way, engines %d and %d go from %q to %q", *way, i, p.Tiers[p.Engines[i].From].Name, p.Tiers[p.Engines[i].To].Name)
		}
		*way = i
	}
	for _, a := range p.Aliases {
		if a.Kind == "must" {
			return no("the exact model covers no buffers that share a place (class %q)", a.Class)
		}
	}
	T := len(p.Instructions)
	at := make([]int, len(p.Buffers)) // index into moving, +1
	m.settled = make([]operandUse, T)
	m.loadBytes = make([]int64, T)
	m.computeS = make([]float64, T)
	sum := int64(0)
	for t, change := range newHomes(p, m.fast).change[:T] {
		sum += change
		m.loadBytes[t] = sum + scratchBytes(p, t, m.fast)
	}
	for t := range p.Instructions {
		in := &p.Instructions[t]
		m.computeS[t] = in.ComputeS
		if len(in.RunsOn) > 0 {
			m.computeS[t] = in.RunsOn[0].ComputeS
		}
		m.settled[t] = m.noUse()
		for i, o := range in.Reads {
			if why := m.touch(at, t, o, 'r', i); why != "" {
				return no("%s", why)
			}
		}
		for i, o := range in.Writes {
			if why := m.touch(at, t, o, 'w', i); why != "" {
				return no("%s", why)
			}
		}
	}
	spread := 0
	for i := range m.moving {
		b := &m.moving[i]
		first := b.touches[0].instr
		if !b.defined {
			first = 0
		}
		last := b.touches[len(b.touches)-1].instr
		if b.needsFinal {
			last = T
		}
		spread += last - first
	}
	if spread > mappingLimit {
		return no("%d buffers over %d instructions are %d places to decide, the model takes %d", len(m.moving), T, spread, mappingLimit)
	}
	return m, nil
}

func (m *mapping) noUse() operandUse { return operandUse{tierS: make([]float64, len(m.p.Tiers))} }

// touch adds one operand; it returns why the model does not cover it, or "".
func (m *mapping) touch(at []int, t int, o malloc.Operand, kind byte, index int) string {
	p := m.p
	b := &p.Buffers[o.Buf]
	if b.Select != nil {
		return fmt.Sprintf("the exact model covers no parts that are known only at run time (buffer %q)", b.Name)
	}
	fastUse, fastOK := m.useOf(o, m.fast, kind == 'w')
	if b.Home == m.fast {
		m.settled[t].add(fastUse)
		return ""
	}
	homeUse, homeOK := m.useOf(o, m.home, kind == 'w')
	for _, f := range p.Instructions[t].Fixed {
		if f.Arg == argName(kind, index) {
			fastOK, homeOK = fastOK && f.Tier == m.fast, homeOK && f.Tier == m.home
		}
	}
	if at[o.Buf] == 0 {
		if kind == 'r' && b.Kind != malloc.KindParam {
			return fmt.Sprintf("buffer %q is read before it is written", b.Name)
		}
		x := mappedBuffer{buf: o.Buf, sizeBytes: blockBytes(p, o.Buf, m.fast), defined: kind == 'w'}
		if m.in >= 0 {
			x.fillBytes = extentBytes(b, p.Engines[m.in].IOAlign)
		}
		if m.out >= 0 && kind == 'w' {
			align := max(p.Engines[m.out].IOAlign, 1)
			x.backBytes = min((o.Bytes+align-1)/align*align, extentBytes(b, align))
		}
		x.needsFinal = b.End == malloc.EndOut && kind == 'w'
		m.moving = append(m.moving, x)
		at[o.Buf] = len(m.moving)
		if kind == 'w' && b.Kind == malloc.KindParam {
			return fmt.Sprintf("param %q is written", b.Name)
		}
	} else if kind == 'w' {
		return fmt.Sprintf("the exact model covers buffers that are written once, %q is written again", b.Name)
	}
	x := &m.moving[at[o.Buf]-1]
	if n := len(x.touches); n > 0 && x.touches[n-1].instr == t { // the same touch
		y := &x.touches[n-1]
		y.fastUse.add(fastUse)
		y.homeUse.add(homeUse)
		y.fastOK, y.homeOK = y.fastOK && fastOK, y.homeOK && homeOK
		return ""
	}
	x.touches = append(x.touches, mappedTouch{instr: t, fastUse: fastUse, homeUse: homeUse, fastOK: fastOK, homeOK: homeOK})
	return ""
}

// useOf is what an operand takes in a tier; not ok: the executor cannot.
func (m *mapping) useOf(o malloc.Operand, tier int, write bool) (u operandUse, ok bool) {
	read, wrote := m.p.Tiers[tier].ReadBW, m.p.Tiers[tier].WriteBW
	own := read
	if write {
		own = wrote
	}
	if len(m.p.Executors) > 0 {
		own = 0
		for _, a := range m.p.Executors[0].Access {
			if a.Tier == tier && write {
				own = a.WriteBW
			} else if a.Tier == tier {
				own = a.ReadBW
			}
		}
	}
	u = m.noUse()
	if own <= 0 {
		return u, false
	}
	u.timeS = float64(o.Bytes) / own
	whole := read
	if write {
		whole = wrote
	}
	if whole > 0 {
		u.tierS[tier] = min(u.timeS, float64(o.Bytes)/whole) // it takes no more of the tier than there is
	}
	return u, true
}

func (u *operandUse) add(x operandUse) {
	u.timeS += x.timeS
	for i := range u.tierS {
		u.tierS[i] += x.tierS[i]
	}
}
