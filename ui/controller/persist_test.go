package controller

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"strata/projects"
	"strata/workflow"
)

// database opens a project store in a folder of the test.
func database(t *testing.T, dir string) *ProjectStore {
	t.Helper()
	db, err := projects.Open(filepath.Join(dir, "projects.db"))
	if err != nil {
		t.Fatal(err)
	}
	return &ProjectStore{DB: db}
}

// TestUndoOutlivesTheProgram makes three steps, takes one back, and finds the same
// history after a restart: by name, with its plans, locks and requests.
func TestUndoOutlivesTheProgram(t *testing.T) {
	dir := t.TempDir()
	store := database(t, dir)
	c, d := open(t, Options{Store: store, Autosave: time.Hour})
	first := d.Request.Prompt
	c.SetWorkload(d.ID, "prompt 48", "", func(r *workflow.Request) { r.Prompt = 48 })
	settle(t, c)
	at48 := c.Snapshot().Doc()
	c.Lock(d.ID, []int{3, 5}, true)
	c.SetWorkload(d.ID, "prompt 40", "", func(r *workflow.Request) { r.Prompt = 40 })
	settle(t, c)
	at40 := c.Snapshot().Doc()
	c.Undo()
	settle(t, c)
	lock := c.Snapshot().Undo
	c.Close()
	if err := store.DB.Close(); err != nil {
		t.Fatal(err)
	}

	store = database(t, dir)
	again := New(Options{Store: store, Refine: -1, Autosave: time.Hour})
	t.Cleanup(func() { again.Close(); store.DB.Close() })
	if !again.Restore() {
		t.Fatalf("nothing came back; fault %+v", again.Snapshot().Fault)
	}
	settle(t, again)
	s := again.Snapshot()
	if s.Undo != lock || s.Redo != "prompt 40" || len(s.Doc().Locked) != 2 {
		t.Fatalf("undo %q for %q, redo %q, locked %v", s.Undo, lock, s.Redo, s.Doc().Locked)
	}
	again.Redo()
	settle(t, again)
	now := again.Snapshot().Doc()
	if now.Request.Prompt != 40 || now.Plan == nil || now.Stale || now.Predicted.PredictedS != at40.Predicted.PredictedS || len(now.Locked) != 2 {
		t.Errorf("redo: prompt %d, %v, locked %v", now.Request.Prompt, now.Verdict, now.Locked)
	}
	again.Undo()
	again.Undo()
	settle(t, again)
	now = again.Snapshot().Doc()
	if now.Request.Prompt != 48 || now.Predicted.PredictedS != at48.Predicted.PredictedS || len(now.Locked) != 0 || again.Snapshot().Undo != "prompt 48" {
		t.Errorf("undo of the lock: prompt %d, locked %v, undo %q", now.Request.Prompt, now.Locked, again.Snapshot().Undo)
	}
	if err := workflow.CheckPlan("the plan that came back", now.Program, now.Plan); err != nil {
		t.Error(err)
	}
	again.Undo()
	settle(t, again)
	if now := again.Snapshot(); now.Doc().Request.Prompt != first || now.Undo != "" || now.Doc().Plan == nil {
		t.Errorf("at the first step: prompt %d, undo %q", now.Doc().Request.Prompt, now.Undo)
	}
	// A new change ends what could be done again, as ever.
	again.SetWorkload(now.ID, "prompt 32", "", func(r *workflow.Request) { r.Prompt = 32 })
	settle(t, again)
	if s := again.Snapshot(); s.Undo != "prompt 32" || s.Redo != "" {
		t.Errorf("after a change: undo %q, redo %q", s.Undo, s.Redo)
	}
}

// TestKeptHistoryIsBounded keeps the steps around the present only.
func TestKeptHistoryIsBounded(t *testing.T) {
	c, d := open(t, Options{})
	for range maxKeptSteps + 30 {
		c.Lock(d.ID, []int{1}, len(c.Snapshot().Doc().Locked) == 0)
	}
	for range 10 {
		c.Undo()
	}
	settle(t, c)
	saved := c.Session().Docs[0]
	if len(saved.History) != maxKeptSteps || saved.Undone > 10 {
		t.Errorf("%d steps are kept, %d of them undone", len(saved.History), saved.Undone)
	}
	if now := len(saved.History) - saved.Undone; now > 0 && len(saved.History[now-1].After.Locked) != len(saved.Locked) {
		t.Error("the kept history does not lead to the present state")
	}
}

