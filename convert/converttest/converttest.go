// Package converttest tests converters: what they return is put on machines,
// written, read back, planned and checked.
package converttest

import (
	"bytes"
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"testing"

	"strata/convert"
	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
	"strata/simulate"
)

//go:embed two-tier.json
var twoTier []byte

// Profile is the two-tier test machine.
func Profile(t testing.TB) *costmodel.Profile {
	t.Helper()
	hw, err := costmodel.ParseProfile("two-tier", twoTier)
	if err != nil {
		t.Fatal(err)
	}
	return hw
}

// Shipped is a profile that the program carries.
func Shipped(t testing.TB, name string) *costmodel.Profile {
	t.Helper()
	hw, err := costmodel.Shipped(name)
	if err != nil {
		t.Fatal(err)
	}
	return hw
}

// Shared is a public workload beside the repository; absent, the test says so
// and ends.
func Shared(t testing.TB, path ...string) []byte {
	t.Helper()
	root := os.Getenv("STRATA_SHARED")
	if root == "" {
		root = filepath.Join(repository(t), "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(append([]string{root, "data"}, path...)...))
	if err != nil {
		t.Skipf("the public workload is not there: %v", err)
	}
	return data
}

// repository is the folder of go.mod above the test's.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}

// RoundTrip lowers a schedule, writes and reads the instance, and plans what was
// read with each solver; every plan must pass the checker.
func RoundTrip(t *testing.T, s *convert.Schedule, hw *costmodel.Profile, opt convert.Options, solvers ...string) *malloc.Program {
	t.Helper()
	p, err := convert.Lower(s, hw, opt)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := malloc.EncodeProgram(&b, p); err != nil {
		t.Fatal(err)
	}
	read, err := malloc.DecodeProgram(&b)
	if err != nil {
		t.Fatal(err)
	}
	before, err := malloc.InstanceHash(p)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := malloc.InstanceHash(read); err != nil || before != after {
		t.Fatalf("hash %s became %s (%v)", before, after, err)
	}
	if read.Source == nil || read.Source.Converter == "" {
		t.Error("the instance does not say what converted it")
	}
	for _, name := range solvers {
		Plan(t, read, name)
	}
	return read
}

// Plan plans with a solver and checks the plan.
func Plan(t *testing.T, p *malloc.Program, solver string) *planner.Result {
	t.Helper()
	s, err := planner.New(solver)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Solve(context.Background(), &planner.Problem{Program: p, Seed: 1}, planner.Budget{Evaluations: 2}, nil)
	if err != nil {
		t.Fatalf("%s: %v", solver, err)
	}
	if _, err := malloc.Check(p, res.Plan, simulate.New()); err != nil {
		t.Fatalf("%s: %v", solver, err)
	}
	return res
}

// AllSlowS is the time of a machine that reaches its home when every touch is
// there, in seconds.
func AllSlowS(t *testing.T, p *malloc.Program) float64 {
	t.Helper()
	g, err := malloc.NewGame(p, simulate.New(), malloc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.DropRest(); err != nil {
		t.Fatal(err)
	}
	score, err := g.Score()
	if err != nil {
		t.Fatal(err)
	}
	return score.TotalS
}
