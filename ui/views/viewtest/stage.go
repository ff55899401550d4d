// Package viewtest opens views on the embedded sample in Fyne's test driver,
// without a display.
package viewtest

import (
	"context"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/theme"
	"strata/ui/views"
	"strata/ui/viz"
)

// Stage is a window with one view of the sample.
type Stage struct {
	Host     *views.Host
	Window   fyne.Window
	App      fyne.App
	Palette  *viz.Palette
	Settings map[string]string
	Shown    string // the view that was asked for last
	view     views.View
	mu       sync.Mutex
	queue    []func()
}

// Open starts a controller on the sample and waits until it is planned.
func Open(t testing.TB) *Stage {
	t.Helper()
	s := &Stage{Palette: viz.Light, Settings: map[string]string{}}
	s.App = test.NewTempApp(t)
	s.App.Settings().SetTheme(&theme.Theme{Palette: s.Palette, Scale: 1})
	theme.Use(s.Palette)
	s.Window = test.NewTempWindow(t, nil)
	s.Window.SetPadded(false)
	c := controller.New(controller.Options{Post: s.post, Refine: -1})
	t.Cleanup(c.Close)
	s.Host = &views.Host{
		Controller: c, Bus: c.Bus, Window: s.Window,
		Palette:    func() *viz.Palette { return s.Palette },
		Show:       func(id string) { s.Shown = id },
		Run:        func(string) bool { return false },
		Do:         s.post,
		Menu:       func(fyne.Position, []command.Command) {},
		Setting:    func(key string) string { return s.Settings[key] },
		SetSetting: func(key, value string) { s.Settings[key] = value },
	}
	c.OpenSample()
	s.Settle(t)
	if c.Snapshot().Doc() == nil {
		t.Fatal("the sample did not open")
	}
	return s
}

// post queues work for the test's goroutine, which is the window's.
func (s *Stage) post(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, f)
}

// run does the work that is queued.
func (s *Stage) run() bool {
	s.mu.Lock()
	list := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, f := range list {
		f()
	}
	return len(list) > 0
}

// Settle waits until the controller rests and all work is done.
func (s *Stage) Settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if err := s.Host.Controller.Idle(ctx); err != nil {
			t.Fatal(err)
		}
		if !s.run() {
			return
		}
	}
}

// Wait does queued work until done says so, for answers that no task stands for.
func (s *Stage) Wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		s.run()
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// Put shows a view.
func (s *Stage) Put(t testing.TB, v views.View) {
	t.Helper()
	s.view = v
	s.Window.SetContent(v.Content())
	s.Window.Resize(fyne.NewSize(1280, 720))
	v.Update(s.Host.Controller.Snapshot())
	s.Settle(t)
}

// Theme changes the palette.
func (s *Stage) Theme(p *viz.Palette) {
	s.Palette = p
	theme.Use(p)
	s.App.Settings().SetTheme(&theme.Theme{Palette: p, Scale: 1})
	s.view.Update(s.Host.Controller.Snapshot())
}

// Shot writes what the window shows into the folder that STRATA_SHOTS names.
func (s *Stage) Shot(t testing.TB, name string) {
	t.Helper()
	dir := os.Getenv("STRATA_SHOTS")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, s.Window.Canvas().Capture()); err != nil {
		t.Fatal(err)
	}
}
