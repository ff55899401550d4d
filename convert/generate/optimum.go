package generate

import (
	"fmt"

	"strata/convert"
	"strata/malloc"
)

// rectangle is a buffer's place in the packing that is known to be perfect:
// fast memory over [start, end) at [low, high).
type rectangle struct {
	start, end int
	low, high  int64
}

const (
	optimumAlign    = 1024
	optimumFastBW   = 1e12
	optimumSlowBW   = 1e11
	optimumCapacity = 16 << 20
)

// knownOptimum cuts fast memory × time into rectangles without a gap, and makes each
// a buffer that is written at its first instruction and read at its last. All of
// them fit fast memory at once, without a copy, so that the shortest run is the sum of the
// all-fast instruction times: a bound that a perfect packing meets. Every
// instruction is bound by memory, so each buffer in slow memory costs time.
func (g *generator) knownOptimum() {
	rectangles := g.cut()
	steps := 0
	for _, r := range rectangles {
		steps = max(steps, r.end)
	}
	g.s.Steps = make([]convert.Step, steps)
	for i := range g.s.Steps {
		g.s.Steps[i] = convert.Step{Name: fmt.Sprintf("step.%d", i), Op: "stream"}
	}
	for i, r := range rectangles {
		g.s.Values = append(g.s.Values, convert.Value{Name: fmt.Sprintf("buffer.%d", i), Bytes: r.high - r.low, Kind: malloc.KindActivation})
		o := malloc.Operand{Buf: i, Bytes: r.high - r.low}
		g.s.Steps[r.start].Writes = append(g.s.Steps[r.start].Writes, o)
		g.s.Steps[r.end-1].Reads = append(g.s.Steps[r.end-1].Reads, o)
	}
	var best float64
	for i := range g.s.Steps {
		var read, written float64
		for _, o := range g.s.Steps[i].Reads {
			read += float64(o.Bytes)
		}
		for _, o := range g.s.Steps[i].Writes {
			written += float64(o.Bytes)
		}
		best += read/optimumFastBW + written/optimumFastBW
	}
	access := []malloc.Access{{Tier: 0, ReadBW: optimumFastBW, WriteBW: optimumFastBW}, {Tier: 1, ReadBW: optimumSlowBW, WriteBW: optimumSlowBW}}
	engine := malloc.Engine{BW: optimumSlowBW, IOAlign: optimumAlign, MaxOutstanding: -1, Order: "fifo", Shares: []int{1}}
	in, out := engine, engine
	in.From, out.ID, out.To = 1, 1, 1
	g.s.Machine = &convert.Machine{Overlap: "idle_bw", Home: 1, ParamHome: 1,
		Tiers: []malloc.Tier{{ID: 0, Name: "fast", Capacity: optimumCapacity, ReadBW: optimumFastBW, WriteBW: optimumFastBW, Align: optimumAlign},
			{ID: 1, Name: "slow", Capacity: malloc.Unlimited, ReadBW: optimumSlowBW, WriteBW: optimumSlowBW, Align: optimumAlign}},
		Engines: []malloc.Engine{in, out}, Executors: []malloc.Executor{{Name: "core", Access: access}}}
	g.s.Bounds = &malloc.Bounds{LowerS: best, LowerMethod: "constructed: the optimum"}
	g.s.Notes = append(g.s.Notes, fmt.Sprintf("the shortest run takes %.9g s: all buffers fit the fast tier at once, without a copy", best))
}

// cut halves rectangles at random, by time or by address, until they are small.
func (g *generator) cut() []rectangle {
	steps := 8 * g.layers(8)
	var out []rectangle
	work := []rectangle{{0, steps, 0, optimumCapacity}}
	for len(work) > 0 {
		r := work[len(work)-1]
		work = work[:len(work)-1]
		long, units := r.end-r.start, (r.high-r.low)/optimumAlign
		splitTime := long >= 4 && (long > steps/4 || g.rng.IntN(3) > 0)
		splitSize := units >= 128 && (units > optimumCapacity/optimumAlign/3 || g.rng.IntN(3) > 0)
		switch {
		case splitTime && (!splitSize || g.rng.IntN(2) == 0):
			at := r.start + 2 + g.rng.IntN(long-3)
			work = append(work, rectangle{r.start, at, r.low, r.high}, rectangle{at, r.end, r.low, r.high})
		case splitSize:
			at := r.low + optimumAlign*(1+g.rng.Int64N(units-1))
			work = append(work, rectangle{r.start, r.end, r.low, at}, rectangle{r.start, r.end, at, r.high})
		default:
			out = append(out, r)
		}
	}
	return out
}
