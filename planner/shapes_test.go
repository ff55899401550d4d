package planner

import (
	"fmt"
	"math/rand/v2"

	"strata/malloc"
)

// gpuShape is a mixture of experts on a desktop: device memory that only the GPU
// reaches, host memory that only the CPU reaches, and a model file that neither
// does. Weights live in the file, the KV cache and activations in host memory.
func gpuShape(layers int, vram, dram int64, experts bool) *malloc.Program {
	const gpu, host, file = 0, 1, 2
	p := &malloc.Program{
		Format: malloc.InstanceFormat, Name: "desktop",
		Tiers: []malloc.Tier{
			{ID: gpu, Name: "vram", Capacity: vram, ReadBW: 400e9, WriteBW: 400e9, Align: 256},
			{ID: host, Name: "dram", Capacity: dram, ReadBW: 40e9, WriteBW: 40e9, Align: 64},
			{ID: file, Name: "file", Capacity: malloc.Unlimited, ReadBW: 2e9, Align: 1},
		},
		Engines: []malloc.Engine{
			{ID: 0, From: file, To: host, BW: 2e9, LatencyS: 80e-6, RequestBytes: 1 << 20, IOAlign: 4096, MaxOutstanding: 4, Order: "fifo", Shares: []int{host}},
			{ID: 1, From: host, To: gpu, BW: 12e9, LatencyS: 10e-6, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{host, gpu}},
			{ID: 2, From: gpu, To: host, BW: 12e9, LatencyS: 10e-6, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{host, gpu}},
		},
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "steal"},
		Executors: []malloc.Executor{
			{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: host, ReadBW: 40e9, WriteBW: 40e9}}},
			{ID: 1, Name: "gpu", Access: []malloc.Access{{Tier: gpu, ReadBW: 400e9, WriteBW: 400e9}}},
		},
	}
	add := func(b malloc.Buffer) malloc.Operand {
		b.ID = len(p.Buffers)
		p.Buffers = append(p.Buffers, b)
		return malloc.Operand{Buf: b.ID, Bytes: b.Size}
	}
	at := int64(4096)
	param := func(name string, size int64) malloc.Operand {
		offset := at
		at += size
		return add(malloc.Buffer{Name: name, Size: size, Kind: malloc.KindParam, Home: file, End: malloc.EndKeep, HomeOffset: &offset})
	}
	type layer struct{ attn, up, down, cache malloc.Operand }
	var ls []layer
	up, down := "ffn_up", "ffn_down"
	if experts {
		up, down = "ffn_up_exps", "ffn_down_exps"
	}
	for i := range layers {
		ls = append(ls, layer{
			param(fmt.Sprintf("blk.%d.attn.weight", i), 1<<20),
			param(fmt.Sprintf("blk.%d.%s.weight", i, up), 3<<20),
			param(fmt.Sprintf("blk.%d.%s.weight", i, down), 3<<20),
			add(malloc.Buffer{Name: fmt.Sprintf("kv.%d", i), Size: 256 << 10, Kind: malloc.KindKV, Home: host, End: malloc.EndDead})})
	}
	output := param("output.weight", 4<<20)
	pass := func(prefix string) {
		x := add(malloc.Buffer{Name: prefix + "x", Size: 8 << 10, Kind: malloc.KindActivation, Home: host, End: malloc.EndDead})
		h := add(malloc.Buffer{Name: prefix + "h", Size: 16 << 10, Kind: malloc.KindActivation, Home: host, End: malloc.EndDead})
		op := func(name string, reads, writes []malloc.Operand) {
			p.Instructions = append(p.Instructions, malloc.Instruction{ID: len(p.Instructions), Name: prefix + name, Op: name,
				ComputeS: 20e-6, RunsOn: []malloc.RunsOn{{Executor: 0, ComputeS: 20e-6}, {Executor: 1, ComputeS: 5e-6}}, Reads: reads, Writes: writes})
		}
		op("embed", nil, []malloc.Operand{x})
		for i, l := range ls {
			n := func(s string) string { return fmt.Sprintf("%s.%d", s, i) }
			op(n("attn"), []malloc.Operand{l.attn, l.cache, x}, []malloc.Operand{x, l.cache})
			op(n("up"), []malloc.Operand{l.up, x}, []malloc.Operand{h})
			op(n("down"), []malloc.Operand{l.down, h, x}, []malloc.Operand{x})
		}
		op("output", []malloc.Operand{output, x}, []malloc.Operand{h})
	}
	// the first pass writes the caches before it reads them
	first := len(p.Instructions)
	fill := make([]malloc.Operand, 0, layers)
	for _, l := range ls {
		fill = append(fill, l.cache)
	}
	p.Instructions = append(p.Instructions, malloc.Instruction{ID: first, Name: "fill", Op: "fill", ComputeS: 1e-6, Writes: fill,
		RunsOn: []malloc.RunsOn{{Executor: 0, ComputeS: 1e-6}}})
	pass("prefill.")
	begin := len(p.Instructions)
	pass("decode.")
	p.Loops = []malloc.Loop{{Begin: begin, End: len(p.Instructions), Trip: 8, Periodic: true}}
	return p
}

