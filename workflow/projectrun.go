package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"strata/malloc"
	"strata/projects"
)

// failedRun is the result of a run that ended in an error.
type failedRun struct {
	Error string `json:"error"`
}

// stateFailed is the state of a run that ended in an error.
const stateFailed = "failed"

// RecordRun keeps a validation, with its timelines, in the history of its plan;
// project is the one it was made in, 0: none.
func RecordRun(ctx context.Context, s *projects.Store, project int64, started time.Time, res *ValidateResult) (*projects.Run, error) {
	body, err := json.Marshal(res)
	if err != nil {
		return nil, err
	}
	r := &projects.Run{Project: project, Plan: res.Plan, Model: modelOf(res.Plan), Started: started, WallS: time.Since(started).Seconds(), Passed: res.Passed, State: res.State, Result: body}
	return r, s.AddRun(ctx, r, res.Predicted, res.Measured)
}

// RecordFailure keeps that a plan could not be run, and why.
func RecordFailure(ctx context.Context, s *projects.Store, project int64, plan *malloc.Plan, started time.Time, why error) (*projects.Run, error) {
	body, err := json.Marshal(failedRun{why.Error()})
	if err != nil {
		return nil, err
	}
	r := &projects.Run{Project: project, Plan: plan, Model: modelOf(plan), Started: started, WallS: time.Since(started).Seconds(), State: stateFailed, Result: body}
	return r, s.AddRun(ctx, r)
}

func modelOf(plan *malloc.Plan) string {
	if plan.Model == nil {
		return ""
	}
	return plan.Model.SHA256
}

// ResultOf reads what a stored run measured; the error of a run that failed is
// the one it ended in. Job, plan and timelines are the caller's to add.
func ResultOf(r *projects.Run) (*ValidateResult, error) {
	if r.State == stateFailed {
		var f failedRun
		if err := json.Unmarshal(r.Result, &f); err != nil || f.Error == "" {
			return nil, fmt.Errorf("run %d failed, and does not say why", r.ID)
		}
		return nil, errors.New(f.Error)
	}
	res := &ValidateResult{}
	if err := json.Unmarshal(r.Result, res); err != nil {
		return nil, fmt.Errorf("run %d: result: %w", r.ID, err)
	}
	if len(res.Tiers) == 0 || !res.Passed && len(res.Failures) == 0 {
		return nil, fmt.Errorf("run %d: its result lacks the tiers or the reason it failed", r.ID)
	}
	return res, nil
}

// KeepRun adds a validation to the history of the stored project whose present
// plan it ran; of several such projects, the one saved last. Where no project has
// the plan, or none was ever stored, nothing is kept and the name is "".
func KeepRun(ctx context.Context, started time.Time, res *ValidateResult) (name string, run *projects.Run, err error) {
	path, err := projects.DefaultPath()
	if err != nil {
		return "", nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	s, err := projects.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	p, err := s.Holding(ctx, res.Plan)
	if errors.Is(err, projects.ErrNotFound) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	run, err = RecordRun(ctx, s, p.ID, started, res)
	return p.Name, run, err
}
