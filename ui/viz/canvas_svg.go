package viz

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
)

// SVGOptions says how a figure becomes SVG.
type SVGOptions struct {
	Palette *Palette // nil: Light, and Dark where the reader's system asks for it
	Label   string   // what the picture is, for screen readers; "": the figure's title
	ID      string   // prefix of element ids, unique within a page
	// MaxRects is how many rectangles of one scene stay vectors; a denser scene
	// becomes an embedded PNG of the data area at twice the size, axes and text
	// stay vectors. 0: 6000.
	MaxRects int
}

const (
	defaultMaxRects = 6000
	leastPx         = 0.7 // thinner rectangles would vanish between pixels
)

// WriteSVG renders the figure as SVG of w × h logical pixels.
func (f *Figure) WriteSVG(out io.Writer, w, h int, o SVGOptions) error {
	if w < 1 || h < 1 || w > maxImagePixels/h {
		return fmt.Errorf("picture of %d x %d pixels: want sizes from 1 x 1 to %d pixels in all", w, h, maxImagePixels)
	}
	if o.MaxRects == 0 {
		o.MaxRects = defaultMaxRects
	}
	c := &svgCanvas{o: o}
	f.draw(c, float64(w), float64(h))
	b := bufio.NewWriter(out)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" class="viz" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`, w, h, w, h, escape(cmp.Or(o.Label, f.Title)))
	b.WriteString("\n<style>")
	writeStyle(b, o.Palette)
	b.WriteString("</style>")
	b.WriteString("\n<defs>")
	for class := range numClasses {
		for _, pattern := range []Pattern{Hatch, HatchOut} {
			if c.used[class]&(1<<pattern) == 0 {
				continue
			}
			angle := 45
			if pattern == HatchOut {
				angle = -45
			}
			fmt.Fprintf(b, `<pattern id="%s" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(%d)"><rect width="6" height="6" class="i%d"/><rect width="2.25" height="6" class="i%d"/></pattern>`,
				c.patternID(class, pattern), angle, InkFill+Ink(class), InkStripe+Ink(class))
		}
	}
	for i, clip := range c.clips {
		fmt.Fprintf(b, `<clipPath id="%sc%d"><rect x="%s" y="%s" width="%s" height="%s"/></clipPath>`, escape(o.ID), i, num(clip.x), num(clip.y), num(clip.w), num(clip.h))
	}
	b.WriteString("</defs>\n")
	b.Write(c.body.Bytes())
	b.WriteString("</svg>\n")
	return b.Flush()
}

// writeStyle writes the rules that colour the classes: of one palette, or light
// ones followed by dark ones for readers whose system asks for them.
func writeStyle(b *bufio.Writer, p *Palette) {
	if p != nil {
		writeInks(b, p)
		return
	}
	writeInks(b, Light)
	b.WriteString(".viz .only-dark{display:none}\n@media (prefers-color-scheme: dark) {\n.viz .only-light{display:none}.viz .only-dark{display:inline}\n")
	writeInks(b, Dark)
	b.WriteString("}\n")
}

func writeInks(b *bufio.Writer, p *Palette) {
	for ink := range Ink(numInks) {
		named := ink <= InkBad || ink >= InkFill && ink < InkFill+Ink(numClasses) ||
			ink >= InkLabel && ink < InkLabel+Ink(numClasses) || ink >= InkStripe && ink < InkStripe+Ink(numClasses)
		if !named {
			continue
		}
		c := p.Inks[ink]
		fmt.Fprintf(b, ".viz .i%d{fill:#%02x%02x%02x}", ink, c.R, c.G, c.B)
		if ink < InkLabel {
			fmt.Fprintf(b, ".viz .s%d{stroke:#%02x%02x%02x;fill:none}", ink, c.R, c.G, c.B)
		}
		b.WriteByte('\n')
	}
	b.WriteString(".viz text{font-family:Go,\"Noto Sans\",\"DejaVu Sans\",Verdana,sans-serif}\n")
}

// svgCanvas writes SVG elements.
type svgCanvas struct {
	o     SVGOptions
	body  bytes.Buffer
	used  [numClasses]uint8 // bit per pattern
	clips []plot
}