// straightShape is a straight program in the manner of a compiled graph on an
// accelerator: temporaries and weights in large slow memory that the executor
// reaches, a small fast memory, engines both ways.
func straightShape(seed uint64, instructions int, share float64) *malloc.Program {
	const fast, slow = 0, 1
	r := rand.New(rand.NewPCG(seed, 99))
	p := &malloc.Program{
		Format: malloc.InstanceFormat, Name: fmt.Sprintf("straight-%d", seed),
		Tiers: []malloc.Tier{
			{ID: fast, Name: "vmem", ReadBW: 3e12, WriteBW: 3e12, Align: 1024},
			{ID: slow, Name: "hbm", Capacity: malloc.Unlimited, ReadBW: 600e9, WriteBW: 600e9, Align: 1024},
		},
		Engines: []malloc.Engine{
			{ID: 0, From: slow, To: fast, BW: 600e9, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{slow}},
			{ID: 1, From: fast, To: slow, BW: 600e9, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{slow}},
		},
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "idle_bw"},
	}
	add := func(kind string) int {
		end := malloc.EndDead
		if kind == malloc.KindParam {
			end = malloc.EndKeep
		}
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: len(p.Buffers), Name: fmt.Sprintf("%s.%d", kind, len(p.Buffers)),
			Size: int64(1+r.IntN(64)) << 12, Kind: kind, Home: slow, End: end})
		return len(p.Buffers) - 1
	}
	all := func(b int) malloc.Operand { return malloc.Operand{Buf: b, Bytes: p.Buffers[b].Size} }
	var live, params []int
	for range 4 {
		params = append(params, add(malloc.KindParam))
	}
	for t := range instructions {
		in := malloc.Instruction{ID: t, Name: fmt.Sprintf("op.%d", t), Op: "op", ComputeS: float64(r.IntN(500)) * 1e-9}
		used := map[int]bool{}
		for range 1 + r.IntN(3) {
			b := params[r.IntN(len(params))]
			if len(live) > 0 && r.IntN(3) > 0 {
				b = live[max(0, len(live)-1-r.IntN(4))]
			}
			if !used[b] {
				used[b] = true
				in.Reads = append(in.Reads, all(b))
			}
		}
		out := add(malloc.KindActivation)
		in.Writes = []malloc.Operand{all(out)}
		live = append(live, out)
		p.Instructions = append(p.Instructions, in)
	}
	p.Buffers[live[len(live)-1]].End = malloc.EndOut
	sum := int64(0)
	for _, b := range p.Buffers {
		sum += b.Size
	}
	p.Tiers[fast].Capacity = int64(share*float64(sum)) / 1024 * 1024
	return p
}

// namedShape is an instance of the tests.
type namedShape struct {
	name string
	p    *malloc.Program
}

func smallShapes() []namedShape {
	reachable := smallDecode(3, 4, 0.5)
	reachable.ReachableSlow = true
	straight := smallDecode(3, 4, 0.5)
	straight.Straight = true
	fixed := smallDecode(2, 3, 0.7)
	fixed.FixedDown = true
	return []namedShape{
		{"decode 3 layers at 40 %", smallDecode(3, 4, 0.4).build()},
		{"decode 4 layers at 70 %", smallDecode(4, 6, 0.7).build()},
		{"decode with all resident", smallDecode(2, 3, 1.5).build()},
		{"decode from a file the executor reads", reachable.build()},
		{"decode with pins", fixed.build()},
		{"one straight pass", straight.build()},
		{"desktop with experts", gpuShape(4, 12<<20, 24<<20, true)},
		{"desktop without experts", gpuShape(3, 12<<20, 32<<20, false)},
		{"straight graph", straightShape(1, 24, 0.15)},
		{"straight graph, tight", straightShape(2, 40, 0.04)},
	}
}
