package planner

import (
	"cmp"
	"context"
	"slices"

	"strata/malloc"
	"strata/malloc/pack"
	"strata/planner/cpsat"
)

// plan turns a solution of the full model into blocks, copies and sites, without
// offsets.
func (x *mappingModel) plan(values []int64) *malloc.Plan {
	m := x.m
	plan := &malloc.Plan{}
	is := func(v cpsat.Var) bool { return v >= 0 && values[v] == 1 }
	inFast := make(map[[2]int]bool) // (instruction, buffer)
	for i := range x.buffers {
		y, b := &x.buffers[i], &m.moving[i]
		open := -1                      // the block that touches find
		backBy := len(m.p.Instructions) // the first instruction that needs home
		for k := range y.touches {
			z, t := &y.touches[k], b.touches[k].instr
			start := t
			if is(z.copied) {
				for f, v := range z.fetched {
					if is(v) {
						start = z.first + f
						break
					}
				}
			}
			if k == 0 && b.defined && is(z.fast) || is(z.copied) {
				open = len(plan.Blocks)
				plan.Blocks = append(plan.Blocks, malloc.Block{Buf: b.buf, Tier: m.fast, Start: start, End: t + 1})
			}
			switch {
			case is(z.copied):
				plan.Copies = append(plan.Copies, malloc.Copy{Buf: b.buf, Block: open, Engine: m.in, Start: start, Before: t, Bytes: b.fillBytes, After: -1})
				backBy = min(backBy, start)
			case !is(z.fast):
				backBy = min(backBy, t)
			}
			if is(z.fast) {
				inFast[[2]int{t, b.buf}] = true
				plan.Blocks[open].End = t + 1
			}
		}
		if !is(y.back) || !b.needsFinal && backBy == len(m.p.Instructions) {
			continue
		}
		d := b.touches[0].instr
		for k, v := range y.due {
			if is(v) {
				backBy = min(backBy, d+1+k)
				break
			}
		}
		for k := range plan.Blocks { // the original
			if o := &plan.Blocks[k]; o.Buf == b.buf && o.Start == d {
				o.End = max(o.End, backBy)
				plan.Copies = append(plan.Copies, malloc.Copy{Buf: b.buf, Block: k, Engine: m.out, Start: d + 1, Before: backBy, Bytes: b.backBytes, After: -1})
			}
		}
	}
	slices.SortStableFunc(plan.Copies, func(a, b malloc.Copy) int {
		return cmp.Or(a.Start-b.Start, a.Before-b.Before)
	})
	m.addSettled(plan)
	for t := range m.p.Instructions {
		in := &m.p.Instructions[t]
		site := func(o malloc.Operand, kind byte, i int) {
			where := m.home
			if m.p.Buffers[o.Buf].Home == m.fast || inFast[[2]int{t, o.Buf}] {
				where = m.fast
			}
			plan.Sites = append(plan.Sites, malloc.Site{Instr: t, Arg: argName(kind, i), Tier: where})
		}
		for i, o := range in.Reads {
			site(o, 'r', i)
		}
		for i, o := range in.Writes {
			site(o, 'w', i)
		}
	}
	plan.Traffic = trafficOf(m.p, plan)
	return plan
}

// addSettled adds the blocks that no decision changes: homes in the fast tier,
// and scratch.
func (m *mapping) addSettled(plan *malloc.Plan) {
	T := len(m.p.Instructions)
	first, last := make([]int, len(m.p.Buffers)), make([]int, len(m.p.Buffers))
	for b := range last {
		last[b] = -1
	}
	for t := range m.p.Instructions {
		in := &m.p.Instructions[t]
		for _, list := range [][]malloc.Operand{in.Reads, in.Writes} {
			for _, o := range list {
				if last[o.Buf] < 0 {
					first[o.Buf] = t
				}
				last[o.Buf] = t
			}
		}
		if scratchBytes(m.p, t, m.fast) > 0 {
			plan.Blocks = append(plan.Blocks, malloc.Block{Buf: malloc.ScratchBuf, Tier: m.fast, Start: t, End: t + 1})
		}
	}
	for b := range m.p.Buffers {
		f := &m.p.Buffers[b]
		if f.Home != m.fast || last[b] < 0 {
			continue
		}
		k := malloc.Block{Buf: b, Tier: m.fast, Start: first[b], End: last[b] + 1}
		if f.Kind == malloc.KindParam {
			k.Start = 0
		}
		if f.End == malloc.EndOut {
			k.End = T
		}
		plan.Blocks = append(plan.Blocks, k)
	}
}

// packNodes is how long malloc/pack's exact search may look for offsets before
// CP-SAT is asked.
const packNodes = 50_000

// place gives a plan's blocks offsets: by malloc/pack, else by CP-SAT. It returns
// how many bytes are missing, 0 when the plan fits.
func (m *mapping) place(ctx context.Context, w *cpsat.Worker, plan *malloc.Plan) (missing int64, err error) {
	prob := &pack.Problem{Capacity: m.p.Tiers[m.fast].Capacity}
	for _, b := range plan.Blocks {
		it := pack.Item{Spans: []pack.Span{{Start: b.Start, End: b.End}}, Pin: -1, Align: max(m.p.Tiers[m.fast].Align, 1)}
		if b.Buf == malloc.ScratchBuf {
			it.Size = scratchBytes(m.p, b.Start, m.fast)
		} else {
			it.Size = blockBytes(m.p, b.Buf, m.fast)
			it.Align = max(it.Align, homeAlign(m.p, b.Buf))
		}
		prob.Items = append(prob.Items, it)
	}
	found, err := pack.Solve(ctx, prob, pack.Options{MaxNodes: packNodes})
	if err != nil {
		return 0, err
	}
	offsets := found.Offsets
	if found.Status == pack.Unknown && len(prob.Items) <= cpsat.MaxPackItems {
		exact, err := w.Pack(ctx, prob, cpsat.Options{Work: 1, Threads: 1})
		if err != nil {
			return 0, err
		}
		if exact.Offsets != nil {
			found.Status, offsets = pack.Solved, exact.Offsets
		}
	}
	if found.Status != pack.Solved {
		return max(1, found.Peak-prob.Capacity), nil
	}
	for i := range plan.Blocks {
		plan.Blocks[i].Offset = offsets[i]
	}
	return 0, nil
}
