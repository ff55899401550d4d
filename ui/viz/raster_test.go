package viz_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

// small is a scene with every pattern, thin and large rectangles, and labels.
func small() *viz.Scene {
	return viz.NewScene([]viz.Rect{
		{T0: 0, T1: 60, A0: 0, A1: 40, Class: viz.ClassWeight, Label: "blk.0.attn_q"},
		{T0: 60, T1: 100, A0: 0, A1: 40, Class: viz.ClassKV, Pattern: viz.Hatch, Label: "blk.0.kv"},
		{T0: 0, T1: 30, A0: 40, A1: 70, Class: viz.ClassActivation, Pattern: viz.HatchOut},
		{T0: 30, T1: 30.4, A0: 40, A1: 70, Class: viz.ClassGradient},
		{T0: 40, T1: 90, A0: 50, A1: 50.3, Class: viz.ClassOptimizer},
		{T0: 95, T1: 130, A0: 60, A1: 120, Class: viz.ClassOutput},
	})
}

// TestPixels compares hashes of drawn pixels with testdata/pixels. They are
// those of amd64: other compilers fuse multiply and add, which may round an edge
// the other way.
func TestPixels(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skipf("pixel hashes were made on amd64, this is %s", runtime.GOARCH)
	}
	datadriven.RunTest(t, "testdata/pixels", func(t *testing.T, d *datadriven.TestData) string {
		var name, palette, mode string
		d.ScanArgs(t, "scene", &name)
		d.ScanArgs(t, "palette", &palette)
		var p *viz.Palette
		for _, q := range viz.Palettes() {
			if q.Name == palette {
				p = q
			}
		}
		if p == nil {
			t.Fatalf("no palette %q", palette)
		}
		switch d.Cmd {
		case "draw":
			d.ScanArgs(t, "mode", &mode)
			target := viz.NewTarget(200, 140)
			target.Fill(p.Inks[viz.InkSurface])
			var z viz.Rasterizer
			z.Draw(target, small(), viz.View{T1: 100, A1: 80}, viz.Style{Palette: p, Plain: mode == "plain", Font: viz.DefaultFont(11, false)})
			return hash(target.Image().Pix)
		case "figure":
			f := subjects()[name]
			if f == nil {
				t.Fatalf("no figure %q", name)
			}
			m, err := f.Image(480, 320, 1, p)
			if err != nil {
				t.Fatal(err)
			}
			return hash(m.Pix)
		}
		t.Fatalf("unknown command %s", d.Cmd)
		return ""
	})
}

func hash(pix []byte) string {
	sum := sha256.Sum256(pix)
	return hex.EncodeToString(sum[:8]) + "\n"
}

func TestTilesJoinWithoutSeams(t *testing.T) {
	s := viz.NewScene(viztest.Dense(3000, 5))
	view := viz.View{T0: 100, T1: 9000, A0: 0, A1: s.Bounds.A1}
	const w, h, tile = 512, 384, 128
	for _, plain := range []bool{true, false} {
		style := viz.Style{Palette: viz.Light, Plain: plain, Font: viz.DefaultFont(11, false)}
		var z viz.Rasterizer
		whole := viz.NewTarget(w, h)
		z.Draw(whole, s, view, style)
		differ := 0
		for y := 0; y < h; y += tile {
			for x := 0; x < w; x += tile {
				part := viz.NewTarget(tile, tile)
				part.X, part.Y, part.FullW, part.FullH = x, y, w, h
				z.Draw(part, s, view, style)
				for j := range tile {
					for i := range tile {
						if part.Pix[j*tile+i] != whole.Pix[(y+j)*w+x+i] {
							differ++
						}
					}
				}
			}
		}
		// Adding a tile's origin may round the last bit of an edge that lies
		// exactly between two pixels, or of a coverage sum.
		if differ > w*h/500 {
			t.Errorf("plain=%v: %d of %d pixels differ between tiles and the whole", plain, differ, w*h)
		}
	}
}

