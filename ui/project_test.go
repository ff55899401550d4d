package ui

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strata/model/modeltest"
	"strata/projects"
	"strata/ui/controller"
	"strata/workflow"
)

// openStore opens a project store that the test closes.
func openStore(t *testing.T, path string) *controller.ProjectStore {
	t.Helper()
	db, err := projects.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &controller.ProjectStore{DB: db}
}

// TestProjectOpensOnAnotherMachine: a project written by the window of one machine
// opens in the window of another, which has neither the model nor the profile: all
// views draw it, it is planned for another machine, and it comes back after a
// restart. The command line shows it too.
func TestProjectOpensOnAnotherMachine(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "small.gguf")
	small := modeltest.Small()[0]
	small.Layers, small.Context = 3, 512
	if err := small.GGUF().Write(model); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join("..", "assets", "profiles", "laptop.json"))
	if err != nil {
		t.Fatal(err)
	}
	profile := filepath.Join(dir, "mine.json")
	if err := os.WriteFile(profile, bytes.Replace(body, []byte(`"notes": "`), []byte(`"notes": "Mine. `), 1), 0o600); err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(dir, "mine"+projectExtension)
	mine := emptyStand(t, openStore(t, filepath.Join(dir, "mine.db")))
	mine.c.Open(model)
	mine.settle()
	mine.c.Open(profile)
	mine.settle()
	d := mine.c.Snapshot().Doc()
	if d == nil || d.Plan == nil || d.Request.HW != profile {
		t.Fatalf("the model on its profile: %+v, fault %+v", d, mine.c.Snapshot().Fault)
	}
	mine.c.Lock(d.ID, []int{0, 3}, true)
	mine.c.ExportProject(d.ID, file)
	mine.settle()
	want := mine.c.Snapshot().Doc()
	if f := mine.c.Snapshot().Fault; f != nil {
		t.Fatal(f.Text)
	}
	for _, gone := range []string{model, profile} {
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
	}

	path := filepath.Join(dir, "theirs.db")
	store := openStore(t, path)
	theirs := emptyStand(t, store)
	theirs.c.Open(file)
	theirs.settle()
	got := theirs.c.Snapshot().Doc()
	if f := theirs.c.Snapshot().Fault; f != nil || got == nil {
		t.Fatalf("the project does not open: %+v", f)
	}
	if got.Predicted == nil || got.Predicted.PredictedS != want.Predicted.PredictedS || !slices.Equal(got.Locked, want.Locked) || got.HasWeights() {
		t.Errorf("the project opens with %+v, locked %v; its owner has %+v, locked %v", got.Predicted, got.Locked, want.Predicted, want.Locked)
	}
	for _, v := range theirs.views {
		theirs.show(v.ID())
		theirs.settle()
		if img := theirs.win.Canvas().Capture(); img.Bounds().Dx() < 1280 {
			t.Errorf("%s: captured %v", v.ID(), img.Bounds())
		}
	}
	theirs.c.SetMachine(got.ID, "raspberry-pi-5")
	theirs.settle()
	again := theirs.c.Snapshot().Doc()
	if f := theirs.c.Snapshot().Fault; f != nil || again.Plan == nil || again.Stale || again.Machine.Name != "raspberry-pi-5" || again.Predicted.PredictedS == got.Predicted.PredictedS {
		t.Errorf("on another machine: %v, fault %+v", again.Verdict, f)
	}
	theirs.c.SetMachine(got.ID, "h100-80gb")
	theirs.settle()
	two := theirs.c.Snapshot().Doc()
	spare := 0
	for _, u := range two.Predicted.Tiers {
		if u.CapacityBytes >= 0 {
			spare++
		}
	}
	if n := strings.Count(two.Verdict.Sentence, "to spare"); spare < 2 || n != spare {
		t.Errorf("%d limited tiers, the verdict has %d margins: %s", spare, n, two.Verdict.Sentence)
	}
	again = two
	theirs.c.Close()

	v, err := workflow.ViewProject(t.Context(), store.DB, "1")
	if err != nil || v.Problem != nil || v.Predicted == nil || v.Predicted.PredictedS != again.Predicted.PredictedS {
		t.Errorf("the command line sees %+v, %v", v, err)
	}
	store.DB.Close()
	back := emptyStand(t, openStore(t, path))
	if !back.c.Restore() {
		t.Fatalf("nothing comes back: %+v", back.c.Snapshot().Fault)
	}
	back.settle()
	if d := back.c.Snapshot().Doc(); d.Name != got.Name || d.Predicted == nil || d.Predicted.PredictedS != again.Predicted.PredictedS {
		t.Errorf("%s comes back as %s: %v", got.Name, d.Name, d.Verdict)
	}
}
