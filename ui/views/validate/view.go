package validate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/ui/widgets"
	"strata/workflow"
	"strata/workflow/export"
)

type view struct {
	h       *views.Host
	root    fyne.CanvasObject
	run     *widget.Button
	repeats *parts.Knob
	chip    *parts.Chip
	verdict *parts.Text
	live    *live
	table   *widgets.Grid
	history *widgets.Grid
	why     *parts.Text
	picture *parts.Picture

	rows    []export.Row
	runs    []controller.Validation
	at      int // index into runs
	doc     int
	version uint64
	drawn   *workflow.ValidateResult
	plan    uint64
}

// New makes the view.
func New(h *views.Host) views.View { return &view{h: h, at: -1} }

func (v *view) ID() string          { return views.Validate }
func (v *view) Title() string       { return lang.L("Validate") }
func (v *view) Icon() fyne.Resource { return theme.ConfirmIcon() }

func (v *view) Content() fyne.CanvasObject {
	if v.root != nil {
		return v.root
	}
	v.run = widget.NewButtonWithIcon(lang.L("Run on this host"), theme.MediaPlayIcon(), func() {
		v.h.Controller.StartValidate(v.doc, controller.ValidateOptions{Repeat: int(v.repeats.Value())})
	})
	v.run.Importance = widget.HighImportance
	v.repeats = parts.NewKnob(lang.L("Measured runs"), 1, 9, 1, false, func(x float64) string { return fmt.Sprintf("%.0f", x) }, nil)
	v.repeats.Put(1)
	v.chip = parts.NewChip(lang.L("NOT RUN"), viz.InkMuted)
	v.verdict = parts.NewText("", parts.Strong, viz.InkText).Fit(parts.Wrap)
	v.live = newLive(func() { v.h.Controller.CancelKind(controller.TaskValidate, 0) })
	v.table = widgets.NewGrid(widgets.Column{Title: lang.L("quantity"), Width: 242}, widgets.Column{Title: lang.L("predicted"), Width: 84, Right: true}, widgets.Column{Title: lang.L("measured"), Width: 84, Right: true}, widgets.Column{Title: lang.L("difference"), Width: 84, Right: true}, widgets.Column{Title: lang.L("note"), Width: 120, Flex: 1})
	v.table.Len = func() int { return len(v.rows) }
	v.table.Cell = func(row, column int) (string, viz.Ink) { return cell(&v.rows[row], column) }
	v.table.Empty = func() string {
		if v.live.root.Visible() {
			return lang.L("Waiting for the run …")
		}
		return lang.L("Run the plan: predicted and measured stand beside each other here")
	}
	v.history = widgets.NewGrid(widgets.Column{Title: lang.L("when"), Width: 70}, widgets.Column{Title: lang.L("result"), Width: 84, Flex: 1}, widgets.Column{Title: lang.L("predicted"), Width: 70, Right: true}, widgets.Column{Title: lang.L("measured"), Width: 76, Right: true}, widgets.Column{Title: lang.L("error"), Width: 62, Right: true})
	v.history.Len = func() int { return len(v.runs) }
	v.history.Cell = v.historyCell
	v.history.Style = func(row int) widgets.RowStyle { return widgets.RowStyle{Selected: len(v.runs)-1-row == v.at} }
	v.history.OnSelect = func(row int, _ fyne.KeyModifier) { v.choose(len(v.runs) - 1 - row) }
	v.history.Empty = func() string { return lang.L("This plan has not been run") }
	v.why = parts.NewText("", parts.Body, viz.InkMuted).Fit(parts.Wrap)
	v.picture = parts.NewPicture(200, 150)
	v.picture.Background = true
	open := parts.NewPress(v.picture, func() { v.h.Show(views.Timeline) })
	open.PadX, open.PadY = 2, 2

	left := parts.Column(10,
		parts.Titled(lang.L("PROVE THE PLAN"), nil, parts.Column(8, v.repeats, v.run, v.live.root,
			parts.Fixed(parts.NewText(lang.L("First all in memory, then as planned: outputs must agree bit for bit, bytes and requests exactly; time within 15 % (20 % when it streams)."), parts.Caption, viz.InkMuted).Fit(parts.Wrap), 0, 32))),
		parts.Grow(parts.Titled(lang.L("RUNS OF THIS PLAN"), parts.NewText(lang.L("seconds a token"), parts.Caption, viz.InkMuted), v.history)))
	head := parts.Card(parts.Column(6, parts.Row(12, parts.Centred(v.chip), parts.Grow(parts.Centred(v.verdict))), v.why))
	right := parts.Column(10, head, parts.GrowBy(parts.Titled(lang.L("PREDICTED AND MEASURED"), nil, v.table), 1.45),
		parts.GrowBy(parts.Titled(lang.L("TIMELINES, PREDICTED ABOVE MEASURED"), parts.NewText(lang.L("click to open"), parts.Caption, viz.InkMuted), open), 1))
	v.root = parts.Inset(parts.Row(10, parts.Fixed(left, 430, 0), parts.Grow(right)), 12, 12)
	return v.root
}

