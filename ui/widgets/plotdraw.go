package widgets

import (
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"strata/ui/viz"
)

// Distances of a plot's furniture, logical pixels.
const (
	panelHead  = float32(22)
	panelGap   = float32(10)
	axisRoom   = float32(20)
	axisText   = float32(16)
	sideRoom   = float32(12)
	minPanel   = float32(36)
	maxOutline = 64
	maxArrows  = 24
)

// layout places the panels and draws everything.
func (p *Plot) layout() {
	defer p.meter.Measure()()
	p.scale = p.canvasScale()
	p.ground.FillColor = p.ink(viz.InkBackground)
	p.ground.Resize(p.size)
	p.ground.Refresh()
	p.dirt.Resize(fyne.NewSize(1, 1))
	p.empty.Text = ""
	if p.figure == nil || len(p.panels) == 0 {
		if p.figure != nil {
			p.empty.Text = p.figure.Empty
		}
		p.empty.Color, p.empty.TextSize = p.ink(viz.InkMuted), textSize+1
		p.empty.Move(fyne.NewPos(0, p.size.Height/2-12))
		p.empty.Resize(fyne.NewSize(p.size.Width, 24))
		p.empty.Refresh()
		p.texts.begin()
		p.texts.end()
		p.chips.begin()
		p.chips.end()
		p.drawMarks()
		p.repaint()
		return
	}
	p.empty.Refresh()
	frameless := p.panels[0].panel.Frameless
	p.left = 0
	if !frameless {
		for _, pp := range p.panels {
			for _, r := range pp.panel.Rows {
				p.left = max(p.left, textWidth(r.Label, captionSize, false)+14)
			}
			for _, t := range viz.Ticks(pp.panel.Y.Unit, min(pp.home.A0, pp.home.A1), max(pp.home.A0, pp.home.A1), 5) {
				p.left = max(p.left, textWidth(t.Label, captionSize, false)+16)
			}
		}
		p.left = min(max(p.left, 40), p.size.Width/4)
	}
	right := sideRoom
	if frameless {
		right = 0
	}
	bottom := p.size.Height
	if p.unit != viz.UnitNone {
		bottom -= axisRoom
		if p.caption != "" && !p.Compact {
			bottom -= axisText
		}
	}
	fixed, weights := float32(0), float32(0)
	for i, pp := range p.panels {
		if i > 0 {
			fixed += panelGap
		}
		fixed += pp.head()
		if h := float32(pp.panel.Height); h > 0 {
			fixed += h
		} else {
			weights += max(float32(pp.panel.Weight), 0)
			if pp.panel.Weight <= 0 {
				weights++
			}
		}
	}
	free := max(bottom-fixed, 0)
	y := float32(0)
	shrink := float32(1) // panels of fixed height give way when the window is low
	if weights > 0 && free < minPanel*float32(len(p.panels)) || weights == 0 && fixed > bottom {
		shrink = 0.6
		fixedHeights := float32(0)
		for _, pp := range p.panels {
			fixedHeights += float32(pp.panel.Height)
		}
		free = max(bottom-fixed+fixedHeights*(1-shrink), 0)
	}
	for i, pp := range p.panels {
		if i > 0 {
			y += panelGap
		}
		y += pp.head()
		h := float32(pp.panel.Height) * shrink
		if h == 0 {
			w := float32(pp.panel.Weight)
			if w <= 0 {
				w = 1
			}
			h = free * w / weights
		}
		pp.place(p.left, y, max(p.size.Width-p.left-right, 1), max(h, 1))
		pp.under.FillColor = p.ink(viz.InkSurface)
		pp.under.Refresh()
		y += h
	}
	last := p.panels[len(p.panels)-1]
	p.axis.Move(fyne.NewPos(last.x, last.y+last.h))
	p.axis.Resize(fyne.NewSize(last.w, max(p.size.Height-last.y-last.h, 1)))
	p.draw()
}

// head is the room above a panel's data for its title.
func (pp *plotPanel) head() float32 {
	if pp.panel.Title == "" && pp.panel.Note == "" {
		return 0
	}
	return panelHead
}

// draw draws everything for the current view.
func (p *Plot) draw() {
	for _, pp := range p.panels {
		pp.update()
	}
	p.drawTexts()
	p.drawMarks()
	p.drawCursor()
	p.drawRange()
	p.repaint()
}

