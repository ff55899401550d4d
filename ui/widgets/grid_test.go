package widgets

import (
	"fmt"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"strata/ui/viz"
)

func openGrid(t testing.TB, rows int) (*Grid, fyne.Window) {
	test.NewTempApp(t)
	g := NewGrid(Column{Title: "Name", Width: 100, Flex: 1}, Column{Title: "Bytes", Width: 80, Right: true})
	g.Len = func() int { return rows }
	g.Cell = func(r, c int) (string, viz.Ink) { return fmt.Sprintf("cell %d.%d", r, c), viz.InkText }
	w := test.NewTempWindow(t, g)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(500, 26+10*22))
	return g, w
}

func press(g *Grid, x, y float32) {
	g.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x, y)}, Button: desktop.MouseButtonPrimary})
	g.MouseUp(nil)
}

// TestGridFindsRows: what is clicked is what is drawn there, after scrolling too.
func TestGridFindsRows(t *testing.T) {
	g, _ := openGrid(t, 100_000)
	got, sorted := -1, -1
	g.OnSelect = func(r int, _ fyne.KeyModifier) { got = r }
	g.OnSort = func(c int) { sorted = c }
	press(g, 50, GridHead+RowHeight*2.5)
	if got != 2 {
		t.Errorf("clicked the third row, got %d", got)
	}
	g.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -25)})
	press(g, 50, GridHead+1)
	if got != 3 {
		t.Errorf("one click of the wheel: first row is %d, want 3", got)
	}
	g.ScrollTo(70_000)
	press(g, 50, GridHead+RowHeight*9.5)
	if got != 70_000 {
		t.Errorf("scrolled to 70,000 at the bottom, clicked %d", got)
	}
	press(g, 495, g.size.Height-1) // the bar's end
	press(g, 50, GridHead+RowHeight*9.5)
	if got != 99_999 {
		t.Errorf("at the end, the last row is %d", got)
	}
	press(g, 450, 5)
	if sorted != 1 {
		t.Errorf("clicked the second heading, sorted by %d", sorted)
	}
}

// TestGridStaysInside: fewer rows than fit do not scroll, and a list that
// becomes shorter shows its end.
func TestGridStaysInside(t *testing.T) {
	rows := 1000
	g, _ := openGrid(t, 0)
	g.Len = func() int { return rows }
	g.ScrollTo(999)
	rows = 4
	g.Reload()
	g.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -100)})
	if g.top != 0 {
		t.Errorf("4 rows are scrolled by %g", g.top)
	}
	if r := g.rowAt(GridHead + RowHeight*6); r != -1 {
		t.Errorf("below the last row is row %d", r)
	}
}

func BenchmarkGridScroll(b *testing.B) {
	g, _ := openGrid(b, 100_000)
	for i := 0; b.Loop(); i++ {
		g.top = float64(i % 90_000)
		g.draw(1200, 600)
	}
}
