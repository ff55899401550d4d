package cpsat

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
)

// childVariable makes a process that links this package the solver's child: its
// value is the library's path. Requests come on standard input, answers leave on
// file 3, so that nothing the library prints is mistaken for one.
const childVariable = "STRATA_SOLVER_CHILD"

// The switch is looked at before main, so that every program and every test
// binary that links the package can be its own child.
func init() {
	if path := os.Getenv(childVariable); path != "" {
		os.Exit(child(path, os.Stdin, os.NewFile(3, "answers")))
	}
}

// child serves requests until its input ends: then the parent is gone or has had
// enough, and a solve under way is of no use to anybody.
func child(path string, in io.Reader, out *os.File) int {
	if out == nil {
		fmt.Fprintf(os.Stderr, "strata: %s is set, but this process was not started as a solver\n", childVariable)
		return 1
	}
	signal.Ignore(os.Interrupt) // Ctrl-C reaches the whole group; the parent decides
	if err := openLibrary(path); err != nil {
		_ = writeFrame(out, frameFailure, []byte(err.Error()))
		return 1
	}
	if err := selfTest(); err != nil {
		_ = writeFrame(out, frameFailure, []byte(err.Error()))
		return 1
	}
	if err := writeFrame(out, frameReady, nil); err != nil {
		return 1
	}
	requests := make(chan *request)
	var current struct {
		sync.Mutex
		*request
	}
	go func() {
		r := bufio.NewReader(in)
		for {
			kind, payload, err := readFrame(r)
			if err != nil {
				os.Exit(0)
			}
			switch kind {
			case frameRequest:
				q := &request{payload: payload}
				current.Lock()
				current.request = q
				current.Unlock()
				requests <- q
			case frameStop:
				current.Lock()
				if current.request != nil {
					current.stop()
				}
				current.Unlock()
			}
		}
	}()
	for q := range requests {
		model, params, err := unpackRequest(q.payload)
		if err != nil {
			_ = writeFrame(out, frameFailure, []byte(err.Error()))
			return 1
		}
		answer := q.solve(model, params)
		current.Lock()
		current.request = nil
		current.Unlock()
		if err := writeFrame(out, frameAnswer, answer); err != nil {
			return 1
		}
	}
	return 0
}

type request struct {
	payload []byte
	call
}

// selfTest solves max 3a+4b, 2a+3b ≤ 17, a, b in 0..10: 25 at a = 7, b = 1.
func selfTest() error {
	m := &Model{}
	a, b := m.Int(0, 10), m.Int(0, 10)
	m.Linear(NoLower, 17, Expr{Terms: []Term{{a, 2}, {b, 3}}})
	m.Minimize(Expr{Terms: []Term{{a, -3}, {b, -4}}})
	params := Params{Threads: 1}
	var c call
	r, err := decodeResponse(c.solve(m.encode(nil), params.encode()))
	if err != nil {
		return err
	}
	if r.Status != Optimal || len(r.Values) != 2 || 3*r.Values[0]+4*r.Values[1] != 25 || !r.HasBound || r.Bound != -25 {
		return fmt.Errorf("cpsat: the library's self-test gave %v with values %v and bound %d, not 25; OR-Tools %s is expected", r.Status, r.Values, r.Bound, Version)
	}
	return nil
}
