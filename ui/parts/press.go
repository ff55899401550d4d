package parts

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"strata/ui/theme"
	"strata/ui/viz"
)

// Press is a flat area that can be clicked: tabs, entries of the side bar, chips.
type Press struct {
	widget.BaseWidget
	Content  fyne.CanvasObject
	OnTap    func()
	OnMenu   func(at fyne.Position)
	Selected bool
	MarkSide bool // a bar at the left while selected, else the fill alone
	Radius   float32
	PadX     float32
	PadY     float32
	ground   *canvas.Rectangle
	mark     *canvas.Rectangle
	hovered  bool
	TipText  string
}

// NewPress makes a pressable area around content.
func NewPress(content fyne.CanvasObject, tap func()) *Press {
	p := &Press{Content: content, OnTap: tap, Radius: 6, PadX: 10, PadY: 6,
		ground: canvas.NewRectangle(theme.Faint(viz.InkText, 0)), mark: canvas.NewRectangle(theme.Faint(viz.InkAccent, 0))}
	p.ExtendBaseWidget(p)
	return p
}

// Select marks the area as the chosen one of its group.
func (p *Press) Select(on bool) {
	if p.Selected != on {
		p.Selected = on
		p.paint()
	}
}

func (p *Press) paint() {
	switch {
	case p.Selected:
		p.ground.FillColor = theme.Faint(viz.InkAccent, 0.16)
	case p.hovered:
		p.ground.FillColor = theme.Faint(viz.InkText, 0.07)
	default:
		p.ground.FillColor = theme.Faint(viz.InkText, 0)
	}
	p.ground.CornerRadius = p.Radius
	p.mark.FillColor = theme.Faint(viz.InkAccent, 0)
	if p.Selected && p.MarkSide {
		p.mark.FillColor = theme.Ink(viz.InkAccent)
	}
	p.mark.CornerRadius = 1.5
	p.ground.Refresh()
	p.mark.Refresh()
}

// Tapped implements fyne.Tappable.
func (p *Press) Tapped(*fyne.PointEvent) {
	if p.OnTap != nil {
		p.OnTap()
	}
}

// TappedSecondary implements fyne.SecondaryTappable.
func (p *Press) TappedSecondary(e *fyne.PointEvent) {
	if p.OnMenu != nil {
		p.OnMenu(e.AbsolutePosition)
	}
}

// MouseIn, MouseMoved and MouseOut implement desktop.Hoverable.
func (p *Press) MouseIn(*desktop.MouseEvent)    { p.hovered = true; p.paint() }
func (p *Press) MouseMoved(*desktop.MouseEvent) {}
func (p *Press) MouseOut()                      { p.hovered = false; p.paint() }

// MinSize implements fyne.Widget.
func (p *Press) MinSize() fyne.Size { return p.Content.MinSize().AddWidthHeight(2*p.PadX, 2*p.PadY) }

// CreateRenderer implements fyne.Widget.
func (p *Press) CreateRenderer() fyne.WidgetRenderer { p.paint(); return &pressRenderer{p} }

type pressRenderer struct{ p *Press }

func (r *pressRenderer) Layout(s fyne.Size) {
	p := r.p
	p.ground.Resize(s)
	p.mark.Move(fyne.NewPos(0, 5))
	p.mark.Resize(fyne.NewSize(3, max(s.Height-10, 0)))
	p.Content.Move(fyne.NewPos(p.PadX, p.PadY))
	p.Content.Resize(fyne.NewSize(max(s.Width-2*p.PadX, 0), max(s.Height-2*p.PadY, 0)))
}
func (r *pressRenderer) MinSize() fyne.Size { return r.p.MinSize() }
func (r *pressRenderer) Refresh() {
	r.p.paint()
	r.p.Content.Refresh()
	r.Layout(r.p.Size())
}
func (r *pressRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.p.ground, r.p.mark, r.p.Content}
}
func (r *pressRenderer) Destroy() {}

// Chip is a short word on a tinted ground, for verdicts and states.
type Chip struct {
	fyne.CanvasObject
	text *Text
	box  *Box
}

// NewChip makes a chip.
func NewChip(s string, ink viz.Ink) *Chip {
	c := &Chip{text: NewText(s, Caption, ink).Bold(), box: NewBox(ink, 5)}
	c.box.Opacity = 0.14
	c.CanvasObject = Stack(c.box, Inset(c.text, 8, 3))
	c.box.paint()
	return c
}

// Set changes word and ink.
func (c *Chip) Set(s string, ink viz.Ink) {
	c.text.Set(s)
	c.text.SetInk(ink)
	if c.box.Fill != ink {
		c.box.Fill = ink
		c.box.Refresh()
	}
}

// Unwrap is what layouts hold.
func (c *Chip) Unwrap() fyne.CanvasObject { return c.CanvasObject }

// ToneInk is the ink of a verdict's tone.
func ToneInk(tone uint8) viz.Ink {
	switch tone {
	case 1:
		return viz.InkGood
	case 2:
		return viz.InkBad
	case 3:
		return viz.InkSelected
	}
	return viz.InkMuted
}
