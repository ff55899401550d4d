package workflow_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"strata/engine"
	"strata/engine/file"
	"strata/malloc"
	"strata/model/modeltest"
	"strata/workflow"
)

// sample opens the sample model, or says why the test cannot run.
func sample(t testing.TB) *workflow.Model {
	t.Helper()
	m, err := workflow.OpenModel(modeltest.Sample(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// makePlan plans the sample model on the test profile and stores the plan.
func makePlan(t testing.TB, m *workflow.Model, dram string, prompt, gen int) string {
	t.Helper()
	size, err := workflow.ParseSize(dram)
	if err != nil {
		t.Fatal(err)
	}
	res, err := workflow.MakePlan(context.Background(), m, workflow.Request{HW: "test-periodic", Dram: size, Prompt: prompt, Gen: gen, Threads: 2},
		workflow.SearchOptions{Solver: "pin-stream", Evaluations: 200, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plan.json")
	if err := malloc.WritePlan(path, res.Plan); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPlansHoldExactly is rule 2: what is predicted of bytes and requests is
// measured to the byte, and placement never changes an output bit.
func TestPlansHoldExactly(t *testing.T) {
	m := sample(t)
	budgets := []string{"35%", "50%", "75%", "100%"}
	random := rand.New(rand.NewPCG(2026, 11))
	for range 3 {
		budgets = append(budgets, strconv.FormatInt(40<<20+random.Int64N(70<<20), 10))
	}
	for _, dram := range budgets {
		t.Run(dram, func(t *testing.T) {
			path := makePlan(t, m, dram, 64, 32)
			res, err := workflow.Validate(context.Background(), m, workflow.ValidateRequest{PlanPath: path, HW: "test-periodic", Repeat: 1}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !res.Passed {
				t.Errorf("failed: %s", strings.Join(res.Failures, "; "))
			}
			if p := res.Tiers[0]; p.PredictedPeakBytes != p.MeasuredPeakBytes || p.MeasuredPeakBytes == 0 {
				t.Errorf("arena: predicted %d, measured %d", p.PredictedPeakBytes, p.MeasuredPeakBytes)
			}
			f := res.File
			if f.PredictedBytes != f.MeasuredBytes || f.PredictedRequests != f.MeasuredRequests || f.MeasuredBytes == 0 {
				t.Errorf("file: %+v", f)
			}
			if res.State == workflow.StateCached {
				t.Logf("the operating system's count was not compared: %s", res.StateReason)
			} else if f.OSBytes != f.MeasuredBytes {
				t.Errorf("the operating system counted %d bytes, the engine %d", f.OSBytes, f.MeasuredBytes)
			}
			if !res.OutputsIdentical || len(res.Tokens) != 32 {
				t.Errorf("outputs identical: %v, %d tokens", res.OutputsIdentical, len(res.Tokens))
			}
		})
	}
}

// TestMetersFollowTheRun watches a validation: stages come in order, tokens and
// bytes grow to what is measured in the end, and no report comes afterwards.
func TestMetersFollowTheRun(t *testing.T) {
	m := sample(t)
	path := makePlan(t, m, "60%", 16, 24)
	var seen []workflow.Meters
	ended := false
	res, err := workflow.Validate(context.Background(), m, workflow.ValidateRequest{PlanPath: path, HW: "test-periodic", Repeat: 2, OnMeters: func(x workflow.Meters) {
		if ended {
			t.Error("a report after the end")
		}
		seen = append(seen, x)
	}}, nil)
	ended = true
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) == 0 {
		t.Skip("the machine was quicker than the meters")
	}
	for i, x := range seen {
		if x.Runs != 2 || x.Run > 2 || x.Tokens > x.OfTokens || x.LeftS < 0 || x.ArenaBytes > x.OfArenaBytes {
			t.Errorf("report %d: %+v", i, x)
		}
		if x.Stage != workflow.StageMeasured {
			continue
		}
		if x.FileBytes > res.File.MeasuredBytes || x.OfFileBytes != res.File.PredictedBytes || x.Requests > res.File.MeasuredRequests || x.Tokens > 0 && x.FileBytes == 0 {
			t.Errorf("report %d: %+v of %+v", i, x, res.File)
		}
		if k := i - 1; k >= 0 && seen[k].Run == x.Run && seen[k].Stage == x.Stage && seen[k].Tokens > x.Tokens {
			t.Errorf("%d tokens after %d", x.Tokens, seen[k].Tokens)
		}
	}
	t.Logf("%d reports, the last %+v", len(seen), seen[len(seen)-1])
}

// faulty is a reader that does something wrong to one copy.
type faulty struct {
	engine.Reader
	count, at int
	wrong     func(r engine.Reader, c *file.Copy) error // nil: never issue it
	lost      *file.Copy
}

func (f *faulty) Submit(c *file.Copy) error {
	f.count++
	switch {
	case f.count != f.at:
		return f.Reader.Submit(c)
	case f.wrong == nil:
		f.lost = c
		return nil
	}
	return f.wrong(f.Reader, c)
}

func (f *faulty) Wait(c *file.Copy) error {
	if c == f.lost {
		f.lost = nil
		return nil
	}
	return f.Reader.Wait(c)
}

// TestFaultsAreFound breaks one copy in the middle of a run: validation must
// notice each time.
func TestFaultsAreFound(t *testing.T) {
	m := sample(t)
	path := makePlan(t, m, "50%", 16, 6)
	faults := map[string]func(r engine.Reader, c *file.Copy) error{
		"dropped": nil,
		"shortened": func(r engine.Reader, c *file.Copy) error {
			// Only its first extent arrives; the rest of the block keeps what was there.
			c.Dst = c.Dst[:c.File.Align()]
			return r.Submit(c)
		},
		"doubled": func(r engine.Reader, c *file.Copy) error {
			again := &file.Copy{File: c.File, Offset: c.Offset, Dst: aligned(len(c.Dst), int(c.File.Align()))}
			if err := r.Submit(again); err != nil {
				return err
			}
			if err := r.Wait(again); err != nil {
				return err
			}
			return r.Submit(c)
		},
		"misplaced": func(r engine.Reader, c *file.Copy) error {
			c.Offset += c.File.Align()
			return r.Submit(c)
		},
	}
	for name, wrong := range faults {
		t.Run(name, func(t *testing.T) {
			res, err := workflow.Validate(context.Background(), m, workflow.ValidateRequest{PlanPath: path, HW: "test-periodic", Repeat: 1,
				NewReader: func(ctx context.Context, o file.Options) (engine.Reader, error) {
					r, err := file.NewReader(ctx, o)
					return &faulty{Reader: r, at: 300, wrong: wrong}, err
				}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.Passed {
				t.Errorf("a %s copy went unnoticed: %+v", name, res.File)
			}
			t.Log(strings.Join(res.Failures, "; "))
		})
	}
}

// aligned is memory that direct reads accept.
func aligned(n, align int) []byte {
	b := make([]byte, n+align)
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (align - 1)
	return b[skip : skip+n]
}
