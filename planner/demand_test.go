package planner

import (
	"context"
	"errors"
	"testing"

	"strata/malloc"
)

// The least capacity is tight in both directions: a checked plan exists there,
// none is found one granule below the bound, and the bound is not above it.
func TestMinCapacity(t *testing.T) {
	for _, shape := range smallShapes() {
		for tier := range shape.p.Tiers {
			if shape.p.Tiers[tier].Capacity == malloc.Unlimited {
				if _, _, _, err := MinCapacity(shape.p, tier); err == nil {
					t.Errorf("%s: a least capacity of the unlimited tier %d", shape.name, tier)
				}
				continue
			}
			least, bound, plan, err := MinCapacity(shape.p, tier)
			if err != nil {
				t.Fatalf("%s tier %d: %v", shape.name, tier, err)
			}
			if bound > least || plan == nil {
				t.Errorf("%s tier %d: plan at %d bytes, bound %d", shape.name, tier, least, bound)
			}
			t.Logf("%-38s tier %d: %d bytes, bound %d", shape.name, tier, least, bound)
			at := *shape.p
			at.Tiers = append([]malloc.Tier(nil), shape.p.Tiers...)
			at.Tiers[tier].Capacity = least
			if report, err := malloc.Check(&at, plan, nil); err != nil || !report.OK() {
				t.Errorf("%s tier %d: the plan at %d bytes: %v %v", shape.name, tier, least, err, report.Err())
			}
			if least == 0 {
				continue
			}
			solve(t, context.Background(), "demand", problem(t, &at, 1), Budget{})
			at.Tiers[tier].Capacity = bound - 1
			if bound == 0 {
				continue
			}
			var infeasible *malloc.InfeasibleError
			if _, err := (demandSolver{}).Solve(context.Background(), &Problem{Program: &at}, Budget{}, nil); !errors.As(err, &infeasible) {
				t.Errorf("%s tier %d: at %d bytes, below the bound: %v", shape.name, tier, bound-1, err)
			} else if infeasible.NeedBytes < bound {
				t.Errorf("%s tier %d: the refusal names %d bytes, the bound is %d", shape.name, tier, infeasible.NeedBytes, bound)
			}
		}
	}
}

// Solvers that cannot do without a plan refuse an instance that has none, with
// the bytes it needs.
func TestInfeasibleInstanceIsRefused(t *testing.T) {
	p := smallDecode(3, 4, 0.4).build()
	_, bound, _, err := MinCapacity(p, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Tiers[0].Capacity = bound / 2
	for _, name := range Names() {
		s, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		var infeasible *malloc.InfeasibleError
		_, err = s.Solve(context.Background(), &Problem{Program: p}, Budget{Evaluations: 20}, nil)
		if errors.Is(err, ErrNotApplicable) {
			continue
		}
		if !errors.As(err, &infeasible) || infeasible.NeedBytes <= infeasible.CapacityBytes {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkMinCapacity(b *testing.B) {
	p := sampleDecode(0.5).build()
	for b.Loop() {
		if _, _, _, err := MinCapacity(p, 0); err != nil {
			b.Fatal(err)
		}
	}
}
