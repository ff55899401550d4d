package viz

import (
	"math"

	"strata/trace"
)

// Grid is the distance of a plot's grid lines in world units; 0: none.
type Grid struct{ T, A float64 }

// GridOf is the grid that Figure draws into a plot of w × h logical pixels
// which shows view; unit is that of the figure's horizontal axis.
func (p *Panel) GridOf(view View, unit Unit, w, h float64) Grid {
	if p.Frameless {
		return Grid{}
	}
	return Grid{
		T: Step(unit, view.T1-view.T0, max(int(w/95), 1)),
		A: Step(p.Y.Unit, view.high()-view.low(), min(max(int(h/24), 1), 6)),
	}
}

// DrawTile draws the part of the panel's data area that a target shows: ground,
// bands, grid, scenes and the lines of marks, without any text outside scenes.
// view is what the whole picture (FullW × FullH pixels) shows; scale is device
// pixels per logical pixel. lit has what each layer keeps in its colours while the
// rest fades into style.Faded; nil: nothing fades, nor do layers that are curves. Tiles of one picture join without seams.
func (p *Panel) DrawTile(z *Rasterizer, t *Target, view View, grid Grid, scale float64, style Style, lit []Marked) {
	if t.W <= 0 || t.H <= 0 {
		return
	}
	pal := style.Palette
	t.Fill(pal.Inks[InkSurface])
	if view.Empty() {
		return
	}
	f := newFrame(t, view)
	if sane := f.kt * f.ka * f.bt * f.ba; math.IsNaN(sane - sane) {
		return
	}
	px := max(int(math.Round(scale)), 1)
	vertical := func(x float64, w int, v uint32) {
		if x0 := math.Round(x - float64(w)/2); x0 > -float64(w) && x0 < float64(t.W) {
			t.fill(clampRound(x0, t.W), 0, clampRound(x0+float64(w), t.W), t.H, v)
		}
	}
	horizontal := func(y float64, w int, v uint32, dash bool) {
		y0 := math.Round(y - float64(w)/2)
		if y0 <= -float64(w) || y0 >= float64(t.H) {
			return
		}
		a, b := clampRound(y0, t.H), clampRound(y0+float64(w), t.H)
		if !dash {
			t.fill(0, a, t.W, b, v)
			return
		}
		on, period := 6*px, 10*px
		for x := -(t.X % period); x < t.W; x += period {
			t.fill(max(x, 0), a, min(max(x+on, 0), t.W), b, v)
		}
	}
	if !p.Frameless {
		for _, b := range p.Bands {
			x0, x1 := clampRound(b.T0*f.kt+f.bt, t.W), clampRound(b.T1*f.kt+f.bt, t.W)
			t.fill(x0, 0, x1, t.H, Mix(pal.Inks[InkSurface], pal.Inks[Fill(ClassLoop)], 0.35).pixel())
		}
		line := pal.Inks[InkLine].pixel()
		each(grid.T, -f.bt/f.kt, (float64(t.W)-f.bt)/f.kt, func(v float64) { vertical(v*f.kt+f.bt, px, line) })
		a0, a1 := -f.ba/f.ka, (float64(t.H)-f.ba)/f.ka
		each(grid.A, min(a0, a1), max(a0, a1), func(v float64) { horizontal(v*f.ka+f.ba, px, line, false) })
	}
	for i, l := range p.Layers {
		s := style
		s.Flat = l.Flat
		if s.Lit = nil; i < len(lit) && !l.Flat {
			s.Lit = lit[i]
		}
		z.Draw(t, l.Scene, view, s)
	}
	if p.Frameless {
		return
	}
	muted := pal.Inks[InkMuted].pixel()
	for _, b := range p.Bands {
		for _, at := range [2]float64{b.T0, b.T1} {
			vertical(at*f.kt+f.bt, px, muted)
		}
	}
	for _, m := range p.Marks {
		w, v := max(int(math.Round(1.5*scale)), 1), pal.Inks[m.Ink].pixel()
		if m.Vertical {
			vertical(m.At*f.kt+f.bt, w, v)
		} else {
			horizontal(m.At*f.ka+f.ba, w, v, m.Dash)
		}
	}
}

// each calls f for the multiples of step in [lo, hi], at most 4096 of them.
func each(step, lo, hi float64, f func(v float64)) {
	if !(step > 0) || !(hi > lo) {
		return
	}
	for k, n := math.Ceil(lo/step), 0; k*step <= hi && n < 4096; k, n = k+1, n+1 {
		f(k * step)
	}
}

// Step is the distance of the ticks that Ticks places over a span with a target
// number of them; 0 without ticks.
func Step(unit Unit, span float64, target int) float64 {
	if unit == UnitNone || !(span > 0) || target < 1 || math.IsInf(span, 0) {
		return 0
	}
	if unit == UnitBytes {
		return max(math.Exp2(math.Ceil(math.Log2(span/float64(target)))), 1)
	}
	step := niceStep(span / float64(target))
	if unit == UnitCount {
		step = max(step, 1)
	}
	return step
}

// Draw writes s with the pen at (x, baseline) of the target's own pixels and
// returns where the pen ends. Pixels outside are left out; on a cleared target
// the result is premultiplied.
func (f *Font) Draw(t *Target, x float64, baseline int, s string, c Color) float64 {
	return f.draw(t, x, baseline, s, c)
}

// Box fills the pixels [x0, x1) × [y0, y1) of the target, as far as they lie in
// it, with an opaque colour.
func (t *Target) Box(x0, y0, x1, y1 int, c Color) {
	t.fill(max(x0, 0), max(y0, 0), min(x1, t.W), min(y1, t.H), c.pixel())
}

// InstructionTimes is the horizontal axis of a MemoryMap by time: when each of a
// program's n instructions starts, and the end of the last, in seconds; nil when
// the run does not have all of them.
func InstructionTimes(n int, run *trace.Timeline) []float64 {
	clock := instructionTimes(n, run)
	for i := len(clock) - 1; i >= 0; i-- {
		clock[i] -= clock[0]
	}
	return clock
}
