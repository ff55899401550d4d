// Package viztest makes deterministic subjects for tests and benchmarks of
// pictures and exports: a program and plan shaped like the lowered prefill and
// decode of a small language model (straight prefill, then a periodic body in
// which some panels are resident and the rest are streamed through blocks that
// may wrap round the loop's end), timelines of its run, and dense scenes. They
// are shaped like real ones, not legal by the checker: pictures must not care.
package viztest

import (
	"fmt"
	"math/rand/v2"

	"strata/malloc"
	"strata/trace"
)

const (
	kib     = int64(1) << 10
	layers  = 30
	context = 128
	// Trip is how often the body of Decode's program runs.
	Trip = 31
)

// Decode returns the program and a plan for it. share is the share of layers
// whose weights are resident.
func Decode(share float64) (*malloc.Program, *malloc.Plan) {
	d := &decode{p: &malloc.Program{
		Format: malloc.InstanceFormat, Name: "small-llm decode",
		Tiers: []malloc.Tier{
			{ID: 0, Name: "dram", Capacity: 64 << 20, ReadBW: 20e9, WriteBW: 12e9, Align: 64},
			{ID: 1, Name: "file", Capacity: malloc.Unlimited, ReadBW: 2e9, Align: 4096},
		},
		Engines: []malloc.Engine{{ID: 0, From: 1, To: 0, BW: 2e9, RequestBytes: 512 * kib, IOAlign: 4096, MaxOutstanding: 4, Order: "fifo"}},
		Model:   malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "steal"},
	}}
	d.plan = &malloc.Plan{
		Format: malloc.PlanFormat, Solver: "mcts", Seed: 7, Evaluations: 12480, WallS: 9.7,
		InstanceSHA256:  "6f1d2c0b9a8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a392817060504",
		StructureSHA256: "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
		Model:           &malloc.ModelRef{Name: "small-llm-q4_1.gguf", Bytes: 98 << 20, SHA256: "ab54d286ab54d286ab54d286ab54d286ab54d286ab54d286ab54d286ab54d286"},
		Lowering:        &malloc.LoweringRef{Prompt: 64, Gen: Trip + 1, Context: context, Parallel: 1, Ubatch: 64, CTK: "f16", CTV: "f16", Mode: "fast", Threads: 2, PanelBytes: 512 * kib},
		ClaimedS:        1.94, PeriodS: 0.0412, LowerS: 1.78,
		Ext: &malloc.PlanExt{Profile: "this host, calibrated"},
	}
	for i := range 24 {
		d.plan.Trace = append(d.plan.Trace, [2]float64{0.05 * float64(i*i) / 2.8, 1.94 + 1.1/float64(1+i)})
	}
	d.build(share)
	return d.p, d.plan
}

type decode struct {
	p    *malloc.Program
	plan *malloc.Plan
	loop malloc.Loop
}

func (d *decode) buffer(name, kind string, size int64, home int) int {
	id := len(d.p.Buffers)
	b := malloc.Buffer{ID: id, Name: name, Size: size, Kind: kind, Home: home, End: malloc.EndDead}
	if kind == malloc.KindParam {
		b.End = malloc.EndKeep
	}
	d.p.Buffers = append(d.p.Buffers, b)
	return id
}

func (d *decode) instruction(name string, computeS float64, reads, writes []int) int {
	in := malloc.Instruction{ID: len(d.p.Instructions), Name: name, Op: "matmul", ComputeS: computeS, Scratch: map[string]int64{"0": 40 * kib}}
	for _, b := range reads {
		in.Reads = append(in.Reads, malloc.Operand{Buf: b, Bytes: d.p.Buffers[b].Size})
	}
	for _, b := range writes {
		in.Writes = append(in.Writes, malloc.Operand{Buf: b, Bytes: d.p.Buffers[b].Size})
	}
	d.p.Instructions = append(d.p.Instructions, in)
	return in.ID
}

