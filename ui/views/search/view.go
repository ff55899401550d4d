package search

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/dustin/go-humanize"

	"strata/planner"
	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/ui/widgets"
)

type view struct {
	h    *views.Host
	root fyne.CanvasObject

	solver *widget.Select
	budget *parts.Knob
	seed   *parts.Knob
	start  *widget.Button
	stop   *widget.Button
	curve  *parts.Picture
	facts  [6]*fact
	bases  *widgets.Grid
	game   *game
	front  *front
	tabs   *widgets.Segments // the search over time, or memory against time

	lines   []baseline
	version uint64
	doc     int
	shown   string // what the curve was drawn of
}

// New makes the view.
func New(h *views.Host) views.View { return &view{h: h} }

func (v *view) ID() string          { return views.Search }
func (v *view) Title() string       { return lang.L("Search") }
func (v *view) Icon() fyne.Resource { return theme.SearchIcon() }

// fact is a small number under its name.
type fact struct {
	root  fyne.CanvasObject
	value *parts.Text
}

func newFact(name string) *fact {
	f := &fact{value: parts.NewText("–", parts.Strong, viz.InkText).Bold().Fit(parts.Cut)}
	f.root = parts.Column(0, parts.NewText(name, parts.Caption, viz.InkMuted).Fit(parts.Cut), f.value)
	return f
}

func (v *view) Content() fyne.CanvasObject {
	if v.root != nil {
		return v.root
	}
	v.solver = parts.NewChoice(planner.Names(), nil)
	v.solver.SetSelected("auto")
	v.budget = parts.NewKnob(lang.L("Time"), 2, 600, 1, true, func(s float64) string {
		if d := int(s); d >= 60 {
			return fmt.Sprintf("%d:%02d min", d/60, d%60)
		}
		return fmt.Sprintf("%.0f s", s)
	}, nil)
	v.budget.Put(10)
	v.seed = parts.NewKnob(lang.L("Seed"), 1, 100, 1, false, func(x float64) string { return fmt.Sprintf("%.0f", x) }, nil)
	v.seed.Put(1)
	v.start = widget.NewButtonWithIcon(lang.L("Start"), theme.MediaPlayIcon(), v.Start)
	v.start.Importance = widget.HighImportance
	v.stop = widget.NewButtonWithIcon(lang.L("Stop, keep the best"), theme.MediaPauseIcon(), func() { v.h.Controller.StopSearch(v.doc) })
	v.stop.Disable()
	v.curve = parts.NewPicture(240, 150)
	names := []string{lang.L("best"), lang.L("lower bound"), lang.L("gap"), lang.L("evaluations"), lang.L("leads"), lang.L("elapsed")}
	var facts []fyne.CanvasObject
	for i, n := range names {
		v.facts[i] = newFact(n)
		facts = append(facts, parts.Grow(v.facts[i].root))
	}
	v.bases = widgets.NewGrid(widgets.Column{Title: lang.L("solver"), Width: 90, Flex: 1}, widgets.Column{Title: lang.L("predicted"), Width: 74, Right: true}, widgets.Column{Title: lang.L("to best"), Width: 60, Right: true})
	v.bases.Len = func() int { return len(v.lines) }
	v.bases.Cell = func(row, column int) (string, viz.Ink) { return v.lines[row].cell(column) }
	v.bases.Empty = func() string { return lang.L("auto compares solvers here") }
	v.game = newGame(v.h)
	v.front = newFront(v.h, func() uint64 { return uint64(v.seed.Value()) })
	v.tabs = widgets.NewSegments(lang.L("Over time"), lang.L("Memory for time"))
	v.tabs.OnChange = func(i int) {
		v.h.SetSetting("search.plot", strconv.Itoa(i))
		v.turn()
	}

	objective := parts.NewText(lang.L("Objective: the predicted time of the whole run, prompt and generated tokens. Only plans that the independent checker accepts count."), parts.Caption, viz.InkMuted).Fit(parts.Wrap)
	options := parts.Titled(lang.L("SEARCH"), nil, parts.Column(6,
		parts.Row(8, parts.Grow(parts.Centred(parts.NewText(lang.L("Solver"), parts.Body, viz.InkMuted))), parts.Fixed(v.solver, 130, 0)),
		v.budget, v.seed, parts.Column(6, v.start, v.stop), parts.Fixed(objective, 0, 48)))
	left := parts.Column(10, options, parts.Grow(parts.Titled(lang.L("SOLVERS COMPARED"), nil, v.bases)))
	curve := parts.Titled(lang.L("BEST PLAN SO FAR"), v.tabs, parts.Column(8, parts.Row(12, facts...), parts.Grow(container.NewStack(v.curve, v.front.root))))
	if i, err := strconv.Atoi(v.h.Setting("search.plot")); err == nil {
		v.tabs.Choose(i)
	}
	v.turn()
	right := parts.Column(10, parts.GrowBy(curve, 1), parts.GrowBy(parts.Titled(lang.L("THE AGENT'S LAST GAME"), v.game.head, v.game.root), 1.25))
	v.root = parts.Inset(parts.Row(10, parts.Fixed(left, 280, 0), parts.Grow(right)), 12, 12)
	return v.root
}

