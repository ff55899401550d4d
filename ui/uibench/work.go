package uibench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"strata/malloc"
	"strata/ui/controller"
	"strata/workflow"
)

// work is what runs beside a busy bench: the agent's search and the engine's
// validation, both of the sample, one after another for as long as it takes.
type work struct {
	ended  atomic.Int64
	failed atomic.Pointer[error]
}

// state is how many validations have ended, and the first error.
func (w *work) state() (int, error) {
	if err := w.failed.Load(); err != nil {
		return int(w.ended.Load()), *err
	}
	return int(w.ended.Load()), nil
}

func (w *work) fail(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		w.failed.CompareAndSwap(nil, &err)
	}
}

// begin starts the work; it ends with ctx.
func begin(ctx context.Context, c *controller.Controller) (*work, error) {
	if _, err := os.Stat(workflow.SampleModelPath()); err != nil {
		return nil, fmt.Errorf("bench-ui: a validation needs the sample model, which `make model` fetches: %w", err)
	}
	c.OpenSample()
	if err := c.Idle(ctx); err != nil {
		return nil, err
	}
	d := c.Snapshot().Doc()
	if d == nil || d.Program == nil || d.Plan == nil {
		return nil, errors.New("bench-ui: the sample did not open")
	}
	folder, err := os.MkdirTemp("", "strata-bench-*")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "plan.json")
	if err := malloc.WritePlan(path, d.Plan); err != nil {
		return nil, err
	}
	w := &work{}
	go func() {
		for seed := uint64(1); ctx.Err() == nil && w.failed.Load() == nil; seed++ {
			_, err := workflow.Search(ctx, d.Program, workflow.SearchOptions{Solver: "mcts", Time: time.Minute, Seed: seed})
			w.fail(err)
		}
	}()
	go func() {
		defer os.RemoveAll(folder)
		for ctx.Err() == nil && w.failed.Load() == nil {
			_, err := workflow.Validate(ctx, d.Model(), workflow.ValidateRequest{PlanPath: path, HW: d.Request.HW, Repeat: 1}, nil)
			if w.fail(err); err == nil {
				w.ended.Add(1)
			}
		}
	}()
	return w, nil
}
