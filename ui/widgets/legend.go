package widgets

import (
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"strata/ui/viz"
)

// Legend explains a figure's fills and lines in one row, drawn as one raster.
type Legend struct {
	widget.BaseWidget
	items   []viz.LegendItem
	palette *viz.Palette
	body    *canvas.Raster
	size    fyne.Size
}

// NewLegend returns an empty legend.
func NewLegend() *Legend {
	l := &Legend{palette: viz.Light}
	l.body = canvas.NewRaster(l.draw)
	l.body.ScaleMode = canvas.ImageScalePixels
	l.ExtendBaseWidget(l)
	return l
}

// Set shows the legend of a figure; nil: nothing.
func (l *Legend) Set(f *viz.Figure, p *viz.Palette) {
	l.items, l.palette = nil, p
	if f != nil {
		l.items = f.Legend
	}
	l.body.Refresh()
}

func (l *Legend) draw(w, h int) image.Image {
	if w <= 0 || h <= 0 || l.size.Width <= 0 {
		return image.NewRGBA(image.Rectangle{})
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	t := viz.ImageTarget(img)
	k := float64(w) / float64(l.size.Width)
	font := labelFont(11 * k)
	var z viz.Rasterizer
	pal := l.palette
	px := func(v float64) int { return int(math.Round(v * k)) }
	x := 0.0
	mid := h / 2
	for _, it := range l.items {
		wide := font.Width(it.Label)/k + 12 + 6 + 14
		if x+wide > float64(l.size.Width) {
			break
		}
		switch {
		case it.Line:
			for at := 0.0; at < 12; at += 4 {
				if it.Dash && int(at/4)%2 == 1 {
					continue
				}
				t.Box(px(x+at), mid-px(1), px(x+at+4), mid+px(1), pal.Inks[it.Ink])
			}
		case it.Ink >= viz.InkFill && it.Ink < viz.InkLabel:
			s := viz.NewScene([]viz.Rect{{T1: 1, A1: 1, Class: viz.Class(it.Ink - viz.InkFill), Pattern: it.Pattern}})
			z.Draw(t.Sub(px(x), mid-px(6), px(12), px(12)), s, s.Bounds, viz.Style{Palette: pal, HatchPx: px(8)})
		default:
			t.Box(px(x), mid-px(6), px(x+12), mid+px(6), pal.Inks[it.Ink])
		}
		font.Draw(t, (x+18)*k, mid-font.Height/2+font.Ascent, it.Label, pal.Inks[viz.InkText])
		x += wide
	}
	return img
}

// MinSize is one row.
func (l *Legend) MinSize() fyne.Size { return fyne.NewSize(60, 22) }

// CreateRenderer is for Fyne.
func (l *Legend) CreateRenderer() fyne.WidgetRenderer { return legendRenderer{l} }

type legendRenderer struct{ l *Legend }

func (r legendRenderer) Layout(s fyne.Size) {
	r.l.size = s
	r.l.body.Resize(s)
}
func (r legendRenderer) MinSize() fyne.Size           { return r.l.MinSize() }
func (r legendRenderer) Refresh()                     { r.l.body.Refresh() }
func (r legendRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.l.body} }
func (r legendRenderer) Destroy()                     {}
