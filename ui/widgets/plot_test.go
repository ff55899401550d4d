package widgets

import (
	"fmt"
	"image/png"
	"os"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"strata/ui/viz"
	"strata/ui/viz/viztest"
)

// shot writes what a window shows when STRATA_SHOTS names a folder.
func shot(t *testing.T, w fyne.Window, name string) {
	t.Helper()
	dir := os.Getenv("STRATA_SHOTS")
	if dir == "" {
		return
	}
	f, err := os.Create(dir + "/" + name + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, w.Canvas().Capture()); err != nil {
		t.Fatal(err)
	}
}

func openPlot(t *testing.T, f *viz.Figure) (*Plot, fyne.Window) {
	t.Helper()
	test.NewTempApp(t)
	p := NewPlot()
	p.Synchronous = true
	p.Key = func(panel int, ref int32) Key { return Key(panel)<<32 | Key(ref) }
	w := test.NewTempWindow(t, p)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(1000, 600))
	p.SetFigure(f, false)
	return p, w
}

func mapFigure() *viz.Figure {
	p, plan := viztest.Decode(0.4)
	return viz.MemoryMap(p, plan, viz.MapOptions{})
}

// centreOf is the position of a rectangle's middle in the plot.
func centreOf(p *Plot, panel, index int) fyne.Position {
	pp := p.panels[panel]
	s := pp.panel.Layers[0].Scene
	pos, _ := pp.position((s.T0[index]+s.T1[index])/2, (s.A0[index]+s.A1[index])/2)
	return pos
}

func move(p *Plot, pos fyne.Position) {
	p.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: pos}})
}

func drag(p *Plot, from, to fyne.Position, button desktop.MouseButton, mod fyne.KeyModifier) {
	p.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: from}, Button: button, Modifier: mod})
	half := fyne.NewPos((from.X+to.X)/2, (from.Y+to.Y)/2)
	p.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: half}, Dragged: fyne.NewDelta(half.X-from.X, half.Y-from.Y)})
	p.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: to}, Dragged: fyne.NewDelta(to.X-half.X, to.Y-half.Y)})
	p.DragEnd()
	p.MouseUp(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: to}, Button: button, Modifier: mod})
}

// TestHoverFindsEveryRectangle: the rectangle under the pointer is the one that
// is told, outlined and described, at home and zoomed.
func TestHoverFindsEveryRectangle(t *testing.T) {
	p, w := openPlot(t, mapFigure())
	var got Hit
	p.OnHover = func(h Hit) { got = h }
	s := p.panels[0].panel.Layers[0].Scene
	for _, i := range []int{0, s.Len() / 3, s.Len() / 2, s.Len() - 1} {
		p.ShowAll()
		p.ShowSpan(s.T0[i], s.T1[i])
		move(p, centreOf(p, 0, i))
		if got.Index != i || got.Ref != s.Ref[i] {
			t.Errorf("over rectangle %d: hit %+v", i, got)
		}
		if len(p.panels[0].outlines) == 0 || p.panels[0].outlines[0].Hidden {
			t.Errorf("rectangle %d is not outlined", i)
		}
		if p.tip.layer.Hidden {
			t.Errorf("rectangle %d has no tooltip", i)
		}
	}
	shot(t, w, "plot-hover")
	p.MouseOut()
	if got.On() || !p.tip.layer.Hidden || !p.panels[0].outlines[0].Hidden {
		t.Errorf("the pointer left, still lit: %+v", got)
	}
}

// TestTilesCoverTheView: after any move the tiles cover the panel without gaps,
// and their pixels are what a whole picture shows there.
func TestTilesCoverTheView(t *testing.T) {
	p, _ := openPlot(t, mapFigure())
	check := func(what string) {
		t.Helper()
		for _, pp := range p.panels {
			covered := 0.0
			for _, tl := range pp.front {
				at, size := tl.raster.Position(), tl.raster.Size()
				x0, y0 := max(at.X, 0), max(at.Y, 0)
				x1, y1 := min(at.X+size.Width, pp.w), min(at.Y+size.Height, pp.h)
				covered += max(float64(x1-x0), 0) * max(float64(y1-y0), 0)
				if tl.key.plain {
					t.Errorf("%s: a draft is left", what)
				}
			}
			if want := float64(pp.w) * float64(pp.h); covered < want*0.999 || covered > want*1.001 {
				t.Errorf("%s: panel %d: tiles cover %g of %g px", what, pp.index, covered, want)
			}
			if pp.back != nil {
				t.Errorf("%s: stale tiles are left", what)
			}
		}
	}
	check("at home")
	p.ZoomAt(0.1, 300)
	check("zoomed")
	p.Pan(0.37, 0)
	check("panned")
	p.ZoomBothAt(0, 1, 0.25, 300, 10<<20)
	p.Pan(0, 0.6)
	check("zoomed vertically")
	p.ZoomAt(1e-9, 350)
	check("zoomed to the limit")
	if t0, t1 := p.View(); !(t1 > t0) || t0 < p.home.T0 || t1 > p.home.T1 {
		t.Errorf("view [%g, %g) outside home", t0, t1)
	}
	p.ShowAll()
	check("home again")
}

// TestPanOnlyMoves: a pan inside the tiles that are there draws none anew.
func TestPanOnlyMoves(t *testing.T) {
	p, _ := openPlot(t, mapFigure())
	p.ZoomAt(0.25, 300)
	before := map[tileKey]bool{}
	for _, tl := range p.panels[0].front {
		before[tl.key] = true
	}
	p.input.from.Panel = 0
	p.panPixels(-3, 0)
	for _, tl := range p.panels[0].front {
		if !before[tl.key] && tl.key.ix <= 2 {
			t.Errorf("tile %+v was drawn for a pan of 3 px", tl.key)
		}
	}
}

