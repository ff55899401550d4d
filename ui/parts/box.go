package parts

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"strata/ui/theme"
	"strata/ui/viz"
)

// Box is a rectangle in a palette's ink behind or beside other objects.
type Box struct {
	widget.BaseWidget
	Fill, Line viz.Ink
	HasLine    bool
	Opacity    float64 // of the fill; 0 counts as 1
	Radius     float32
	Least      fyne.Size
	rect       *canvas.Rectangle
}

// NewBox makes a box without a line.
func NewBox(fill viz.Ink, radius float32) *Box {
	b := &Box{Fill: fill, Radius: radius, rect: canvas.NewRectangle(color.Transparent)}
	b.ExtendBaseWidget(b)
	b.paint()
	return b
}

func (b *Box) paint() {
	share := b.Opacity
	if share == 0 {
		share = 1
	}
	b.rect.FillColor = theme.Faint(b.Fill, share)
	b.rect.CornerRadius = b.Radius
	b.rect.StrokeWidth = 0
	if b.HasLine {
		b.rect.StrokeColor, b.rect.StrokeWidth = theme.Ink(b.Line), 1
	}
}

// MinSize implements fyne.Widget.
func (b *Box) MinSize() fyne.Size { return b.Least }

// Refresh reads the palette again.
func (b *Box) Refresh() {
	b.paint()
	b.rect.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (b *Box) CreateRenderer() fyne.WidgetRenderer { return &boxRenderer{b} }

type boxRenderer struct{ b *Box }

func (r *boxRenderer) Layout(s fyne.Size)           { r.b.rect.Resize(s) }
func (r *boxRenderer) MinSize() fyne.Size           { return r.b.Least }
func (r *boxRenderer) Refresh()                     { r.b.Refresh() }
func (r *boxRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.b.rect} }
func (r *boxRenderer) Destroy()                     {}

// Rule is a line of one pixel: width 0 for horizontal ones, height 0 for
// vertical ones.
func Rule(horizontal bool) *Box {
	b := NewBox(viz.InkLine, 0)
	b.Least = fyne.NewSize(1, 1)
	_ = horizontal
	return b
}

// Card puts content on a surface with a hairline and room around it.
func Card(content fyne.CanvasObject) fyne.CanvasObject {
	b := NewBox(viz.InkSurface, 8)
	b.Line, b.HasLine = viz.InkLine, true
	b.paint()
	return &fyne.Container{Layout: stackLayout{}, Objects: []fyne.CanvasObject{b, Inset(content, 14, 12)}}
}

// Titled is a Card with a heading above its content, and what belongs to the
// heading at its right (may be nil).
func Titled(title string, right, content fyne.CanvasObject) fyne.CanvasObject {
	head := NewText(title, Caption, viz.InkMuted).Bold().Fit(Cut)
	var top fyne.CanvasObject = head
	if right != nil {
		top = Row(8, Grow(head), right)
	}
	return Card(&fyne.Container{Layout: headed{gap: 8}, Objects: []fyne.CanvasObject{top, content}})
}
