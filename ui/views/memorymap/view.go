// Package memorymap is the view of time × address per tier: what lies where and
// when, the copies that bring and take it, and dragging tensors between tiers.
package memorymap

import (
	"fmt"
	"slices"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

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
	axis    *widgets.Segments
	copies  *widgets.Segments
	find    *planview.Find
	note    *parts.Text
	built   bool

	doc     *controller.Document
	version uint64
	pal     *viz.Palette
	drawn   drawn
	tensors []planview.Tensor
	times   []float64 // x of each instruction; nil: by order
	clock   *planview.Clock
	peaks   []peak
	nextK   int

	copyAt   map[int32][2]int // copy → panel, rectangle
	previews map[previewKey]*controller.MovePreview
	asked    map[previewKey]uint64 // plan version
}

// drawn says what the figure was made of.
type drawn struct {
	doc, plan uint64
	byTime    bool
	noCopies  bool
}

// peak is where a tier is fullest.
type peak struct {
	tier  int
	instr int
	bytes int64
}

type previewKey struct {
	tier int
	bufs string
}

// New makes the view.
func New(h *views.Host) views.View {
	return &View{host: h, previews: map[previewKey]*controller.MovePreview{}}
}

// ID implements views.View.
func (v *View) ID() string { return views.MemoryMap }

// Title implements views.View.
func (v *View) Title() string { return lang.L("Memory map") }

// Icon implements views.View.
func (v *View) Icon() fyne.Resource { return planview.Icon("memory-map") }

