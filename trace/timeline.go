// Package trace holds the Timeline: what happened in a run, or what will.
//
// The simulator (predicted) and the engine (measured) both return a Timeline,
// and everything that draws, compares or exports knows only this type, so a
// prediction and a measurement can be laid over each other anywhere.
package trace

// Timeline is one run seen from outside: slices on lanes, bytes per tier over
// time, counters. Times are seconds from the start of the run.
type Timeline struct {
	Source   string      `json:"source"` // "predicted" or "measured"
	Name     string      `json:"name"`
	TotalS   float64     `json:"total_s"`
	Lanes    []Lane      `json:"lanes"`
	Tiers    []Occupancy `json:"tiers"`
	Counters []Counter   `json:"counters"`
	// Omitted lists loop iterations that ran but whose slices and occupancy were
	// not recorded, in time order. TotalS, peaks and counters include them.
	Omitted []Omission `json:"omitted,omitempty"`
}

// Omission is a run of unrecorded loop iterations [FromIteration, ToIteration],
// both included.
type Omission struct {
	FromIteration int32   `json:"from_iteration"`
	ToIteration   int32   `json:"to_iteration"`
	StartS        float64 `json:"start_s"`
	EndS          float64 `json:"end_s"`
}

// LaneKind says what a lane belongs to.
type LaneKind string

const (
	LaneExecutor LaneKind = "executor"
	LaneEngine   LaneKind = "engine"
)

// Lane is one executor or copy engine; its slices are in start order and do not
// overlap.
type Lane struct {
	Kind   LaneKind `json:"kind"`
	ID     int      `json:"id"` // executor or engine index
	Name   string   `json:"name"`
	Slices []Slice  `json:"slices"`
}

// SliceKind tells work from waiting.
type SliceKind uint8

const (
	Compute  SliceKind = iota // Ref is an instruction
	Transfer                  // Ref is a copy of the plan
	Wait                      // Ref is the copy that was waited for
)

// Causes of a Wait.
const (
	CauseCopy      = "copy"       // the copy's own transfer
	CauseQueue     = "queue"      // queued predecessors
	CauseWriteBack = "write-back" // a write-back, queued or moving
)

// Slice is one stretch of a lane. Iteration is the loop iteration, -1 outside.
// Cause names why a Wait happened.
type Slice struct {
	Kind      SliceKind `json:"kind"`
	Ref       int32     `json:"ref"`
	Iteration int32     `json:"iteration"`
	StartS    float64   `json:"start_s"`
	EndS      float64   `json:"end_s"`
	Bytes     int64     `json:"bytes,omitempty"`
	Name      string    `json:"name,omitempty"`
	Cause     string    `json:"cause,omitempty"`
}

// Occupancy is the bytes live in a tier as a step function: from TimesS[i] on,
// Bytes[i]. PeakBytes is the highest address in use at any time (offset +
// bytes of the topmost block), which is what an arena must have.
type Occupancy struct {
	Tier      int       `json:"tier"`
	Name      string    `json:"name"`
	PeakBytes int64     `json:"peak_bytes"`
	TimesS    []float64 `json:"times_s"`
	Bytes     []int64   `json:"bytes"`
}

// Counter is a named total (copied bytes, requests, …).
type Counter struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}
