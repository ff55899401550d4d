package viz

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/vector"
)

// maxImagePixels bounds a picture's memory (4 bytes each).
const maxImagePixels = 1 << 27

// Image renders the figure to w × h device pixels. scale is device pixels per
// logical pixel: 1 on ordinary screens, 2 for a 4K picture with the same layout
// as 1920 × 1080.
func (f *Figure) Image(w, h int, scale float64, p *Palette) (*image.RGBA, error) {
	if err := checkSize(w, h, scale); err != nil {
		return nil, err
	}
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	c := &rasterCanvas{t: ImageTarget(m), k: scale, p: p, fonts: DefaultFont}
	f.draw(c, float64(w)/scale, float64(h)/scale)
	return m, nil
}

// CardImage is Image for a card of a window: on the card's surface, without a
// margin, in the window's own typeface.
func (f *Figure) CardImage(w, h int, scale float64, p *Palette, fonts func(px float64, bold bool) *Font) (*image.RGBA, error) {
	if err := checkSize(w, h, scale); err != nil {
		return nil, err
	}
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	g := *f
	g.bare = true
	g.draw(&rasterCanvas{t: ImageTarget(m), k: scale, p: p, fonts: fonts}, float64(w)/scale, float64(h)/scale)
	return m, nil
}

func checkSize(w, h int, scale float64) error {
	if w < 1 || h < 1 || w > maxImagePixels/h || !(scale >= 0.25 && scale <= 16) {
		return fmt.Errorf("picture of %d x %d pixels at scale %g: want sizes from 1 x 1 to %d pixels in all, scale 0.25 to 16", w, h, scale, maxImagePixels)
	}
	return nil
}

// WritePNG renders the figure as PNG.
func (f *Figure) WritePNG(out io.Writer, w, h int, scale float64, p *Palette) error {
	m, err := f.Image(w, h, scale, p)
	if err != nil {
		return err
	}
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(out, m)
}

// rasterCanvas draws on pixels.
type rasterCanvas struct {
	t    *Target
	k    float64
	p    *Palette
	z    Rasterizer
	path vector.Rasterizer
	mask *image.Alpha

	fonts func(px float64, bold bool) *Font
}

func (c *rasterCanvas) font(size float64, bold bool) *Font { return c.fonts(size*c.k, bold) }

func (c *rasterCanvas) width(s string, size float64, bold bool) float64 {
	return c.font(size, bold).Width(s) / c.k
}

func (c *rasterCanvas) rect(x, y, w, h float64, ink Ink) {
	x0, y0 := clampRound(x*c.k, c.t.W), clampRound(y*c.k, c.t.H)
	x1, y1 := clampRound((x+w)*c.k, c.t.W), clampRound((y+h)*c.k, c.t.H)
	c.t.fill(x0, y0, x1, y1, c.p.Inks[ink].pixel())
}

func (c *rasterCanvas) swatch(x, y, w, h float64, class Class, pattern Pattern) {
	s := NewScene([]Rect{{T1: 1, A1: 1, Class: class, Pattern: pattern}})
	c.z.Draw(c.t.Sub(clampRound(x*c.k, c.t.W), clampRound(y*c.k, c.t.H), int(math.Round(w*c.k)), int(math.Round(h*c.k))), s, s.Bounds, Style{Palette: c.p, HatchPx: int(8*c.k + 0.5)})
}

func (c *rasterCanvas) line(a, b point, width float64, ink Ink, dash bool) {
	c.polyline([]point{a, b}, width, ink, dash)
}

// polyline strokes each segment as a quadrilateral. Horizontal and vertical
// segments are put on whole pixels.
func (c *rasterCanvas) polyline(p []point, width float64, ink Ink, dash bool) {
	px := max(1, math.Round(width*c.k))
	color := c.p.Inks[ink].pixel()
	phase := 0.0
	for i := 1; i < len(p); i++ {
		a, b := point{p[i-1].X * c.k, p[i-1].Y * c.k}, point{p[i].X * c.k, p[i].Y * c.k}
		length := math.Hypot(b.X-a.X, b.Y-a.Y)
		if length == 0 {
			continue
		}
		dx, dy := (b.X-a.X)/length, (b.Y-a.Y)/length
		on, off := length, 0.0
		if dash {
			on, off = 6*c.k, 4*c.k
		}
		period := on + off
		for at := -math.Mod(phase, period); at < length; at += period {
			s, e := max(at, 0), min(at+on, length)
			if e <= s {
				continue
			}
			q0, q1 := point{a.X + dx*s, a.Y + dy*s}, point{a.X + dx*e, a.Y + dy*e}
			switch {
			case dy == 0:
				y := math.Round(q0.Y - px/2)
				c.box(min(q0.X, q1.X), y, max(q0.X, q1.X), y+px, color)
			case dx == 0:
				x := math.Round(q0.X - px/2)
				c.box(x, min(q0.Y, q1.Y), x+px, max(q0.Y, q1.Y), color)
			default:
				nx, ny := -dy*width*c.k/2, dx*width*c.k/2
				c.fillPath([]point{{q0.X + nx, q0.Y + ny}, {q1.X + nx, q1.Y + ny}, {q1.X - nx, q1.Y - ny}, {q0.X - nx, q0.Y - ny}}, c.p.Inks[ink], 1)
			}
		}
		if dash {
			phase = math.Mod(phase+length, period)
		}
	}
}

