package planner

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"strata/malloc"
	"strata/planner/cpsat"
)

// exactSolver solves small straight instances with CP-SAT: a relaxation of the
// game as an integer model (mappingModel) gives a lower bound of every plan, and
// its solutions, given offsets and simulated, give plans. Where both meet the
// plan is optimal. It needs the OR-Tools library; without it, or on an instance
// that the model does not cover, it is not applicable and says why.
type exactSolver struct{}

func (exactSolver) Name() string { return "cp-sat" }

// Without a time budget the solver's work is limited in CP-SAT's own units (about
// seconds of one core), on one thread, so that the result is the same every time:
// exactWork of them, or evaluationWork for each evaluation of a budget.
const (
	exactWork      = 20
	evaluationWork = 0.02
)

// optimal is the gap below which a plan counts as meeting the bound: what the
// model loses by rounding times down.
const optimal = 1e-5

// exactTighten is how often a solution without offsets makes the model's capacity
// smaller before the solver gives up looking for plans.
const exactTighten = 4

func (s exactSolver) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	m, err := newMapping(p.Program)
	if err != nil {
		return nil, err
	}
	raised := *p // its bound rises
	a, err := begin(ctx, &raised, budget, report, "demand")
	if err != nil {
		return nil, err
	}
	worker, failure := cpsat.Start(ctx)
	var missing *cpsat.MissingError
	switch {
	case errors.As(failure, &missing):
		return nil, fmt.Errorf("planner: cp-sat: %w: %w", failure, ErrNotApplicable)
	case failure == nil:
		defer worker.Close()
	case ctx.Err() == nil:
		return nil, failure
	}
	if err := s.baseline(a); err != nil {
		return nil, err
	}
	a.component = s.Name()
	if err := s.coarse(a, m, worker); err != nil {
		return nil, err
	}
	for round := range exactTighten {
		if a.done() || a.proved() || !m.full() {
			break
		}
		short, err := s.round(a, m, worker, round == 0)
		if err != nil {
			return nil, err
		}
		if short == 0 {
			break
		}
		// No offsets for what the model thinks best: less for it to fill.
		for t := range m.loadBytes {
			m.loadBytes[t] += short
		}
	}
	return a.result(s.Name())
}

// baseline offers the plans the exact search begins from: all-DROP, greedy ones for
// at most a quarter of a budget of evaluations, and what lns makes of them.
func (exactSolver) baseline(a *attempt) error {
	plan, err := demandPlan(a.p.Program)
	if err != nil {
		return err
	}
	if _, err := a.offer(plan); err != nil {
		return err
	}
	t, err := newGreedyTable(a)
	if err != nil { // the demand plan is all there is
		return nil
	}
	a.component = "xla-greedy"
	for _, k := range xlaSweep {
		if a.done() || a.budget.Evaluations > 0 && 4*a.evaluations >= a.budget.Evaluations {
			break
		}
		if _, err := t.play(func() []int { return xlaOrder(t.g, t.guide, k.key) }, k); err != nil && !errors.Is(err, errStopped) {
			return err
		}
	}
	if a.done() {
		return nil
	}
	r, err := lnsSolver{starts: []*malloc.Plan{a.best.Plan}}.Solve(a.ctx, a.p, a.rest(searchShare), nil)
	if err != nil {
		return err
	}
	a.evaluations += r.Evaluations
	a.adopt(r.Incumbent)
	return nil
}

// searchShare is the share of the budget that a search gets before the model: the
// better the plan at hand, the less there is to prove.
const searchShare = 0.2

// exactMemoryMiB is about what CP-SAT may take before it ends with what it has.
const exactMemoryMiB = 4096

// manyThreads is from how many cores on CP-SAT's portfolio of strategies is used.
// Below it has too few linear ones: a single search with the whole linear
// relaxation proves more.
const manyThreads = 8

