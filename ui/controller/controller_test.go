package controller

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"strata/malloc"
	"strata/workflow"
)

// open gives a controller with the sample open and nothing running.
func open(t *testing.T, opt Options) (*Controller, *Document) {
	t.Helper()
	t.Setenv("STRATA_HOST_PROFILE", filepath.Join(t.TempDir(), "host.json"))
	if opt.Debounce == 0 {
		opt.Debounce = 20 * time.Millisecond
	}
	if opt.Refine == 0 {
		opt.Refine = -1
	}
	c := New(opt)
	t.Cleanup(c.Close)
	c.OpenSample()
	settle(t, c)
	d := c.Snapshot().Doc()
	if d == nil || d.Plan == nil {
		t.Fatalf("the sample has no plan; fault %+v", c.Snapshot().Fault)
	}
	return c, d
}

func settle(t *testing.T, c *Controller) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := c.Idle(ctx); err != nil {
		t.Fatalf("work did not end: %v; tasks %+v", err, c.Snapshot().Tasks)
	}
}

func TestSampleIsShownPlannedAtOnce(t *testing.T) {
	c, d := open(t, Options{})
	s := c.Snapshot()
	if s.Fault != nil {
		t.Errorf("fault %q", s.Fault.Text)
	}
	if d.Verdict.Word == "" || d.Predicted.Timeline == nil || len(d.Attribution.Tiers) == 0 || d.LowerBound.TotalS <= 0 {
		t.Errorf("incomplete document: verdict %+v, tiers %v, bound %v", d.Verdict, d.Attribution.Tiers, d.LowerBound)
	}
	for _, tb := range d.Attribution.Tiers {
		if used := d.Predicted.Tiers[tb.Tier].UsedBytes; tb.Live > used || tb.Live <= 0 {
			t.Errorf("tier %d: %d bytes live at its fullest, highest address %d", tb.Tier, tb.Live, used)
		}
	}
}

// TestSliderIsOneStep drags a slider: views see the value at once, planning
// follows the rest, and undo takes the whole drag back.
func TestSliderIsOneStep(t *testing.T) {
	c, d := open(t, Options{Debounce: 100 * time.Millisecond})
	for ctx := 1000; ctx <= 1100; ctx += 10 {
		c.SetWorkload(d.ID, "context", "context", func(r *workflow.Request) { r.Context = ctx })
	}
	now := c.Snapshot().Doc()
	if now.Request.Context != 1100 || !now.Stale {
		t.Errorf("while dragging: context %d, stale %v", now.Request.Context, now.Stale)
	}
	if now.Plan != d.Plan {
		t.Error("planned before the slider rested")
	}
	settle(t, c)
	planned := c.Snapshot().Doc()
	if planned.Stale || planned.Plan == d.Plan || planned.Plan == nil || planned.PlanVersion == d.PlanVersion {
		t.Fatalf("after the rest: stale %v, new plan %v", planned.Stale, planned.Plan != d.Plan)
	}
	if err := workflow.CheckPlan("the plan shown", planned.Program, planned.Plan); err != nil {
		t.Error(err)
	}
	if c.Snapshot().Undo != "context" {
		t.Errorf("undo is %q", c.Snapshot().Undo)
	}
	c.Undo()
	settle(t, c)
	back := c.Snapshot().Doc()
	if back.Request.Context != d.Request.Context || back.Plan != d.Plan || c.Snapshot().Undo != "" || c.Snapshot().Redo != "context" {
		t.Errorf("undo: context %d, same plan %v, undo %q, redo %q", back.Request.Context, back.Plan == d.Plan, c.Snapshot().Undo, c.Snapshot().Redo)
	}
	c.Redo()
	settle(t, c)
	if got := c.Snapshot().Doc(); got.Request.Context != 1100 || got.Plan != planned.Plan {
		t.Errorf("redo: context %d, same plan %v", got.Request.Context, got.Plan == planned.Plan)
	}
}

// TestTooLittleMemoryNamesTheFix asks for less than anything needs and presses
// the button that the error offers.
func TestTooLittleMemoryNamesTheFix(t *testing.T) {
	c, d := open(t, Options{})
	tier := d.Program.Tiers[d.HomeTier].Name
	c.SetCapacity(d.ID, tier, d.Limits.LeastBytes/2)
	settle(t, c)
	s := c.Snapshot()
	if s.Fault == nil || len(s.Fault.Fixes) == 0 {
		t.Fatalf("fault %+v", s.Fault)
	}
	if now := s.Doc(); now.Plan != nil || now.Verdict.Tone != Bad || !strings.Contains(now.Verdict.Word, "OVER") {
		t.Errorf("plan %v, verdict %+v", now.Plan != nil, now.Verdict)
	}
	fix := slices.IndexFunc(s.Fault.Fixes, func(f Fix) bool { return strings.HasSuffix(f.Label, "of "+tier) })
	if fix < 0 {
		t.Fatalf("no fix by capacity in %+v", s.Fault.Fixes)
	}
	c.ApplyFix(fix)
	settle(t, c)
	if s := c.Snapshot(); s.Fault != nil || s.Doc().Plan == nil || s.Doc().Verdict.Tone == Bad {
		t.Errorf("after the fix: fault %+v, verdict %+v", s.Fault, s.Doc().Verdict)
	}
}

