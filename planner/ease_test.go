package planner

import (
	"context"
	"testing"

	"strata/malloc"
	"strata/simulate"
)

// A plan whose copies were all put off to the last moment gets its slack back,
// stays legal, and takes no longer.
func TestEaseGivesCopiesTheirSlack(t *testing.T) {
	for _, shape := range []namedShape{{"decode", smallDecode(6, 4, 0.5).build()}, {"sample decode", sampleDecode(0.35).build()}} {
		pr := problem(t, shape.p, 1)
		r, err := streamed(t, pr)
		if err != nil {
			t.Fatal(err)
		}
		late := *r.Plan
		late.Blocks = append([]malloc.Block(nil), late.Blocks...)
		late.Copies = append([]malloc.Copy(nil), late.Copies...)
		loop := shape.p.PeriodicLoop()
		for i := range late.Copies {
			c := &late.Copies[i]
			if last := c.Before - 1; c.Start >= loop.Begin && c.Before <= loop.End && last > c.Start && late.Blocks[c.Block].Start == c.Start && c.After < 0 {
				late.Blocks[c.Block].Start, c.Start = last, last
			}
		}
		eased := ease(shape.p, &late)
		if eased == nil {
			t.Fatalf("%s: nothing was issued earlier", shape.name)
		}
		before, lead := leads(shape.p, &late)
		after, easedLead := leads(shape.p, eased)
		if easedLead < 2*lead {
			t.Errorf("%s: issued %.1f instructions ahead, eased %.1f", shape.name, lead, easedLead)
		}
		if after.TotalS > before.TotalS {
			t.Errorf("%s: takes %g s, eased %g s", shape.name, before.TotalS, after.TotalS)
		}
		checker, err := malloc.NewChecker(shape.p)
		if err != nil {
			t.Fatal(err)
		}
		eased.ClaimedS, eased.PeriodS = after.TotalS, after.PeriodS
		report, err := checker.Check(eased, nil)
		if err == nil {
			err = report.Err()
		}
		if err != nil {
			t.Errorf("%s: %v", shape.name, err)
		}
		if again := ease(shape.p, eased); again != nil {
			t.Errorf("%s: eased twice", shape.name)
		}
	}
}

func streamed(t *testing.T, pr *Problem) (*Result, error) {
	t.Helper()
	s, err := New("pin-stream")
	if err != nil {
		return nil, err
	}
	return s.Solve(context.Background(), pr, Budget{Evaluations: 20}, nil)
}

// leads evaluates a plan and gives the mean number of instructions between a
// copy's issue and its use in the loop.
func leads(p *malloc.Program, plan *malloc.Plan) (malloc.Score, float64) {
	score, _ := simulate.New().Evaluate(p, plan)
	loop := p.PeriodicLoop()
	sum, n := 0, 0
	for _, c := range plan.Copies {
		if c.Start >= loop.Begin && c.Start < loop.End {
			sum, n = sum+c.Before-c.Start, n+1
		}
	}
	return score, float64(sum) / float64(max(n, 1))
}
