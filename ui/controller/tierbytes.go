package controller

import (
	"strata/malloc"
	"strata/simulate"
	"strata/ui/viz"
)

// TierBytes is what lies in a tier when most does, by the class it is drawn as.
type TierBytes struct {
	Tier    int
	Instr   int   // when
	Live    int64 // sum over the classes
	ByClass map[viz.Class]int64
}

// tierBytes finds the fullest moment of each tier that a plan uses.
func tierBytes(p *malloc.Program, plan *malloc.Plan) []TierBytes {
	n := len(p.Instructions)
	if plan == nil || n == 0 {
		return nil
	}
	type row = map[viz.Class][]int64 // differences over instructions
	tiers := make([]row, len(p.Tiers))
	loop := p.PeriodicLoop()
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		if b.Tier < 0 || b.Tier >= len(p.Tiers) || b.Start < 0 || b.Start >= n || b.Buf >= len(p.Buffers) {
			continue
		}
		class := viz.ClassScratch
		if b.Buf >= 0 {
			class = viz.BufferClass(&p.Buffers[b.Buf])
		}
		if tiers[b.Tier] == nil {
			tiers[b.Tier] = row{}
		}
		d := tiers[b.Tier][class]
		if d == nil {
			d = make([]int64, n+1)
			tiers[b.Tier][class] = d
		}
		size := simulate.BlockBytes(p, b)
		add := func(from, to int) {
			if to = min(to, n); from < to {
				d[from] += size
				d[to] -= size
			}
		}
		if loop != nil && b.Start >= loop.Begin && b.Start < loop.End && b.End > loop.End {
			add(b.Start, loop.End)
			add(loop.Begin, loop.Begin+b.End-loop.End)
		} else {
			add(b.Start, b.End)
		}
	}
	var out []TierBytes
	for t, classes := range tiers {
		if classes == nil {
			continue
		}
		sum := make([]int64, n)
		for _, d := range classes {
			live := int64(0)
			for i := range n {
				live += d[i]
				sum[i] += live
			}
		}
		at := 0
		for i := range sum {
			if sum[i] > sum[at] {
				at = i
			}
		}
		tb := TierBytes{Tier: t, Instr: at, Live: sum[at], ByClass: map[viz.Class]int64{}}
		for class, d := range classes {
			live := int64(0)
			for i := 0; i <= at; i++ {
				live += d[i]
			}
			if live > 0 {
				tb.ByClass[class] = live
			}
		}
		out = append(out, tb)
	}
	return out
}
