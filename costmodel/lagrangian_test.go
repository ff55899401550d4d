package costmodel

import (
	"math"
	"testing"

	"strata/malloc"
)

// stream is one instruction a parameter on a loop: b bytes each, c seconds each.
func stream(bytes []int64, computeS float64, capacity int64) *malloc.Program {
	p := &malloc.Program{Format: malloc.InstanceFormat, Name: "stream",
		Tiers: []malloc.Tier{{ID: 0, Name: "fast", Capacity: capacity, ReadBW: 1e9, WriteBW: 1e9, Align: 1},
			{ID: 1, Name: "file", Capacity: malloc.Unlimited, ReadBW: 1, Align: 1}},
		Engines:   []malloc.Engine{{ID: 0, From: 1, To: 0, BW: 1, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"}},
		Model:     malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "idle_bw"},
		Executors: []malloc.Executor{{ID: 0, Access: []malloc.Access{{Tier: 0, ReadBW: 1e9, WriteBW: 1e9}}}}}
	for i, z := range bytes {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: i, Name: "w", Size: z, Kind: malloc.KindParam, Home: 1, End: malloc.EndKeep})
		p.Instructions = append(p.Instructions, malloc.Instruction{ID: i, ComputeS: computeS, Reads: []malloc.Operand{{Buf: i, Bytes: z}}})
	}
	p.Loops = []malloc.Loop{{Begin: 0, End: len(bytes), Trip: 10, Periodic: true}}
	return p
}

// Ten buffers of 10 bytes with room for exactly three, a byte a second. Instant
// arguments leave three resident: 70 s. But every streamed buffer needs a block of
// its own at its touch, so that at most two stay: at least 80 s of copies; and
// while one is used, no other has room to arrive (a second for each of eight) or
// only one stays (90 s).
func TestReadAheadCostsRoom(t *testing.T) {
	p := stream([]int64{10, 10, 10, 10, 10, 10, 10, 10, 10, 10}, 1, 30)
	plain, err := LowerBound(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := LagrangianBound(p, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if b.PerIterationS < 80 || b.PerIterationS > 90 {
		t.Errorf("period at least %g s (%s says %g), want 80 to 90", b.PerIterationS, plain.Method, plain.PerIterationS)
	}
	if best, _ := BestBound(p); best.TotalS < max(plain.TotalS, b.TotalS)*(1-1e-12) {
		t.Errorf("best %v of %v and %v", best, plain, b)
	}
}

// Where all fits the bound is the computing time, where nothing can stay the
// copies' and that of the last buffer's use.
func TestLagrangianAtTheEnds(t *testing.T) {
	all := stream([]int64{5, 6, 7}, 100, 18)
	if b, err := LagrangianBound(all, 2000); err != nil || math.Abs(b.PerIterationS-300) > 0.5 {
		t.Errorf("all resident: %v, %v, want a period of 300 s", b, err)
	}
	none := stream([]int64{10, 10, 10}, 1, 10)
	if b, err := LagrangianBound(none, 2000); err != nil || b.PerIterationS < 32 || b.PerIterationS > 33+1e-9 {
		t.Errorf("one block: %v, %v, want a period of up to 33 s", b, err)
	}
}

// The sample's decode at half its bytes: 2 % and more above periodic/2.
func TestLagrangianOnTheSample(t *testing.T) {
	p, err := malloc.ReadProgram("../testdata/instances/smollm2-decode.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := LowerBound(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := BestBound(p)
	if err != nil {
		t.Fatal(err)
	}
	if b.Method != LagrangianMethod || b.PerIterationS < 1.02*plain.PerIterationS || b.TotalS < 1.02*plain.TotalS || b.MeanS < 1.01*plain.MeanS {
		t.Errorf("%v, %s %v", b, plain.Method, plain)
	}
}
