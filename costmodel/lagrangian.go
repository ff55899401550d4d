package costmodel

import (
	"math"

	"strata/malloc"
)

// LagrangianMethod names the bound of LagrangianBound.
const LagrangianMethod = "lagrangian/1"

// Subgradient steps of BestBound: it has converged long before the first number on
// the sample; large programs get as many as the second number of instructions and
// touches allows, so that it takes a second, not minutes.
const (
	lagrangianSteps = 1500
	lagrangianWork  = 40_000_000
)

// BestBound is the tighter of LowerBound and LagrangianBound, for the whole run,
// one steady iteration and the mean iteration each. Method names the one that
// bounds the run.
func BestBound(p *malloc.Program) (Bound, error) {
	b, err := LowerBound(p)
	if err != nil {
		return b, err
	}
	size := 1
	for t := range p.Instructions {
		size += 1 + 4*(len(p.Instructions[t].Reads)+len(p.Instructions[t].Writes))
	}
	l, err := LagrangianBound(p, max(20, min(lagrangianSteps, lagrangianWork/size)))
	if err != nil {
		return b, err
	}
	if l.TotalS > b.TotalS {
		b.Method = l.Method
	}
	b.TotalS, b.PerIterationS, b.MeanS = max(b.TotalS, l.TotalS), max(b.PerIterationS, l.PerIterationS), max(b.MeanS, l.MeanS)
	return b, nil
}

// LagrangianBound relaxes a mapping to one fast memory with a capacity at each
// instruction and one link from home, and prices what couples the buffers:
//
//	minimise  Σ_t run_t + wait_t                               over placements
//	run_t ≥ compute_t                                          price 1 - m_t - u_t
//	run_t ≥ memory time of t's operands where they lie          price m_t ≥ 0
//	run_t ≥ what is copied while t runs (+ read at home)        price u_t ≥ 0
//	wait_t ≥ what is copied while the schedule waits before t   price 1
//	Σ bytes of blocks live at t ≤ capacity - what lies at home  price λ_t ≥ 0
//
// For any prices with m_t + u_t ≤ 1 the minimum falls apart into one small dynamic
// program a buffer (per touch: slow, stays since the touch before, or copied
// anew) and is a valid bound; the prices are improved by subgradient steps. A copy
// holds its block from the instruction it starts at; while instruction k runs it
// can move at most as many seconds' bytes as k can last. That is what makes
// read-ahead cost room, and the bound tighter than periodic/1.
//
// The run is the straight part before the periodic loop (nothing resident at the
// start), trip iterations, and the all-fast times after it. The mean iteration has
// prices of its own: of the copies that an iteration makes for the next one, trip -
// 1 are made inside the loop.
func LagrangianBound(p *malloc.Program, steps int) (Bound, error) {
	b, err := boundable(p)
	if err != nil {
		return Bound{}, err
	}
	out := Bound{Method: LagrangianMethod}
	if b.begin > 0 {
		out.TotalS += price(b.relax(0, b.begin, false), steps, 0)
	}
	if b.loop != nil {
		body, trip := b.relax(b.begin, b.end, true), float64(b.loop.Trip)
		out.PerIterationS = price(body, steps, 0)
		out.MeanS = price(body, steps, 1/trip)
		out.TotalS += trip * out.MeanS
		for t := b.end; t < len(p.Instructions); t++ {
			s, err := b.fastTime(t)
			if err != nil {
				return Bound{}, err
			}
			out.TotalS += s
		}
	}
	return out, nil
}

// price returns the best bound that steps reach on a relaxation.
func price(r *relaxation, steps int, discount float64) float64 {
	if d := optimise(r, steps, discount); d != nil {
		return d.bestS
	}
	return 0
}

// boundable reads off a program what bounds need.
func boundable(p *malloc.Program) (*bounder, error) {
	b := &bounder{p: p, loop: p.PeriodicLoop(), begin: len(p.Instructions), end: len(p.Instructions)}
	if b.loop != nil {
		b.begin, b.end = b.loop.Begin, b.loop.End
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	b.unreached = unreachedHomes(p)
	b.classes()
	b.touches()
	return b, nil
}

// optimise returns the best prices that steps reach on a relaxation; nil for one
// that has nothing to price.
func optimise(r *relaxation, steps int, discount float64) *dual {
	if r == nil || r.n == 0 || math.IsInf(r.copyS, 1) {
		return nil
	}
	// The two starts suit executors that do not reach home and those that do.
	link := newDual(r, discount)
	link.climb(link.startLink, steps)
	if !r.reached() {
		return link
	}
	memory := newDual(r, discount)
	memory.climb(memory.startMemory, steps)
	if memory.bestS > link.bestS {
		return memory
	}
	return link
}

// climb improves the prices that start sets by subgradient steps and keeps the best.
func (d *dual) climb(start func(), steps int) {
	best := d.evaluate() // nothing has a price: the computing time
	start()
	// Polyak's steps towards a target above the best value; the target comes nearer
	// when it is not approached.
	ahead, stuck := 0.05, 0
	for range steps {
		value := d.evaluate()
		stuck++
		if value > best {
			if value > best+1e-5*math.Abs(best) {
				stuck = 0
			}
			best = value
			d.keep()
		}
		if stuck >= 15 {
			ahead, stuck = ahead/2, 0
			d.restore()
			if ahead < 1e-4 {
				break
			}
			continue
		}
		if !d.ascend(best*(1+ahead) - value) {
			break
		}
	}
	const rounding = 1 - 1e-12
	d.restore()
	d.bestS = best * rounding
}

// reached says whether some candidate may be read at home.
func (r *relaxation) reached() bool {
	for i := range r.uses {
		if r.uses[i].slowS < math.Inf(1) {
			return true
		}
	}
	return false
}
