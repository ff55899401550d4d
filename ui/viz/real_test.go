package viz_test

import (
	"math"
	"os"
	"testing"

	"strata/malloc"
	"strata/simulate"
	"strata/trace"
	"strata/ui/viz"
)

const instance = "../../testdata/instances/smollm2-decode.json.gz"

// realPlan plays the lowered decode of the sample model: some weights resident,
// the rest by the default policy.
func realPlan(t *testing.T) (*malloc.Program, *malloc.Plan, *trace.Timeline) {
	t.Helper()
	if _, err := os.Stat(instance); err != nil {
		t.Skipf("no sample instance: %v", err)
	}
	p, err := malloc.ReadProgram(instance)
	if err != nil {
		t.Fatal(err)
	}
	g, err := malloc.NewGame(p, nil, malloc.Options{NoReward: true, Order: malloc.FreeOrder})
	if err != nil {
		t.Fatal(err)
	}
	room := p.Tiers[0].Capacity / 2
	for b := range p.Buffers {
		if buf := &p.Buffers[b]; buf.Kind == malloc.KindParam && buf.Select == nil && buf.Size < room && g.InBody() && g.Resident(b, 0) {
			room -= buf.Size
		}
	}
	if err := g.Finish(nil, true); err != nil {
		t.Fatal(err)
	}
	plan := g.Plan()
	run, err := simulate.Timeline(p, plan)
	if err != nil {
		t.Fatal(err)
	}
	return p, plan, run
}

// TestRealPlan: a plan of the sample model is drawn block by block without
// overlap, inside the capacity, and by time the loop is as wide as its period.
func TestRealPlan(t *testing.T) {
	p, plan, run := realPlan(t)
	f := viz.MemoryMap(p, plan, viz.MapOptions{})
	s := f.Panels[0].Layers[0].Scene
	want, got := 0.0, 0.0
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		want += float64(simulate.BlockBytes(p, b)) * float64(b.End-b.Start)
	}
	for i := range s.T0 {
		got += (s.T1[i] - s.T0[i]) * (s.A1[i] - s.A0[i])
		if s.A1[i] > float64(p.Tiers[0].Capacity) {
			t.Errorf("%s lies over the capacity", f.Panels[0].Layers[0].Describe(s.Ref[i]))
		}
		// The topmost rectangle at a rectangle's own middle is itself.
		if hit := s.Hit((s.T0[i]+s.T1[i])/2, (s.A0[i]+s.A1[i])/2); hit != i {
			t.Errorf("%s lies under %s", f.Panels[0].Layers[0].Describe(s.Ref[i]), f.Panels[0].Layers[0].Describe(s.Ref[hit]))
		}
	}
	if math.Abs(got-want) > 1e-9*want {
		t.Errorf("drawn byte-instructions %g, the plan has %g", got, want)
	}

	byTime := viz.MemoryMap(p, plan, viz.MapOptions{ByTime: run})
	if unit := byTime.Panels[len(byTime.Panels)-1].X.Unit; unit != viz.UnitSeconds {
		t.Fatalf("a run with all instructions gives an axis of unit %d", unit)
	}
	score, err := simulate.New().Evaluate(p, plan)
	if err != nil {
		t.Fatal(err)
	}
	band := byTime.Panels[0].Bands[0]
	if w := band.T1 - band.T0; math.Abs(w-score.PeriodS) > 0.1*score.PeriodS {
		t.Errorf("the loop is %g s wide, its period is %g s", w, score.PeriodS)
	}
	for name, figure := range map[string]*viz.Figure{"map": f, "by time": byTime, "timeline": viz.Timelines(viz.TimelineOptions{Program: p}, run)} {
		wellFormed(t, name, figure, 1280, 720, viz.SVGOptions{})
	}
}
