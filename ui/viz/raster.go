package viz

import (
	"math"
	"strings"
	"unsafe"
)

// Style is how a scene is drawn.
type Style struct {
	Palette *Palette
	Plain   bool  // no anti-aliasing: for frames during a gesture
	Flat    bool  // neither edges nor snapping: steps of one curve join without seams
	HatchPx int   // period of hatches in pixels; 0: 8
	Font    *Font // nil: no labels
	// Lit says which rectangles of the scene, by their index in it, keep their
	// colours; the others are drawn with Faded. nil: all keep them.
	Lit   Marked
	Faded *Palette
}

// Marked is a set of a scene's rectangles: bit i%64 of word i/64 is rectangle i.
type Marked []uint64

// NewMarked is an empty set for n rectangles.
func NewMarked(n int) Marked { return make(Marked, (n+63)/64) }

// Mark adds rectangle i.
func (m Marked) Mark(i int) { m[i/64] |= 1 << (i % 64) }

// Has says that rectangle i is in the set.
func (m Marked) Has(i int) bool { return i/64 < len(m) && m[i/64]>>(i%64)&1 != 0 }

// paint is how rectangle i, of a class, is painted.
func (s *Style) paint(i int, c Class) *classPaint {
	if s.Lit != nil && s.Faded != nil && !s.Lit.Has(i) {
		return &s.Faded.class[c]
	}
	return &s.Palette.class[c]
}

// Sizes in pixels below which detail is left out.
const (
	snapPx      = 3  // edges of larger extents lie on pixel boundaries
	edgePx      = 5  // an edge is drawn from here
	labelWPx    = 28 // room a label needs
	cutWPx      = 60 // and one that is cut
	labelHPx    = 14
	maxLabels   = 600
	chunkPx     = 64 // granule of the coverage buffer's dirty marks
	labelInset  = 4
	shortestCut = 6 // bytes of a cut label worth showing
)

// Rasterizer draws scenes. It owns the coverage buffer for anti-aliasing and
// reuses it: after the first frame of a size, Draw allocates nothing. One per
// goroutine.
type Rasterizer struct {
	cover  []float32 // r, g, b, a per pixel of the target; zero between calls
	dirty  []bool    // per row and chunk
	chunks int
}

// frame is the state of one Draw.
type frame struct {
	t              *Target
	fullW, fullH   float64
	kt, bt, ka, ba float64 // x = kt·T + bt, y = ka·A + ba, in the target's pixels
}

func newFrame(t *Target, view View) frame {
	f := frame{t: t, fullW: float64(t.FullW), fullH: float64(t.FullH)}
	if t.FullW == 0 {
		f.fullW, f.fullH = float64(t.W), float64(t.H)
	}
	f.kt = f.fullW / (view.T1 - view.T0)
	f.bt = -view.T0*f.kt - float64(t.X)
	f.ka = f.fullH / (view.A0 - view.A1)
	f.ba = -view.A1*f.ka - float64(t.Y)
	return f
}

// box is rectangle i in the target's pixels, not clipped.
func (f *frame) box(s *Scene, i int) (x0, y0, x1, y1 float64) {
	x0, x1 = s.T0[i]*f.kt+f.bt, s.T1[i]*f.kt+f.bt
	y0, y1 = s.A0[i]*f.ka+f.ba, s.A1[i]*f.ka+f.ba
	if y0 > y1 {
		y0, y1 = y1, y0
	}
	return
}

// Draw draws the part of the scene inside view over what the target holds.
func (z *Rasterizer) Draw(t *Target, s *Scene, view View, style Style) {
	if t.W <= 0 || t.H <= 0 || s.Len() == 0 || view.Empty() {
		return
	}
	f := newFrame(t, view)
	if sane := f.kt * f.ka * f.bt * f.ba; math.IsNaN(sane - sane) { // a scale or origin beyond float64
		return
	}
	if style.HatchPx < 2 {
		style.HatchPx = 8
	}
	w, h := float64(t.W), float64(t.H)
	// One pixel more on each side: rounding may move an edge into the target.
	t0, t1 := (-1-f.bt)/f.kt, (w+1-f.bt)/f.kt
	a0, a1 := (-1-f.ba)/f.ka, (h+1-f.ba)/f.ka
	if a0 > a1 {
		a0, a1 = a1, a0
	}
	if !style.Plain {
		z.prepare(t)
	}
	var c cursor
	c.start(s, t0, t1, a0, a1)
	for {
		lo, hi, ok := c.next()
		if !ok {
			break
		}
		for i := lo; i < hi; i++ {
			x0, y0, x1, y1 := f.box(s, i)
			if x1 <= -1 || y1 <= -1 || x0 >= w+1 || y0 >= h+1 {
				continue
			}
			paint := style.paint(i, s.Class[i])
			if style.Plain {
				drawPlain(t, x0, y0, x1, y1, paint, s.Pattern[i], &style)
			} else {
				z.drawExact(t, x0, y0, x1, y1, paint, s.Pattern[i], &style)
			}
		}
	}
	if !style.Plain {
		z.resolve(t)
	}
	if style.Font != nil {
		f.labels(s, t0, t1, a0, a1, style)
	}
}

