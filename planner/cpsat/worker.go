package cpsat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Worker is a child process that solves models one after another. Not safe for
// concurrent use; several workers run side by side.
type Worker struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	frames  chan frame
	printed *head
	ended   chan struct{} // closed when the process is reaped
	exit    error         // why it ended, once ended is closed
}

type frame struct {
	kind    byte
	payload []byte
	err     error
}

// startWithin is how long loading and the self-test may take; a cold disk reads
// 70 MB of libraries.
const startWithin = time.Minute

// stopWithin is how long a stopped solve may take to hand over what it has before
// the child is killed.
const stopWithin = 300 * time.Millisecond

// overtime is how long a solve may outlast its own limit.
const overtime = 20 * time.Second

// Start starts a child with the installed library and waits until its self-test
// passed. Errors: *MissingError, a library that is not the expected one, the end
// of ctx.
func Start(ctx context.Context) (*Worker, error) {
	path, err := Library()
	if err != nil {
		return nil, err
	}
	return start(ctx, path)
}

func start(ctx context.Context, path string) (*Worker, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cpsat: this program's own file: %w", err)
	}
	answers, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cpsat: %w", err)
	}
	w := &Worker{cmd: exec.Command(exe), printed: &head{}, frames: make(chan frame, 1), ended: make(chan struct{})}
	w.cmd.Env = append(os.Environ(), childVariable+"="+path)
	w.cmd.Stdout, w.cmd.Stderr = w.printed, w.printed
	w.cmd.ExtraFiles = []*os.File{theirs}
	if w.in, err = w.cmd.StdinPipe(); err == nil {
		err = w.cmd.Start()
	}
	theirs.Close()
	if err != nil {
		answers.Close()
		return nil, fmt.Errorf("cpsat: the solver's process: %w", err)
	}
	go func() {
		defer close(w.frames)
		defer answers.Close()
		r := bufio.NewReader(answers)
		for {
			kind, payload, err := readFrame(r)
			w.frames <- frame{kind, payload, err}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		w.exit = w.cmd.Wait()
		close(w.ended)
	}()
	kind, _, err := w.receive(ctx, startWithin)
	if err == nil && kind != frameReady {
		err = fmt.Errorf("cpsat: the solver's process began with %q", kind)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// errLate says that no answer came in time.
var errLate = errors.New("cpsat: the solver did not answer in time")

// receive waits for the child's next frame. The end of the child is an error with
// its cause.
func (w *Worker) receive(ctx context.Context, within time.Duration) (byte, []byte, error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case f, open := <-w.frames:
		switch {
		case !open || f.err != nil:
			return 0, nil, w.crash()
		case f.kind == frameFailure:
			return 0, nil, errors.New(strings.TrimSpace(string(f.payload)))
		}
		return f.kind, f.payload, nil
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	case <-timer.C:
		return 0, nil, errLate
	}
}

// crash reaps a child that stopped talking and says why.
func (w *Worker) crash() error {
	w.kill()
	text := w.printed.String()
	if text == "" {
		text = "it printed nothing"
	}
	return fmt.Errorf("cpsat: the solver's process ended (%v): %s", w.exit, text)
}

// kill ends the child and waits for its end. A child that is ending by itself
// is given a moment, so that its own cause is the one reported.
func (w *Worker) kill() {
	_ = w.in.Close()
	select {
	case <-w.ended:
		return
	case <-time.After(stopWithin):
	}
	_ = w.cmd.Process.Kill()
	<-w.ended
}

// Close ends the child. It is safe to call twice.
func (w *Worker) Close() {
	select {
	case <-w.ended:
	default:
		_ = w.cmd.Process.Kill()
		<-w.ended
	}
	_ = w.in.Close()
	for range w.frames { // let the reader end
	}
}

// Solve solves one model. When ctx ends the child is asked for what it has, and
// killed where it does not answer at once: then the error is ctx's and the worker
// is of no more use. A crash of the solver is an error with its cause. The
// values of a response have one entry per variable, or are none.
func (w *Worker) Solve(ctx context.Context, m *Model, p Params) (*Response, error) {
	return w.solve(ctx, m.encode(nil), m.Vars(), p)
}

func (w *Worker) solve(ctx context.Context, model []byte, vars int, p Params) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	request := packRequest(model, p.encode())
	if len(request) > maxFrame {
		return nil, fmt.Errorf("cpsat: a model of %d bytes, the most is %d: a smaller problem is expected", len(model), maxFrame)
	}
	if err := writeFrame(w.in, frameRequest, request); err != nil {
		return nil, w.crash()
	}
	within := 24 * time.Hour
	if p.Time > 0 {
		within = p.Time + overtime
	}
	kind, payload, err := w.receive(ctx, within)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		_ = writeFrame(w.in, frameStop, nil)
		kind, payload, err = w.receive(context.Background(), stopWithin)
		if errors.Is(err, errLate) {
			w.Close()
			return nil, ctx.Err()
		}
	}
	if errors.Is(err, errLate) {
		w.Close()
		return nil, fmt.Errorf("cpsat: the solver was killed %v after its limit of %v", overtime, p.Time)
	}
	if err != nil {
		return nil, err
	}
	if kind != frameAnswer {
		w.Close()
		return nil, fmt.Errorf("cpsat: the solver's process answered with %q", kind)
	}
	r, err := decodeResponse(payload)
	if err != nil {
		return nil, err
	}
	if r.Status == ModelInvalid {
		return nil, fmt.Errorf("cpsat: the solver calls the model invalid: %s", r.Info)
	}
	if len(r.Values) != 0 && len(r.Values) != vars {
		return nil, fmt.Errorf("cpsat: the solver gave %d values for %d variables", len(r.Values), vars)
	}
	return r, nil
}

// head keeps the first bytes of what the child prints: a cause comes before the
// traces that follow from it.
type head struct {
	mu   sync.Mutex
	text []byte
}

const headBytes = 4096

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, b[:min(len(b), headBytes-len(h.text))]...)
	return len(b), nil
}

// String is the line that tells the cause, where one is to be found, else the
// beginning.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(h.text)), "\n")
	for _, line := range lines {
		for _, mark := range []string{"Check failed", "terminate called", "fatal error", "panic: ", "SIG"} {
			if strings.Contains(line, mark) {
				return strings.TrimSpace(line)
			}
		}
	}
	return strings.TrimSpace(lines[0])
}
