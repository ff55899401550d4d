package costmodel

import (
	"math"
	"testing"

	"strata/malloc"
	"strata/simulate"
)

// streamed is a periodic body of n matrices of 100 bytes in a file that no
// executor reaches, read at 10 B/s by one engine; memory holds capacity bytes and
// is read at 100 B/s. It comes with the plan that keeps the first `pinned`
// resident, filled before the loop, and streams the others by demand copies.
func streamed(n, pinned int, capacity, trip int64, slope float64) (*malloc.Program, *malloc.Plan) {
	p := &malloc.Program{
		Tiers: []malloc.Tier{{ID: 0, Name: "dram", Capacity: capacity, ReadBW: 100, WriteBW: 100, Align: 1},
			{ID: 1, Name: "file", Capacity: malloc.Unlimited, ReadBW: 10, Align: 1}},
		Engines:   []malloc.Engine{{ID: 0, From: 1, To: 0, BW: 10, MaxOutstanding: -1, Order: "fifo", Shares: []int{0}}},
		Model:     malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "steal"},
		Executors: []malloc.Executor{{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: 0, ReadBW: 100, WriteBW: 100}}}},
	}
	plan := &malloc.Plan{}
	for i := range n {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: i, Size: 100, Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep})
	}
	kv := n
	p.Buffers = append(p.Buffers, malloc.Buffer{ID: kv, Size: 50, Kind: malloc.KindKV, Home: 0, End: malloc.EndDead})
	p.Instructions = append(p.Instructions, malloc.Instruction{ComputeS: 1, Writes: []malloc.Operand{{Buf: kv, Bytes: 50}}})
	plan.Sites = append(plan.Sites, malloc.Site{Instr: 0, Arg: "w0"})
	for i := range n {
		t := i + 1
		p.Instructions = append(p.Instructions, malloc.Instruction{ID: t, ComputeS: 0.5,
			Reads: []malloc.Operand{{Buf: i, Bytes: 100}, {Buf: kv, Bytes: 10}}, Scratch: map[string]int64{"0": 20}})
		plan.Sites = append(plan.Sites, malloc.Site{Instr: t, Arg: "r0"}, malloc.Site{Instr: t, Arg: "r1"})
		c := malloc.Copy{Buf: i, Engine: 0, Start: t, Before: t, Bytes: 100, After: -1}
		if i < pinned {
			c.Start, c.Once = 0, true
		}
		plan.Copies = append(plan.Copies, c)
	}
	p.Loops = []malloc.Loop{{Begin: 1, End: n + 1, Trip: trip, Periodic: true, Growth: []malloc.Growth{{Buf: kv, Slope: slope}}}}
	return p, plan
}

func TestLowerBoundByHand(t *testing.T) {
	for _, c := range []struct {
		name            string
		n               int
		capacity, trip  int64
		slope           float64
		iteration, wall float64
		why             string
	}{
		{"streams", 10, 500, 5, 0, 68.1, 328.4,
			"each matrix takes its 100 bytes for a copy of 10 s and a use of 1.1 s: with 10·T bytes streamed, 10·T·(T - 11.1) ≥ (1000 - 500 + 50 KV + 20 scratch)·T gives 68.1; " +
				"in a loop of 5 that finds 550 bytes fewer to copy, 12.5·(T - 11)·(T - 8.88) ≥ 570·T + 550·2.22 gives 65.48, five times and the prefill's 1"},
		{"resident", 10, 2000, 5, 0, 11, 100, "S = 0: Σ = 10·(110/100) = 11; the weights once take 1000/10 = 100 > 5·11 + 1"},
		{"resident long", 10, 2000, 50, 0, 11, 551, "50·11 + the prefill's 1"},
		{"growing", 10, 2000, 51, 2, 16, 817, "mean growth 2·25 = 50 bytes: Σ = 10·(160/100)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := streamed(c.n, 0, c.capacity, c.trip, c.slope)
			b, err := LowerBound(p)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(b.PerIterationS-c.iteration) > 1e-12 || math.Abs(b.TotalS-c.wall) > 1e-9 || b.Method != "periodic/2" {
				t.Errorf("%+v, want %g s an iteration and %g s in all: %s", b, c.iteration, c.wall, c.why)
			}
		})
	}
}

