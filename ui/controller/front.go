package controller

import (
	"fmt"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// FrontState is the Pareto front of a document: how much of its memory buys how
// much time, as far as searches at a row of budgets found it.
type FrontState struct {
	Running bool
	Program *malloc.Program // whose front it is: an older one does not count
	Points  []workflow.FrontPoint
	Tier    string
	Enough  int64 // bytes that keeping everything takes
}

// FrontOf is the front of the document's present program; nil when there is none.
func (d *Document) FrontOf() *FrontState {
	if d.Program == nil || d.Front.Program != d.Program || len(d.Front.Points) == 0 {
		return nil
	}
	return &d.Front
}

// frontPoints are the budgets that a front is searched at.
const frontPoints = 9

// frontTier is the tier whose budget a front varies: the one that the document's
// slider limits, of a bare instance the first limited one.
func (d *Document) frontTier() int {
	if d.HomeTier >= 0 {
		return d.HomeTier
	}
	for t := range d.Program.Tiers {
		if d.Program.Tiers[t].Capacity != malloc.Unlimited {
			return t
		}
	}
	return -1
}

// FindFront searches plans at a row of budgets up to the document's. Cancel keeps
// the points found.
func (c *Controller) FindFront(id int, seed uint64) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.Program == nil || d.Front.Running {
		return
	}
	tier := d.frontTier()
	if tier < 0 {
		c.Report(workflow.Badf("no tier of %s is limited: there is no memory to trade for time", d.Name), id)
		return
	}
	p := d.Program
	opt := workflow.SearchOptions{Evaluations: workflow.FrontEvaluations, Seed: seed}
	if d.Plan != nil && len(d.Locked) > 0 {
		opt.Locks = planner.Locks{Start: d.Plan, Buffers: d.Locked}
	}
	c.changeDoc(id, func(d *Document) { d.Front.Running = true })
	ctx, t := c.begin(TaskFront, id, "following the front", true)
	c.goBackground(func() {
		defer t.end()
		f, err := workflow.InstanceFront(ctx, p, workflow.FrontRequest{Tier: p.Tiers[tier].Name, Points: frontPoints}, opt, func(_ string, done, total int64) {
			t.progress("following the front", done, total)
		})
		if err != nil {
			c.changeDoc(id, func(d *Document) { d.Front.Running = false })
			if !cancelled(err) {
				c.Report(err, id)
			}
			return
		}
		c.changeDoc(id, func(d *Document) {
			d.Front = FrontState{Program: p, Points: f.Points, Tier: f.Tier, Enough: f.EnoughBytes}
		})
	})
}

// StopFront ends the search of a front and keeps the points found.
func (c *Controller) StopFront(id int) { c.CancelKind(TaskFront, id) }

// TakeFrontPoint makes the plan of a point the document's.
func (c *Controller) TakeFrontPoint(id, point int) {
	d := c.Snapshot().ByID(id)
	if d == nil {
		return
	}
	f := d.FrontOf()
	if f == nil || point < 0 || point >= len(f.Points) || f.Points[point].Plan == d.Plan {
		return
	}
	p, job, x := d.Program, d.job, f.Points[point]
	_, t := c.begin(TaskPlan, id, "drawing the plan chosen", false)
	c.goBackground(func() {
		defer t.end()
		sim, err := workflow.Simulate(p, x.Plan)
		if err != nil {
			c.Report(err, id)
			return
		}
		res := resultOf(p, x.Plan, sim, x.Component)
		res.Job = job
		c.edit(id, fmt.Sprintf("front: %s in %s", seconds(x.PredictedS), workflow.FormatBytes(x.PeakBytes)), "", func(d *Document) {
			if d.Program != p {
				return
			}
			d.PlanVersion = c.nextLocked()
			d.takePlan(x.Plan, res, sim)
		})
	})
}