func (v *view) Update(s *controller.Snapshot) {
	v.Content()
	v.table.SetPalette(v.h.Palette())
	v.history.SetPalette(v.h.Palette())
	v.progress(s)
	d := s.Doc()
	if d == nil {
		v.doc, v.version, v.runs, v.at = 0, 0, nil, -1
		v.run.Disable()
		v.show(nil)
		return
	}
	if d.ID == v.doc && d.Version == v.version {
		return
	}
	runs := d.Runs()
	fresh := d.ID != v.doc || d.PlanVersion != v.plan || len(runs) != len(v.runs)
	v.doc, v.version, v.plan, v.runs = d.ID, d.Version, d.PlanVersion, runs
	if fresh {
		v.h.Controller.LoadRuns(d.ID)
		v.at = len(v.runs) - 1
	}
	if d.Plan == nil || s.Task(controller.TaskValidate, 0) != nil {
		v.run.Disable()
	} else {
		v.run.Enable()
	}
	v.history.Reload()
	v.show(d)
}

// progress shows the running validation.
func (v *view) progress(s *controller.Snapshot) {
	t := s.Task(controller.TaskValidate, 0)
	if t == nil {
		if v.live.root.Visible() {
			v.live.root.Hide()
			v.show(s.Doc())
			v.root.Refresh()
			if d := s.Doc(); d != nil && d.Plan != nil {
				v.run.Enable()
			}
		}
		return
	}
	v.live.update(t)
	if !v.live.root.Visible() {
		v.live.root.Show()
		v.run.Disable()
		v.show(s.Doc())
		v.root.Refresh()
	}
}

func (v *view) choose(i int) {
	if i < 0 || i >= len(v.runs) {
		return
	}
	v.at = i
	if r := v.runs[i].Result; r != nil && r.Measured == nil {
		v.h.Controller.LoadTimelines(v.doc, v.runs[i].Run)
	}
	v.history.Reload()
	v.show(v.h.Controller.Snapshot().ByID(v.doc))
}

