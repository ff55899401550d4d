package widgets

import (
	"image/color"
	"math"
	"slices"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"strata/ui/viz"
)

// Key names what a rectangle of a figure belongs to (a tensor, an instruction),
// as the plot's owner numbers it. Everything with one key lights up together.
type Key int64

// NoKey belongs to nothing.
const NoKey Key = -1

// Hit is what lies under a point of a plot.
type Hit struct {
	Panel int
	Layer int
	Index int // rectangle of the layer's scene, -1: none there
	Ref   int32
	Key   Key
	T, A  float64
}

// On says that there is a rectangle.
func (h *Hit) On() bool { return h.Index >= 0 }

// Arrow joins two places of a plot.
type Arrow struct {
	FromPanel, ToPanel     int
	FromT, FromA, ToT, ToA float64
}

// DropVerdict is what a plot shows while something is dragged over a panel.
type DropVerdict struct {
	Lines []string
	Tone  viz.Ink // colour of the first line and of the panel's outline
}

// Plot shows a viz.Figure and lets the user zoom, pan, hover, select and drag.
// Its panels share the horizontal view. Fields are set before it is shown.
type Plot struct {
	widget.BaseWidget

	// Key numbers rectangles; nil: they belong to nothing.
	Key func(panel int, ref int32) Key
	// Tip gives the lines of the tooltip, first one bold; nil: the layer's own description.
	Tip func(h Hit) []string
	// Arrows gives the arrows to draw for a hovered or selected key; nil: none.
	Arrows func(k Key) []Arrow

	OnHover     func(h Hit)                       // h.On() false: nothing there
	OnTap       func(h Hit, mod fyne.KeyModifier) // primary button
	OnDoubleTap func(h Hit)
	OnMenu      func(h Hit, at fyne.Position) // secondary button, absolute position
	OnCursor    func(t float64, on bool)      // pointer's time
	OnView      func(t0, t1 float64)          // the user moved or zoomed
	OnRange     func(t0, t1 float64)          // the user dragged over a stretch
	CanDrag     func(h Hit) bool              // this rectangle may be dragged to other panels
	OnDragOver  func(from Hit, panel int) DropVerdict
	OnDrop      func(from Hit, panel int)

	BothAxes bool // zoom both axes together (treemaps)
	Compact  bool // no axis caption

	// Do runs a function on the window's goroutine; nil: fyne.Do.
	Do func(func())

	// Synchronous draws tiles at once, anti-aliased, on the caller's goroutine: tests.
	Synchronous bool

	figure  *viz.Figure
	palette *viz.Palette
	unit    viz.Unit
	caption string
	panels  []*plotPanel
	t0, t1  float64 // shown
	home    viz.View

	hover    Key
	selected []Key
	lit      uint64       // numbers what keeps its colours among the faded; 0: nothing fades
	faded    *viz.Palette // what the rest is drawn with
	unlit    bool         // a new figure, nothing selected on it yet
	pinned   []Key
	marks    []mark // the user's
	cursorT  float64
	cursorOn bool
	rangeT   [2]float64
	rangeOn  bool

	root       *fyne.Container
	ground     *canvas.Rectangle
	dirt       *canvas.Rectangle
	texts      *textPool
	axis       *canvas.Raster
	overlays   *fyne.Container // arrows, chips, range
	arrows     []*canvas.Line
	chips      *textPool
	shade      *canvas.Rectangle
	target     *canvas.Rectangle // panel under what is dragged
	tip        *tipBox
	empty      *canvas.Text
	size       fyne.Size
	left       float32
	input      plotInput
	rest       *time.Timer
	gesture    bool
	zoomed     time.Time      // last change of the zoom in a gesture
	raster     viz.Rasterizer // synchronous mode
	arrivalsMu sync.Mutex
	arrivals   []arrival
	posted     bool
	scale      float32
	meter      *Meter
	visible    []int // reused
}

// NewPlot returns an empty plot.
func NewPlot() *Plot {
	p := &Plot{hover: NoKey, palette: viz.Light, t1: 1, scale: 1}
	p.ground = canvas.NewRectangle(color.Transparent)
	p.dirt = canvas.NewRectangle(color.Transparent)
	p.shade = canvas.NewRectangle(color.Transparent)
	p.shade.Hide()
	p.target = canvas.NewRectangle(color.Transparent)
	p.target.StrokeWidth, p.target.CornerRadius = 2, 3
	p.target.Hide()
	p.texts, p.chips = newTextPool(), newTextPool()
	p.overlays = newLayer()
	p.axis = canvas.NewRaster(p.drawAxis)
	p.axis.ScaleMode = canvas.ImageScalePixels
	p.tip = newTipBox()
	p.empty = canvas.NewText("", color.Black)
	p.empty.Alignment = fyne.TextAlignCenter
	p.root = newLayer(p.ground, p.dirt)
	p.ExtendBaseWidget(p)
	return p
}

// SetMeter counts the plot's work on the main thread into m; nil: not.
func (p *Plot) SetMeter(m *Meter) { p.meter = m }

// panelIDs numbers the content of panels for the tile cache.
var panelIDs uint64

