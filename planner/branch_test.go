package planner

import (
	"context"
	"errors"
	"testing"

	"strata/costmodel"
)

// Where brute force can play every game, branch and bound finds as good a plan and
// ends by itself.
func TestBranchAndBoundIsExact(t *testing.T) {
	compared := 0
	for seed := range uint64(240) {
		p := tinyProgram(seed)
		total, _, complete := bruteForce(t, p, 1200)
		if !complete {
			continue
		}
		b, err := costmodel.BestBound(p)
		if err != nil {
			continue
		}
		problem := &Problem{Program: p, LowerS: b.TotalS, LowerPeriodS: b.PerIterationS}
		r, err := branchBound{}.Solve(context.Background(), problem, Budget{}, nil)
		if errors.Is(err, ErrNotApplicable) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		verify(t, "branch-bound", problem, r)
		compared++
		if r.Score.TotalS > total*(1+1e-9) || r.Stopped != StopDone {
			t.Errorf("seed %d: branch and bound %g s (%s), brute force %g s, bound %g s", seed, r.Score.TotalS, r.Stopped, total, b.TotalS)
		}
	}
	if compared < 30 {
		t.Errorf("only %d programs compared", compared)
	}
}