// options are the solver's for a share of what is left of the budget.
func (exactSolver) options(a *attempt, share float64) cpsat.Options {
	o := cpsat.Options{Seed: int32(a.p.Seed & 0x7fffffff), Threads: 1, MemoryMiB: exactMemoryMiB, Linear: true, Work: exactWork * share}
	if n := a.budget.Evaluations; n > 0 {
		o.Work = evaluationWork * float64(n) * share
	}
	if a.budget.Time > 0 {
		o.Work, o.Time = 0, a.rest(share).Time
		if n := runtime.GOMAXPROCS(0); n >= manyThreads {
			o.Threads = n
		}
	}
	return o
}

// coarseShare is the coarse model's share of the budget.
const coarseShare = 0.3

// coarse solves the coarse model and replays its solutions in the game.
func (s exactSolver) coarse(a *attempt, m *mapping, w *cpsat.Worker) error {
	if a.done() {
		return nil
	}
	x := newMappingModel(m, 0, a.best.Score.TotalS, true)
	x.hint(a.best.Plan)
	g, err := malloc.NewGame(m.p, nil, malloc.Options{NoReward: true})
	if err != nil { // the game's offset rule has no place for all-DROP
		return nil
	}
	start := g.Mark()
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	o := s.options(a, coarseShare)
	var failure error
	o.Improved = func(sol cpsat.Solution) {
		s.raise(a, x, sol.Bound)
		for _, lead := range []int{1, 2, 4} {
			if failure != nil || a.done() {
				cancel()
				return
			}
			g.Rewind(start)
			if failure = x.replay(g, sol.Values, lead); failure == nil {
				_, failure = a.offer(g.Plan())
			}
		}
	}
	sol, err := w.Minimize(ctx, &x.Model, o)
	if err == nil {
		err = failure
	}
	s.raise(a, x, sol.Bound)
	return err
}

// raise makes a model's bound the attempt's.
func (exactSolver) raise(a *attempt, x *mappingModel, bound int64) {
	if s := float64(bound) * x.tickS; s > a.p.LowerS {
		a.p.LowerS = min(s, a.best.Score.TotalS)
	}
}

// round solves the full model once. bounds: its bound is one of the instance, since
// nothing was made smaller. short is by how many bytes the best solution that
// found no offsets was too large; 0: none was.
func (s exactSolver) round(a *attempt, m *mapping, w *cpsat.Worker, bounds bool) (short int64, err error) {
	lower := 0.0
	if bounds {
		lower = a.p.LowerS
	}
	x := newMappingModel(m, lower, a.best.Score.TotalS, false)
	x.hint(a.best.Plan)
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	o := s.options(a, 1)
	raise := func(bound int64) {
		if bounds {
			s.raise(a, x, bound)
		}
	}
	placed := func(values []int64) error {
		plan := x.plan(values)
		missing, err := m.place(ctx, w, plan)
		short = missing
		if err != nil || missing > 0 {
			return err
		}
		_, err = a.offer(plan)
		return err
	}
	var failure error
	o.Improved = func(sol cpsat.Solution) {
		raise(sol.Bound)
		if failure = placed(sol.Values); failure != nil || a.done() || a.proved() {
			cancel()
		}
	}
	sol, err := w.Minimize(ctx, &x.Model, o)
	if err == nil {
		err = failure
	}
	if err != nil {
		return 0, err
	}
	raise(sol.Bound)
	if sol.Status == cpsat.Infeasible && bounds { // not even the plan at hand: rounding aside it is optimal
		return 0, fmt.Errorf("planner: cp-sat: the exact model of %q excludes a checked plan of %g s: a defect of the model", a.p.Program.Name, a.best.Score.TotalS)
	}
	if a.proved() {
		short = 0
	}
	return short, nil
}

// proved says that no plan is faster than the incumbent, rounding aside.
func (a *attempt) proved() bool { return a.best.Score.TotalS <= a.p.LowerS*(1+optimal) }
