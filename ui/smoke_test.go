//go:build linux

package ui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"
	"github.com/google/go-cmp/cmp"

	"strata/projects"
	"strata/ui/views"
	"strata/workflow"
)

// Deadlines of the real window, for a machine that does much else.
const (
	opensWithin    = 2 * time.Minute
	answersWithin  = time.Minute
	validateWithin = 8 * time.Minute
)

// TestRealWindow drives the built program on a virtual display with real input
// events: it opens the sample, drags a slider, searches for five seconds, runs
// the plan, quits, opens again and finds everything where it was.
func TestRealWindow(t *testing.T) {
	model := workflow.SampleModelPath()
	if _, err := os.Stat(model); err != nil {
		t.Skipf("the sample model is not there (`make model`): %v", err)
	}
	slider := lastSlider(t)
	r := startDisplay(t, model)
	r.open()

	r.wait("the session's first save", answersWithin, func() bool { return len(r.session().Projects) == 1 })
	first, planned := r.request(), r.session().Projects[0].Plan
	r.try("the slider", func() bool { return r.request().Gen != first.Gen }, slider...)
	r.wait("a plan for the slider's workload", answersWithin, func() bool {
		p := r.session().Projects[0].Plan
		return r.work() == "" && p != nil && p.InstanceSHA256 != planned.InstanceSHA256
	})

	r.key("F5")
	r.wait("the search to start", answersWithin, func() bool { return r.work() == "Searching" })
	time.Sleep(5 * time.Second)
	r.key("shift+F5")
	r.wait("the search to end", answersWithin, func() bool { return r.work() == "" })

	r.key("ctrl+Return")
	r.wait("the validation to start", answersWithin, func() bool { return r.work() == "Validating" })
	r.wait("the validation to end", validateWithin, func() bool { return r.work() == "" })
	r.wait("the stored run", answersWithin, func() bool { return len(r.runs()) == 1 })
	var result workflow.ValidateResult
	if run := r.runs()[0]; json.Unmarshal(run.Result, &result) != nil || !result.OutputsIdentical {
		t.Errorf("the run's outputs are not those of the resident run: %s", run.Result)
	}
	r.wait("the save of what was done", answersWithin, func() bool { return r.view() == views.Validate })
	r.quit()
	before := r.session()
	if before.Projects[0].Plan == nil || len(before.Projects[0].History) == 0 {
		t.Errorf("stored without its plan or its history: %+v", before.Projects[0])
	}

	r.open()
	r.wait("the document to come back", answersWithin, func() bool { return strings.Contains(r.title(), "SmolLM2") })
	r.key("ctrl+1") // makes it save what it opened
	r.wait("the save of the view", answersWithin, func() bool { return r.view() == views.Overview })
	again := r.session()
	if len(again.Projects) != 1 {
		t.Fatalf("%d documents came back", len(again.Projects))
	}
	was, is := before.Projects[0], again.Projects[0]
	if d := cmp.Diff(was.Moment, is.Moment); d != "" {
		t.Errorf("the document came back changed (-was +is):\n%s", d)
	}
	if len(was.History) != len(is.History) || was.Undone != is.Undone {
		t.Errorf("history came back with %d steps, %d undone; it had %d, %d", len(is.History), is.Undone, len(was.History), was.Undone)
	}
	if n := len(r.runs()); n != 1 {
		t.Errorf("%d runs came back", n)
	}
	now := r.request()
	for range was.History {
		r.key("ctrl+z")
		time.Sleep(300 * time.Millisecond) // a key is no faster
	}
	r.wait("undo to reach back over the restart", answersWithin, func() bool { return r.request().Gen == first.Gen })
	if now.Gen == first.Gen {
		t.Error("the slider's value was not kept")
	}
	r.quit()
}