// drawTexts writes titles, ticks, row names, bands and marks.
func (p *Plot) drawTexts() {
	text, muted := p.ink(viz.InkText), p.ink(viz.InkMuted)
	p.texts.begin()
	p.chips.begin()
	for _, pp := range p.panels {
		v := pp.shown()
		if pp.head() > 0 {
			note := fitText(pp.panel.Note, pp.w*0.7, captionSize, false)
			used := float32(0)
			if note != "" {
				used = p.texts.put(note, pp.x+pp.w, pp.y-19, 1, captionSize, false, muted) + 12
			}
			if title := fitText(pp.panel.Title, pp.w-used, textSize, true); title != "" {
				p.texts.put(title, pp.x, pp.y-20, 0, textSize, true, text)
			}
		}
		pixelY := func(a float64) float32 {
			_, y := v.Pixel(v.T0, a, float64(pp.w), float64(pp.h))
			return pp.y + float32(y)
		}
		pixelX := func(t float64) float32 {
			x, _ := v.Pixel(t, v.A0, float64(pp.w), float64(pp.h))
			return pp.x + float32(x)
		}
		for _, t := range viz.Ticks(pp.panel.Y.Unit, min(v.A0, v.A1), max(v.A0, v.A1), min(max(int(pp.h/24), 1), 6)) {
			p.texts.put(t.Label, pp.x-8, min(max(pixelY(t.Value)-8, pp.y-8), pp.y+pp.h-8), 1, captionSize, false, muted)
		}
		last := float32(math.Inf(-1))
		for _, r := range pp.panel.Rows {
			y := (pixelY(r.A0)+pixelY(r.A1))/2 - 8
			if y < pp.y-6 || y > pp.y+pp.h-10 || y < last+13 {
				continue
			}
			last = y
			c := text
			if r.Muted {
				c = muted
			}
			p.texts.put(fitText(r.Label, p.left-12, captionSize, false), pp.x-8, y, 1, captionSize, false, c)
		}
		bandsEnd := float32(math.Inf(-1))
		for _, b := range pp.panel.Bands {
			x0, x1 := max(pixelX(b.T0), pp.x), min(pixelX(b.T1), pp.x+pp.w)
			if b.Label != "" && x1-x0 > 90 {
				label := fitText(b.Label, x1-x0-16, captionSize, false)
				p.chips.chip(label, x0+8, pp.y+4, 0, captionSize, text, p.ink(viz.InkSurface))
				bandsEnd = x0 + 12 + textWidth(label, captionSize, false)
			}
		}
		pp.stickyLabels(v)
		var taken []float32
		for _, m := range pp.panel.Marks {
			if m.Label == "" || m.Vertical {
				continue
			}
			y := pixelY(m.At)
			if y < pp.y-0.5 || y > pp.y+pp.h+0.5 {
				continue
			}
			top := y - 19
			if top < pp.y {
				top = y + 4
			}
			for range 4 {
				for _, other := range taken { // below those that are there
					if d := other - top; d < 17 && d > -17 {
						top = other + 17
					}
				}
			}
			if top < pp.y+20 && pp.x+pp.w-16-textWidth(m.Label, captionSize, false) < bandsEnd {
				top = pp.y + 21
			}
			taken = append(taken, top)
			p.chips.chip(m.Label, pp.x+pp.w-8, top, 1, captionSize, p.ink(m.Ink), p.ink(viz.InkSurface))
		}
	}
	p.texts.end()
	p.chips.end()
	p.axis.Refresh()
}

