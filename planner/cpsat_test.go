package planner

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"strata/malloc"
	"strata/planner/cpsat"
)

// exactWorker starts CP-SAT, or skips a test where its library is not installed.
func exactWorker(t testing.TB) *cpsat.Worker {
	t.Helper()
	w, err := cpsat.Start(context.Background())
	var missing *cpsat.MissingError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// randomStraight draws what the exact model covers: a straight schedule over two
// tiers whose home the executor may or may not reach, with or without shared
// bandwidth, latency, scratch, activations at home in the fast tier, outputs and
// pins.
func randomStraight(seed uint64) *malloc.Program {
	r := rand.New(rand.NewPCG(seed, 99))
	const fast, slow = 0, 1
	yes := func() bool { return r.IntN(2) == 0 }
	p := &malloc.Program{
		Format: malloc.InstanceFormat, Name: "random straight",
		Tiers: []malloc.Tier{
			{ID: fast, Name: "fast", ReadBW: 4000, WriteBW: 3000, Align: 8},
			{ID: slow, Name: "slow", Capacity: malloc.Unlimited, ReadBW: 1000, WriteBW: 800, Align: 1},
		},
		Engines: []malloc.Engine{
			{ID: 0, From: slow, To: fast, BW: []float64{500, 1000}[r.IntN(2)], IOAlign: []int64{1, 16}[r.IntN(2)], MaxOutstanding: -1, Order: "fifo"},
			{ID: 1, From: fast, To: slow, BW: 700, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"},
		},
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: []string{"idle_bw", "steal"}[r.IntN(2)]},
	}
	if yes() {
		p.Engines[0].Shares, p.Engines[1].Shares = []int{slow}, []int{slow}
		if yes() {
			p.Engines[0].Shares = []int{slow, fast}
		}
	}
	if yes() {
		p.Engines[0].LatencyS, p.Engines[0].RequestBytes, p.Engines[0].MaxOutstanding = 0.02, 64, 2
	}
	reaches, file := yes(), r.IntN(3) == 0
	if file { // read only
		p.Tiers[slow].WriteBW = 0
		p.Engines = p.Engines[:1]
		reaches = false
	}
	if !reaches {
		p.Executors = []malloc.Executor{{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: fast, ReadBW: 4000, WriteBW: 3000}}}}
	} else if yes() {
		p.Executors = []malloc.Executor{{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: fast, ReadBW: 4000, WriteBW: 3000}, {Tier: slow, ReadBW: 1500, WriteBW: 400}}}}
	}
	add := func(kind string, home int) int {
		b := malloc.Buffer{ID: len(p.Buffers), Name: kind, Size: int64(8 + r.IntN(200)), Kind: kind, Home: home, End: malloc.EndDead}
		if kind == malloc.KindParam {
			b.End = malloc.EndKeep
			if file {
				at := int64(1000*b.ID + r.IntN(100))
				b.HomeOffset = &at
			}
		}
		p.Buffers = append(p.Buffers, b)
		return b.ID
	}
	var readable []int
	for range 3 {
		readable = append(readable, add(malloc.KindParam, slow))
	}
	for t := range 7 + r.IntN(5) {
		in := malloc.Instruction{ID: t, Name: "op", Op: "op", ComputeS: r.Float64() * 0.3}
		if r.IntN(4) == 0 {
			in.Scratch = map[string]int64{"0": int64(1 + r.IntN(40))}
		}
		seen := map[int]bool{}
		for range 1 + r.IntN(3) {
			if b := readable[r.IntN(len(readable))]; !seen[b] {
				seen[b] = true
				in.Reads = append(in.Reads, malloc.Operand{Buf: b, Bytes: p.Buffers[b].Size})
			}
		}
		home := []int{slow, slow, fast}[r.IntN(3)]
		if file {
			home = fast
		}
		out := add(malloc.KindActivation, home)
		if r.IntN(4) == 0 {
			p.Buffers[out].End = malloc.EndOut
		}
		in.Writes = []malloc.Operand{{Buf: out, Bytes: p.Buffers[out].Size}}
		if reaches && p.Buffers[out].Home == slow && r.IntN(6) == 0 {
			in.Fixed = []malloc.Fixed{{Arg: "w0", Tier: r.IntN(2)}}
		}
		readable = append(readable, out)
		p.Instructions = append(p.Instructions, in)
	}
	p.Tiers[fast].Capacity = int64(700 + 8*r.IntN(80))
	return p
}

