// Package timeline is the view of what runs when: lanes of executors and copy
// engines, predicted over measured on one axis, waits coloured by their cause,
// and the bytes of all tiers beneath.
package timeline

import (
	"fmt"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"strata/malloc"
	"strata/trace"
	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/views/planview"
	"strata/ui/viz"
	"strata/ui/widgets"
)

// View implements views.View.
type View struct {
	host    *views.Host
	page    *planview.Page
	details *planview.Details
	plot    *widgets.Plot
	legend  *widgets.Legend
	part    *widgets.Segments
	find    *planview.Find
	note    *parts.Text
	built   bool

	doc     *controller.Document
	version uint64
	pal     *viz.Palette
	drawn   drawn
	tensors []planview.Tensor
	clock   *planview.Clock
	runs    []*trace.Timeline // drawn, predicted first
	shift   float64           // of the predicted run's times
}

type drawn struct {
	doc, plan uint64
	measured  *trace.Timeline
	part      int
}

// New makes the view.
func New(h *views.Host) views.View { return &View{host: h} }

// ID implements views.View.
func (v *View) ID() string { return views.Timeline }

// Title implements views.View.
func (v *View) Title() string { return lang.L("Timeline") }

// Icon implements views.View.
func (v *View) Icon() fyne.Resource { return planview.Icon("timeline") }

// Content implements views.View.
func (v *View) Content() fyne.CanvasObject {
	if v.built {
		return v.page.Root
	}
	v.built = true
	h := v.host
	v.clock = planview.NewClock(nil, 0)
	v.details = planview.NewDetails(h)
	v.plot = widgets.NewPlot()
	v.plot.Key = v.key
	v.plot.OnHover = func(hit widgets.Hit) { h.Bus.SetHover(planview.HoverOf(hit.Key)) }
	v.plot.OnTap = func(hit widgets.Hit, mod fyne.KeyModifier) { planview.Tap(h, v.doc, hit.Key, mod) }
	v.plot.OnMenu = func(hit widgets.Hit, at fyne.Position) { planview.Menu(h, v.doc, hit.Key, at) }
	v.plot.OnRange = func(t0, t1 float64) { v.note.Set(v.rangeText(t0, t1)) }
	v.plot.OnCursor = func(t float64, on bool) {
		c := controller.Cursor{On: on}
		if on {
			c.Seconds = t + v.shift
			c.Instr, _ = v.clock.Instr(c.Seconds)
		}
		h.Bus.SetCursor(c)
	}
	v.legend = widgets.NewLegend()
	v.part = widgets.NewSegments(lang.L("Whole run"), lang.L("Steady tokens"))
	v.part.OnChange = func(i int) {
		h.SetSetting("timeline.part", strconv.Itoa(i))
		v.redraw()
	}
	v.find = planview.NewFind(h, func() (*controller.Document, []planview.Tensor) { return v.doc, v.tensors }, func() { v.plot.Fit() })
	v.note = parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Cut)
	body := planview.NewFigureBody(v.legend, v.plot, v.note)
	v.page = planview.NewPage([]fyne.CanvasObject{planview.Fill(v.find), v.part}, body, v.details)
	if i, err := strconv.Atoi(h.Setting("timeline.part")); err == nil {
		v.part.Choose(i)
	}
	h.Bus.Subscribe(v.bus)
	return v.page.Root
}

// Update implements views.View.
func (v *View) Update(s *controller.Snapshot) {
	v.Content()
	recolour := v.pal != v.host.Palette()
	if recolour {
		v.pal = v.host.Palette()
		v.plot.SetPalette(v.pal)
		v.part.SetPalette(v.pal)
		v.page.Recolour()
	}
	doc := s.Doc()
	if !recolour && doc == v.doc || !recolour && doc != nil && v.doc != nil && doc.ID == v.doc.ID && doc.Version == v.version {
		return
	}
	v.doc, v.version = doc, 0
	if doc != nil {
		v.version = doc.Version
	}
	v.tensors = planview.Tensors(doc)
	v.redraw()
	v.details.SetDocument(doc, v.tensors)
	v.bus(v.host.Bus.State(), controller.SelectionChanged)
}

func (v *View) redraw() {
	d := v.doc
	want := drawn{part: v.part.Chosen()}
	if d != nil {
		want.doc, want.plan, want.measured = uint64(d.ID), d.PlanVersion, d.Measured()
	}
	if want != v.drawn || v.plot.Figure() == nil {
		same := v.drawn.doc == want.doc && v.drawn.part == want.part
		v.drawn = want
		v.plot.SetFigure(v.figure(want), same)
	}
	v.legend.Set(v.plot.Figure(), v.host.Palette())
	v.note.Set(v.summary())
}

