package simulate

import (
	"fmt"

	"strata/malloc"
)

// decodeShape is a program and a plan of a streamed decoder's shape: `panels`
// weight panels in a file, a straight prefill that touches each once, then a
// periodic body that does; pinned of them resident, the others streamed with
// read-ahead of `lead` instructions around the circle. KV reads grow.
func decodeShape(panels, pinned, lead int, trip int64, slope float64) (*malloc.Program, *malloc.Plan) {
	const size = 400 << 10
	p := &malloc.Program{
		Format: malloc.InstanceFormat, Name: "decode shape",
		Tiers: []malloc.Tier{
			{ID: 0, Name: "dram", Capacity: 1 << 30, ReadBW: 16e9, WriteBW: 16e9, Align: 4096},
			{ID: 1, Name: "file", Capacity: malloc.Unlimited, ReadBW: 1.8e9, Align: 4096},
		},
		Engines:   []malloc.Engine{{ID: 0, From: 1, To: 0, BW: 1.8e9, LatencyS: 100e-6, RequestBytes: 1 << 20, IOAlign: 4096, MaxOutstanding: 2, Order: "fifo", Shares: []int{0}}},
		Model:     malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "steal"},
		Executors: []malloc.Executor{{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: 0, ReadBW: 14e9, WriteBW: 14e9}}}},
	}
	plan := &malloc.Plan{Format: malloc.PlanFormat}
	for i := range panels {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: i, Name: fmt.Sprintf("panel.%d", i), Size: size, Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep})
	}
	kv, act := panels, panels+1
	p.Buffers = append(p.Buffers,
		malloc.Buffer{ID: kv, Name: "kv", Size: 8 << 20, Kind: malloc.KindKV, Home: 0},
		malloc.Buffer{ID: act, Name: "activation", Size: 4096, Kind: malloc.KindActivation, Home: 0})
	site := func(t int, arg string) { plan.Sites = append(plan.Sites, malloc.Site{Instr: t, Arg: arg, Tier: 0}) }
	for pass := range 2 {
		for i := range panels {
			t := pass*panels + i
			p.Instructions = append(p.Instructions, malloc.Instruction{ID: t, Name: fmt.Sprintf("matmul.%d", i), Op: "matmul",
				ComputeS: float64(1+i%3) * 10e-6,
				Reads:    []malloc.Operand{{Buf: i, Bytes: size}, {Buf: kv, Bytes: 20 << 10}, {Buf: act, Bytes: 2304}},
				Writes:   []malloc.Operand{{Buf: act, Bytes: 2304}}})
			for _, a := range []string{"r0", "r1", "r2", "w0"} {
				site(t, a)
			}
			start, before, once := max(0, t-lead), t, false
			if pass == 1 {
				if i < pinned {
					continue
				}
				start = t - lead
				if start < panels {
					start, before = start+panels, before+panels
				}
				_ = once
			}
			plan.Copies = append(plan.Copies, malloc.Copy{Buf: i, Block: 0, Engine: 0, Start: start, Before: before, Bytes: size, After: -1})
		}
	}
	p.Loops = []malloc.Loop{{Begin: panels, End: 2 * panels, Trip: trip, Periodic: true, Growth: []malloc.Growth{{Buf: kv, Slope: slope}}}}
	return p, plan
}
