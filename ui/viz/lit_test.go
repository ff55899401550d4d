package viz_test

import (
	"testing"

	"strata/ui/viz"
)

// TestLitKeepsItsColours: with a rectangle lit, its pixels are those of the
// ordinary picture, and all others are those of the faded palette.
func TestLitKeepsItsColours(t *testing.T) {
	scene := viz.NewScene([]viz.Rect{
		{T0: 0, T1: 50, A0: 0, A1: 80, Class: viz.ClassWeight, Ref: 1},
		{T0: 50, T1: 100, A0: 0, A1: 80, Class: viz.ClassKV, Ref: 2},
	})
	lit := viz.NewMarked(scene.Len())
	for i, ref := range scene.Ref {
		if ref == 1 {
			lit.Mark(i)
		}
	}
	for _, p := range viz.Palettes() {
		for _, plain := range []bool{false, true} {
			target := viz.NewTarget(100, 80)
			var z viz.Rasterizer
			z.Draw(target, scene, viz.View{T1: 100, A1: 80}, viz.Style{Palette: p, Plain: plain, Lit: lit, Faded: p.Dimmed()})
			img := target.Image()
			for _, want := range []struct {
				x     int
				color viz.Color
			}{{20, p.Inks[viz.Fill(viz.ClassWeight)]}, {70, p.Dimmed().Inks[viz.Fill(viz.ClassKV)]}} {
				got := img.RGBAAt(want.x, 40)
				if (viz.Color{R: got.R, G: got.G, B: got.B}) != want.color {
					t.Errorf("%s, plain %v, x %d: %v, want %v", p.Name, plain, want.x, got, want.color)
				}
			}
		}
	}
}
