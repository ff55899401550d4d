package costmodel

import "strata/malloc"

// Ways are ways for a touch to be served, as a set.
type Ways uint8

const (
	Slow Ways = 1 << iota // at home
	New                   // copied into fast memory, or made there
	Stay                  // in fast memory since the touch before

	AnyWay = Slow | New | Stay
)

// Prices are the prices of a Lagrangian bound with some touches decided: the bound
// of the whole run over the plans that agree with these decisions. Deciding one
// touch costs one small dynamic program; the prices stay as they are, so that the
// bound is valid, if not the best there is for the decisions.
type Prices struct {
	parts  []pricedPart
	floorS float64
	useOf  []map[int]int // per part: buffer·instructions + instruction → use
	n      int
}

// pricedPart is one stretch; times says how often it runs.
type pricedPart struct {
	d     *dual
	lo    int
	times float64
	cand  []int     // per use
	costS []float64 // per candidate
}

// NewPrices prices a program in at most so many subgradient steps.
func NewPrices(p *malloc.Program, steps int) (*Prices, error) {
	b, err := boundable(p)
	if err != nil {
		return nil, err
	}
	x := &Prices{n: len(p.Instructions)}
	if b.begin > 0 {
		x.add(b.relax(0, b.begin, false), 0, 1, steps, 0)
	}
	if b.loop != nil {
		trip := float64(b.loop.Trip)
		x.add(b.relax(b.begin, b.end, true), b.begin, trip, steps, 1/trip)
		for t := b.end; t < len(p.Instructions); t++ {
			s, err := b.fastTime(t)
			if err != nil {
				return nil, err
			}
			x.floorS += s
		}
	}
	return x, nil
}

func (x *Prices) add(r *relaxation, lo int, times float64, steps int, discount float64) {
	d := optimise(r, steps, discount)
	if d == nil {
		return
	}
	d.evaluate()
	part := pricedPart{d: d, lo: lo, times: times, cand: make([]int, len(r.uses))}
	d.allowed = make([]Ways, len(r.uses))
	index := map[int]int{}
	for i := range r.cands {
		c := &r.cands[i]
		for u := c.from; u < c.to; u++ {
			d.allowed[u], part.cand[u] = AnyWay, i
			index[c.buf*x.n+lo+r.uses[u].instr] = u
		}
		part.costS = append(part.costS, d.candidate(c))
	}
	x.floorS += times * d.bestS
	x.parts, x.useOf = append(x.parts, part), append(x.useOf, index)
}

// FloorS is the bound with all decisions so far, in seconds.
func (x *Prices) FloorS() float64 { return x.floorS }

// Decide restricts the touch of a buffer at an instruction and returns what it
// was restricted to before, to take it back with. Touches that have no price
// (after the loop, in a loop that is not periodic, of a class) may be decided too:
// they change nothing.
func (x *Prices) Decide(buf, instr int, ways Ways) (before Ways) {
	for k := range x.parts {
		u, ok := x.useOf[k][buf*x.n+instr]
		if !ok {
			continue
		}
		part := &x.parts[k]
		d := part.d
		before = d.allowed[u]
		d.allowed[u] = ways
		i := part.cand[u]
		cost := d.candidate(&d.r.cands[i])
		x.floorS += part.times * (cost - part.costS[i])
		part.costS[i] = cost
		return before
	}
	return AnyWay
}