// TestRunsOutliveTheProgram runs the sample's plan here, and finds the run with its
// timelines after a restart.
func TestRunsOutliveTheProgram(t *testing.T) {
	if _, err := os.Stat(workflow.SampleModelPath()); err != nil {
		t.Skip("the sample model is not fetched: `make model`")
	}
	dir := t.TempDir()
	store := database(t, dir)
	c, d := open(t, Options{Store: store, Autosave: time.Hour})
	if !d.HasWeights() {
		t.Skip("the sample model is not whole")
	}
	c.SetWorkload(d.ID, "short", "", func(r *workflow.Request) { r.Prompt, r.Gen, r.Context = 8, 4, 64 })
	settle(t, c)
	var metered atomic.Bool
	c.Subscribe(func(s *Snapshot) {
		task := s.Task(TaskValidate, 0)
		if task != nil && task.Meters != nil && task.Meters.Stage != "" && task.LeftS >= 0 {
			metered.Store(true)
		}
	})
	c.StartValidate(d.ID, ValidateOptions{Repeat: 1})
	settle(t, c)
	if !metered.Load() {
		t.Error("no meters while it ran")
	}
	runs := c.Snapshot().Doc().Runs()
	if len(runs) != 1 || runs[0].Result == nil || runs[0].Run == 0 {
		t.Fatalf("runs %+v, fault %+v", runs, c.Snapshot().Fault)
	}
	want := runs[0].Result
	c.Undo()
	if n := len(c.Snapshot().Doc().Runs()); n != 0 {
		t.Errorf("the plan before has %d runs", n)
	}
	c.Redo()
	settle(t, c)
	if n := len(c.Snapshot().Doc().Runs()); n != 1 {
		t.Errorf("the plan has %d runs after undo and redo", n)
	}
	c.Close()
	store.DB.Close()

	store = database(t, dir)
	again := New(Options{Store: store, Refine: -1, Autosave: time.Hour})
	t.Cleanup(func() { again.Close(); store.DB.Close() })
	if !again.Restore() {
		t.Fatal("nothing came back")
	}
	settle(t, again)
	var got []Validation
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = again.Snapshot().Doc().Runs(); len(got) == 1 && got[0].Result.Measured != nil {
			break
		}
	}
	if len(got) != 1 || got[0].Result == nil || got[0].Result.Measured == nil || got[0].Result.Predicted == nil {
		t.Fatalf("runs that came back: %+v", got)
	}
	r := got[0].Result
	if r.State != want.State || r.Passed != want.Passed || r.Time.MeasuredSPerToken != want.Time.MeasuredSPerToken || len(r.Tokens) != len(want.Tokens) || r.File != want.File {
		t.Errorf("%+v came back for %+v", r, want)
	}
	if len(r.Measured.Lanes) != len(want.Measured.Lanes) || len(r.Report().Rows) != len(want.Report().Rows) {
		t.Error("its timeline or report differs")
	}
	if again.Snapshot().Doc().Measured() == nil {
		t.Error("no view can lay the measured timeline over the predicted one")
	}
}

// TestRecentFilesHaveThumbnails opens a file and finds a picture of its plan in the
// recent list, now and after a restart.
func TestRecentFilesHaveThumbnails(t *testing.T) {
	dir := t.TempDir()
	store := database(t, dir)
	c, _ := open(t, Options{Store: store, Autosave: time.Hour})
	path := filepath.Join("..", "..", "testdata", "instances", "smollm2-decode.json.gz")
	c.Open(path)
	settle(t, c)
	if len(c.Snapshot().Recent) != 1 {
		t.Fatalf("recent %+v, fault %+v", c.Snapshot().Recent, c.Snapshot().Fault)
	}
	c.Close()
	store.DB.Close()

	store = database(t, dir)
	again := New(Options{Store: store, Refine: -1, Autosave: time.Hour})
	t.Cleanup(func() { again.Close(); store.DB.Close() })
	list := again.Snapshot().Recent
	if len(list) != 1 || list[0].Thumbnail == nil || list[0].Verdict.Word == "" {
		t.Fatalf("recent files that came back: %+v", list)
	}
	img, err := png.Decode(bytes.NewReader(list[0].Thumbnail))
	if err != nil || img.Bounds().Dx() < 200 {
		t.Errorf("thumbnail: %v, %v", img, err)
	}
	stored, err := store.DB.LoadSession(t.Context())
	if err != nil || len(stored.Projects) != 2 || stored.Projects[1].Thumbnail == nil || stored.Projects[1].Instance == nil {
		t.Errorf("the stored project lacks its thumbnail or instance: %v", err)
	}
}
