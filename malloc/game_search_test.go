package malloc_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"strata/malloc"
	"strata/simulate"
)

// Difference rewards telescope: their sum is the all-DROP time less the final
// one, with RUN_ON and backups among the moves; and the same seed plays the same
// plan.
func TestRewardsTelescope(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for seed := uint64(0); seed < 12; seed++ {
				var plans []*malloc.Plan
				for range 2 {
					r := rand.New(rand.NewPCG(seed, 11))
					p := randomProgram(k, r)
					opt := malloc.Options{Order: malloc.Order(seed % 2)}
					g, err := malloc.NewGame(p, simulate.New(), opt)
					if err != nil {
						break
					}
					before, err := g.Score()
					if err != nil {
						t.Fatal(err)
					}
					sum := 0.0
					var acts []malloc.Action
					for !g.Done() {
						acts = g.Actions(acts[:0])
						reward, err := g.Step(acts[r.IntN(len(acts))])
						if err != nil {
							t.Fatal(err)
						}
						sum += reward
					}
					after, err := g.Score()
					if err != nil {
						t.Fatal(err)
					}
					if d := before.TotalS - after.TotalS; math.Abs(sum-d) > 1e-9*before.TotalS {
						t.Errorf("seed %d: rewards sum to %g, the time fell by %g", seed, sum, d)
					}
					plans = append(plans, g.Plan())
				}
				if len(plans) == 2 && !samePlan(plans[0], plans[1]) {
					t.Errorf("seed %d: two plans", seed)
				}
			}
		})
	}
}

// tinyLoop is a loop over params of one touch each, streamed from a file.
func tinyLoop(r *rand.Rand) *malloc.Program {
	text := fmt.Sprintf("tier dram %d read=100 write=100\ntier file unlimited read=9 write=0\nengine file->dram bw=%.1f\nexecutor cpu dram\n", 3+r.IntN(2), 1+r.Float64())
	n := 3
	for i := 0; i < n; i++ {
		text += fmt.Sprintf("buf b%d %d param home=file\n", i, 1+r.IntN(2))
	}
	text += "do s=0.1\n"
	L := 3 + r.IntN(2)
	at := r.Perm(L)
	for t := 0; t < L; t++ {
		text += fmt.Sprintf("do s=%.2f", 0.2+r.Float64()*1.5)
		for i := 0; i < n; i++ {
			if at[i] == t {
				text += fmt.Sprintf(" r=b%d", i)
			}
		}
		text += "\n"
	}
	text += fmt.Sprintf("loop 1 %d trip=40\n", 1+L)
	p, err := parseInstance(text)
	if err != nil {
		panic(err)
	}
	return p
}

// bestByPlans is the shortest period over every plan the checker accepts in
// which each buffer is a demand copy, always resident, or streamed with any
// start, at any offset.
func bestByPlans(t *testing.T, p *malloc.Program) float64 {
	c, err := malloc.NewChecker(p)
	if err != nil {
		t.Fatal(err)
	}
	sim := simulate.New()
	l := p.PeriodicLoop()
	L := l.End - l.Begin
	touch := make([]int, len(p.Buffers))
	sites := []malloc.Site{}
	for i, in := range p.Instructions {
		for k, o := range in.Reads {
			touch[o.Buf] = i
			sites = append(sites, malloc.Site{Instr: i, Arg: fmt.Sprintf("r%d", k), Tier: 0})
		}
	}
	best := math.Inf(1)
	plan := &malloc.Plan{Format: malloc.PlanFormat, Sites: sites}
	var place func(b int)
	place = func(b int) {
		if b == len(p.Buffers) {
			q := *plan
			q.Traffic = make([]malloc.Traffic, 1)
			for _, cp := range q.Copies {
				n := l.Trip
				if cp.Once {
					n = 1
				} else if cp.Before >= l.End {
					n--
				}
				q.Traffic[0].Bytes += n * cp.Bytes
				q.Traffic[0].Requests += n
			}
			rep, err := c.Check(&q, nil)
			if err != nil {
				t.Fatal(err)
			}
			if rep.OK() {
				s, err := sim.Evaluate(p, &q)
				if err != nil {
					t.Fatal(err)
				}
				best = min(best, s.PeriodS)
			}
			return
		}
		z := p.Buffers[b].Size
		nb, nc := len(plan.Blocks), len(plan.Copies)
		for off := int64(0); off+z <= p.Tiers[0].Capacity; off++ {
			for back := -1; back <= L-2; back++ {
				blk := malloc.Block{Buf: b, Tier: 0, Start: l.Begin, End: l.End, Offset: off}
				if back < 0 {
					plan.Copies = append(plan.Copies, malloc.Copy{Buf: b, Block: nb, Start: l.Begin, Before: touch[b], Bytes: z, Once: true, After: -1})
				} else {
					s, e := touch[b]-back, touch[b]+1
					if s < l.Begin {
						s, e = s+L, e+L
						plan.Copies = append(plan.Copies, malloc.Copy{Buf: b, Block: nb, Start: l.Begin, Before: touch[b], Bytes: z, Once: true, After: -1})
					}
					blk.Start, blk.End = s, e
					plan.Copies = append(plan.Copies, malloc.Copy{Buf: b, Block: nb, Start: s, Before: e - 1, Bytes: z, After: -1})
				}
				plan.Blocks = append(plan.Blocks, blk)
				place(b + 1)
				plan.Blocks, plan.Copies = plan.Blocks[:nb], plan.Copies[:nc]
			}
		}
	}
	place(0)
	return best
}

// bestByGame is the shortest period over all episodes in free order.
func bestByGame(t *testing.T, g *malloc.Game, visit func()) float64 {
	if !g.InBody() {
		s, err := g.Score()
		if err != nil {
			t.Fatal(err)
		}
		if visit != nil {
			visit()
		}
		return s.PeriodS
	}
	best := math.Inf(1)
	for _, b := range append([]int(nil), g.Undecided()...) {
		m := g.Mark()
		if err := g.Choose(b); err != nil {
			t.Fatal(err)
		}
		for _, a := range g.Actions(nil) {
			m2 := g.Mark()
			if _, err := g.Step(a); err != nil {
				t.Fatal(err)
			}
			best = min(best, bestByGame(t, g, visit))
			g.Rewind(m2)
		}
		g.Rewind(m)
	}
	return best
}

// On tiny loops the game in free order reaches the best of all legal plans.
func TestFreeOrderReachesTheOptimum(t *testing.T) {
	if testing.Short() {
		t.Skip("exhaustive")
	}
	for seed := uint64(0); seed < 10; seed++ {
		p := tinyLoop(rand.New(rand.NewPCG(seed, 3)))
		g, err := malloc.NewGame(p, simulate.New(), malloc.Options{Order: malloc.FreeOrder, NoReward: true})
		if err != nil {
			t.Fatal(err)
		}
		first, err := g.Score()
		if err != nil {
			t.Fatal(err)
		}
		episodes := 0
		got := bestByGame(t, g, func() { episodes++ })
		want := bestByPlans(t, p)
		t.Logf("seed %d: all-DROP %.4f, best %.4f of %d episodes, best of all plans %.4f", seed, first.PeriodS, got, episodes, want)
		if got > want*(1+1e-9) {
			t.Errorf("seed %d: best episode %g, best plan %g", seed, got, want)
		}
	}
}
