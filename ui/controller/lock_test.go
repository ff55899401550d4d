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

// TestLocksBindSliders streams a weight and locks it so, and locks a resident one:
// another prompt, which makes another program, keeps both as they are, by plan
// and by refined plan. On a machine without the tier, the bar offers to unlock,
// and undo goes back to the locks.
func TestLocksBindSliders(t *testing.T) {
	c, d := open(t, Options{Refine: 100 * time.Millisecond})
	var streamed, kept string
	kinds, _ := d.Residencies()
	for b, k := range kinds {
		if k != Resident || d.Program.Buffers[b].Kind != malloc.KindParam {
			continue
		}
		name := d.Program.Buffers[b].Name
		if kept == "" {
			kept = name
			continue
		}
		c.Move(d.ID, []int{b}, d.Program.Buffers[b].Home)
		settle(t, c)
		if now := c.Snapshot().Doc(); now.Plan != d.Plan {
			streamed = name
			c.Lock(d.ID, []int{named(t, now, kept), b}, true)
			break
		}
		c.Dismiss()
	}
	if streamed == "" {
		t.Fatal("no resident weight could be streamed")
	}
	bind := func(when string) {
		t.Helper()
		now := c.Snapshot().Doc()
		if now.Plan == nil || now.Stale || c.Snapshot().Fault != nil {
			t.Fatalf("%s: %+v, fault %+v", when, now.Verdict, c.Snapshot().Fault)
		}
		kinds, _ := now.Residencies()
		s, k := named(t, now, streamed), named(t, now, kept)
		if kinds[s] == Resident || kinds[k] != Resident {
			t.Errorf("%s: %s lies as %d, %s as %d", when, streamed, kinds[s], kept, kinds[k])
		}
		if !now.IsLocked(s) || !now.IsLocked(k) || len(now.Locked) != 2 {
			t.Errorf("%s: locked %v, expected %d and %d", when, now.Locked, s, k)
		}
	}
	c.SetWorkload(d.ID, "prompt 80", "", func(r *workflow.Request) { r.Prompt, r.Context = 80, 112 })
	settle(t, c)
	bind("with a longer prompt")
	if named(t, c.Snapshot().Doc(), kept) == named(t, d, kept) && len(c.Snapshot().Doc().Program.Buffers) == len(d.Program.Buffers) {
		t.Log("the longer prompt has the same buffers: the test sees less than it could")
	}
	c.SetWorkload(d.ID, "all memory", "", func(r *workflow.Request) { r.Dram = workflow.Size{Bytes: 1 << 30, Set: true} })
	settle(t, c)
	bind("where everything would fit")

	before := c.Snapshot().Doc()
	c.SetWorkload(d.ID, "a little memory", "", func(r *workflow.Request) { r.Dram = workflow.Size{Bytes: before.Limits.LeastBytes / 2, Set: true} })
	settle(t, c)
	if c.Snapshot().Doc().Plan != nil || c.Snapshot().Fault == nil {
		t.Fatal("half of the least memory has a plan")
	}
	c.Dismiss()
	c.SetWorkload(d.ID, "all memory again", "", func(r *workflow.Request) { r.Dram = workflow.Size{Bytes: 1 << 30, Set: true} })
	settle(t, c)
	bind("after no plan fitted")

	c.SetMachine(d.ID, "h100-80gb")
	settle(t, c)
	f := c.Snapshot().Fault
	if f == nil {
		bind("on a machine with more tiers")
		return
	}
	if len(f.Fixes) == 0 || f.Fixes[0].Label != "Unlock all" {
		t.Fatalf("the bar says %+v", f)
	}
	c.ApplyFix(0)
	settle(t, c)
	if now := c.Snapshot().Doc(); now.Plan == nil || len(now.Locked) != 0 {
		t.Errorf("unlocked: %+v, locked %v", now.Verdict, now.Locked)
	}
}

func named(t *testing.T, d *Document, name string) int {
	t.Helper()
	for b := range d.Program.Buffers {
		if d.Program.Buffers[b].Name == name {
			return b
		}
	}
	t.Fatalf("no buffer %s", name)
	return -1
}
