package viz_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

var pictures = flag.String("pictures", "", "folder to write every picture to, for looking at")

// subjects are the figures of a plan and its runs.
func subjects() map[string]*viz.Figure {
	p, plan := viztest.Decode(0.4)
	predicted, measured := viztest.Run(p, "predicted", 1), viztest.Run(p, "measured", 2)
	t0, t1, _ := viz.IterationWindow(predicted, 3, 5)
	loop := p.PeriodicLoop()
	return map[string]*viz.Figure{
		"map":       viz.MemoryMap(p, plan, viz.MapOptions{Subtitle: "small-llm decode, dram 64 MiB"}),
		"map-body":  viz.MemoryMap(p, plan, viz.MapOptions{Begin: loop.Begin, End: loop.End}),
		"map-empty": viz.MemoryMap(p, nil, viz.MapOptions{}),
		"timeline":  viz.Timelines(viz.TimelineOptions{Program: p}, predicted, measured),
		"tokens":    viz.Timelines(viz.TimelineOptions{Title: "Two tokens in the steady state", Program: p, BeginS: t0, EndS: t1}, predicted, measured),
		"treemap":   viz.Treemap(viz.ProgramLeaves(p, plan), viz.TreemapOptions{}),
		"tree":      viz.SearchTree(searched(17), "", ""),
		"front": viz.ParetoFront([]viz.FrontPoint{
			{PeakBytes: 4 << 20, CapacityBytes: 4 << 20, TimeS: 0.075, BoundS: 0.05, Name: "demand"}, {PeakBytes: 15 << 20, CapacityBytes: 16 << 20, TimeS: 0.048, BoundS: 0.04, Name: "pin-stream", Chosen: true},
			{PeakBytes: 27 << 20, CapacityBytes: 27 << 20, TimeS: 0.041, BoundS: 0.034, Name: "lns"}, {PeakBytes: 49 << 20, CapacityBytes: 49 << 20, TimeS: 0.028, BoundS: 0.026, Name: "lns exchange"}},
			viz.FrontOptions{TimeLabel: "time per token", MemoryLabel: "peak of dram", PresentBytes: 30 << 20, PresentS: 0.045, EnoughBytes: 50 << 20, Words: viz.FrontWords{Plans: "plans that no other beats", Bound: "lower bound", Present: "present plan", Enough: "keeps everything"}}),
		"curve": viz.SearchCurve(plan.Trace, viz.CurveOptions{LowerBoundS: plan.LowerS,
			Baselines: []viz.Baseline{{Name: "pin-stream", PredictedS: 2.1}, {Name: "kv-resident", PredictedS: 2.6}, {Name: "demand", PredictedS: 9}}}),
	}
}

func TestWritePictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no -pictures folder given")
	}
	for name, f := range subjects() {
		for _, p := range viz.Palettes() {
			for _, size := range []struct {
				suffix string
				w, h   int
				scale  float64
			}{{"", 1280, 720, 1}, {"-4k", 3840, 2160, 2}} {
				if size.scale == 2 && p != viz.Light {
					continue
				}
				var b bytes.Buffer
				if err := f.WritePNG(&b, size.w, size.h, size.scale, p); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(*pictures, name+"-"+p.Name+size.suffix+".png"), b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		var b bytes.Buffer
		if err := f.WriteSVG(&b, 1280, 720, viz.SVGOptions{Palette: viz.Dark}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*pictures, name+".svg"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
