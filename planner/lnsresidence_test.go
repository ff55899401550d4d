package planner

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"strata/malloc"
	"strata/simulate"
)

// residenceWalkOn is a walk that holds the greedy's plan of a straight program.
func residenceWalkOn(t *testing.T, p *malloc.Program) (*residenceWalk, *attempt) {
	t.Helper()
	base, err := demandPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	a, err := begin(context.Background(), &Problem{Program: p}, Budget{}, nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	s := newResidenceSpec(a, base)
	if s == nil {
		t.Fatal("the walk does not know straight programs over two tiers")
	}
	w := newResidenceWalk(a, s)
	greedy := solve(t, context.Background(), "xla-greedy", problem(t, p, 1), Budget{Evaluations: 30})
	held := w.adopt(greedy.Plan)
	if held == nil {
		t.Fatal("the walk cannot hold the greedy's plan")
	}
	score, err := a.exact.Evaluate(p, held)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(score.TotalS/greedy.Score.TotalS-1) > 1e-9 {
		t.Errorf("held, the greedy's plan takes %g s, %g s before", score.TotalS, greedy.Score.TotalS)
	}
	return w, a
}

// Whatever a walk does, accepted or taken back, its plan is legal and takes as long
// as the incremental simulation says.
func TestResidenceWalkIsLegal(t *testing.T) {
	for seed := range uint64(4) {
		p := straightShape(seed+1, 60, 0.08)
		w, a := residenceWalkOn(t, p)
		rng := rand.New(rand.NewPCG(seed, 1))
		for n := range 600 {
			seconds, ok := w.try(n%len(w.operators()), rng)
			if w.err != nil {
				t.Fatal(w.err)
			}
			accepted := ok && rng.IntN(2) == 0
			w.settle(accepted)
			if !accepted || n%20 > 1 {
				continue
			}
			plan := w.plan(w.lives)
			score, err := simulate.New().Evaluate(p, plan)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(score.TotalS/seconds-1) > 1e-9 {
				t.Fatalf("seed %d, step %d: %g s, simulated as a whole %g s", seed, n, seconds, score.TotalS)
			}
			a.best.Score.TotalS = math.Inf(1)
			if !a.accept(plan, score) {
				t.Fatalf("seed %d, step %d: %v", seed, n, a.rejection)
			}
		}
	}
}

// Taking a step back leaves the simulator, the map and the sites as they were.
func TestResidenceWalkTakesBack(t *testing.T) {
	p := straightShape(7, 60, 0.08)
	w, a := residenceWalkOn(t, p)
	before, err := a.exact.Evaluate(p, w.plan(w.lives))
	if err != nil {
		t.Fatal(err)
	}
	places := len(w.room.places)
	rng := rand.New(rand.NewPCG(3, 3))
	for n := range 300 {
		if _, _ = w.try(n%len(w.operators()), rng); w.err != nil {
			t.Fatal(w.err)
		}
		w.settle(false)
	}
	score, err := w.sim.Score()
	if err != nil || math.Abs(score.TotalS/before.TotalS-1) > 1e-9 || len(w.room.places) != places {
		t.Errorf("%g s (%v) and %d places, %g s and %d before", score.TotalS, err, len(w.room.places), before.TotalS, places)
	}
}
