package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	"strata/workflow"
)

// task is running work and what the window sees of it.
type task struct {
	c      *Controller
	view   Task
	cancel context.CancelFunc
	told   time.Time // when progress was last published
}

// progressEvery limits how often progress makes a new snapshot.
const progressEvery = 100 * time.Millisecond

// begin registers a task; end it.
func (c *Controller) begin(kind TaskKind, doc int, stage string, keepsBest bool) (context.Context, *task) {
	ctx, cancel := context.WithCancel(c.ctx)
	t := &task{c: c, cancel: cancel, told: time.Now()}
	c.mu.Lock()
	c.lastID++
	t.view = Task{ID: c.lastID, Kind: kind, Doc: doc, Stage: stage, Started: time.Now(), LeftS: -1, KeepsBest: keepsBest}
	c.tasks = append(c.tasks, t)
	c.changeLocked(func(*Snapshot) {})
	c.mu.Unlock()
	c.notify()
	return ctx, t
}

// progress is a workflow.Progress; it publishes at most ten times a second, and
// always a new stage.
func (t *task) progress(stage string, done, total int64) {
	c := t.c
	c.mu.Lock()
	now := time.Now()
	fresh := stage != t.view.Stage
	t.view.Stage, t.view.Done, t.view.Total = stage, done, total
	t.view.LeftS = -1
	if total > 0 && done > 0 {
		spent := now.Sub(t.view.Started).Seconds()
		t.view.LeftS = spent * float64(total-done) / float64(done)
	}
	if !fresh && now.Sub(t.told) < progressEvery {
		c.mu.Unlock()
		return
	}
	t.told = now
	c.changeLocked(func(*Snapshot) {})
	c.mu.Unlock()
	c.notify()
}

// meters publishes the meters of a running validation; they come a few times a
// second.
func (t *task) meters(m workflow.Meters) {
	c := t.c
	c.mu.Lock()
	t.view.Meters, t.view.LeftS = &m, m.LeftS
	c.changeLocked(func(*Snapshot) {})
	c.mu.Unlock()
	c.notify()
}

// end removes the task.
func (t *task) end() {
	t.cancel()
	c := t.c
	c.mu.Lock()
	c.tasks = slices.DeleteFunc(c.tasks, func(x *task) bool { return x == t })
	c.changeLocked(func(*Snapshot) {})
	c.mu.Unlock()
	c.notify()
}

// Cancel ends a task; a search keeps the best it has.
func (c *Controller) Cancel(id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tasks {
		if t.view.ID == id {
			t.cancel()
		}
	}
}

// CancelKind ends the tasks of a kind on a document (0: on any).
func (c *Controller) CancelKind(kind TaskKind, doc int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tasks {
		if t.view.Kind == kind && (doc == 0 || t.view.Doc == doc) {
			t.cancel()
		}
	}
}

func cancelled(err error) bool { return errors.Is(err, context.Canceled) }