// drawAxis draws the labels of the horizontal axis as one raster from cached
// glyphs: they change with every step of a zoom.
func (p *Plot) drawAxis(w, h int) image.Image {
	if w <= 0 || h <= 0 || len(p.panels) == 0 || p.unit == viz.UnitNone || p.axis.Size().Width <= 0 {
		return image.NewRGBA(image.Rectangle{})
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	t := viz.ImageTarget(img)
	pp := p.panels[len(p.panels)-1]
	k := float64(w) / float64(p.axis.Size().Width)
	font := labelFont(captionSize * k)
	muted := p.palette.Inks[viz.InkMuted]
	v := pp.shown()
	end := math.Inf(-1)
	for _, tick := range viz.Ticks(p.unit, v.T0, v.T1, max(int(pp.w/95), 1)) {
		x, _ := v.Pixel(tick.Value, v.A0, float64(w), 1)
		half := font.Width(tick.Label) / 2
		x = min(max(x, half), float64(w)-half)
		if x-half < end+8*k {
			continue
		}
		font.Draw(t, x-half, int(4*k)+font.Ascent, tick.Label, muted)
		end = x + half
	}
	if p.caption != "" && !p.Compact {
		font.Draw(t, (float64(w)-font.Width(p.caption))/2, int(float64(axisRoom)*k)+font.Ascent, p.caption, muted)
	}
	return img
}

// drawMarks outlines what is hovered and selected, and draws their arrows.
func (p *Plot) drawMarks() {
	for _, pp := range p.panels {
		used := 0
		v := pp.shown()
		outline := func(k Key, c color.NRGBA, width float32) {
			for _, at := range pp.rects(k) {
				if used >= maxOutline {
					return
				}
				s := pp.panel.Layers[at.layer].Scene
				i := at.index
				x0, y0 := v.Pixel(s.T0[i], s.A0[i], float64(pp.w), float64(pp.h))
				x1, y1 := v.Pixel(s.T1[i], s.A1[i], float64(pp.w), float64(pp.h))
				if y0 > y1 {
					y0, y1 = y1, y0
				}
				if x1 < 0 || y1 < 0 || x0 > float64(pp.w) || y0 > float64(pp.h) {
					continue
				}
				if used == len(pp.outlines) {
					r := canvas.NewRectangle(color.Transparent)
					pp.outlines = append(pp.outlines, r)
				}
				r := pp.outlines[used]
				used++
				x0, y0 = max(x0, -8), max(y0, -8)
				x1, y1 = min(x1, float64(pp.w)+8), min(y1, float64(pp.h)+8)
				grow := float64(width) / 2
				if r.StrokeColor != color.Color(c) || r.StrokeWidth != width {
					r.StrokeColor, r.StrokeWidth = c, width
					r.Refresh()
				}
				r.Move(fyne.NewPos(float32(x0-grow), float32(y0-grow)))
				r.Resize(fyne.NewSize(float32(max(x1-x0, 2)+2*grow), float32(max(y1-y0, 2)+2*grow)))
				r.Show()
			}
		}
		for _, k := range p.pinned {
			outline(k, inkColor(p.palette, viz.InkGood, 220), 1.5)
		}
		for _, k := range p.selected {
			outline(k, p.ink(viz.InkSelected), 2)
		}
		if p.hover != NoKey {
			outline(p.hover, p.ink(viz.InkText), 1.5)
		}
		for _, r := range pp.outlines[used:] {
			r.Hide()
		}
		pp.stack()
	}
	p.drawArrows()
}

// drawArrows draws the copies of what is hovered and selected.
func (p *Plot) drawArrows() {
	used := 0
	line := func(a, b fyne.Position, c color.NRGBA) {
		if used == len(p.arrows) {
			l := canvas.NewLine(c)
			p.arrows = append(p.arrows, l)
			p.overlays.Objects = append(p.overlays.Objects, l)
		}
		l := p.arrows[used]
		used++
		l.StrokeColor, l.StrokeWidth = c, 1.5
		l.Position1, l.Position2 = a, b
		l.Show()
		l.Refresh()
	}
	if p.Arrows != nil {
		count := 0
		one := func(k Key, c color.NRGBA) {
			for _, a := range p.Arrows(k) {
				if count >= maxArrows || a.FromPanel >= len(p.panels) || a.ToPanel >= len(p.panels) {
					return
				}
				from, okFrom := p.panels[a.FromPanel].position(a.FromT, a.FromA)
				to, okTo := p.panels[a.ToPanel].position(a.ToT, a.ToA)
				if !okFrom || !okTo {
					continue
				}
				count++
				line(from, to, c)
				dx, dy := to.X-from.X, to.Y-from.Y
				if n := float32(math.Hypot(float64(dx), float64(dy))); n > 6 {
					dx, dy = dx/n*7, dy/n*7
					line(to, fyne.NewPos(to.X-dx-dy*0.5, to.Y-dy+dx*0.5), c)
					line(to, fyne.NewPos(to.X-dx+dy*0.5, to.Y-dy-dx*0.5), c)
				}
			}
		}
		for _, k := range p.selected {
			one(k, p.ink(viz.InkSelected))
		}
		if p.hover != NoKey {
			one(p.hover, p.ink(viz.InkText))
		}
	}
	if n := len(p.panels); n > 0 && !p.panels[0].panel.Frameless {
		first, last := p.panels[0], p.panels[n-1]
		for _, m := range p.marks {
			at, ok := first.position(m.t, first.view.A0)
			if ok {
				line(fyne.NewPos(at.X, first.y), fyne.NewPos(at.X, last.y+last.h), inkColor(p.palette, viz.InkGood, 255))
			}
		}
	}
	for _, l := range p.arrows[used:] {
		l.Hide()
	}
}

// position is a world point in the plot's logical pixels; ok says it is shown.
func (pp *plotPanel) position(t, a float64) (fyne.Position, bool) {
	x, y := pp.shown().Pixel(t, a, float64(pp.w), float64(pp.h))
	ok := x >= -1 && x <= float64(pp.w)+1 && y >= -1 && y <= float64(pp.h)+1
	return fyne.NewPos(pp.x+float32(x), pp.y+float32(y)), ok
}

// drawCursor draws the time cursor through all panels.
func (p *Plot) drawCursor() {
	for _, pp := range p.panels {
		x, _ := pp.shown().Pixel(p.cursorT, 0, float64(pp.w), float64(pp.h))
		if !p.cursorOn || pp.panel.Frameless || x < 0 || x > float64(pp.w) {
			pp.cursor.Hide()
			continue
		}
		pp.cursor.StrokeColor = inkColor(p.palette, viz.InkAccent, 200)
		pp.cursor.Position1, pp.cursor.Position2 = fyne.NewPos(float32(x), 0), fyne.NewPos(float32(x), pp.h)
		pp.cursor.Show()
		pp.cursor.Refresh()
	}
}

// drawRange shades the dragged stretch.
func (p *Plot) drawRange() {
	if !p.rangeOn || len(p.panels) == 0 {
		p.shade.Hide()
		return
	}
	first, last := p.panels[0], p.panels[len(p.panels)-1]
	v := first.shown()
	x0, _ := v.Pixel(p.rangeT[0], 0, float64(first.w), 1)
	x1, _ := v.Pixel(p.rangeT[1], 0, float64(first.w), 1)
	x0, x1 = min(max(x0, 0), float64(first.w)), min(max(x1, 0), float64(first.w))
	p.shade.FillColor = inkColor(p.palette, viz.InkAccent, 46)
	p.shade.Move(fyne.NewPos(first.x+float32(x0), first.y))
	p.shade.Resize(fyne.NewSize(float32(x1-x0), last.y+last.h-first.y))
	p.shade.Show()
	p.shade.Refresh()
}

// maxSticky is how many rectangles that begin left of the view are named in it.
const maxSticky = 24

// stickyLabels names the rectangles that begin so far left of the view that
// their own label is not seen.
func (pp *plotPanel) stickyLabels(v viz.View) {
	p := pp.plot
	if v.T0 <= pp.home.T0 || pp.panel.Frameless || p.gesture && !p.Synchronous {
		return // during a gesture each new text would cost a texture
	}
	edge := v
	edge.T1 = v.T0 + (v.T1-v.T0)*1e-6
	named := 0
	for l := range pp.panel.Layers {
		s := pp.panel.Layers[l].Scene
		p.visible = s.Visible(p.visible[:0], edge)
		for _, i := range p.visible {
			if s.Label[i] == "" || named >= maxSticky {
				continue
			}
			x0, y0 := v.Pixel(s.T0[i], s.A0[i], float64(pp.w), float64(pp.h))
			x1, y1 := v.Pixel(s.T1[i], s.A1[i], float64(pp.w), float64(pp.h))
			if y0 > y1 {
				y0, y1 = y1, y0
			}
			if y1-y0 < 14 || x1 < 60 || y0 < -8 || y1 > float64(pp.h)+8 {
				continue
			}
			label := fitText(s.Label[i], float32(x1)-10, captionSize, false)
			if label == "" || x0 > -float64(textWidth(label, captionSize, false))-8 {
				continue
			}
			named++
			y := pp.y + float32(y0) + 1
			if h := float32(y1 - y0); h < 22 {
				y = pp.y + float32(y0+y1)/2 - 8
			}
			ink := viz.InkLabel + viz.Ink(s.Class[i])
			if s.Pattern[i] != viz.Solid {
				p.chips.chip(label, pp.x+6, y, 0, captionSize, p.ink(ink), p.ink(viz.Fill(s.Class[i])))
				continue
			}
			p.texts.put(label, pp.x+5, y, 0, captionSize, false, p.ink(ink))
		}
	}
}
