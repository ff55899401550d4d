package planner

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"strata/malloc"
	"strata/simulate"
)

// attempt is the bookkeeping of one Solve: it evaluates plans within a budget,
// keeps the best one that malloc.Check accepts, and reports it.
type attempt struct {
	ctx       context.Context
	p         *Problem
	budget    Budget
	report    func(Incumbent)
	exact     malloc.Evaluator // what an incumbent's time is computed with
	screen    malloc.Evaluator // quicker, growth at its mean: what is not near the best is not looked at again
	checker   *malloc.Checker
	component string // named in incumbents found from now on

	held map[int]int // locked buffers: the tier they stay in, -1: none

	started     time.Time
	evaluations int64
	bestScreen  float64
	best        Incumbent // Plan nil before the first accepted offer
	trace       [][2]float64
	rejected    int
	rejection   error
}

func begin(ctx context.Context, p *Problem, budget Budget, report func(Incumbent), component string) (*attempt, error) {
	checker, err := malloc.NewChecker(p.Program)
	if err != nil {
		return nil, err
	}
	a := &attempt{ctx: ctx, p: p, budget: budget, report: report, checker: checker,
		component: component, started: time.Now(), bestScreen: math.Inf(1), best: Incumbent{Score: malloc.Score{TotalS: math.Inf(1)}}}
	if p.NewEvaluator != nil {
		a.exact, a.screen = p.NewEvaluator(), p.NewEvaluator()
	} else {
		a.exact, a.screen = simulate.New(), simulate.NewSteady()
	}
	return a, a.lock()
}

// stop says why the attempt must end now, or "" when it may go on.
func (a *attempt) stop() Stop {
	switch {
	case a.ctx.Err() != nil:
		return StopCancelled
	case a.budget.Evaluations > 0 && a.evaluations >= a.budget.Evaluations:
		return StopEvaluations
	case a.budget.Time > 0 && time.Since(a.started) >= a.budget.Time:
		return StopTime
	}
	return ""
}

// errStopped ends the making of a plan that nobody waits for any more.
var errStopped = errors.New("planner: stopped")

// straight plays the straight parts of a game buffer by buffer, in order of their
// first touch there: stay, else copy with the least lead, else demand copies. It
// gives up with errStopped when the attempt must end.
func (a *attempt) straight(g *malloc.Game) error {
	if g.InBody() {
		if err := g.DropRest(); err != nil {
			return err
		}
	}
	first := func(b int) int {
		for _, t := range g.Touches(b) {
			if !t.Body {
				return t.Instr
			}
		}
		return len(a.p.Program.Instructions)
	}
	for g.Next().RunOn && !g.Done() {
		legal := g.Actions(nil)
		if len(legal) == 0 {
			break
		}
		if _, err := g.Step(legal[0]); err != nil {
			return err
		}
	}
	order := slices.Clone(g.Undecided())
	slices.SortStableFunc(order, func(x, y int) int { return first(x) - first(y) })
	tiers := len(a.p.Program.Tiers)
	for _, b := range order {
		if a.late() {
			return errStopped
		}
		if g.Choose(b) != nil {
			continue
		}
		for !g.Done() && g.Next().Buf == b {
			move := malloc.Action{Kind: malloc.Drop}
		search:
			for _, kind := range []malloc.Action{{Kind: malloc.NoCopy}, {Kind: malloc.CopyIn, Lead: 1, Back: -1}, {Kind: malloc.CopyIn, Lead: 2, Back: -1}, {Kind: malloc.CopyIn, Back: 0}} {
				for kind.Tier = 0; kind.Tier < tiers; kind.Tier++ {
					if kind.Tier != a.p.Program.Buffers[b].Home && g.Legal(kind) {
						move = kind
						break search
					}
				}
			}
			if _, err := g.Step(move); err != nil {
				return err
			}
		}
	}
	return nil
}

// late says that a plan in the making would come too late: cancelled, or out of
// time. A budget of evaluations lets it be finished.
func (a *attempt) late() bool {
	s := a.stop()
	return s == StopCancelled || s == StopTime
}

// done is stop as a condition.
func (a *attempt) done() bool { return a.stop() != "" }

