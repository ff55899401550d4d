package widgets

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"strata/ui/viz"
)

// plotInput is the state of the pointer.
type plotInput struct {
	pointer fyne.Position
	button  desktop.MouseButton
	mod     fyne.KeyModifier
	down    fyne.Position
	from    Hit
	mode    dragMode
	over    int // panel under a dragged rectangle
}

type dragMode uint8

const (
	dragNone dragMode = iota
	dragPan
	dragRange
	dragZoom // range that is zoomed to
	dragItem
)

func (in *plotInput) cursor() desktop.Cursor {
	switch in.mode {
	case dragPan, dragItem:
		return desktop.PointerCursor
	}
	return desktop.CrosshairCursor
}

var (
	_ desktop.Hoverable   = (*Plot)(nil)
	_ desktop.Mouseable   = (*Plot)(nil)
	_ desktop.Cursorable  = (*Plot)(nil)
	_ fyne.Draggable      = (*Plot)(nil)
	_ fyne.Scrollable     = (*Plot)(nil)
	_ fyne.DoubleTappable = (*Plot)(nil)
)

// modifiers are the keys held now.
func modifiers() fyne.KeyModifier {
	if d, ok := fyne.CurrentApp().Driver().(desktop.Driver); ok {
		return d.CurrentKeyModifiers()
	}
	return 0
}

// MouseIn is for Fyne.
func (p *Plot) MouseIn(e *desktop.MouseEvent) { p.MouseMoved(e) }

// MouseMoved hovers.
func (p *Plot) MouseMoved(e *desktop.MouseEvent) {
	defer p.meter.Measure()()
	p.input.pointer = e.Position
	if p.input.mode != dragNone {
		return
	}
	h, inside := p.HitAt(e.Position)
	if p.OnCursor != nil {
		p.OnCursor(h.T, inside)
	}
	if inside && h.On() {
		p.tip.show(p.tipLines(h), viz.InkText, e.Position, p.size, p.palette)
	} else {
		p.tip.hide()
	}
	if p.OnHover != nil {
		p.OnHover(h)
	}
	if p.hover != h.Key {
		p.hover = h.Key
		p.drawMarks()
	}
	p.repaint()
}

func (p *Plot) tipLines(h Hit) []string {
	if p.Tip != nil {
		return p.Tip(h)
	}
	if d := p.figure.Panels[h.Panel].Layers[h.Layer].Describe; d != nil {
		return WrapTip(d(h.Ref))
	}
	return nil
}

// MouseOut ends hovering.
func (p *Plot) MouseOut() {
	p.tip.hide()
	p.hover = NoKey
	p.drawMarks()
	p.repaint()
	if p.OnHover != nil {
		p.OnHover(Hit{Panel: -1, Index: -1, Key: NoKey})
	}
	if p.OnCursor != nil {
		p.OnCursor(0, false)
	}
}

// MouseDown remembers what a drag or click starts from.
func (p *Plot) MouseDown(e *desktop.MouseEvent) {
	p.input.button, p.input.mod, p.input.down = e.Button, e.Modifier, e.Position
	p.input.from, _ = p.HitAt(e.Position)
	p.input.mode = dragNone
}

// MouseUp clicks, unless a drag ended.
func (p *Plot) MouseUp(e *desktop.MouseEvent) {
	if p.input.mode != dragNone {
		return // DragEnd follows
	}
	h, inside := p.HitAt(e.Position)
	if !inside || math.Hypot(float64(e.Position.X-p.input.down.X), float64(e.Position.Y-p.input.down.Y)) > 4 {
		return
	}
	switch e.Button {
	case desktop.MouseButtonPrimary:
		if p.rangeOn {
			p.SetRange(0, 0, false)
		}
		if p.OnTap != nil {
			p.OnTap(h, e.Modifier)
		}
	case desktop.MouseButtonSecondary:
		if p.OnMenu != nil {
			p.OnMenu(h, e.AbsolutePosition)
		}
	}
}

// DoubleTapped zooms to a rectangle.
func (p *Plot) DoubleTapped(e *fyne.PointEvent) {
	h, inside := p.HitAt(e.Position)
	if !inside || !h.On() {
		return
	}
	if p.OnDoubleTap != nil {
		p.OnDoubleTap(h)
		return
	}
	s := p.figure.Panels[h.Panel].Layers[h.Layer].Scene
	p.ShowSpan(s.T0[h.Index], s.T1[h.Index])
}

// Dragged pans (Shift or the middle button), drags a rectangle that may be
// dragged, zooms to a stretch (Alt) or shades one.
func (p *Plot) Dragged(e *fyne.DragEvent) {
	defer p.meter.Measure()()
	in := &p.input
	in.pointer = e.Position
	if in.mode == dragNone {
		switch {
		case in.button == desktop.MouseButtonTertiary || in.mod&fyne.KeyModifierShift != 0:
			in.mode = dragPan
		case in.mod&fyne.KeyModifierAlt != 0:
			in.mode = dragZoom
		case in.from.On() && p.CanDrag != nil && p.CanDrag(in.from):
			in.mode, in.over = dragItem, -2
		case p.BothAxes || p.OnRange == nil:
			in.mode = dragPan
		case in.from.Panel >= 0:
			in.mode = dragRange
		default:
			in.mode = dragPan
		}
		p.tip.hide()
	}
	switch in.mode {
	case dragPan:
		p.panPixels(e.Dragged.DX, e.Dragged.DY)
	case dragRange, dragZoom:
		if len(p.panels) > 0 {
			p.SetRange(in.from.T, p.timeAt(e.Position.X), true)
		}
	case dragItem:
		panel := p.PanelAt(e.Position.Y)
		var verdict DropVerdict
		if p.OnDragOver != nil {
			verdict = p.OnDragOver(in.from, panel)
		}
		in.over = panel
		p.showDrop(verdict, e.Position)
	}
}