func TestDragModes(t *testing.T) {
	p, _ := openPlot(t, mapFigure())
	var ranges, drops int
	var dropped int
	p.OnRange = func(t0, t1 float64) { ranges++ }
	p.CanDrag = func(h Hit) bool { return h.Panel == 0 }
	p.OnDragOver = func(from Hit, panel int) DropVerdict { return DropVerdict{Lines: []string{"over", fmt.Sprint(panel)}} }
	p.OnDrop = func(from Hit, panel int) { drops++; dropped = panel }

	at := centreOf(p, 0, 0)
	drag(p, at, fyne.NewPos(at.X, p.panels[1].y+5), desktop.MouseButtonPrimary, 0)
	if drops != 1 || dropped != 1 {
		t.Errorf("dropped %d times, last on panel %d; want once on 1", drops, dropped)
	}
	p.CanDrag = nil
	drag(p, fyne.NewPos(300, 100), fyne.NewPos(500, 120), desktop.MouseButtonPrimary, 0)
	if t0, t1, on := p.Range(); ranges != 1 || !on || !(t1 > t0) {
		t.Errorf("a drag shaded [%g, %g) %v, told %d times", t0, t1, on, ranges)
	}
	drag(p, fyne.NewPos(300, 100), fyne.NewPos(500, 120), desktop.MouseButtonPrimary, fyne.KeyModifierAlt)
	t0, t1 := p.View()
	if h0, h1 := p.Home(); t1-t0 > (h1-h0)/2 {
		t.Errorf("Alt+drag shows [%g, %g), did not zoom", t0, t1)
	}
	drag(p, fyne.NewPos(500, 100), fyne.NewPos(300, 100), desktop.MouseButtonTertiary, 0)
	if n0, n1 := p.View(); n0 <= t0 || n1-n0 != t1-t0 && (n1-n0)/(t1-t0)-1 > 1e-9 {
		t.Errorf("middle drag to the left moved [%g, %g) to [%g, %g)", t0, t1, n0, n1)
	}
}

// TestFit: F centres what is selected, and fills the view with it when pressed
// again.
func TestFit(t *testing.T) {
	p, w := openPlot(t, mapFigure())
	if p.Fit() {
		t.Error("fitted nothing")
	}
	s := p.panels[0].panel.Layers[0].Scene
	i := s.Len() / 2
	p.Select(p.Key(0, s.Ref[i]))
	lo, hi, _ := p.SelectedSpan()
	p.ZoomAt(0.5, p.home.T0)
	p.Fit()
	p.Fit()
	if t0, t1 := p.View(); t0 > lo || t1 < hi || (hi-lo)/(t1-t0) < 0.5 {
		t.Errorf("[%g, %g) selected, [%g, %g) shown", lo, hi, t0, t1)
	}
	shot(t, w, "plot-selected")
	p.SetPalette(viz.Dark)
	p.ShowAll()
	shot(t, w, "plot-dark")
}

// TestCacheForgetsTheOldest: pixels stay under the limit, and the newest stay.
func TestCacheForgetsTheOldest(t *testing.T) {
	s := newTileServer(10 * tilePx * tilePx * 4)
	var z viz.Rasterizer
	f := mapFigure()
	for i := range 40 {
		j := tileJob{key: tileKey{content: 1, w: 4000, h: 4000, ix: int32(i % 8), iy: int32(i / 8), palette: viz.Light, scale: 1}, panel: &f.Panels[0], view: f.Panels[0].View}
		s.put(j.key, j.draw(&z))
		if s.bytes > s.limit {
			t.Fatalf("%d bytes are above the limit", s.bytes)
		}
		if _, ok := s.get(j.key); !ok {
			t.Fatalf("tile %d was forgotten at once", i)
		}
	}
	if len(s.tiles) != 10 || s.recent.Len() != 10 {
		t.Errorf("%d tiles, %d in the list, want 10", len(s.tiles), s.recent.Len())
	}
}

// TestMarksAndAreas: a mark goes with the next unless it is kept, Delete takes
// all; an area is told as if it had been dragged.
func TestMarksAndAreas(t *testing.T) {
	p := NewPlot()
	p.t0, p.t1 = 0, 100
	at := func(x float64) { p.cursorT, p.cursorOn = x, true }
	times := func() (list []float64) {
		for _, m := range p.marks {
			list = append(list, m.t)
		}
		return list
	}
	at(10)
	p.KeepMark()
	at(20)
	p.ToggleMark()
	at(30)
	p.ToggleMark()
	if got := times(); !slices.Equal(got, []float64{10, 30}) {
		t.Errorf("marks at %v", got)
	}
	p.KeepMark()
	at(40)
	p.ToggleMark()
	if got := times(); !slices.Equal(got, []float64{10, 30, 40}) {
		t.Errorf("marks at %v after keeping", got)
	}
	at(30)
	p.ToggleMark()
	if got := times(); !slices.Equal(got, []float64{10, 40}) {
		t.Errorf("marks at %v after taking one away", got)
	}
	p.ClearMarks()
	var told [2]float64
	p.OnRange = func(t0, t1 float64) { told = [2]float64{t0, t1} }
	p.ChooseRange(7, 5)
	if t0, t1, on := p.Range(); !on || t0 != 5 || t1 != 7 || told != [2]float64{5, 7} || len(p.marks) != 0 {
		t.Errorf("range %g to %g, told %v, marks %v", t0, t1, told, p.marks)
	}
}