// TestCoverageIsExact: the mean of the drawn alpha is the covered area.
func TestCoverageIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 32
		x := rapid.Float64Range(0, n-2.9).Draw(t, "x")
		y := rapid.Float64Range(0, n-2.9).Draw(t, "y")
		w := rapid.Float64Range(0.05, 2.9).Draw(t, "w")
		h := rapid.Float64Range(0.05, 2.9).Draw(t, "h")
		s := viz.NewScene([]viz.Rect{{T0: x, T1: x + w, A0: y, A1: y + h, Class: viz.ClassWeight}})
		target := viz.NewTarget(n, n)
		var z viz.Rasterizer
		z.Draw(target, s, viz.View{T1: n, A1: n}, viz.Style{Palette: viz.Light})
		sum := 0.0
		touched := 0
		for i := 3; i < 4*n*n; i += 4 {
			a := target.Image().Pix[i]
			sum += float64(a) / 255
			if a > 0 {
				touched++
			}
		}
		if diff := sum - w*h; diff > float64(touched+1)/400 || diff < -float64(touched+8)/400 {
			t.Fatalf("covered %.4f pixels, area is %.4f", sum, w*h)
		}
	})
}

func TestHitAgreesWithLinearScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 400).Draw(t, "n")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		rects := make([]viz.Rect, n)
		for i := range rects {
			x, y := rng.Float64()*1000, rng.Float64()*1000
			rects[i] = viz.Rect{T0: x, T1: x + rng.Float64()*80, A0: y, A1: y + rng.Float64()*80, Ref: int32(i)}
		}
		s := viz.NewScene(rects)
		if s.Len() > n {
			t.Fatalf("%d rectangles of %d", s.Len(), n)
		}
		for range 50 {
			x, y := rng.Float64()*1100-50, rng.Float64()*1100-50
			want := -1
			for i := range s.T0 {
				if s.T0[i] <= x && x < s.T1[i] && s.A0[i] <= y && y < s.A1[i] {
					want = i
				}
			}
			if got := s.Hit(x, y); got != want {
				t.Fatalf("hit (%g, %g) = %d, linear scan %d", x, y, got, want)
			}
		}
		view := viz.View{T0: rng.Float64() * 500, A0: rng.Float64() * 500}
		view.T1, view.A1 = view.T0+rng.Float64()*400, view.A0+rng.Float64()*400
		var want []int
		for i := range s.T0 {
			if s.T0[i] < view.T1 && s.T1[i] > view.T0 && s.A0[i] < view.A1 && s.A1[i] > view.A0 {
				want = append(want, i)
			}
		}
		got := s.Visible(nil, view)
		if !slices.Equal(got, want) {
			t.Fatalf("visible %v, linear scan %v", got, want)
		}
	})
}

func TestNewSceneLeavesOutWhatHasNoArea(t *testing.T) {
	nan := 0.0
	nan /= nan
	s := viz.NewScene([]viz.Rect{{T1: 1}, {T0: 1, T1: 0, A1: 1}, {T0: nan, T1: 1, A1: 1}, {T1: 1, A1: 1, Ref: 7}})
	if s.Len() != 1 || s.Ref[0] != 7 {
		t.Fatalf("kept %d rectangles, refs %v", s.Len(), s.Ref)
	}
	if empty := viz.NewScene(nil); empty.Hit(0, 0) != -1 || len(empty.Visible(nil, viz.View{T1: 1, A1: 1})) != 0 {
		t.Fatal("an empty scene has hits")
	}
}

func TestDrawAllocatesNothing(t *testing.T) {
	s := viz.NewScene(viztest.Dense(20000, 1))
	target := viz.NewTarget(320, 240)
	var z viz.Rasterizer
	for _, plain := range []bool{true, false} {
		style := viz.Style{Palette: viz.Dark, Plain: plain, Font: viz.DefaultFont(11, false)}
		view := viz.View{T0: 100, T1: 400, A0: 0, A1: 4000}
		z.Draw(target, s, view, style)
		if n := testing.AllocsPerRun(5, func() { z.Draw(target, s, view, style) }); n != 0 {
			t.Errorf("plain=%v: %v allocations per frame", plain, n)
		}
	}
	if n := testing.AllocsPerRun(20, func() { s.Hit(2000, 300) }); n != 0 {
		t.Errorf("%v allocations per hit test", n)
	}
}

