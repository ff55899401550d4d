package widgets

import (
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"strata/ui/viz"
)

// Column is a column of a Grid. Width is its least width in logical pixels, Flex
// its share of what is left over.
type Column struct {
	Title string
	Width float32
	Flex  float32
	Right bool // numbers
}

// RowStyle is how a row is drawn.
type RowStyle struct {
	Bold     bool
	Indent   int     // steps of 14 px before the first cell
	Swatch   viz.Ink // a coloured box before the first cell; 0: none
	Fold     int     // +1 open, -1 closed, 0 no triangle
	Selected bool
}

// Grid is a table of texts for very many rows: everything is drawn into one
// raster from cached glyphs, so that its cost depends on what is seen only. The
// caller owns the rows and their order.
type Grid struct {
	widget.BaseWidget

	Columns []Column
	Len     func() int
	Cell    func(row, column int) (string, viz.Ink)
	Style   func(row int) RowStyle // nil: plain
	Empty   func() string          // said when there are no rows

	OnSelect func(row int, mod fyne.KeyModifier)
	OnOpen   func(row int) // double click
	OnMenu   func(row int, at fyne.Position)
	OnHover  func(row int) // -1: none
	OnSort   func(column int)

	SortColumn int // -1: none
	SortDown   bool

	palette *viz.Palette
	top     float64 // rows scrolled off above, with a fraction
	hover   int
	body    *canvas.Raster
	lit     *canvas.Rectangle
	ground  *canvas.Rectangle
	root    *fyne.Container
	img     *image.RGBA
	size    fyne.Size
	bar     bool // the scroll bar is being dragged
	meter   *Meter
	last    fyne.Position
}

// RowHeight is the height of a row and GridHead that of the header, CellPad the room
// at both sides of a cell's text; logical pixels.
const (
	RowHeight = float32(22)
	GridHead  = float32(26)
	barWidth  = float32(10)
	CellPad   = float32(8)
)

// NewGrid returns an empty grid.
func NewGrid(columns ...Column) *Grid {
	g := &Grid{Columns: columns, SortColumn: -1, palette: viz.Light, hover: -1, Len: func() int { return 0 }}
	g.body = canvas.NewRaster(g.draw)
	g.body.ScaleMode = canvas.ImageScalePixels
	g.lit = canvas.NewRectangle(color.Transparent)
	g.ground = canvas.NewRectangle(color.Transparent)
	g.root = newLayer(g.ground, g.lit, g.body)
	g.ExtendBaseWidget(g)
	return g
}

// SetMeter counts the grid's work on the main thread into m.
func (g *Grid) SetMeter(m *Meter) { g.meter = m }

// SetPalette changes the theme.
func (g *Grid) SetPalette(p *viz.Palette) {
	if g.palette != p {
		g.palette = p
		g.Refresh()
	}
}

// Reload draws the rows again after they changed.
func (g *Grid) Reload() {
	g.clamp()
	g.hover = -1
	g.light()
	g.body.Refresh()
}

func (g *Grid) clamp() {
	visible := float64((g.size.Height - GridHead) / RowHeight)
	g.top = max(min(g.top, float64(g.Len())-visible), 0)
}

// ScrollTo brings a row into view.
func (g *Grid) ScrollTo(row int) {
	visible := math.Floor(float64((g.size.Height - GridHead) / RowHeight))
	switch r := float64(row); {
	case r < g.top:
		g.top = r
	case r > g.top+visible-1:
		g.top = r - visible + 1
	default:
		return
	}
	g.Reload()
}

// PageRows is how many whole rows are seen at once.
func (g *Grid) PageRows() int { return max(int((g.size.Height-GridHead)/RowHeight), 1) }

// widths shares the width out to the columns.
func (g *Grid) widths(total float32) []float32 {
	w := make([]float32, len(g.Columns))
	fixed, flex := float32(0), float32(0)
	for i, c := range g.Columns {
		w[i] = c.Width
		fixed += c.Width
		flex += c.Flex
	}
	room := total - barWidth - fixed
	for i, c := range g.Columns {
		switch {
		case room > 0 && flex > 0:
			w[i] += room * c.Flex / flex
		case room < 0 && fixed > 0: // too narrow: all give way alike
			w[i] += room * c.Width / fixed
		}
	}
	return w
}