// build adds the buffers, both phases and the blocks.
func (d *decode) build(share float64) {
	matrices := []struct {
		name string
		size int64
	}{{"attn_q", 208 * kib}, {"attn_k", 70 * kib}, {"attn_v", 70 * kib}, {"attn_output", 208 * kib}, {"ffn_gate", 553 * kib}, {"ffn_up", 553 * kib}, {"ffn_down", 553 * kib}}
	weights := make([][]int, layers)
	kv := make([]int, layers)
	for l := range layers {
		for _, m := range matrices {
			weights[l] = append(weights[l], d.buffer(fmt.Sprintf("blk.%d.%s.weight", l, m.name), malloc.KindParam, m.size, 1))
		}
		kv[l] = d.buffer(fmt.Sprintf("blk.%d.kv", l), malloc.KindKV, context*768, 0)
	}
	var panels []int
	for i := range 48 {
		id := d.buffer(fmt.Sprintf("token_embd.weight[%d]", i*1024), malloc.KindParam, 360*kib, 1)
		d.p.Buffers[id].PanelOf = &malloc.PanelOf{Name: "token_embd.weight", Row: int64(i) * 1024, Rows: 1024}
		panels = append(panels, id)
	}
	hidden := d.buffer("hidden", malloc.KindActivation, 64*2304, 0)
	logits := d.buffer("logits", malloc.KindOutput, 49152*4, 0)

	use := map[int][2]int{} // param → its instruction in prefill and in the body
	phase := func(which int, scale float64) {
		for l := range layers {
			groups := [][]int{weights[l][:3], nil, weights[l][3:4], weights[l][4:6], weights[l][6:7]}
			for g, reads := range groups {
				name := []string{"qkv", "attention", "attn_output", "gate_up", "down"}[g]
				all := append([]int{hidden}, reads...)
				writes := []int{hidden}
				if g == 1 {
					all = append(all, kv[l])
				}
				at := d.instruction(fmt.Sprintf("blk.%d.%s", l, name), scale*(20e-6+float64(len(reads))*60e-6), all, writes)
				for _, b := range reads {
					u := use[b]
					u[which] = at
					use[b] = u
				}
				if which == 0 { // prefill splits each stage in two
					d.instruction(fmt.Sprintf("blk.%d.%s.add", l, name), scale*8e-6, []int{hidden}, []int{hidden})
				}
			}
		}
	}
	phase(0, 12)
	begin := len(d.p.Instructions)
	phase(1, 1)
	for i := 0; i < len(panels); i += 2 {
		at := d.instruction(fmt.Sprintf("output[%d]", i*1024), 70e-6, []int{hidden, panels[i], panels[i+1]}, []int{logits})
		for _, b := range panels[i : i+2] {
			use[b] = [2]int{-1, at}
		}
	}
	end := len(d.p.Instructions)
	d.loop = malloc.Loop{Begin: begin, End: end, Trip: Trip, Periodic: true}
	d.p.Loops = []malloc.Loop{d.loop}
	d.place(share, kv, hidden, logits, use, begin, end)
}

// place gives blocks: what is resident first, from the bottom, then the streamed
// ones first-fit in order of use.
func (d *decode) place(share float64, kv []int, hidden, logits int, use map[int][2]int, begin, end int) {
	length := end - begin
	for _, b := range append([]int{hidden, logits}, kv...) {
		at := d.fit(b, 0, end+length)
		d.plan.Blocks = append(d.plan.Blocks, malloc.Block{Buf: b, Start: 0, End: begin, Offset: at},
			malloc.Block{Buf: b, Start: begin, End: end, Offset: at})
	}
	resident := func(b int) bool { return float64(b*37%97)/97 < share }
	for b := range d.p.Buffers {
		if u, ok := use[b]; ok && resident(b) {
			at := d.fit(b, begin, end+length)
			d.plan.Blocks = append(d.plan.Blocks, malloc.Block{Buf: b, Start: begin, End: begin + length, Offset: at})
			d.copy(b, len(d.plan.Blocks)-1, begin-1, begin, true)
			_ = u
		}
	}
	for b := range d.p.Buffers {
		u, ok := use[b]
		if !ok {
			continue
		}
		if u[0] >= 0 {
			s := max(u[0]-7, 0)
			d.plan.Blocks = append(d.plan.Blocks, malloc.Block{Buf: b, Start: s, End: u[0] + 1, Offset: d.fit(b, s, u[0]+1)})
			d.copy(b, len(d.plan.Blocks)-1, s, u[0], false)
		}
		if resident(b) {
			continue
		}
		s, e := u[1]-9, u[1]+1
		before := u[1]
		if s < begin { // arrives at the end of the iteration before
			s, e, before = s+length, e+length, before+length
		}
		d.plan.Blocks = append(d.plan.Blocks, malloc.Block{Buf: b, Start: s, End: e, Offset: d.fit(b, s, e)})
		d.copy(b, len(d.plan.Blocks)-1, s, before, false)
	}
}