// Storage that a class shares counts once, a select buffer and a param outside
// the body do not stream in it.
func TestLowerBoundCountsStorage(t *testing.T) {
	p, _ := streamed(10, 0, 500, 5, 0)
	base, _ := LowerBound(p)
	p.Aliases = []malloc.Alias{{Class: "tied", Kind: "must", Buffers: []int{0, 1}}}
	tied, _ := LowerBound(p)
	if d := base.PerIterationS - tied.PerIterationS; math.Abs(d-10) > 1e-12 {
		t.Errorf("two tied matrices of 100 bytes change the iteration by %g s, want 10", d)
	}
	p.Aliases = nil
	p.Buffers[0].Select = &malloc.Select{Of: []int{1}, After: -1}
	chosen, _ := LowerBound(p)
	if d := base.PerIterationS - chosen.PerIterationS; math.Abs(d-10) > 1e-12 {
		t.Errorf("a select buffer of 100 bytes changes the iteration by %g s, want 10", d)
	}
	p.Buffers[0].Select = nil
	p.Loops[0].Begin = 2 // instruction 1 and its matrix are now outside
	outside, _ := LowerBound(p)
	if d := base.PerIterationS - outside.PerIterationS; math.Abs(d-10) > 1e-12 {
		t.Errorf("a matrix outside the body changes the iteration by %g s, want 10", d)
	}
}

func TestLowerBoundNeverExceedsAPlan(t *testing.T) {
	sim := simulate.New()
	for _, n := range []int{1, 3, 10} {
		for _, capacity := range []int64{170, 450, 1000, 5000} {
			for _, trip := range []int64{1, 2, 30} {
				for _, slope := range []float64{0, 1} {
					room := (capacity - 50 - 20 - 100) / 100 // KV, scratch, a demand copy
					p, plan := streamed(n, min(n, int(room)), capacity, trip, slope)
					b, err := LowerBound(p)
					if err != nil {
						t.Fatal(err)
					}
					s, err := sim.Evaluate(p, plan)
					if err != nil {
						t.Fatal(err)
					}
					if b.TotalS > s.TotalS*(1+1e-12) || b.PerIterationS > s.PeriodS*(1+1e-12) {
						t.Errorf("n %d capacity %d trip %d slope %g: bound %+v exceeds plan %+v", n, capacity, trip, slope, b, s)
					}
					if r, err := sim.Report(p, plan); err != nil || b.MeanS > r.LoopS/float64(trip)*(1+1e-12) {
						t.Errorf("n %d capacity %d trip %d slope %g: mean iteration bound %g, %g in the run: %v", n, capacity, trip, slope, b.MeanS, r.LoopS/float64(trip), err)
					}
				}
			}
		}
	}
}

func TestLowerBoundWithoutALoop(t *testing.T) {
	p, _ := streamed(4, 0, 500, 1, 0)
	p.Loops = nil
	b, err := LowerBound(p)
	if err != nil {
		t.Fatal(err)
	}
	if b.PerIterationS != 0 || b.TotalS != 40 { // 400 bytes at 10 B/s against 1 + 4·1.1
		t.Errorf("%+v, want 40 s in all and no iteration", b)
	}
}

func TestLowerBoundRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*malloc.Program){
		"no engine leaves the file": func(p *malloc.Program) { p.Engines = nil },
		"a loop past the end":       func(p *malloc.Program) { p.Loops[0].End = 99 },
		"a home that is no tier":    func(p *malloc.Program) { p.Buffers[0].Home = 7 },
		"an operand that is no buffer": func(p *malloc.Program) {
			p.Instructions[1].Reads[0].Buf = 99
		},
		"an executor that reaches nothing": func(p *malloc.Program) { p.Executors[0].Access = nil },
	} {
		p, _ := streamed(3, 0, 200, 2, 0)
		spoil(p)
		if b, err := LowerBound(p); err == nil {
			t.Errorf("%s: bound %+v, want an error", name, b)
		}
	}
}

// On the committed instance, a real model's decode, no plan of the game comes
// below the bound at any budget.
func TestLowerBoundOnTheFirstInstance(t *testing.T) {
	p, err := malloc.ReadProgram("../testdata/instances/smollm2-decode.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	sim := simulate.New()
	capacity := p.Tiers[0].Capacity
	for _, share := range []float64{0.7, 1, 1.5, 4} {
		p.Tiers[0].Capacity = int64(share*float64(capacity)) / 4096 * 4096
		b, err := LowerBound(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := malloc.NewGame(p, sim, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []string{"all dropped", "extend or copy"} {
			if step != "all dropped" {
				if err := g.Finish(nil, true); err != nil {
					t.Fatal(err)
				}
			}
			s, err := g.Score()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("capacity × %g, %s: %.4g s, bound %.4g; an iteration %.4g s, bound %.4g", share, step, s.TotalS, b.TotalS, s.PeriodS, b.PerIterationS)
			if r, err := sim.Report(p, g.Plan()); err != nil || b.MeanS > r.LoopS/float64(p.PeriodicLoop().Trip) {
				t.Errorf("mean iteration bound %g s, %g s in the run: %v", b.MeanS, r.LoopS/float64(p.PeriodicLoop().Trip), err)
			}
			if b.TotalS > s.TotalS || b.PerIterationS > s.PeriodS {
				t.Errorf("capacity × %g, %s: bound %+v exceeds plan %+v", share, step, b, s)
			}
		}
	}
}
