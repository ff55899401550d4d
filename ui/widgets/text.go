package widgets

import (
	"image"
	"image/color"
	"math"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"strata/ui/viz"
)

// Sizes of type in logical pixels.
const (
	captionSize = 11
	textSize    = 12
)

// textPool reuses text objects: between begin and end, put places texts; the
// objects left over are hidden.
type textPool struct {
	layer  *fyne.Container
	texts  []*canvas.Text
	plate  []*canvas.Rectangle // grounds of chips
	used   int
	plates int
}

func newTextPool() *textPool { return &textPool{layer: newLayer()} }

func (tp *textPool) begin() { tp.used, tp.plates = 0, 0 }

func (tp *textPool) end() {
	for _, t := range tp.texts[tp.used:] {
		t.Hide()
	}
	for _, r := range tp.plate[tp.plates:] {
		r.Hide()
	}
}

// put places a text with its left edge (align 0), middle (0.5) or right edge (1)
// at x and its top at y; it returns the width.
func (tp *textPool) put(s string, x, y float32, align float32, size float32, bold bool, c color.NRGBA) float32 {
	if tp.used == len(tp.texts) {
		t := canvas.NewText("", c)
		tp.texts = append(tp.texts, t)
		tp.layer.Objects = append(tp.layer.Objects, t)
	}
	t := tp.texts[tp.used]
	tp.used++
	if t.Text != s || t.TextSize != size || t.TextStyle.Bold != bold || t.Color != color.Color(c) {
		t.Text, t.TextSize, t.TextStyle.Bold, t.Color = s, size, bold, c
		t.Refresh()
	}
	w := textWidth(s, size, bold)
	t.Move(fyne.NewPos(roundTo(x-w*align), roundTo(y))) // whole pixels: glyphs between them blur
	t.Resize(fyne.NewSize(w, size*1.4))
	if t.Hidden {
		t.Show()
	}
	return w
}

func roundTo(v float32) float32 { return float32(math.Round(float64(v))) }

// chip places a text on a plate.
func (tp *textPool) chip(s string, x, y float32, align float32, size float32, c, ground color.NRGBA) {
	w := textWidth(s, size, false)
	if tp.plates == len(tp.plate) {
		r := canvas.NewRectangle(ground)
		r.CornerRadius = 3
		tp.plate = append(tp.plate, r)
		// Plates lie under all texts.
		tp.layer.Objects = append([]fyne.CanvasObject{r}, tp.layer.Objects...)
	}
	r := tp.plate[tp.plates]
	tp.plates++
	if r.FillColor != color.Color(ground) {
		r.FillColor = ground
		r.Refresh()
	}
	r.Move(fyne.NewPos(x-w*align-4, y-1))
	r.Resize(fyne.NewSize(w+8, size*1.4+2))
	if r.Hidden {
		r.Show()
	}
	tp.put(s, x, y, align, size, false, c)
}

type widthKey struct {
	s    string
	size float32
	bold bool
}

// widths is used on the window's goroutine only; tests of several windows share it too.
var widths = map[widthKey]float32{}

// textWidth measures a text once.
func textWidth(s string, size float32, bold bool) float32 {
	k := widthKey{s, size, bold}
	if w, ok := widths[k]; ok {
		return w
	}
	if len(widths) > 20000 {
		clear(widths)
	}
	w := fyne.MeasureText(s, size, fyne.TextStyle{Bold: bold}).Width
	widths[k] = w
	return w
}

// fitText shortens a text to a width, with an ellipsis.
func fitText(s string, width, size float32, bold bool) string {
	if textWidth(s, size, bold) <= width {
		return s
	}
	f := labelFont(float64(size))
	return f.Truncate(s, float64(width)*f.Width(s)/float64(textWidth(s, size, bold)))
}

// tipBox is a tooltip: a plate, and its lines as one small raster, because new
// text objects cost the main thread far more than cached glyphs.
type tipBox struct {
	layer *fyne.Container
	plate *canvas.Rectangle
	body  *canvas.Raster
	lines []string
	first viz.Ink
	pal   *viz.Palette
	size  fyne.Size
}

func newTipBox() *tipBox {
	b := &tipBox{plate: canvas.NewRectangle(color.Transparent)}
	b.body = canvas.NewRaster(b.draw)
	b.body.ScaleMode = canvas.ImageScalePixels
	b.plate.CornerRadius, b.plate.StrokeWidth = 6, 1
	b.layer = newLayer(b.plate, b.body)
	b.layer.Hide()
	return b
}

func (b *tipBox) hide() {
	if !b.layer.Hidden {
		b.layer.Hide()
	}
}

const tipLine, tipPad = float32(17), float32(8)

// show places the tip near a position, inside a size.
func (b *tipBox) show(lines []string, first viz.Ink, at fyne.Position, inside fyne.Size, pal *viz.Palette) {
	if len(lines) == 0 {
		b.hide()
		return
	}
	size := b.size
	if !slices.Equal(lines, b.lines) || first != b.first || pal != b.pal {
		b.lines, b.first, b.pal = slices.Clone(lines), first, pal
		w := 0.0
		for i, s := range lines {
			font := labelFont(textSize)
			if i == 0 {
				font = boldFont(textSize)
			}
			w = max(w, font.Width(s))
		}
		size = fyne.NewSize(float32(math.Ceil(w))+2*tipPad+2, float32(len(lines))*tipLine+2*tipPad-4)
		if size == b.size {
			b.body.Refresh()
		}
		b.size = size
		b.plate.FillColor, b.plate.StrokeColor = inkColor(pal, viz.InkSurface, 250), inkColor(pal, viz.InkLine, 255)
		b.plate.Refresh()
	}
	x, y := at.X+14, at.Y+18
	if x+size.Width > inside.Width-4 {
		x = max(at.X-size.Width-10, 4)
	}
	if y+size.Height > inside.Height-4 {
		y = max(at.Y-size.Height-10, 4)
	}
	b.plate.Move(fyne.NewPos(x, y))
	b.plate.Resize(size)
	b.body.Move(fyne.NewPos(x, y))
	b.body.Resize(size)
	if b.layer.Hidden {
		b.layer.Show()
	}
}

func (b *tipBox) draw(w, h int) image.Image {
	if w <= 0 || h <= 0 || b.size.Width <= 0 || b.pal == nil {
		return image.NewRGBA(image.Rectangle{})
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	t := viz.ImageTarget(img)
	k := float64(w) / float64(b.size.Width)
	for i, s := range b.lines {
		font, ink := labelFont(textSize*k), viz.InkMuted
		if i == 0 {
			font, ink = boldFont(textSize*k), b.first
		}
		top := (float64(tipPad) - 2 + float64(i)*float64(tipLine)) * k
		font.Draw(t, float64(tipPad)*k, int(top)+font.Ascent, s, b.pal.Inks[ink])
	}
	return img
}

// WrapTip breaks a description "name (kind), a, b, c" into a heading and lines
// of at most about 56 characters.
func WrapTip(s string) []string {
	if s == "" {
		return nil
	}
	var lines []string
	line := ""
	for i, part := range splitComma(s) {
		switch {
		case i == 0:
			lines = append(lines, part)
		case line == "":
			line = part
		case len(line)+len(part) > 54:
			lines = append(lines, line)
			line = part
		default:
			line += ", " + part
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func splitComma(s string) []string {
	var parts []string
	for i := 0; i+1 < len(s); i++ {
		if s[i] == ',' && s[i+1] == ' ' {
			parts = append(parts, s[:i])
			s = s[i+2:]
			i = -1
		}
	}
	return append(parts, s)
}
