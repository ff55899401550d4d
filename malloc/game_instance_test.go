package malloc_test

import (
	"path/filepath"
	"testing"

	"strata/malloc"
	"strata/simulate"
)

// sampleInstance is the committed lowering of the sample model at half its
// bytes: prefill, then decode as a periodic loop.
func sampleInstance(tb testing.TB) *malloc.Program {
	tb.Helper()
	p, err := malloc.ReadProgram(filepath.Join("..", "testdata", "instances", "smollm2-decode.json.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// pinAndStream is an episode: every second param that fits always resident, the
// others copied ahead, then the prefill.
func pinAndStream(tb testing.TB, g *malloc.Game) {
	tb.Helper()
	p := g.Program()
	for n, b := range append([]int(nil), g.Undecided()...) {
		if p.Buffers[b].Kind == malloc.KindParam && n%2 == 0 && g.FreeBytes(0, p.PeriodicLoop().Begin) > 8<<20 {
			g.Resident(b, 0)
		}
	}
	if err := g.Finish(nil, false); err != nil {
		tb.Fatal(err)
	}
	if err := g.FinishStraight(nil); err != nil {
		tb.Fatal(err)
	}
	if !g.Done() {
		tb.Fatal("the episode did not end")
	}
}

func TestSampleInstanceEpisode(t *testing.T) {
	p := sampleInstance(t)
	c, err := malloc.NewChecker(p)
	if err != nil {
		t.Fatal(err)
	}
	sim := simulate.New()
	g, err := malloc.NewGame(p, sim, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		t.Fatal(err)
	}
	slow, err := g.Score()
	if err != nil {
		t.Fatal(err)
	}
	start := g.Mark()
	pinAndStream(t, g)
	plan := g.Plan()
	rep, err := c.Check(plan, sim)
	if err != nil || rep.Err() != nil {
		t.Fatal(err, rep.Err())
	}
	if rep.Score.TotalS >= slow.TotalS {
		t.Fatalf("pinning and streaming takes %g s, all-DROP %g s", rep.Score.TotalS, slow.TotalS)
	}
	once, resident := 0, 0
	for _, cp := range plan.Copies {
		if cp.Once {
			once++
		}
	}
	l := p.PeriodicLoop()
	for _, b := range plan.Blocks {
		if b.Start == l.Begin && b.End == l.End && p.Buffers[max(b.Buf, 0)].Home == 1 {
			resident++
		}
	}
	t.Logf("%.1f ms a token against %.1f all-DROP; %d params always resident, %d hand-over copies, arena %d of %d bytes",
		rep.Score.PeriodS*1e3, slow.PeriodS*1e3, resident, once, rep.ArenaBytes[0], p.Tiers[0].Capacity)
	if resident == 0 {
		t.Error("nothing was made resident")
	}
	if once > resident/2 {
		t.Errorf("%d of %d residents are copied once more at the loop's begin: prefill should have left them there", once, resident)
	}

	again := g.Clone(nil)
	g.Rewind(start)
	if s, err := g.Score(); err != nil || s != slow {
		t.Errorf("rewound to the start: %v, %v, want %v", s, err, slow)
	}
	pinAndStream(t, g)
	if !samePlan(g.Plan(), again.Plan()) {
		t.Error("the same moves after Rewind, and the Clone, give different plans")
	}

	packed, err := malloc.Repack(p, plan)
	if err != nil {
		t.Fatal(err)
	}
	rep2, err := c.Check(packed, sim)
	if err != nil || rep2.Err() != nil {
		t.Fatal("repacked: ", err, rep2.Err())
	}
	if rep2.ArenaBytes[0] > rep.ArenaBytes[0] || rep2.Score != rep.Score {
		t.Errorf("repacked: arena %d from %d, score %v from %v", rep2.ArenaBytes[0], rep.ArenaBytes[0], rep2.Score, rep.Score)
	}
	t.Logf("repacked: arena %d, load %d", rep2.ArenaBytes[0], rep2.PeakBytes[0])
}

func samePlan(a, b *malloc.Plan) bool {
	if len(a.Blocks) != len(b.Blocks) || len(a.Copies) != len(b.Copies) || len(a.Sites) != len(b.Sites) {
		return false
	}
	for i := range a.Blocks {
		if a.Blocks[i] != b.Blocks[i] {
			return false
		}
	}
	for i := range a.Copies {
		if a.Copies[i] != b.Copies[i] {
			return false
		}
	}
	for i := range a.Sites {
		if a.Sites[i] != b.Sites[i] {
			return false
		}
	}
	return true
}

func BenchmarkEpisode(b *testing.B) {
	g, err := malloc.NewGame(sampleInstance(b), nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		b.Fatal(err)
	}
	m := g.Mark()
	for b.Loop() {
		pinAndStream(b, g)
		g.Rewind(m)
	}
}

func BenchmarkPlan(b *testing.B) {
	g, err := malloc.NewGame(sampleInstance(b), nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		b.Fatal(err)
	}
	pinAndStream(b, g)
	for b.Loop() {
		g.Plan()
	}
}

func BenchmarkClone(b *testing.B) {
	g, err := malloc.NewGame(sampleInstance(b), nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		b.Fatal(err)
	}
	pinAndStream(b, g)
	for b.Loop() {
		g.Clone(nil)
	}
}

// BenchmarkActions lists and masks the moves of one streamed param.
func BenchmarkActions(b *testing.B) {
	g, err := malloc.NewGame(sampleInstance(b), nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		b.Fatal(err)
	}
	for g.InBody() && g.Program().Buffers[g.Next().Buf].Kind != malloc.KindParam {
		if _, err := g.Step(malloc.Action{}); err != nil {
			b.Fatal(err)
		}
	}
	var acts []malloc.Action
	for b.Loop() {
		acts = g.Actions(acts[:0])
	}
	b.ReportMetric(float64(len(acts)), "moves")
}
