package cpsat

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// worker starts a solver, or skips the test where its library is not installed.
func worker(t testing.TB) *Worker {
	t.Helper()
	w, err := Start(context.Background())
	var missing *MissingError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// Knapsacks in two dimensions against trying every subset.
func TestSolveEqualsBruteForce(t *testing.T) {
	w := worker(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "n")
		weight := rapid.SliceOfN(rapid.Int64Range(-3, 20), n, n).Draw(t, "weight")
		value := rapid.SliceOfN(rapid.Int64Range(-10, 20), n, n).Draw(t, "value")
		limit := rapid.Int64Range(-5, 60).Draw(t, "limit")
		least := rapid.Int64Range(0, 3).Draw(t, "least")
		m := &Model{}
		var load, count, gain Expr
		for i := range n {
			v := m.Bool()
			add := func(e *Expr, n int64) {
				if i%2 == 1 { // taken where the variable is 0
					e.Const += n
					n = -n
				}
				e.Add(v, n)
			}
			add(&load, weight[i])
			add(&count, 1)
			add(&gain, -value[i])
		}
		m.Linear(NoLower, limit, load)
		m.Linear(least, NoUpper, count)
		m.Minimize(gain)
		best, found := int64(0), false
		for set := range 1 << n {
			var l, c, g int64
			for i := range n {
				if set>>i&1 == 1 {
					l, c, g = l+weight[i], c+1, g-value[i]
				}
			}
			if l <= limit && c >= least && (!found || g < best) {
				best, found = g, true
			}
		}
		s, err := w.Minimize(context.Background(), m, Options{Work: 5, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if found && (s.Status != Optimal || s.Objective != best || s.Bound != best) || !found && s.Status != Infeasible {
			t.Fatalf("%v with %d, bound %d; by trying all: found %v, %d", s.Status, s.Objective, s.Bound, found, best)
		}
	})
}

// hard is a packing whose optimum takes longer than any test waits.
func hard() *Model {
	m := &Model{}
	peak := m.Int(0, 1<<20)
	var x, y []int
	r := uint64(7)
	next := func(n uint64) int64 { r ^= r << 13; r ^= r >> 7; r ^= r << 17; return int64(r % n) }
	for range 150 {
		at, long, size := next(90), 5+next(40), 100+next(5000)
		place := m.Int(0, 1<<20)
		end := Expr{Terms: []Term{{place, 1}}, Const: size}
		m.Linear(NoLower, 0, Expr{Terms: []Term{{place, 1}, {peak, -1}}, Const: size})
		x = append(x, m.Interval(Fixed(at), Fixed(long), Fixed(at+long)))
		y = append(y, m.Interval(Expr{Terms: []Term{{place, 1}}}, Fixed(size), end))
	}
	m.NoOverlap2D(x, y)
	m.Minimize(Expr{Terms: []Term{{peak, 1}}})
	return m
}

// Cancelled in the middle, Minimize hands over what earlier slices found, and the
// process is gone after Close.
func TestCancelKeepsTheBest(t *testing.T) {
	w := worker(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	improvements := 0
	began := time.Now()
	s, err := w.Minimize(ctx, hard(), Options{Time: time.Minute, Threads: 1, Improved: func(s Solution) {
		if improvements++; improvements == 1 {
			time.AfterFunc(100*time.Millisecond, cancel)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if improvements == 0 || len(s.Values) == 0 || s.Status != Feasible || s.Bound > s.Objective {
		t.Errorf("after %d improvements: %v, objective %d, bound %d", improvements, s.Status, s.Objective, s.Bound)
	}
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("a minute's search went on for %v after it was cancelled", d)
	}
	w.Close()
	if w.cmd.ProcessState == nil {
		t.Error("the child was not reaped")
	}
}

// What the library aborts on ends the child only, with the reason in the error;
// so does a child that is killed from outside.
func TestCrashIsAnError(t *testing.T) {
	w := worker(t)
	_, err := w.solve(context.Background(), []byte("no protocol buffer"), 0, Params{Threads: 1})
	if err == nil || !strings.Contains(err.Error(), "the solver's process ended (") {
		t.Errorf("unparsable bytes: %v", err)
	}
	t.Log(err)
	if _, err := w.Solve(context.Background(), hard(), Params{Threads: 1}); err == nil {
		t.Error("a dead worker solved a model")
	}

	w = worker(t)
	time.AfterFunc(300*time.Millisecond, func() { _ = w.cmd.Process.Kill() })
	_, err = w.Minimize(context.Background(), hard(), Options{Time: time.Minute, Threads: 1})
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a killed child: %v", err)
	}
}

func TestInvalidModelIsRefused(t *testing.T) {
	w := worker(t)
	m := &Model{}
	m.Int(3, 2)
	if _, err := w.Solve(context.Background(), m, Params{Threads: 1}); err == nil || !strings.Contains(err.Error(), "invalid") {
		t.Errorf("an empty domain: %v", err)
	}
	if r, err := w.Solve(context.Background(), &Model{}, Params{Threads: 1}); err != nil || r.Status != Optimal {
		t.Errorf("after it the empty model: %v, %v", r, err)
	}
}

func TestLibraryThatIsNone(t *testing.T) {
	t.Setenv(LibraryVariable, filepath.Join(t.TempDir(), "nowhere.so"))
	var missing *MissingError
	if _, err := Start(context.Background()); !errors.As(err, &missing) || !strings.Contains(err.Error(), "make solver") {
		t.Errorf("no library: %v", err)
	}
	file := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(file, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibraryVariable, file)
	if _, err := Start(context.Background()); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), Version) {
		t.Errorf("a text file as library: %v", err)
	}
}

// Any bytes from the child are an answer or an error, never a panic.
func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{8, 4, 18, 2, 7, 1, 0xe8, 1, 0xe7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{18, 200, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeResponse(b)
		if err == nil && len(r.Values) > len(b) {
			t.Errorf("%d values out of %d bytes", len(r.Values), len(b))
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("S\x00\x00\x00\x02ab"))
	f.Add([]byte("A\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, payload, err := readFrame(strings.NewReader(string(b)))
		if err == nil && len(payload)+5 > len(b) {
			t.Errorf("a payload of %d bytes out of %d", len(payload), len(b))
		}
		if m, p, err := unpackRequest(payload); err == nil && len(m)+len(p)+4 != len(payload) {
			t.Errorf("a request of %d bytes parted in %d and %d", len(payload), len(m), len(p))
		}
	})
}
