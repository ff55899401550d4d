package controller

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// StartSearch searches a better plan for a document. Cancel keeps the best found.
func (c *Controller) StartSearch(id int, opt SearchOptions) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.Program == nil || d.Search.Running {
		return
	}
	p, job, planVersion := d.Program, d.job, d.PlanVersion
	lower := d.LowerBound.TotalS
	locks := locksOf(d.Plan, d.Locked)
	before := 0.0
	if d.Predicted != nil {
		before = d.Predicted.PredictedS
	}
	start := time.Now()
	c.changeDoc(id, func(d *Document) {
		d.Search = SearchState{Options: opt, Running: true, Started: start, LowerS: lower, BeforeS: before, Baselines: d.Search.Baselines}
	})
	ctx, t := c.begin(TaskSearch, id, "searching", true)
	c.goBackground(func() {
		defer t.end()
		ticking := make(chan struct{})
		ticked := make(chan struct{})
		go func() {
			defer close(ticked)
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ticking:
					return
				case <-tick.C:
					t.progress("searching", time.Since(start).Milliseconds(), opt.Time.Milliseconds())
					c.changeDoc(id, func(d *Document) { d.Search.ElapsedS = time.Since(start).Seconds() })
				}
			}
		}()
		// The curve is the search's own; snapshots get copies of it.
		var curve [][2]float64
		var best planner.Incumbent
		shown := time.Time{}
		res, err := workflow.Search(ctx, p, workflow.SearchOptions{Solver: opt.Solver, Time: opt.Time, Seed: opt.Seed, Locks: locks, OnIncumbent: func(i planner.Incumbent) {
			best = i
			elapsed := time.Since(start).Seconds()
			if n := len(curve); n == 0 || i.Score.TotalS < curve[n-1][1] {
				curve = append(curve, [2]float64{elapsed, i.Score.TotalS})
			}
			if time.Since(shown) < progressEvery {
				return
			}
			shown = time.Now()
			points := slices.Clone(curve)
			c.changeDoc(id, func(d *Document) {
				d.Search.Curve, d.Search.Component, d.Search.Evaluations = points, i.Component, i.Evaluations
				d.Search.ElapsedS, d.Search.BestS = elapsed, points[len(points)-1][1]
			})
		}})
		close(ticking)
		<-ticked
		if err != nil && best.Plan != nil {
			// A defect ended the search; what it had found was checked.
			c.Report(fmt.Errorf("the search ended early (%w); the best plan so far is kept", err), id)
			var sim *workflow.SimulateResult
			if sim, err = workflow.Simulate(p, best.Plan); err == nil {
				res = resultOf(p, best.Plan, sim, best.Component)
				res.Evaluations, res.Stopped = best.Evaluations, "error"
			}
		}
		if err != nil {
			c.changeDoc(id, func(d *Document) { d.Search.Running, d.Search.Stopped = false, sentence(err) })
			c.Report(err, id)
			return
		}
		t.progress("drawing the plan found", 0, 0)
		sim, err := workflow.Simulate(p, res.Plan)
		if err != nil {
			c.Report(err, id)
			return
		}
		improved := before == 0 || res.PredictedS < before*(1-1e-9)
		finish := func(d *Document) {
			s := &d.Search
			s.Running, s.ElapsedS, s.Stopped, s.Episode = false, time.Since(start).Seconds(), res.Stopped, res.Episode
			s.Evaluations, s.Component, s.BestS, s.Improved = res.Evaluations, res.Component, res.PredictedS, improved
			last := res.PredictedS
			if n := len(curve); n > 0 {
				last = min(last, curve[n-1][1])
			}
			s.Curve = append(slices.Clone(curve), [2]float64{s.ElapsedS, last})
			if len(res.Baselines) > 0 {
				s.Baselines = res.Baselines
			}
		}
		now := c.Snapshot().ByID(id)
		if now == nil {
			return
		}
		if !improved || opt.Explore || now.Program != p || now.PlanVersion != planVersion || !slices.Equal(now.Locked, d.Locked) {
			c.changeDoc(id, finish)
			return
		}
		res.Job = job
		c.edit(id, "search: "+seconds(res.PredictedS)+" by "+res.Component, "", func(d *Document) {
			finish(d)
			d.PlanVersion = c.nextLocked()
			d.takePlan(res.Plan, res, sim)
		})
	})
}

// locksOf are what a search must leave as a plan has it.
func locksOf(plan *malloc.Plan, locked []int) planner.Locks {
	if plan == nil || len(locked) == 0 {
		return planner.Locks{}
	}
	return planner.Locks{Start: plan, Buffers: locked}
}

// StopSearch ends a document's search and keeps the best.
func (c *Controller) StopSearch(id int) { c.CancelKind(TaskSearch, id) }

// SavePlan writes a document's plan to a file.
func (c *Controller) SavePlan(id int, path string) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.Plan == nil {
		return
	}
	ctx, t := c.begin(TaskSave, id, "saving "+filepath.Base(path), false)
	c.goBackground(func() {
		defer t.end()
		plan, err := d.labelled(c, ctxOf(ctx), t)
		if err == nil {
			err = malloc.WritePlan(path, plan)
		}
		if err != nil {
			c.Report(err, id)
			return
		}
		c.changeDoc(id, func(d *Document) { d.PlanPath = path })
	})
}

// planFile writes a document's plan to a temporary file; remove it.
func (d *Document) planFile(c *Controller, ctx ctxOf, t *task) (string, error) {
	plan, err := d.labelled(c, ctx, t)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "strata-plan-*.json")
	if err != nil {
		return "", err
	}
	path := f.Name()
	if err := f.Close(); err != nil {
		return "", err
	}
	return path, malloc.WritePlan(path, plan)
}
