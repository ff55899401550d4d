package viz

import "encoding/binary"

// Class says what a rectangle shows; the palette turns it into a colour.
type Class uint8

const (
	ClassWeight Class = iota
	ClassKV
	ClassActivation
	ClassGradient
	ClassOptimizer
	ClassOutput
	ClassScratch
	ClassOther
	ClassCompute
	ClassTransfer
	ClassWriteBack
	ClassWaitCopy      // waited for its own transfer
	ClassWaitQueue     // waited for queued predecessors
	ClassWaitWriteBack // waited for a write-back
	ClassTier0         // fastest of the slate ramp for tiers
	ClassTier1
	ClassTier2
	ClassTier3
	ClassLoop // background band of a periodic loop
	numClasses
)

var classNames = [numClasses]string{
	"weights", "KV cache", "activations", "gradients", "optimizer", "outputs", "scratch", "other",
	"compute", "transfer", "write-back", "wait: copy", "wait: queue", "wait: write-back",
	"tier 0", "tier 1", "tier 2", "tier 3", "periodic loop",
}

// String is the class's name in legends.
func (c Class) String() string {
	if c < numClasses {
		return classNames[c]
	}
	return "other"
}

// Color is an opaque sRGB colour.
type Color struct{ R, G, B uint8 }

// hex makes a Color of 0xRRGGBB.
func hex(v uint32) Color { return Color{uint8(v >> 16), uint8(v >> 8), uint8(v)} }

// Mix blends share of b into a, in sRGB.
func Mix(a, b Color, share float64) Color {
	f := func(x, y uint8) uint8 { return uint8(float64(x)*(1-share) + float64(y)*share + 0.5) }
	return Color{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B)}
}

// pixel is the colour as one word in the byte order of image.RGBA.
func (c Color) pixel() uint32 { return binary.NativeEndian.Uint32([]byte{c.R, c.G, c.B, 255}) }