// draw paints header and rows into one image.
func (g *Grid) draw(w, h int) image.Image {
	defer g.meter.Measure()()
	if w <= 0 || h <= 0 || g.size.Width <= 0 {
		return image.NewRGBA(image.Rectangle{})
	}
	if g.img == nil || g.img.Rect.Dx() != w || g.img.Rect.Dy() != h {
		g.img = image.NewRGBA(image.Rect(0, 0, w, h))
	}
	t := viz.ImageTarget(g.img)
	t.Clear()
	k := float64(w) / float64(g.size.Width)
	px := func(v float32) int { return int(math.Round(float64(v) * k)) }
	plain, bold := labelFont(12*k), boldFont(12*k)
	widths := g.widths(g.size.Width)
	pal := g.palette
	rows := g.Len()
	first := int(g.top)
	for r := first; r < rows; r++ {
		y := GridHead + float32(float64(r)-g.top)*RowHeight
		if y > g.size.Height {
			break
		}
		style := RowStyle{}
		if g.Style != nil {
			style = g.Style(r)
		}
		y0, y1 := px(y), px(y+RowHeight)
		if style.Selected {
			t.Box(0, y0, px(g.size.Width-barWidth), y1, blendColor(pal.Inks[viz.InkSurface], pal.Inks[viz.InkSelected], 0.18))
			t.Box(0, y0, px(3), y1, pal.Inks[viz.InkSelected])
		}
		t.Box(0, y1-1, px(g.size.Width-barWidth), y1, blendColor(pal.Inks[viz.InkSurface], pal.Inks[viz.InkLine], 0.55))
		font := plain
		if style.Bold {
			font = bold
		}
		baseline := y0 + (y1-y0-font.Height)/2 + font.Ascent
		x := float32(0)
		for c := range g.Columns {
			left, room := x+CellPad, widths[c]-2*CellPad
			if c == 0 {
				shift := float32(style.Indent) * 14
				if style.Fold != 0 {
					triangle(t, px(left+shift), (y0+y1)/2, px(5), style.Fold > 0, pal.Inks[viz.InkMuted])
				}
				if g.folds() {
					shift += 14
				}
				if style.Swatch != 0 {
					t.Box(px(left+shift), (y0+y1)/2-px(5), px(left+shift)+px(10), (y0+y1)/2+px(5), pal.Inks[style.Swatch])
					shift += 16
				}
				left, room = left+shift, room-shift
			}
			text, ink := g.Cell(r, c)
			if text != "" && room > 4 {
				text = font.Truncate(text, float64(room)*k)
				at := float64(left) * k
				if g.Columns[c].Right {
					at = float64(left+room)*k - font.Width(text)
				}
				font.Draw(t, at, baseline, text, pal.Inks[ink])
			}
			x += widths[c]
		}
	}
	if rows == 0 && g.Empty != nil {
		s := g.Empty()
		plain.Draw(t, (float64(w)-plain.Width(s))/2, px(GridHead)+px(40), s, pal.Inks[viz.InkMuted])
	}
	g.drawHead(t, k, widths, boldFont(11*k))
	g.drawBar(t, px)
	return g.img
}

// folds says that some rows have a triangle, so all first cells leave room for it.
func (g *Grid) folds() bool { return g.Style != nil && g.Len() > 0 && g.Style(0).Fold != 0 }

func (g *Grid) drawHead(t *viz.Target, k float64, widths []float32, font *viz.Font) {
	px := func(v float32) int { return int(math.Round(float64(v) * k)) }
	pal := g.palette
	t.Box(0, 0, t.W, px(GridHead), pal.Inks[viz.InkBackground])
	t.Box(0, px(GridHead)-1, t.W, px(GridHead), pal.Inks[viz.InkLine])
	baseline := (px(GridHead)-font.Height)/2 + font.Ascent
	x := float32(0)
	for c, col := range g.Columns {
		room := widths[c] - 2*CellPad
		ink := viz.InkMuted
		arrow := float32(0)
		if g.SortColumn == c {
			ink, arrow = viz.InkText, 12
		}
		text := font.Truncate(col.Title, float64(room-arrow)*k)
		wide := font.Width(text)
		at := float64(x+CellPad) * k
		if col.Right {
			at = float64(x+CellPad+room-arrow)*k - wide
		}
		font.Draw(t, at, baseline, text, pal.Inks[ink])
		if g.SortColumn == c {
			sortMark(t, int(at+wide)+px(4), px(GridHead)/2, px(4), g.SortDown, pal.Inks[viz.InkText])
		}
		x += widths[c]
	}
}

