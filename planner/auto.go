package planner

import (
	"context"
	"errors"
	"time"
)

// autoSolver runs every baseline, then the agent: first without their help for a
// part of what is left of the budget, then from the best plan so far. Its result
// is never worse than the best baseline.
type autoSolver struct{}

func (autoSolver) Name() string { return "auto" }

// Shares of what is left of the budget: the two baselines that search get a part
// each, the agent plays a part of the rest without help.
const (
	sharePinStream = 0.4
	shareXLA       = 0.25
	shareAlone     = 0.3
)

func (s autoSolver) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	var lines []BaselineResult
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
	for i, name := range Baselines() {
		if i > 0 && a.done() { // the first, demand, always runs: there must be a plan
			break
		}
		solver, err := New(name)
		if err != nil {
			return nil, err
		}
		share := 1.0
		switch name {
		case "pin-stream":
			share = sharePinStream
		case "xla-greedy":
			share = shareXLA
		}
		r, err := run(solver, a.rest(share))
		line := BaselineResult{Name: name, Err: err}
		if err == nil {
			line.Score = r.Score
		} else if i == 0 || !errors.Is(err, ErrNotApplicable) {
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
	if !a.done() {
		r, err := run(NewAgent(AgentOptions{Guide: a.best.Plan}), a.rest(1))
		if err != nil {
			return nil, err
		}
		if r.Episode != nil {
			episode = r.Episode
		}
	}
	r, err := a.result(s.Name())
	if err != nil {
		return nil, err
	}
	r.Baselines, r.Alone, r.Episode = lines, alone, episode
	return r, nil
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
