package planview

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"strata/ui/theme"
	"strata/ui/viz"
)

// Page is the frame of a plan view: a bar of controls, the content below, and
// the details panel at the right with a line between.
type Page struct {
	Root    *fyne.Container
	bar     *fyne.Container
	content fyne.CanvasObject
	details *Details
	line    *canvas.Rectangle
	under   *canvas.Rectangle
}

// NewPage frames a view. Details may be nil.
func NewPage(bar []fyne.CanvasObject, content fyne.CanvasObject, details *Details) *Page {
	p := &Page{content: content, details: details}
	l := barLayout{}
	controls := make([]fyne.CanvasObject, len(bar))
	for i, o := range bar {
		if f, ok := o.(filler); ok {
			o = f.CanvasObject
			l.fill = append(l.fill, o)
		}
		controls[i] = o
	}
	p.bar = &fyne.Container{Layout: l, Objects: controls}
	p.line = canvas.NewRectangle(theme.Ink(viz.InkLine))
	p.under = canvas.NewRectangle(theme.Ink(viz.InkLine))
	objects := []fyne.CanvasObject{p.bar, p.under, content}
	if details != nil {
		objects = append(objects, p.line, details.Content())
	}
	p.Root = &fyne.Container{Layout: p, Objects: objects}
	return p
}

// Recolour reads the theme again.
func (p *Page) Recolour() {
	p.line.FillColor, p.under.FillColor = theme.Ink(viz.InkLine), theme.Ink(viz.InkLine)
	p.line.Refresh()
	p.under.Refresh()
}

// ToggleDetails shows or hides the panel.
func (p *Page) ToggleDetails() {
	if p.details != nil {
		p.details.Toggle()
		p.Root.Refresh()
	}
}

const barHeight = float32(44)

// Layout implements fyne.Layout.
func (p *Page) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	width := s.Width
	if p.details != nil && p.details.Shown() {
		width -= DetailsWidth
		p.line.Show()
		p.line.Move(fyne.NewPos(width, 0))
		p.line.Resize(fyne.NewSize(1, s.Height))
		p.details.Content().Move(fyne.NewPos(width+1, 0))
		p.details.Content().Resize(fyne.NewSize(DetailsWidth-1, s.Height))
	} else {
		p.line.Hide()
	}
	p.bar.Move(fyne.NewPos(0, 0))
	p.bar.Resize(fyne.NewSize(width, barHeight))
	p.under.Move(fyne.NewPos(0, barHeight-1))
	p.under.Resize(fyne.NewSize(width, 1))
	p.content.Move(fyne.NewPos(0, barHeight))
	p.content.Resize(fyne.NewSize(width, max(s.Height-barHeight, 0)))
}

// MinSize implements fyne.Layout.
func (p *Page) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(480, 320) }

// barLayout puts controls in a row, centred; the Filler takes what is left.
type barLayout struct{ fill []fyne.CanvasObject }

func (l barLayout) Layout(o []fyne.CanvasObject, s fyne.Size) {
	const pad, gap = float32(12), float32(10)
	need, fillers, n := 2*pad, 0, 0
	for _, x := range o {
		if !x.Visible() {
			continue
		}
		n++
		if slices.Contains(l.fill, x) {
			fillers++
		} else {
			need += x.MinSize().Width
		}
	}
	need += gap * float32(max(n-1, 0))
	x := pad
	for _, c := range o {
		if !c.Visible() {
			continue
		}
		m := c.MinSize()
		if slices.Contains(l.fill, c) {
			m.Width = max((s.Width-need)/float32(fillers), 0)
		}
		m.Width = max(min(m.Width, s.Width-pad-x), 0)
		h := min(m.Height, s.Height-8)
		c.Move(fyne.NewPos(x, (s.Height-1-h)/2))
		c.Resize(fyne.NewSize(m.Width, h))
		x += m.Width + gap
	}
}

func (barLayout) MinSize(o []fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, barHeight) }

// filler is an object that takes what a bar has left over.
type filler struct{ fyne.CanvasObject }

// Fill lets an object take what a bar has left over.
func Fill(o fyne.CanvasObject) fyne.CanvasObject { return filler{o} }
