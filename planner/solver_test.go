package planner

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner/cpsat"
	"strata/simulate"
)

// problem bounds a program.
func problem(t testing.TB, p *malloc.Program, seed uint64) *Problem {
	t.Helper()
	if err := malloc.Validate(p); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	b, err := costmodel.BestBound(p)
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return &Problem{Program: p, LowerS: b.TotalS, LowerPeriodS: b.PerIterationS, Seed: seed}
}

// solve runs a solver and holds the result to what every result promises.
func solve(t testing.TB, ctx context.Context, name string, p *Problem, budget Budget) *Result {
	t.Helper()
	s, err := New(name)
	if err != nil {
		t.Fatal(err)
	}
	last := 1e300
	r, err := s.Solve(ctx, p, budget, func(i Incumbent) {
		if i.Score.TotalS >= last {
			t.Errorf("%s reported %g s after %g s", name, i.Score.TotalS, last)
		}
		last = i.Score.TotalS
	})
	if errors.Is(err, ErrNotApplicable) {
		return nil
	}
	if err != nil {
		t.Fatalf("%s on %s: %v", name, p.Program.Name, err)
	}
	verify(t, name, p, r)
	if budget.Evaluations > 0 && r.Evaluations > budget.Evaluations+8 {
		t.Errorf("%s on %s: %d evaluations, the budget is %d", name, p.Program.Name, r.Evaluations, budget.Evaluations)
	}
	return r
}

func verify(t testing.TB, name string, p *Problem, r *Result) {
	t.Helper()
	report, err := malloc.Check(p.Program, r.Plan, simulate.New())
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		t.Fatalf("%s on %s: %v", name, p.Program.Name, err)
	}
	if r.Rejected > 0 {
		t.Errorf("%s on %s: %d plans were refused by the checker, first: %v", name, p.Program.Name, r.Rejected, r.FirstRejection)
	}
	if r.Plan.Solver != name || r.Component == "" || r.Plan.InstanceSHA256 == "" || r.Plan.Seed != p.Seed {
		t.Errorf("%s on %s: incomplete plan: solver %q, component %q, instance %q, seed %d", name, p.Program.Name, r.Plan.Solver, r.Component, r.Plan.InstanceSHA256, r.Plan.Seed)
	}
	if r.Gap() < -1e-9 || r.GapPeriod() < -1e-9 {
		t.Errorf("%s on %s: below the lower bound: gap %g, of the period %g", name, p.Program.Name, r.Gap(), r.GapPeriod())
	}
}

// Every solver finds a checked plan on every instance, or says that it has no
// meaning there; where it has one is part of the table.
func TestEverySolverOnEveryShape(t *testing.T) {
	never := map[string][]string{
		"llamacpp-fit": {"decode 3 layers at 40 %", "decode 4 layers at 70 %", "decode with all resident", "decode from a file the executor reads", "decode with pins", "one straight pass", "straight graph", "straight graph, tight"},
		"layers":       {"straight graph", "straight graph, tight"},
		"kv-resident":  {"straight graph", "straight graph, tight"},
	}
	_, library := cpsat.Library()
	for _, shape := range smallShapes() {
		for _, name := range Names() {
			r := solve(t, context.Background(), name, problem(t, shape.p, 3), Budget{Evaluations: 40})
			want := !slices.Contains(never[name], shape.name)
			if name == "experts-cpu" {
				want = shape.name == "desktop with experts"
			}
			if name == "cp-sat" {
				want = library == nil && strings.HasPrefix(shape.name, "straight graph")
			}
			if name == "branch-bound" {
				want = branchable(shape.p) <= mostBranched
			}
			if (r != nil) != want {
				t.Errorf("%s on %s: applicable %v, want %v", name, shape.name, r != nil, want)
			}
			if r != nil {
				t.Logf("%-38s %-12s %.6f s, gap %.3f, by %s after %d", shape.name, name, r.Score.TotalS, r.Gap(), r.Component, r.Evaluations)
			}
		}
	}
}

// auto is never worse than any baseline it ran, and says which component won.
func TestAutoIsNeverWorseThanABaseline(t *testing.T) {
	for _, shape := range smallShapes() {
		r := solve(t, context.Background(), "auto", problem(t, shape.p, 1), Budget{Evaluations: 250})
		best := 1e300
		for _, b := range r.Baselines {
			if b.Err == nil {
				best = min(best, b.Score.TotalS)
			} else if !errors.Is(b.Err, ErrNotApplicable) {
				t.Errorf("%s: %s: %v", shape.name, b.Name, b.Err)
			}
		}
		if r.Score.TotalS > best {
			t.Errorf("%s: auto %g s, best baseline %g s", shape.name, r.Score.TotalS, best)
		}
		if r.Alone == nil {
			t.Errorf("%s: the agent's own best is missing", shape.name)
		}
		t.Logf("%-38s best baseline %.6f, auto %.6f by %s", shape.name, best, r.Score.TotalS, r.Component)
	}
}