// Content implements views.View.
func (v *View) Content() fyne.CanvasObject {
	if v.built {
		return v.page.Root
	}
	v.built = true
	h := v.host
	v.details = planview.NewDetails(h)
	v.plot = widgets.NewPlot()
	v.plot.Key = v.key
	v.plot.Tip = v.tip
	v.plot.Arrows = v.arrows
	v.plot.OnHover = func(hit widgets.Hit) { h.Bus.SetHover(planview.HoverOf(hit.Key)) }
	v.plot.OnTap = func(hit widgets.Hit, mod fyne.KeyModifier) { planview.Tap(h, v.doc, hit.Key, mod) }
	v.plot.OnMenu = func(hit widgets.Hit, at fyne.Position) { planview.Menu(h, v.doc, hit.Key, at) }
	v.plot.OnRange = func(t0, t1 float64) { v.tellRange(t0, t1) }
	v.plot.OnCursor = func(t float64, on bool) {
		c := controller.Cursor{On: on}
		if on {
			c.Instr = v.instrAt(t)
			c.Seconds, _ = v.clock.Seconds(c.Instr)
		}
		h.Bus.SetCursor(c)
	}
	v.plot.CanDrag = func(hit widgets.Hit) bool {
		return v.doc != nil && planview.HoverOf(hit.Key).Buf >= 0
	}
	v.plot.OnDragOver, v.plot.OnDrop = v.dragOver, v.drop
	v.legend = widgets.NewLegend()
	v.axis = widgets.NewSegments(lang.L("Program order"), lang.L("Time"))
	v.axis.OnChange = func(i int) {
		h.SetSetting("memory-map.axis", strconv.Itoa(i))
		v.redraw()
	}
	v.copies = widgets.NewSegments(lang.L("Copies"), lang.L("Blocks only"))
	v.copies.OnChange = func(i int) {
		h.SetSetting("memory-map.copies", strconv.Itoa(i))
		v.redraw()
	}
	v.find = planview.NewFind(h, func() (*controller.Document, []planview.Tensor) { return v.doc, v.tensors }, func() { v.plot.Fit() })
	v.note = parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Cut)
	body := planview.NewFigureBody(v.legend, v.plot, v.note)
	v.page = planview.NewPage([]fyne.CanvasObject{planview.Fill(v.find), v.copies, v.axis}, body, v.details)
	for key, s := range map[string]*widgets.Segments{"memory-map.axis": v.axis, "memory-map.copies": v.copies} {
		if i, err := strconv.Atoi(h.Setting(key)); err == nil {
			s.Choose(i)
		}
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
		v.axis.SetPalette(v.pal)
		v.copies.SetPalette(v.pal)
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

// redraw makes the figure again when what it shows changed.
func (v *View) redraw() {
	d := v.doc
	want := drawn{byTime: v.axis.Chosen() == 1, noCopies: v.copies.Chosen() == 1}
	if d != nil {
		want.doc, want.plan = uint64(d.ID), d.PlanVersion
	}
	if want != v.drawn || v.plot.Figure() == nil {
		sameDoc := v.drawn.doc == want.doc && v.drawn.byTime == want.byTime
		v.drawn = want
		v.plot.SetFigure(v.figure(want), sameDoc)
		clear(v.previews)
		v.nextK = 0
	}
	v.legend.Set(v.plot.Figure(), v.host.Palette())
	var pins []widgets.Key
	if d != nil {
		for _, b := range d.Locked {
			pins = append(pins, planview.BufferKey(b))
		}
	}
	v.plot.Pin(pins...)
	v.tell()
}

// figure is the map, with a shelf for every tier that holds no blocks, so that
// tensors can be dropped there.
func (v *View) figure(w drawn) *viz.Figure {
	d := v.doc
	v.times, v.peaks, v.copyAt = nil, nil, nil
	v.clock = planview.NewClock(nil, 0)
	if d == nil || d.Program == nil {
		return &viz.Figure{Empty: lang.L("No model is open: Ctrl+O, or drop a file anywhere.")}
	}
	if d.Plan == nil {
		return &viz.Figure{Empty: lang.L("No plan yet: nothing fits these tiers.")}
	}
	o := viz.MapOptions{NoCopies: w.noCopies}
	if d.Predicted != nil {
		v.clock = planview.NewClock(d.Predicted.Timeline, len(d.Program.Instructions))
		if w.byTime {
			o.ByTime = d.Predicted.Timeline
			v.times = viz.InstructionTimes(len(d.Program.Instructions), o.ByTime)
		}
	}
	f := viz.MemoryMap(d.Program, d.Plan, o)
	v.peaks = peaks(d.Program, d.Plan)
	shown := map[int]bool{}
	for i := range f.Panels {
		p := &f.Panels[i]
		if p.Subject.Kind == viz.SubjectTier {
			shown[p.Subject.ID] = true
			if text := v.fragmentation(p.Subject.ID); text != "" {
				p.Note += ", " + text
			}
		}
	}
	if len(f.Panels) == 0 {
		return f
	}
	home := f.Panels[0].View
	var shelves []viz.Panel
	for t := range d.Program.Tiers {
		if !shown[t] {
			shelves = append(shelves, shelf(d.Program, t, home))
		}
	}
	f.Panels = append(shelves, f.Panels...)
	return f
}

// x is an instruction's place on the horizontal axis.
func (v *View) x(instr float64) float64 {
	if v.times == nil {
		return instr
	}
	i := min(max(int(instr), 0), len(v.times)-2)
	return v.times[i] + (instr-float64(i))*(v.times[i+1]-v.times[i])
}

// instrAt is the place in program order at a place on the axis.
func (v *View) instrAt(t float64) float64 {
	if v.times == nil {
		return t
	}
	i, _ := slices.BinarySearch(v.times, t)
	i = min(max(i-1, 0), len(v.times)-2)
	if d := v.times[i+1] - v.times[i]; d > 0 {
		return float64(i) + min(max((t-v.times[i])/d, 0), 1)
	}
	return float64(i)
}

func (v *View) subject(panel int) viz.Subject {
	f := v.plot.Figure()
	if f == nil || panel < 0 || panel >= len(f.Panels) {
		return viz.Subject{}
	}
	return f.Panels[panel].Subject
}

// tierOf is the tier that a panel shows, -1: none.
func (v *View) tierOf(panel int) int {
	if s := v.subject(panel); s.Kind == viz.SubjectTier {
		return s.ID
	}
	return -1
}

func (v *View) key(panel int, ref int32) widgets.Key {
	if v.doc == nil || v.doc.Plan == nil || ref < 0 {
		return widgets.NoKey
	}
	plan := v.doc.Plan
	switch v.subject(panel).Kind {
	case viz.SubjectTier:
		if int(ref) < len(plan.Blocks) {
			if b := &plan.Blocks[ref]; b.Buf >= 0 {
				return planview.BufferKey(b.Buf)
			} else {
				return planview.InstrKey(b.Start)
			}
		}
	case viz.SubjectEngine:
		if int(ref) < len(plan.Copies) {
			return planview.BufferKey(plan.Copies[ref].Buf)
		}
	}
	return widgets.NoKey
}

func (v *View) tip(h widgets.Hit) []string {
	f := v.plot.Figure()
	if h.Ref < 0 || f.Panels[h.Panel].Layers[h.Layer].Describe == nil {
		return nil
	}
	lines := widgets.WrapTip(f.Panels[h.Panel].Layers[h.Layer].Describe(h.Ref))
	if b := planview.HoverOf(h.Key).Buf; b >= 0 && v.doc.IsLocked(b) {
		lines = append(lines, lang.L("locked"))
	}
	return lines
}

// arrows joins a tensor's copies with the blocks that they fill or empty.
func (v *View) arrows(k widgets.Key) []widgets.Arrow {
	buf := planview.HoverOf(k).Buf
	f := v.plot.Figure()
	if buf < 0 || f == nil || v.doc == nil || v.doc.Plan == nil {
		return nil
	}
	if v.copyAt == nil {
		v.copyAt = map[int32][2]int{}
		for i := range f.Panels {
			if f.Panels[i].Subject.Kind == viz.SubjectEngine {
				s := f.Panels[i].Layers[0].Scene
				for r, ref := range s.Ref {
					v.copyAt[ref] = [2]int{i, r}
				}
			}
		}
	}
	panelOf := map[int]int{}
	for i := range f.Panels {
		if f.Panels[i].Subject.Kind == viz.SubjectTier {
			panelOf[f.Panels[i].Subject.ID] = i
		}
	}
	var out []widgets.Arrow
	plan, p := v.doc.Plan, v.doc.Program
	for i := range plan.Copies {
		c := &plan.Copies[i]
		at, ok := v.copyAt[int32(i)]
		if c.Buf != buf || !ok || c.Block < 0 || c.Block >= len(plan.Blocks) {
			continue
		}
		s := f.Panels[at[0]].Layers[0].Scene
		b := &plan.Blocks[c.Block]
		tier, ok := panelOf[b.Tier]
		if !ok {
			continue
		}
		copyA := (s.A0[at[1]] + s.A1[at[1]]) / 2
		blockA := float64(b.Offset) + float64(sizeOf(p, b))/2
		if p.Engines[c.Engine].To == b.Tier {
			out = append(out, widgets.Arrow{FromPanel: at[0], FromT: s.T1[at[1]], FromA: copyA, ToPanel: tier, ToT: s.T1[at[1]], ToA: blockA})
		} else {
			out = append(out, widgets.Arrow{FromPanel: tier, FromT: s.T0[at[1]], FromA: blockA, ToPanel: at[0], ToT: s.T0[at[1]], ToA: copyA})
		}
	}
	return out
}

func (v *View) bus(st controller.BusState, what controller.Change) {
	if what&controller.SelectionChanged != 0 {
		v.details.Select(st.Selection)
		v.plot.Select(planview.SelectedKeys(st.Selection)...)
	}
	if what&controller.HoverChanged != 0 {
		v.plot.SetHover(planview.KeyOf(st.Hover))
	}
	if what&controller.CursorChanged != 0 {
		v.plot.SetCursor(v.x(st.Cursor.Instr), st.Cursor.On && v.doc != nil)
	}
}

// tell writes the line under the map.
func (v *View) tell() {
	if v.doc == nil || v.doc.Plan == nil {
		v.note.Set("")
		return
	}
	text := lang.L("Drag a tensor to another tier to see what it would cost. Ctrl+wheel zooms, Shift+drag pans, K goes to the peak.")
	if n := len(v.doc.Locked); n > 0 {
		text = fmt.Sprintf(lang.L("%d locked. "), n) + text
	}
	v.note.Set(text)
}

func (v *View) tellRange(t0, t1 float64) {
	a, b := v.instrAt(t0), v.instrAt(t1)
	text := fmt.Sprintf(lang.L("Instructions %d to %d"), int(a), int(b))
	s0, ok0 := v.clock.Seconds(a)
	s1, ok1 := v.clock.Seconds(b)
	if ok0 && ok1 && s1 > s0 {
		text += ", " + viz.FormatSeconds(s1-s0)
	}
	v.note.Set(text + ". " + lang.L("F fits it, a click clears it."))
}

// jumpToPeak goes to the fullest moment of a tier, the next tier each time.
func (v *View) jumpToPeak() {
	if len(v.peaks) == 0 {
		return
	}
	k := v.peaks[v.nextK%len(v.peaks)]
	v.nextK++
	t := v.x(float64(k.instr) + 0.5)
	v.plot.SetCursor(t, true)
	t0, t1 := v.plot.View()
	h0, h1 := v.plot.Home()
	if t1-t0 > (h1-h0)*0.5 {
		v.plot.ShowSpan(t-(h1-h0)*0.06, t+(h1-h0)*0.06)
	} else {
		v.plot.Centre(t)
	}
	v.note.Set(fmt.Sprintf(lang.L("%s is fullest at instruction %d, %s: %s live."), v.doc.Program.Tiers[k.tier].Name, k.instr,
		v.doc.Program.Instructions[k.instr].Name, viz.FormatBytes(k.bytes)))
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
		c("peak", lang.L("Jump to peak"), v.jumpToPeak, "K"),
		c("axis", lang.L("Program order or time"), func() { v.axis.Choose(1 - v.axis.Chosen()) }, "T"),
		c("copies", lang.L("Show or hide copies"), func() { v.copies.Choose(1 - v.copies.Chosen()) }),
		c("details", lang.L("Details panel"), func() { v.page.ToggleDetails() }, "Q"),
		c("cancel-drag", lang.L("Cancel dragging"), func() { v.plot.CancelDrag() }),
	)
	list = append(list, planview.WalkCommands(id, v.host, func() *widgets.Plot { return v.plot })...)
	return append(list, planview.TensorCommands(id, v.host)...)
}

// Export implements views.View.
func (v *View) Export() views.Export {
	return views.Export{
		Name:  "memory-map",
		Text:  func() string { return planview.Columns(v.table()) },
		Table: v.table,
		Figure: func() *viz.Figure {
			f := v.plot.ViewFigure()
			if f != nil && v.doc != nil {
				f.Title, f.Subtitle = lang.L("Memory map"), v.doc.Name
			}
			return f
		},
	}
}

// table lists the blocks.
func (v *View) table() [][]string {
	out := [][]string{{"tensor", "tier", "start", "end", "offset", "bytes"}}
	if v.doc == nil || v.doc.Plan == nil {
		return out
	}
	p := v.doc.Program
	for i := range v.doc.Plan.Blocks {
		b := &v.doc.Plan.Blocks[i]
		name := "scratch"
		if b.Buf >= 0 {
			name = p.Buffers[b.Buf].Name
		}
		out = append(out, []string{name, p.Tiers[b.Tier].Name, strconv.Itoa(b.Start), strconv.Itoa(b.End), strconv.FormatInt(b.Offset, 10), strconv.FormatInt(sizeOf(p, b), 10)})
	}
	return out
}