func TestContextBeyondTrainingNamesTheFix(t *testing.T) {
	c, d := open(t, Options{})
	c.SetWorkload(d.ID, "context", "", func(r *workflow.Request) { r.Context = int(d.Inspection.Context) + 1 })
	settle(t, c)
	s := c.Snapshot()
	if s.Fault == nil || len(s.Fault.Fixes) == 0 || s.Fault.Fixes[0].Label != "Use context 8,192" {
		t.Fatalf("fault %+v", s.Fault)
	}
	c.ApplyFix(0)
	settle(t, c)
	if got := c.Snapshot().Doc().Request.Context; got != 8192 {
		t.Errorf("context %d", got)
	}
}

// TestSearchStopsWithTheBest starts a long search, stops it, and expects a plan
// no worse than before, its curve falling, and one step to take it back.
func TestSearchStopsWithTheBest(t *testing.T) {
	c, d := open(t, Options{})
	// Begin from a poor plan, so that the search must find a better one.
	c.SetWorkload(d.ID, "prompt", "", func(r *workflow.Request) { r.Prompt = 32 })
	settle(t, c)
	d = c.Snapshot().Doc()
	c.StartSearch(d.ID, SearchOptions{Solver: "auto", Time: 5 * time.Minute, Seed: 1})
	deadline := time.Now().Add(60 * time.Second)
	for len(c.Snapshot().Doc().Search.Curve) < 2 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if task := c.Snapshot().Task(TaskSearch, d.ID); task == nil || !task.KeepsBest {
		t.Fatalf("task %+v", task)
	}
	c.StopSearch(d.ID)
	settle(t, c)
	now := c.Snapshot().Doc()
	if now.Search.Running || now.Search.Stopped == "" || now.Search.Component == "" || now.Search.Evaluations == 0 {
		t.Errorf("search ended as %+v", now.Search)
	}
	if now.Predicted.PredictedS > d.Predicted.PredictedS*(1+1e-9) {
		t.Errorf("the plan became slower: %g after %g", now.Predicted.PredictedS, d.Predicted.PredictedS)
	}
	if !slices.IsSortedFunc(now.Search.Curve, func(a, b [2]float64) int {
		return cmp.Compare(b[1], a[1])
	}) {
		t.Errorf("the curve rises: %v", now.Search.Curve)
	}
	if now.Search.Improved {
		c.Undo()
		settle(t, c)
		if back := c.Snapshot().Doc(); back.Plan != d.Plan {
			t.Error("undo did not bring the plan back that the search began with")
		}
	}
}

// TestMoveAndLock streams a resident weight, takes it back, and finds it refused
// while locked.
func TestMoveAndLock(t *testing.T) {
	c, d := open(t, Options{})
	kinds, _ := d.Residencies()
	moved := -1
	for b, k := range kinds {
		if k != Resident || d.Program.Buffers[b].Kind != malloc.KindParam {
			continue
		}
		done := make(chan MovePreview, 1)
		c.PreviewMove(d.ID, []int{b}, d.Program.Buffers[b].Home, func(p MovePreview) { done <- p })
		if p := <-done; p.Legal {
			moved = b
			break
		}
	}
	if moved < 0 {
		t.Fatal("no resident weight could be streamed")
	}
	home := d.Program.Buffers[moved].Home
	c.Move(d.ID, []int{moved}, home)
	settle(t, c)
	now := c.Snapshot().Doc()
	if kinds, _ := now.Residencies(); kinds[moved] == Resident {
		t.Errorf("%s still stays", now.Program.Buffers[moved].Name)
	}
	if err := workflow.CheckPlan("the moved plan", now.Program, now.Plan); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(c.Snapshot().Undo, "move ") {
		t.Errorf("undo is %q", c.Snapshot().Undo)
	}
	c.Undo()
	settle(t, c)
	c.Lock(d.ID, []int{moved}, true)
	if !c.Snapshot().Doc().IsLocked(moved) {
		t.Fatal("not locked")
	}
	c.Move(d.ID, []int{moved}, home)
	settle(t, c)
	if f := c.Snapshot().Fault; f == nil || !strings.Contains(f.Text, "locked") {
		t.Errorf("fault %+v", f)
	}
	if c.Snapshot().Doc().Plan != d.Plan {
		t.Error("a locked tensor moved")
	}
}

