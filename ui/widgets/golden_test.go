package widgets

import (
	"runtime"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"strata/ui/viz"
)

// TestGolden holds small pictures of the widgets, light and dark, against
// testdata (Fyne writes what differs to testdata/failed). Fonts are the bundled
// ones; other architectures round glyphs differently.
func TestGolden(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skipf("masters are of amd64, this is %s", runtime.GOARCH)
	}
	for _, pal := range []*viz.Palette{viz.Light, viz.Dark} {
		t.Run("plot-"+pal.Name, func(t *testing.T) {
			p, w := openPlot(t, mapFigure())
			w.Resize(fyne.NewSize(480, 300))
			p.SetPalette(pal)
			s := p.panels[0].panel.Layers[0].Scene
			p.Select(p.Key(0, s.Ref[0]))
			p.SetCursor(200, true)
			p.SetHover(p.Key(1, 3))
			test.AssertImageMatches(t, "plot-"+pal.Name+".png", w.Canvas().Capture())
		})
		t.Run("grid-"+pal.Name, func(t *testing.T) {
			g, w := openGrid(t, 40)
			w.Resize(fyne.NewSize(360, 150))
			g.Style = func(r int) RowStyle {
				if r == 0 {
					return RowStyle{Bold: true, Fold: 1}
				}
				return RowStyle{Swatch: viz.Fill(viz.ClassKV), Selected: r == 2}
			}
			g.SortColumn, g.SortDown = 1, true
			g.SetPalette(pal)
			test.AssertImageMatches(t, "grid-"+pal.Name+".png", w.Canvas().Capture())
		})
	}
}
