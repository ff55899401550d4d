package planner

import (
	"fmt"

	"strata/malloc"
)

// decodeShape describes an instance in the shape of a small decoder-only
// transformer streamed from a file: one straight prefill, then a periodic body
// per generated token. The rates are those of a laptop-like host: DRAM 16 GB/s,
// a file at 1.8 GB/s with two 1 MiB requests in flight.
type decodeShape struct {
	Layers, Panels      int
	Prompt, Gen         int
	HiddenBytes         int64 // one activation row of the residual stream
	Q, KV, O, FFN       int64 // bytes of one matrix
	OutputBytes         int64
	KVTokenBytes        int64 // K and V of one token of one layer
	KVBaseTokens        int   // tokens already in the cache besides the prompt
	Dram                int64 // capacity of the limited tier
	DramShare           float64
	PrefillComputeS     float64 // per prefill instruction
	ReachableSlow       bool    // the executor reads the file tier directly, slowly
	FixedDown           bool    // pin every down matrix's operand to dram
	Straight            bool    // no loop: a single straight pass
	RequestBytes        int64
	DecodeInstrComputeS float64
}

// sampleDecode is the 30-layer sample model with its 30 MB tied output in 48
// panels, with a DRAM budget of share × (weights + KV).
func sampleDecode(share float64) decodeShape {
	return decodeShape{Layers: 30, Panels: 48, Prompt: 64, Gen: 32, HiddenBytes: 576 * 4,
		Q: 207360, KV: 69120, O: 207360, FFN: 552960, OutputBytes: 30081024, KVTokenBytes: 768,
		DramShare: share, PrefillComputeS: 500e-6, RequestBytes: 1 << 20}
}

// smallDecode is the same shape with a handful of buffers.
func smallDecode(layers, panels int, share float64) decodeShape {
	return decodeShape{Layers: layers, Panels: panels, Prompt: 8, Gen: 6, HiddenBytes: 2304,
		Q: 207360, KV: 69120, O: 207360, FFN: 552960, OutputBytes: int64(panels) * 626688, KVTokenBytes: 768,
		DramShare: share, PrefillComputeS: 100e-6, RequestBytes: 1 << 20}
}