// nearBest is how much worse than the best a screened time may be for the exact
// time still to be computed.
const nearBest = 1.0005

// offer evaluates a plan and makes it the incumbent when it is better and
// malloc.Check accepts it. The score returned is the screen's: comparable with
// that of other offers.
func (a *attempt) offer(plan *malloc.Plan) (malloc.Score, error) {
	a.evaluations++
	quick, err := a.screen.Evaluate(a.p.Program, plan)
	if err != nil {
		return quick, err
	}
	if !a.keeps(plan) {
		quick.TotalS *= lockPenalty
		return quick, nil
	}
	if quick.TotalS > a.bestScreen*nearBest {
		return quick, nil
	}
	score, err := a.exact.Evaluate(a.p.Program, plan)
	if err != nil {
		return quick, err
	}
	if score.TotalS < a.best.Score.TotalS && a.accept(plan, score) {
		a.bestScreen = min(a.bestScreen, quick.TotalS)
	}
	return quick, nil
}

// accept makes an evaluated plan the incumbent when malloc.Check accepts it; it
// says whether it did.
func (a *attempt) accept(plan *malloc.Plan, score malloc.Score) bool {
	a.checker.Stamp(plan)
	plan.ClaimedS, plan.PeriodS = score.TotalS, score.PeriodS
	report, err := a.checker.Check(plan, nil)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		a.rejected++
		if a.rejection == nil {
			a.rejection = err
		}
		return false
	}
	a.adopt(Incumbent{Plan: plan, Score: score, Component: a.component, Evaluations: a.evaluations})
	return true
}

// adopt takes over an incumbent that was already checked, if it is better.
func (a *attempt) adopt(i Incumbent) {
	if i.Plan == nil || !(i.Score.TotalS < a.best.Score.TotalS) {
		return
	}
	i.ElapsedS = time.Since(a.started).Seconds()
	a.best = i
	a.trace = append(a.trace, [2]float64{i.ElapsedS, i.Score.TotalS})
	if a.report != nil {
		a.report(i)
	}
}

// ease gives the incumbent's copies the slack that their places have, where that
// costs nothing.
func (a *attempt) ease() {
	if a.best.Plan == nil {
		return
	}
	plan := ease(a.p.Program, a.best.Plan)
	if plan == nil || !a.keeps(plan) {
		return
	}
	score, err := a.exact.Evaluate(a.p.Program, plan)
	if err != nil || score.TotalS > a.best.Score.TotalS {
		return
	}
	plan.ClaimedS, plan.PeriodS = score.TotalS, score.PeriodS
	report, err := a.checker.Check(plan, nil)
	if err == nil && report.Err() == nil {
		a.best.Plan, a.best.Score = plan, score
	}
}

// result closes the attempt: the incumbent's plan with its times, hashes and
// provenance filled in.
func (a *attempt) result(solver string) (*Result, error) {
	if a.best.Plan == nil {
		if a.rejection != nil {
			return nil, a.rejection
		}
		return nil, errNoPlan(solver)
	}
	stop := a.stop()
	if stop == "" {
		stop = StopDone
	}
	r := &Result{Incumbent: a.best, Solver: solver, WallS: time.Since(a.started).Seconds(),
		LowerS: a.p.LowerS, LowerPeriodS: a.p.LowerPeriodS, Stopped: stop,
		Rejected: a.rejected, FirstRejection: a.rejection}
	r.Evaluations = a.evaluations
	plan := *a.best.Plan
	plan.Solver, plan.Seed, plan.Evaluations, plan.WallS = solver, a.p.Seed, a.evaluations, r.WallS
	plan.ClaimedS, plan.PeriodS, plan.LowerS = r.Score.TotalS, r.Score.PeriodS, a.p.LowerS
	plan.Trace = a.trace
	ext := malloc.PlanExt{}
	if plan.Ext != nil {
		ext = *plan.Ext
	}
	ext.Notes = maps.Clone(ext.Notes)
	if ext.Notes == nil {
		ext.Notes = map[string]string{}
	}
	ext.Notes["component"] = r.Component
	plan.Ext = &ext
	r.Plan = &plan
	return r, nil
}
