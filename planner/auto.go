package planner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"strata/malloc"
)

// autoSolver runs every baseline, then the agent without their help for a part of
// what is left of the budget, then the large-neighbourhood search from all plans
// so far. Its result is never worse than the best baseline. docs/search.md shows
// what the last step is worth.
type autoSolver struct {
	last string // who has the last part of the budget: "" for lns, or "mcts" (ablation)
}

func (autoSolver) Name() string { return "auto" }

// autoOrder is the order in which auto runs the baselines, strongest first, and
// the share of what is left of the budget each may use; the agent gets
// shareAlone of the rest, without any baseline's help, and lns what is left then.
var autoOrder = []struct {
	name  string
	share float64
}{
	{"demand", 1}, {"pin-stream", 0.4}, {"layers", 0.1}, {"llamacpp-fit", 0.1}, {"experts-cpu", 0.1}, {"kv-resident", 0.1}, {"xla-greedy", 0.3},
}

const shareAlone = 0.4

func (s autoSolver) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	var lines []BaselineResult
	var starts []*malloc.Plan
	run := func(solver Solver, b Budget) (*Result, error) {
		r, err := solver.Solve(ctx, p, b, nil)
		if err != nil {
			return nil, err
		}
		a.rejected += r.Rejected
		if a.rejection == nil {
			a.rejection = r.FirstRejection
		}
		a.evaluations += r.Evaluations
		found := r.Incumbent
		found.Evaluations = a.evaluations
		a.adopt(found)
		return r, nil
	}
	for i, step := range autoOrder {
		if i > 0 && a.done() { // the first, demand, always runs: there must be a plan
			break
		}
		solver, err := New(step.name)
		if err != nil {
			return nil, err
		}
		r, err := run(solver, a.rest(step.share))
		line := BaselineResult{Name: step.name, Err: err}
		if err == nil && r.Component == startComponent {
			line.Err = fmt.Errorf("planner: %s: no plan of its own keeps the locks: %w", step.name, ErrNotApplicable)
		} else if err == nil {
			line.Score = r.Score
			starts = append(starts, r.Plan)
		} else if i == 0 || !errors.Is(err, ErrNotApplicable) && !tooSmall(err) {
			return nil, err
		}
		lines = append(lines, line)
	}
	var alone *Incumbent
	var episode *Episode
	if !a.done() {
		r, err := run(NewAgent(AgentOptions{}), a.rest(shareAlone))
		if err != nil {
			return nil, err
		}
		alone, episode = r.Alone, r.Episode
	}
	if alone != nil {
		starts = append(starts, alone.Plan)
	}
	if !a.done() {
		var last Solver = lnsSolver{starts: starts}
		if s.last == "mcts" {
			guides := []*malloc.Plan{a.best.Plan}
			if alone != nil && alone.Plan != a.best.Plan {
				guides = append(guides, alone.Plan)
			}
			last = NewAgent(AgentOptions{Guides: guides})
		}
		r, err := run(last, a.rest(1))
		if err != nil {
			return nil, err
		}
		if r.Episode != nil {
			episode = r.Episode
		}
	}
	a.ease()
	r, err := a.result(s.Name())
	if err != nil {
		return nil, err
	}
	r.Baselines, r.Alone, r.Episode = lines, alone, episode
	return r, nil
}

// tooSmall tells whether a solver's own way of placing blocks found no room: demand
// has a plan all the same.
func tooSmall(err error) bool {
	var e *malloc.InfeasibleError
	return errors.As(err, &e)
}

// rest is a share of what is left of the budget.
func (a *attempt) rest(share float64) Budget {
	var b Budget
	if a.budget.Evaluations > 0 {
		b.Evaluations = max(1, int64(share*float64(a.budget.Evaluations-a.evaluations)))
	}
	if a.budget.Time > 0 {
		b.Time = max(time.Millisecond, time.Duration(share*float64(a.budget.Time-time.Since(a.started))))
	}
	return b
}