// drawPlain rounds the edges to pixels; nothing is thinner than one.
func drawPlain(t *Target, x0, y0, x1, y1 float64, paint *classPaint, pattern Pattern, style *Style) {
	rx0, ry0 := math.Floor(x0+0.5), math.Floor(y0+0.5)
	rx1, ry1 := max(math.Floor(x1+0.5), rx0+1), max(math.Floor(y1+0.5), ry0+1)
	fillBox(t, clampRound(rx0, t.W), clampRound(ry0, t.H), clampRound(rx1, t.W), clampRound(ry1, t.H), x0, y0, x1, y1, paint, pattern, style)
}

// clampRound rounds to the nearest pixel boundary inside [0, n].
func clampRound(v float64, n int) int {
	if !(v > 0) {
		return 0
	}
	if v >= float64(n) {
		return n
	}
	return int(v + 0.5)
}

// fillBox fills whole pixels, then the pattern and the edge where there is
// room. The float box is the unclipped extent.
func fillBox(t *Target, ix0, iy0, ix1, iy1 int, x0, y0, x1, y1 float64, paint *classPaint, pattern Pattern, style *Style) {
	v := paint.fill
	wide, high := x1-x0 >= edgePx, y1-y0 >= edgePx
	if pattern != Solid && !(x1-x0 >= snapPx && y1-y0 >= snapPx) {
		// Too small for stripes: their mean colour.
		p := (*[4]uint8)(unsafe.Pointer(&v))
		*p = [4]uint8{uint8(paint.mean[0]), uint8(paint.mean[1]), uint8(paint.mean[2]), 255}
	}
	t.fill(ix0, iy0, ix1, iy1, v)
	if pattern != Solid && x1-x0 >= snapPx && y1-y0 >= snapPx {
		hatch(t, ix0, iy0, ix1, iy1, pattern, paint.stripe, style.HatchPx)
	}
	if wide && high && !style.Flat {
		// A one-pixel edge at the right and the top keeps neighbours apart
		// without costing more than a pixel of each.
		if e := int(math.Floor(x1+0.5)) - 1; e >= ix0 && e < ix1 {
			t.fill(e, iy0, e+1, iy1, paint.edge)
		}
		if e := int(math.Floor(y0 + 0.5)); e >= iy0 && e < iy1 {
			t.fill(ix0, e, ix1, e+1, paint.edge)
		}
	}
}

// hatch draws diagonal stripes over 3/8 of the period, in phase with the whole picture.
func hatch(t *Target, x0, y0, x1, y1 int, pattern Pattern, v uint32, period int) {
	on := max(period*3/8, 1)
	for y := y0; y < y1; y++ {
		row := t.Pix[y*t.Stride : y*t.Stride+x1]
		phase := t.X + y + t.Y
		if pattern == HatchOut {
			phase = t.X - y - t.Y
		}
		k := (x0 + phase) % period
		if k < 0 {
			k += period
		}
		for x := x0; x < x1; x++ {
			if k < on {
				row[x] = v
			}
			if k++; k == period {
				k = 0
			}
		}
	}
}

func (z *Rasterizer) prepare(t *Target) {
	z.chunks = (t.W + chunkPx - 1) / chunkPx
	if n := t.W * t.H * 4; cap(z.cover) < n {
		z.cover = make([]float32, n)
	} else {
		z.cover = z.cover[:n]
	}
	if n := z.chunks * t.H; cap(z.dirty) < n {
		z.dirty = make([]bool, n)
	} else {
		z.dirty = z.dirty[:n]
	}
}

// drawExact snaps large extents to pixels and fills them; what is left, thin
// extents, is accumulated as exact coverage.
func (z *Rasterizer) drawExact(t *Target, x0, y0, x1, y1 float64, paint *classPaint, pattern Pattern, style *Style) {
	snapX, snapY := x1-x0 >= snapPx && !style.Flat, y1-y0 >= snapPx && !style.Flat
	if snapX && snapY {
		fillBox(t, clampRound(x0, t.W), clampRound(y0, t.H), clampRound(x1, t.W), clampRound(y1, t.H), x0, y0, x1, y1, paint, pattern, style)
		return
	}
	if snapX {
		x0, x1 = math.Floor(x0+0.5), math.Floor(x1+0.5)
	}
	if snapY {
		y0, y1 = math.Floor(y0+0.5), math.Floor(y1+0.5)
	}
	x0, x1 = max(x0, 0), min(x1, float64(t.W))
	y0, y1 = max(y0, 0), min(y1, float64(t.H))
	if !(x0 < x1 && y0 < y1) {
		return
	}
	rgb := &paint.rgb
	if pattern != Solid {
		rgb = &paint.mean
	}
	ix0, ix1 := int(x0), min(int(x1), t.W-1)
	iy0, iy1 := int(y0), min(int(y1), t.H-1)
	for y := iy0; y <= iy1; y++ {
		cy := min(y1, float64(y+1)) - max(y0, float64(y))
		if cy <= 0 {
			continue
		}
		z.row(t, y, ix0, ix1, x0, x1, float32(cy), rgb)
	}
}

