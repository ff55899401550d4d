package parts

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"strata/ui/theme"
	"strata/ui/viz"
)

// Segment is a part of a Meter.
type Segment struct {
	Share float64 // of the whole length
	Ink   viz.Ink
}

// Meter is a horizontal bar of segments with a mark where the capacity ends.
type Meter struct {
	widget.BaseWidget
	Height   float32
	segments []Segment
	mark     float64 // share of the length, < 0: none
	track    *canvas.Rectangle
	parts    []*canvas.Rectangle
	line     *canvas.Rectangle
}

// NewMeter makes an empty bar.
func NewMeter(height float32) *Meter {
	m := &Meter{Height: height, mark: -1, track: canvas.NewRectangle(color.Transparent), line: canvas.NewRectangle(color.Transparent)}
	m.ExtendBaseWidget(m)
	return m
}

// Set shows segments from the left and a mark.
func (m *Meter) Set(mark float64, segments ...Segment) {
	m.segments, m.mark = segments, mark
	m.Refresh()
}

// MinSize implements fyne.Widget.
func (m *Meter) MinSize() fyne.Size { return fyne.NewSize(60, m.Height) }

// CreateRenderer implements fyne.Widget.
func (m *Meter) CreateRenderer() fyne.WidgetRenderer { return &meterRenderer{m: m} }

type meterRenderer struct {
	m    *Meter
	objs []fyne.CanvasObject
}

func (r *meterRenderer) Layout(s fyne.Size) {
	m := r.m
	m.track.FillColor, m.track.CornerRadius = theme.Ink(viz.InkLine), 3
	m.track.Resize(s)
	for len(m.parts) < len(m.segments) {
		m.parts = append(m.parts, canvas.NewRectangle(color.Transparent))
	}
	r.objs = append(r.objs[:0], m.track)
	x := float32(0)
	for i, seg := range m.segments {
		p := m.parts[i]
		w := float32(min(max(seg.Share, 0), 1)) * s.Width
		w = min(w, s.Width-x)
		p.FillColor = theme.Ink(seg.Ink)
		p.Move(fyne.NewPos(x, 0))
		p.Resize(fyne.NewSize(w, s.Height))
		r.objs = append(r.objs, p)
		x += w
	}
	if m.mark >= 0 {
		m.line.FillColor = theme.Ink(viz.InkText)
		m.line.Move(fyne.NewPos(float32(min(m.mark, 1))*s.Width-1, -3))
		m.line.Resize(fyne.NewSize(2, s.Height+6))
		r.objs = append(r.objs, m.line)
	}
}
func (r *meterRenderer) MinSize() fyne.Size { return r.m.MinSize() }
func (r *meterRenderer) Refresh() {
	r.Layout(r.m.Size())
	for _, o := range r.objs {
		o.Refresh()
	}
	canvas.Refresh(r.m)
}
func (r *meterRenderer) Objects() []fyne.CanvasObject {
	if len(r.objs) == 0 {
		r.Layout(r.m.Size())
	}
	return r.objs
}
func (r *meterRenderer) Destroy() {}
