package uibench

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/theme"
	"strata/ui/views"
	"strata/ui/views/memorymap"
	"strata/ui/views/tensors"
	"strata/ui/viz"
	"strata/ui/widgets"
)

// Options of a run; zero fields take the values of the acceptance criterion.
type Options struct {
	Tensors int           // 100,000
	Width   float32       // 1600
	Height  float32       // 900
	Phase   time.Duration // of each gesture, 5 s
	Busy    bool          // a search and a validation run in the same process meanwhile
	Out     io.Writer     // the table; nil: standard output
}

// Limits of the criterion.
const (
	LimitP95MS  = 16
	LimitIdle   = 0.03 // of a core
	LimitMemory = 400  // MiB resident
)

// Phase is what one gesture cost.
type Phase struct {
	Name   string
	Frames widgets.Frames
}

// Result of a run.
type Result struct {
	Phases      []Phase
	IdleShare   float64 // of a core, all threads; not measured when busy
	ResidentMiB float64 // likewise: a validation's arenas are not the window's
	Validations int     // that ended meanwhile, when busy
	Busy        bool
	Err         error
}

// Pass says whether every limit holds.
func (r *Result) Pass() bool {
	for _, p := range r.Phases {
		if p.Frames.P95 > LimitP95MS {
			return false
		}
	}
	return r.Err == nil && r.IdleShare <= LimitIdle && r.ResidentMiB <= LimitMemory
}

// Run opens a window, drives it and closes it. It must be called from main (it
// runs the application's loop) and needs a display.
func Run(app fyne.App, o Options) *Result {
	if o.Tensors == 0 {
		o.Tensors = 100_000
	}
	if o.Width == 0 {
		o.Width, o.Height = 1600, 900
	}
	if o.Phase == 0 {
		o.Phase = 5 * time.Second
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	res := &Result{Busy: o.Busy}
	c := controller.New(controller.Options{Post: fyne.Do})
	defer c.Close()
	win := app.NewWindow("Strata bench-ui")
	palette := viz.Light
	theme.Use(palette)
	app.Settings().SetTheme(&theme.Theme{Palette: palette, Scale: 1})
	host := &views.Host{Controller: c, Bus: c.Bus, Window: win, Palette: func() *viz.Palette { return palette }, Show: func(string) {}, Do: fyne.Do,
		Menu: func(fyne.Position, []command.Command) {}, Setting: func(string) string { return "" }, SetSetting: func(string, string) {}}
	mapView, tensorView := memorymap.New(host), tensors.New(host)
	stage := container.NewStack(mapView.Content(), tensorView.Content())
	tensorView.Content().Hide()
	win.SetPadded(false)
	win.SetContent(stage)
	win.Resize(fyne.NewSize(o.Width, o.Height))
	ctx, cancel := context.WithCancel(context.Background())
	app.Lifecycle().SetOnStarted(func() {
		go func() {
			defer fyne.Do(app.Quit)
			defer cancel()
			res.Err = drive(ctx, c, res, o, stage, mapView, tensorView)
		}()
	})
	win.ShowAndRun()
	res.print(o.Out)
	return res
}

func drive(ctx context.Context, c *controller.Controller, res *Result, o Options, stage *fyne.Container, mapView, tensorView views.View) error {
	doc := Document(o.Tensors)
	s := &controller.Snapshot{Docs: []*controller.Document{doc}, Active: 0}
	fyne.DoAndWait(func() { mapView.Update(s) })
	var work *work
	if o.Busy {
		var err error
		if work, err = begin(ctx, c); err != nil {
			return err
		}
	}
	m := &widgets.Meter{}
	stop := widgets.WatchFrames(m)
	defer stop()
	time.Sleep(2 * time.Second)
	plots := plotsIn(mapView.Content())
	if len(plots) == 0 {
		return fmt.Errorf("bench-ui: the memory map has no plot")
	}
	p := plots[0]
	size := p.Size()
	phase := func(name string, step func(i int)) {
		m.Reset()
		tick := time.NewTicker(time.Second / 60)
		defer tick.Stop()
		var pending atomic.Bool
		i := 0
		for end := time.Now().Add(o.Phase); time.Now().Before(end); {
			<-tick.C
			if pending.Swap(true) { // the last step was not painted yet
				continue
			}
			at := i
			i++
			fyne.Do(func() {
				step(at)
				pending.Store(false)
			})
		}
		fyne.DoAndWait(func() {})
		res.Phases = append(res.Phases, Phase{name, m.Summary()})
	}
	t0, t1 := p.Home()
	fyne.DoAndWait(func() { p.ZoomAt(1.0/16, (t0+t1)/2) })
	time.Sleep(time.Second)
	phase("map: pan", func(i int) { p.Pan(0.01*math.Copysign(1, math.Sin(float64(i)/90)), 0) })
	phase("map: zoom", func(i int) {
		f := math.Exp2(-0.25)
		if i/16%2 == 1 {
			f = 1 / f
		}
		p.ZoomAt(f, t0+(t1-t0)*(0.5+0.01*math.Sin(float64(i)/50)))
	})
	fyne.DoAndWait(p.ShowAll)
	time.Sleep(time.Second)
	phase("map: hover", func(i int) {
		x, y := size.Width*(0.5+0.4*float32(math.Sin(float64(i)/37))), size.Height*(0.4+0.3*float32(math.Cos(float64(i)/23)))
		p.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x, y)}})
	})
	fyne.DoAndWait(p.MouseOut)
	fyne.DoAndWait(func() {
		mapView.Content().Hide()
		tensorView.Content().Show()
		tensorView.Update(s)
		stage.Refresh()
	})
	time.Sleep(2 * time.Second)
	tree := plotsIn(tensorView.Content())[0]
	phase("treemap: zoom", func(i int) {
		f := math.Exp2(-0.25)
		if i/16%2 == 1 {
			f = 1 / f
		}
		tree.ZoomBothAt(0, f, f, 900, 500)
	})
	if grids := gridsIn(tensorView.Content()); len(grids) > 0 {
		phase("table: scroll", func(i int) {
			grids[0].Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, float32(25*math.Copysign(1, math.Sin(float64(i)/200)-0.2)))})
		})
	}
	if work != nil {
		var err error
		res.Validations, err = work.state()
		return err
	}
	stop() // its ticks are work too
	time.Sleep(time.Second)
	before, _ := cpuSeconds()
	time.Sleep(o.Phase)
	after, err := cpuSeconds()
	if err == nil {
		res.IdleShare = (after - before) / o.Phase.Seconds()
	}
	runtime.GC()
	debug.FreeOSMemory()
	res.ResidentMiB = residentMiB()
	return nil
}

