package simulate

import (
	"flag"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"strata/malloc"
	"strata/trace"
)

// The drawn programs are small and quick: 100 of them, rapid's default, miss
// faults that 2000 find.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = flag.Set("rapid.checks", "2000")
	}
	os.Exit(m.Run())
}

// shape draws programs and plans whose windows are legal; what a plan's blocks
// hold is not the simulator's business.
type shape struct {
	growth, copies bool
	overlaps       []string
}

var both = []string{overlapIdle, overlapSteal}

func (sh shape) draw(t *rapid.T) (*malloc.Program, *malloc.Plan) {
	small := rapid.IntRange(0, 20)
	speed := rapid.IntRange(1, 20)
	p := &malloc.Program{
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: rapid.SampledFrom(sh.overlaps).Draw(t, "overlap")},
	}
	tiers := rapid.IntRange(2, 3).Draw(t, "tiers")
	for i := range tiers {
		bw := float64(10 + 20*i) // the higher, the faster
		p.Tiers = append(p.Tiers, malloc.Tier{ID: i, Name: fmt.Sprint("t", i), Capacity: malloc.Unlimited, ReadBW: bw, WriteBW: bw / 2, Align: 1})
	}
	for i := range tiers {
		for j := range tiers {
			if i == j {
				continue
			}
			e := malloc.Engine{ID: len(p.Engines), From: i, To: j, BW: float64(speed.Draw(t, "bw")), Order: "fifo", IOAlign: 1,
				MaxOutstanding: rapid.SampledFrom([]int{-1, 1, 2, 3}).Draw(t, "depth"),
				RequestBytes:   int64(rapid.SampledFrom([]int{0, 3, 7}).Draw(t, "request")),
				LatencyS:       float64(rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "latency")) / 4}
			if rapid.Bool().Draw(t, "share") {
				e.Shares = []int{i, j}
			}
			p.Engines = append(p.Engines, e)
		}
	}
	plan := &malloc.Plan{}
	nb := rapid.IntRange(1, 5).Draw(t, "buffers")
	for i := range nb {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: i, Name: fmt.Sprint("b", i), Size: int64(1 + small.Draw(t, "size")), Home: rapid.IntRange(0, tiers-1).Draw(t, "home")})
	}
	n := rapid.IntRange(2, 10).Draw(t, "instructions")
	for i := range n {
		in := malloc.Instruction{ID: i, ComputeS: float64(rapid.IntRange(0, 4).Draw(t, "compute")) / 2}
		for k := range rapid.IntRange(0, 2).Draw(t, "reads") {
			in.Reads = append(in.Reads, malloc.Operand{Buf: rapid.IntRange(0, nb-1).Draw(t, "buf"), Bytes: int64(small.Draw(t, "bytes"))})
			plan.Sites = append(plan.Sites, malloc.Site{Instr: i, Arg: fmt.Sprint("r", k), Tier: rapid.IntRange(0, tiers-1).Draw(t, "tier")})
		}
		if rapid.Bool().Draw(t, "writes") {
			in.Writes = append(in.Writes, malloc.Operand{Buf: rapid.IntRange(0, nb-1).Draw(t, "buf"), Bytes: int64(small.Draw(t, "bytes"))})
			plan.Sites = append(plan.Sites, malloc.Site{Instr: i, Arg: "w0", Tier: rapid.IntRange(0, tiers-1).Draw(t, "tier")})
		}
		p.Instructions = append(p.Instructions, in)
	}
	begin := rapid.IntRange(0, n-1).Draw(t, "begin")
	end := rapid.IntRange(begin+1, n).Draw(t, "end")
	l := malloc.Loop{Begin: begin, End: end, Trip: int64(rapid.SampledFrom([]int{1, 2, 3, 7, 40, 150}).Draw(t, "trip")), Periodic: true}
	if sh.growth && rapid.Bool().Draw(t, "grows") {
		l.Growth = []malloc.Growth{{Buf: rapid.IntRange(0, nb-1).Draw(t, "grown"), Slope: float64(small.Draw(t, "slope")) / 8}}
	}
	p.Loops = []malloc.Loop{l}
	if begin >= 2 && rapid.Bool().Draw(t, "plain loop") {
		from := rapid.IntRange(0, begin-1).Draw(t, "plain begin")
		p.Loops = append(p.Loops, malloc.Loop{Begin: from, End: rapid.IntRange(from+1, begin).Draw(t, "plain end"), Trip: int64(rapid.IntRange(1, 4).Draw(t, "plain trip"))})
	}
	if rapid.IntRange(0, 3).Draw(t, "one engine") == 0 {
		p.Engines = p.Engines[:1]
	}
	if sh.copies {
		for range rapid.IntRange(0, 6).Draw(t, "copies") {
			sh.drawCopy(t, p, plan)
		}
	}
	return p, plan
}

