package controller

import (
	"cmp"
	"slices"
	"time"

	"strata/malloc"
	"strata/workflow"
)

// Moment is what a document can be made from again.
type Moment struct {
	Request workflow.Request
	Plan    *malloc.Plan
	Locked  []int
}

// SavedStep is a step of the undo history as a Store keeps it.
type SavedStep struct {
	Label         string
	At            time.Time
	Before, After Moment
}

// Bounds of the undo history that is kept of a document: the newest steps, and
// of these as many as their plans' blocks and copies allow.
const (
	maxKeptSteps  = 60
	maxKeptPieces = 2_000_000
)

// past is a state of a document: whole, or one of an earlier session that is
// made again when undo comes to it.
type past struct {
	doc  *Document
	kept Moment // when doc is nil
}

func (p past) moment() Moment {
	if p.doc == nil {
		return p.kept
	}
	return Moment{p.doc.Request, p.doc.Plan, p.doc.Locked}
}

// keptSteps is a document's undo history for a Store, oldest first, and how many
// of its last steps are undone.
func (c *Controller) keptStepsLocked(id int) (list []SavedStep, undone int) {
	add := func(s step) {
		if s.doc == id {
			list = append(list, SavedStep{s.label, s.at, s.before.moment(), s.after.moment()})
		}
	}
	for _, s := range c.history {
		add(s)
	}
	done := len(list)
	for _, s := range slices.Backward(c.undone) {
		add(s)
	}
	undone = len(list) - done

	// Around the present: undo first, from the newest step back.
	seen := map[*malloc.Plan]bool{}
	pieces := 0
	fits := func(s *SavedStep) bool {
		for _, p := range []*malloc.Plan{s.Before.Plan, s.After.Plan} {
			if p != nil && !seen[p] {
				seen[p] = true
				pieces += len(p.Blocks) + len(p.Copies)
			}
		}
		return pieces <= maxKeptPieces
	}
	first := done
	for first > 0 && done-first < maxKeptSteps && fits(&list[first-1]) {
		first--
	}
	last := done
	for last < len(list) && last-first < maxKeptSteps && fits(&list[last]) {
		last++
	}
	return list[first:last], undone - (len(list) - last)
}

// recallSteps puts the kept undo histories of documents back, in the order of
// time over all of them.
func (c *Controller) recallSteps(saved map[int]*SavedDoc) {
	c.mu.Lock()
	for id, d := range saved {
		for i, s := range d.History {
			st := step{label: s.Label, doc: id, before: past{kept: s.Before}, after: past{kept: s.After}, at: s.At}
			if i < len(d.History)-d.Undone {
				c.history = append(c.history, st)
			} else {
				c.undone = append(c.undone, st)
			}
		}
	}
	slices.SortStableFunc(c.history, func(a, b step) int { return a.at.Compare(b.at) })
	slices.SortStableFunc(c.undone, func(a, b step) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.doc, b.doc)) })
	c.changeLocked(func(*Snapshot) {})
	c.mu.Unlock()
	c.notify()
}

// recall makes a kept state of a document whole again, in the background; where
// its plan is not for the program any more, it is planned anew.
func (c *Controller) recall(id int, k Moment) {
	c.mu.Lock()
	l := c.live[id]
	if l == nil {
		c.mu.Unlock()
		return
	}
	round := l.round
	c.mu.Unlock()
	_, t := c.begin(TaskPlan, id, "bringing the plan back", false)
	c.goBackground(func() {
		defer t.end()
		d := c.Snapshot().ByID(id)
		if d == nil {
			return
		}
		job, p, sim, ok := d.recalled(k)
		if !c.isCurrent(id, round) {
			return
		}
		if !ok {
			c.replan(id, 0)
			return
		}
		c.adopt(id, round, func(d *Document) error {
			if job != nil {
				d.adoptJob(job)
			}
			d.Locked = keepIDs(k.Locked, len(p.Buffers))
			d.takePlan(k.Plan, nil, sim)
			return nil
		})
		c.limitsNow(id)
	})
}

// recalled lowers and simulates a kept state; false when it has to be planned.
func (d *Document) recalled(k Moment) (job *workflow.Job, p *malloc.Program, sim *workflow.SimulateResult, ok bool) {
	p = d.Program
	if d.model != nil {
		var err error
		if job, err = workflow.Lower(d.model, k.Request); err != nil {
			return nil, nil, nil, false
		}
		p = job.Program()
	}
	if k.Plan == nil || p == nil || workflow.CheckPlan(d.Name, p, k.Plan) != nil {
		return nil, nil, nil, false
	}
	sim, err := workflow.Simulate(p, k.Plan)
	return job, p, sim, err == nil
}
