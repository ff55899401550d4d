package ui

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"strata/ui/controller"
	"strata/ui/theme"
	"strata/ui/views"
	"strata/workflow"
)

// queue stands for Fyne's goroutine: what the controller posts waits until the
// test runs it.
type queue struct {
	mu   sync.Mutex
	work []func()
}

func (q *queue) post(f func()) {
	q.mu.Lock()
	q.work = append(q.work, f)
	q.mu.Unlock()
}

func (q *queue) drain() {
	for {
		q.mu.Lock()
		work := q.work
		q.work = nil
		q.mu.Unlock()
		if len(work) == 0 {
			return
		}
		for _, f := range work {
			f()
		}
	}
}

// stand is a window with the sample open, in the test driver.
type stand struct {
	*Window
	t *testing.T
	q *queue
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := emptyStand(t, nil)
	s.c.OpenSample()
	s.settle()
	if d := s.c.Snapshot().Doc(); d == nil || d.Plan == nil {
		t.Fatalf("the sample has no plan: %+v", s.c.Snapshot().Fault)
	}
	return s
}

// emptyStand is a window of a machine of its own, without a document.
func emptyStand(t *testing.T, store controller.Store) *stand {
	t.Helper()
	t.Setenv("STRATA_HOST_PROFILE", filepath.Join(t.TempDir(), "host.json"))
	app := test.NewTempApp(t)
	q := &queue{}
	c := controller.New(controller.Options{Post: q.post, Debounce: 10 * time.Millisecond, Refine: -1, Store: store, Autosave: time.Hour})
	t.Cleanup(c.Close)
	s := &stand{NewWindow(app, c, Views()), t, q}
	s.win.Resize(fyne.NewSize(1280, 720))
	return s
}

func (s *stand) settle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if err := s.c.Idle(ctx); err != nil {
		buf := make([]byte, 1<<20)
		s.t.Fatalf("%v; tasks %+v\n%s", err, s.c.Snapshot().Tasks, buf[:runtime.Stack(buf, true)])
	}
	s.q.drain()
}

// TestEveryViewFitsTheSmallestScreen shows each view in each theme at 1280 × 720.
func TestEveryViewFitsTheSmallestScreen(t *testing.T) {
	s := newStand(t)
	for _, name := range theme.Names() {
		s.c.SetTheme(name)
		s.q.drain()
		for _, v := range s.views {
			s.show(v.ID())
			if s.shown != v || s.stage.Objects[0] != v.Content() {
				t.Errorf("%s is not shown", v.ID())
			}
			// The menu bar, which the test window does not have, takes 30 pixels.
			if m := s.root.MinSize(); m.Width > 1280 || m.Height > 690 {
				t.Errorf("%s, %s: needs %.0f × %.0f", name, v.ID(), m.Width, m.Height)
			}
			if name != "dark" && name != "high-contrast" {
				continue // drawing everything in software takes its time
			}
			if img := s.win.Canvas().Capture(); img.Bounds().Dx() < 1280 {
				t.Errorf("%s: captured %v", v.ID(), img.Bounds())
			}
		}
	}
}

// TestKeysAreUnambiguous: one key is one command, in every view.
func TestKeysAreUnambiguous(t *testing.T) {
	s := newStand(t)
	ids := map[string]bool{}
	for i := range s.commands {
		c := &s.commands[i]
		if c.ID == "" || c.Title == "" || c.Run == nil {
			t.Errorf("command %q lacks a name or an action", c.ID)
		}
		if ids[c.ID] {
			t.Errorf("two commands are called %q", c.ID)
		}
		ids[c.ID] = true
		for j := range s.commands[:i] {
			o := &s.commands[j]
			if o.View != c.View {
				continue // a view's own key comes before the window's
			}
			for _, a := range c.Keys {
				for _, b := range o.Keys {
					if parseKey(a) == parseKey(b) {
						t.Errorf("%q means %s and %s", a, o.ID, c.ID)
					}
				}
			}
		}
	}
}

// TestKeysReachCommands presses the keys of the window's commands.
func TestKeysReachCommands(t *testing.T) {
	s := newStand(t)
	s.typedRune('?')
	if len(s.win.Canvas().Overlays().List()) == 0 {
		t.Error("? lists nothing")
	}
	for _, o := range s.win.Canvas().Overlays().List() {
		s.win.Canvas().Overlays().Remove(o)
	}
	s.show(views.Search)
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyF5})
	if d := s.c.Snapshot().Doc(); !d.Search.Running {
		t.Error("F5 does not search")
	}
	s.c.StopSearch(s.c.Snapshot().Doc().ID)
	s.settle()
}

func TestPaletteFindsCommandsAndTensors(t *testing.T) {
	s := newStand(t)
	s.openPalette("")
	test.Type(s.picker.entry, "hardware")
	if len(s.picker.found) == 0 || s.picker.found[0].title != "Hardware" {
		t.Fatalf("found %+v", s.picker.found)
	}
	s.picker.entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if s.picker != nil || s.shown.ID() != views.Hardware {
		t.Errorf("palette open %v, view %s", s.picker != nil, s.shown.ID())
	}
	s.openPalette("")
	name := s.c.Snapshot().Doc().Program.Buffers[10].Name
	s.picker.entry.SetText(name)
	found := false
	for i, e := range s.picker.found {
		if e.title == name {
			found = true
			s.picker.choose(i)
			break
		}
	}
	if sel := s.c.Bus.State().Selection; !found || !sel.Has(10) {
		t.Errorf("tensor %q: found %v, selected %v", name, found, sel.Buffers)
	}
}