// luminance is the relative luminance of WCAG 2.
func (c Color) luminance() float64 {
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// Ink is a colour slot that everything outside scenes is drawn with, so that a
// picture can change theme without being laid out again (in SVG: a CSS class).
// Inks from InkFill on are the fills of classes, from InkLabel on the label
// colours on these fills, from InkStripe on the stripes of hatches.
type Ink uint8

const (
	InkBackground Ink = iota
	InkSurface
	InkLine
	InkText
	InkMuted
	InkAccent
	InkSelected
	InkGood
	InkBad
	InkFill   Ink = 16
	InkLabel  Ink = 64
	InkStripe Ink = 96
	numInks       = 128
)

// Fill is the ink of a class's fill.
func Fill(c Class) Ink { return InkFill + Ink(c) }

// Palette gives every ink a colour, and every class what the rasteriser needs.
type Palette struct {
	Name string
	Dark bool
	Inks [numInks]Color

	class [numClasses]classPaint
}

// classPaint is a class's colours ready for the pixel loops.
type classPaint struct {
	fill, edge, stripe uint32
	rgb                [3]float32 // fill
	mean               [3]float32 // of fill and stripe in the hatch's proportion
	label              Color
}

type base struct{ background, surface, line, text, muted, accent, selected, good, bad uint32 }

// fills: the first five are the set whose pairwise difference (CIE76) is ≥ 24
// also under simulated deuteranopia, protanopia and tritanopia.
var fills = [numClasses]uint32{
	ClassWeight: 0x2E5FA3, ClassKV: 0xE3BC55, ClassActivation: 0x7CCDBB, ClassGradient: 0xA33B6F, ClassOptimizer: 0xA9A3E0,
	ClassOutput: 0x3F8F6B, ClassScratch: 0x9AA5B4, ClassOther: 0x7F8A98,
	ClassCompute: 0x2E5FA3, ClassTransfer: 0x7CCDBB, ClassWriteBack: 0xA9A3E0,
	ClassWaitCopy: 0xD9541E, ClassWaitQueue: 0xE3BC55, ClassWaitWriteBack: 0xA33B6F,
	ClassTier0: 0x1F2A44, ClassTier1: 0x44587F, ClassTier2: 0x7F93B5, ClassTier3: 0xBAC6DA,
	ClassLoop: 0xC9D3E0,
}

// contrastFills are the fills of the high-contrast palettes: Okabe and Ito's
// colour-blind-safe set for the data classes, its yellow darkened to show on white.
var contrastFills = [numClasses]uint32{
	ClassWeight: 0x0072B2, ClassKV: 0xE6C700, ClassActivation: 0x56B4E9, ClassGradient: 0xD55E00, ClassOptimizer: 0xCC79A7,
	ClassOutput: 0x009E73, ClassScratch: 0xB8B8B8, ClassOther: 0x6E6E6E,
	ClassCompute: 0x0072B2, ClassTransfer: 0x56B4E9, ClassWriteBack: 0x009E73,
	ClassWaitCopy: 0xD55E00, ClassWaitQueue: 0xE6C700, ClassWaitWriteBack: 0xCC79A7,
	ClassTier0: 0x1A1A1A, ClassTier1: 0x555555, ClassTier2: 0x909090, ClassTier3: 0xD0D0D0,
	ClassLoop: 0xC0C0C0,
}

// The palettes. In Light and Dark the five data classes keep their fills, so a
// screenshot in either reads the same; both are safe for colour-blind readers.
var (
	Light = newPalette("light", false, base{0xF6F7F9, 0xFFFFFF, 0xDDE2E9, 0x1B2430, 0x5C697B, 0x1F5FBF, 0xE4572E, 0x1E7B4F, 0xB3261E}, fills)
	Dark  = newPalette("dark", true, base{0x14181E, 0x1B2129, 0x2A323D, 0xE4E9F0, 0x8D9AAB, 0x6FA8FF, 0xFF7A52, 0x5CC990, 0xFF8A80}, darkFills())

	HighContrast     = newPalette("high-contrast", false, base{0xFFFFFF, 0xFFFFFF, 0x767676, 0x000000, 0x2B2B2B, 0x003EAA, 0xC00000, 0x005A2B, 0x9B0000}, contrastFills)
	HighContrastDark = newPalette("high-contrast-dark", true, base{0x000000, 0x000000, 0x8C8C8C, 0xFFFFFF, 0xDADADA, 0x8FC1FF, 0xFFD400, 0x7CFFB2, 0xFF9E9E}, darkContrastFills())
)

// Palettes lists all palettes by name.
func Palettes() []*Palette { return []*Palette{Light, Dark, HighContrast, HighContrastDark} }

// darkFills turns the slate ramp round so that it stays visible on a dark
// surface; everything else keeps its fill.
func darkFills() [numClasses]uint32 {
	f := fills
	f[ClassTier0], f[ClassTier1], f[ClassTier2], f[ClassTier3] = 0xBAC6DA, 0x7F93B5, 0x55698F, 0x36435E
	f[ClassLoop] = 0x303A47
	return f
}

func darkContrastFills() [numClasses]uint32 {
	f := contrastFills
	f[ClassTier0], f[ClassTier1], f[ClassTier2], f[ClassTier3] = 0xF0F0F0, 0xB0B0B0, 0x808080, 0x505050
	f[ClassLoop] = 0x404040
	return f
}

func newPalette(name string, dark bool, b base, fill [numClasses]uint32) *Palette {
	p := &Palette{Name: name, Dark: dark}
	for i, v := range []uint32{b.background, b.surface, b.line, b.text, b.muted, b.accent, b.selected, b.good, b.bad} {
		p.Inks[i] = hex(v)
	}
	for c := Class(0); c < numClasses; c++ {
		p.setClass(c, hex(fill[c]))
	}
	return p
}

// hatchShare is the share of a hatched area that the stripes cover.
const hatchShare = 3.0 / 8

func (p *Palette) setClass(c Class, fill Color) {
	label := Color{255, 255, 255}
	if dark := hex(0x1B2430); Contrast(dark, fill) > Contrast(label, fill) {
		label = dark
	}
	p.Inks[InkFill+Ink(c)], p.Inks[InkLabel+Ink(c)] = fill, label
	stripe := Mix(fill, p.Inks[InkSurface], 0.62)
	p.Inks[InkStripe+Ink(c)] = stripe
	mean := Mix(fill, stripe, hatchShare)
	edge := Mix(fill, p.Inks[InkSurface], 0.45)
	p.class[c] = classPaint{
		fill: fill.pixel(), edge: edge.pixel(), stripe: stripe.pixel(),
		rgb:   [3]float32{float32(fill.R), float32(fill.G), float32(fill.B)},
		mean:  [3]float32{float32(mean.R), float32(mean.G), float32(mean.B)},
		label: label,
	}
}

// Dimmed is the palette with every class but the kept ones faded to 35 % over
// the surface: what a view shows when a class or a tensor is selected.
func (p *Palette) Dimmed(keep ...Class) *Palette {
	q := *p
	for c := Class(0); c < numClasses; c++ {
		kept := false
		for _, k := range keep {
			kept = kept || k == c
		}
		if !kept {
			q.setClass(c, Mix(p.Inks[InkSurface], p.Inks[InkFill+Ink(c)], 0.35))
		}
	}
	return &q
}
