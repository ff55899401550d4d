package cpsat

import (
	"context"
	"errors"
	"math"
	"time"
)

// Options of Minimize. With Time the result is as good as the clock; with Work
// instead, one thread and a seed, it is the same every time.
type Options struct {
	Time      time.Duration
	Work      float64 // deterministic time, about seconds of one core
	Threads   int
	Seed      int32
	MemoryMiB int64
	Linear    bool // as in Params
	// Improved (may be nil) is called with each better solution and the bound.
	Improved func(s Solution)
}

// Solution is where Minimize stands.
type Solution struct {
	Status    Status  // Optimal and Infeasible are CP-SAT's proof; Unknown: nothing found
	Values    []int64 // nil where Status is Unknown or Infeasible
	Objective int64
	Bound     int64 // no solution is below; math.MinInt64 when unknown
}

// firstSlice is the length of the first slice, in seconds or work; each next one
// is twice as long, so that what a restart forgets is at most half of all.
const firstSlice = 1.0

// Minimize solves a model with an objective in slices. The solver has no
// callback, so each slice begins with the best solution as hint and asks for a
// better one; its end is when progress is seen. When ctx ends the best so far is
// returned without an error. With an error the solution is what was known before.
func (w *Worker) Minimize(ctx context.Context, m *Model, o Options) (Solution, error) {
	best := Solution{Bound: math.MinInt64}
	model := *m
	model.hint, model.hinted = append([]int64(nil), m.hint...), append([]bool(nil), m.hinted...)
	started, worked := time.Now(), 0.0
	for slice := firstSlice; ; slice *= 2 {
		p := Params{Threads: o.Threads, Seed: o.Seed, MemoryMiB: o.MemoryMiB, Linear: o.Linear}
		switch {
		case o.Work > 0:
			p.Deterministic = min(slice, o.Work-worked)
			if p.Deterministic <= 0 {
				return best, nil
			}
		case o.Time > 0:
			left := o.Time - time.Since(started)
			p.Time = min(time.Duration(slice*float64(time.Second)), left)
			if p.Time < time.Millisecond {
				return best, nil
			}
		default:
			p.Time = time.Duration(slice * float64(time.Second))
		}
		var below *int64
		if best.Status == Feasible {
			below = &best.Objective
		}
		r, err := w.solve(ctx, model.encode(below), m.Vars(), p)
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return best, nil
			}
			return best, err
		}
		worked += max(r.Work, 1e-3)
		switch r.Status {
		case Infeasible:
			if best.Status == Feasible {
				best.Status, best.Bound = Optimal, best.Objective
			} else {
				best.Status = Infeasible
			}
			return best, nil
		case Optimal, Feasible:
			best.Status, best.Values = Feasible, r.Values
			best.Objective = m.objective.Value(r.Values)
			for i, v := range r.Values {
				model.Hint(Var(i), v)
			}
		}
		if r.Status == Optimal {
			best.Status, best.Bound = Optimal, best.Objective
		} else if bound := r.Bound + m.objective.Const; r.HasBound && bound > best.Bound {
			// Under the row that asks for less than the incumbent a bound says
			// nothing about what is above.
			if best.Status == Feasible {
				bound = min(bound, best.Objective)
			}
			best.Bound = bound
			if best.Status == Feasible && bound == best.Objective {
				best.Status = Optimal
			}
		}
		if o.Improved != nil && (r.Status == Optimal || r.Status == Feasible) {
			o.Improved(best)
		}
		if best.Status == Optimal || ctx.Err() != nil {
			return best, nil
		}
	}
}
