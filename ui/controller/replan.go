package controller

import (
	"context"
	"errors"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// SetWorkload changes a document's request: the sliders. The document takes it
// at once and is marked stale; planning starts when the slider rests. Changes
// with one key that follow closely are one undo step called label.
func (c *Controller) SetWorkload(id int, label, key string, f func(r *workflow.Request)) {
	if c.edit(id, label, key, func(d *Document) {
		if d.model == nil {
			return
		}
		f(&d.Request)
		d.Stale = true
	}) {
		c.replan(id, c.opt.Debounce)
	}
}

// SetMachine puts a document on another machine. A budget of the old one goes.
func (c *Controller) SetMachine(id int, hw string) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.model == nil || d.Request.HW == hw {
		return
	}
	name := hw
	if m := c.Snapshot().Machine(hw); m != nil {
		name = m.Title
		if m.Profile == nil {
			c.fault(Fault{Text: m.Err, Doc: id, Fixes: []Fix{fixCalibrate()}})
			return
		}
	}
	c.SetWorkload(id, "machine "+name, "", func(r *workflow.Request) {
		r.HW, r.Tiers, r.Threads = hw, nil, 0
		r.Dram = workflow.Size{}
	})
}

// replan plans a document again after a rest.
func (c *Controller) replan(id int, after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.live[id]
	if l == nil || c.ctx.Err() != nil {
		return
	}
	c.haltLocked(id)
	round := l.round
	l.timer = time.AfterFunc(after, func() {
		c.mu.Lock()
		if l.round != round {
			c.mu.Unlock()
			return
		}
		// The task begins before the timer goes, so that Idle sees one of them.
		c.mu.Unlock()
		ctx, t := c.begin(TaskPlan, id, "planning", true)
		c.mu.Lock()
		if l.round != round {
			c.mu.Unlock()
			t.end()
			return
		}
		l.timer = nil
		l.cancel = t.cancel
		c.mu.Unlock()
		c.goBackground(func() {
			defer t.end()
			c.plan(ctx, t, id, round)
		})
	})
}

// current says whether a round of planning is still the newest.
func (c *Controller) isCurrent(id int, round uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.live[id]
	return l != nil && l.round == round
}

// adopt folds the result of a planning round into its document, unless a newer
// round began; it is part of the step that asked for it.
func (c *Controller) adopt(id int, round uint64, f func(d *Document) error) bool {
	c.mu.Lock()
	l := c.live[id]
	var err error
	ok := l != nil && l.round == round && c.changeDocLocked(id, func(d *Document) {
		if err = f(d); err == nil {
			d.PlanVersion = c.nextLocked()
		}
	})
	if ok {
		c.settleLocked(id)
		c.dirty = true
	}
	c.mu.Unlock()
	c.notify()
	if err != nil {
		c.Report(err, id)
	}
	return ok
}

// adoptJob puts a lowered request into a document that is not yet published.
func (d *Document) adoptJob(j *workflow.Job) {
	d.job, d.Request, d.Machine = j, j.Request, j.Machine
	d.Program, d.Assumed, d.Executable = j.Program(), j.Assumed, j.PlannedOnly()
	d.HomeTier = j.Lowered.HomeTier
	d.LowerBound, _ = costmodel.LowerBound(d.Program)
}

// adoptPlan puts a plan into a document that is not yet published.
func (d *Document) adoptPlan(plan *malloc.Plan, res *workflow.PlanResult) error {
	sim, err := workflow.Simulate(d.Program, plan)
	if err != nil {
		return err
	}
	d.takePlan(plan, res, sim)
	return nil
}

func (d *Document) takePlan(plan *malloc.Plan, res *workflow.PlanResult, sim *workflow.SimulateResult) {
	d.Plan, d.Result, d.Predicted, d.Stale = plan, res, sim, false
	d.Attribution = attribute(d.Program, plan, sim)
	d.judge()
}

// plan lowers a document's request and plans it: at once by construction, then
// for a moment by search. Each better plan is shown.
func (c *Controller) plan(ctx context.Context, t *task, id int, round uint64) {
	d := c.Snapshot().ByID(id)
	if d == nil {
		return
	}
	p, job := d.Program, d.job
	if d.model != nil {
		var err error
		if job, err = workflow.Lower(d.model, d.Request); err != nil {
			c.noPlan(id, round, nil, nil, err)
			return
		}
		p = job.Program()
	}
	if ctx.Err() != nil {
		return
	}
	held := d.holds()
	wishes, err := wishesOf(p, held)
	var first *workflow.PlanResult
	if err == nil {
		first, err = quickPlan(ctx, p)
	}
	if err == nil && ctx.Err() == nil {
		first, err = obey(p, first, wishes)
	}
	if ctx.Err() != nil || !c.isCurrent(id, round) {
		return
	}
	if err != nil {
		c.noPlan(id, round, job, held, err)
		return
	}
	locked := buffersOf(wishes)
	if !c.show(id, round, job, p, first, locked) {
		return
	}
	c.clearFault(id)
	if first.Solver != "resident" && c.opt.Refine > 0 {
		t.progress("improving the plan", 0, 0)
		best, err := workflow.Search(ctx, p, workflow.SearchOptions{Time: c.opt.Refine, Seed: 1, Locks: locksOf(first.Plan, locked)})
		if err == nil && best.PredictedS < first.PredictedS*(1-1e-9) && c.isCurrent(id, round) {
			if !c.show(id, round, job, p, best, locked) {
				return
			}
		} else if err == nil && c.isCurrent(id, round) {
			c.changeDoc(id, func(d *Document) { d.Search.Baselines = best.Baselines })
		}
	}
	if ctx.Err() == nil {
		c.limitsNow(id)
	}
}

