package viz

import "math"

// draw draws one panel into its plot rectangle; grid is the unit of the common
// horizontal axis.
func (p *Panel) draw(c canvas, at plot, grid Unit) {
	if probe, ok := c.(*probeCanvas); ok {
		probe.plots = append(probe.plots, at)
		return
	}
	px := func(t, a float64) point {
		x, y := p.View.Pixel(t, a, at.w, at.h)
		return point{at.x + x, at.y + y}
	}
	p.head(c, at)
	if len(p.Tree) > 0 {
		p.tree(c, at)
		return
	}
	if p.View.Empty() {
		c.rect(at.x, at.y, at.w, at.h, InkSurface)
		return
	}
	if !p.Frameless {
		c.rect(at.x, at.y, at.w, at.h, InkSurface)
		for _, b := range p.Bands {
			x0, x1 := max(px(b.T0, 0).X, at.x), min(px(b.T1, 0).X, at.x+at.w)
			if x1 > x0 {
				c.area([]point{{x0, at.y}, {x1, at.y}, {x1, at.y + at.h}, {x0, at.y + at.h}}, Fill(ClassLoop), 0.35)
			}
		}
		p.grid(c, at, grid, px)
	}
	for _, l := range p.Layers {
		c.scene(at.x, at.y, at.w, at.h, l, p.View)
	}
	for _, s := range p.Series {
		p.series(c, at, s, px)
	}
	if !p.Frameless {
		for _, b := range p.Bands {
			for _, t := range [2]float64{b.T0, b.T1} {
				if x := px(t, 0).X; t > p.View.T0 && t < p.View.T1 {
					c.line(point{x, at.y}, point{x, at.y + at.h}, 1, InkMuted, true)
				}
			}
			if x0, x1 := max(px(b.T0, 0).X, at.x), min(px(b.T1, 0).X, at.x+at.w); b.Label != "" && x1-x0 > 60 {
				p.chip(c, at, x0+4, at.y+4+smallSize, truncate(c, b.Label, smallSize, false, x1-x0-16), InkText, anchorStart)
			}
		}
		c.line(point{at.x, at.y + at.h}, point{at.x + at.w, at.y + at.h}, 1, InkMuted, false)
	}
	p.marks(c, at, px)
	p.dots(c, at, px)
	p.axes(c, at, px)
}

func (p *Panel) head(c canvas, at plot) {
	room := at.w
	if p.Note != "" {
		note := truncate(c, p.Note, smallSize, false, at.w*0.75)
		c.text(at.x+at.w, at.y-7, note, smallSize, false, InkMuted, anchorEnd)
		room -= c.width(note, smallSize, false) + 12
	}
	if p.Title != "" && room > 20 {
		c.text(at.x, at.y-7, truncate(c, p.Title, textSize, true, room), textSize, true, InkText, anchorStart)
	}
}

// yTicks keeps labels at least 24 px apart.
func (p *Panel) yTicks(at plot) []Tick {
	return Ticks(p.Y.Unit, p.View.low(), p.View.high(), min(max(int(at.h/24), 1), 6))
}

func (p *Panel) xTicks(at plot) []Tick {
	return Ticks(p.X.Unit, p.View.T0, p.View.T1, max(int(at.w/95), 1))
}

func (p *Panel) grid(c canvas, at plot, unit Unit, px func(t, a float64) point) {
	for _, t := range p.yTicks(at) {
		y := math.Round(px(0, t.Value).Y)
		if y > at.y+1 && y < at.y+at.h-1 {
			c.line(point{at.x, y}, point{at.x + at.w, y}, 1, InkLine, false)
		}
	}
	for _, t := range Ticks(unit, p.View.T0, p.View.T1, max(int(at.w/95), 1)) {
		x := math.Round(px(t.Value, 0).X)
		c.line(point{x, at.y}, point{x, at.y + at.h}, 1, InkLine, false)
	}
}

func (p *Panel) axes(c canvas, at plot, px func(t, a float64) point) {
	for _, t := range p.yTicks(at) {
		c.text(at.x-6, px(0, t.Value).Y+4, t.Label, smallSize, false, InkMuted, anchorEnd)
	}
	for _, r := range p.Rows {
		y0, y1 := px(0, r.A0).Y, px(0, r.A1).Y
		ink := InkText
		if r.Muted {
			ink = InkMuted
		}
		c.text(at.x-6, (y0+y1)/2+4, truncate(c, r.Label, smallSize, false, at.left), smallSize, false, ink, anchorEnd)
	}
	y := at.y + at.h
	end := math.Inf(-1)
	for _, t := range p.xTicks(at) {
		x, half := px(t.Value, 0).X, c.width(t.Label, smallSize, false)/2
		c.line(point{x, y}, point{x, y + 4}, 1, InkMuted, false)
		centre := min(max(x, at.x+half), at.x+at.w-half)
		if centre-half < end+6 {
			continue
		}
		c.text(centre, y+16, t.Label, smallSize, false, InkMuted, anchorMiddle)
		end = centre + half
	}
	if p.X.Unit != UnitNone && p.X.Label != "" {
		c.text(at.x+at.w/2, y+axisHeight+11, p.X.Label, smallSize, false, InkMuted, anchorMiddle)
	}
}

