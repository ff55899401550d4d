package planner

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strata/malloc"
)

// With a budget of evaluations the seed alone decides, whatever the number of
// threads; another seed walks elsewhere.
func TestLNSIsDeterministic(t *testing.T) {
	for _, p := range []*malloc.Program{smallDecode(3, 4, 0.5).build(), straightShape(3, 40, 0.1), gpuShape(2, 8<<20, 16<<20, true)} {
		var first *malloc.Plan
		for _, threads := range []int{1, 2, 5} {
			was := runtime.GOMAXPROCS(threads)
			r := solve(t, context.Background(), "lns", problem(t, p, 7), Budget{Evaluations: 500})
			runtime.GOMAXPROCS(was)
			if first == nil {
				first = r.Plan
				continue
			}
			if d := cmp.Diff(first.Blocks, r.Plan.Blocks); d != "" || first.ClaimedS != r.Plan.ClaimedS {
				t.Errorf("%s with %d threads: %g s, %g s with one:\n%.400s", p.Name, threads, r.Plan.ClaimedS, first.ClaimedS, d)
			}
		}
	}
}

// It is never worse than what it begins from, and better where there is room for
// improvement.
func TestLNSImproves(t *testing.T) {
	for _, c := range []struct {
		p     *malloc.Program
		least float64 // gain over the best baseline
	}{
		{straightShape(1, 24, 0.15), 1.1},
		{straightShape(2, 40, 0.04), 1.05},
		{smallDecode(4, 6, 0.7).build(), 1},
		{gpuShape(4, 12<<20, 24<<20, true), 1.05},
	} {
		best := 1e300
		for _, name := range lnsBaselines {
			if r := solve(t, context.Background(), name, problem(t, c.p, 1), Budget{Evaluations: 400}); r != nil {
				best = min(best, r.Score.TotalS)
			}
		}
		r := solve(t, context.Background(), "lns", problem(t, c.p, 1), Budget{Evaluations: 1800})
		if r.Score.TotalS*c.least > best {
			t.Errorf("%s: %g s, the best baseline %g s: less than %g times better", c.p.Name, r.Score.TotalS, best, c.least)
		}
	}
}

// A plan written down as a script and played again is nearly as good: the order of
// decisions, which a plan does not tell, decides what finds room.
func TestScriptHoldsPlans(t *testing.T) {
	for _, shape := range smallShapes() {
		r := solve(t, context.Background(), "xla-greedy", problem(t, shape.p, 1), Budget{Evaluations: 20})
		base, err := demandPlan(shape.p)
		if err != nil {
			t.Fatal(err)
		}
		a, err := begin(context.Background(), &Problem{Program: shape.p}, Budget{}, nil, "test")
		if err != nil {
			t.Fatal(err)
		}
		w, err := newScriptWalk(a, base)
		if err != nil {
			t.Fatal(err)
		}
		score, err := a.exact.Evaluate(shape.p, w.adopt(r.Plan))
		if err != nil {
			t.Fatal(err)
		}
		if score.TotalS > 1.2*r.Score.TotalS {
			t.Errorf("%s: %g s after the script, %g s before", shape.name, score.TotalS, r.Score.TotalS)
		}
	}
}

// Cancelled at any moment it returns a checked plan at once.
func TestLNSEndsWhenCancelled(t *testing.T) {
	p := straightShape(4, 60, 0.1)
	for _, after := range []time.Duration{0, 3 * time.Millisecond, 40 * time.Millisecond, 200 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(context.Background(), after)
		r := solve(t, ctx, "lns", problem(t, p, 1), Budget{Time: time.Minute})
		cancel()
		if r.Stopped != StopCancelled {
			t.Errorf("after %v: stopped by %q", after, r.Stopped)
		}
	}
}
