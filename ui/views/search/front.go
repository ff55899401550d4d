package search

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/ui/widgets"
	"strata/workflow"
)

// front shows how much memory buys how much time: a figure whose points can be
// clicked, beside them as a table.
type front struct {
	h       *views.Host
	root    fyne.CanvasObject
	picture *parts.Picture
	table   *widgets.Grid
	find    *widget.Button
	take    *widget.Button

	doc    int
	d      *controller.Document
	state  *controller.FrontState // nil: none yet
	chosen int
	shown  string // what the figure was drawn of
	seed   func() uint64
}

func newFront(h *views.Host, seed func() uint64) *front {
	f := &front{h: h, chosen: -1, seed: seed, picture: parts.NewPicture(200, 80)}
	f.table = widgets.NewGrid(widgets.Column{Title: lang.L("memory"), Width: 78, Right: true}, widgets.Column{Title: lang.L("time"), Width: 72, Right: true}, widgets.Column{Title: lang.L("by"), Width: 70, Flex: 1})
	f.table.Len = func() int { return len(f.points()) }
	f.table.Cell = f.cell
	f.table.Style = func(row int) widgets.RowStyle { return widgets.RowStyle{Selected: row == f.chosen} }
	f.table.OnSelect = func(row int, _ fyne.KeyModifier) { f.choose(row) }
	f.table.Empty = func() string { return lang.L("No front yet") }
	f.find = widget.NewButtonWithIcon("", theme.SearchIcon(), f.toggle)
	f.take = widget.NewButtonWithIcon(lang.L("Take this plan"), theme.ConfirmIcon(), f.takeChosen)
	f.root = parts.Row(12, parts.Grow(container.NewStack(f.picture, newTapArea(f.tapped))),
		parts.Fixed(parts.Column(6, parts.Grow(f.table), parts.Row(6, parts.Grow(f.find), parts.Grow(f.take))), 300, 0))
	return f
}

func (f *front) points() []workflow.FrontPoint {
	if f.state == nil {
		return nil
	}
	return f.state.Points
}

func (f *front) palette(p *viz.Palette) {
	f.table.SetPalette(p)
	f.picture.Refresh()
}

// show takes over a document.
func (f *front) show(d *controller.Document) {
	f.d, f.doc = d, 0
	var state *controller.FrontState
	running := false
	if d != nil {
		f.doc, state, running = d.ID, d.FrontOf(), d.Front.Running
	}
	if fresh := state == nil || f.state == nil || &state.Points[0] != &f.state.Points[0]; fresh {
		f.chosen = -1
	}
	f.state = state
	text, icon := lang.L("Find the front"), theme.SearchIcon()
	if running {
		text, icon = lang.L("Stop, keep the points"), theme.MediaPauseIcon()
	}
	if f.find.Text != text {
		f.find.SetText(text)
		f.find.SetIcon(icon)
	}
	enable(f.find, d != nil && d.Program != nil)
	f.look()
}

func enable(b *widget.Button, on bool) {
	if on {
		b.Enable()
	} else {
		b.Disable()
	}
}

// look draws what has changed.
func (f *front) look() {
	enable(f.take, f.chosen >= 0 && f.d != nil && f.state != nil && f.state.Points[f.chosen].Plan != f.d.Plan)
	version := uint64(0)
	if f.d != nil {
		version = f.d.PlanVersion
	}
	key := fmt.Sprint(f.doc, version, len(f.points()), f.chosen, f.d != nil && f.d.Front.Running)
	if len(f.points()) > 0 {
		key += fmt.Sprint(f.points()[0].PredictedS)
	}
	if key == f.shown {
		return
	}
	f.shown = key
	f.picture.Set(f.figure())
	f.table.Reload()
}

// time is a point's and its bound: of a token where tokens are decoded, else of
// the whole run.
func (f *front) time(p *workflow.FrontPoint) (s, bound float64) {
	if p.PredictedSPerToken > 0 {
		return p.PredictedSPerToken, p.LowerBoundSPerTok
	}
	return p.PredictedS, p.LowerBoundS
}

// figure draws the front with the present plan.
func (f *front) figure() *viz.Figure {
	o := viz.FrontOptions{TimeLabel: lang.L("time of the whole run"), Words: viz.FrontWords{Plans: lang.L("plans that no other beats"), Bound: lang.L("lower bound"), Present: lang.L("present plan"), Enough: lang.L("keeps everything")}}
	var list []viz.FrontPoint
	for i := range f.points() {
		p := &f.points()[i]
		x := viz.FrontPoint{PeakBytes: p.PeakBytes, CapacityBytes: p.CapacityBytes, Name: p.Component, Chosen: i == f.chosen}
		x.TimeS, x.BoundS = f.time(p)
		if p.PredictedSPerToken > 0 {
			o.TimeLabel = lang.L("time per token")
		}
		list = append(list, x)
	}
	if f.state != nil {
		o.EnoughBytes, o.MemoryLabel = f.state.Enough, fmt.Sprintf(lang.L("peak of %s"), f.state.Tier)
		if s := f.d.Predicted; s != nil && f.d.Plan != nil {
			for _, t := range s.Tiers {
				if t.Name == f.state.Tier {
					o.PresentBytes, o.PresentS = t.UsedBytes, s.PredictedS
				}
			}
			if s.PredictedSPerToken > 0 {
				o.PresentS = s.PredictedSPerToken
			}
		}
	}
	out := viz.ParetoFront(list, o)
	out.Empty = lang.L("How much memory buys how much time: Find the front searches plans at nine budgets up to this one.")
	if f.d != nil && f.d.Front.Running {
		out.Empty = lang.L("Searching plans at nine budgets …")
	}
	return out
}