// TestDrawSurvivesAnyView: no view, tile or rectangle makes Draw write outside
// its target or run without end.
func TestDrawSurvivesAnyView(t *testing.T) {
	number := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1e3, 1e3), rapid.SampledFrom([]float64{0, 1, 1e300, -1e300, math.Inf(1), math.NaN(), 5e-324}))
	rapid.Check(t, func(t *rapid.T) {
		rects := make([]viz.Rect, 8)
		for i := range rects {
			f := func(name string) float64 { return number.Draw(t, name) }
			rects[i] = viz.Rect{T0: f("t0"), T1: f("t1"), A0: f("a0"), A1: f("a1"), Class: viz.Class(i % 5), Pattern: viz.Pattern(i % 3), Label: "label"}
		}
		s := viz.NewScene(rects)
		view := viz.View{T0: number.Draw(t, "T0"), T1: number.Draw(t, "T1"), A0: number.Draw(t, "A0"), A1: number.Draw(t, "A1")}
		const w, h, guard = 40, 30, 0xdeadbeef
		pix := make([]uint32, w*h+64)
		for i := w * h; i < len(pix); i++ {
			pix[i] = guard
		}
		target := &viz.Target{Pix: pix[: w*h : w*h], Stride: w, W: w, H: h,
			X: rapid.IntRange(-1<<40, 1<<40).Draw(t, "X"), Y: rapid.IntRange(0, 100).Draw(t, "Y"),
			FullW: rapid.IntRange(0, 1<<40).Draw(t, "FullW"), FullH: rapid.IntRange(0, 1000).Draw(t, "FullH")}
		var z viz.Rasterizer
		for _, plain := range []bool{true, false} {
			for _, v := range []viz.View{view, s.Bounds} {
				z.Draw(target, s, v, viz.Style{Palette: viz.Light, Plain: plain, Font: viz.DefaultFont(11, false)})
			}
		}
		for _, unit := range []viz.Unit{viz.UnitBytes, viz.UnitCount, viz.UnitSeconds} {
			if n := len(viz.Ticks(unit, view.T0, view.T1, 6)); n > 28 {
				t.Fatalf("%d ticks", n)
			}
		}
		s.Hit(view.T0, view.A0)
		s.Visible(nil, view)
	})
}

func TestZoomKeepsThePointUnderThePointer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := func(name string) float64 { return rapid.Float64Range(-100, 100).Draw(t, name) }
		v := viz.View{T0: f("t"), A0: f("a")}
		v.T1, v.A1 = v.T0+rapid.Float64Range(1, 50).Draw(t, "w"), v.A0+rapid.Float64Range(1, 50).Draw(t, "h")
		x, y := rapid.Float64Range(0, 640).Draw(t, "x"), rapid.Float64Range(0, 480).Draw(t, "y")
		wt, wa := v.World(x, y, 640, 480)
		z := v.Zoom(0.5, 0.5, wt, wa)
		gx, gy := z.Pixel(wt, wa, 640, 480)
		if d := (gx-x)*(gx-x) + (gy-y)*(gy-y); d > 1e-6 {
			t.Fatalf("(%g, %g) moved to (%g, %g)", x, y, gx, gy)
		}
	})
}

func ExampleTicks() {
	var labels []string
	for _, tick := range viz.Ticks(viz.UnitBytes, 0, 67<<20, 5) {
		labels = append(labels, tick.Label)
	}
	fmt.Println(strings.Join(labels, ", "))
	labels = nil
	for _, tick := range viz.Ticks(viz.UnitSeconds, 0.275, 0.3, 5) {
		labels = append(labels, tick.Label)
	}
	fmt.Println(strings.Join(labels, ", "))
	// Output:
	// 0 MiB, 16 MiB, 32 MiB, 48 MiB, 64 MiB
	// 275 ms, 280 ms, 285 ms, 290 ms, 295 ms, 300 ms
}
