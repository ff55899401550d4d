package malloc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"strata/malloc"
)

// mutateRandomly changes one thing of a plan.
func mutateRandomly(p *malloc.Program, plan *malloc.Plan, r *rand.Rand) (*malloc.Plan, string) {
	q := *plan
	q.Blocks, q.Copies, q.Sites, q.Runs = slices.Clone(plan.Blocks), slices.Clone(plan.Copies), slices.Clone(plan.Sites), slices.Clone(plan.Runs)
	near := func() int { return []int{-2, -1, 1, 2}[r.IntN(4)] }
	if len(q.Blocks) > 0 && r.IntN(2) == 0 {
		i := r.IntN(len(q.Blocks))
		b := &q.Blocks[i]
		switch r.IntN(5) {
		case 0:
			b.Start += near()
		case 1:
			b.End += near()
		case 2:
			b.Offset += int64(near()) * p.Tiers[b.Tier].Align
		case 3:
			b.Tier = r.IntN(len(p.Tiers))
		case 4:
			b.Offset += int64(near())
		}
		return &q, fmt.Sprintf("block %d %+v → %+v", i, plan.Blocks[i], *b)
	}
	if len(q.Copies) > 0 && r.IntN(4) > 0 {
		i := r.IntN(len(q.Copies))
		c := &q.Copies[i]
		switch r.IntN(9) {
		case 0, 1:
			c.Start += near()
		case 2, 3:
			c.Before += near()
		case 4:
			c.Bytes += int64(near())
		case 5:
			c.After = r.IntN(len(q.Copies)+1) - 1
		case 6:
			c.Once = !c.Once
		case 7:
			j := r.IntN(len(q.Copies))
			q.Copies[i], q.Copies[j] = q.Copies[j], q.Copies[i]
			return &q, fmt.Sprintf("copies %d and %d swapped", i, j)
		case 8:
			q.Copies = slices.Delete(q.Copies, i, i+1)
			for j := range q.Copies {
				if q.Copies[j].After == i {
					q.Copies[j].After = -1
				} else if q.Copies[j].After > i {
					q.Copies[j].After--
				}
			}
			return &q, fmt.Sprintf("copy %d %+v dropped", i, plan.Copies[i])
		}
		return &q, fmt.Sprintf("copy %d %+v → %+v", i, plan.Copies[i], *c)
	}
	if len(q.Sites) == 0 {
		return &q, "nothing"
	}
	i := r.IntN(len(q.Sites))
	q.Sites[i].Tier = r.IntN(len(p.Tiers))
	return &q, fmt.Sprintf("site %+v → %+v", plan.Sites[i], q.Sites[i])
}

// A legal plan computes what the program says, and so does every mutation of it
// that the checker lets pass: a mutated plan is refused or proved legal.
func TestAcceptedPlansCompute(t *testing.T) {
	instances := 8
	if testing.Short() {
		instances = 4
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			refused, passed, codes := 0, 0, map[malloc.Code]int{}
			for seed := range instances {
				r := rand.New(rand.NewPCG(uint64(seed), 4))
				p := randomProgram(k, r)
				checker, err := malloc.NewChecker(p)
				if err != nil {
					t.Fatal(err)
				}
				g, err := malloc.NewGame(p, nil, malloc.Options{NoReward: true, Order: malloc.Order(r.IntN(2))})
				if err != nil {
					continue
				}
				if err := playRandomly(g, r.IntN(2) == 0, r, func(string) {}); err != nil {
					t.Fatal(err)
				}
				plan := g.Plan()
				if report, err := checker.Check(plan, nil); err != nil || !report.OK() {
					continue // TestRandomEpisodesAreLegal says so
				}
				prove := func(plan *malloc.Plan, what string) {
					for range 3 {
						if err := proveLegal(p, plan, r); err != nil {
							t.Errorf("seed %d: %s: accepted, but %v", seed, what, err)
							return
						}
					}
				}
				prove(plan, "the game's plan")
				for range 60 {
					q, what := mutateRandomly(p, plan, r)
					q.Traffic = nil
					report, err := checker.Check(q, nil)
					if err != nil {
						t.Fatal(err)
					}
					q.Traffic = report.Traffic
					if report, err = checker.Check(q, nil); err != nil {
						t.Fatal(err)
					}
					if !report.OK() {
						refused++
						codes[report.Violations[0].Code]++
						continue
					}
					passed++
					prove(q, what)
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%d mutations refused (%v), %d proved legal", refused, codes, passed)
			if refused == 0 {
				t.Error("no mutation was refused")
			}
		})
	}
}