func (r *Result) print(w io.Writer) {
	fmt.Fprintf(w, "%-16s %7s %8s %8s %8s %8s   main-thread CPU per tick, ms\n", "gesture", "ticks", "p50", "p95", "p99", "max")
	for _, p := range r.Phases {
		fmt.Fprintf(w, "%-16s %7d %8.2f %8.2f %8.2f %8.2f\n", p.Name, p.Frames.Count, p.Frames.P50, p.Frames.P95, p.Frames.P99, p.Frames.Max)
	}
	if r.Busy {
		fmt.Fprintf(w, "while searching and validating (%d runs ended), p95 limit %d ms: ", r.Validations, LimitP95MS)
	} else {
		fmt.Fprintf(w, "idle %.1f %% of a core (limit %.0f), resident %.0f MiB (limit %d), p95 limit %d ms: ", 100*r.IdleShare, 100*LimitIdle, r.ResidentMiB, LimitMemory, LimitP95MS)
	}
	switch {
	case r.Err != nil:
		fmt.Fprintln(w, r.Err)
	case r.Pass():
		fmt.Fprintln(w, "pass")
	default:
		fmt.Fprintln(w, "FAIL")
	}
}

func plotsIn(o fyne.CanvasObject) []*widgets.Plot { return found[*widgets.Plot](o) }
func gridsIn(o fyne.CanvasObject) []*widgets.Grid { return found[*widgets.Grid](o) }

// found lists the objects of a type in a tree of containers.
func found[T fyne.CanvasObject](o fyne.CanvasObject) []T {
	if x, ok := o.(T); ok {
		return []T{x}
	}
	var list []T
	if c, ok := o.(*fyne.Container); ok {
		for _, child := range c.Objects {
			list = append(list, found[T](child)...)
		}
	}
	return list
}