// build lowers the shape to a Program.
func (s decodeShape) build() *malloc.Program {
	const dram, file = 0, 1
	p := &malloc.Program{
		Format: malloc.InstanceFormat,
		Name:   fmt.Sprintf("decode-%d-layers-%d-panels", s.Layers, s.Panels),
		Tiers: []malloc.Tier{
			{ID: dram, Name: "dram", Capacity: s.Dram, ReadBW: 16e9, WriteBW: 16e9, Align: 4096},
			{ID: file, Name: "file", Capacity: malloc.Unlimited, ReadBW: 1.8e9, WriteBW: 0, Align: 1},
		},
		Engines: []malloc.Engine{{ID: 0, From: file, To: dram, BW: 1.8e9, LatencyS: 100e-6,
			RequestBytes: s.RequestBytes, IOAlign: 4096, MaxOutstanding: 2, Order: "fifo", Shares: []int{dram}}},
		Model:     malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "steal"},
		Executors: []malloc.Executor{{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: dram, ReadBW: 16e9, WriteBW: 16e9}}}},
	}
	if s.ReachableSlow {
		p.Executors[0].Access = append(p.Executors[0].Access, malloc.Access{Tier: file, ReadBW: 0.9e9})
	}
	position := int64(1000) // data never starts on a sector, as in a model file
	add := func(b malloc.Buffer) int {
		b.ID = len(p.Buffers)
		if b.End == "" {
			b.End = malloc.EndDead
		}
		p.Buffers = append(p.Buffers, b)
		return b.ID
	}
	param := func(name string, size int64) int {
		at := position
		position += (size + 31) / 32 * 32
		return add(malloc.Buffer{Name: name, Size: size, Kind: malloc.KindParam, Home: file, End: malloc.EndKeep, HomeOffset: &at})
	}
	local := func(name string, size int64, kind string) int {
		return add(malloc.Buffer{Name: name, Size: size, Kind: kind, Home: dram})
	}
	type layer struct{ norm1, q, k, v, o, norm2, gate, up, down, cache int }
	panels := make([]int, s.Panels)
	for i := range panels {
		panels[i] = param(fmt.Sprintf("token_embd.%d", i), s.OutputBytes/int64(s.Panels))
		p.Buffers[panels[i]].PanelOf = &malloc.PanelOf{Name: "token_embd", Row: int64(i) * 1024, Rows: 1024}
	}
	layers := make([]layer, s.Layers)
	for i := range layers {
		n := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		layers[i] = layer{
			norm1: param(n("attn_norm"), s.HiddenBytes), q: param(n("attn_q"), s.Q), k: param(n("attn_k"), s.KV),
			v: param(n("attn_v"), s.KV), o: param(n("attn_output"), s.O), norm2: param(n("ffn_norm"), s.HiddenBytes),
			gate: param(n("ffn_gate"), s.FFN), up: param(n("ffn_up"), s.FFN), down: param(n("ffn_down"), s.FFN),
		}
	}
	outNorm := param("output_norm", s.HiddenBytes)
	tokens := s.Prompt + s.Gen + s.KVBaseTokens
	for i := range layers {
		layers[i].cache = local(fmt.Sprintf("kv.%d", i), int64(tokens)*s.KVTokenBytes, malloc.KindKV)
	}
	pass := func(rows int, prefix string, before int) (sample int) {
		hidden, wide := int64(rows)*s.HiddenBytes, int64(rows)*s.HiddenBytes*8/3
		x := local(prefix+"x", hidden, malloc.KindActivation)
		q := local(prefix+"q", hidden, malloc.KindActivation)
		h := local(prefix+"h", wide, malloc.KindActivation)
		logits := local(prefix+"logits", 49152*4, malloc.KindOutput)
		row := add(malloc.Buffer{Name: prefix + "embd_row", Size: 8192, Kind: malloc.KindParam, Home: file, End: malloc.EndKeep,
			Select: &malloc.Select{Of: panels, After: before}})
		compute := s.DecodeInstrComputeS
		if rows > 1 {
			compute = s.PrefillComputeS
		}
		op := func(name, group string, reads, writes []malloc.Operand) int {
			id := len(p.Instructions)
			in := malloc.Instruction{ID: id, Name: prefix + name, Op: group, ComputeS: compute, Group: prefix + group, Reads: reads, Writes: writes}
			if s.FixedDown && group == "ffn_down" {
				in.Fixed = []malloc.Fixed{{Arg: "r0", Tier: dram}}
			}
			p.Instructions = append(p.Instructions, in)
			return id
		}
		all := func(b int) malloc.Operand { return malloc.Operand{Buf: b, Bytes: p.Buffers[b].Size} }
		op("embed", "embed", []malloc.Operand{all(row)}, []malloc.Operand{all(x)})
		for i, l := range layers {
			kvWrite := malloc.Operand{Buf: l.cache, Bytes: int64(rows) * s.KVTokenBytes}
			kvRead := malloc.Operand{Buf: l.cache, Bytes: int64(s.Prompt+s.KVBaseTokens) * s.KVTokenBytes}
			if rows == 1 {
				kvRead.Bytes += s.KVTokenBytes
			}
			n := func(part string) string { return fmt.Sprintf("%d.%s", i, part) }
			op(n("qkv"), "qkv", []malloc.Operand{all(l.norm1), all(l.q), all(l.k), all(l.v), all(x)}, []malloc.Operand{all(q), kvWrite})
			op(n("attn"), "attn", []malloc.Operand{all(l.o), all(q), kvRead, all(x)}, []malloc.Operand{all(x)})
			op(n("ffn_up"), "ffn_up", []malloc.Operand{all(l.norm2), all(l.gate), all(l.up), all(x)}, []malloc.Operand{all(h)})
			op(n("ffn_down"), "ffn_down", []malloc.Operand{all(l.down), all(h), all(x)}, []malloc.Operand{all(x)})
		}
		op("norm", "norm", []malloc.Operand{all(outNorm), all(x)}, []malloc.Operand{all(q)})
		for i, b := range panels {
			part := malloc.Operand{Buf: logits, Bytes: p.Buffers[logits].Size / int64(s.Panels)}
			op(fmt.Sprintf("output.%d", i), "output", []malloc.Operand{all(b), all(q)}, []malloc.Operand{part})
		}
		return op("sample", "sample", []malloc.Operand{all(logits)}, nil)
	}
	pass(s.Prompt, "prefill.", -1)
	if !s.Straight {
		begin := len(p.Instructions)
		bodyRow := len(p.Buffers) + 4
		last := pass(1, "decode.", -1)
		p.Buffers[bodyRow].Select.After = last
		loop := malloc.Loop{Begin: begin, End: len(p.Instructions), Trip: int64(s.Gen - 1), Periodic: true}
		for _, l := range layers {
			loop.Growth = append(loop.Growth, malloc.Growth{Buf: l.cache, Slope: float64(s.KVTokenBytes)})
		}
		p.Loops = []malloc.Loop{loop}
	}
	if s.DramShare > 0 {
		total := int64(0)
		for _, b := range p.Buffers {
			if b.Kind == malloc.KindKV || b.Kind == malloc.KindParam && b.Select == nil {
				total += b.Size
			}
		}
		p.Tiers[dram].Capacity = int64(s.DramShare*float64(total)) / 4096 * 4096
	}
	return p
}
