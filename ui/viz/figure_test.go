package viz_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"strata/malloc"
	"strata/simulate"
	"strata/trace"
	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

func TestPalettesTellClassesApart(t *testing.T) {
	data := []viz.Class{viz.ClassWeight, viz.ClassKV, viz.ClassActivation, viz.ClassGradient, viz.ClassOptimizer}
	waits := []viz.Class{viz.ClassCompute, viz.ClassWaitCopy, viz.ClassWaitQueue, viz.ClassWaitWriteBack}
	for _, p := range viz.Palettes() {
		for _, set := range [][]viz.Class{data, waits} {
			for i, a := range set {
				for _, b := range set[:i] {
					for v, least := range map[viz.Vision]float64{viz.NormalVision: 25, viz.Protanopia: 18, viz.Deuteranopia: 18, viz.Tritanopia: 18} {
						if d := viz.Difference(p.Inks[viz.Fill(a)], p.Inks[viz.Fill(b)], v); d < least {
							t.Errorf("%s: %v and %v differ by %.1f under vision %d, want %.0f", p.Name, a, b, d, v, least)
						}
					}
				}
			}
		}
	}
}

func TestPalettesAreReadable(t *testing.T) {
	for _, p := range viz.Palettes() {
		for _, ground := range []viz.Ink{viz.InkBackground, viz.InkSurface} {
			for _, ink := range []viz.Ink{viz.InkText, viz.InkMuted, viz.InkAccent, viz.InkGood, viz.InkBad} {
				if c := viz.Contrast(p.Inks[ink], p.Inks[ground]); c < 4.5 {
					t.Errorf("%s: ink %d on %d has contrast %.1f, want 4.5", p.Name, ink, ground, c)
				}
			}
		}
		for c := viz.ClassWeight; c <= viz.ClassWaitWriteBack; c++ {
			fill, label := p.Inks[viz.Fill(c)], p.Inks[viz.InkLabel+viz.Ink(c)]
			if k := viz.Contrast(label, fill); k < 3.9 {
				t.Errorf("%s: label on %v has contrast %.1f", p.Name, c, k)
			}
			if k := viz.Contrast(p.Inks[viz.InkSurface], fill); k < 1.4 {
				t.Errorf("%s: %v on the surface has contrast %.2f", p.Name, c, k)
			}
		}
	}
}

func TestSquarify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 60).Draw(t, "bytes")
		w, h := rapid.Float64Range(10, 2000).Draw(t, "w"), rapid.Float64Range(10, 2000).Draw(t, "h")
		leaves := make([]viz.Leaf, len(sizes))
		total := 0.0
		for i, s := range sizes {
			leaves[i].Bytes = s
			total += float64(s)
		}
		rects := viz.Squarify(leaves, w, h)
		eps := 1e-6 * max(w, h)
		for i, r := range rects {
			area := (r.T1 - r.T0) * (r.A1 - r.A0)
			if total > 0 {
				if want := float64(sizes[i]) / total * w * h; math.Abs(area-want) > 1e-6*w*h {
					t.Fatalf("leaf %d: area %g, want %g", i, area, want)
				}
			}
			if r.T0 < -eps || r.A0 < -eps || r.T1 > w+eps || r.A1 > h+eps {
				t.Fatalf("leaf %d sticks out: %+v", i, r)
			}
			for j, q := range rects[:i] {
				if min(r.T1, q.T1)-max(r.T0, q.T0) > eps && min(r.A1, q.A1)-max(r.A0, q.A0) > eps {
					t.Fatalf("leaves %d and %d overlap: %+v %+v", i, j, r, q)
				}
			}
		}
	})
}

// TestMemoryMapShowsEveryBlock: the blocks' areas in the map's scene are those
// of the plan, wrapped ones included.
func TestMemoryMapShowsEveryBlock(t *testing.T) {
	p, plan := viztest.Decode(0.4)
	f := viz.MemoryMap(p, plan, viz.MapOptions{})
	want, got := 0.0, 0.0
	wraps := 0
	loop := p.PeriodicLoop()
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		want += float64(simulate.BlockBytes(p, b)) * float64(b.End-b.Start)
		if b.Start >= loop.Begin && b.End > loop.End && b.End-b.Start < loop.End-loop.Begin {
			wraps++
		}
	}
	if wraps == 0 {
		t.Fatal("the sample has no block that wraps round the loop's end")
	}
	s := f.Panels[0].Layers[0].Scene
	for i := range s.T0 {
		got += (s.T1[i] - s.T0[i]) * (s.A1[i] - s.A0[i])
		if s.T1[i] > float64(len(p.Instructions)) {
			t.Fatalf("%s reaches past the program", f.Panels[0].Layers[0].Describe(s.Ref[i]))
		}
	}
	if math.Abs(got-want) > 1e-6*want {
		t.Fatalf("drawn byte-instructions %g, the plan has %g", got, want)
	}
}

