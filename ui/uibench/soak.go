package uibench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"

	"strata/ui"
	"strata/ui/controller"
	"strata/ui/widgets"
)

// SoakOptions of a soak; zero fields take the values of the criterion.
type SoakOptions struct {
	Time  time.Duration // 10 min
	Seed  uint64
	Store controller.Store // may be nil
	// Expiry is how long the toolkit's caches keep what is not used (FYNE_CACHE).
	Expiry time.Duration
	// Profiles is a folder for a profile of the heap at both ends and of the CPU
	// while the window is idle; empty: none.
	Profiles string
	// Plant is a fault that the soak must find, one of Plants; empty: none.
	Plant string
	Out   io.Writer // progress and result; nil: standard output
}

// Limits of a soak.
const (
	LimitFrameMS  = 100  // CPU time of the main thread in one tick
	LimitGrowth   = 0.10 // of the heap, from the end of the warm-up to the end
	watchdogAfter = 90 * time.Second
	endsWithin    = 3 * time.Minute // cancelled work, and drawing every view
	idleFor       = 10 * time.Second
	keepsAlive    = 10 * time.Second // how long before they expire Fyne keeps its caches alive
)

// SoakResult of a soak.
type SoakResult struct {
	Events      int
	Frames      widgets.Frames
	WarmHeap    uint64 // bytes after collection, without cached tiles
	EndHeap     uint64
	IdleShare   float64 // of a core, in the state that both heaps were measured in
	ResidentMiB float64
	Err         error
}

// Growth of the heap as a share.
func (r *SoakResult) Growth() float64 {
	return float64(r.EndHeap)/float64(max(r.WarmHeap, 1)) - 1
}

// Pass says whether every limit holds.
func (r *SoakResult) Pass() bool {
	return r.Err == nil && r.Frames.Max <= LimitFrameMS && r.Growth() <= LimitGrowth && r.IdleShare <= LimitIdle
}

// Soak opens the real window on the sample and sends it random keys, clicks,
// drags and scrolls through the X server. A panic ends the process; a main
// thread that stops answering ends it too, with every goroutine's stack. It must
// be called from main.
func Soak(app fyne.App, o SoakOptions) *SoakResult {
	if o.Time == 0 {
		o.Time = 10 * time.Minute
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Expiry == 0 {
		o.Expiry = time.Minute // Fyne's
	}
	res := &SoakResult{}
	if o.Expiry <= keepsAlive {
		res.Err = fmt.Errorf("soak: FYNE_CACHE is %v: up to %v Fyne walks through every object of an idle window at every tick, more works", o.Expiry, keepsAlive)
		return res
	}
	if _, err := exec.LookPath("xdotool"); err != nil {
		res.Err = errors.New("soak: xdotool sends the events and is not installed (package xdotool)")
		return res
	}
	plant, err := planted(o.Plant)
	if err != nil {
		res.Err = err
		return res
	}
	c := controller.New(controller.Options{Post: fyne.Do, Store: o.Store})
	defer c.Close()
	w := ui.NewWindow(unclosing{app}, c, ui.Views())
	s := &soak{c: c, win: w.Fyne(), o: o, res: res, plant: plant, random: rand.New(rand.NewPCG(o.Seed, 0))}
	app.Lifecycle().SetOnStarted(func() {
		go func() {
			defer fyne.Do(app.Quit)
			res.Err = s.run()
		}()
	})
	s.win.ShowAndRun()
	res.print(o.Out)
	return res
}

// unclosing is an application whose windows stay when Quit is chosen by chance.
type unclosing struct{ fyne.App }

func (a unclosing) NewWindow(title string) fyne.Window { return staying{a.App.NewWindow(title)} }

type staying struct{ fyne.Window }

func (staying) Close() {}

type soak struct {
	c      *controller.Controller
	win    fyne.Window
	o      SoakOptions
	res    *SoakResult
	random *rand.Rand
	plant  func()       // called after every burst of events
	beat   atomic.Int64 // when the main thread last answered, ns
}

func (s *soak) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.beat.Store(time.Now().UnixNano())
	go s.watchdog(ctx)
	watched, unwatch := context.WithCancel(ctx)
	defer unwatch()
	go tellStalls(watched, s.o.Out, LimitFrameMS*time.Millisecond)
	s.c.OpenSample()
	if err := s.rest(ctx); err != nil {
		return err
	}
	fmt.Fprintf(s.o.Out, "soak: %v of random events, seed %d\n", s.o.Time, s.o.Seed)
	m := &widgets.Meter{}
	stop := widgets.WatchFrames(m)
	end := time.Now().Add(s.o.Time)
	warm := time.Now().Add(max(s.o.Time/5, 10*time.Second))
	for time.Now().Before(end) {
		if s.res.WarmHeap == 0 && time.Now().After(warm) {
			if err := s.rest(ctx); err != nil {
				return err
			}
			s.res.WarmHeap = heap()
			if err := s.profileHeap("heap-warm.pprof"); err != nil {
				return err
			}
			m.Reset() // a software GL compiles its shaders in the first frames
			fmt.Fprintf(s.o.Out, "soak: warm after %d events, heap %.1f MiB\n", s.res.Events, mib(s.res.WarmHeap))
			end = time.Now().Add(s.o.Time - max(s.o.Time/5, 10*time.Second))
		}
		n, err := s.events(ctx)
		if err != nil {
			return err
		}
		s.res.Events += n
		s.tidy(4)
		s.plant()
	}
	s.res.Frames = m.Summary()
	stop() // its ticks are work too
	unwatch()
	if err := s.rest(ctx); err != nil {
		return err
	}
	s.res.EndHeap = heap()
	if err := s.profileHeap("heap-end.pprof"); err != nil {
		return err
	}
	before, err := cpuSeconds()
	if err != nil {
		return err
	}
	time.Sleep(idleFor)
	after, err := cpuSeconds()
	if err != nil {
		return err
	}
	s.res.IdleShare = (after - before) / idleFor.Seconds()
	if err := s.profileIdle("idle.pprof"); err != nil {
		return err
	}
	debug.FreeOSMemory()
	s.res.ResidentMiB = residentMiB()
	return nil
}