func (g *Grid) drawBar(t *viz.Target, px func(float32) int) {
	y0, y1, ok := g.thumb()
	if !ok {
		return
	}
	x := g.size.Width - barWidth
	t.Box(px(x+2), px(y0), px(x+barWidth-2), px(y1), blendColor(g.palette.Inks[viz.InkSurface], g.palette.Inks[viz.InkMuted], 0.6))
}

// thumb is the extent of the scroll bar's thumb.
func (g *Grid) thumb() (y0, y1 float32, ok bool) {
	rows, visible := float64(g.Len()), float64((g.size.Height-GridHead)/RowHeight)
	if rows <= visible || visible <= 0 {
		return 0, 0, false
	}
	room := g.size.Height - GridHead
	length := max(room*float32(visible/rows), 24)
	y0 = GridHead + (room-length)*float32(g.top/(rows-visible))
	return y0, y0 + length, true
}

func triangle(t *viz.Target, x, y, r int, open bool, c viz.Color) {
	for i := range r {
		if open {
			t.Box(x+i, y-r/2+i, x+2*r-i, y-r/2+i+1, c)
		} else {
			t.Box(x+2+i, y-r+i, x+3+i, y+r-i, c)
		}
	}
}

func sortMark(t *viz.Target, x, y, r int, down bool, c viz.Color) {
	for i := range r {
		if down {
			t.Box(x+i, y-r/2+i, x+2*r-1-i, y-r/2+i+1, c)
		} else {
			t.Box(x+r-1-i, y-r/2+i, x+r+i, y-r/2+i+1, c)
		}
	}
}

func blendColor(a, b viz.Color, share float64) viz.Color {
	f := func(x, y uint8) uint8 { return uint8(float64(x)*(1-share) + float64(y)*share + 0.5) }
	return viz.Color{R: f(a.R, b.R), G: f(a.G, b.G), B: f(a.B, b.B)}
}

// light places the hovered row's highlight.
func (g *Grid) light() {
	if g.hover < 0 {
		g.lit.Hide()
		return
	}
	y := GridHead + float32(float64(g.hover)-g.top)*RowHeight
	c := inkColor(g.palette, viz.InkAccent, 28)
	if g.lit.FillColor != color.Color(c) {
		g.lit.FillColor = c
	}
	g.lit.Move(fyne.NewPos(0, y))
	g.lit.Resize(fyne.NewSize(g.size.Width-barWidth, RowHeight))
	g.lit.Show()
	canvas.Refresh(g.lit)
}

// rowAt is the row at a height, -1: none.
func (g *Grid) rowAt(y float32) int {
	if y < GridHead {
		return -1
	}
	r := int(math.Floor(g.top + float64((y-GridHead)/RowHeight)))
	if r >= g.Len() {
		return -1
	}
	return r
}

func (g *Grid) columnAt(x float32) int {
	at := float32(0)
	for c, w := range g.widths(g.size.Width) {
		if at += w; x < at {
			return c
		}
	}
	return -1
}

// SetHover lights up a row; -1: none. Unlike the pointer it does not call OnHover.
func (g *Grid) SetHover(row int) {
	if g.hover != row {
		g.hover = row
		g.light()
	}
}

var (
	_ desktop.Hoverable   = (*Grid)(nil)
	_ desktop.Mouseable   = (*Grid)(nil)
	_ fyne.Scrollable     = (*Grid)(nil)
	_ fyne.Draggable      = (*Grid)(nil)
	_ fyne.DoubleTappable = (*Grid)(nil)
)

