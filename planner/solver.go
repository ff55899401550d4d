package planner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"strata/malloc"
)

// Solver finds a plan for a problem.
type Solver interface {
	// Name is the solver's name in the registry.
	Name() string
	// Solve returns the best checked plan it finds within the budget. report (may
	// be nil) is called from Solve's goroutine with each better plan. When ctx
	// ends Solve returns what it has, without an error. Errors: a
	// *malloc.InfeasibleError when not even demand copies fit, ErrNotApplicable
	// (wrapped, with the reason) when the solver has no meaning on the instance.
	Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error)
}

// ErrNotApplicable says that a baseline has no meaning on an instance: no
// experts to move, no second tier to fill.
var ErrNotApplicable = errors.New("not applicable")

// Problem is an instance and what a solver needs beside it.
type Problem struct {
	Program *malloc.Program
	// NewEvaluator makes an evaluator; nil means simulate.New, with
	// simulate.NewSteady to screen plans.
	NewEvaluator func() malloc.Evaluator
	// LowerS and LowerPeriodS are lower bounds in seconds on the whole run and on
	// one iteration of the periodic loop; 0 when unknown.
	LowerS, LowerPeriodS float64
	// Seed decides every random choice.
	Seed uint64
	// Locks bind every solver.
	Locks Locks
}

// Budget limits a Solve; a zero field does not limit. With both zero a solver
// ends when it has nothing left to try (mcts: after one episode).
type Budget struct {
	Time        time.Duration
	Evaluations int64
}

// Incumbent is the best plan at a moment of a search.
type Incumbent struct {
	Plan        *malloc.Plan
	Score       malloc.Score
	Component   string // which solver or part of one found it
	Evaluations int64  // spent when it was found
	ElapsedS    float64
}

// Result is what a Solve ends with. Plan is complete: times, traffic, hashes,
// solver, seed, evaluations and trace are set, and malloc.Check accepts it.
type Result struct {
	Incumbent
	Solver       string
	WallS        float64
	LowerS       float64 // of the whole run, 0 when unknown
	LowerPeriodS float64
	Stopped      Stop
	Baselines    []BaselineResult // auto: every solver it tried
	// Alone is the best plan that mcts found without any baseline's help; nil
	// where the solver plays no game.
	Alone *Incumbent
	// Episode is the last complete game that mcts played, move by move.
	Episode *Episode
	// Rejected counts plans that scored better but that malloc.Check refused. It
	// is 0 unless a solver is defective; FirstRejection says what was wrong.
	Rejected       int
	FirstRejection error
}

// Gap is (total − bound)/bound of the whole run; 0 when the bound is unknown.
func (r *Result) Gap() float64 { return gap(r.Score.TotalS, r.LowerS) }

// GapPeriod is the gap of one iteration of the periodic loop.
func (r *Result) GapPeriod() float64 { return gap(r.Score.PeriodS, r.LowerPeriodS) }

func gap(value, bound float64) float64 {
	if bound <= 0 {
		return 0
	}
	return value/bound - 1
}

// Stop says why a search ended.
type Stop string

const (
	StopDone        Stop = "done" // nothing left to try
	StopTime        Stop = "time"
	StopEvaluations Stop = "evaluations"
	StopCancelled   Stop = "cancelled"
)

// BaselineResult is one line of a comparison of solvers.
type BaselineResult struct {
	Name  string
	Score malloc.Score
	Err   error // ErrNotApplicable with the reason, or why it found nothing
}

// registry lists the solvers; auto runs them in the order of autoOrder.
var registry = []struct {
	name string
	make func() Solver
}{
	{"demand", func() Solver { return demandSolver{} }},
	{"layers", func() Solver { return placementSolver{name: "layers", place: wholeLayers} }},
	{"llamacpp-fit", func() Solver { return placementSolver{name: "llamacpp-fit", place: llamacppFit} }},
	{"experts-cpu", func() Solver { return placementSolver{name: "experts-cpu", place: expertsToCPU} }},
	{"kv-resident", func() Solver { return placementSolver{name: "kv-resident", place: kvResident} }},
	{"pin-stream", func() Solver { return pinStream{} }},
	{"density", func() Solver { return xlaGreedy{"density", densityOnly} }},
	{"xla-default", func() Solver { return xlaGreedy{"xla-default", xlaDefault} }},
	{"xla-greedy", func() Solver { return xlaGreedy{"xla-greedy", xlaSweep} }},
	{"random-greedy", func() Solver { return orderSearch{name: "random-greedy", stream: 0x72616e64} }},
	{"beam", func() Solver { return beam{} }},
	{"genetic", func() Solver { return orderSearch{name: "genetic", stream: 0x67656e65, evolve: true} }},
	{"cp-sat", func() Solver { return exactSolver{} }},
	{"branch-bound", func() Solver { return branchBound{} }},
	{"lns", func() Solver { return lnsSolver{} }},
	{"mcts", func() Solver { return NewAgent(AgentOptions{}) }},
	{"auto", func() Solver { return autoSolver{} }},
}

// Names lists the registered solvers; auto is last.
func Names() []string {
	names := make([]string, len(registry))
	for i, r := range registry {
		names[i] = r.name
	}
	return names
}

// Baselines lists the solvers that auto runs before the agent, in that order.
func Baselines() []string {
	names := make([]string, len(autoOrder))
	for i, step := range autoOrder {
		names[i] = step.name
	}
	return names
}

// New returns the solver of a name.
func New(name string) (Solver, error) {
	for _, r := range registry {
		if r.name == name {
			return r.make(), nil
		}
	}
	return nil, fmt.Errorf("planner: no solver %q; known: %s", name, strings.Join(Names(), ", "))
}