// turn shows the curve of the search or the front.
func (v *view) turn() {
	if v.tabs.Chosen() == 0 {
		v.front.root.Hide()
		v.curve.Show()
	} else {
		v.curve.Hide()
		v.front.root.Show()
	}
}

// toFront shows the front and does something with it.
func (v *view) toFront(do func()) func() {
	return func() {
		v.tabs.Choose(1)
		do()
	}
}

// Start searches with what is chosen.
func (v *view) Start() {
	v.Content()
	d := v.h.Controller.Snapshot().Doc()
	if d == nil {
		return
	}
	v.h.Controller.StartSearch(d.ID, controller.SearchOptions{Solver: v.solver.Selected, Time: time.Duration(v.budget.Value()) * time.Second, Seed: uint64(v.seed.Value())})
}

func (v *view) Update(s *controller.Snapshot) {
	v.Content()
	v.bases.SetPalette(v.h.Palette())
	v.game.palette(v.h.Palette())
	v.front.palette(v.h.Palette())
	v.tabs.SetPalette(v.h.Palette())
	d := s.Doc()
	if d == nil || d.Program == nil {
		v.version, v.doc = 0, 0
		v.start.Disable()
		v.stop.Disable()
		v.curve.Set(&viz.Figure{Empty: lang.L("Open a model first: Ctrl+O.")})
		v.game.show(nil, nil)
		v.front.show(nil)
		return
	}
	if d.Version == v.version && d.ID == v.doc {
		return
	}
	v.version, v.doc = d.Version, d.ID
	st := &d.Search
	if st.Running {
		v.start.Disable()
		v.stop.Enable()
	} else {
		v.start.Enable()
		v.stop.Disable()
	}
	v.lines = baselines(d)
	v.bases.Reload()
	v.numbers(d)
	if key := fmt.Sprint(d.ID, len(curveOf(d)), st.Running, st.BestS, len(st.Baselines), d.PlanVersion); key != v.shown {
		v.shown = key
		v.curve.Set(figure(d))
	}
	v.game.show(d, st.Episode)
	v.front.show(d)
}

// curveOf is the curve of the running or last search, or the one that the plan
// brought along.
func curveOf(d *controller.Document) [][2]float64 {
	if len(d.Search.Curve) > 0 {
		return d.Search.Curve
	}
	if d.Plan != nil && !d.Search.Running {
		return d.Plan.Trace
	}
	return nil
}

func figure(d *controller.Document) *viz.Figure {
	o := viz.CurveOptions{Title: " ", LowerBoundS: d.LowerBound.TotalS}
	if b := d.Search.BeforeS; b > 0 && len(d.Search.Curve) > 0 {
		o.Baselines = append(o.Baselines, viz.Baseline{Name: lang.L("plan before"), PredictedS: b})
	}
	for _, b := range d.Search.Baselines {
		if b.PredictedS != nil {
			o.Baselines = append(o.Baselines, viz.Baseline{Name: b.Name, PredictedS: *b.PredictedS})
		}
	}
	f := viz.SearchCurve(curveOf(d), o)
	f.Title, f.Legend = "", nil // every line has its name beside it
	for i := range f.Panels {
		f.Panels[i].X.Label = ""
	}
	f.Empty = lang.L("No search has run on this document yet: Start, or F5.")
	if d.Search.Running {
		f.Empty = lang.L("Waiting for the first plan …")
	}
	return f
}