// TestErrorBarAppliesItsFix makes the budget too small and presses the button.
func TestErrorBarAppliesItsFix(t *testing.T) {
	s := newStand(t)
	d := s.c.Snapshot().Doc()
	s.c.SetCapacity(d.ID, d.Program.Tiers[d.HomeTier].Name, d.Limits.LeastBytes/2)
	s.settle()
	if !s.fault.root.Visible() || len(s.fault.fixes.Objects) == 0 {
		t.Fatalf("bar visible %v, %d buttons", s.fault.root.Visible(), len(s.fault.fixes.Objects))
	}
	test.Tap(s.fault.fixes.Objects[0].(*widget.Button))
	s.settle()
	if s.fault.root.Visible() || s.c.Snapshot().Doc().Plan == nil {
		t.Errorf("after the fix: bar %v, plan %v", s.fault.root.Visible(), s.c.Snapshot().Doc().Plan != nil)
	}
	s.run("edit.undo")
	s.settle()
	if got := s.c.Snapshot().Doc(); got.Plan != nil {
		t.Error("undo of the fix still fits")
	}
}

// TestViewsCanBeTakenOut saves and copies each view.
func TestViewsCanBeTakenOut(t *testing.T) {
	s := newStand(t)
	dir := t.TempDir()
	for _, v := range s.views {
		s.show(v.ID())
		e := s.export()
		if v.ID() != views.Validate && e.Text == nil && e.Table == nil && e.Figure == nil {
			t.Errorf("%s gives nothing", v.ID())
		}
		for ext, has := range map[string]bool{".png": true, ".txt": e.Text != nil, ".csv": e.Table != nil, ".svg": e.Figure != nil && e.Figure() != nil} {
			path := filepath.Join(dir, v.ID()+ext)
			err := s.SaveView(path)
			if has != (err == nil) {
				t.Errorf("%s%s: %v", v.ID(), ext, err)
			}
			if info, statErr := os.Stat(path); err == nil && (statErr != nil || info.Size() == 0) {
				t.Errorf("%s%s is empty", v.ID(), ext)
			}
		}
	}
	s.show(views.Overview)
	s.copyText()
	if got := s.app.Clipboard().Content(); !strings.Contains(got, "tokens/s") {
		t.Errorf("copied %q", got)
	}
}

// TestViewsAreCopiedAsPictures gives every view to a program in the clipboard
// program's place, which keeps what it gets; without one the error names two.
func TestViewsAreCopiedAsPictures(t *testing.T) {
	s := newStand(t)
	s.win.Resize(fyne.NewSize(1280, 720))
	bin, kept := t.TempDir(), filepath.Join(t.TempDir(), "kept.png")
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("DISPLAY", ":0")
	t.Setenv("KEPT", kept)
	t.Setenv("PATH", bin)
	if err := copyPNG(nil); !errors.Is(err, errNoClipboardProgram) || !strings.Contains(err.Error(), "xclip") {
		t.Errorf("without a program: %v", err)
	}
	script := "#!/bin/sh\n[ \"$4\" = image/png ] && exec /bin/cat >\"$KEPT\"\n"
	if err := os.WriteFile(filepath.Join(bin, "xclip"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, v := range s.views {
		s.show(v.ID())
		s.settle()
		write, err := s.picture()
		if err != nil {
			t.Errorf("%s: %v", v.ID(), err)
			continue
		}
		var b bytes.Buffer
		if err := errors.Join(write(&b), copyPNG(b.Bytes())); err != nil {
			t.Errorf("%s: %v", v.ID(), err)
			continue
		}
		f, err := os.Open(kept)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := png.DecodeConfig(f); err != nil || c.Width < 600 || c.Height < 400 {
			t.Errorf("%s: copied %d x %d: %v", v.ID(), c.Width, c.Height, err)
		}
		f.Close()
	}
	if err := os.WriteFile(filepath.Join(bin, "xclip"), []byte("#!/bin/sh\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyPNG(nil); err == nil || !strings.Contains(err.Error(), "xclip") {
		t.Errorf("a program that fails: %v", err)
	}
}

// TestOverviewFollowsItsSliders moves a slider of the window and finds the
// numbers changed, and moved back by undo.
func TestOverviewFollowsItsSliders(t *testing.T) {
	s := newStand(t)
	before := s.top.numbers.Text()
	id := s.c.Snapshot().Doc().ID
	s.c.SetWorkload(id, "prompt", "prompt", func(r *workflow.Request) { r.Prompt = 512 })
	s.settle()
	if got := s.top.numbers.Text(); got == before || got == "" {
		t.Errorf("the bar still says %q", got)
	}
	s.c.Undo()
	s.settle()
	if got := s.top.numbers.Text(); got != before {
		t.Errorf("after undo %q, before %q", got, before)
	}
}

// TestDroppedFilesOpenInTabs opens an instance beside the sample.
func TestDroppedFilesOpenInTabs(t *testing.T) {
	s := newStand(t)
	path := filepath.Join(t.TempDir(), "tiny.json")
	if err := writeInstance(path, s.c.Snapshot().Doc()); err != nil {
		t.Fatal(err)
	}
	s.OpenPaths(path)
	s.settle()
	snap := s.c.Snapshot()
	if len(snap.Docs) != 2 || len(s.top.presses) != 2 || snap.Doc().Plan == nil {
		t.Fatalf("%d documents, %d tabs, fault %+v", len(snap.Docs), len(s.top.presses), snap.Fault)
	}
	for _, v := range s.views { // a bare instance in every view
		s.show(v.ID())
	}
	s.run("file.close")
	s.settle()
	if len(s.c.Snapshot().Docs) != 1 || len(s.top.presses) != 1 {
		t.Errorf("%d documents after closing one", len(s.c.Snapshot().Docs))
	}
	s.run("file.close")
	s.settle()
	for _, v := range s.views { // and nothing at all
		s.show(v.ID())
	}
}
