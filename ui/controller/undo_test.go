package controller

import (
	"testing"

	"strata/malloc"
	"strata/workflow"
)

// TestHistoryIsBoundedByWhatItHolds: the newest states stay whole, older ones
// keep their plans, and the oldest steps go.
func TestHistoryIsBoundedByWhatItHolds(t *testing.T) {
	state := func() *Document { return &Document{Plan: &malloc.Plan{Blocks: make([]malloc.Block, 10)}} }
	docs := []*Document{state()}
	var history []step
	for range 20 {
		docs = append(docs, state())
		n := len(docs)
		history = thin(append(history, step{before: past{doc: docs[n-2]}, after: past{doc: docs[n-1]}}), 55, 105)
	}
	// Step k from the newest holds k+1 plans, of 10 pieces each.
	if len(history) != 9 {
		t.Fatalf("%d steps are left, want those of 10 plans: 9", len(history))
	}
	for i, s := range history {
		back := len(history) - 1 - i
		if whole := s.before.doc != nil; whole != (back+2 <= 5) {
			t.Errorf("the state before step %d from the newest is whole: %v", back, whole)
		}
		if want := docs[len(docs)-2-back].Plan; s.before.moment().Plan != want {
			t.Errorf("step %d from the newest begins with another plan", back)
		}
	}
	shared := state()
	history = nil
	for range 2 * maxHistory {
		history = thin(append(history, step{before: past{doc: shared}, after: past{doc: shared}}), 55, 105)
	}
	if len(history) != maxHistory || history[0].before.doc == nil {
		t.Errorf("%d steps of one plan, the oldest whole: %v", len(history), history[0].before.doc != nil)
	}
}

// TestUndoOfAThinnedState goes back to a state of which only the plan was kept.
func TestUndoOfAThinnedState(t *testing.T) {
	c, d := open(t, Options{})
	for _, prompt := range []int{48, 40} {
		c.SetWorkload(d.ID, "prompt", "", func(r *workflow.Request) { r.Prompt = prompt })
		settle(t, c)
	}
	c.mu.Lock()
	c.history = thin(c.history, 0, 1<<30)
	c.mu.Unlock()
	c.Undo()
	settle(t, c)
	c.Undo()
	settle(t, c)
	now := c.Snapshot().Doc()
	if now.Request.Prompt != d.Request.Prompt || now.Plan != d.Plan || now.Predicted == nil || now.Stale {
		t.Errorf("prompt %d, its plan %v, predicted %v, stale %v", now.Request.Prompt, now.Plan == d.Plan, now.Predicted != nil, now.Stale)
	}
	if err := workflow.CheckPlan("the plan brought back", now.Program, now.Plan); err != nil {
		t.Error(err)
	}
}