// The model is a relaxation: whatever plan whatever solver finds is a solution of
// it, the coarse and the full one, that takes no longer than the plan is
// simulated to take. So its bound is one of every plan.
func TestEveryPlanIsASolutionOfTheExactModel(t *testing.T) {
	w := exactWorker(t)
	plans, tight := 0, 0
	check := func(p *malloc.Program, plan *malloc.Plan, totalS float64, by string) {
		m, err := newMapping(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, coarse := range []bool{true, false} {
			x := newMappingModel(m, 0, totalS, coarse)
			x.hint(plan)
			r, err := w.Solve(context.Background(), &x.Model, cpsat.Params{Threads: 1, FixHints: true})
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != cpsat.Optimal && r.Status != cpsat.Feasible || r.Values[x.end] > ticks {
				t.Errorf("%s: the plan of %s is no solution of the model (coarse %v): %v", p.Name, by, coarse, r.Status)
			} else if !coarse && r.Values[x.end] > ticks*999/1000 {
				tight++
			}
		}
		plans++
	}
	for seed := uint64(1); seed <= 25; seed++ {
		p := randomStraight(seed)
		if malloc.Validate(p) != nil {
			t.Fatal(malloc.Validate(p))
		}
		for _, name := range []string{"demand", "xla-greedy", "mcts"} {
			s, err := New(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Solve(context.Background(), problem(t, p, seed), Budget{Evaluations: 12}, func(i Incumbent) {
				check(p, i.Plan, i.Score.TotalS, name)
			})
			if err != nil && !errors.Is(err, ErrNotApplicable) && !tooSmall(err) {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d plans; the full model says at least 99.9 %% of the simulated time of %d", plans, tight)
	if plans < 50 {
		t.Errorf("only %d plans", plans)
	}
}

// cp-sat proves small instances optimal, without a clock and the same every time,
// and no solver's plan is below its bound.
func TestExactProvesSmallInstances(t *testing.T) {
	exactWorker(t)
	proved, all := 0, 0
	programs := []*malloc.Program{straightShape(1, 10, 0.15), straightShape(2, 10, 0.15)}
	for seed := uint64(30); seed < 38; seed++ {
		programs = append(programs, randomStraight(seed))
	}
	for i, program := range programs {
		p := problem(t, program, 5)
		r := solve(t, context.Background(), "cp-sat", p, Budget{Evaluations: 100})
		if r == nil {
			t.Fatalf("program %d: not applicable", i)
		}
		if r.LowerS < p.LowerS || r.Gap() < 0 || r.Plan.LowerS != r.LowerS {
			t.Errorf("program %d: bound %g s after %g s, time %g s", i, r.LowerS, p.LowerS, r.Score.TotalS)
		}
		for _, name := range []string{"xla-greedy", "pin-stream", "mcts"} {
			if o := solve(t, context.Background(), name, p, Budget{Evaluations: 150}); o != nil && o.Score.TotalS < r.LowerS*(1-1e-9) {
				t.Errorf("program %d: %s has %g s, below the bound %g s", i, name, o.Score.TotalS, r.LowerS)
			}
		}
		all++
		if r.Gap() <= optimal {
			proved++
		}
		t.Logf("program %d: %.6g s by %s, bound %.6g s (periodic/1: %.6g s), gap %.2g", i, r.Score.TotalS, r.Component, r.LowerS, p.LowerS, r.Gap())
		if i < 2 {
			again := solve(t, context.Background(), "cp-sat", p, Budget{Evaluations: 100})
			if planText(t, r) != planText(t, again) {
				t.Errorf("program %d: two runs differ: %g s and %g s", i, r.Score.TotalS, again.Score.TotalS)
			}
		}
	}
	t.Logf("%d of %d proved optimal", proved, all)
	if proved < all/2 {
		t.Errorf("only %d of %d proved optimal", proved, all)
	}
}

// What the model does not cover, and a missing library, are reasons, not faults.
func TestExactSaysWhereItDoesNotApply(t *testing.T) {
	for _, c := range []struct {
		p    *malloc.Program
		want string
	}{
		{smallDecode(2, 3, 0.7).build(), "1 loops"},
		{gpuShape(3, 12<<20, 32<<20, false), "loops"},
		{straightShape(1, 6000, 0.1), "places to decide"},
	} {
		_, err := exactSolver{}.Solve(context.Background(), problem(t, c.p, 1), Budget{Evaluations: 10}, nil)
		if !errors.Is(err, ErrNotApplicable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.p.Name, err, c.want)
		}
	}
	t.Setenv(cpsat.LibraryVariable, "/nowhere/libortools.so")
	_, err := exactSolver{}.Solve(context.Background(), problem(t, straightShape(1, 10, 0.15), 1), Budget{Evaluations: 10}, nil)
	if !errors.Is(err, ErrNotApplicable) || !strings.Contains(err.Error(), "make solver") {
		t.Errorf("without the library: %v", err)
	}
}

func TestExactCancelledKeepsACheckedPlan(t *testing.T) {
	exactWorker(t)
	p := problem(t, straightShape(2, 24, 0.15), 1)
	for _, after := range []time.Duration{0, 30 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond} {
		ctx, cancel := context.WithCancel(context.Background())
		if after == 0 {
			cancel()
		} else {
			time.AfterFunc(after, cancel)
		}
		if r := solve(t, ctx, "cp-sat", p, Budget{Time: 20 * time.Second}); r.Stopped != StopCancelled {
			t.Errorf("cancelled after %v: stopped by %q", after, r.Stopped)
		}
		cancel()
	}
}
