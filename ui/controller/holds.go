package controller

import (
	"fmt"
	"slices"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

// hold is a lock that outlives its program: which tensor, and the tier in which
// it stays; its home when it is not kept anywhere.
type hold struct{ buffer, tier string }

// holds are a document's locks by name. Without a plan, which alone says where a
// tensor lies, they are what they were with the last one.
func (d *Document) holds() []hold {
	if d.Plan == nil {
		return d.held
	}
	kinds, tiers := d.Residencies()
	var list []hold
	for _, b := range d.Locked {
		t := d.Program.Buffers[b].Home
		if kinds[b] == Resident {
			t = tiers[b]
		}
		list = append(list, hold{d.Program.Buffers[b].Name, d.Program.Tiers[t].Name})
	}
	return list
}

// wishesOf are locks in a program that was lowered anew. A tensor that it does not
// have has no lock there; a tier that it does not have is an error.
func wishesOf(p *malloc.Program, held []hold) ([]planner.Wish, error) {
	if len(held) == 0 {
		return nil, nil
	}
	at := make(map[string]int, len(p.Buffers))
	for b := range p.Buffers {
		at[p.Buffers[b].Name] = b
	}
	var list []planner.Wish
	for _, h := range held {
		b, ok := at[h.buffer]
		if !ok {
			continue
		}
		t := slices.IndexFunc(p.Tiers, func(t malloc.Tier) bool { return t.Name == h.tier })
		if t < 0 {
			return nil, &lockError{fmt.Errorf("%s is locked in %s, which this machine does not have", h.buffer, h.tier)}
		}
		list = append(list, planner.Wish{Buf: b, Tier: t})
	}
	slices.SortFunc(list, func(x, y planner.Wish) int { return x.Buf - y.Buf })
	return list, nil
}

// lockError is a lock that cannot be kept; its fix is to unlock.
type lockError struct{ error }

func (e *lockError) Unwrap() error { return e.error }

// obey changes a plan so that it keeps the locks.
func obey(p *malloc.Program, res *workflow.PlanResult, wishes []planner.Wish) (*workflow.PlanResult, error) {
	kinds, tiers := residencies(p, res.Plan)
	kept := func(w planner.Wish) bool {
		if w.Tier == p.Buffers[w.Buf].Home {
			return kinds[w.Buf] != Resident
		}
		return kinds[w.Buf] == Resident && tiers[w.Buf] == w.Tier
	}
	if !slices.ContainsFunc(wishes, func(w planner.Wish) bool { return !kept(w) }) {
		return res, nil
	}
	plan, err := planner.Revise(p, res.Plan, wishes, nil)
	if err != nil {
		return nil, &lockError{fmt.Errorf("the locks cannot be kept here: %w", err)}
	}
	sim, err := workflow.Simulate(p, plan)
	if err != nil {
		return nil, err
	}
	return resultOf(p, plan, sim, "revised"), nil
}

func buffersOf(wishes []planner.Wish) []int {
	var ids []int
	for _, w := range wishes {
		ids = append(ids, w.Buf)
	}
	return ids
}

// UnlockAll lets all of a document's tensors go and plans it again.
func (c *Controller) UnlockAll(id int) {
	if c.edit(id, "unlock all", "", func(d *Document) { d.Locked, d.held, d.Stale = nil, nil, true }) {
		c.replan(id, 0)
	}
}
