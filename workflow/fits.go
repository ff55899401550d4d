package workflow

import (
	"strata/malloc"
	"strata/planner"
)

// Limits are the ends of a job's budget slider: what the home tier must have at
// least, and what it needs to stream nothing.
type Limits struct {
	Tier          int   // the home tier
	LeastBytes    int64 // any less and nothing fits
	ResidentBytes int64 // 0: never resident
}

// Limits finds the least arena of the home tier, and that of the plan which
// streams nothing.
func (j *Job) Limits() (Limits, error) {
	least, _, _, err := planner.MinCapacity(j.Program(), j.Lowered.HomeTier)
	if err != nil {
		return Limits{}, err
	}
	l := Limits{Tier: j.Lowered.HomeTier, LeastBytes: least}
	if _, bytes, err := residentPlan(j); err == nil {
		l.ResidentBytes = bytes
	}
	return l, nil
}

// TrainedContext is the longest context a model was trained for, at least 1.
func TrainedContext(m *Model, r Request) (int, error) { return trainedContext(m, r) }

// RequestOf restores the request that a plan was made for.
func RequestOf(plan *malloc.Plan, hw string) (Request, error) { return requestOf(plan, hw) }

// PlannedOnly says why this host's engine cannot run the job, or "".
func (j *Job) PlannedOnly() string { return j.plannedOnly() }