func (c *svgCanvas) patternID(class Class, pattern Pattern) string {
	return fmt.Sprintf("%sh%d-%d", escape(c.o.ID), class, pattern)
}

// num writes a coordinate to a hundredth of a pixel.
func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

// escape makes text safe in XML text and attributes, control characters left
// out since XML has no way to write them.
func escape(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == '\ufffe' || r == '\uffff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return html.EscapeString(clean)
}

// fontSlack allows for a reader's font that is wider than the one measured.
const fontSlack = 1.12

func (c *svgCanvas) width(s string, size float64, bold bool) float64 {
	return DefaultFont(size, bold).Width(s) * fontSlack
}

func (c *svgCanvas) rect(x, y, w, h float64, ink Ink) {
	fmt.Fprintf(&c.body, `<rect x="%s" y="%s" width="%s" height="%s" class="i%d"/>`+"\n", num(x), num(y), num(w), num(h), ink)
}

// fill is the attribute that paints a class with a pattern.
func (c *svgCanvas) fill(class Class, pattern Pattern) string {
	if pattern == Solid {
		return fmt.Sprintf(`class="i%d"`, InkFill+Ink(class))
	}
	c.used[class] |= 1 << pattern
	return fmt.Sprintf(`fill="url(#%s)"`, c.patternID(class, pattern))
}

func (c *svgCanvas) swatch(x, y, w, h float64, class Class, pattern Pattern) {
	fmt.Fprintf(&c.body, `<rect x="%s" y="%s" width="%s" height="%s" rx="2" %s/>`+"\n", num(x), num(y), num(w), num(h), c.fill(class, pattern))
}

func (c *svgCanvas) line(a, b point, width float64, ink Ink, dash bool) {
	c.polyline([]point{a, b}, width, ink, dash)
}

func (c *svgCanvas) polyline(p []point, width float64, ink Ink, dash bool) {
	if len(p) < 2 {
		return
	}
	if len(p) == 2 && width <= 1 { // hairlines on pixel centres
		if p[0].X == p[1].X {
			x := math.Floor(p[0].X) + 0.5
			p = []point{{x, p[0].Y}, {x, p[1].Y}}
		} else if p[0].Y == p[1].Y {
			y := math.Floor(p[0].Y) + 0.5
			p = []point{{p[0].X, y}, {p[1].X, y}}
		}
	}
	fmt.Fprintf(&c.body, `<polyline class="s%d" stroke-width="%s"`, ink, num(width))
	if dash {
		c.body.WriteString(` stroke-dasharray="6 4"`)
	}
	c.points(p)
	c.body.WriteString("/>\n")
}

func (c *svgCanvas) points(p []point) {
	c.body.WriteString(` points="`)
	for i, q := range p {
		if i > 0 {
			c.body.WriteByte(' ')
		}
		c.body.WriteString(num(q.X) + "," + num(q.Y))
	}
	c.body.WriteByte('"')
}

func (c *svgCanvas) area(p []point, ink Ink, opacity float64) {
	fmt.Fprintf(&c.body, `<polygon class="i%d" opacity="%s"`, ink, num(opacity))
	c.points(p)
	c.body.WriteString("/>\n")
}

func (c *svgCanvas) text(x, baseline float64, s string, size float64, bold bool, ink Ink, at anchor) {
	if s == "" {
		return
	}
	fmt.Fprintf(&c.body, `<text x="%s" y="%s" font-size="%s" class="i%d"`, num(x), num(baseline), num(size), ink)
	if bold {
		c.body.WriteString(` font-weight="bold"`)
	}
	switch at {
	case anchorMiddle:
		c.body.WriteString(` text-anchor="middle"`)
	case anchorEnd:
		c.body.WriteString(` text-anchor="end"`)
	}
	fmt.Fprintf(&c.body, ">%s</text>\n", escape(s))
}