func (v *View) figure(w drawn) *viz.Figure {
	d := v.doc
	v.runs, v.shift = nil, 0
	v.clock = planview.NewClock(nil, 0)
	switch {
	case d == nil || d.Program == nil:
		return &viz.Figure{Empty: lang.L("No model is open: Ctrl+O, or drop a file anywhere.")}
	case d.Predicted == nil || d.Predicted.Timeline == nil:
		return &viz.Figure{Empty: lang.L("No plan yet: nothing to predict.")}
	}
	run := d.Predicted.Timeline
	v.clock = planview.NewClock(run, len(d.Program.Instructions))
	v.runs = []*trace.Timeline{run}
	if w.measured != nil {
		v.runs = append(v.runs, w.measured)
	}
	o := viz.TimelineOptions{Program: d.Program}
	if w.part == 1 {
		if from, to, ok := planview.Steady(run); ok {
			o.FromIteration, o.ToIteration = from, to
			v.shift, _, _ = viz.IterationWindow(run, from, to)
		}
	}
	f := viz.Timelines(o, v.runs...)
	if len(f.Panels) > 1 && f.Panels[0].Height > 0 { // a window has more room than a picture
		rows := float64(len(f.Panels[0].Rows))
		f.Panels[0].Height = min(max(float64(v.plot.Size().Height)*0.3, rows*34), rows*64)
	}
	return f
}

func (v *View) key(panel int, ref int32) widgets.Key {
	f := v.plot.Figure()
	if f == nil || v.doc == nil || panel >= len(f.Panels) || f.Panels[panel].Subject.Kind != viz.SubjectLanes || v.doc.Plan == nil {
		return widgets.NoKey
	}
	_, s := f.Panels[panel].Layers[0].Slice(ref)
	if s.Kind == trace.Compute {
		return planview.InstrKey(int(s.Ref))
	}
	if plan := v.doc.Plan; s.Ref >= 0 && int(s.Ref) < len(plan.Copies) {
		return planview.BufferKey(plan.Copies[s.Ref].Buf)
	}
	return widgets.NoKey
}

func (v *View) bus(st controller.BusState, what controller.Change) {
	if what&controller.SelectionChanged != 0 {
		v.details.Select(st.Selection)
		v.plot.Select(v.selected(st.Selection)...)
	}
	if what&controller.HoverChanged != 0 {
		v.plot.SetHover(planview.KeyOf(st.Hover))
	}
	if what&controller.CursorChanged != 0 {
		s := st.Cursor.Seconds
		if st.Cursor.On && s == 0 {
			s, _ = v.clock.Seconds(st.Cursor.Instr)
		}
		v.plot.SetCursor(s-v.shift, st.Cursor.On && v.doc != nil)
	}
}

// selected are the keys of a selection, with the instructions that use the one
// selected tensor.
func (v *View) selected(s controller.Selection) []widgets.Key {
	keys := planview.SelectedKeys(s)
	if len(s.Buffers) != 1 || v.doc == nil || v.doc.Program == nil {
		return keys
	}
	for i := range v.doc.Program.Instructions {
		in := &v.doc.Program.Instructions[i]
		for _, list := range [2][]malloc.Operand{in.Reads, in.Writes} {
			for _, o := range list {
				if o.Buf == s.Buffers[0] {
					keys = append(keys, planview.InstrKey(i))
				}
			}
		}
		if len(keys) > 64 {
			break
		}
	}
	return keys
}

// summary is the line beneath: totals, the difference, and where waits come from.
func (v *View) summary() string {
	d := v.doc
	if d == nil || d.Predicted == nil {
		return ""
	}
	text := fmt.Sprintf(lang.L("predicted %s"), viz.FormatSeconds(d.Predicted.PredictedS))
	if m := d.Measured(); m != nil && d.Predicted.PredictedS > 0 {
		text += fmt.Sprintf(lang.L(", measured %s (%+.1f %%)"), viz.FormatSeconds(m.TotalS), 100*(m.TotalS/d.Predicted.PredictedS-1))
	}
	if a := d.Attribution.Decode; a.Compute > 0 {
		text += fmt.Sprintf(lang.L("; a token computes %.0f %% of its time"), 100*a.Compute)
		if a.WaitCopy > 0.005 {
			text += fmt.Sprintf(lang.L(", waits for its own copies %.0f %%"), 100*a.WaitCopy)
		}
		if a.WaitQueue > 0.005 {
			text += fmt.Sprintf(lang.L(", for queued copies %.0f %%"), 100*a.WaitQueue)
		}
		if a.WaitBack > 0.005 {
			text += fmt.Sprintf(lang.L(", for write-backs %.0f %%"), 100*a.WaitBack)
		}
	}
	return text
}

