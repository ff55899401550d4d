package generate

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"strata/convert"
	"strata/convert/converttest"
	"strata/malloc"
	"strata/simulate"
)

func TestEveryKindOnEveryMachine(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(kind, func(t *testing.T) {
			for seed := range uint64(3) {
				s, err := Generate(kind, seed, 0.25)
				if err != nil {
					t.Fatal(err)
				}
				again, err := Generate(kind, seed, 0.25)
				if err != nil {
					t.Fatal(err)
				}
				opt := convert.Options{Capacities: map[string]int64{"fast": 8 << 20}}
				a := converttest.RoundTrip(t, s, converttest.Profile(t), opt, "demand", "xla-greedy")
				b, err := convert.Lower(again, converttest.Profile(t), opt)
				if err != nil {
					t.Fatal(err)
				}
				x, _ := malloc.InstanceHash(a)
				if y, _ := malloc.InstanceHash(b); x != y {
					t.Error("the same seed gives another instance")
				}
				if s.Machine != nil {
					continue
				}
				converttest.RoundTrip(t, s, converttest.Shipped(t, "h100-80gb"), convert.Options{}, "demand")
				converttest.RoundTrip(t, s, converttest.Shipped(t, "laptop"), convert.Options{}, "demand")
			}
		})
	}
	if _, err := Generate("conv", 1, -1); err == nil {
		t.Error("a negative scale is taken")
	}
	if _, err := Generate("trees", 1, 1); err == nil {
		t.Error("an unknown kind is taken")
	}
}

// TestKnownOptimumIsReached plays the packing the instance was cut from: the
// checker accepts it, and it takes what the instance says is the least.
func TestKnownOptimumIsReached(t *testing.T) {
	for seed := range uint64(5) {
		s, err := Generate("known-optimum", seed, 1)
		if err != nil {
			t.Fatal(err)
		}
		p, err := convert.Lower(s, nil, convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h := fnv.New64a()
		h.Write([]byte("known-optimum"))
		plan := &malloc.Plan{Solver: "constructed"}
		g := &generator{rng: rand.New(rand.NewPCG(seed, h.Sum64())), scale: 1}
		var area float64
		rectangles := g.cut()
		for i, r := range rectangles {
			plan.Blocks = append(plan.Blocks, malloc.Block{Buf: i, Tier: 0, Start: r.start, End: r.end, Offset: r.low})
			area += float64(r.end-r.start) * float64(r.high-r.low)
		}
		if area != float64(len(p.Instructions))*optimumCapacity {
			t.Errorf("seed %d: the rectangles leave gaps", seed)
		}
		for i := range p.Instructions {
			for k := range p.Instructions[i].Reads {
				plan.Sites = append(plan.Sites, malloc.Site{Instr: i, Arg: fmt.Sprint("r", k), Tier: 0})
			}
			for k := range p.Instructions[i].Writes {
				plan.Sites = append(plan.Sites, malloc.Site{Instr: i, Arg: fmt.Sprint("w", k), Tier: 0})
			}
		}
		for e := range p.Engines {
			plan.Traffic = append(plan.Traffic, malloc.Traffic{Engine: e})
		}
		if err := malloc.Stamp(p, plan); err != nil {
			t.Fatal(err)
		}
		score, err := simulate.New().Evaluate(p, plan)
		if err != nil {
			t.Fatal(err)
		}
		plan.ClaimedS = score.TotalS
		if _, err := malloc.Check(p, plan, simulate.New()); err != nil {
			t.Fatal(err)
		}
		if math.Abs(score.TotalS/p.Bounds.LowerS-1) > 1e-9 {
			t.Errorf("seed %d: the perfect packing takes %g, the instance says %g", seed, score.TotalS, p.Bounds.LowerS)
		}
		greedy := converttest.Plan(t, p, "xla-greedy").Score.TotalS
		if greedy < p.Bounds.LowerS*(1-1e-9) {
			t.Errorf("seed %d: xla-greedy takes %g, less than the optimum %g", seed, greedy, p.Bounds.LowerS)
		}
		t.Logf("seed %d: %d buffers, optimum %.6g s, xla-greedy %+.2f %%", seed, len(rectangles), p.Bounds.LowerS, 100*(greedy/p.Bounds.LowerS-1))
	}
}
