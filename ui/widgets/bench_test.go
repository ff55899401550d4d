package widgets

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

func densePlot(b *testing.B) *Plot {
	test.NewTempApp(b)
	p := NewPlot()
	p.Key = func(_ int, ref int32) Key { return Key(ref) }
	w := test.NewTempWindow(b, p)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(1600, 900))
	s := viz.NewScene(viztest.Dense(100_000, 1))
	p.SetFigure(&viz.Figure{Panels: []viz.Panel{{Title: "dense", View: s.Bounds, X: viz.Axis{Unit: viz.UnitCount}, Y: viz.Axis{Unit: viz.UnitBytes}, Layers: []viz.Layer{{Scene: s}}}}}, false)
	p.rects(0)
	return p
}

func (p *Plot) rects(k Key) { p.panels[0].rects(k) }

// The main thread's own share of a frame (tiles are drawn by workers, painting
// is the driver's): 10^5 rectangles at 1600 × 900.
func BenchmarkPlotPan(b *testing.B) {
	p := densePlot(b)
	p.ZoomAt(1.0/16, 10000)
	for i := 0; b.Loop(); i++ {
		p.Pan(0.01*math.Copysign(1, math.Sin(float64(i)/90)), 0)
	}
}

func BenchmarkPlotZoom(b *testing.B) {
	p := densePlot(b)
	for i := 0; b.Loop(); i++ {
		f := math.Exp2(-0.25)
		if i/16%2 == 1 {
			f = 1 / f
		}
		p.ZoomAt(f, 10000)
	}
}

func BenchmarkPlotHover(b *testing.B) {
	p := densePlot(b)
	for i := 0; b.Loop(); i++ {
		x, y := 800+600*math.Sin(float64(i)/37), 400+300*math.Cos(float64(i)/23)
		p.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(float32(x), float32(y))}})
	}
}