// show fills the right side from the chosen run.
func (v *view) show(d *controller.Document) {
	set := func(chip string, ink viz.Ink, verdict, why string) {
		v.chip.Set(chip, ink)
		v.verdict.Set(verdict)
		v.why.Set(why)
	}
	var res *workflow.ValidateResult
	switch {
	case d == nil:
		set(lang.L("NOTHING OPEN"), viz.InkMuted, lang.L("Open a model first: Ctrl+O."), "")
	case v.live.root.Visible():
		set(lang.L("RUNNING"), viz.InkAccent, lang.L("The plan runs on this host: all in memory first, then as planned."), notRun(d))
	case d.Plan == nil:
		set(lang.L("NO PLAN"), viz.InkMuted, lang.L("There is no plan to run yet."), "")
	case v.at < 0 || v.at >= len(v.runs):
		set(lang.L("NOT RUN"), viz.InkMuted, lang.L("This plan has not been run yet."), notRun(d))
	case v.runs[v.at].Result == nil:
		set(lang.L("DID NOT RUN"), viz.InkBad, v.runs[v.at].Err, "")
	default:
		res = v.runs[v.at].Result
		r := res.Report()
		chip, ink := lang.L("HOLDS"), viz.InkGood
		if !res.Passed {
			chip, ink = lang.L("FAILED"), viz.InkBad
		}
		set(chip, ink, r.Verdict, Explain(res))
		v.rows = r.Rows
	}
	if res == nil {
		v.rows = nil
	}
	v.table.Reload()
	if res != v.drawn || v.picture.Figure() == nil {
		v.drawn = res
		if res == nil {
			v.picture.Set(&viz.Figure{Empty: lang.L("After a run: what the executor and the copies did, predicted and measured on one axis.")})
		} else {
			f := viz.Timelines(viz.TimelineOptions{}, res.Predicted, res.Measured)
			v.picture.Set(lanes(f))
		}
	}
}

// lanes is the part of a timeline picture that fits the card: the lanes, under
// the axis of the whole.
func lanes(f *viz.Figure) *viz.Figure {
	g := *f
	g.Title, g.Subtitle, g.Note = "", "", ""
	if n := len(f.Panels); n > 0 {
		p := f.Panels[0]
		p.X, p.Height, p.Title, p.Note = f.Panels[n-1].X, 0, "", ""
		p.X.Label = ""
		g.Panels = []viz.Panel{p}
		g.Legend = slices.DeleteFunc(slices.Clone(f.Legend), func(l viz.LegendItem) bool {
			return l.Ink >= viz.Fill(viz.ClassTier0) && l.Ink <= viz.Fill(viz.ClassTier3)
		})
	}
	return &g
}

func notRun(d *controller.Document) string {
	switch {
	case d.Executable != "":
		return fmt.Sprintf(lang.L("It can be planned but not run here: %s."), d.Executable)
	case !d.HasWeights():
		return lang.L("The model's file is not here: `make model` fetches the sample's, others are opened from where they lie.")
	case d.Machine != nil && d.Machine.Host == nil:
		return fmt.Sprintf(lang.L("The prediction is for %s, this run is on this host: bytes and outputs must agree, time is another machine's. Calibrate this host and choose it above to compare times."), d.Machine.Name)
	}
	return ""
}

