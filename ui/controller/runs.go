package controller

import (
	"cmp"
	"fmt"
	"slices"

	"strata/malloc"
)

// maxValidations bounds the runs that a document carries; the store has them all.
const maxValidations = 400

// record adds a run to its document and, where it ran at all, to the store.
func (c *Controller) record(id int, plan *malloc.Plan, v Validation, keep bool) {
	store, ok := c.opt.Store.(RunStore)
	if ok && keep {
		c.touch() // the project must be there before its run
		c.saveNow()
		project := int64(0)
		if d := c.Snapshot().ByID(id); d != nil {
			project = d.Project
		}
		number, err := store.AddRun(project, plan, v)
		if err != nil {
			c.Report(fmt.Errorf("the run is shown but not kept: %w", err), id)
		}
		v.Run = number
	}
	c.changeDoc(id, func(d *Document) { d.addRuns([]Validation{v}) })
}

// addRuns puts runs among a document's, oldest first, each stored run once for a
// plan.
func (d *Document) addRuns(list []Validation) {
	all := slices.Clone(d.Validations)
	for _, v := range list {
		if v.Run == 0 || !slices.ContainsFunc(all, func(x Validation) bool { return x.Run == v.Run && x.PlanVersion == v.PlanVersion }) {
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, func(a, b Validation) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Run, b.Run))
	})
	d.Validations = all[max(0, len(all)-maxValidations):]
}

// LoadRuns adds the stored runs of a document's present plan to it, in the
// background and once for each plan, with the timelines of the newest.
func (c *Controller) LoadRuns(id int) {
	store, ok := c.opt.Store.(RunStore)
	d := c.Snapshot().ByID(id)
	if !ok || d == nil || d.Plan == nil || d.job == nil {
		return
	}
	c.mu.Lock()
	l := c.live[id]
	if l == nil || l.runsOf == d.PlanVersion {
		c.mu.Unlock()
		return
	}
	l.runsOf = d.PlanVersion
	c.mu.Unlock()
	c.goBackground(func() {
		list, err := store.Runs(d.Plan)
		if err != nil {
			c.Report(fmt.Errorf("the history of this plan's runs: %w", err), id)
			return
		}
		list = slices.DeleteFunc(list, func(v Validation) bool { return v.Result == nil && v.Err == "" })
		for i := range list {
			v := &list[i]
			v.PlanVersion = d.PlanVersion
			if v.Result != nil {
				v.Result.Job, v.Result.Plan = d.job, d.Plan
			}
		}
		if len(list) == 0 {
			return
		}
		c.changeDoc(id, func(now *Document) { now.addRuns(list) })
		if last := &list[len(list)-1]; last.Result != nil {
			c.LoadTimelines(id, last.Run)
		}
	})
}

// LoadTimelines adds the stored timelines to a run of a document.
func (c *Controller) LoadTimelines(id int, run int64) {
	store, ok := c.opt.Store.(RunStore)
	if !ok || run == 0 {
		return
	}
	c.goBackground(func() {
		predicted, measured, err := store.Timelines(run)
		if err != nil {
			c.Report(fmt.Errorf("the timelines of run %d: %w", run, err), id)
			return
		}
		c.changeDoc(id, func(d *Document) {
			d.Validations = slices.Clone(d.Validations)
			for i := range d.Validations {
				v := &d.Validations[i]
				if v.Run == run && v.Result != nil && v.Result.Measured == nil {
					result := *v.Result
					result.Predicted, result.Measured = predicted, measured
					v.Result = &result
				}
			}
		})
	})
}
