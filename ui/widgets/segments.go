package widgets

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"strata/ui/viz"
)

// Segments is a row of choices of which one is on.
type Segments struct {
	widget.BaseWidget
	OnChange func(choice int)

	labels  []string
	chosen  int
	hover   int
	palette *viz.Palette
	ground  *canvas.Rectangle
	mark    *canvas.Rectangle
	texts   *textPool
	root    *fyne.Container
}

// NewSegments returns a row of choices with the first one on.
func NewSegments(labels ...string) *Segments {
	s := &Segments{labels: labels, hover: -1, palette: viz.Light, texts: newTextPool()}
	s.ground, s.mark = canvas.NewRectangle(color.Transparent), canvas.NewRectangle(color.Transparent)
	s.ground.CornerRadius, s.mark.CornerRadius = 6, 5
	s.ground.StrokeWidth, s.mark.StrokeWidth = 1, 1
	s.root = newLayer(s.ground, s.mark, s.texts.layer)
	s.ExtendBaseWidget(s)
	return s
}

// Chosen is the choice that is on.
func (s *Segments) Chosen() int { return s.chosen }

// Choose turns a choice on; OnChange is called when it was not.
func (s *Segments) Choose(i int) {
	if i < 0 || i >= len(s.labels) || i == s.chosen {
		return
	}
	s.chosen = i
	s.Refresh()
	if s.OnChange != nil {
		s.OnChange(i)
	}
}

// SetPalette changes the theme.
func (s *Segments) SetPalette(p *viz.Palette) {
	if s.palette != p {
		s.palette = p
		s.Refresh()
	}
}

const segmentHeight, segmentPad = float32(28), float32(12)

func (s *Segments) at(x float32) int {
	left := float32(0)
	for i, l := range s.labels {
		left += textWidth(l, textSize, false) + 2*segmentPad
		if x < left {
			return i
		}
	}
	return -1
}

// Tapped chooses.
func (s *Segments) Tapped(e *fyne.PointEvent) { s.Choose(s.at(e.Position.X)) }

// MouseIn is for Fyne.
func (s *Segments) MouseIn(e *desktop.MouseEvent) { s.MouseMoved(e) }

// MouseMoved lights up a choice.
func (s *Segments) MouseMoved(e *desktop.MouseEvent) {
	if i := s.at(e.Position.X); i != s.hover {
		s.hover = i
		s.Refresh()
	}
}

// MouseOut is for Fyne.
func (s *Segments) MouseOut() { s.hover = -1; s.Refresh() }

// MinSize fits the labels.
func (s *Segments) MinSize() fyne.Size {
	w := float32(0)
	for _, l := range s.labels {
		w += textWidth(l, textSize, false) + 2*segmentPad
	}
	return fyne.NewSize(w, segmentHeight)
}

// CreateRenderer is for Fyne.
func (s *Segments) CreateRenderer() fyne.WidgetRenderer { return segmentsRenderer{s} }

type segmentsRenderer struct{ s *Segments }

func (r segmentsRenderer) Layout(size fyne.Size) {
	r.s.root.Resize(size)
	r.draw(size)
}

func (r segmentsRenderer) draw(size fyne.Size) {
	s := r.s
	y := (size.Height - segmentHeight) / 2
	s.ground.FillColor, s.ground.StrokeColor = inkColor(s.palette, viz.InkBackground, 255), inkColor(s.palette, viz.InkLine, 255)
	s.ground.Move(fyne.NewPos(0, y))
	s.ground.Resize(fyne.NewSize(s.MinSize().Width, segmentHeight))
	s.texts.begin()
	x := float32(0)
	for i, l := range s.labels {
		w := textWidth(l, textSize, false) + 2*segmentPad
		ink := viz.InkMuted
		if i == s.hover {
			ink = viz.InkText
		}
		if i == s.chosen {
			ink = viz.InkText
			s.mark.FillColor, s.mark.StrokeColor = inkColor(s.palette, viz.InkSurface, 255), inkColor(s.palette, viz.InkMuted, 110)
			s.mark.Move(fyne.NewPos(x+2, y+2))
			s.mark.Resize(fyne.NewSize(w-4, segmentHeight-4))
		}
		s.texts.put(l, x+w/2, y+6, 0.5, textSize, false, inkColor(s.palette, ink, 255))
		x += w
	}
	s.texts.end()
}

func (r segmentsRenderer) MinSize() fyne.Size { return r.s.MinSize() }
func (r segmentsRenderer) Refresh() {
	r.draw(r.s.Size())
	r.s.ground.Refresh()
	r.s.mark.Refresh()
}
func (r segmentsRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.s.root} }
func (r segmentsRenderer) Destroy()                     {}
