package controller

import (
	"path/filepath"
	"slices"
	"strconv"

	"strata/malloc"
	"strata/planner"
	"strata/ui/viz"
	"strata/workflow"
)

func seconds(s float64) string { return viz.FormatSeconds(s) }

func besides(path, name string) string { return filepath.Join(filepath.Dir(path), name) }

// PreviewMove computes what moving buffers to a tier would do and calls f with
// it on the window's goroutine. Moving a weight to its home tier means to copy
// it in for each use; to another, to keep it there.
func (c *Controller) PreviewMove(id int, bufs []int, tier int, f func(MovePreview)) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.Plan == nil {
		f(MovePreview{Why: "There is no plan to change."})
		return
	}
	bufs = slices.Clone(bufs)
	c.goBackground(func() {
		preview, _, _ := d.move(bufs, tier)
		c.post(func() { f(preview) })
	})
}

// Move moves buffers for good: one undo step. An illegal move changes nothing
// and says why in the bar.
func (c *Controller) Move(id int, bufs []int, tier int) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.Plan == nil {
		return
	}
	bufs = slices.Clone(bufs)
	_, t := c.begin(TaskPlan, id, "moving", false)
	c.goBackground(func() {
		defer t.end()
		preview, plan, sim := d.move(bufs, tier)
		if !preview.Legal {
			c.fault(Fault{Text: preview.Why, Doc: id})
			return
		}
		if now := c.Snapshot().ByID(id); now == nil || now.PlanVersion != d.PlanVersion {
			return
		}
		c.edit(id, "move "+d.bufferNames(bufs)+" to "+d.Program.Tiers[tier].Name, "", func(d *Document) {
			d.PlanVersion = c.nextLocked()
			d.takePlan(plan, resultOf(d.Program, plan, sim, "by hand"), sim)
		})
	})
}

// move revises a document's plan; it runs on any goroutine.
func (d *Document) move(bufs []int, tier int) (MovePreview, *malloc.Plan, *workflow.SimulateResult) {
	var wishes []planner.Wish
	locked := map[int]bool{}
	for _, b := range d.Locked {
		locked[b] = true
	}
	for _, b := range bufs {
		if b < 0 || b >= len(d.Program.Buffers) {
			continue
		}
		if locked[b] {
			return MovePreview{Why: d.Program.Buffers[b].Name + " is locked: unlock it first (U)."}, nil, nil
		}
		wishes = append(wishes, planner.Wish{Buf: b, Tier: tier})
	}
	plan, err := planner.Revise(d.Program, d.Plan, wishes, d.Locked)
	if err != nil {
		return MovePreview{Why: sentence(err)}, nil, nil
	}
	sim, err := workflow.Simulate(d.Program, plan)
	if err != nil {
		return MovePreview{Why: sentence(err)}, nil, nil
	}
	p := MovePreview{Legal: true, DeltaS: sim.PredictedS - d.Predicted.PredictedS, DeltaTokS: sim.PredictedSPerToken - d.Predicted.PredictedSPerToken}
	for _, b := range bufs {
		p.Bytes += d.Program.Buffers[b].Size
	}
	for _, t := range sim.Tiers {
		p.PeakBytes = append(p.PeakBytes, t.UsedBytes)
	}
	return p, plan, sim
}

// Lock keeps buffers where they are in moves and searches, or lets them go.
func (c *Controller) Lock(id int, bufs []int, on bool) {
	d := c.Snapshot().ByID(id)
	if d == nil || len(bufs) == 0 {
		return
	}
	verb := "lock "
	if !on {
		verb = "unlock "
	}
	c.edit(id, verb+d.bufferNames(bufs), "", func(d *Document) {
		set := map[int]bool{}
		for _, b := range d.Locked {
			set[b] = true
		}
		for _, b := range bufs {
			set[b] = on
		}
		var list []int
		for b, yes := range set {
			if yes {
				list = append(list, b)
			}
		}
		slices.Sort(list)
		d.Locked = list
	})
}

func (d *Document) bufferNames(bufs []int) string {
	if len(bufs) == 1 && bufs[0] >= 0 && bufs[0] < len(d.Program.Buffers) {
		return d.Program.Buffers[bufs[0]].Name
	}
	return strconv.Itoa(len(bufs)) + " tensors"
}

// IsLocked says whether the user locked a buffer.
func (d *Document) IsLocked(buf int) bool {
	_, ok := slices.BinarySearch(d.Locked, buf)
	return ok
}

// Residencies tells how each buffer lies in the plan in the steady loop (the
// whole program where there is none), and in which tier.
func (d *Document) Residencies() (kind []Residency, tier []int) {
	return residencies(d.Program, d.Plan)
}

func residencies(p *malloc.Program, plan *malloc.Plan) (kind []Residency, tier []int) {
	kind, tier = make([]Residency, len(p.Buffers)), make([]int, len(p.Buffers))
	for b := range tier {
		tier[b] = p.Buffers[b].Home
	}
	if plan == nil {
		return
	}
	begin, end := 0, len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		begin, end = l.Begin, l.End
	}
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		if b.Buf < 0 || b.Buf >= len(p.Buffers) || b.Start < begin || b.Start >= end || b.Tier == p.Buffers[b.Buf].Home {
			continue
		}
		if b.End-b.Start >= end-begin {
			kind[b.Buf], tier[b.Buf] = Resident, b.Tier
		} else if kind[b.Buf] != Resident {
			kind[b.Buf], tier[b.Buf] = Streamed, b.Tier
		}
	}
	return
}