// SetFigure shows another figure. keep leaves the horizontal view, and the
// vertical views where the panels' homes are the same, as they are.
func (p *Plot) SetFigure(f *viz.Figure, keep bool) {
	old := p.panels
	for _, pp := range old {
		tiles.want(pp, nil)
	}
	p.figure, p.panels, p.caption = f, nil, ""
	p.unit = viz.UnitNone
	if f != nil {
		for i := range f.Panels {
			panelIDs++
			pp := &plotPanel{plot: p, index: i, panel: &f.Panels[i], content: panelIDs, home: f.Panels[i].View}
			pp.view = pp.home
			pp.build()
			p.panels = append(p.panels, pp)
		}
		if n := len(f.Panels); n > 0 {
			p.unit, p.caption = f.Panels[n-1].X.Unit, f.Panels[n-1].X.Label
			home := p.home
			p.home = f.Panels[0].View
			if !keep || !(p.t1 > p.t0) || home.T0 != p.home.T0 || home.T1 != p.home.T1 {
				p.t0, p.t1 = p.home.T0, p.home.T1
			} else {
				for i, pp := range p.panels {
					if i < len(old) && old[i].home == pp.home {
						pp.view = old[i].view
					}
				}
			}
		}
	}
	p.hover = NoKey
	p.tip.hide()
	p.lit, p.faded, p.unlit = 0, nil, true
	p.assemble()
	p.layout()
}

// Figure is what the plot shows.
func (p *Plot) Figure() *viz.Figure { return p.figure }

// ViewFigure is the figure as it is zoomed now, for exports.
func (p *Plot) ViewFigure() *viz.Figure {
	if p.figure == nil {
		return nil
	}
	f := *p.figure
	f.Panels = append([]viz.Panel(nil), f.Panels...)
	for i, pp := range p.panels {
		f.Panels[i].View = pp.view
		f.Panels[i].View.T0, f.Panels[i].View.T1 = p.t0, p.t1
	}
	return &f
}

// SetPalette changes the theme.
func (p *Plot) SetPalette(pal *viz.Palette) {
	if p.palette == pal {
		return
	}
	p.palette = pal
	p.light()
	p.layout()
}

// assemble puts the objects in drawing order.
func (p *Plot) assemble() {
	o := []fyne.CanvasObject{p.ground, p.dirt}
	for _, pp := range p.panels {
		o = append(o, pp.clip)
	}
	o = append(o, p.axis, p.texts.layer, p.shade, p.target, p.overlays, p.chips.layer, p.empty, p.tip.layer)
	p.root.Objects = o
}

// repaint asks for a new frame without redrawing any texture.
func (p *Plot) repaint() { canvas.Refresh(p.dirt) }

// maxZoom keeps pictures below 2^31 pixels a side.
const maxZoom = 1 << 18

// do runs f on the window's goroutine.
func (p *Plot) do(f func()) {
	if p.Do != nil {
		p.Do(f)
		return
	}
	fyne.Do(f)
}

// SetHover lights up everything with a key.
func (p *Plot) SetHover(k Key) {
	if p.hover == k {
		return
	}
	defer p.meter.Measure()()
	p.hover = k
	p.drawMarks()
	p.repaint()
}

// Select outlines everything with these keys and fades the rest.
func (p *Plot) Select(keys ...Key) {
	defer p.meter.Measure()()
	if p.unlit || !slices.Equal(p.selected, keys) {
		p.unlit = false
		p.selected = append(p.selected[:0], keys...)
		if p.light() {
			for _, pp := range p.panels {
				pp.update()
			}
		}
	}
	p.drawMarks()
	p.repaint()
}

// Pin outlines what the user locked, thinly.
func (p *Plot) Pin(keys ...Key) {
	p.pinned = append(p.pinned[:0], keys...)
	p.drawMarks()
	p.repaint()
}

// ToggleMark puts a mark at the time cursor in place of the last that was not
// kept, or takes the one there away.
func (p *Plot) ToggleMark() {
	if !p.cursorOn {
		return
	}
	i := p.markHere()
	p.marks = slices.DeleteFunc(p.marks, func(m mark) bool { return i < 0 && !m.kept || i >= 0 && m == p.marks[i] })
	if i < 0 {
		p.marks = append(p.marks, mark{t: p.cursorT})
	}
	p.drawMarks()
	p.repaint()
}

// KeepMark puts a mark at the time cursor that stays until all are removed.
func (p *Plot) KeepMark() {
	if !p.cursorOn {
		return
	}
	if i := p.markHere(); i >= 0 {
		p.marks[i].kept = true
	} else {
		p.marks = append(p.marks, mark{p.cursorT, true})
	}
	p.drawMarks()
	p.repaint()
}

// markHere is the mark at the time cursor, -1: none.
func (p *Plot) markHere() int {
	near := (p.t1 - p.t0) * 0.004
	return slices.IndexFunc(p.marks, func(m mark) bool { return math.Abs(m.t-p.cursorT) < near })
}

