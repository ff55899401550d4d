package workflow

import (
	"context"
	"math"
	"os"
	"testing"

	"strata/malloc"
)

// TestExplainAgreesWithThePlan: every option of a few tensors of the sample
// instance is legal or says why not, the current one costs nothing, and a
// resident weight that is sent home is then copied in.
func TestExplainAgreesWithThePlan(t *testing.T) {
	const instance = "../testdata/instances/smollm2-decode.json.gz"
	if _, err := os.Stat(instance); err != nil {
		t.Skipf("no sample instance: %v", err)
	}
	p, _, err := LoadInstance(instance, "")
	if err != nil {
		t.Fatal(err)
	}
	res, err := Search(context.Background(), p, SearchOptions{Solver: "pin-stream", Evaluations: 40, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for b := range p.Buffers {
		how, _ := Placement(p, res.Plan, b)
		if p.Buffers[b].Kind != malloc.KindParam || seen[how] > 0 {
			continue
		}
		seen[how]++
		e, err := Explain(context.Background(), p, res.Plan, nil, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		current := 0
		for _, o := range e.Options {
			if o.Current {
				current++
				if o.DeltaS != 0 || !o.Legal {
					t.Errorf("%s: staying costs %g", e.Tensor, o.DeltaS)
				}
			}
			if !o.Legal && o.Why == "" {
				t.Errorf("%s: %s is not legal, without a reason", e.Tensor, o.Tier)
			}
			if math.IsNaN(o.DeltaS) {
				t.Errorf("%s to %s: delta is not a number", e.Tensor, o.Tier)
			}
		}
		if current != 1 || len(e.Options) != len(p.Tiers) || e.Reason == "" || e.Uses == 0 && how != HowHome {
			t.Errorf("%s: %+v", e.Tensor, e)
		}
		if c := e.Competes; c == nil {
			if e.Uses > 0 {
				t.Errorf("%s is used in the loop, nothing competes with it", e.Tensor)
			}
		} else if c.Tensors == 0 || c.Bytes <= 0 || c.Bytes > c.CapacityBytes || len(c.Largest) == 0 || c.Largest[0].Bytes > c.Bytes {
			t.Errorf("%s competes with %+v", e.Tensor, c)
		} else {
			t.Log(c)
		}
		if how == HowStreamed && e.CopyBytes < e.Bytes {
			t.Errorf("%s is streamed, %d of %d bytes are copied", e.Tensor, e.CopyBytes, e.Bytes)
		}
		t.Log(e.Reason)
	}
	if seen[HowResident] == 0 || seen[HowStreamed] == 0 {
		t.Errorf("a plan of half the model has residents and streams; seen %v", seen)
	}
}
