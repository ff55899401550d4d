package controller

import (
	"slices"
	"time"

	"strata/malloc"
)

// step is one undoable change of a document: the document before and after.
type step struct {
	label         string
	key           string // steps of one key that follow closely merge; "": never
	doc           int
	before, after past
	at            time.Time
}

const (
	mergeWithin    = 1200 * time.Millisecond
	maxHistory     = 200
	maxWholePieces = 500_000 // blocks and copies of the plans that are kept with program and timeline
)

// thin bounds a history by what it holds. Going back from the newest step, states
// beyond whole pieces of different plans keep only what they can be made from
// again; steps beyond kept pieces, and beyond maxHistory, are forgotten. The
// newest step stays as it is.
func thin(history []step, whole, kept int) []step {
	seen := map[*malloc.Plan]bool{}
	pieces := 0
	newest := len(history) - 1
	for i := newest; i >= 0; i-- {
		for _, p := range []*past{&history[i].after, &history[i].before} {
			m := p.moment()
			if m.Plan != nil && !seen[m.Plan] {
				seen[m.Plan] = true
				pieces += len(m.Plan.Blocks) + len(m.Plan.Copies)
			}
			if pieces > whole && i < newest {
				*p = past{kept: m}
			}
		}
		if i < newest && (pieces > kept || newest-i >= maxHistory) {
			return slices.Delete(history, 0, i+1)
		}
	}
	return history
}

// edit changes a document and remembers how to take it back. Edits with the
// same key within a second (a slider being dragged) are one step.
func (c *Controller) edit(id int, label, key string, f func(d *Document)) bool {
	c.mu.Lock()
	before := c.current.Load().ByID(id)
	ok := before != nil && c.changeDocLocked(id, f)
	if ok {
		after := c.current.Load().ByID(id)
		now := time.Now()
		n := len(c.history)
		if n > 0 && key != "" && c.history[n-1].key == key && c.history[n-1].doc == id && now.Sub(c.history[n-1].at) < mergeWithin {
			h := &c.history[n-1]
			h.label, h.after, h.at = label, past{doc: after}, now
		} else {
			c.history = append(c.history, step{label, key, id, past{doc: before}, past{doc: after}, now})
			c.history = thin(c.history, maxWholePieces, maxKeptPieces)
		}
		c.undone = nil
		c.dirty = true
		c.changeLocked(func(*Snapshot) {})
	}
	c.mu.Unlock()
	c.notify()
	return ok
}

// endMerge lets no later edit join the newest step.
func (c *Controller) endMerge() {
	c.mu.Lock()
	if n := len(c.history); n > 0 {
		c.history[n-1].key = ""
	}
	c.mu.Unlock()
}

// settleLocked lets the newest step of a document end in its present state: what
// planning added to a slider's change belongs to the slider.
func (c *Controller) settleLocked(id int) {
	for i := len(c.history) - 1; i >= 0; i-- {
		if c.history[i].doc == id {
			c.history[i].after = past{doc: c.current.Load().ByID(id)}
			return
		}
	}
}

// Undo takes back the newest step.
func (c *Controller) Undo() {
	c.travel(&c.history, &c.undone, func(s step) past { return s.before })
}

// Redo makes the step undone last again.
func (c *Controller) Redo() {
	c.travel(&c.undone, &c.history, func(s step) past { return s.after })
}

func (c *Controller) travel(from, to *[]step, state func(step) past) {
	c.mu.Lock()
	n := len(*from)
	if n == 0 {
		c.mu.Unlock()
		return
	}
	s := (*from)[n-1]
	*from = (*from)[:n-1]
	*to = append(*to, s)
	c.dirty = true
	c.haltLocked(s.doc)
	want := state(s)
	ok := c.changeDocLocked(s.doc, func(d *Document) {
		if want.doc == nil {
			d.Request, d.Locked, d.Stale = want.kept.Request, want.kept.Locked, true
			return
		}
		search, front, validations, planPath, project, headers := d.Search, d.Front, d.Validations, d.PlanPath, d.Project, d.headers
		*d = *want.doc
		d.Search, d.Front, d.Validations, d.PlanPath, d.Project, d.headers = search, front, validations, planPath, project, headers
	})
	if !ok {
		c.changeLocked(func(*Snapshot) {})
	}
	c.mu.Unlock()
	c.notify()
	switch {
	case !ok:
	case want.doc == nil:
		c.recall(s.doc, want.kept)
	case want.doc.Stale:
		c.replan(s.doc, 0)
	}
}

// haltLocked stops the planning of a document that follows a change.
func (c *Controller) haltLocked(id int) {
	if l := c.live[id]; l != nil {
		l.round++
		if l.timer != nil {
			l.timer.Stop()
			l.timer = nil
		}
		if l.cancel != nil {
			l.cancel()
			l.cancel = nil
		}
	}
}