// lastSlider is where the Overview's last slider lies in a window of the size
// that the program opens: the points of a drag to its left, for some heights of
// the menu bar, which the test driver does not draw.
func lastSlider(t *testing.T) [][2]fyne.Position {
	s := newStand(t)
	const menu = 24
	s.win.Resize(fyne.NewSize(windowWidth, windowHeight-menu))
	s.show(views.Overview)
	s.settle()
	var last *widget.Slider
	for _, o := range test.LaidOutObjects(s.root) {
		if x, ok := o.(*widget.Slider); ok {
			last = x
		}
	}
	if last == nil {
		t.Fatal("the Overview has no slider")
	}
	at := s.app.Driver().AbsolutePositionForObject(last)
	share := float32((last.Value - last.Min) / (last.Max - last.Min))
	from := at.Add(fyne.NewPos(share*last.Size().Width, last.Size().Height/2))
	to := at.Add(fyne.NewPos(share*last.Size().Width*0.6, last.Size().Height/2))
	var tries [][2]fyne.Position
	for _, dy := range []float32{menu, menu + 6, menu - 6, menu + 14} {
		d := fyne.NewPos(0, dy)
		tries = append(tries, [2]fyne.Position{from.Add(d), to.Add(d)})
	}
	return tries
}

// realWindow is the running program on its own display, with its own home.
type realWindow struct {
	t      *testing.T
	binary string
	env    []string
	path   string // of the projects database
	store  *projects.Store
	app    *exec.Cmd
	ended  chan error
	stderr bytes.Buffer
	id     string // of the X window
}

func startDisplay(t *testing.T, model string) *realWindow {
	for _, program := range []string{"Xvfb", "xdotool", "go"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s here (packages xvfb, xdotool)", program)
		}
	}
	if tags, err := exec.Command(filepath.Join("..", "tools", "tags.sh")).Output(); err != nil || strings.TrimSpace(string(tags)) == "headless" {
		t.Skip("the window's headers are not here (packages libgl1-mesa-dev, xorg-dev)")
	}
	dir := t.TempDir()
	r := &realWindow{t: t, binary: filepath.Join(dir, "strata"), path: filepath.Join(dir, "projects.db")}
	build := exec.Command("go", "build", "-trimpath", "-tags", "migrated_fynedo", "-ldflags", "-s -w", "-o", r.binary, "strata")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "+extension", "GLX")
	x.ExtraFiles = []*os.File{write}
	x.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		_ = x.Process.Kill()
		_ = x.Wait()
	})
	_ = read.SetReadDeadline(time.Now().Add(answersWithin))
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb gave no display: %v", err)
	}
	r.env = append(os.Environ(), "DISPLAY=:"+strings.TrimSpace(number), "WAYLAND_DISPLAY=", "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "XDG_DATA_HOME="+filepath.Join(dir, "data"), "MESA_SHADER_CACHE_DISABLE=true",
		"LANG=C.UTF-8", "LC_ALL=", "LIBGL_ALWAYS_SOFTWARE=1", "FYNE_SCALE=1", "FYNE_THEME=light",
		projects.PathVariable+"="+r.path, "STRATA_MODEL="+model, "STRATA_HOST_PROFILE="+filepath.Join(dir, "host.json"))
	t.Cleanup(r.end)
	return r
}

// open starts the program and waits for its window.
func (r *realWindow) open() {
	r.t.Helper()
	r.id = ""
	r.stderr.Reset()
	r.app = exec.Command(r.binary)
	r.app.Env, r.app.Stderr, r.app.Dir = r.env, &r.stderr, filepath.Dir(r.path)
	r.app.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.app.Start(); err != nil {
		r.t.Fatal(err)
	}
	app, ended := r.app, make(chan error, 1)
	r.ended = ended
	go func() { ended <- app.Wait() }()
	r.wait("the window with the sample", opensWithin, func() bool {
		id, _ := r.xdotool("search", "--onlyvisible", "--name", "SmolLM2")
		r.id, _, _ = strings.Cut(id, "\n")
		return r.id != ""
	})
	if _, err := r.xdotool("windowfocus", "--sync", r.id); err != nil {
		r.t.Fatalf("the window takes no focus: %v", err)
	}
	if r.store == nil {
		var err error
		if r.store, err = projects.Open(r.path); err != nil {
			r.t.Fatal(err)
		}
	}
}

// preferencesRace is what Fyne 2.7.1 says when its own watcher reads the
// preferences (of its file dialog) between their truncation and their writing at
// the end of a program, as far as it comes before that end. Nothing of Strata's is kept there.
var preferencesRace = regexp.MustCompile(`(?m)^.*Fyne error:  Preferences load error:\n(.*Cause: EOF\n)?(.*At: .*/app/preferences\.go:\d+\n)?`)