func (v *view) numbers(d *controller.Document) {
	st := &d.Search
	best := bestOf(d)
	leads, evaluations, elapsed := st.Component, st.Evaluations, st.ElapsedS
	if leads == "" && d.Result != nil {
		leads, evaluations, elapsed = d.Result.Component, d.Result.Evaluations, d.Result.WallS
	} else if leads == "" && d.Plan != nil {
		leads, evaluations, elapsed = d.Plan.Solver, d.Plan.Evaluations, d.Plan.WallS
	}
	if st.BeforeS > 0 && (st.BestS == 0 || st.BeforeS < st.BestS) && (st.Running || st.BestS > 0) {
		leads = lang.L("plan before")
	}
	set := func(i int, s string) { v.facts[i].value.Set(s) }
	set(0, viz.FormatSeconds(best))
	set(1, viz.FormatSeconds(d.LowerBound.TotalS))
	set(2, "–")
	if l := d.LowerBound.TotalS; l > 0 && best > 0 {
		set(2, fmt.Sprintf("%.2f %%", 100*(best/l-1)))
	}
	set(3, humanize.Comma(int64(evaluations)))
	set(4, leads)
	set(5, fmt.Sprintf("%.1f s", elapsed))
	if st.Stopped != "" && !st.Running {
		set(5, fmt.Sprintf("%.1f s (%s)", elapsed, st.Stopped))
	}
}

// bestOf is the time of the best plan known: this search's, or the one that was
// there before it.
func bestOf(d *controller.Document) float64 {
	best := d.Search.BestS
	if b := d.Search.BeforeS; b > 0 && (best == 0 || b < best) {
		best = b
	}
	if best == 0 && d.Predicted != nil {
		best = d.Predicted.PredictedS
	}
	return best
}

// baseline is a line of the comparison of solvers.
type baseline struct {
	name, reason string
	s, ratio     float64
}

func baselines(d *controller.Document) []baseline {
	best := bestOf(d)
	var out []baseline
	for _, b := range d.Search.Baselines {
		l := baseline{name: b.Name, reason: b.Reason}
		if b.PredictedS != nil {
			l.s = *b.PredictedS
			if best > 0 {
				l.ratio = l.s / best
			}
		}
		out = append(out, l)
	}
	return out
}

func (b *baseline) cell(column int) (string, viz.Ink) {
	switch {
	case column == 0:
		return b.name, viz.InkText
	case b.s == 0 && column == 1:
		return "–", viz.InkMuted
	case b.s == 0:
		return "", viz.InkMuted
	case column == 1:
		return viz.FormatSeconds(b.s), viz.InkText
	case b.ratio < 1.0005:
		return "best", viz.InkGood
	}
	return fmt.Sprintf("%.2f×", b.ratio), viz.InkMuted
}

func (v *view) Commands() []command.Command {
	v.Content()
	return []command.Command{
		{ID: "search.previous", Title: lang.L("Previous move of the game"), View: views.Search, Keys: []string{","}, Run: func() { v.game.step(-1) }},
		{ID: "search.next", Title: lang.L("Next move of the game"), View: views.Search, Keys: []string{"."}, Run: func() { v.game.step(1) }},
		{ID: "search.front", Title: lang.L("Find the front of memory against time, or stop it"), View: views.Search, Keys: []string{"F"}, Run: v.toFront(v.front.toggle)},
		{ID: "search.front-less", Title: lang.L("Point of the front with less memory"), View: views.Search, Keys: []string{"["}, Run: v.toFront(func() { v.front.step(-1) })},
		{ID: "search.front-more", Title: lang.L("Point of the front with more memory"), View: views.Search, Keys: []string{"]"}, Run: v.toFront(func() { v.front.step(1) })},
		{ID: "search.front-take", Title: lang.L("Take the plan of the front's chosen point"), View: views.Search, Keys: []string{"Return"}, Run: v.toFront(v.front.takeChosen)},
	}
}

func (v *view) Export() views.Export {
	d := v.h.Controller.Snapshot().Doc()
	if d == nil || d.Program == nil {
		return views.Export{}
	}
	if v.root != nil && v.tabs.Chosen() == 1 {
		return v.front.export(d)
	}
	return views.Export{Name: "search-" + d.Name,
		Figure: func() *viz.Figure {
			f := figure(d)
			f.Title = d.Name
			return f
		},
		Table: func() [][]string {
			out := [][]string{{"elapsed_s", "best_s"}}
			for _, p := range curveOf(d) {
				out = append(out, []string{fmt.Sprint(p[0]), fmt.Sprint(p[1])})
			}
			return out
		},
		Text: func() string {
			var b strings.Builder
			fmt.Fprintf(&b, "best %s, lower bound %s, by %s after %d evaluations\n", viz.FormatSeconds(d.Search.BestS), viz.FormatSeconds(d.LowerBound.TotalS), d.Search.Component, d.Search.Evaluations)
			for _, l := range baselines(d) {
				fmt.Fprintf(&b, "%s\t%s\t%s\n", l.name, viz.FormatSeconds(l.s), l.reason)
			}
			if d.Search.Episode != nil {
				_ = d.Search.Episode.WriteText(&b)
			}
			return b.String()
		}}
}
