package widgets

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

// TestWorkersBringSharpTiles: with workers, a gesture ends in sharp tiles that
// cover every panel, the draft is gone, and pixels are those drawn at once.
func TestWorkersBringSharpTiles(t *testing.T) {
	test.NewTempApp(t)
	queue := make(chan func(), 1000)
	p := NewPlot()
	p.Do = func(f func()) { queue <- f }
	p.Key = func(_ int, ref int32) Key { return Key(ref) }
	w := test.NewTempWindow(t, p)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(900, 500))
	s := viz.NewScene(viztest.Dense(20_000, 1))
	p.SetFigure(&viz.Figure{Panels: []viz.Panel{{View: s.Bounds, X: viz.Axis{Unit: viz.UnitCount}, Layers: []viz.Layer{{Scene: s}}}}}, false)
	settle := func(what string) {
		t.Helper()
		sharp := func() bool {
			for _, tl := range p.panels[0].front {
				if tl.key.plain || tl.img == nil {
					return false
				}
			}
			return p.panels[0].full && p.panels[0].back == nil && !p.gesture && !p.panels[0].sorting
		}
		for end := time.After(30 * time.Second); !sharp(); {
			select {
			case f := <-queue:
				f()
			case <-end:
				t.Fatalf("%s: no sharp tiles: full %v, draft %v, gesture %v", what, p.panels[0].full, p.panels[0].back != nil, p.gesture)
			}
		}
	}
	settle("at first")
	p.SetHover(17) // has the order by key made in the background
	for i := range 12 {
		p.ZoomAt(0.8, 9000+float64(i))
		if i%3 == 0 { // some frames come between the steps
			for len(queue) > 0 {
				(<-queue)()
			}
		}
	}
	if p.panels[0].back == nil {
		t.Error("zoomed, and nothing is stretched meanwhile")
	}
	settle("zoomed")
	p.Pan(0.3, 0)
	settle("panned")
	p.ShowAll()
	settle("home again")
	if got := len(p.panels[0].rects(17)); got != 1 {
		t.Errorf("%d rectangles have key 17", got)
	}
	var z viz.Rasterizer
	for _, tl := range p.panels[0].front {
		job := tileJob{key: tl.key, panel: p.panels[0].panel, view: p.panels[0].home}
		if want := job.draw(&z); string(want.Pix) != string(tl.img.Pix) {
			t.Errorf("tile %d, %d is not what a drawing at once gives", tl.key.ix, tl.key.iy)
		}
	}
}
