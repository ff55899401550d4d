package planner

import (
	"context"
	"testing"

	"strata/malloc"
)

// TestLocksBindSolvers locks what a plan keeps in fast memory and what it
// streams, neither as a solver would: every plan obeys, none is worse, and
// those that search improve the rest.
func TestLocksBindSolvers(t *testing.T) {
	p := sampleDecode(0.5).build()
	base, err := demandPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	free := solve(t, context.Background(), "pin-stream", problem(t, p, 1), Budget{Evaluations: 60})
	kept, streamed := -1, -1
	var wishes []Wish
	for b, tier := range staying(p, free.Plan) {
		if p.Buffers[b].Kind != malloc.KindParam || p.Buffers[b].Select != nil || directEngine(p, p.Buffers[b].Home, 0) < 0 {
			continue
		}
		switch {
		case tier < 0 && kept < 0: // the solver streams it: keep it
			kept = b
			wishes = append(wishes, Wish{b, 0})
		case tier >= 0 && streamed < 0 && len(wishes) > 0: // the solver keeps it: stream it
			streamed = b
		}
	}
	if kept < 0 || streamed < 0 {
		t.Fatalf("no buffers to lock: kept %d, streamed %d", kept, streamed)
	}
	start, err := Revise(p, base, wishes, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := staying(p, start)
	if want[streamed] >= 0 {
		t.Fatalf("%s stays in the plan to start from", p.Buffers[streamed].Name)
	}
	score, err := problemScore(p, start)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"layers", "pin-stream", "random-greedy", "lns", "mcts", "auto"} {
		q := problem(t, p, 1)
		q.Locks = Locks{Start: start, Buffers: []int{kept, streamed}}
		r := solve(t, context.Background(), name, q, Budget{Evaluations: 60})
		got := staying(p, r.Plan)
		for _, b := range q.Locks.Buffers {
			if got[b] != want[b] {
				t.Errorf("%s: %s is locked in tier %d and lies in %d", name, p.Buffers[b].Name, want[b], got[b])
			}
		}
		if r.Score.TotalS > score*(1+1e-9) {
			t.Errorf("%s: %g s, the plan it began from has %g", name, r.Score.TotalS, score)
		}
		switch name {
		case "pin-stream", "lns", "auto":
			if r.Score.TotalS > 0.97*score {
				t.Errorf("%s: %g s is hardly better than %g", name, r.Score.TotalS, score)
			}
		}
		t.Logf("%s: %.4f s from %.4f, by %s", name, r.Score.TotalS, score, r.Component)
	}
	q := problem(t, p, 1)
	q.Locks = Locks{Start: start, Buffers: []int{len(p.Buffers)}}
	if _, err := (pinStream{}).Solve(context.Background(), q, Budget{Evaluations: 1}, nil); err == nil {
		t.Error("a buffer that is not there was locked")
	}
}

func problemScore(p *malloc.Program, plan *malloc.Plan) (float64, error) {
	a, err := begin(context.Background(), &Problem{Program: p}, Budget{}, nil, "test")
	if err != nil {
		return 0, err
	}
	s, err := a.exact.Evaluate(p, plan)
	return s.TotalS, err
}
