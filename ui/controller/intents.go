package controller

// The intents of the window, all safe from any goroutine and quick:
//
//	Open(paths…)                    models, plans, instances, profiles; one tab each
//	OpenSample()                    the embedded sample
//	CloseDoc(id) Activate(id)
//	SetWorkload(id, change, label)  sliders: debounced, planned in the background
//	SetMachine(id, hw)
//	StartSearch(id, options) StartValidate(id, options) StartCalibrate(output)
//	SolveContext(id)                longest context that fits
//	Cancel(task)                    keeps the best so far where there is one
//	PreviewMove(id, bufs, tier, f)  legality and cost of a move, f on the window's goroutine
//	Move(id, bufs, tier)            move for good: one undo step
//	Lock(id, bufs, on)
//	SavePlan(id, path)
//	Undo() Redo()
//	Fix() Dismiss()                 of the error bar
//	SetSetting(key, value) SetTheme(name) SetTextScale(x)
//	Report(err, doc)                puts an error in the bar, with its fix when one is known

// Residency is how a buffer lies in the plan during the periodic loop.
type Residency uint8

const (
	Absent   Residency = iota // used where it is at home
	Resident                  // stays for the whole loop
	Streamed                  // copied in every iteration
)

// MovePreview is what a move would do.
type MovePreview struct {
	Legal     bool
	Why       string  // when not legal, in one sentence
	DeltaS    float64 // change of the whole run's predicted seconds
	DeltaTokS float64 // change of seconds a token
	Bytes     int64   // bytes that move to the tier
	PeakBytes []int64 // per tier after the move
}
