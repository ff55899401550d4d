package viz

import "strata/trace"

// Figure is a picture before it has a size or a theme: titled panels, one above
// the other on a common horizontal axis, and a legend.
type Figure struct {
	Title    string
	Subtitle string
	Panels   []Panel
	Legend   []LegendItem
	Note     string // a line at the foot
	Empty    string // said instead of the panels when there are none

	bare bool // on a card of a window: its surface, hardly any margin
}

// Panel is one plot: scenes between axes.
type Panel struct {
	Title, Note string  // above the plot, left and right
	Height      float64 // logical pixels of the plot; 0: a share of what is left
	Weight      float64 // that share; 0 counts as 1
	View        View
	X, Y        Axis
	Rows        []Row // names of lanes at the left, instead of a Y axis
	Bands       []Band
	Layers      []Layer
	Series      []Series
	Dots        []Dot
	Marks       []Mark
	Frameless   bool // the scenes fill the plot (treemap)
	Subject     Subject
	Tree        []TreeNode // drawn instead of all that when it is not empty
}

// Subject is what a panel shows: tier or copy engine ID of a program, the lanes
// of runs, or the bytes of run ID.
type Subject struct {
	Kind SubjectKind
	ID   int
}

// SubjectKind says how a Subject's ID counts.
type SubjectKind uint8

const (
	SubjectOther SubjectKind = iota
	SubjectTier
	SubjectEngine
	SubjectLanes
	SubjectBytes
)

// Axis is drawn when its unit is not UnitNone; Label names the quantity.
type Axis struct {
	Unit  Unit
	Label string
}

// Row names the lane between A0 and A1.
type Row struct {
	A0, A1 float64
	Label  string
	Muted  bool
}

// Band shades [T0, T1) behind the scenes, with a caption at its top.
type Band struct {
	T0, T1 float64
	Label  string
}

// Layer is a scene in a panel. Describe gives the hover text of a rectangle by
// its Ref; nil: none.
type Layer struct {
	Scene    *Scene
	Describe func(ref int32) string
	Flat     bool // steps of one curve: no edges between rectangles
	// Slice gives what a rectangle of a timeline's lanes shows, and the run's
	// number among those drawn; nil in other pictures.
	Slice func(ref int32) (run int, s *trace.Slice)
}

// Mark is a horizontal line at A across the plot (Vertical: at T from top to
// bottom) with a label at its end.
type Mark struct {
	At       float64
	Vertical bool
	Label    string
	Ink      Ink
	Dash     bool
}

// Series is a line through (T, A) points in T order. Step holds each value
// until the next point. Area also tints what lies between the line and Floor.
type Series struct {
	T, A  []float64
	Ink   Ink
	Step  bool
	Dash  bool
	Area  bool
	Floor float64
}

// Dot is a single point with its name, which is left out where it would cover
// another. Ring marks the chosen one.
type Dot struct {
	T, A  float64
	Ink   Ink
	Label string
	Ring  bool
}

// LegendItem explains a fill, a hatch or a line.
type LegendItem struct {
	Ink     Ink
	Pattern Pattern
	Line    bool
	Dash    bool
	Label   string
}

// point is a position in logical pixels.
type point struct{ X, Y float64 }

// anchor says which end of a text its x means.
type anchor uint8

const (
	anchorStart anchor = iota
	anchorMiddle
	anchorEnd
)

// canvas is what a figure is drawn on: pixels or SVG. Coordinates are logical
// pixels, y downwards.
type canvas interface {
	rect(x, y, w, h float64, ink Ink)
	swatch(x, y, w, h float64, class Class, pattern Pattern)
	line(a, b point, width float64, ink Ink, dash bool)
	polyline(p []point, width float64, ink Ink, dash bool)
	area(p []point, ink Ink, opacity float64)
	text(x, baseline float64, s string, size float64, bold bool, ink Ink, at anchor)
	scene(x, y, w, h float64, layer Layer, view View)
	width(s string, size float64, bold bool) float64
}

// Sizes of type and space, in logical pixels.
const (
	titleSize   = 17
	textSize    = 12
	smallSize   = 11
	wideMargin  = 18
	bareMargin  = 2
	rowGap      = 6
	plotGap     = 14
	panelHead   = 20
	axisHeight  = 20
	axisCaption = 16
)

// plot is where a panel's data area lies.
type plot struct {
	x, y, w, h float64
	left       float64 // room of the labels before x
}

func (f *Figure) margin() float64 {
	if f.bare {
		return bareMargin
	}
	return wideMargin
}

