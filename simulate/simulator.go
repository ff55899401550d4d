package simulate

import (
	"fmt"
	"math"

	"strata/malloc"
)

// longestS is more seconds than any run takes; beyond it a bandwidth is zero.
const longestS = 1e200

// Simulator runs plans and keeps its memory between calls. It is not safe for
// concurrent use: each worker owns one. It implements malloc.Evaluator.
type Simulator struct {
	compiled
	sharing
	state

	iteration []float64 // per loop: the iteration its growth is taken at
	first     bool      // in the first iteration of the periodic loop
	final     bool      // in its last one
	used      []float64 // idle_bw: fraction of each tier the running instruction takes
	usedAny   bool
	fixedGrow bool // the steady evaluator: growth of the periodic loop at its mean
	recorder  *recorder

	unsettled bool // the periodic loop's state did not repeat: its period is a direct mean

	saved, savedLast state
	history          stateHistory

	beforeS, loopS, afterS float64 // parts of the last run, with their waits
}

// state is everything that a run changes.
type state struct {
	now     float64 // since origin
	origin  float64 // of now, since the start of the run
	next    float64 // the earliest event of an engine
	waitS   float64
	mask    uint64 // transferring engines
	rates   int    // slot of sharing for mask
	pending []bool // per copy: issued, not complete
	engines []engine
}

// New returns a simulator whose Evaluate is exact: TotalS is what Direct gives,
// to 1e-9.
func New() *Simulator { return &Simulator{} }

// NewSteady returns a simulator whose Evaluate takes growth in the periodic loop
// at its mean, so that a growing loop has a period too: TotalS is the straight
// parts, the first iterations until they repeat, the period for the rest. It is
// several times faster on long growing loops and differs from the exact total by
// what growth changes in overlap; without growth both are the same. For search
// (one evaluator per episode), never for a plan's claimed time.
func NewSteady() *Simulator { return &Simulator{fixedGrow: true} }

var _ malloc.Evaluator = (*Simulator)(nil)

// Evaluate returns the time of the whole run and of one steady iteration of the
// periodic loop in seconds (0 without one). Copies and sites are taken as given:
// whether the plan is legal is malloc's checker's business, and only what makes
// the simulation meaningless is an error here.
func (s *Simulator) Evaluate(p *malloc.Program, plan *malloc.Plan) (malloc.Score, error) {
	return s.run(p, plan, false)
}

// Direct simulates every iteration of every loop. PeriodS is the mean over the
// periodic loop's iterations, first and last included.
func (s *Simulator) Direct(p *malloc.Program, plan *malloc.Plan) (malloc.Score, error) {
	return s.run(p, plan, true)
}

func (s *Simulator) run(p *malloc.Program, plan *malloc.Plan, direct bool) (malloc.Score, error) {
	if err := s.prepare(p, plan); err != nil {
		return malloc.Score{}, err
	}
	period, err := s.runRange(0, len(p.Instructions), 0, direct)
	if err != nil {
		return malloc.Score{}, err
	}
	total, err := s.totalS()
	if err != nil {
		return malloc.Score{}, err
	}
	if s.periodic >= 0 {
		s.afterS = total - s.beforeS - s.loopS
	} else {
		s.beforeS = total
	}
	return malloc.Score{TotalS: total, PeriodS: period}, nil
}

// totalS is the time of the run that just ended.
func (s *Simulator) totalS() (float64, error) {
	total := s.origin + s.now
	if math.IsNaN(total) || total > longestS {
		return 0, fmt.Errorf("simulate: the run never ends: an instruction or a copy has no bandwidth at a tier it uses")
	}
	return total, nil
}

// prepare compiles and resets.
func (s *Simulator) prepare(p *malloc.Program, plan *malloc.Plan) error {
	if len(p.Engines) > 64 {
		return fmt.Errorf("simulate: %d engines: at most 64", len(p.Engines))
	}
	if err := s.compile(p, plan); err != nil {
		return err
	}
	s.sharing.reset(p)
	if err := s.checkReach(); err != nil {
		return err
	}
	s.engines = resized(s.engines, len(p.Engines))
	for i := range s.engines {
		n := 0
		for k := range plan.Copies {
			if plan.Copies[k].Engine == i {
				n++
			}
		}
		if err := s.engines[i].reset(&p.Engines[i], n); err != nil {
			return err
		}
		e := &s.engines[i]
		if e.requestBytes > 0 {
			for k := range plan.Copies {
				if c := &plan.Copies[k]; c.Engine == i && float64(c.Bytes)/e.requestBytes > maxRequests {
					return fmt.Errorf("simulate: copies[%d]: %d bytes in requests of %g are more than %d requests; raise engine %d's request_bytes", k, c.Bytes, e.requestBytes, maxRequests, i)
				}
			}
		}
	}
	s.pending = resized(s.pending, len(plan.Copies))
	clear(s.pending)
	s.now, s.origin, s.next, s.waitS, s.mask = 0, 0, math.Inf(1), 0, 0
	s.rates = s.slot(0, s.engines)
	s.iteration = resized(s.iteration, len(s.loops))
	clear(s.iteration)
	s.used = resized(s.used, len(p.Tiers))
	clear(s.used)
	s.usedAny, s.first, s.final, s.unsettled = false, true, false, false
	s.beforeS, s.loopS, s.afterS = 0, 0, 0
	return nil
}

// checkReach refuses operands that their executor cannot reach.
func (s *Simulator) checkReach() error {
	for t := range s.p.Instructions {
		for _, x := range s.terms[s.termsFrom[t]:s.termsFrom[t+1]] {
			if !(s.ownBW[x.column] > 0) {
				tier := int(x.column/2) % s.tiers
				verb := "read"
				if x.column&1 == 1 {
					verb = "write"
				}
				return fmt.Errorf("simulate: instruction %d (%s): executor %d cannot %s tier %d (%s)", t, s.p.Instructions[t].Name, s.executor[t], verb, tier, s.p.Tiers[tier].Name)
			}
		}
	}
	return nil
}

// assign makes st an independent copy of src.
func (st *state) assign(src *state) {
	engines, pending := st.engines, st.pending
	*st = *src
	st.pending = append(pending[:0], src.pending...)
	st.engines = resized(engines, len(src.engines))
	for i := range st.engines {
		st.engines[i].assign(&src.engines[i])
	}
}