func (f *front) cell(row, column int) (string, viz.Ink) {
	p := &f.points()[row]
	switch column {
	case 0:
		return workflow.FormatBytes(p.PeakBytes), viz.InkText
	case 1:
		s, _ := f.time(p)
		return viz.FormatSeconds(s), viz.InkText
	}
	if f.d != nil && p.Plan == f.d.Plan {
		return lang.L("present plan"), viz.InkSelected
	}
	return p.Component, viz.InkMuted
}

// toggle starts a front or stops it.
func (f *front) toggle() {
	switch {
	case f.d == nil || f.d.Program == nil:
	case f.d.Front.Running:
		f.h.Controller.StopFront(f.doc)
	default:
		f.h.Controller.FindFront(f.doc, f.seed())
	}
}

// choose marks a point.
func (f *front) choose(i int) {
	if n := len(f.points()); n == 0 || i < 0 || i >= n {
		return
	}
	f.chosen = i
	f.table.ScrollTo(i)
	f.look()
}

func (f *front) step(by int) {
	if f.chosen < 0 && by < 0 {
		by = len(f.points())
	}
	f.choose(f.chosen + by)
}

// takeChosen makes the chosen point's plan the document's.
func (f *front) takeChosen() {
	if f.chosen >= 0 {
		f.h.Controller.TakeFrontPoint(f.doc, f.chosen)
	}
}

// reachOfTap is how far from a point a click may be, in logical pixels.
const reachOfTap = 16

// tapped takes the plan of the point under the pointer.
func (f *front) tapped(at fyne.Position, size fyne.Size) {
	if i := f.pointAt(at, size); i >= 0 {
		f.choose(i)
		f.takeChosen()
	}
}

// pointAt is the point nearest to a position of the figure, -1: none in reach.
func (f *front) pointAt(at fyne.Position, size fyne.Size) int {
	figure := f.picture.Figure()
	if figure == nil || len(figure.Panels) == 0 {
		return -1
	}
	x, y, w, h := figure.Plots(float64(size.Width), float64(size.Height))
	best, nearest := -1, float64(reachOfTap)
	for i := range f.points() {
		d := figure.Panels[0].Dots[i]
		px, py := figure.Panels[0].View.Pixel(d.T, d.A, w[0], h[0])
		if away := math.Hypot(x[0]+px-float64(at.X), y[0]+py-float64(at.Y)); away < nearest {
			best, nearest = i, away
		}
	}
	return best
}

// export gives the front outside the window.
func (f *front) export(d *controller.Document) views.Export {
	return views.Export{Name: "front-" + d.Name,
		Figure: func() *viz.Figure {
			out := f.figure()
			out.Title = d.Name
			return out
		},
		Table: f.csv,
		Text: func() string {
			var b strings.Builder
			for _, p := range f.points() {
				s, bound := f.time(&p)
				fmt.Fprintf(&b, "%s\t%s\tbound %s\t%s\n", workflow.FormatBytes(p.PeakBytes), viz.FormatSeconds(s), viz.FormatSeconds(bound), p.Component)
			}
			return b.String()
		}}
}

// csv is the front as a table.
func (f *front) csv() [][]string {
	out := [][]string{{"peak_bytes", "capacity_bytes", "predicted_s", "predicted_s_per_token", "lower_bound_s", "lower_bound_s_per_token", "traffic_bytes", "energy_j", "component"}}
	for _, p := range f.points() {
		out = append(out, []string{fmt.Sprint(p.PeakBytes), fmt.Sprint(p.CapacityBytes), fmt.Sprint(p.PredictedS), fmt.Sprint(p.PredictedSPerToken), fmt.Sprint(p.LowerBoundS), fmt.Sprint(p.LowerBoundSPerTok), fmt.Sprint(p.TrafficBytes), fmt.Sprint(p.EnergyJ), p.Component})
	}
	return out
}

// tapArea is an invisible area that says where it was clicked.
type tapArea struct {
	widget.BaseWidget
	tapped func(at fyne.Position, size fyne.Size)
}

func newTapArea(tapped func(fyne.Position, fyne.Size)) *tapArea {
	t := &tapArea{tapped: tapped}
	t.ExtendBaseWidget(t)
	return t
}

// Tapped implements fyne.Tappable.
func (t *tapArea) Tapped(e *fyne.PointEvent) { t.tapped(e.Position, t.Size()) }

// CreateRenderer implements fyne.Widget.
func (t *tapArea) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(canvas.NewRectangle(color.Transparent))
}