// ClearMarks takes all marks away.
func (p *Plot) ClearMarks() {
	p.marks = nil
	p.drawMarks()
	p.repaint()
}

// SetCursor draws the time cursor.
func (p *Plot) SetCursor(t float64, on bool) {
	if p.cursorT == t && p.cursorOn == on {
		return
	}
	p.cursorT, p.cursorOn = t, on
	p.drawCursor()
	p.repaint()
}

// SetRange shades a stretch; on false: none.
func (p *Plot) SetRange(t0, t1 float64, on bool) {
	p.rangeT, p.rangeOn = [2]float64{min(t0, t1), max(t0, t1)}, on
	p.drawRange()
	p.repaint()
}

// ChooseRange shades a stretch as if the user had dragged over it.
func (p *Plot) ChooseRange(t0, t1 float64) {
	p.SetRange(t0, t1, true)
	if p.OnRange != nil {
		p.OnRange(p.rangeT[0], p.rangeT[1])
	}
}

// mark is a time that the user marked; one that is not kept goes with the next.
type mark struct {
	t    float64 // world time
	kept bool
}

// Range is the shaded stretch.
func (p *Plot) Range() (t0, t1 float64, on bool) { return p.rangeT[0], p.rangeT[1], p.rangeOn }

// HitAt is what lies at a position of the widget; ok is false outside all panels.
func (p *Plot) HitAt(pos fyne.Position) (Hit, bool) {
	for _, pp := range p.panels {
		if pos.X >= pp.x && pos.X < pp.x+pp.w && pos.Y >= pp.y && pos.Y < pp.y+pp.h {
			return pp.hit(float64(pos.X-pp.x), float64(pos.Y-pp.y)), true
		}
	}
	return Hit{Index: -1, Panel: -1, Key: NoKey}, false
}

// PanelAt is the panel whose row (plot, head and axis) is at a height, or -1.
func (p *Plot) PanelAt(y float32) int {
	for i := len(p.panels) - 1; i >= 0; i-- {
		if y >= p.panels[i].y-panelHead {
			return i
		}
	}
	return -1
}

// ink is a palette colour for Fyne.
func (p *Plot) ink(i viz.Ink) color.NRGBA { return inkColor(p.palette, i, 255) }

func inkColor(p *viz.Palette, i viz.Ink, alpha uint8) color.NRGBA {
	c := p.Inks[i]
	return color.NRGBA{c.R, c.G, c.B, alpha}
}

// Cursor shows a cross over data.
func (p *Plot) Cursor() desktop.Cursor { return p.input.cursor() }

// MinSize is small: a plot fills what it is given.
func (p *Plot) MinSize() fyne.Size { return fyne.NewSize(200, 80) }

// CreateRenderer is for Fyne.
func (p *Plot) CreateRenderer() fyne.WidgetRenderer { return plotRenderer{p} }

type plotRenderer struct{ p *Plot }

func (r plotRenderer) Layout(s fyne.Size) {
	r.p.root.Resize(s)
	if s != r.p.size || r.p.canvasScale() != r.p.scale {
		r.p.size = s
		r.p.layout()
	}
}
func (r plotRenderer) MinSize() fyne.Size           { return r.p.MinSize() }
func (r plotRenderer) Refresh()                     { r.p.layout() }
func (r plotRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.p.root} }
func (r plotRenderer) Destroy() {
	for _, pp := range r.p.panels {
		tiles.want(pp, nil)
	}
}

// newLayer is a container that never moves its children.
func newLayer(o ...fyne.CanvasObject) *fyne.Container { return &fyne.Container{Objects: o} }

// canvasScale is device pixels per logical pixel of the window that shows p.
func (p *Plot) canvasScale() float32 {
	if c := fyne.CurrentApp().Driver().CanvasForObject(p.ground); c != nil && c.Scale() > 0 {
		return c.Scale()
	}
	return p.scale
}

// Locate is the middle of the part in view of the largest rectangle with a key,
// a position of the widget.
func (p *Plot) Locate(k Key) (fyne.Position, bool) {
	best, at := 0.0, fyne.Position{}
	for _, pp := range p.panels {
		v := pp.shown()
		for _, r := range pp.rects(k) {
			s := pp.panel.Layers[r.layer].Scene
			x0, y0 := v.Pixel(s.T0[r.index], s.A0[r.index], float64(pp.w), float64(pp.h))
			x1, y1 := v.Pixel(s.T1[r.index], s.A1[r.index], float64(pp.w), float64(pp.h))
			if y0 > y1 {
				y0, y1 = y1, y0
			}
			x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, float64(pp.w)), min(y1, float64(pp.h))
			if area := (x1 - x0) * (y1 - y0); x1 > x0 && y1 > y0 && area > best {
				best, at = area, fyne.NewPos(pp.x+float32(x0+x1)/2, pp.y+float32(y0+y1)/2)
			}
		}
	}
	return at, best > 0
}

// PanelPosition is the middle of a panel's data area.
func (p *Plot) PanelPosition(panel int) fyne.Position {
	pp := p.panels[panel]
	return fyne.NewPos(pp.x+pp.w/2, pp.y+pp.h/2)
}