func TestTimelineStacksTiers(t *testing.T) {
	run := &trace.Timeline{Source: "predicted", TotalS: 4,
		Lanes: []trace.Lane{{Kind: trace.LaneExecutor, Slices: []trace.Slice{{StartS: 0, EndS: 4}}}},
		Tiers: []trace.Occupancy{
			{Name: "hbm", TimesS: []float64{0, 2}, Bytes: []int64{10, 30}},
			{Name: "dram", TimesS: []float64{1}, Bytes: []int64{5}},
		}}
	f := viz.Timelines(viz.TimelineOptions{}, run, nil)
	s := f.Panels[1].Layers[0].Scene
	at := func(t float64) (sum float64) {
		for i := range s.T0 {
			if s.T0[i] <= t && t < s.T1[i] {
				sum = max(sum, s.A1[i])
			}
		}
		return
	}
	for _, c := range [][2]float64{{0.5, 10}, {1.5, 15}, {3, 35}} {
		if got := at(c[0]); got != c[1] {
			t.Errorf("at %g s: %g bytes, want %g", c[0], got, c[1])
		}
	}
}

// TestIterationsAreAligned: runs of different speed show the same iteration from
// their own start of it.
func TestIterationsAreAligned(t *testing.T) {
	run := func(source string, period float64) *trace.Timeline {
		r := &trace.Timeline{Source: source, TotalS: 4 * period, Lanes: []trace.Lane{{Kind: trace.LaneExecutor}},
			Tiers: []trace.Occupancy{{Name: "dram", TimesS: []float64{0, 2.5 * period}, Bytes: []int64{1, 2}}}}
		for i := range 4 {
			r.Lanes[0].Slices = append(r.Lanes[0].Slices, trace.Slice{Iteration: int32(i), StartS: float64(i) * period, EndS: float64(i+1) * period})
		}
		return r
	}
	f := viz.Timelines(viz.TimelineOptions{FromIteration: 2, ToIteration: 3}, run("predicted", 1), run("measured", 3))
	if v := f.Panels[0].View; v.T0 != 0 || v.T1 != 3 {
		t.Fatalf("shows %g to %g s, want 0 to 3", v.T0, v.T1)
	}
	for _, p := range f.Panels {
		s := p.Layers[0].Scene
		starts := 0
		for i := range s.T0 {
			if s.T0[i] == 0 {
				starts++
			}
		}
		if starts == 0 {
			t.Errorf("%s: nothing begins at 0", p.Title)
		}
	}
}

// TestFiguresSurviveAnything: no figure may panic or fail on empty input or in
// a tiny picture.
func TestFiguresSurviveAnything(t *testing.T) {
	figures := subjects()
	figures["no program"] = viz.MemoryMap(&malloc.Program{}, &malloc.Plan{Blocks: []malloc.Block{{Buf: 4, Tier: 2}}}, viz.MapOptions{})
	figures["no runs"] = viz.Timelines(viz.TimelineOptions{}, nil, &trace.Timeline{})
	figures["no leaves"] = viz.Treemap(nil, viz.TreemapOptions{})
	figures["no trace"] = viz.SearchCurve(nil, viz.CurveOptions{LowerBoundS: 1})
	figures["one point"] = viz.SearchCurve([][2]float64{{0, 1}}, viz.CurveOptions{})
	figures["bad points"] = viz.SearchCurve([][2]float64{{math.NaN(), 1}, {1, math.Inf(1)}}, viz.CurveOptions{})
	figures["blank"] = &viz.Figure{}
	for name, f := range figures {
		for _, size := range [][2]int{{1, 1}, {40, 30}, {300, 90}, {90, 300}} {
			if _, err := f.Image(size[0], size[1], 1, viz.Light); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			wellFormed(t, name, f, size[0], size[1], viz.SVGOptions{})
		}
	}
	if _, err := figures["blank"].Image(1<<20, 1<<20, 1, viz.Light); err == nil {
		t.Error("a picture of 2^40 pixels was not refused")
	}
}

func wellFormed(t *testing.T, name string, f *viz.Figure, w, h int, o viz.SVGOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.WriteSVG(&b, w, h, o); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	d := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%s: SVG is not well-formed: %v", name, err)
		}
	}
}

func TestSVG(t *testing.T) {
	p, plan := viztest.Decode(0.4)
	p.Buffers[0].Name = `<script>"&'` + "\x01"
	f := viz.MemoryMap(p, plan, viz.MapOptions{})
	vector := wellFormed(t, "map", f, 1280, 720, viz.SVGOptions{Palette: viz.Light, ID: "m"})
	if strings.Contains(vector, "<script") || strings.Contains(vector, "<image") {
		t.Error("names are not escaped, or a small scene was not kept as vectors")
	}
	if n := strings.Count(vector, "<title>"); n < len(plan.Blocks) {
		t.Errorf("%d hover texts for %d blocks", n, len(plan.Blocks))
	}
	picture := wellFormed(t, "map", f, 1280, 720, viz.SVGOptions{MaxRects: 10})
	if !strings.Contains(picture, "data:image/png;base64,") || !strings.Contains(picture, "program order") || strings.Contains(picture, "<title>") {
		t.Error("a big scene should become an embedded PNG under vector axes")
	}
}

func TestPlotsTellWhereTheDataIs(t *testing.T) {
	p, plan := viztest.Decode(0.4)
	f := viz.MemoryMap(p, plan, viz.MapOptions{})
	x, y, w, h := f.Plots(1280, 720)
	if len(x) != len(f.Panels) {
		t.Fatalf("%d plots for %d panels", len(x), len(f.Panels))
	}
	for i := range x {
		if w[i] < 900 || h[i] < 40 || x[i]+w[i] > 1280 || y[i]+h[i] > 720 || i > 0 && y[i] < y[i-1]+h[i-1] {
			t.Errorf("plot %d at (%g, %g), %g x %g", i, x[i], y[i], w[i], h[i])
		}
	}
}
