package projects

import (
	"encoding/json"
	"time"

	"strata/costmodel"
	"strata/malloc"
)

// Project is one model (or bare instance) on one machine under one workload,
// with the plan that is current: what the window shows as a document.
//
// Everything behind its pointers must not be written after it was given to the
// store: the store tells what changed by the pointers.
type Project struct {
	ID      int64 // 0: not stored yet; Save sets it
	Name    string
	Created time.Time // set by the store
	Saved   time.Time // set by the store

	Path     string             // file the user opened; "": none on this machine
	Sample   bool               // the embedded sample
	Model    *Model             // nil: a bare instance, or not identified yet
	Profile  *costmodel.Profile // nil: not known
	Instance *malloc.Program    // the bare instance; nil when lowering Model makes it

	Moment           // as it is now
	History   []Step // undo history, oldest first
	Undone    int    // steps at the end of History that are undone
	Thumbnail []byte // small PNG; nil: none
}

// Moment is what undo goes back to.
type Moment struct {
	Workload json.RawMessage // the request as its owner wrote it
	Plan     *malloc.Plan    // nil: none
	State    json.RawMessage // anything else (locks, options of views)
}

// Step is one undoable change.
type Step struct {
	Label         string
	At            time.Time
	Before, After Moment
}

// Model is a model by its content: its headers, never its weights.
type Model struct {
	malloc.ModelRef
	Format       string
	Architecture string
	Files        []ModelFile // nil: only the reference is known
}

// ModelFile is the part of one of a model's files that comes before its weights.
type ModelFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"` // of the whole file
	Header []byte `json:"header"`
}

// Summary is a line of the list of projects.
type Summary struct {
	ID         int64     `json:"id"`
	Name       string    `json:"name"`
	Model      string    `json:"model"` // file name, "" for a bare instance
	Profile    string    `json:"profile"`
	PredictedS float64   `json:"predicted_s"` // 0: no plan
	LowerS     float64   `json:"lower_s"`
	Runs       int       `json:"runs"`
	Open       bool      `json:"open"`
	Created    time.Time `json:"created"`
	Saved      time.Time `json:"saved"`
}

// Session is what comes back at the next start.
type Session struct {
	Projects []*Project      // open documents in tab order
	Active   int             // index into Projects, -1: none
	Settings json.RawMessage // the window's; nil: none
}