// MouseIn is for Fyne.
func (g *Grid) MouseIn(e *desktop.MouseEvent) { g.MouseMoved(e) }

// MouseMoved hovers a row.
func (g *Grid) MouseMoved(e *desktop.MouseEvent) {
	g.last = e.Position
	r := g.rowAt(e.Position.Y)
	if r == g.hover {
		return
	}
	g.SetHover(r)
	if g.OnHover != nil {
		g.OnHover(r)
	}
}

// MouseOut is for Fyne.
func (g *Grid) MouseOut() {
	g.SetHover(-1)
	if g.OnHover != nil {
		g.OnHover(-1)
	}
}

// MouseDown starts dragging the scroll bar, or selects.
func (g *Grid) MouseDown(e *desktop.MouseEvent) {
	g.bar = e.Position.X >= g.size.Width-barWidth && e.Position.Y > GridHead
	if g.bar {
		g.dragBar(e.Position.Y)
		return
	}
	if e.Position.Y < GridHead {
		if c := g.columnAt(e.Position.X); c >= 0 && g.OnSort != nil && e.Button == desktop.MouseButtonPrimary {
			g.OnSort(c)
		}
		return
	}
	r := g.rowAt(e.Position.Y)
	if r < 0 {
		return
	}
	switch e.Button {
	case desktop.MouseButtonPrimary:
		if g.OnSelect != nil {
			g.OnSelect(r, e.Modifier)
		}
	case desktop.MouseButtonSecondary:
		if g.OnMenu != nil {
			g.OnMenu(r, e.AbsolutePosition)
		}
	}
}

// MouseUp is for Fyne.
func (g *Grid) MouseUp(*desktop.MouseEvent) { g.bar = false }

// DoubleTapped opens a row.
func (g *Grid) DoubleTapped(e *fyne.PointEvent) {
	if r := g.rowAt(e.Position.Y); r >= 0 && g.OnOpen != nil {
		g.OnOpen(r)
	}
}

// Dragged moves the scroll bar.
func (g *Grid) Dragged(e *fyne.DragEvent) {
	if g.bar {
		g.dragBar(e.Position.Y)
	}
}

// DragEnd is for Fyne.
func (g *Grid) DragEnd() { g.bar = false }

func (g *Grid) dragBar(y float32) {
	y0, y1, ok := g.thumb()
	if !ok {
		return
	}
	length := y1 - y0
	room := g.size.Height - GridHead - length
	visible := float64((g.size.Height - GridHead) / RowHeight)
	share := float64((y - GridHead - length/2) / room)
	g.top = min(max(share, 0), 1) * (float64(g.Len()) - visible)
	g.Reload()
}

// Scrolled moves by three rows a click.
func (g *Grid) Scrolled(e *fyne.ScrollEvent) {
	defer g.meter.Measure()()
	before := g.top
	g.top -= float64(e.Scrolled.DY) / 25 * 3
	g.clamp()
	if g.top == before {
		return
	}
	g.hover = g.rowAt(g.last.Y)
	g.light()
	g.body.Refresh()
}

// MinSize is small: a grid fills what it is given.
func (g *Grid) MinSize() fyne.Size { return fyne.NewSize(160, GridHead+2*RowHeight) }

// CreateRenderer is for Fyne.
func (g *Grid) CreateRenderer() fyne.WidgetRenderer { return gridRenderer{g} }

type gridRenderer struct{ g *Grid }

func (r gridRenderer) Layout(s fyne.Size) {
	g := r.g
	g.root.Resize(s)
	g.ground.Resize(s)
	g.ground.FillColor = inkColor(g.palette, viz.InkSurface, 255)
	if s != g.size {
		g.size = s
		g.clamp()
		g.light()
		g.body.Resize(s) // redraws
	}
}
func (r gridRenderer) MinSize() fyne.Size { return r.g.MinSize() }
func (r gridRenderer) Refresh() {
	r.g.ground.FillColor = inkColor(r.g.palette, viz.InkSurface, 255)
	r.g.ground.Refresh()
	r.g.Reload()
}
func (r gridRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.g.root} }
func (r gridRenderer) Destroy()                     {}
