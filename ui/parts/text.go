package parts

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"strata/ui/theme"
	"strata/ui/viz"
)

// Sizes of text in logical pixels, before the user's text scale.
const (
	Caption float32 = 11
	Body    float32 = 13
	Strong  float32 = 15
	Figures float32 = 24 // the large numbers of the Overview
)

// Fit says what a text does when it has less room than it needs.
type Fit uint8

const (
	Whole Fit = iota // asks for all its width
	Cut              // one line, ends with an ellipsis
	Wrap             // as many lines as it needs
)

// Text is a text in one ink. Unlike widget.Label it shapes nothing that is not
// shown, which is most of a window's cost per frame.
type Text struct {
	widget.BaseWidget
	s     string
	ink   viz.Ink
	size  float32
	bold  bool
	mono  bool
	align fyne.TextAlign
	fit   Fit
	wide  float32 // width that the lines were broken for
	lines []*canvas.Text
}

// NewText makes a text.
func NewText(s string, size float32, ink viz.Ink) *Text {
	t := &Text{s: s, size: size, ink: ink}
	t.ExtendBaseWidget(t)
	return t
}

// Bold, Mono, Align and Fit change a text that is not yet shown.
func (t *Text) Bold() *Text                  { t.bold = true; return t }
func (t *Text) Mono() *Text                  { t.mono = true; return t }
func (t *Text) Align(a fyne.TextAlign) *Text { t.align = a; return t }
func (t *Text) Fit(f Fit) *Text              { t.fit = f; return t }
func (t *Text) style() fyne.TextStyle        { return fyne.TextStyle{Bold: t.bold, Monospace: t.mono} }
func (t *Text) measure(s string) (w, h float32) {
	m := measure{s, t.size * theme.TextScale(), t.bold, t.mono}.take()
	return m.Width, m.Height
}

// Short is what is left of the text in the room it has; "" when all of it is shown.
func (t *Text) Short() string {
	width := t.Size().Width
	switch t.fit {
	case Cut:
		if s := t.broken(width)[0]; s != t.s {
			return s
		}
	case Whole:
		for line := range strings.SplitSeq(t.s, "\n") {
			if w, _ := t.measure(line); w > width+1 {
				return line
			}
		}
	case Wrap:
		if _, h := t.measure("Mg"); float32(len(t.broken(width)))*h > t.Size().Height+2 {
			return strings.Join(t.broken(width)[:int(t.Size().Height/h)], " ")
		}
	}
	return ""
}

// Text is what the text is, shown or not.
func (t *Text) Text() string { return t.s }

// Set shows another text.
func (t *Text) Set(s string) {
	if t.s != s {
		t.s = s
		t.Refresh()
	}
}

// SetInk changes the colour.
func (t *Text) SetInk(i viz.Ink) {
	if t.ink != i {
		t.ink = i
		t.Refresh()
	}
}

// break breaks the text into lines of a width.
func (t *Text) broken(width float32) []string {
	if t.fit == Cut {
		s := t.s
		if w, _ := t.measure(s); w <= width || width <= 0 {
			return []string{s}
		}
		r := []rune(s)
		lo, hi := 0, len(r)
		for lo < hi {
			mid := (lo + hi + 1) / 2
			if w, _ := t.measure(string(r[:mid]) + "…"); w <= width {
				lo = mid
			} else {
				hi = mid - 1
			}
		}
		return []string{string(r[:lo]) + "…"}
	}
	if t.fit == Whole || width <= 0 {
		return strings.Split(t.s, "\n")
	}
	var out []string
	for para := range strings.SplitSeq(t.s, "\n") {
		line := ""
		for word := range strings.FieldsSeq(para) {
			next := word
			if line != "" {
				next = line + " " + word
			}
			if w, _ := t.measure(next); w > width && line != "" {
				out = append(out, line)
				next = word
			}
			line = next
		}
		out = append(out, line)
	}
	return out
}

// MinSize implements fyne.Widget.
func (t *Text) MinSize() fyne.Size {
	_, h := t.measure("Mg")
	switch t.fit {
	case Cut:
		return fyne.NewSize(24, h)
	case Wrap:
		n := 1
		if t.wide > 0 {
			n = len(t.broken(t.wide))
		}
		return fyne.NewSize(40, h*float32(n))
	}
	w := float32(0)
	lines := strings.Split(t.s, "\n")
	for _, l := range lines {
		lw, _ := t.measure(l)
		w = max(w, lw)
	}
	return fyne.NewSize(w, h*float32(len(lines)))
}

// CreateRenderer implements fyne.Widget.
func (t *Text) CreateRenderer() fyne.WidgetRenderer {
	r := &textRenderer{t: t}
	r.build()
	return r
}

type textRenderer struct {
	t    *Text
	objs []fyne.CanvasObject
}

func (r *textRenderer) build() {
	t := r.t
	size := t.Size()
	lines := t.broken(size.Width)
	for len(t.lines) < len(lines) {
		t.lines = append(t.lines, canvas.NewText("", theme.Ink(t.ink)))
	}
	t.lines = t.lines[:len(lines)]
	r.objs = r.objs[:0]
	_, h := t.measure("Mg")
	for i, s := range lines {
		c := t.lines[i]
		c.Text, c.TextSize, c.TextStyle, c.Alignment, c.Color = s, t.size*theme.TextScale(), t.style(), t.align, theme.Ink(t.ink)
		c.Move(fyne.NewPos(0, whole(float32(i)*h)))
		c.Resize(fyne.NewSize(size.Width, h))
		r.objs = append(r.objs, c)
	}
	if len(lines) == 1 && size.Height > h && t.fit != Wrap { // paragraphs begin at the top
		y := whole((size.Height - h) / 2) // whole pixels: glyphs between them blur
		t.lines[0].Move(fyne.NewPos(0, y))
	}
}

func (r *textRenderer) Layout(s fyne.Size) {
	if r.t.wide != s.Width {
		r.t.wide = s.Width
		before := len(r.objs)
		r.build()
		for _, c := range r.t.lines {
			c.Refresh()
		}
		if r.t.fit == Wrap && before != len(r.objs) {
			canvas.Refresh(r.t)
		}
		return
	}
	r.build()
}
func (r *textRenderer) MinSize() fyne.Size { return r.t.MinSize() }
func (r *textRenderer) Refresh() {
	r.build()
	for _, c := range r.t.lines {
		c.Refresh()
	}
	canvas.Refresh(r.t)
}
func (r *textRenderer) Objects() []fyne.CanvasObject { return r.objs }
func (r *textRenderer) Destroy()                     {}
