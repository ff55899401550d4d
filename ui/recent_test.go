package ui

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"strata/projects"
	"strata/ui/controller"
	"strata/ui/views"
)

// TestRecentListHasPictures opens an instance, starts again, and finds the picture
// of its plan in the list of recent files.
func TestRecentListHasPictures(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("STRATA_HOST_PROFILE", filepath.Join(dir, "host.json"))
	app := test.NewTempApp(t)
	start := func() (*stand, *projects.Store) {
		db, err := projects.Open(filepath.Join(dir, "projects.db"))
		if err != nil {
			t.Fatal(err)
		}
		q := &queue{}
		c := controller.New(controller.Options{Post: q.post, Refine: -1, Store: &controller.ProjectStore{DB: db}, Autosave: time.Hour})
		return &stand{NewWindow(app, c, Views()), t, q}, db
	}
	s, db := start()
	s.OpenPaths(filepath.Join("..", "testdata", "instances", "smollm2-decode.json.gz"))
	s.settle()
	s.c.Close()
	db.Close()

	s, db = start()
	defer func() { s.c.Close(); db.Close() }()
	s.show(views.Overview)
	s.settle()
	pictures := 0
	for _, o := range test.LaidOutObjects(s.view(views.Overview).Content()) {
		if img, ok := o.(*canvas.Image); ok && img.Resource != nil && strings.HasSuffix(img.Resource.Name(), "smollm2-decode.json.gz") {
			pictures++
			if img.Size().Width < 40 {
				t.Errorf("the picture has %v", img.Size())
			}
		}
	}
	if pictures != 1 {
		t.Errorf("%d pictures in the list of recent files", pictures)
	}
}
