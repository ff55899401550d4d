package controller

import (
	"strata/malloc"
	"strata/trace"
)

// Store keeps a session between runs. Save is atomic: a crash leaves the old
// session or the new one. It gives documents that were not stored before their
// numbers, in SavedDoc.Project.
type Store interface {
	Load() (*Session, error) // nil, nil: nothing kept yet
	Save(*Session) error
}

// QuickStore is a Store that reads a session without its documents, which may be
// large, for a window that is not drawn yet.
type QuickStore interface {
	Store
	LoadSettings() (*Session, error) // nil, nil: nothing kept yet
}

// RunStore is a Store that keeps the runs of plans as well.
type RunStore interface {
	Store
	// AddRun keeps a run of a plan that was made in a project (0: none) and
	// returns its number.
	AddRun(project int64, plan *malloc.Plan, v Validation) (int64, error)
	// Runs is the history of a plan, oldest first, without timelines.
	Runs(plan *malloc.Plan) ([]Validation, error)
	// Timelines of a run; nil where they were not kept.
	Timelines(run int64) (predicted, measured *trace.Timeline, err error)
}
