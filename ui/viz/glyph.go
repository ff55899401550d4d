package viz

import (
	"fmt"
	"image"
	"sync"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// phases is the number of horizontal sub-pixel positions a glyph is cached at.
const phases = 4

// glyph is an alpha mask of one character at one phase.
type glyph struct {
	mask      []uint8
	w, h      int
	left, top int // of the mask, relative to the pen and the baseline
	advance   fixed.Int26_6
}

// Font is a typeface at one pixel size with cached glyph masks. It is safe for
// concurrent use.
type Font struct {
	Ascent, Height int // pixels
	mu             sync.Mutex
	face           font.Face
	ascii          [128][phases]glyph
	other          map[rune]*[phases]glyph
	px             float64
	outlines       *opentype.Font
	lent           bool // characters it lacks come from DefaultFont
}

// NewFont makes a Font from TrueType or OpenType data at a size in pixels.
func NewFont(ttf []byte, px float64) (*Font, error) {
	parsed, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("parse font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: px, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("font at %g px: %w", px, err)
	}
	m := face.Metrics()
	f := &Font{Ascent: m.Ascent.Ceil(), Height: m.Height.Ceil(), face: face, other: map[rune]*[phases]glyph{}, px: px, outlines: parsed, lent: true}
	for r := rune(' '); r < 127; r++ {
		f.rasterise(&f.ascii[r], r)
	}
	return f, nil
}

func (f *Font) rasterise(g *[phases]glyph, r rune) {
	for p := range phases {
		dot := fixed.Point26_6{X: fixed.Int26_6(p * 64 / phases)}
		dr, mask, at, advance, ok := f.face.Glyph(dot, r)
		if !ok {
			dr, mask, at, advance, ok = f.face.Glyph(dot, '\ufffd')
		}
		out := &g[p]
		out.advance = advance
		alpha, isAlpha := mask.(*image.Alpha)
		if !ok || !isAlpha || dr.Empty() {
			continue
		}
		out.w, out.h, out.left, out.top = dr.Dx(), dr.Dy(), dr.Min.X, dr.Min.Y
		out.mask = make([]uint8, out.w*out.h)
		for y := range out.h {
			src := alpha.PixOffset(at.X, at.Y+y)
			copy(out.mask[y*out.w:(y+1)*out.w], alpha.Pix[src:src+out.w])
		}
	}
}

// glyph returns r's masks.
func (f *Font) glyph(r rune) *[phases]glyph {
	if r >= ' ' && r < 127 {
		return &f.ascii[r]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.other[r]
	if g == nil {
		if f.lent && !f.Has(r) { // an arrow, in the window's typeface
			g = DefaultFont(f.px, false).glyph(r)
		} else {
			g = new([phases]glyph)
			f.rasterise(g, r)
		}
		f.other[r] = g
	}
	return g
}

// Has says whether the typeface itself has a character.
func (f *Font) Has(r rune) bool {
	i, err := f.outlines.GlyphIndex(nil, r)
	return err == nil && i != 0
}

// Width is the advance width of s in pixels.
func (f *Font) Width(s string) float64 {
	var w fixed.Int26_6
	for _, r := range s {
		w += f.glyph(r)[0].advance
	}
	return float64(w) / 64
}

// fit is how many bytes of s fit in width pixels; where not all do, room is
// left for an ellipsis (0: not even that and one character).
func (f *Font) fit(s string, width float64) (bytes int, cut bool) {
	limit := fixed.Int26_6(width * 64)
	dots := f.glyph('…')[0].advance
	var w fixed.Int26_6
	within := 0
	for i, r := range s {
		w += f.glyph(r)[0].advance
		if w > limit {
			return within, true
		}
		if w+dots <= limit {
			within = i + utf8.RuneLen(r)
		}
	}
	return len(s), false
}

// Truncate shortens s to fit in width pixels, ending it with an ellipsis;
// "" when nothing useful fits.
func (f *Font) Truncate(s string, width float64) string {
	n, cut := f.fit(s, width)
	if !cut {
		return s
	}
	if n == 0 {
		return ""
	}
	return s[:n] + "…"
}

// draw blits s with the pen at (x, baseline) of the target's own pixels and
// returns the pen's end.
func (f *Font) draw(t *Target, x float64, baseline int, s string, c Color) float64 {
	pen := fixed.Int26_6(x*64 + 0.5)
	for _, r := range s {
		masks := f.glyph(r)
		phase := int(pen&63) * phases / 64
		g := &masks[phase]
		if g.mask != nil {
			t.blend(int(pen>>6)+g.left, baseline+g.top, g.mask, g.w, g.h, c)
		}
		pen += g.advance
	}
	return float64(pen) / 64
}

// The fonts of pictures: Go Regular and Go Bold, so that output is the same on
// every machine.
var fontCache struct {
	sync.Mutex
	fonts map[fontKey]*Font
}

type fontKey struct {
	px   float64
	bold bool
}

// DefaultFont is the package's own font at a size in pixels, cached for the
// life of the process (sizes are few).
func DefaultFont(px float64, bold bool) *Font {
	fontCache.Lock()
	defer fontCache.Unlock()
	k := fontKey{px, bold}
	if f := fontCache.fonts[k]; f != nil {
		return f
	}
	data := goregular.TTF
	if bold {
		data = gobold.TTF
	}
	f, err := NewFont(data, px)
	if err != nil {
		panic("viz: embedded font: " + err.Error()) // the data is compiled in
	}
	f.lent = false
	if fontCache.fonts == nil {
		fontCache.fonts = map[fontKey]*Font{}
	}
	fontCache.fonts[k] = f
	return f
}