// Explain says in words what the state of a run means and where it differed most.
func Explain(res *workflow.ValidateResult) string {
	var out []string
	switch res.State {
	case workflow.StateCold:
		out = append(out, lang.L("Cold: weights came from the disk, past the page cache."))
	case workflow.StateCached:
		out = append(out, lang.L("Cached: the page cache may have answered reads, so time is not counted."))
	case workflow.StateResident:
		out = append(out, lang.L("Resident: nothing is streamed while tokens are made."))
	case workflow.StateUnsteady:
		out = append(out, lang.L("Unsteady: the disk changed its speed meanwhile, so time is not counted."))
	}
	if res.StateReason != "" {
		out = append(out, upper(res.StateReason)+".")
	}
	worst, name := 0.0, ""
	for _, c := range []struct {
		name string
		p, m float64
	}{{lang.L("time per token"), res.Time.PredictedSPerToken, res.Time.MeasuredSPerToken}, {lang.L("time to first token"), res.Time.Prefill.PredictedS, res.Time.Prefill.MeasuredS}} {
		if c.m > 0 {
			if e := c.p/c.m - 1; math.Abs(e) > math.Abs(worst) {
				worst, name = e, c.name
			}
		}
	}
	if name != "" {
		word := lang.L("faster")
		if worst > 0 {
			word = lang.L("slower")
		}
		out = append(out, fmt.Sprintf(lang.L("Largest difference: %s was predicted %.1f %% %s than it was."), name, 100*math.Abs(worst), word))
	}
	return strings.Join(out, " ")
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (v *view) historyCell(row, column int) (string, viz.Ink) {
	run := &v.runs[len(v.runs)-1-row]
	r := run.Result
	switch {
	case column == 0:
		return when(run.At, time.Now()), viz.InkMuted
	case r == nil && column == 1:
		return run.Err, viz.InkBad
	case r == nil:
		return "", viz.InkMuted
	case column == 1 && !r.Passed:
		return lang.L("failed"), viz.InkBad
	case column == 1:
		return lang.L("holds") + ", " + r.State, viz.InkGood
	case column == 2:
		return viz.FormatSeconds(r.Time.PredictedSPerToken), viz.InkText
	case column == 3:
		return viz.FormatSeconds(r.Time.MeasuredSPerToken), viz.InkText
	}
	return fmt.Sprintf("%+.1f %%", 100*r.Time.RelError), viz.InkText
}

// when writes the time of a run: of today without its date.
func when(at, now time.Time) string {
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05")
	}
	if at.Year() == now.Year() {
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006")
}

// cell writes a row of the report.
func cell(r *export.Row, column int) (string, viz.Ink) {
	ink := viz.InkText
	switch r.Tone {
	case export.Good:
		ink = viz.InkGood
	case export.Bad:
		ink = viz.InkBad
	}
	switch column {
	case 0:
		return r.Name, viz.InkText
	case 1:
		return amount(r.Predicted, r.Unit), viz.InkText
	case 2:
		return amount(r.Measured, r.Unit), viz.InkText
	case 3:
		return difference(r), ink
	}
	return r.Note, viz.InkMuted
}

func amount(x float64, unit string) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case unit == export.UnitBytes:
		return workflow.FormatBytes(int64(x))
	case unit == export.UnitSeconds:
		return viz.FormatSeconds(x)
	case unit == export.UnitYesNo && x != 0:
		return lang.L("yes")
	case unit == export.UnitYesNo:
		return lang.L("no")
	}
	return fmt.Sprintf("%.0f", x)
}

func difference(r *export.Row) string {
	if r.Difference != "" {
		return r.Difference
	}
	switch {
	case math.IsNaN(r.Predicted) || math.IsNaN(r.Measured):
		return "–"
	case r.Predicted == r.Measured && r.Unit == export.UnitYesNo:
		return lang.L("bit for bit")
	case r.Predicted == r.Measured:
		return lang.L("exact")
	case r.Unit == export.UnitBytes:
		return fmt.Sprintf("%+.0f B", r.Measured-r.Predicted)
	case r.Measured != 0:
		return fmt.Sprintf("%+.1f %%", 100*(r.Predicted/r.Measured-1))
	}
	return "–"
}

func (v *view) Commands() []command.Command { return nil }

func (v *view) Export() views.Export {
	if v.at < 0 || v.at >= len(v.runs) || v.runs[v.at].Result == nil {
		return views.Export{}
	}
	res := v.runs[v.at].Result
	r := res.Report()
	table := func() [][]string {
		out := [][]string{{"quantity", "unit", "predicted", "measured", "note"}}
		for _, x := range r.Rows {
			out = append(out, []string{x.Name, x.Unit, fmt.Sprint(x.Predicted), fmt.Sprint(x.Measured), x.Note})
		}
		return out
	}
	return views.Export{Name: "validation", Table: table,
		Text: func() string {
			var b strings.Builder
			fmt.Fprintln(&b, r.Verdict)
			fmt.Fprintln(&b, Explain(res))
			for i := range r.Rows {
				fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", r.Rows[i].Name, amount(r.Rows[i].Predicted, r.Rows[i].Unit), amount(r.Rows[i].Measured, r.Rows[i].Unit), difference(&r.Rows[i]))
			}
			return b.String()
		},
		Figure: func() *viz.Figure { return viz.Timelines(viz.TimelineOptions{}, res.Predicted, res.Measured) }}
}
