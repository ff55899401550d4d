package planner

import (
	"fmt"

	"strata/malloc"
)

// Locks are buffers that a search keeps as they are in Start, a legal plan for the
// problem: those that stay in a tier for the whole loop stay there, the others are
// kept nowhere. Offsets may change. Start is the first incumbent, so a search with
// locks always has a plan.
type Locks struct {
	Start   *malloc.Plan // nil: nothing is locked
	Buffers []int
}

// startComponent names Start as an incumbent.
const startComponent = "start"

// lockPenalty multiplies the time of a plan that breaks a lock, so that searches
// walk away from it. Such a plan never becomes the incumbent.
const lockPenalty = 1000

// lock makes an attempt keep the problem's locks.
func (a *attempt) lock() error {
	l := &a.p.Locks
	if l.Start == nil || len(l.Buffers) == 0 {
		return nil
	}
	stays := staying(a.p.Program, l.Start)
	a.held = map[int]int{}
	for _, b := range l.Buffers {
		if b < 0 || b >= len(stays) {
			return fmt.Errorf("planner: buffer %d is locked, the instance has %d", b, len(stays))
		}
		a.held[b] = stays[b]
	}
	start := *l.Start
	component := a.component
	a.component = startComponent
	if _, err := a.offer(&start); err != nil {
		return fmt.Errorf("planner: the plan with the locks: %w", err)
	}
	if a.best.Plan == nil {
		return fmt.Errorf("planner: the plan with the locks is not legal: %w", a.rejection)
	}
	a.component, a.evaluations = component, 0
	return nil
}

// keeps says whether a plan keeps the locks.
func (a *attempt) keeps(plan *malloc.Plan) bool {
	if len(a.held) == 0 {
		return true
	}
	stays := staying(a.p.Program, plan)
	for b, tier := range a.held {
		if stays[b] != tier {
			return false
		}
	}
	return true
}

// lock fixes which locked streams a ring pins.
func (r *ringSpec) lock(a *attempt) {
	for b, tier := range a.held {
		i := r.streamOf[b]
		if i < 0 || tier != r.tier && r.weight(i) == 0 {
			continue
		}
		if r.locked == nil {
			r.locked = map[int]bool{}
		}
		r.locked[i] = tier == r.tier
	}
}

// lock fixes what a guide believes of locked buffers.
func (g *guide) lock(a *attempt) {
	for b, tier := range a.held {
		if g.stay[b] = tier >= 0; tier >= 0 {
			g.tier[b] = tier
		}
	}
}
