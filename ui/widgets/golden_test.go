package widgets

import (
	"testing"

	"fyne.io/fyne/v2"

	"strata/ui/golden"
	"strata/ui/viz"
)

// TestGolden holds small pictures of the widgets, light and dark, against
// testdata.
func TestGolden(t *testing.T) {
	for _, pal := range []*viz.Palette{viz.Light, viz.Dark} {
		t.Run("plot-"+pal.Name, func(t *testing.T) {
			p, w := openPlot(t, mapFigure())
			w.Resize(fyne.NewSize(480, 300))
			p.SetPalette(pal)
			s := p.panels[0].panel.Layers[0].Scene
			p.Select(p.Key(0, s.Ref[0]))
			p.SetCursor(200, true)
			p.SetHover(p.Key(1, 3))
			golden.Match(t, "plot-"+pal.Name, w.Canvas().Capture)
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
			golden.Match(t, "grid-"+pal.Name, w.Canvas().Capture)
		})
	}
}
