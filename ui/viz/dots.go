package viz

import "math"

// Radii of a dot and of the ring around the chosen one, in logical pixels.
const (
	dotRadius  = 4
	ringRadius = 7.5
)

// dots draws the names first, each above its dot or below where there is no room,
// then the dots over them.
func (p *Panel) dots(c canvas, at plot, px func(t, a float64) point) {
	type box struct{ x0, y0, x1, y1 float64 }
	var taken []box
	for _, d := range p.Dots {
		q := px(d.T, d.A)
		taken = append(taken, box{q.X - dotRadius, q.Y - dotRadius, q.X + dotRadius, q.Y + dotRadius})
	}
	free := func(b box) bool {
		if b.x0 < at.x || b.x1 > at.x+at.w || b.y0 < at.y || b.y1 > at.y+at.h {
			return false
		}
		for _, o := range taken {
			if b.x0 < o.x1 && o.x0 < b.x1 && b.y0 < o.y1 && o.y0 < b.y1 {
				return false
			}
		}
		return true
	}
	for i := len(p.Dots) - 1; i >= 0; i-- { // what is named last matters most
		d := &p.Dots[i]
		if d.Label == "" {
			continue
		}
		q, w := px(d.T, d.A), c.width(d.Label, smallSize, false)
		for _, b := range [4]box{
			{q.X + 9, q.Y - smallSize - 5, q.X + 9 + w, q.Y - 3}, {q.X + 9, q.Y + 4, q.X + 9 + w, q.Y + smallSize + 6},
			{q.X - 9 - w, q.Y + 4, q.X - 9, q.Y + smallSize + 6}, {q.X - 9 - w, q.Y - smallSize - 5, q.X - 9, q.Y - 3}} {
			if free(b) {
				taken = append(taken, b)
				c.rect(b.x0-2, b.y0, w+4, b.y1-b.y0, InkSurface)
				c.text(b.x0, b.y1-3, d.Label, smallSize, false, InkMuted, anchorStart)
				break
			}
		}
	}
	for _, d := range p.Dots {
		q := px(d.T, d.A)
		if q.X < at.x-0.5 || q.X > at.x+at.w+0.5 || q.Y < at.y-0.5 || q.Y > at.y+at.h+0.5 {
			continue
		}
		c.area(circle(q, dotRadius), d.Ink, 1)
		if d.Ring {
			c.polyline(circle(q, ringRadius), 1.75, InkSelected, false)
		}
	}
}

// circle is a closed polygon that looks round at a dot's size.
func circle(q point, r float64) []point {
	const corners = 24
	out := make([]point, 0, corners+1)
	for i := range corners + 1 {
		s, c := math.Sincos(2 * math.Pi * float64(i) / corners)
		out = append(out, point{q.X + r*c, q.Y + r*s})
	}
	return out
}