func TestBrokenFilesGoToTheErrorBar(t *testing.T) {
	c, _ := open(t, Options{})
	dir := t.TempDir()
	for name, content := range map[string]string{"a.gguf": "GGUF", "b.json": `{"format":"mmap-plan/1"}`, "c.json": `{"format":"strata-profile/1"}`, "d.txt": "x"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Dismiss()
		c.Open(path)
		settle(t, c)
		if f := c.Snapshot().Fault; f == nil || f.Text == "" {
			t.Errorf("%s: no error is shown", name)
		}
		if n := len(c.Snapshot().Docs); n != 1 {
			t.Errorf("%s: %d documents", name, n)
		}
	}
}

// memory is a Store in memory.
type memory struct {
	mu sync.Mutex
	s  *Session
}

func (m *memory) Load() (*Session, error) { m.mu.Lock(); defer m.mu.Unlock(); return m.s, nil }
func (m *memory) Save(s *Session) error   { m.mu.Lock(); defer m.mu.Unlock(); m.s = s; return nil }

func TestSessionComesBack(t *testing.T) {
	store := &memory{}
	c, d := open(t, Options{Store: store, Autosave: 10 * time.Millisecond})
	c.SetWorkload(d.ID, "prompt", "", func(r *workflow.Request) { r.Prompt = 48 })
	c.SetTheme("dark")
	settle(t, c)
	want := c.Snapshot().Doc()
	c.Close()

	again := New(Options{Store: store, Refine: -1})
	t.Cleanup(again.Close)
	if !again.Restore() {
		t.Fatal("nothing was restored")
	}
	settle(t, again)
	s := again.Snapshot()
	if s.Settings.Theme != "dark" || len(s.Docs) != 1 {
		t.Fatalf("settings %+v, %d documents", s.Settings, len(s.Docs))
	}
	got := s.Doc()
	if got.Request.Prompt != 48 || got.Plan == nil || got.Predicted.PredictedS != want.Predicted.PredictedS {
		t.Errorf("prompt %d, plan %v, %g s for %g s", got.Request.Prompt, got.Plan != nil, got.Predicted.PredictedS, want.Predicted.PredictedS)
	}
}

// TestEditedProfileSaysWhatWasTyped changes a machine and expects the change to
// be marked as assumed, the rest as it was.
func TestEditedProfileSaysWhatWasTyped(t *testing.T) {
	c, d := open(t, Options{})
	p := d.Machine
	q, err := EditProfile(p, "half", []ProfileEdit{{Tier: "dram", Field: "capacity", Value: 1 << 30}, {Link: p.Links[0].Name, Field: "bw", Value: 1e9}})
	if err != nil {
		t.Fatal(err)
	}
	tier, _ := q.Tier("dram")
	if tier.CapacityBytes.V != 1<<30 || q.Sources[tier.CapacityBytes.Source].Kind != "assumed" || q.Links[0].BW.V != 1e9 {
		t.Errorf("tier %+v, link %+v", tier.CapacityBytes, q.Links[0].BW)
	}
	if before, _ := p.Tier("dram"); before.CapacityBytes.V == 1<<30 {
		t.Error("the original changed")
	}
	if _, err := EditProfile(p, "../x", nil); err == nil {
		t.Error("a name with a path was accepted")
	}
	c.SaveProfile(p, "half", []ProfileEdit{{Link: p.Links[0].Name, Field: "bw", Value: 1e9}})
	for i := 0; i < 500 && !strings.HasSuffix(c.Snapshot().Doc().Request.HW, "half.json"); i++ {
		time.Sleep(5 * time.Millisecond)
	}
	settle(t, c)
	if now := c.Snapshot().Doc(); now.Machine == nil || now.Machine.Name != "half" {
		t.Errorf("the document is on %+v, fault %+v", now.Request.HW, c.Snapshot().Fault)
	}
}

func TestBusTellsOnlyChanges(t *testing.T) {
	b := NewBus()
	var got []Change
	cancel := b.Subscribe(func(_ BusState, what Change) { got = append(got, what) })
	b.SelectBuffers(1, 5, 3, 5)
	b.SelectBuffers(1, 3, 5) // the same
	b.SetHover(Hover{Buf: 3, Instr: -1, Copy: -1})
	b.SetHover(Hover{Buf: 3, Instr: -1, Copy: -1})
	b.SetCursor(Cursor{On: true, Instr: 2})
	b.Toggle(1, 3)
	if s := b.State().Selection; !slices.Equal(s.Buffers, []int{5}) || !s.Has(5) || s.Has(3) {
		t.Errorf("selected %v", s.Buffers)
	}
	cancel()
	b.Clear()
	if want := []Change{SelectionChanged, HoverChanged, CursorChanged, SelectionChanged}; !slices.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
}