// draw lays the figure out on a w × h canvas and draws it.
func (f *Figure) draw(c canvas, w, h float64) {
	margin, ground, gap := f.margin(), InkBackground, 6.0
	if f.bare {
		ground, gap = InkSurface, 0
	}
	c.rect(0, 0, w, h, ground)
	y := margin
	if f.Title != "" {
		y += titleSize
		c.text(margin, y, truncate(c, f.Title, titleSize, true, w-2*margin), titleSize, true, InkText, anchorStart)
		y += 4
	}
	if f.Subtitle != "" {
		y += textSize + 2
		c.text(margin, y, truncate(c, f.Subtitle, textSize, false, w-2*margin), textSize, false, InkMuted, anchorStart)
		y += 4
	}
	y = f.legend(c, w, y+gap)
	bottom := h - margin
	if f.Note != "" {
		c.text(margin, bottom, truncate(c, f.Note, smallSize, false, w-2*margin), smallSize, false, InkMuted, anchorStart)
		bottom -= smallSize + 8
	}
	if len(f.Panels) == 0 {
		message := f.Empty
		if message == "" {
			message = "Nothing to show."
		}
		c.rect(margin, y, w-2*margin, max(bottom-y, 0), InkSurface)
		c.text(w/2, (y+bottom)/2+textSize/2, truncate(c, message, textSize, false, w-4*margin), textSize, false, InkMuted, anchorMiddle)
		return
	}
	for i, p := range f.layout(c, w, y, bottom) {
		if p.w > 0 && p.h > 0 {
			f.Panels[i].draw(c, p, f.Panels[len(f.Panels)-1].X.Unit)
		}
	}
}

// truncate shortens a string to a width on a canvas.
func truncate(c canvas, s string, size float64, bold bool, width float64) string {
	w := c.width(s, size, bold)
	if w <= width {
		return s
	}
	font := DefaultFont(size, bold)
	return font.Truncate(s, width*font.Width(s)/w)
}

// legend draws the legend in as many rows as it needs and returns the y below.
func (f *Figure) legend(c canvas, w, y float64) float64 {
	if len(f.Legend) == 0 {
		return y
	}
	const box, gap = 12, 16
	margin := f.margin()
	x := margin
	y += box
	for _, item := range f.Legend {
		width := box + 6 + c.width(item.Label, textSize, false)
		if x+width > w-margin && x > margin {
			x, y = margin, y+box+rowGap+2
		}
		switch {
		case item.Line:
			c.line(point{x, y - box/2 + 1}, point{x + box, y - box/2 + 1}, 2, item.Ink, item.Dash)
		case item.Ink >= InkFill && item.Ink < InkLabel:
			c.swatch(x, y-box+1, box, box, Class(item.Ink-InkFill), item.Pattern)
		default:
			c.rect(x, y-box+1, box, box, item.Ink)
		}
		c.text(x+box+6, y-1, item.Label, textSize, false, InkText, anchorStart)
		x += width + gap
	}
	return y + 8
}

// layout shares the height between top and bottom out to the panels; the left
// margin is the same for all, wide enough for the widest label.
func (f *Figure) layout(c canvas, w, top, bottom float64) []plot {
	left, margin := 0.0, f.margin()
	fixed, heights, weights := 0.0, 0.0, 0.0
	for i := range f.Panels {
		p := &f.Panels[i]
		left = max(left, p.leftWidth(c))
		fixed += p.furniture()
		if i > 0 {
			fixed += plotGap
		}
		if p.Height > 0 {
			heights += p.Height
		} else {
			weights += p.weight()
		}
	}
	left = min(left, w/3)
	room := max(bottom-top-fixed, 0)
	shrink := 1.0 // where the heights asked for do not fit
	if heights > room {
		shrink = room / heights
	}
	free := max(room-heights, 0)
	plots := make([]plot, len(f.Panels))
	y := top
	for i := range f.Panels {
		p := &f.Panels[i]
		h := p.Height * shrink
		if h == 0 {
			h = free * p.weight() / weights
		}
		if p.Title != "" || p.Note != "" {
			y += panelHead
		}
		plots[i] = plot{margin + left, y, w - 2*margin - left, h, left}
		y += h + p.below() + plotGap
	}
	return plots
}

func (p *Panel) weight() float64 {
	if p.Weight > 0 {
		return p.Weight
	}
	return 1
}

// below is the height of the horizontal axis.
func (p *Panel) below() float64 {
	h := 0.0
	if p.X.Unit != UnitNone {
		h += axisHeight
		if p.X.Label != "" {
			h += axisCaption
		}
	}
	return h
}

func (p *Panel) furniture() float64 {
	h := p.below()
	if p.Title != "" || p.Note != "" {
		h += panelHead
	}
	return h
}

// leftWidth is the room the panel's left labels need.
func (p *Panel) leftWidth(c canvas) float64 {
	w := 0.0
	for _, r := range p.Rows {
		w = max(w, c.width(r.Label, smallSize, false)+10)
	}
	for _, t := range Ticks(p.Y.Unit, p.View.low(), p.View.high(), 5) {
		w = max(w, c.width(t.Label, smallSize, false)+10)
	}
	return w
}

// Plots returns where each panel's data area lies in a picture of w × h logical
// pixels, so that a window can put its own tiles and overlays there.
func (f *Figure) Plots(w, h float64) (x, y, width, height []float64) {
	probe := &probeCanvas{}
	f.draw(probe, w, h)
	for _, p := range probe.plots {
		x, y = append(x, p.x), append(y, p.y)
		width, height = append(width, p.w), append(height, p.h)
	}
	return
}
