package controller

import (
	"testing"
	"time"

	"strata/malloc"
	"strata/workflow"
)

// TestLocksBindTheSearch streams a weight that was resident and locks it so: a
// search leaves it streamed, though keeping it would be quicker, and the plan is
// legal; unlocked, the next search may keep it.
func TestLocksBindTheSearch(t *testing.T) {
	c, d := open(t, Options{})
	kinds, _ := d.Residencies()
	moved := -1
	for b, k := range kinds {
		if k != Resident || d.Program.Buffers[b].Kind != malloc.KindParam {
			continue
		}
		c.Move(d.ID, []int{b}, d.Program.Buffers[b].Home)
		settle(t, c)
		if c.Snapshot().Doc().Plan != d.Plan {
			moved = b
			break
		}
		c.Dismiss()
	}
	if moved < 0 {
		t.Fatal("no resident weight could be streamed")
	}
	other := -1 // and one that stays, to be kept
	kinds, tiers := c.Snapshot().Doc().Residencies()
	for b, k := range kinds {
		if k == Resident && d.Program.Buffers[b].Kind == malloc.KindParam {
			other = b
		}
	}
	if other < 0 {
		t.Fatal("no resident weight is left")
	}
	c.Lock(d.ID, []int{moved, other}, true)
	before := c.Snapshot().Doc()
	c.StartSearch(d.ID, SearchOptions{Solver: "pin-stream", Time: 2 * time.Second, Seed: 1})
	settle(t, c)
	now := c.Snapshot().Doc()
	if now.Search.Stopped == "" || now.Search.Evaluations == 0 {
		t.Fatalf("the search ended as %+v, fault %+v", now.Search, c.Snapshot().Fault)
	}
	after, at := now.Residencies()
	if after[moved] == Resident {
		t.Errorf("%s was locked while it streamed, the search keeps it", now.Program.Buffers[moved].Name)
	}
	if after[other] != Resident || at[other] != tiers[other] {
		t.Errorf("%s was locked where it stays, the search lets it go", now.Program.Buffers[other].Name)
	}
	if now.Predicted.PredictedS > before.Predicted.PredictedS*(1+1e-9) {
		t.Errorf("%g s after %g", now.Predicted.PredictedS, before.Predicted.PredictedS)
	}
	if err := workflow.CheckPlan("the plan found", now.Program, now.Plan); err != nil {
		t.Error(err)
	}
	t.Logf("%.4f s, %.4f s before the search, improved %v", now.Predicted.PredictedS, before.Predicted.PredictedS, now.Search.Improved)
}
