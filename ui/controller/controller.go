package controller

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how a controller meets its surroundings.
type Options struct {
	// Post runs a function on the window's goroutine; nil: at once, on the
	// goroutine that made the change (tests).
	Post func(func())
	// Debounce is how long a slider must rest before planning starts; 0: 60 ms.
	Debounce time.Duration
	// Refine is how long the search runs that follows a quick plan; 0: 1.5 s,
	// negative: none.
	Refine time.Duration
	// Store keeps settings, recent files and open documents; nil: memory only.
	Store Store
	// Autosave is the longest time between a change and its save; 0: 3 s.
	Autosave time.Duration
}

// Controller owns the documents. Its methods may be called from any goroutine
// and return at once.
type Controller struct {
	opt Options
	Bus *Bus

	mu      sync.Mutex // guards everything below and the making of snapshots
	current atomic.Pointer[Snapshot]
	posted  atomic.Bool
	listen  []func(*Snapshot)
	tasks   []*task
	live    map[int]*live
	seq     uint64 // of versions
	lastID  int    // of documents and tasks
	history []step
	undone  []step
	dirty   bool       // changed since the last save
	saving  sync.Mutex // one save at a time; taken before mu

	restored atomic.Bool // the last session's documents were asked for

	ctx  context.Context
	stop context.CancelFunc
	wait sync.WaitGroup
}

// live is what a document's background work needs and snapshots must not carry.
type live struct {
	timer  *time.Timer        // debounce
	cancel context.CancelFunc // of the running plan task
	round  uint64             // the newest plan task; results of older ones are dropped

	runsOf    uint64 // PlanVersion whose stored runs were asked for
	thumbnail thumbnail
}

// New returns a controller without documents. Close it.
func New(opt Options) *Controller {
	if opt.Debounce == 0 {
		opt.Debounce = 60 * time.Millisecond
	}
	if opt.Refine == 0 {
		opt.Refine = 1500 * time.Millisecond
	}
	if opt.Autosave == 0 {
		opt.Autosave = 3 * time.Second
	}
	c := &Controller{opt: opt, Bus: NewBus(), live: map[int]*live{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	s := &Snapshot{Version: 1, Active: -1, Settings: Settings{Theme: "system", TextScale: 1}, Saved: true}
	if opt.Store != nil {
		c.loadSettings(s)
	}
	s.Machines = listMachines(nil)
	c.current.Store(s)
	if opt.Store != nil {
		c.goBackground(c.autosave)
	}
	return c
}

// Close ends all work and saves.
func (c *Controller) Close() {
	c.stop()
	c.wait.Wait()
	c.saveNow()
}

// Snapshot is the newest state.
func (c *Controller) Snapshot() *Snapshot { return c.current.Load() }

// Subscribe calls f through Options.Post after changes, with the newest state.
func (c *Controller) Subscribe(f func(*Snapshot)) {
	c.mu.Lock()
	c.listen = append(c.listen, f)
	c.mu.Unlock()
}

// change makes a new snapshot. f may replace fields of s and elements of s.Docs,
// never write behind their pointers.
func (c *Controller) change(f func(s *Snapshot)) {
	c.mu.Lock()
	c.changeLocked(f)
	c.mu.Unlock()
	c.notify()
}

func (c *Controller) changeLocked(f func(s *Snapshot)) {
	next := *c.current.Load()
	next.Docs = slices.Clone(next.Docs)
	f(&next)
	next.Version++
	next.Undo, next.Redo = "", ""
	if n := len(c.history); n > 0 {
		next.Undo = c.history[n-1].label
	}
	if n := len(c.undone); n > 0 {
		next.Redo = c.undone[n-1].label
	}
	next.Tasks = nil
	for _, t := range c.tasks {
		next.Tasks = append(next.Tasks, t.view)
	}
	next.Saved = !c.dirty
	c.current.Store(&next)
}

// changeDoc replaces a document by a changed copy; false when it is closed.
func (c *Controller) changeDoc(id int, f func(d *Document)) bool {
	c.mu.Lock()
	ok := c.changeDocLocked(id, f)
	c.mu.Unlock()
	if ok {
		c.notify()
	}
	return ok
}

func (c *Controller) changeDocLocked(id int, f func(d *Document)) bool {
	s := c.current.Load()
	i := s.index(id)
	if i < 0 {
		return false
	}
	d := *s.Docs[i]
	f(&d)
	d.Version = c.nextLocked()
	c.changeLocked(func(s *Snapshot) { s.Docs[i] = &d })
	return true
}

func (c *Controller) nextLocked() uint64 {
	c.seq++
	return c.seq
}

func (s *Snapshot) index(id int) int {
	return slices.IndexFunc(s.Docs, func(d *Document) bool { return d.ID == id })
}

// ByID returns an open document, or nil.
func (s *Snapshot) ByID(id int) *Document {
	if i := s.index(id); i >= 0 {
		return s.Docs[i]
	}
	return nil
}

// notify tells the listeners, once for any number of changes that they have not
// seen yet.
func (c *Controller) notify() {
	if !c.posted.CompareAndSwap(false, true) {
		return
	}
	tell := func() {
		c.posted.Store(false)
		c.mu.Lock()
		list := slices.Clone(c.listen)
		c.mu.Unlock()
		s := c.Snapshot()
		for _, f := range list {
			f(s)
		}
	}
	if c.opt.Post == nil {
		tell()
		return
	}
	c.opt.Post(tell)
}

// post runs f on the window's goroutine.
func (c *Controller) post(f func()) {
	if c.opt.Post == nil {
		f()
		return
	}
	c.opt.Post(f)
}

func (c *Controller) goBackground(f func()) {
	c.wait.Go(f)
}

// Idle waits until no background work runs, or until the context ends (tests,
// and closing).
func (c *Controller) Idle(ctx context.Context) error {
	for {
		c.mu.Lock()
		busy := len(c.tasks) > 0
		for _, l := range c.live {
			busy = busy || l.timer != nil
		}
		c.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