// show publishes a found plan with its predictions; they are made outside the lock.
func (c *Controller) show(id int, round uint64, job *workflow.Job, p *malloc.Program, res *workflow.PlanResult, locked []int) bool {
	sim, err := workflow.Simulate(p, res.Plan)
	if err != nil {
		c.Report(err, id)
		return false
	}
	return c.adopt(id, round, func(d *Document) error {
		if job != nil {
			d.adoptJob(job)
		} else {
			d.LowerBound, _ = costmodel.LowerBound(p)
		}
		if !d.Search.Running { // the last search was of another program
			d.Search = SearchState{Baselines: d.Search.Baselines}
		}
		d.Locked, d.held = locked, nil
		if len(res.Baselines) > 0 {
			d.Search.Baselines = res.Baselines
		}
		d.takePlan(res.Plan, res, sim)
		return nil
	})
}

func keepIDs(ids []int, n int) []int {
	var out []int
	for _, b := range ids {
		if b < n {
			out = append(out, b)
		}
	}
	return out
}

// quickPlan is a plan within a fraction of a second: everything resident where
// that fits, else a short constructive search.
func quickPlan(ctx context.Context, p *malloc.Program) (*workflow.PlanResult, error) {
	if len(p.Executors) > 0 {
		if plan, err := planner.Resident(p); err == nil {
			sim, err := workflow.Simulate(p, plan)
			if err != nil {
				return nil, err
			}
			return resultOf(p, plan, sim, "resident"), nil
		}
	}
	res, err := workflow.Search(ctx, p, workflow.SearchOptions{Solver: "pin-stream", Time: 150 * time.Millisecond, Seed: 1})
	if err != nil && ctx.Err() == nil && errors.Is(err, planner.ErrNotApplicable) {
		res, err = workflow.Search(ctx, p, workflow.SearchOptions{Solver: "demand", Seed: 1})
	}
	return res, err
}

// resultOf describes a plan that no search found.
func resultOf(p *malloc.Program, plan *malloc.Plan, sim *workflow.SimulateResult, solver string) *workflow.PlanResult {
	res := &workflow.PlanResult{Solver: solver, Component: solver, PredictedS: sim.PredictedS, PrefillS: sim.PrefillS,
		PredictedSPerToken: sim.PredictedSPerToken, Tiers: sim.Tiers, Plan: plan, Program: p, Stopped: string(planner.StopDone)}
	if bound, err := costmodel.LowerBound(p); err == nil {
		res.LowerBoundS, res.LowerBoundSPerTok = bound.TotalS, bound.MeanS
		if bound.TotalS > 0 {
			res.Gap = sim.PredictedS/bound.TotalS - 1
		}
		if bound.MeanS > 0 {
			res.GapPerToken = sim.PredictedSPerToken/bound.MeanS - 1
		}
	}
	return res
}

// noPlan says that nothing fits: the document keeps its request and shows the
// program without a plan, and the bar offers what would work. Its locks are kept
// by name until there is a plan again.
func (c *Controller) noPlan(id int, round uint64, job *workflow.Job, held []hold, err error) {
	if !c.isCurrent(id, round) || cancelled(err) {
		return
	}
	var limits workflow.Limits
	if job != nil {
		limits, _ = job.Limits()
	}
	c.adopt(id, round, func(d *Document) error {
		if job != nil {
			d.adoptJob(job)
			d.Plan, d.Predicted, d.Result, d.Attribution = nil, nil, nil, Attribution{}
			d.Limits = limits
			d.Locked, d.held = nil, held
			d.judge()
		} else {
			d.Verdict = Verdict{Tone: Bad, Word: "NO PLAN", Sentence: sentence(err)}
		}
		d.Stale = job == nil
		return nil
	})
	c.Report(err, id)
	var locks *lockError
	if job != nil && !errors.As(err, &locks) {
		c.SolveContext(id, false)
	}
}

// limits finds the ends of the budget slider in the background.
func (c *Controller) limits(id int) { c.goBackground(func() { c.limitsNow(id) }) }

func (c *Controller) limitsNow(id int) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.job == nil {
		return
	}
	job := d.job
	l, err := job.Limits()
	if err != nil {
		return
	}
	c.mu.Lock()
	if now := c.current.Load().ByID(id); now != nil && now.job == job {
		c.changeDocLocked(id, func(d *Document) { d.Limits = l; d.judge() })
		c.settleLocked(id)
	}
	c.mu.Unlock()
	c.notify()
}

// SolveContext finds the longest context that fits; apply also sets it.
func (c *Controller) SolveContext(id int, apply bool) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.job == nil {
		return
	}
	job := d.job
	ctx, t := c.begin(TaskSolve, id, "longest context that fits", false)
	c.goBackground(func() {
		defer t.end()
		r := d.Request
		check, err := workflow.Check(ctx, d.model, r, t.progress)
		if err != nil {
			if !cancelled(err) {
				c.Report(err, id)
			}
			return
		}
		longest := check.MaxContext
		if longest == 0 {
			longest = -1
		}
		c.changeDoc(id, func(d *Document) {
			if d.job == job {
				d.Check, d.MaxContext = check, longest
			}
		})
		now := c.Snapshot().ByID(id)
		if now == nil || now.job != job {
			return
		}
		if longest > 0 && now.Plan == nil && longest < r.Context {
			c.addFix(id, useContext(id, longest))
		}
		if apply && longest > 0 {
			c.setContext(id, longest)
		}
	})
}