func (d *decode) copy(b, block, start, before int, once bool) {
	d.plan.Copies = append(d.plan.Copies, malloc.Copy{Buf: b, Block: block, Start: start, Before: before, Bytes: roundUp(d.p.Buffers[b].Size, 4096), Once: once, After: -1})
}

func roundUp(n, a int64) int64 { return (n + a - 1) / a * a }

// fit is the lowest offset free over the interval on the circle.
func (d *decode) fit(buf, start, end int) int64 {
	size := roundUp(d.p.Buffers[buf].Size, 4096)
	at := int64(0)
	for moved := true; moved; {
		moved = false
		for _, o := range d.plan.Blocks {
			osize := roundUp(d.p.Buffers[o.Buf].Size, 4096)
			if at < o.Offset+osize && o.Offset < at+size && d.meet(start, end, o.Start, o.End) {
				at, moved = o.Offset+osize, true
			}
		}
	}
	return at
}

// meet reports whether two intervals share an instruction, the body being a
// circle.
func (d *decode) meet(a0, a1, b0, b1 int) bool {
	if a0 < b1 && b0 < a1 {
		return true
	}
	length := 0
	if len(d.p.Loops) > 0 {
		length = d.loop.End - d.loop.Begin
	}
	return a0 < b1-length && b0 < a1 || a0 < b1 && b0 < a1-length && a0 >= d.loop.Begin && b0 >= d.loop.Begin || a0-length < b1-length && a0 < b1-length && b0-length < a1
}

// Run returns a timeline of a program: instructions back to back, each param
// copy ahead of its use, now and then a wait. The same seed gives the same run.
func Run(p *malloc.Program, source string, seed uint64) *trace.Timeline {
	rng := rand.New(rand.NewPCG(seed, 1))
	t := &trace.Timeline{Source: source, Name: p.Name}
	exec := trace.Lane{Kind: trace.LaneExecutor, Name: "cpu"}
	engine := trace.Lane{Kind: trace.LaneEngine, Name: "file to dram"}
	occupancy := trace.Occupancy{Tier: 0, Name: "dram"}
	now, disk := 0.0, 0.0
	live := int64(8 << 20)
	run := func(i, iteration int) {
		in := &p.Instructions[i]
		for _, o := range in.Reads {
			b := &p.Buffers[o.Buf]
			if b.Kind != malloc.KindParam || o.Buf%97 < 40 {
				continue
			}
			start := max(disk, now-4e-3)
			disk = start + float64(b.Size)/2.1e9*(0.95+0.1*rng.Float64())
			engine.Slices = append(engine.Slices, trace.Slice{Kind: trace.Transfer, Ref: int32(o.Buf), Iteration: int32(iteration), StartS: start, EndS: disk, Bytes: b.Size, Name: b.Name})
			live = min(max(live+(rng.Int64N(5)-2)*kib*256, 8<<20), 60<<20)
			occupancy.TimesS = append(occupancy.TimesS, max(start, last(occupancy.TimesS)))
			occupancy.Bytes = append(occupancy.Bytes, live)
			occupancy.PeakBytes = max(occupancy.PeakBytes, live)
			if disk > now {
				cause := "copy"
				if len(engine.Slices)%3 == 0 {
					cause = "queue"
				}
				exec.Slices = append(exec.Slices, trace.Slice{Kind: trace.Wait, Ref: int32(o.Buf), Iteration: int32(iteration), StartS: now, EndS: disk, Name: b.Name, Cause: cause})
				now = disk
			}
		}
		d := in.ComputeS * (0.9 + 0.2*rng.Float64())
		exec.Slices = append(exec.Slices, trace.Slice{Kind: trace.Compute, Ref: int32(i), Iteration: int32(iteration), StartS: now, EndS: now + d, Name: in.Name})
		now += d
	}
	loop := p.PeriodicLoop()
	for i := range loop.Begin {
		run(i, -1)
	}
	for k := range int(loop.Trip) {
		for i := loop.Begin; i < loop.End; i++ {
			run(i, k)
		}
	}
	t.TotalS = now
	t.Lanes = []trace.Lane{exec, engine}
	t.Tiers = []trace.Occupancy{occupancy}
	t.Counters = []trace.Counter{{Name: "file bytes", Unit: "bytes", Value: 1.6e9}, {Name: "file requests", Unit: "requests", Value: 8000}}
	return t
}

func last(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return v[len(v)-1]
}
