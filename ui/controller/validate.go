package controller

import (
	"context"
	"fmt"
	"os"
	"time"

	"strata/malloc"
	"strata/workflow"
)

type ctxOf = context.Context

// labelled is a copy of the document's plan that names its model and lowering,
// as a saved plan must.
func (d *Document) labelled(_ *Controller, ctx ctxOf, t *task) (_ *malloc.Plan, err error) {
	plan := *d.Plan
	if d.job == nil {
		return &plan, nil
	}
	if plan.Model != nil && plan.Lowering != nil {
		return &plan, nil
	}
	var ref *malloc.ModelRef
	if d.headers != nil {
		ref = &d.headers.ModelRef
	} else if ref, err = d.model.Ref(ctx, t.progress); err != nil {
		return nil, err
	}
	d.job.Label(&plan, ref, d.Search.Baselines)
	return &plan, nil
}

// ValidateOptions is what the Validate view chooses.
type ValidateOptions struct {
	Repeat int
}

// StartValidate runs a document's plan on this host and compares.
func (c *Controller) StartValidate(id int, opt ValidateOptions) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.Plan == nil || c.Snapshot().Task(TaskValidate, 0) != nil {
		return
	}
	switch {
	case d.Executable != "":
		c.fault(Fault{Text: "This plan cannot be run here: " + d.Executable + ".", Doc: id})
		return
	case !d.HasWeights():
		c.Report(fmt.Errorf("the model's file: %w", os.ErrNotExist), id)
		return
	}
	ctx, t := c.begin(TaskValidate, id, "preparing", false)
	c.goBackground(func() {
		defer t.end()
		v := Validation{PlanVersion: d.PlanVersion, At: time.Now()}
		path, err := d.planFile(c, ctx, t)
		if path != "" {
			defer os.Remove(path)
		}
		if err != nil {
			c.Report(err, id)
			return
		}
		res, err := workflow.Validate(ctx, d.model, workflow.ValidateRequest{PlanPath: path, HW: d.Request.HW, Repeat: max(1, opt.Repeat), OnMeters: t.meters}, t.progress)
		v.WallS = time.Since(v.At).Seconds()
		switch {
		case err != nil && (cancelled(err) || ctx.Err() != nil):
			v.Err = "cancelled"
			c.record(id, d.Plan, v, false)
		case err != nil:
			v.Err = sentence(err)
			c.record(id, d.Plan, v, true)
			c.Report(err, id)
		default:
			v.Result = res
			c.record(id, d.Plan, v, true)
		}
	})
}

// StartCalibrate measures this host and stores its profile.
func (c *Controller) StartCalibrate() {
	if c.Snapshot().Task(TaskCalibrate, 0) != nil {
		return
	}
	ctx, t := c.begin(TaskCalibrate, 0, "calibrating", false)
	c.goBackground(func() {
		defer t.end()
		_, _, err := workflow.Calibrate(ctx, workflow.CalibrateRequest{}, t.progress)
		if err != nil {
			c.Report(err, 0)
			return
		}
		c.refreshMachines()
		for _, d := range c.Snapshot().Docs {
			if d.model != nil && d.Request.HW == "" {
				c.replan(d.ID, 0)
			}
		}
	})
}
