// Package uibench measures the window: the main thread's CPU time per frame
// while the real views of a plan with 10^5 tensors are panned, zoomed, hovered
// and scrolled, what the window costs when nothing happens, and its memory.
package uibench

import (
	"fmt"

	"strata/malloc"
	"strata/ui/controller"
	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

// Document is a made-up document with n tensors: weights, KV and activations of
// a model of many layers, placed in a dense map by first fit. It has the shape
// of a real one; nothing in it is checked.
func Document(n int) *controller.Document {
	rects := viztest.Dense(n, 1)
	p := &malloc.Program{
		Format: malloc.InstanceFormat, Name: "bench",
		Tiers:   []malloc.Tier{{ID: 0, Name: "dram", Align: 64}, {ID: 1, Name: "file", Capacity: malloc.Unlimited}},
		Engines: []malloc.Engine{{ID: 0, From: 1, To: 0, BW: 2e9, RequestBytes: 1 << 20, IOAlign: 4096, MaxOutstanding: 4, Order: "fifo"}},
	}
	plan := &malloc.Plan{Format: malloc.PlanFormat, Solver: "bench"}
	last := 0
	var top int64
	roles := []string{"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}
	for i := range rects {
		r := &rects[i]
		b := malloc.Buffer{ID: i, Size: int64(r.A1 - r.A0), Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep}
		switch r.Class {
		case viz.ClassKV:
			b.Kind, b.Home, b.Name = malloc.KindKV, 0, fmt.Sprintf("kv.%d", i)
		case viz.ClassActivation, viz.ClassGradient, viz.ClassOptimizer:
			b.Kind, b.Home, b.Name = malloc.KindActivation, 0, fmt.Sprintf("h.%d@decode", i)
		default:
			b.Name = fmt.Sprintf("blk.%d.%s.weight", i/700, roles[i%len(roles)])
		}
		b.Size = max(b.Size, 1)
		p.Buffers = append(p.Buffers, b)
		start, end := int(r.T0), max(int(r.T1), int(r.T0)+1)
		plan.Blocks = append(plan.Blocks, malloc.Block{Buf: i, Tier: 0, Start: start, End: end, Offset: int64(r.A0)})
		if b.Home == 1 && i%2 == 0 {
			plan.Copies = append(plan.Copies, malloc.Copy{Buf: i, Block: i, Engine: 0, Start: max(start-2, 0), Before: start + 1, Bytes: b.Size, After: -1})
		}
		last, top = max(last, end), max(top, int64(r.A1))
	}
	p.Tiers[0].Capacity = top + top/16
	for i := range last {
		p.Instructions = append(p.Instructions, malloc.Instruction{ID: i, Name: fmt.Sprintf("op.%d", i), Op: "matmul", ComputeS: 1e-5})
	}
	for i := range plan.Blocks {
		in := &p.Instructions[plan.Blocks[i].Start]
		in.Reads = append(in.Reads, malloc.Operand{Buf: i, Bytes: p.Buffers[i].Size})
	}
	return &controller.Document{ID: 1, Version: 1, PlanVersion: 1, Name: "bench", Program: p, Plan: plan}
}