// watchdog ends the process when the main thread does not answer.
func (s *soak) watchdog(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		fyne.Do(func() { s.beat.Store(time.Now().UnixNano()) })
		if late := time.Since(time.Unix(0, s.beat.Load())); late > watchdogAfter {
			stacks := make([]byte, 4<<20)
			fmt.Fprintf(s.o.Out, "soak: the window has not answered for %v\n%s\n", late, stacks[:runtime.Stack(stacks, true)])
			os.Exit(1)
		}
	}
}

// tidy closes dialogs that only chance would close, and keeps from one document
// to most of them open.
func (s *soak) tidy(most int) {
	snap := s.c.Snapshot()
	for i := 0; i+most < len(snap.Docs); i++ {
		s.c.CloseDoc(snap.Docs[i].ID)
	}
	if len(snap.Docs) == 0 || most == 0 {
		s.c.OpenSample()
	}
	if s.random.IntN(4) == 0 || most == 0 {
		fyne.DoAndWait(func() {
			list := s.win.Canvas().Overlays()
			for _, o := range list.List() {
				list.Remove(o)
			}
		})
	}
}

// rest brings the window into the state in which heaps are compared: nothing
// runs, the sample alone is open, every view was shown, caches had time to expire.
func (s *soak) rest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	for _, t := range s.c.Snapshot().Tasks {
		s.c.Cancel(t.ID)
	}
	s.c.Bus.Clear()
	s.c.Dismiss()
	s.c.SetTheme("light")
	s.c.SetTextScale(1)
	s.tidy(0)
	fyne.DoAndWait(func() { s.win.Resize(fyne.NewSize(1280, 760)) })
	if err := s.c.Idle(ctx); err != nil {
		return err
	}
	for _, key := range []string{"Escape", "ctrl+2", "ctrl+3", "ctrl+4", "ctrl+5", "ctrl+6", "ctrl+7", "ctrl+8", "ctrl+1"} {
		if err := xdotool(ctx, "key", key, "sleep", "0.3"); err != nil {
			return err
		}
	}
	if err := s.c.Idle(ctx); err != nil {
		return err
	}
	for range 2 { // they are looked through when something is painted
		time.Sleep(s.o.Expiry + time.Second)
		fyne.DoAndWait(func() { s.win.Content().Refresh() })
	}
	time.Sleep(time.Second)
	return nil
}

// heap is what is in use after collection, without the cache of tiles.
func heap() uint64 {
	var m runtime.MemStats
	for range 3 { // finalizers and pools need more than one
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc - min(m.HeapAlloc, uint64(widgets.TileBytes()))
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

func (r *SoakResult) print(w io.Writer) {
	f := r.Frames
	fmt.Fprintf(w, "soak: %d events; main-thread CPU per tick p50 %.2f, p95 %.2f, p99 %.2f, largest %.1f ms (limit %d); heap %.1f → %.1f MiB, %+.1f %% (limit %.0f); idle %.1f %% of a core (limit %.0f); resident %.0f MiB: ",
		r.Events, f.P50, f.P95, f.P99, f.Max, LimitFrameMS, mib(r.WarmHeap), mib(r.EndHeap), 100*r.Growth(), 100*LimitGrowth, 100*r.IdleShare, 100*LimitIdle, r.ResidentMiB)
	switch {
	case r.Err != nil:
		fmt.Fprintln(w, r.Err)
	case r.Pass():
		fmt.Fprintln(w, "pass")
	default:
		fmt.Fprintln(w, "a limit was missed")
	}
}
