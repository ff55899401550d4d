package planner

import (
	"cmp"
	"slices"

	"strata/malloc"
)

// ease gives copies the slack that their places have: each is issued as soon as
// the place it fills is free, in the order in which the plan issues them. Searches
// accept whatever simulates as fast, down to copies issued at the last moment; the
// simulated machine forgives that, a real one, whose every request takes a little
// longer or shorter, waits for each. It returns nil when nothing can be issued
// earlier.
//
// Only reads of what nothing writes move, and none moves into an earlier part of
// the program or an earlier iteration.
func ease(p *malloc.Program, plan *malloc.Plan) *malloc.Plan {
	loop := p.PeriodicLoop()
	begin, end := len(p.Instructions), len(p.Instructions)
	if loop != nil {
		begin, end = loop.Begin, loop.End
	}
	part := func(t int) (first, period int) { // where the part begins that t lies in, and how soon it comes again
		switch {
		case t < begin:
			return 0, 0
		case t < end:
			return begin, end - begin
		}
		return end, 0
	}
	written := make([]bool, len(p.Buffers))
	for i := range p.Instructions {
		for _, o := range p.Instructions[i].Writes {
			written[o.Buf] = true
		}
	}
	follows := make([]bool, len(plan.Copies)) // one of two hops
	for i := range plan.Copies {
		if after := plan.Copies[i].After; after >= 0 {
			follows[i], follows[after] = true, true
		}
	}
	inPlace := newPlaces(p, plan)
	order := make([]int, len(plan.Copies))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(plan.Copies[x].Start, plan.Copies[y].Start) })

	eased := *plan
	eased.Blocks = slices.Clone(plan.Blocks)
	moved := false
	issued := map[[2]int]int{} // by engine and part: the latest start so far
	starts := make([]int, len(plan.Copies))
	for _, i := range order {
		c := &plan.Copies[i]
		first, period := part(c.Start)
		key := [2]int{c.Engine, first}
		from := max(first, issued[key])
		b := &p.Buffers[c.Buf]
		fills := plan.Blocks[c.Block].Tier == p.Engines[c.Engine].To && plan.Blocks[c.Block].Start == c.Start
		if !fills || follows[i] || written[c.Buf] || b.Select != nil || p.Engines[c.Engine].From != b.Home {
			from = c.Start
		} else {
			from = min(c.Start, max(from, inPlace.freeFrom(c.Block, first, period)))
		}
		if from < c.Start {
			moved = true
			eased.Blocks[c.Block].Start = from
		}
		starts[i], issued[key] = from, max(issued[key], from)
	}
	if !moved {
		return nil
	}
	eased.Copies = make([]malloc.Copy, len(order))
	at := make([]int, len(order))
	for k, i := range order {
		at[i] = k
	}
	for k, i := range order {
		c := plan.Copies[i]
		c.Start = starts[i]
		if c.After >= 0 {
			c.After = at[c.After]
		}
		eased.Copies[k] = c
	}
	return &eased
}

// places finds the blocks that share addresses with a block.
type places struct {
	plan  *malloc.Plan
	of    map[[2]int][]int // by buffer and tier
	sizes []int64          // by block
	order []int            // blocks by tier and offset
	rank  []int            // by block: its place in order
	reach []int64          // by place in order: the highest end of its tier's blocks so far
}

func newPlaces(p *malloc.Program, plan *malloc.Plan) *places {
	sizes := newSizes(p)
	x := &places{plan: plan, of: map[[2]int][]int{}, sizes: make([]int64, len(plan.Blocks)), order: make([]int, len(plan.Blocks)), rank: make([]int, len(plan.Blocks)), reach: make([]int64, len(plan.Blocks))}
	for i := range plan.Blocks {
		x.order[i] = i
		x.sizes[i] = sizes.of(plan.Blocks[i])
		if b := plan.Blocks[i].Buf; b >= 0 {
			key := [2]int{b, plan.Blocks[i].Tier}
			x.of[key] = append(x.of[key], i)
		}
	}
	slices.SortFunc(x.order, func(a, b int) int {
		return cmp.Or(cmp.Compare(plan.Blocks[a].Tier, plan.Blocks[b].Tier), cmp.Compare(plan.Blocks[a].Offset, plan.Blocks[b].Offset))
	})
	for k, i := range x.order {
		x.rank[i], x.reach[k] = k, plan.Blocks[i].Offset+x.sizes[i]
		if k > 0 && plan.Blocks[x.order[k-1]].Tier == plan.Blocks[i].Tier {
			x.reach[k] = max(x.reach[k], x.reach[k-1])
		}
	}
	return x
}

// freeFrom is the first time from first on since which nothing else lies where
// block i begins, nor another block of its buffer in its tier. Blocks come again
// after a period, if it is not 0: block i itself must have ended too.
func (x *places) freeFrom(i, first, period int) int {
	b := &x.plan.Blocks[i]
	lo, hi := b.Offset, b.Offset+x.sizes[i]
	free := first
	see := func(j int) {
		end := x.plan.Blocks[j].End
		for _, gone := range [...]int{end, end - period} {
			if gone <= b.Start {
				free = max(free, gone)
			}
		}
	}
	for _, j := range x.of[[2]int{b.Buf, b.Tier}] {
		see(j)
	}
	k := x.rank[i]
	for ; k < len(x.order) && x.plan.Blocks[x.order[k]].Tier == b.Tier && x.plan.Blocks[x.order[k]].Offset < hi; k++ {
		see(x.order[k])
	}
	for k = x.rank[i] - 1; k >= 0 && x.plan.Blocks[x.order[k]].Tier == b.Tier && x.reach[k] > lo; k-- {
		if j := x.order[k]; x.plan.Blocks[j].Offset+x.sizes[j] > lo {
			see(j)
		}
	}
	return free
}
