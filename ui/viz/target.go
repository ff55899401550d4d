package viz

import (
	"image"
	"unsafe"
)

// Target is a piece of memory to draw into: W × H premultiplied RGBA pixels,
// Stride pixels a row, which show the part at (X, Y) of a picture of FullW ×
// FullH pixels. FullW 0: the target is the whole picture. Pixel positions,
// hatches and labels depend on the whole picture only, so tiles join without
// seams.
type Target struct {
	Pix          []uint32
	Stride, W, H int
	X, Y         int
	FullW, FullH int
}

// NewTarget allocates a whole picture.
func NewTarget(w, h int) *Target {
	return &Target{Pix: make([]uint32, w*h), Stride: w, W: w, H: h}
}

// ImageTarget draws into an image's own memory.
func ImageTarget(m *image.RGBA) *Target {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	t := &Target{Stride: m.Stride / 4, W: w, H: h}
	if w > 0 && h > 0 {
		t.Pix = unsafe.Slice((*uint32)(unsafe.Pointer(&m.Pix[0])), len(m.Pix)/4)
	}
	return t
}

// Sub is the part of the target inside a rectangle of its own pixels, as a
// picture of its own.
func (t *Target) Sub(x, y, w, h int) *Target {
	x, y = max(x, 0), max(y, 0)
	w, h = min(w, t.W-x), min(h, t.H-y)
	if w <= 0 || h <= 0 {
		return &Target{}
	}
	return &Target{Pix: t.Pix[y*t.Stride+x:], Stride: t.Stride, W: w, H: h}
}

// Fill sets every pixel to an opaque colour.
func (t *Target) Fill(c Color) { t.fill(0, 0, t.W, t.H, c.pixel()) }

// Clear makes every pixel transparent.
func (t *Target) Clear() { t.fill(0, 0, t.W, t.H, 0) }

// fill sets the pixels [x0, x1) × [y0, y1), which must lie inside.
func (t *Target) fill(x0, y0, x1, y1 int, v uint32) {
	n := x1 - x0
	if n <= 0 || y1 <= y0 {
		return
	}
	if n < 16 {
		for y := y0; y < y1; y++ {
			row := t.Pix[y*t.Stride+x0:][:n]
			for i := range row {
				row[i] = v
			}
		}
		return
	}
	first := t.Pix[y0*t.Stride+x0:][:n]
	for i := range first[:16] {
		first[i] = v
	}
	for done := 16; done < n; done *= 2 {
		copy(first[done:], first[:done])
	}
	for y := y0 + 1; y < y1; y++ {
		copy(t.Pix[y*t.Stride+x0:][:n], first)
	}
}

// blend draws colour c through an alpha mask.
func (t *Target) blend(x, y int, mask []uint8, w, h int, c Color) {
	x0, x1 := max(x, 0), min(x+w, t.W)
	y0, y1 := max(y, 0), min(y+h, t.H)
	if x0 >= x1 {
		return
	}
	r, g, b := uint32(c.R), uint32(c.G), uint32(c.B)
	for py := y0; py < y1; py++ {
		row := t.Pix[py*t.Stride+x0:][:x1-x0]
		src := mask[(py-y)*w+x0-x:]
		for i := range row {
			a := uint32(src[i])
			if a == 0 {
				continue
			}
			p := (*[4]uint8)(unsafe.Pointer(&row[i]))
			k := 255 - a
			p[0] = uint8((uint32(p[0])*k + r*a + 127) / 255)
			p[1] = uint8((uint32(p[1])*k + g*a + 127) / 255)
			p[2] = uint8((uint32(p[2])*k + b*a + 127) / 255)
			p[3] = uint8((uint32(p[3])*k + 255*a + 127) / 255)
		}
	}
}

// Image returns the target's pixels as an image that shares its memory.
func (t *Target) Image() *image.RGBA {
	m := &image.RGBA{Stride: t.Stride * 4, Rect: image.Rect(0, 0, t.W, t.H)}
	if len(t.Pix) > 0 {
		m.Pix = unsafe.Slice((*uint8)(unsafe.Pointer(&t.Pix[0])), len(t.Pix)*4)
	}
	return m
}
