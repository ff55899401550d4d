package planner

import (
	"context"
	"slices"
	"testing"

	"strata/malloc"
)

// gpuFirst is gpuShape with the GPU as the executor that every instruction
// lists first, in-place activations and logits written in slices, as a lowered
// model has them.
func gpuFirst(layers int, vram int64) *malloc.Program {
	p := gpuShape(layers, vram, 1<<30, false)
	for t := range p.Instructions {
		in := &p.Instructions[t]
		in.RunsOn = []malloc.RunsOn{{Executor: 1, ComputeS: 5e-6}, {Executor: 0, ComputeS: 20e-6}}
		in.ComputeS = 5e-6
	}
	// the last instruction of both passes becomes two that write half of h each
	var list []malloc.Instruction
	for _, in := range p.Instructions {
		if in.Op != "output" {
			list = append(list, in)
			continue
		}
		for range 2 {
			half := in
			half.Reads, half.Writes = slices.Clone(in.Reads), slices.Clone(in.Writes)
			half.Writes[0].Bytes /= 2
			list = append(list, half)
		}
		sample := in // what two hops bring for the loop passes while it runs
		sample.Name, sample.Op, sample.Reads, sample.Writes = "sample", "sample", in.Writes, nil
		list = append(list, sample)
	}
	for t := range list {
		list[t].ID = t
	}
	p.Instructions = list
	p.Loops[0].Begin, p.Loops[0].End = (len(list)-1)/2+1, len(list)
	return p
}

// Where all fits next to the first executor, nothing moves in the loop: Resident
// and the placement baselines come near the bound on machines whose weights are
// two hops away.
func TestAllStaysNearTheExecutor(t *testing.T) {
	p := gpuFirst(3, 1<<30)
	pr := problem(t, p, 1)
	plan, err := Resident(p)
	if err != nil {
		t.Fatal(err)
	}
	if Streams(p, plan) {
		t.Error("the resident plan copies in every iteration")
	}
	if plan.PeriodS > 1.05*pr.LowerPeriodS {
		t.Errorf("resident: %g s an iteration, the bound is %g", plan.PeriodS, pr.LowerPeriodS)
	}
	for _, name := range []string{"demand", "layers", "llamacpp-fit", "kv-resident", "auto"} {
		r := solve(t, context.Background(), name, pr, Budget{Evaluations: 20})
		if r == nil {
			t.Fatalf("%s: not applicable", name)
		}
		if name != "demand" && r.Score.PeriodS > 1.5*pr.LowerPeriodS {
			t.Errorf("%s: %g s an iteration, the bound is %g", name, r.Score.PeriodS, pr.LowerPeriodS)
		}
	}
}

// Where it does not fit, what stays is used, at every size of the memory.
func TestSomeStaysNearTheExecutor(t *testing.T) {
	for _, vram := range []int64{5 << 20, 9 << 20, 17 << 20} {
		p := gpuFirst(3, vram)
		pr := problem(t, p, 1)
		demand := solve(t, context.Background(), "demand", pr, Budget{})
		if plan, err := Resident(p); err != nil {
			t.Errorf("vram %d: resident: %v", vram, err)
		} else if plan.ClaimedS >= demand.Score.TotalS {
			t.Errorf("vram %d: resident takes %g s, demand copies %g", vram, plan.ClaimedS, demand.Score.TotalS)
		}
		for _, name := range []string{"layers", "llamacpp-fit", "kv-resident"} {
			r := solve(t, context.Background(), name, pr, Budget{})
			if r == nil {
				t.Fatalf("%s: not applicable", name)
			}
			if r.Score.TotalS >= demand.Score.TotalS/1.25 {
				t.Errorf("vram %d: %s takes %g s, demand copies %g", vram, name, r.Score.TotalS, demand.Score.TotalS)
			}
		}
	}
}
