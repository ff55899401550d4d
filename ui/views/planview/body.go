package planview

import "fyne.io/fyne/v2"

// figureBody puts a legend over a plot over a line of text.
type figureBody struct{}

// NewFigureBody lays a view's picture out.
func NewFigureBody(legend, plot, note fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: figureBody{}, Objects: []fyne.CanvasObject{legend, plot, note}}
}

func (figureBody) Layout(o []fyne.CanvasObject, s fyne.Size) {
	const pad, top, foot = float32(12), float32(32), float32(26)
	w := max(s.Width-2*pad, 0)
	o[0].Move(fyne.NewPos(pad, 6))
	o[0].Resize(fyne.NewSize(w, top-8))
	o[1].Move(fyne.NewPos(pad, top))
	o[1].Resize(fyne.NewSize(w, max(s.Height-top-foot, 0)))
	o[2].Move(fyne.NewPos(pad, s.Height-foot+3))
	o[2].Resize(fyne.NewSize(w, foot-6))
}

func (figureBody) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(320, 240) }
