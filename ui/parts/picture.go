package parts

import (
	"image"
	"sync"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"strata/ui/theme"
	"strata/ui/viz"
)

// Picture shows a small viz.Figure that is not zoomed: a curve, a diagram. It is
// drawn when the figure, the size or the palette changes, never otherwise.
type Picture struct {
	widget.BaseWidget
	Least fyne.Size
	// Background draws in a goroutine and shows the old picture meanwhile, for
	// figures of many rectangles.
	Background bool

	working bool
	mu      sync.Mutex // Generator may be called by the painter
	figure  *viz.Figure
	drawn   *image.RGBA
	of      *viz.Figure
	by      *viz.Palette
	raster  *canvas.Raster
}

// NewPicture makes an empty picture of a least size.
func NewPicture(w, h float32) *Picture {
	p := &Picture{Least: fyne.NewSize(w, h)}
	p.raster = canvas.NewRaster(p.draw)
	p.ExtendBaseWidget(p)
	return p
}

// Set shows another figure.
func (p *Picture) Set(f *viz.Figure) {
	p.mu.Lock()
	p.figure = f
	p.mu.Unlock()
	p.raster.Refresh()
}

// Figure is what is shown.
func (p *Picture) Figure() *viz.Figure {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.figure
}

func (p *Picture) draw(w, h int) image.Image {
	p.mu.Lock()
	defer p.mu.Unlock()
	pal := theme.Current()
	if p.figure == nil || w < 2 || h < 2 {
		return image.NewRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	}
	if p.drawn != nil && p.of == p.figure && p.by == pal && p.drawn.Rect.Dx() == w && p.drawn.Rect.Dy() == h {
		return p.drawn
	}
	scale := 1.0
	if s := p.Size(); s.Width > 0 {
		scale = min(max(float64(w)/float64(s.Width), 0.25), 16)
	}
	if p.Background {
		if !p.working {
			p.working = true
			go p.work(p.figure, w, h, scale, pal)
		}
		if p.drawn != nil {
			return p.drawn
		}
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	img, err := p.figure.CardImage(w, h, scale, pal, theme.RasterFont)
	if err != nil {
		return image.NewRGBA(image.Rect(0, 0, w, h))
	}
	p.drawn, p.of, p.by = img, p.figure, pal
	return img
}

// work draws in the background; what changed meanwhile is drawn by the refresh
// that follows.
func (p *Picture) work(f *viz.Figure, w, h int, scale float64, pal *viz.Palette) {
	img, err := f.CardImage(w, h, scale, pal, theme.RasterFont)
	p.mu.Lock()
	p.working = false
	if err == nil {
		p.drawn, p.of, p.by = img, f, pal
	}
	p.mu.Unlock()
	if err == nil {
		fyne.Do(p.raster.Refresh)
	}
}

// MinSize implements fyne.Widget.
func (p *Picture) MinSize() fyne.Size { return p.Least }

// Refresh draws again where the palette changed.
func (p *Picture) Refresh() { p.raster.Refresh() }

// CreateRenderer implements fyne.Widget.
func (p *Picture) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(p.raster)
}
