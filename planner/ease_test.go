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

// A block that wraps is not made longer than the loop.
func TestEaseKeepsBlocksWithinTheLoop(t *testing.T) {
	p := smallDecode(6, 4, 0.5).build()
	r, err := streamed(t, problem(t, p, 1))
	if err != nil {
		t.Fatal(err)
	}
	loop := p.PeriodicLoop()
	length := loop.End - loop.Begin
	for i := range r.Plan.Copies {
		c := r.Plan.Copies[i]
		b := r.Plan.Blocks[c.Block]
		if c.Start < loop.Begin || c.Before > loop.End || b.Start != c.Start || p.Buffers[c.Buf].Select != nil {
			continue
		}
		// Alone in the loop, issued last, and kept until shortly before it is issued again.
		b.Start, c.Start, c.Block = loop.End-1, loop.End-1, 0
		b.End = b.Start + length - 2
		alone := &malloc.Plan{Blocks: []malloc.Block{b}, Copies: []malloc.Copy{c}}
		eased := ease(p, alone)
		if eased == nil || eased.Blocks[0].Start != b.Start-2 {
			t.Fatalf("a block over [%d, %d) of a loop of %d became %+v", b.Start, b.End, length, eased)
		}
		return
	}
	t.Fatal("the plan streams nothing inside an iteration")
}