func (c *svgCanvas) scene(x, y, w, h float64, l Layer, view View) {
	s := l.Scene
	visible := s.Visible(nil, view)
	if len(visible) == 0 {
		return
	}
	if len(visible) > c.o.MaxRects {
		c.picture(x, y, w, h, l, view)
		return
	}
	clip := len(c.clips)
	c.clips = append(c.clips, plot{x: x, y: y, w: w, h: h})
	fmt.Fprintf(&c.body, `<g clip-path="url(#%sc%d)" shape-rendering="crispEdges">`+"\n", escape(c.o.ID), clip)
	font := DefaultFont(smallSize, false)
	for _, i := range visible {
		x0, y0 := view.Pixel(s.T0[i], s.A0[i], w, h)
		x1, y1 := view.Pixel(s.T1[i], s.A1[i], w, h)
		if y0 > y1 {
			y0, y1 = y1, y0
		}
		x0, y0, x1, y1 = max(x0, -8), max(y0, -8), min(x1, w+8), min(y1, h+8)
		if x1-x0 >= snapPx && !l.Flat {
			x0, x1 = math.Round(x0), math.Round(x1)
		}
		if y1-y0 >= snapPx && !l.Flat {
			y0, y1 = math.Round(y0), math.Round(y1)
		}
		ew, eh := x1-x0, y1-y0
		if l.Flat { // neighbours of one curve overlap a little rather than show a seam
			ew += 0.6
		}
		if ew >= edgePx && eh >= edgePx && !l.Flat { // the gap stands for the raster's edge
			ew, y0, eh = ew-1, y0+1, eh-1
		}
		fmt.Fprintf(&c.body, `<rect x="%s" y="%s" width="%s" height="%s" %s`, num(x+x0), num(y+y0), num(max(ew, leastPx)), num(max(eh, leastPx)), c.fill(s.Class[i], s.Pattern[i]))
		if l.Describe != nil {
			fmt.Fprintf(&c.body, "><title>%s</title></rect>\n", escape(l.Describe(s.Ref[i])))
		} else {
			c.body.WriteString("/>\n")
		}
		lx, ly := max(x0, 0), max(y0, 0)
		lw, lh := min(x1, w)-lx, min(y1, h)-ly
		if s.Label[i] == "" || lw < labelWPx || lh < labelHPx {
			continue
		}
		label := font.Truncate(s.Label[i], (lw-2*labelInset)/fontSlack)
		baseline := ly + smallSize + 2
		if lh < smallSize+10 {
			baseline = ly + lh/2 + smallSize*0.36
		}
		if label == s.Label[i] || len(label) > shortestCut {
			if s.Pattern[i] != Solid {
				fmt.Fprintf(&c.body, `<rect x="%s" y="%s" width="%s" height="%d" class="i%d" pointer-events="none"/>`+"\n", num(x+lx+labelInset-2), num(y+baseline-smallSize), num(min(font.Width(label)*fontSlack+4, lw-labelInset)), smallSize+4, InkFill+Ink(s.Class[i]))
			}
			fmt.Fprintf(&c.body, `<text x="%s" y="%s" font-size="%d" class="i%d" pointer-events="none">%s</text>`+"\n", num(x+lx+labelInset), num(y+baseline), smallSize, InkLabel+Ink(s.Class[i]), escape(label))
		}
	}
	c.body.WriteString("</g>\n")
}

// picture embeds the data area as PNG.
func (c *svgCanvas) picture(x, y, w, h float64, l Layer, view View) {
	if c.o.Palette == nil { // the style shows one of the two
		c.embed(x, y, w, h, l, view, Light, ` class="only-light"`)
		c.embed(x, y, w, h, l, view, Dark, ` class="only-dark"`)
		return
	}
	c.embed(x, y, w, h, l, view, c.o.Palette, "")
}

// embed writes the data area in one palette, on a transparent ground.
func (c *svgCanvas) embed(x, y, w, h float64, l Layer, view View, p *Palette, attributes string) {
	const k = 2
	iw, ih := max(int(w*k), 1), max(int(h*k), 1)
	m := sceneImage(iw, ih, l, view, p, DefaultFont(smallSize*k, false))
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return // a bytes.Buffer does not fail, and the size is positive
	}
	fmt.Fprintf(&c.body, `<image%s x="%s" y="%s" width="%s" height="%s" preserveAspectRatio="none" href="data:image/png;base64,%s"/>`+"\n",
		attributes, num(x), num(y), num(w), num(h), base64.StdEncoding.EncodeToString(b.Bytes()))
}