// quit presses the key that quits and waits for the program's end.
func (r *realWindow) quit() {
	r.t.Helper()
	r.key("ctrl+q")
	select {
	case err := <-r.ended:
		r.app = nil
		if said := preferencesRace.ReplaceAllString(r.stderr.String(), ""); err != nil || said != "" {
			r.t.Fatalf("the program ended with %v and said:\n%s", err, said)
		}
	case <-time.After(answersWithin):
		r.fail("it does not quit")
	}
}

// end stops what is left after a failure.
func (r *realWindow) end() {
	if r.app != nil {
		_ = r.app.Process.Kill()
		<-r.ended
	}
	if r.store != nil {
		_ = r.store.Close()
	}
}

// wait polls until a condition holds.
func (r *realWindow) wait(what string, within time.Duration, done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(within); !done(); time.Sleep(100 * time.Millisecond) {
		select {
		case err := <-r.ended:
			r.ended <- err
			r.t.Fatalf("waiting for %s, the program ended: %v\n%s", what, err, &r.stderr)
		default:
		}
		if time.Now().After(end) {
			r.fail("still waiting for " + what)
		}
	}
}

// fail ends the test with a picture of the screen and the program's goroutines.
func (r *realWindow) fail(why string) {
	r.t.Helper()
	picture, _ := filepath.Abs(filepath.Join("testdata", "failed", "real-window.png"))
	_ = os.MkdirAll(filepath.Dir(picture), 0o755)
	shot := exec.Command("import", "-window", "root", picture)
	shot.Env = r.env
	if err := shot.Run(); err != nil {
		picture = "(no picture: " + err.Error() + ")"
	}
	_ = r.app.Process.Signal(syscall.SIGQUIT)
	select {
	case err := <-r.ended:
		r.app = nil
		why += fmt.Sprintf("; %v", err)
	case <-time.After(10 * time.Second):
	}
	r.t.Fatalf("%s; the screen: %s\n%s", why, picture, &r.stderr)
}

func (r *realWindow) xdotool(args ...string) (string, error) {
	cmd := exec.Command("xdotool", args...)
	cmd.Env = r.env
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

func (r *realWindow) key(name string) {
	r.t.Helper()
	if _, err := r.xdotool("key", name); err != nil {
		r.t.Fatalf("key %s: %v", name, err)
	}
}

// try drags from and to each pair of points until something has happened.
func (r *realWindow) try(what string, done func() bool, drags ...[2]fyne.Position) {
	r.t.Helper()
	for _, d := range drags {
		at := func(share float32) []string {
			return []string{"mousemove", "--window", r.id, fmt.Sprint(int(d[0].X + share*(d[1].X-d[0].X))), fmt.Sprint(int(d[0].Y))}
		}
		args := append(at(0), "sleep", "0.2", "mousedown", "1")
		for i := range 5 {
			args = append(append(args, "sleep", "0.1"), at(float32(i+1)/5)...)
		}
		if _, err := r.xdotool(append(args, "sleep", "0.1", "mouseup", "1")...); err != nil {
			r.t.Fatal(err)
		}
		for end := time.Now().Add(12 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if done() {
				return
			}
		}
	}
	r.fail(what + " does not move")
}

func (r *realWindow) title() string {
	s, _ := r.xdotool("getwindowname", r.id)
	return s
}

// work is the long work that the title names.
func (r *realWindow) work() string {
	work, _, ok := strings.Cut(r.title(), " · ")
	if !ok {
		return ""
	}
	return work
}

func (r *realWindow) session() *projects.Session {
	r.t.Helper()
	s, err := r.store.LoadSession(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	if s == nil {
		return &projects.Session{}
	}
	return s
}

func (r *realWindow) request() workflow.Request {
	r.t.Helper()
	var q workflow.Request
	if err := json.Unmarshal(r.session().Projects[0].Workload, &q); err != nil {
		r.t.Fatal(err)
	}
	return q
}

func (r *realWindow) view() string {
	var w struct{ Settings struct{ View string } }
	_ = json.Unmarshal(r.session().Settings, &w)
	return w.Settings.View
}

func (r *realWindow) runs() []projects.Run {
	r.t.Helper()
	runs, err := r.store.RunsOf(context.Background(), r.session().Projects[0].ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return runs
}
