package planner

import (
	"strata/malloc"
	"strata/planner/cpsat"
)

// hint proposes what a checked plan does, so that the search begins there.
func (x *mappingModel) hint(plan *malloc.Plan) {
	for v, value := range x.assignment(plan) {
		x.Hint(cpsat.Var(v), value)
	}
}

// assignment is the model's solution that a checked plan is. Its objective is at
// most the plan's simulated time.
func (x *mappingModel) assignment(plan *malloc.Plan) []int64 {
	T := len(x.m.p.Instructions)
	values := make([]int64, x.Vars())
	set := func(v cpsat.Var, on bool) bool {
		if v >= 0 && on {
			values[v] = 1
		}
		return v >= 0 && on
	}
	blocks := make(map[int][]malloc.Block)
	for _, b := range plan.Blocks {
		if b.Tier == x.m.fast && b.Buf >= 0 {
			blocks[b.Buf] = append(blocks[b.Buf], b)
		}
	}
	backBy := make(map[int]int) // buffer → when its write-back is awaited
	for _, c := range plan.Copies {
		if c.Engine == x.m.out {
			backBy[c.Buf] = c.Before
		}
	}
	inFast := make(map[[2]int]bool)
	for _, s := range plan.Sites {
		inFast[[2]int{s.Instr, operandAt(x.m.p, s)}] = s.Tier == x.m.fast
	}
	for i := range x.buffers {
		y, b := &x.buffers[i], &x.m.moving[i]
		began := func(t int) int { // the block that covers t begins there
			for _, k := range blocks[b.buf] {
				if k.Start <= t && t < k.End {
					return k.Start
				}
			}
			return T
		}
		by, back := backBy[b.buf]
		set(y.back, back)
		for k, v := range y.due {
			set(v, back && b.touches[0].instr+1+k >= by)
		}
		found, original := false, false
		for k := range y.touches {
			z, t := &y.touches[k], b.touches[k].instr
			fast := inFast[[2]int{t, b.buf}]
			start := began(t)
			set(z.fast, fast)
			stays := set(z.stays, fast && found && start < z.from)
			for h, v := range z.hold {
				set(v, original && back && !stays && z.from+h < by)
			}
			if k == 0 && b.defined {
				original = fast
			} else {
				original = original && stays
				set(z.resident, fast)
				set(z.original, original)
				set(z.copied, fast && !stays)
				for f, v := range z.fetched {
					set(v, fast && !stays && start <= z.first+f)
				}
			}
			found = fast
		}
		for k, v := range y.final {
			set(v, original && back && b.touches[len(b.touches)-1].instr+1+k < by)
		}
	}
	x.timeOf(values)
	return values
}

// timeOf sets the times of an assignment whose decisions are set: every
// instruction as early as its copies allow.
func (x *mappingModel) timeOf(values []int64) {
	T := len(x.m.p.Instructions)
	run := int64(0)
	for t := range T {
		span := max(x.down(x.m.computeS[t]), x.time[t].Value(values))
		if terms := x.span[t].Terms; len(terms) > 0 {
			values[terms[0].Var] = span
		}
		run += span
	}
	values[x.end] = run
	if x.coarse {
		for _, m := range x.totals {
			values[x.end] = max(values[x.end], m.Value(values))
		}
		return
	}
	at := make([][]window, T+1) // by the instruction that waits
	for _, w := range x.windows {
		at[w.t] = append(at[w.t], w)
	}
	now := make([]int64, len(x.clocks))
	for t := range T + 1 {
		wait := int64(0)
		for i := range x.clocks {
			values[x.clocks[i].arrive[t]] = now[i]
		}
		for _, w := range at[t] {
			wait = max(wait, w.moved.Value(values)-(now[w.clock]-values[x.clocks[w.clock].arrive[w.s]]))
		}
		for i := range x.clocks {
			c := &x.clocks[i]
			now[i] += wait
			values[c.execute[t]] = now[i]
			if t == T {
				continue
			}
			span := x.span[t].Value(values)
			if c.tier >= 0 {
				span = max(0, span-x.taken[t][c.tier].Value(values))
			}
			now[i] += span
		}
	}
}