// row accumulates coverage of one pixel row.
func (z *Rasterizer) row(t *Target, y, ix0, ix1 int, x0, x1 float64, cy float32, rgb *[3]float32) {
	marks := z.dirty[y*z.chunks:]
	for c := ix0 / chunkPx; c <= ix1/chunkPx; c++ {
		marks[c] = true
	}
	base := (y*t.W + ix0) * 4
	cover := z.cover[base : (y*t.W+ix1+1)*4]
	if ix0 == ix1 {
		add(cover, float32(x1-x0)*cy, rgb)
		return
	}
	add(cover, float32(float64(ix0+1)-x0)*cy, rgb)
	n := len(cover)
	r, g, b := rgb[0]*cy, rgb[1]*cy, rgb[2]*cy
	for k := 4; k < n-4; k += 4 {
		p := cover[k : k+4 : k+4]
		p[0] += r
		p[1] += g
		p[2] += b
		p[3] += cy
	}
	add(cover[n-4:], float32(x1-float64(ix1))*cy, rgb)
}

func add(p []float32, a float32, rgb *[3]float32) {
	p = p[:4:4]
	p[0] += rgb[0] * a
	p[1] += rgb[1] * a
	p[2] += rgb[2] * a
	p[3] += a
}

// resolve lays the accumulated coverage over the pixels and zeroes it again.
func (z *Rasterizer) resolve(t *Target) {
	for y := range t.H {
		marks := z.dirty[y*z.chunks : (y+1)*z.chunks]
		for c, marked := range marks {
			if !marked {
				continue
			}
			marks[c] = false
			x0, x1 := c*chunkPx, min((c+1)*chunkPx, t.W)
			pix := t.Pix[y*t.Stride+x0:][:x1-x0]
			cover := z.cover[(y*t.W+x0)*4:][:4*len(pix)]
			for i := range pix {
				p := cover[4*i : 4*i+4 : 4*i+4]
				a := p[3]
				if a == 0 {
					continue
				}
				scale, keep := float32(1), 1-a
				if a > 1 { // overlapping or touching snapped neighbours
					scale, keep = 1/a, 0
				}
				q := (*[4]uint8)(unsafe.Pointer(&pix[i]))
				q[0] = uint8(p[0]*scale + float32(q[0])*keep + 0.5)
				q[1] = uint8(p[1]*scale + float32(q[1])*keep + 0.5)
				q[2] = uint8(p[2]*scale + float32(q[2])*keep + 0.5)
				q[3] = uint8(255*min(a, 1) + float32(q[3])*keep + 0.5)
				p[0], p[1], p[2], p[3] = 0, 0, 0, 0
			}
		}
	}
}

// labels writes names into rectangles with room for them.
func (f *frame) labels(s *Scene, t0, t1, a0, a1 float64, style Style) {
	t := f.t
	left, top := -float64(t.X), -float64(t.Y) // the whole picture's edges
	right, bottom := left+f.fullW, top+f.fullH
	font, drawn := style.Font, 0
	needW, needH := float64(labelWPx), float64(max(labelHPx, font.Height))
	var c cursor
	c.start(s, t0, t1, a0, a1)
	for {
		lo, hi, ok := c.next()
		if !ok {
			return
		}
		for i := lo; i < hi; i++ {
			if s.Label[i] == "" {
				continue
			}
			x0, y0, x1, y1 := f.box(s, i)
			x0, y0, x1, y1 = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
			if x0 < -2048 { // begins far left of this tile
				continue
			}
			if !(x1-x0 >= needW && y1-y0 >= needH) {
				continue
			}
			label := s.Label[i]
			n, cut := font.fit(label, x1-x0-2*labelInset)
			if cut && x1-x0 < cutWPx { // "layer 3 ffn_up" gives way to "ffn_up"
				label = label[strings.LastIndexByte(label, ' ')+1:]
				n, cut = font.fit(label, x1-x0-2*labelInset)
			}
			if n == 0 || cut && (n < shortestCut || x1-x0 < cutWPx) {
				continue
			}
			if drawn++; drawn > maxLabels {
				return
			}
			paint := style.paint(i, s.Class[i])
			color := paint.label
			baseline := int(math.Floor(y0)) + font.Ascent + labelInset/2
			if spare := y1 - y0 - float64(font.Height); spare < labelInset {
				baseline = int(math.Floor(y0+spare/2)) + font.Ascent
			}
			if s.Pattern[i] != Solid { // plain ground under the text
				x := math.Floor(x0) + labelInset - 2
				wide := min(font.Width(label[:n])+4, x1-x-1)
				t.fill(clampRound(x, t.W), clampRound(float64(baseline-font.Ascent), t.H), clampRound(x+wide, t.W),
					clampRound(float64(baseline-font.Ascent+font.Height), t.H), paint.fill)
			}
			pen := font.draw(t, math.Floor(x0)+labelInset, baseline, label[:n], color)
			if cut {
				font.draw(t, pen, baseline, "…", color)
			}
		}
	}
}
