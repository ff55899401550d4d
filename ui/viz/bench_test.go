package viz_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

const many = 100_000

// BenchmarkDraw draws 10^5 rectangles: the whole scene, 10 % and 0.5 % of its
// time, plain and anti-aliased, with one goroutine and two (halves of the
// picture).
func BenchmarkDraw(b *testing.B) {
	s := viz.NewScene(viztest.Dense(many, 1))
	for _, size := range [][2]int{{1600, 900}, {3840, 2160}} {
		w, h := size[0], size[1]
		target := viz.NewTarget(w, h)
		for _, part := range []struct {
			name string
			span float64
		}{{"full", 1}, {"mid", 0.1}, {"deep", 0.005}} {
			view := s.Bounds
			view.T0 = view.T0 + (view.T1-view.T0)*0.4*(1-part.span)
			view.T1 = view.T0 + (s.Bounds.T1-s.Bounds.T0)*part.span
			for _, mode := range []string{"plain", "exact"} {
				for workers := 1; workers <= 2; workers++ {
					b.Run(fmt.Sprintf("%dx%d/%s/%s/%d", w, h, part.name, mode, workers), func(b *testing.B) {
						z := make([]viz.Rasterizer, workers)
						style := viz.Style{Palette: viz.Light, Plain: mode == "plain"}
						for b.Loop() {
							var wg sync.WaitGroup
							for k := range workers {
								wg.Go(func() {
									y0, y1 := h*k/workers, h*(k+1)/workers
									t := *target.Sub(0, y0, w, y1-y0)
									t.Y, t.FullW, t.FullH = y0, w, h
									t.Fill(viz.Light.Inks[viz.InkSurface])
									z[k].Draw(&t, s, view, style)
								})
							}
							wg.Wait()
						}
					})
				}
			}
		}
	}
}

// BenchmarkTile draws one tile of 256 × 256 of the full view at 1600 × 900.
func BenchmarkTile(b *testing.B) {
	s := viz.NewScene(viztest.Dense(many, 1))
	for _, mode := range []string{"plain", "exact"} {
		b.Run(mode, func(b *testing.B) {
			t := viz.NewTarget(256, 256)
			t.X, t.Y, t.FullW, t.FullH = 512, 512, 1600, 900
			var z viz.Rasterizer
			for b.Loop() {
				t.Fill(viz.Light.Inks[viz.InkSurface])
				z.Draw(t, s, s.Bounds, viz.Style{Palette: viz.Light, Plain: mode == "plain"})
			}
		})
	}
}

func BenchmarkHit(b *testing.B) {
	s := viz.NewScene(viztest.Dense(many, 1))
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		s.Hit(rng.Float64()*s.Bounds.T1, rng.Float64()*s.Bounds.A1)
	}
}

func BenchmarkNewScene(b *testing.B) {
	rects := viztest.Dense(many, 1)
	for b.Loop() {
		viz.NewScene(rects)
	}
}

// BenchmarkLabels draws 600 labels of 12 characters.
func BenchmarkLabels(b *testing.B) {
	var rects []viz.Rect
	for i := range 600 {
		x, y := float64(i%20), float64(i/20)
		rects = append(rects, viz.Rect{T0: x, T1: x + 1, A0: y, A1: y + 1, Label: "blk.7.ffn_up"})
	}
	s := viz.NewScene(rects)
	t := viz.NewTarget(1600, 900)
	var z viz.Rasterizer
	for _, font := range []*viz.Font{nil, viz.DefaultFont(11, false)} {
		b.Run(fmt.Sprintf("labels=%v", font != nil), func(b *testing.B) {
			for b.Loop() {
				z.Draw(t, s, s.Bounds, viz.Style{Palette: viz.Light, Plain: true, Font: font})
			}
		})
	}
}