// chip is a small text on the surface colour, readable over any fill.
func (p *Panel) chip(c canvas, at plot, x, baseline float64, s string, ink Ink, side anchor) {
	if s == "" {
		return
	}
	w := c.width(s, smallSize, false)
	left := x
	switch side {
	case anchorEnd:
		left = x - w
	case anchorMiddle:
		left = x - w/2
	}
	left = min(max(left, at.x+3), at.x+at.w-w-3)
	c.rect(left-3, baseline-smallSize+1, w+6, smallSize+2, InkSurface)
	c.text(left, baseline, s, smallSize, false, ink, anchorStart)
}

// marks draws the lines first, then their labels, moved apart where they would
// overlap; a label without room in the plot is left out.
func (p *Panel) marks(c canvas, at plot, px func(t, a float64) point) {
	var taken []float64
	for _, m := range p.Marks {
		if m.Vertical {
			if x := px(m.At, 0).X; x >= at.x-0.5 && x <= at.x+at.w+0.5 {
				c.line(point{x, at.y}, point{x, at.y + at.h}, 1.5, m.Ink, m.Dash)
				p.chip(c, at, x, at.y+smallSize+4, m.Label, m.Ink, anchorMiddle)
			}
			continue
		}
		y := px(0, m.At).Y
		if y < at.y-0.5 || y > at.y+at.h+0.5 {
			continue
		}
		y = min(max(y, at.y+0.75), at.y+at.h-0.75)
		c.line(point{at.x, y}, point{at.x + at.w, y}, 1.5, m.Ink, m.Dash)
	}
	for _, m := range p.Marks {
		y := px(0, m.At).Y
		if m.Vertical || m.Label == "" || y < at.y-0.5 || y > at.y+at.h+0.5 {
			continue
		}
		baseline, ok := labelRoom(y, at, taken)
		if !ok {
			continue
		}
		taken = append(taken, baseline)
		p.chip(c, at, at.x+at.w-4, baseline, m.Label, m.Ink, anchorEnd)
	}
}

// labelRoom is the baseline nearest to a line at y, first above it, where a label
// overlaps none of the taken ones.
func labelRoom(y float64, at plot, taken []float64) (baseline float64, ok bool) {
	const step = smallSize + 4
	for k := 0.0; k*step < at.h; k++ {
		for _, b := range [2]float64{y - 5 - k*step, y + step + k*step} {
			free := b-smallSize >= at.y && b+3 <= at.y+at.h
			for _, other := range taken {
				free = free && math.Abs(other-b) >= step
			}
			if free {
				return b, true
			}
		}
	}
	return 0, false
}

// series draws a line; where several points fall on one pixel column only their
// extremes are kept.
func (p *Panel) series(c canvas, at plot, s Series, px func(t, a float64) point) {
	n := min(len(s.T), len(s.A))
	if n == 0 {
		return
	}
	var line []point
	push := func(q point) {
		q.X = min(max(q.X, at.x), at.x+at.w)
		q.Y = min(max(q.Y, at.y), at.y+at.h)
		line = append(line, q)
	}
	column, low, high, last := math.Inf(-1), point{}, point{}, point{}
	flush := func() {
		if math.IsInf(column, -1) {
			return
		}
		if low.X > high.X {
			low, high = high, low
		}
		push(low)
		if high != low {
			push(high)
		}
		if last != high && last != low {
			push(last)
		}
	}
	for i := range n {
		q := px(s.T[i], s.A[i])
		if k := math.Floor(q.X); k != column {
			flush()
			if s.Step && i > 0 {
				push(point{q.X, last.Y})
			}
			column, low, high = k, q, q
		}
		if q.Y < low.Y {
			low = q
		}
		if q.Y > high.Y {
			high = q
		}
		last = q
	}
	flush()
	if s.Step && last.X < at.x+at.w {
		push(point{at.x + at.w, last.Y})
	}
	if s.Area {
		floor := min(max(px(0, s.Floor).Y, at.y), at.y+at.h)
		shape := append(append([]point{{line[0].X, floor}}, line...), point{line[len(line)-1].X, floor})
		c.area(shape, s.Ink, 0.16)
	}
	c.polyline(line, 1.75, s.Ink, s.Dash)
}