func (sh shape) drawCopy(t *rapid.T, p *malloc.Program, plan *malloc.Plan) {
	n, l := len(p.Instructions), p.Loops[0]
	length := l.End - l.Begin
	c := malloc.Copy{Buf: rapid.IntRange(0, len(p.Buffers)-1).Draw(t, "copied"), Engine: rapid.IntRange(0, len(p.Engines)-1).Draw(t, "engine"), After: -1}
	c.Bytes = p.Buffers[c.Buf].Size
	back := p.Engines[c.Engine].To == p.Buffers[c.Buf].Home
	from := 0
	if back {
		from = 1
	}
	span := func(lo, hi int) { // start in [lo, hi], before in [start, hi]
		c.Start = rapid.IntRange(lo, hi).Draw(t, "start")
		c.Before = rapid.IntRange(c.Start, hi).Draw(t, "before")
	}
	switch where := rapid.IntRange(0, 4).Draw(t, "where"); {
	case where == 0 && l.Begin > 0:
		span(from, l.Begin-1+from)
	case where == 1 && l.End < n:
		span(l.End+from, n-1+from)
	case where == 2 && !back:
		c.Once = true
		c.Start = rapid.IntRange(0, l.Begin).Draw(t, "start")
		c.Before = rapid.IntRange(l.Begin, l.End-1).Draw(t, "before")
	default:
		c.Start = rapid.IntRange(l.Begin+from, l.End-1+from).Draw(t, "start")
		c.Before = rapid.IntRange(c.Start, c.Start+length-1).Draw(t, "before")
	}
	if k := len(plan.Copies) - 1; k >= 0 && rapid.IntRange(0, 3).Draw(t, "second hop") == 0 {
		// Follow the last copy on another engine, in the same window.
		first := plan.Copies[k]
		e := p.Engines[c.Engine]
		if isBack := p.Engines[first.Engine].To == p.Buffers[first.Buf].Home; first.After < 0 && first.Engine != c.Engine && !isBack && e.To != p.Buffers[first.Buf].Home {
			c = first
			c.Engine, c.After = e.ID, k
		}
	}
	plan.Copies = append(plan.Copies, c)
}

