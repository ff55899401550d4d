package cli

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"strata/workflow"
)

func TestBenchSearch(t *testing.T) {
	args := []string{"bench", "search", "../testdata/instances", "--solver", "density,xla-default,xla-greedy,genetic,llamacpp-fit", "--evaluations", "30", "--seeds", "2", "--json"}
	bench := func() workflow.SearchBench {
		code, out, errs := strata(args...)
		if code != exitOK || errs != "" {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		matches(t, "bench-search", []byte(out))
		var b workflow.SearchBench
		if err := json.Unmarshal([]byte(out), &b); err != nil {
			t.Fatal(err)
		}
		for i := range b.Runs {
			b.Runs[i].WallS = 0
		}
		return b
	}
	b := bench()
	if again := bench(); !reflect.DeepEqual(b, again) {
		t.Errorf("with a budget of evaluations two runs differ:\n%+v\n%+v", b, again)
	}
	means, applicable := map[string]float64{}, map[string]bool{}
	for _, r := range b.Runs {
		if r.TotalS > 0 {
			means[r.Solver] += r.TotalS / 2
			applicable[r.Solver] = true
		} else if r.Reason == "" {
			t.Errorf("%+v: no time and no reason", r)
		}
	}
	if len(b.Runs) != 10 || applicable["llamacpp-fit"] || len(b.Summary) != 4 {
		t.Errorf("%d runs, applicable %v, %d lines", len(b.Runs), applicable, len(b.Summary))
	}
	for _, s := range b.Summary {
		if math.Abs(s.MeanS-means[s.Solver]) > 1e-12 || s.BestS > s.MeanS+1e-12 || s.WorstS < s.MeanS-1e-12 || s.BoundS <= 0 || s.Gap < 0 {
			t.Errorf("%+v, mean %g", s, means[s.Solver])
		}
		if want := 1 - s.MeanS/means["xla-greedy"]; math.Abs(s.OverTuned-want) > 1e-12 {
			t.Errorf("%s: %g over the tuned greedy, want %g", s.Solver, s.OverTuned, want)
		}
	}
	for _, args := range [][]string{
		{"bench", "search", t.TempDir()},
		{"bench", "search", "../testdata/instances", "--solver", "oracle"},
		{"bench", "search", "../testdata/instances", "--times", "soon"},
		{"bench", "search", "../testdata/instances", "--seeds", "0"},
	} {
		if code, _, errs := strata(args...); code != exitInput || errs == "" {
			t.Errorf("%v: exit code %d, %q", args, code, errs)
		}
	}
}