// planText is a plan without what depends on the clock.
func planText(t *testing.T, r *Result) string {
	t.Helper()
	plan := *r.Plan
	plan.WallS, plan.Trace = 0, nil
	var b bytes.Buffer
	if err := malloc.EncodePlan(&b, &plan); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEqualSeedsAndEvaluationsGiveEqualPlans(t *testing.T) {
	p := smallDecode(3, 5, 0.5).build()
	for _, name := range Names() {
		a := solve(t, context.Background(), name, problem(t, p, 7), Budget{Evaluations: 90})
		if a == nil {
			continue
		}
		b := solve(t, context.Background(), name, problem(t, p, 7), Budget{Evaluations: 90})
		if planText(t, a) != planText(t, b) {
			t.Errorf("%s: two runs differ: %g s and %g s", name, a.Score.TotalS, b.Score.TotalS)
		}
	}
}

// A search cancelled at any moment, even before it began, returns a checked plan.
func TestCancelledSearchKeepsACheckedPlan(t *testing.T) {
	p := problem(t, smallDecode(4, 6, 0.5).build(), 1)
	r := rand.New(rand.NewPCG(5, 5))
	for _, name := range Names() {
		for i := range 4 {
			ctx, cancel := context.WithCancel(context.Background())
			if i == 0 {
				cancel()
			} else {
				timer := time.AfterFunc(time.Duration(r.IntN(40_000))*time.Microsecond, cancel)
				defer timer.Stop()
			}
			got := solve(t, ctx, name, p, Budget{Time: 5 * time.Second})
			if got != nil && i == 0 && got.Stopped != StopCancelled {
				t.Errorf("%s: stopped by %q", name, got.Stopped)
			}
			cancel()
		}
	}
}

// A fixed operand is in its tier whatever the solver.
func TestPinsHold(t *testing.T) {
	shape := smallDecode(3, 4, 0.6)
	shape.ReachableSlow = true
	p := shape.build()
	for i := range p.Instructions {
		in := &p.Instructions[i]
		switch {
		case in.Op == "ffn_down":
			in.Fixed = []malloc.Fixed{{Arg: "r0", Tier: 1}} // read where it lies
		case in.Op == "attn":
			in.Fixed = []malloc.Fixed{{Arg: "r0", Tier: 0}}
		}
	}
	for _, name := range Names() {
		r := solve(t, context.Background(), name, problem(t, p, 1), Budget{Evaluations: 80})
		if r == nil {
			continue
		}
		for _, s := range r.Plan.Sites {
			in := &p.Instructions[s.Instr]
			for _, f := range in.Fixed {
				if f.Arg == s.Arg && f.Tier != s.Tier {
					t.Errorf("%s: %s %s is in tier %d, fixed to %d", name, in.Name, s.Arg, s.Tier, f.Tier)
				}
			}
		}
	}
}

// The sample decode's goals: predicted time per token against the lower bound, by
// pin-stream alone, within a budget of evaluations.
func TestSampleDecodeGoals(t *testing.T) {
	for _, c := range []struct{ share, goal float64 }{{0.35, 1.05}, {0.50, 1.06}, {0.75, 1.13}} {
		p := problem(t, sampleDecode(c.share).build(), 1)
		r := solve(t, context.Background(), "pin-stream", p, Budget{Evaluations: 360})
		ratio := r.Score.PeriodS / p.LowerPeriodS
		t.Logf("%.0f %%: %.3f ms a token, bound %.3f ms, ratio %.4f (goal %.2f), %d evaluations in %.2f s",
			100*c.share, 1e3*r.Score.PeriodS, 1e3*p.LowerPeriodS, ratio, c.goal, r.Evaluations, r.WallS)
		if ratio > c.goal {
			t.Errorf("%.0f %%: %.4f times the lower bound, the goal is %.2f", 100*c.share, ratio, c.goal)
		}
	}
}

// The committed instance, lowered from the sample model, meets the goal at half
// its bytes too.
func TestSampleInstanceGoal(t *testing.T) {
	program, err := malloc.ReadProgram("../testdata/instances/smollm2-decode.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	p := problem(t, program, 1)
	r := solve(t, context.Background(), "pin-stream", p, Budget{Evaluations: 360})
	t.Logf("%.3f ms a token, ratio %.4f, whole run gap %.4f, by %s", 1e3*r.Score.PeriodS, 1+r.GapPeriod(), r.Gap(), r.Component)
	if r.GapPeriod() > 0.10 {
		t.Errorf("%.4f times the lower bound", 1+r.GapPeriod())
	}
}

func TestUnknownSolverNamesTheKnown(t *testing.T) {
	if _, err := New("simplex"); err == nil || !bytes.Contains([]byte(err.Error()), []byte("pin-stream")) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkEvaluations(b *testing.B) {
	p := problem(b, sampleDecode(0.5).build(), 1)
	for _, name := range []string{"pin-stream", "xla-greedy", "mcts"} {
		b.Run(name, func(b *testing.B) {
			s, err := New(name)
			if err != nil {
				b.Fatal(err)
			}
			evaluations := int64(0)
			for b.Loop() {
				r, err := s.Solve(context.Background(), p, Budget{Evaluations: 100}, nil)
				if err != nil {
					b.Fatal(err)
				}
				evaluations += r.Evaluations
			}
			b.ReportMetric(float64(evaluations)/b.Elapsed().Seconds(), "evaluations/s")
		})
	}
}