// box fills device pixels.
func (c *rasterCanvas) box(x0, y0, x1, y1 float64, v uint32) {
	c.t.fill(clampRound(x0, c.t.W), clampRound(y0, c.t.H), clampRound(x1, c.t.W), clampRound(y1, c.t.H), v)
}

func (c *rasterCanvas) area(p []point, ink Ink, opacity float64) {
	q := make([]point, len(p))
	for i := range p {
		q[i] = point{p[i].X * c.k, p[i].Y * c.k}
	}
	c.fillPath(q, c.p.Inks[ink], opacity)
}

// fillPath fills a polygon in device pixels, anti-aliased.
func (c *rasterCanvas) fillPath(p []point, color Color, opacity float64) {
	x0, y0, x1, y1 := p[0].X, p[0].Y, p[0].X, p[0].Y
	for _, q := range p[1:] {
		x0, y0, x1, y1 = min(x0, q.X), min(y0, q.Y), max(x1, q.X), max(y1, q.Y)
	}
	ix0, iy0 := max(int(math.Floor(x0)), 0), max(int(math.Floor(y0)), 0)
	ix1, iy1 := min(int(math.Ceil(x1)), c.t.W), min(int(math.Ceil(y1)), c.t.H)
	w, h := ix1-ix0, iy1-iy0
	if w <= 0 || h <= 0 {
		return
	}
	c.path.Reset(w, h)
	at := func(q point) (float32, float32) { return float32(q.X - float64(ix0)), float32(q.Y - float64(iy0)) }
	c.path.MoveTo(at(p[0]))
	for _, q := range p[1:] {
		c.path.LineTo(at(q))
	}
	c.path.ClosePath()
	if c.mask == nil || len(c.mask.Pix) < w*h {
		c.mask = image.NewAlpha(image.Rect(0, 0, w, h))
	} else {
		c.mask = &image.Alpha{Pix: c.mask.Pix[:cap(c.mask.Pix)], Stride: w, Rect: image.Rect(0, 0, w, h)}
		clear(c.mask.Pix[:w*h])
	}
	c.path.Draw(c.mask, c.mask.Rect, image.Opaque, image.Point{})
	if opacity < 1 {
		for i, v := range c.mask.Pix[:w*h] {
			c.mask.Pix[i] = uint8(float64(v)*opacity + 0.5)
		}
	}
	c.t.blend(ix0, iy0, c.mask.Pix, w, h, color)
}

func (c *rasterCanvas) text(x, baseline float64, s string, size float64, bold bool, ink Ink, at anchor) {
	f := c.font(size, bold)
	x *= c.k
	switch at {
	case anchorMiddle:
		x -= f.Width(s) / 2
	case anchorEnd:
		x -= f.Width(s)
	}
	f.draw(c.t, x, int(math.Round(baseline*c.k)), s, c.p.Inks[ink])
}

func (c *rasterCanvas) scene(x, y, w, h float64, l Layer, view View) {
	x0, y0 := clampRound(x*c.k, c.t.W), clampRound(y*c.k, c.t.H)
	x1, y1 := clampRound((x+w)*c.k, c.t.W), clampRound((y+h)*c.k, c.t.H)
	c.z.Draw(c.t.Sub(x0, y0, x1-x0, y1-y0), l.Scene, view, Style{Palette: c.p, Flat: l.Flat, HatchPx: int(8*c.k + 0.5), Font: c.font(smallSize, false)})
}

// sceneImage draws a scene alone on a transparent ground.
func sceneImage(w, h int, l Layer, view View, p *Palette, font *Font) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	var z Rasterizer
	z.Draw(ImageTarget(m), l.Scene, view, Style{Palette: p, Flat: l.Flat, HatchPx: 16, Font: font})
	return m
}

// probeCanvas only finds out where the plots lie.
type probeCanvas struct{ plots []plot }

func (*probeCanvas) rect(x, y, w, h float64, ink Ink)                                         {}
func (*probeCanvas) swatch(x, y, w, h float64, class Class, pattern Pattern)                  {}
func (*probeCanvas) line(a, b point, width float64, ink Ink, dash bool)                       {}
func (*probeCanvas) polyline(p []point, width float64, ink Ink, dash bool)                    {}
func (*probeCanvas) area(p []point, ink Ink, opacity float64)                                 {}
func (*probeCanvas) text(x, y float64, s string, size float64, bold bool, ink Ink, at anchor) {}
func (*probeCanvas) scene(x, y, w, h float64, layer Layer, view View)                         {}
func (*probeCanvas) width(s string, size float64, bold bool) float64 {
	return DefaultFont(size, bold).Width(s)
}