// rangeText sums what the predicted run does in a stretch.
func (v *View) rangeText(t0, t1 float64) string {
	text := viz.FormatSeconds(t1 - t0)
	if len(v.runs) == 0 {
		return text
	}
	var compute, wait float64
	var bytes int64
	for _, l := range v.runs[0].Lanes {
		for _, s := range l.Slices {
			inside := min(s.EndS-v.shift, t1) - max(s.StartS-v.shift, t0)
			if inside <= 0 {
				continue
			}
			switch {
			case s.Kind == trace.Compute:
				compute += inside
			case s.Kind == trace.Wait:
				wait += inside
			case s.EndS > s.StartS:
				bytes += int64(float64(s.Bytes) * inside / (s.EndS - s.StartS))
			}
		}
	}
	return fmt.Sprintf(lang.L("%s selected: computing %s, waiting %s, %s copied. F fits it, a click clears it."), text, viz.FormatSeconds(compute), viz.FormatSeconds(wait), viz.FormatBytes(bytes))
}

// longestWait selects the next longest wait of the shown stretch.
func (v *View) longestWait() {
	f := v.plot.Figure()
	if f == nil || len(f.Panels) == 0 || len(f.Panels[0].Layers) == 0 || f.Panels[0].Layers[0].Slice == nil {
		return
	}
	s := f.Panels[0].Layers[0].Scene
	best, length := -1, 0.0
	for i := range s.Ref {
		if c := s.Class[i]; c == viz.ClassWaitCopy || c == viz.ClassWaitQueue || c == viz.ClassWaitWriteBack {
			if d := s.T1[i] - s.T0[i]; d > length {
				best, length = i, d
			}
		}
	}
	if best < 0 {
		v.note.Set(lang.L("This run never waits."))
		return
	}
	v.plot.ShowSpan(s.T0[best]-3*length, s.T1[best]+3*length)
	v.plot.SetRange(s.T0[best], s.T1[best], true)
	planview.Tap(v.host, v.doc, v.key(0, s.Ref[best]), 0)
	v.note.Set(fmt.Sprintf(lang.L("Longest wait: %s, %s."), viz.FormatSeconds(length), s.Label[best]))
}

// Commands implements views.View.
func (v *View) Commands() []command.Command {
	id := v.ID()
	c := func(name, title string, run func(), keys ...string) command.Command {
		return command.Command{ID: id + "." + name, Title: title, Keys: keys, View: id, Run: func() { v.Content(); run() }}
	}
	list := planview.PlotCommands(id, func() *widgets.Plot { return v.plot })
	list = append(list,
		c("find", lang.L("Find tensors"), func() { v.host.Window.Canvas().Focus(v.find) }, "/", "Ctrl+F"),
		c("part", lang.L("Whole run or steady tokens"), func() { v.part.Choose(1 - v.part.Chosen()) }, "T"),
		c("wait", lang.L("Jump to the longest wait"), v.longestWait, "K"),
		c("instruction", lang.L("Zoom to the selected instruction"), func() {
			if lo, hi, ok := v.plot.SelectedSpan(); ok {
				v.plot.ShowSpan(lo, hi)
			}
		}, "Z"),
		c("details", lang.L("Details panel"), func() { v.page.ToggleDetails() }, "Q"),
	)
	list = append(list, planview.WalkCommands(id, v.host, func() *widgets.Plot { return v.plot })...)
	return append(list, planview.TensorCommands(id, v.host)...)
}

// Export implements views.View.
func (v *View) Export() views.Export {
	return views.Export{
		Name:  "timeline",
		Text:  func() string { return v.summary() + "\n\n" + planview.Columns(v.table()) },
		Table: v.table,
		Figure: func() *viz.Figure {
			f := v.plot.ViewFigure()
			if f != nil && v.doc != nil {
				f.Title, f.Subtitle = lang.L("Timeline"), v.doc.Name
			}
			return f
		},
	}
}

// table lists the slices of all runs drawn.
func (v *View) table() [][]string {
	out := [][]string{{"run", "lane", "kind", "name", "cause", "iteration", "start_s", "end_s", "bytes"}}
	kinds := map[trace.SliceKind]string{trace.Compute: "compute", trace.Transfer: "transfer", trace.Wait: "wait"}
	for _, r := range v.runs {
		for _, l := range r.Lanes {
			for _, s := range l.Slices {
				name := s.Name
				if name == "" && s.Kind == trace.Compute && int(s.Ref) < len(v.doc.Program.Instructions) {
					name = v.doc.Program.Instructions[s.Ref].Name
				}
				out = append(out, []string{r.Source, l.Name, kinds[s.Kind], name, s.Cause, strconv.Itoa(int(s.Iteration)),
					strconv.FormatFloat(s.StartS, 'g', -1, 64), strconv.FormatFloat(s.EndS, 'g', -1, 64), strconv.FormatInt(s.Bytes, 10)})
			}
		}
	}
	return out
}