// drawBlocks gives every block an address range of its own, in legal intervals.
func drawBlocks(t *rapid.T, p *malloc.Program, plan *malloc.Plan) {
	n, l := len(p.Instructions), p.Loops[0]
	offset := make([]int64, len(p.Tiers))
	for range rapid.IntRange(0, 6).Draw(t, "blocks") {
		b := malloc.Block{Buf: rapid.IntRange(0, len(p.Buffers)-1).Draw(t, "block of"), Tier: rapid.IntRange(0, len(p.Tiers)-1).Draw(t, "block in")}
		b.Start = rapid.IntRange(0, n-1).Draw(t, "block start")
		last := n
		switch {
		case b.Start < l.Begin:
			last = l.Begin
		case b.Start < l.End:
			last = b.Start + l.End - l.Begin
		}
		b.End = rapid.IntRange(b.Start+1, last).Draw(t, "block end")
		b.Offset = offset[b.Tier]
		offset[b.Tier] += BlockBytes(p, &b)
		plan.Blocks = append(plan.Blocks, b)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

func score(t *rapid.T, s malloc.Score, err error) malloc.Score {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return s
}

func TestShortcutAgreesWithDirect(t *testing.T) {
	sim := New()
	rapid.Check(t, func(t *rapid.T) {
		p, plan := shape{growth: true, copies: true, overlaps: both}.draw(t)
		direct, err := New().Direct(p, plan)
		want := score(t, direct, err)
		got, err := sim.Evaluate(p, plan)
		score(t, got, err)
		if !near(got.TotalS, want.TotalS) {
			t.Fatalf("shortcut %v, direct %v: %g apart", got.TotalS, want.TotalS, got.TotalS-want.TotalS)
		}
		again, err := New().Evaluate(p, plan)
		if score(t, again, err) != got {
			t.Fatalf("a used simulator says %v, a new one %v", got, again)
		}
	})
}

func TestSteadyIsExactWithoutGrowth(t *testing.T) {
	exact, steady := New(), NewSteady()
	rapid.Check(t, func(t *rapid.T) {
		p, plan := shape{copies: true, overlaps: both}.draw(t)
		a, err := exact.Evaluate(p, plan)
		score(t, a, err)
		b, err := steady.Evaluate(p, plan)
		score(t, b, err)
		if a != b {
			t.Fatalf("exact %v, steady %v", a, b)
		}
	})
}

// The period is what a long run gains per iteration. 840 is a multiple of every
// cycle up to 8.
func TestPeriodIsTheSlopeOfLongRuns(t *testing.T) {
	sim := New()
	settled := 0
	rapid.Check(t, func(t *rapid.T) {
		p, plan := shape{copies: true, overlaps: both}.draw(t)
		s, err := sim.Evaluate(p, plan)
		score(t, s, err)
		if sim.unsettled {
			return
		}
		settled++
		p.Loops[0].Trip = 80
		short, err := sim.Direct(p, plan)
		score(t, short, err)
		p.Loops[0].Trip = 80 + 840
		long, err := sim.Direct(p, plan)
		score(t, long, err)
		if slope := (long.TotalS - short.TotalS) / 840; math.Abs(slope-s.PeriodS) > 1e-9*(s.PeriodS+1e-6) {
			t.Fatalf("period %v, but 840 more iterations take %v each", s.PeriodS, slope)
		}
	})
	if settled == 0 {
		t.Fatal("no drawn loop settled")
	}
}

// 32 direct iterations of the decode shape differ from 32 periods only by the
// hand-over.
func TestPeriodAgainst32Iterations(t *testing.T) {
	for _, pinned := range []int{0, 40, 100, 169} {
		p, plan := decodeShape(170, pinned, 3, 32, 0)
		s, err := New().Evaluate(p, plan)
		if err != nil {
			t.Fatal(err)
		}
		tl, err := New().Timeline(p, plan, TimelineOptions{MaxIterations: -1})
		if err != nil {
			t.Fatal(err)
		}
		if steady := tl.SteadyIterationS(); !near(steady, s.PeriodS) {
			t.Errorf("%d pinned: period %v, median of 30 iterations %v", pinned, s.PeriodS, steady)
		}
	}
}

func TestFastSiteNeverRaisesMemoryTime(t *testing.T) {
	sim := New()
	rapid.Check(t, func(t *rapid.T) {
		p, plan := shape{growth: true, overlaps: both}.draw(t)
		if len(plan.Sites) == 0 {
			return
		}
		before, err := sim.Evaluate(p, plan)
		score(t, before, err)
		i := rapid.IntRange(0, len(plan.Sites)-1).Draw(t, "site")
		plan.Sites[i].Tier = rapid.IntRange(plan.Sites[i].Tier, len(p.Tiers)-1).Draw(t, "faster")
		after, err := sim.Evaluate(p, plan)
		score(t, after, err)
		if after.TotalS > before.TotalS*(1+1e-12) {
			t.Fatalf("a faster site took %v to %v", before, after)
		}
	})
}

// A timeline is valid, ends when the direct run does, waits as long, and has
// counted each copy where it was issued: that agrees with the formula.
func TestTimelineAgrees(t *testing.T) {
	sim := New()
	rapid.Check(t, func(t *rapid.T) {
		p, plan := shape{growth: true, copies: true, overlaps: both}.draw(t)
		drawBlocks(t, p, plan)
		r, err := sim.Report(p, plan)
		score(t, r.Score, err)
		for _, most := range []int{-1, 3} {
			tl, err := sim.Timeline(p, plan, TimelineOptions{MaxIterations: most})
			if err != nil {
				t.Fatal(err)
			}
			if err := tl.Validate(); err != nil {
				t.Fatal(err)
			}
			if !near(tl.TotalS, r.TotalS) {
				t.Fatalf("timeline ends at %v, the run at %v", tl.TotalS, r.TotalS)
			}
			for _, o := range tl.Tiers {
				if n := len(o.Bytes); n > 0 && o.Bytes[n-1] != 0 {
					t.Fatalf("tier %d holds %d bytes after the run", o.Tier, o.Bytes[n-1])
				}
			}
			for i, x := range r.Traffic {
				name := engineName(p, i)
				bytes, _ := tl.Counter(trace.CounterCopyBytes + " " + name)
				requests, _ := tl.Counter(trace.CounterCopyRequests + " " + name)
				if int64(bytes) != x.Bytes || int64(requests) != x.Requests {
					t.Fatalf("engine %d: issued %v bytes in %v requests, formula says %v", i, bytes, requests, x)
				}
			}
			if most < 0 {
				if got := tl.KindS(trace.LaneExecutor, trace.Wait); math.Abs(got-r.WaitS) > 1e-9*r.TotalS {
					t.Fatalf("waits add up to %v, the run waited %v", got, r.WaitS)
				}
				if busy := tl.KindS(trace.LaneExecutor, trace.Wait) + tl.KindS(trace.LaneExecutor, trace.Compute); !near(busy, r.TotalS) && r.TotalS > 0 {
					t.Fatalf("run and wait add up to %v of %v", busy, r.TotalS)
				}
			}
		}
		again, err := sim.Timeline(p, plan, TimelineOptions{})
		if err != nil {
			t.Fatal(err)
		}
		other, _ := Timeline(p, plan)
		if diff := cmp.Diff(again, other); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestNoAllocationAfterTheFirstCall(t *testing.T) {
	p, plan := decodeShape(170, 80, 3, 31, 768)
	for name, sim := range map[string]*Simulator{"exact": New(), "steady": NewSteady()} {
		if n := testing.AllocsPerRun(10, func() {
			if _, err := sim.Evaluate(p, plan); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