// RefreshDrag asks again what a drop here would do (the answer came later).
func (p *Plot) RefreshDrag() {
	if p.input.mode == dragItem && p.OnDragOver != nil {
		p.showDrop(p.OnDragOver(p.input.from, p.input.over), p.input.pointer)
	}
}

// showDrop shows what a drop would do, and outlines the panel that it is about.
func (p *Plot) showDrop(v DropVerdict, at fyne.Position) {
	p.tip.show(v.Lines, v.Tone, at, p.size, p.palette)
	if over := p.input.over; over >= 0 && over < len(p.panels) && len(v.Lines) > 0 {
		pp := p.panels[over]
		p.target.StrokeColor = p.ink(v.Tone)
		p.target.Move(fyne.NewPos(pp.x-3, pp.y-3))
		p.target.Resize(fyne.NewSize(pp.w+6, pp.h+6))
		p.target.Show()
	} else {
		p.target.Hide()
	}
	p.repaint()
}

// Dragging says that a rectangle is being dragged, and over which panel.
func (p *Plot) Dragging() (from Hit, panel int, on bool) {
	return p.input.from, p.input.over, p.input.mode == dragItem
}

// CancelDrag drops nothing (Esc).
func (p *Plot) CancelDrag() {
	if p.input.mode == dragItem {
		p.input.mode = dragPan
		p.tip.hide()
		p.target.Hide()
		p.repaint()
	}
}

// DragEnd is for Fyne.
func (p *Plot) DragEnd() {
	in := &p.input
	mode := in.mode
	in.mode = dragNone
	p.target.Hide()
	switch mode {
	case dragRange:
		if p.OnRange != nil {
			p.OnRange(p.rangeT[0], p.rangeT[1])
		}
	case dragZoom:
		t0, t1 := p.rangeT[0], p.rangeT[1]
		p.SetRange(0, 0, false)
		if t1-t0 > (p.t1-p.t0)*1e-3 {
			p.t0, p.t1 = p.clampT(t0, t1)
			p.tell()
		}
	case dragItem:
		p.tip.hide()
		p.repaint()
		if p.OnDrop != nil && in.over >= 0 {
			p.OnDrop(in.from, in.over)
		}
	}
}

// panPixels moves the view with the pointer.
func (p *Plot) panPixels(dx, dy float32) {
	if len(p.panels) == 0 {
		return
	}
	pp := p.panels[max(min(p.input.from.Panel, len(p.panels)-1), 0)]
	shift := -float64(dx) / float64(pp.w) * (p.t1 - p.t0)
	p.t0, p.t1 = p.clampT(p.t0+shift, p.t1+shift)
	if dy != 0 && pp.zoomedA() {
		pp.panA(-float64(dy) / float64(pp.h))
	}
	p.tell()
}

// timeAt is the world time at a horizontal position.
func (p *Plot) timeAt(x float32) float64 {
	pp := p.panels[0]
	t := p.t0 + float64(x-pp.x)/float64(pp.w)*(p.t1-p.t0)
	return min(max(t, p.home.T0), p.home.T1)
}

// Scrolled: Ctrl zooms at the pointer, Ctrl+Shift zooms the panel's height,
// Shift or a horizontal wheel pans, a bare wheel scrolls a panel that is zoomed
// vertically.
func (p *Plot) Scrolled(e *fyne.ScrollEvent) {
	mod := modifiers()
	dx, dy := float64(e.Scrolled.DX), float64(e.Scrolled.DY)
	h, inside := p.HitAt(e.Position)
	if len(p.panels) == 0 {
		return
	}
	if !inside {
		h.T = p.timeAt(e.Position.X)
		h.Panel = max(p.PanelAt(e.Position.Y), 0)
		h.A = (p.panels[h.Panel].view.A0 + p.panels[h.Panel].view.A1) / 2
	}
	p.input.pointer = e.Position
	switch {
	case mod&fyne.KeyModifierControl != 0 && mod&fyne.KeyModifierShift != 0:
		p.ZoomBothAt(h.Panel, 1, zoomFactor(dy+dx), h.T, h.A)
	case mod&fyne.KeyModifierControl != 0 && p.BothAxes:
		f := zoomFactor(dy)
		p.ZoomBothAt(h.Panel, f, f, h.T, h.A)
	case mod&fyne.KeyModifierControl != 0:
		p.ZoomAt(zoomFactor(dy), h.T)
	case mod&fyne.KeyModifierShift != 0:
		p.panPixels(float32(dy+dx)*2, 0)
	default:
		p.input.from.Panel = h.Panel
		p.panPixels(float32(dx)*2, float32(dy)*2)
	}
}

// zoomFactor turns wheel movement (25 a click) into whole steps of the fourth
// root of two, so that zooming in and out again meets cached tiles.
func zoomFactor(d float64) float64 {
	steps := math.Round(d / 12.5)
	if steps == 0 && d != 0 {
		steps = math.Copysign(1, d)
	}
	return math.Exp2(-min(max(steps, -16), 16) / 4)
}
