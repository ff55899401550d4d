package workflow

import (
	"errors"
	"fmt"
)

// Kind sorts failures by what a script should do about them.
type Kind int

const (
	Internal Kind = iota // full disk, read error, a defect
	NoFit                // does not fit, a refused plan, a failed validation
	Unsure               // the answer depends on something assumed
	BadInput             // damaged or changed file, wrong model, unknown option
)

// Fault is an error with its kind.
type Fault struct {
	Kind Kind
	Err  error
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Badf makes a BadInput fault.
func Badf(format string, args ...any) error {
	return &Fault{BadInput, fmt.Errorf(format, args...)}
}

// Refusedf makes a NoFit fault.
func Refusedf(format string, args ...any) error {
	return &Fault{NoFit, fmt.Errorf(format, args...)}
}

func bad(err error) error {
	if err == nil {
		return nil
	}
	return &Fault{BadInput, err}
}

// KindOf is the kind of an error; Internal when nothing says otherwise.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return Internal
}

// Progress is told how far long work has come; done ≤ total, total 0 when it is
// not known.
type Progress func(stage string, done, total int64)

func (p Progress) report(stage string, done, total int64) {
	if p != nil {
		p(stage, done, total)
	}
}
