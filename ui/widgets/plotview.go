package widgets

import (
	"math"
	"time"
)

// View is the stretch of the horizontal axis that is shown.
func (p *Plot) View() (t0, t1 float64) { return p.t0, p.t1 }

// Home is the whole horizontal axis.
func (p *Plot) Home() (t0, t1 float64) { return p.home.T0, p.home.T1 }

// SetView shows a stretch, without telling OnView (linked plots).
func (p *Plot) SetView(t0, t1 float64) {
	t0, t1 = p.clampT(t0, t1)
	if t0 == p.t0 && t1 == p.t1 {
		return
	}
	p.t0, p.t1 = t0, t1
	p.moved()
}

// clampT keeps a stretch inside the figure and above the smallest zoom.
func (p *Plot) clampT(t0, t1 float64) (float64, float64) {
	return clampSpan(t0, t1, p.home.T0, p.home.T1)
}

func clampSpan(a, b, lo, hi float64) (float64, float64) {
	whole := hi - lo
	span := min(max(b-a, whole/maxZoom), whole)
	if mid := (a + b) / 2; b-a != span {
		a = mid - span/2
	}
	a = min(max(a, lo), hi-span)
	return a, a + span
}

// moved draws after a change of the view: plain now, exact when it rests.
func (p *Plot) moved() {
	defer p.meter.Measure()()
	p.gesture = true
	p.tip.hide() // what it tells moved away
	if p.rest != nil {
		p.rest.Stop()
	}
	if !p.Synchronous {
		p.rest = time.AfterFunc(80*time.Millisecond, func() {
			p.do(func() {
				p.gesture = false
				for _, pp := range p.panels {
					pp.update()
				}
				p.drawTexts()
				p.repaint()
			})
		})
	}
	p.draw()
}

// tell reports a move that the user made.
func (p *Plot) tell() {
	p.moved()
	if p.OnView != nil {
		p.OnView(p.t0, p.t1)
	}
}

// ZoomAt scales the horizontal view by factor (below 1: closer) around t.
func (p *Plot) ZoomAt(factor, t float64) {
	p.t0, p.t1 = p.clampT(t+(p.t0-t)*factor, t+(p.t1-t)*factor)
	p.tell()
}

// ZoomBothAt also scales the vertical view of one panel around a.
func (p *Plot) ZoomBothAt(panel int, factorT, factorA, t, a float64) {
	if panel >= 0 && panel < len(p.panels) && factorA != 1 {
		pp := p.panels[panel]
		pp.setA(a+(pp.view.A0-a)*factorA, a+(pp.view.A1-a)*factorA)
	}
	p.ZoomAt(factorT, t)
}

// Zoom scales around the middle, or around the time cursor when it is shown.
func (p *Plot) Zoom(factor float64) {
	t := (p.t0 + p.t1) / 2
	if p.cursorOn && p.cursorT > p.t0 && p.cursorT < p.t1 {
		t = p.cursorT
	}
	if p.BothAxes && len(p.panels) > 0 {
		v := p.panels[0].view
		p.ZoomBothAt(0, factor, factor, t, (v.A0+v.A1)/2)
		return
	}
	p.ZoomAt(factor, t)
}

// Pan moves the view by shares of its width and, in the panels that are zoomed
// vertically, of their height.
func (p *Plot) Pan(dt, da float64) {
	p.t0, p.t1 = p.clampT(p.t0+dt*(p.t1-p.t0), p.t1+dt*(p.t1-p.t0))
	if da != 0 {
		for _, pp := range p.panels {
			pp.panA(da)
		}
	}
	p.tell()
}

// ShowAll shows the whole figure.
func (p *Plot) ShowAll() {
	p.t0, p.t1 = p.home.T0, p.home.T1
	for _, pp := range p.panels {
		pp.view = pp.home
	}
	p.tell()
}

// ShowSpan shows [t0, t1) with a little around it.
func (p *Plot) ShowSpan(t0, t1 float64) {
	margin := (t1 - t0) * 0.08
	p.t0, p.t1 = p.clampT(t0-margin, t1+margin)
	p.tell()
}

// Centre brings t into the middle at the same zoom.
func (p *Plot) Centre(t float64) {
	half := (p.t1 - p.t0) / 2
	p.t0, p.t1 = p.clampT(t-half, t+half)
	p.tell()
}

// Fit centres what is selected (or the dragged range), and when it is centred
// already, or at home zoom, fills the view with it. It reports whether there was anything.
func (p *Plot) Fit() bool {
	lo, hi, ok := p.SelectedSpan()
	if p.rangeOn {
		lo, hi, ok = p.rangeT[0], p.rangeT[1], true
	}
	if !ok {
		return false
	}
	mid, span := (lo+hi)/2, p.t1-p.t0
	whole := span > 0.999*(p.home.T1-p.home.T0)
	if !whole && math.Abs(mid-(p.t0+p.t1)/2) > 0.02*span && hi-lo < span {
		p.Centre(mid)
	} else {
		p.ShowSpan(lo, hi)
	}
	return true
}

// SelectedSpan is the stretch that the selected rectangles cover.
func (p *Plot) SelectedSpan() (t0, t1 float64, ok bool) { return p.Span(p.selected...) }

// Span is the stretch that the rectangles of keys cover.
func (p *Plot) Span(keys ...Key) (t0, t1 float64, ok bool) {
	t0, t1 = math.Inf(1), math.Inf(-1)
	for _, pp := range p.panels {
		for _, k := range keys {
			for _, at := range pp.rects(k) {
				s := pp.panel.Layers[at.layer].Scene
				t0, t1 = min(t0, s.T0[at.index]), max(t1, s.T1[at.index])
			}
		}
	}
	return t0, t1, t1 > t0
}
