// Package compare is the view of two plans, models or machines side by side:
// tensors that moved are coloured, timelines lie on one axis, zoom is linked.
package compare

import (
	"fmt"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

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
	facts   *widgets.Facts
	left    *widgets.Plot // map of A
	right   *widgets.Plot // map of B
	lanes   *widgets.Plot // timelines of both
	grid    *widgets.Grid
	legend  *widgets.Legend
	mode    *widgets.Segments
	choose  [2]*widget.Select
	titles  [2]*parts.Text
	summary *parts.Text
	body    *fyne.Container
	split   *fyne.Container
	keeps   []*widget.Button  // that keep the current plan
	empty   fyne.CanvasObject // what to do while there is only one plan
	built   bool

	pal     *viz.Palette
	docs    []*controller.Document // open ones
	kept    []*controller.Document // plans kept for comparison
	names   []string               // of kept
	chosen  [2]string              // names chosen; "": automatic
	sides   [2]side
	diff    difference
	drawn   [2]*controller.Document
	syncing bool
}

// New makes the view.
func New(h *views.Host) views.View { return &View{host: h} }

// ID implements views.View.
func (v *View) ID() string { return views.Compare }

// Title implements views.View.
func (v *View) Title() string { return lang.L("Compare") }

// Icon implements views.View.
func (v *View) Icon() fyne.Resource { return planview.Icon("compare") }

// Content implements views.View.
func (v *View) Content() fyne.CanvasObject {
	if v.built {
		return v.page.Root
	}
	v.built = true
	h := v.host
	v.left, v.right, v.lanes = widgets.NewPlot(), widgets.NewPlot(), widgets.NewPlot()
	for i, p := range []*widgets.Plot{v.left, v.right} {
		i, p := i, p
		other := v.right
		if i == 1 {
			other = v.left
		}
		p.Key = func(panel int, ref int32) widgets.Key { return v.key(i, panel, ref) }
		p.OnHover = func(hit widgets.Hit) { v.light(hit.Key) }
		p.OnTap = func(hit widgets.Hit, _ fyne.KeyModifier) { v.selectName(hit.Key) }
		p.OnView = func(t0, t1 float64) { link(p, other, t0, t1) }
	}
	v.lanes.Key = func(panel int, ref int32) widgets.Key { return v.laneKey(panel, ref) }
	v.lanes.OnHover = func(hit widgets.Hit) { v.light(hit.Key) }
	v.grid = widgets.NewGrid(
		widgets.Column{Title: lang.L("Tensor"), Width: 200, Flex: 3},
		widgets.Column{Title: lang.L("In A"), Width: 120, Flex: 1},
		widgets.Column{Title: lang.L("In B"), Width: 120, Flex: 1},
		widgets.Column{Title: lang.L("Bytes"), Width: 90, Right: true},
	)
	v.grid.Len = func() int { return len(v.diff.changes) }
	v.grid.Cell = v.cell
	v.grid.Style = func(r int) widgets.RowStyle {
		c := &v.diff.changes[r]
		t := c.a
		if t == nil {
			t = c.b
		}
		return widgets.RowStyle{Swatch: viz.Fill(t.Class)}
	}
	v.grid.Empty = func() string {
		if v.sides[0].doc == nil || v.sides[1].doc == nil {
			return ""
		}
		return lang.L("Every tensor lies the same way in both.")
	}
	v.grid.OnHover = func(r int) {
		if r >= 0 {
			v.light(v.nameKey(v.diff.changes[r].name))
		} else {
			v.light(widgets.NoKey)
		}
	}
	v.grid.OnSelect = func(r int, _ fyne.KeyModifier) {
		v.selectName(v.nameKey(v.diff.changes[r].name))
		v.left.Fit()
	}
	v.legend = widgets.NewLegend()
	v.mode = widgets.NewSegments(lang.L("Memory maps"), lang.L("Whole runs"), lang.L("Steady tokens"))
	v.mode.OnChange = func(i int) {
		h.SetSetting("compare.mode", strconv.Itoa(i))
		v.drawLanes()
		v.tell()
		v.body.Refresh()
		v.setLegend()
	}
	for i := range v.choose {
		i := i
		v.choose[i] = parts.NewChoice(nil, func(name string) {
			if !v.syncing {
				v.chosen[i] = name
				v.refresh()
			}
		})
		v.choose[i].PlaceHolder = lang.L("Choose a plan")
		v.titles[i] = parts.NewText("", 12, viz.InkText).Bold().Fit(parts.Cut)
	}
	v.summary = parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Cut)
	v.facts = widgets.NewFacts()
	v.body = &fyne.Container{Layout: (*bodyLayout)(v), Objects: []fyne.CanvasObject{v.legend, v.titles[0], v.titles[1], v.left, v.right, v.lanes, v.summary, v.grid}}
	v.empty = v.invitation()
	panel := container.NewVScroll(parts.Inset(v.facts, 12, 12))
	split := &fyne.Container{Layout: (*pageLayout)(v), Objects: []fyne.CanvasObject{v.body, parts.Rule(false), panel, v.empty}}
	v.split = split
	v.keeps = append(v.keeps, widget.NewButton(lang.L("Keep current plan"), v.keep))
	v.page = planview.NewPage([]fyne.CanvasObject{parts.NewText("A", 12, viz.InkMuted), planview.Fill(v.choose[0]), parts.NewText("B", 12, viz.InkMuted), planview.Fill(v.choose[1]), v.keeps[len(v.keeps)-1], v.mode}, split, nil)
	if i, err := strconv.Atoi(h.Setting("compare.mode")); err == nil {
		v.mode.Choose(i)
	}
	return v.page.Root
}

// link shows in one map the part that the other one shows; programs of
// different length are linked by share.
func link(from, to *widgets.Plot, t0, t1 float64) {
	a0, a1 := from.Home()
	b0, b1 := to.Home()
	if a1 <= a0 || b1 <= b0 {
		return
	}
	k := (b1 - b0) / (a1 - a0)
	to.SetView(b0+(t0-a0)*k, b0+(t1-a0)*k)
}

// keep remembers the active document as it is now; snapshots never change, so a
// later plan of the same document can be compared with it.
func (v *View) keep() {
	d := v.host.Controller.Snapshot().Doc()
	if d == nil || d.Plan == nil {
		return
	}
	name := fmt.Sprintf(lang.L("%s, kept %d (%s)"), d.Name, len(v.kept)+1, viz.FormatSeconds(d.Predicted.PredictedS))
	v.kept, v.names = append(v.kept, d), append(v.names, name)
	v.chosen[0] = name
	if len(v.kept) > 1 && v.chosen[1] == "" {
		v.chosen[1] = v.names[len(v.names)-2]
	}
	v.refresh()
}

// Update implements views.View.
func (v *View) Update(s *controller.Snapshot) {
	v.Content()
	if pal := v.host.Palette(); pal != v.pal {
		v.pal = pal
		for _, p := range []*widgets.Plot{v.left, v.right, v.lanes} {
			p.SetPalette(pal)
		}
		v.grid.SetPalette(pal)
		v.mode.SetPalette(pal)
		v.page.Recolour()
	}
	v.docs = v.docs[:0]
	for i := range s.Docs { // the active one last: it is B
		if i != s.Active {
			v.docs = append(v.docs, s.Docs[i])
		}
	}
	if d := s.Doc(); d != nil {
		v.docs = append(v.docs, d)
	}
	for _, b := range v.keeps {
		if d := s.Doc(); d != nil && d.Plan != nil {
			b.Enable()
		} else {
			b.Disable()
		}
	}
	v.refresh()
}

// named lists what can be chosen.
func (v *View) named() (names []string, docs []*controller.Document) {
	names, docs = append(names, v.names...), append(docs, v.kept...)
	taken := map[string]bool{}
	for _, d := range v.docs {
		name := d.Name
		if d.Machine != nil {
			name += " · " + d.Machine.Name
		}
		if taken[name] {
			name += fmt.Sprintf(" (%d)", d.ID)
		}
		taken[name] = true
		names, docs = append(names, name), append(docs, d)
	}
	return names, docs
}

func (v *View) refresh() {
	names, docs := v.named()
	pick := [2]int{-1, -1}
	for i, want := range v.chosen {
		for k, n := range names {
			if n == want {
				pick[i] = k
			}
		}
	}
	if pick[1] < 0 && len(docs) > 0 {
		pick[1] = len(docs) - 1
	}
	if pick[0] < 0 && len(docs) > 1 {
		if pick[0] = len(docs) - 2; pick[0] == pick[1] {
			pick[0] = len(docs) - 1
		}
	}
	v.syncing = true
	for i := range v.choose {
		v.choose[i].SetOptions(names)
		if pick[i] >= 0 {
			v.choose[i].SetSelected(names[pick[i]])
		} else {
			v.choose[i].ClearSelected()
		}
	}
	v.syncing = false
	var now [2]*controller.Document
	for i := range now {
		if pick[i] >= 0 {
			now[i] = docs[pick[i]]
			v.titles[i].Set(string(rune('A'+i)) + "  " + names[pick[i]])
		} else {
			v.titles[i].Set("")
		}
	}
	same := now[0] == v.drawn[0] && now[1] == v.drawn[1]
	if !same {
		for i := range now {
			if now[i] != v.drawn[i] && (now[i] == nil || v.drawn[i] == nil || now[i].PlanVersion != v.drawn[i].PlanVersion || now[i].ID != v.drawn[i].ID) {
				v.sides[i] = newSide(now[i])
				if now[i] == nil {
					v.sides[i] = side{}
				}
			}
		}
		v.drawn = now
		v.draw()
	}
	v.facts.Set(v.host.Palette(), v.lines())
	v.setLegend()
	v.split.Refresh()
	v.body.Refresh()
}

func (v *View) draw() {
	a, b := v.sides[0].doc, v.sides[1].doc
	if a == nil || b == nil {
		v.diff = difference{}
		v.left.SetFigure(nil, false)
		v.right.SetFigure(nil, false)
		v.lanes.SetFigure(nil, false)
		v.grid.Reload()
		v.summary.Set("")
		return
	}
	v.diff = diff(v.sides[0], v.sides[1])
	for i, p := range []*widgets.Plot{v.left, v.right} {
		d := v.sides[i].doc
		f := &viz.Figure{Empty: lang.L("No plan.")}
		if d.Plan != nil {
			f = tint(viz.MemoryMap(d.Program, d.Plan, viz.MapOptions{}), d, v.diff.moved)
			for i := range f.Panels { // half as wide as in the Memory map
				f.Panels[i].Note, _, _ = strings.Cut(f.Panels[i].Note, ":")
			}
		}
		p.SetFigure(f, true)
	}
	v.drawLanes()
	v.grid.Reload()
	v.tell()
}

// drawLanes lays both runs on one axis: from their starts, or from the same
// iteration of the loop.
func (v *View) drawLanes() {
	a, b := v.sides[0].doc, v.sides[1].doc
	if a == nil || b == nil {
		return
	}
	var runs []*trace.Timeline
	for i := range v.sides {
		if d := v.sides[i].doc; d.Predicted != nil && d.Predicted.Timeline != nil {
			r := *d.Predicted.Timeline
			r.Source = string(rune('A' + i))
			runs = append(runs, &r)
		}
	}
	o := viz.TimelineOptions{Program: a.Program}
	if v.mode.Chosen() == 2 && len(runs) == 2 {
		if from, to, ok := planview.Steady(runs[0]); ok {
			o.FromIteration, o.ToIteration = from, to
		}
	}
	v.lanes.SetFigure(viz.Timelines(o, runs...), true)
}

func (v *View) setLegend() {
	f := v.left.Figure()
	if v.mode.Chosen() > 0 {
		f = v.lanes.Figure()
	} else if f != nil {
		g := *f
		g.Legend = append([]viz.LegendItem{{Ink: viz.Fill(viz.ClassTier3), Label: lang.L("the same in both")}}, f.Legend...)
		f = &g
	}
	v.legend.Set(f, v.host.Palette())
}

// nameKey numbers a tensor's name: its index in A, or behind those in B.
func (v *View) nameKey(name string) widgets.Key {
	if i, ok := v.sides[0].at[name]; ok {
		return widgets.Key(i)
	}
	if i, ok := v.sides[1].at[name]; ok {
		return widgets.Key(len(v.sides[0].list) + i)
	}
	return widgets.NoKey
}

func (v *View) key(which, panel int, ref int32) widgets.Key {
	p := v.left
	if which == 1 {
		p = v.right
	}
	f, d := p.Figure(), v.sides[which].doc
	if f == nil || d == nil || d.Plan == nil || panel >= len(f.Panels) || ref < 0 {
		return widgets.NoKey
	}
	buf := -1
	switch f.Panels[panel].Subject.Kind {
	case viz.SubjectTier:
		buf = d.Plan.Blocks[ref].Buf
	case viz.SubjectEngine:
		buf = d.Plan.Copies[ref].Buf
	}
	if buf < 0 {
		return widgets.NoKey
	}
	return v.nameKey(d.Program.Buffers[buf].Name)
}

func (v *View) laneKey(panel int, ref int32) widgets.Key {
	f := v.lanes.Figure()
	if f == nil || panel >= len(f.Panels) || len(f.Panels[panel].Layers) == 0 || f.Panels[panel].Layers[0].Slice == nil {
		return widgets.NoKey
	}
	run, s := f.Panels[panel].Layers[0].Slice(ref)
	d := v.sides[min(run, 1)].doc
	if s.Kind == trace.Compute || d == nil || d.Plan == nil || s.Ref < 0 || int(s.Ref) >= len(d.Plan.Copies) {
		return widgets.NoKey
	}
	if buf := d.Plan.Copies[s.Ref].Buf; buf >= 0 {
		return v.nameKey(d.Program.Buffers[buf].Name)
	}
	return widgets.NoKey
}

// light lights a tensor up everywhere.
func (v *View) light(k widgets.Key) {
	for _, p := range []*widgets.Plot{v.left, v.right, v.lanes} {
		p.SetHover(k)
	}
}

// selectName outlines a tensor everywhere, and selects it for the other views
// when it is one of the active document's.
func (v *View) selectName(k widgets.Key) {
	for _, p := range []*widgets.Plot{v.left, v.right, v.lanes} {
		if k == widgets.NoKey {
			p.Select()
		} else {
			p.Select(k)
		}
	}
	d := v.host.Controller.Snapshot().Doc()
	if d == nil || k == widgets.NoKey {
		return
	}
	name := ""
	if n := len(v.sides[0].list); int(k) < n {
		name = v.sides[0].list[k].Name
	} else {
		name = v.sides[1].list[int(k)-n].Name
	}
	for b := range d.Program.Buffers {
		if d.Program.Buffers[b].Name == name {
			v.host.Bus.SelectBuffers(d.ID, b)
			return
		}
	}
}

// Commands implements views.View.
func (v *View) Commands() []command.Command {
	id := v.ID()
	plot := func() *widgets.Plot {
		v.Content()
		if v.mode.Chosen() > 0 {
			return v.lanes
		}
		return v.left
	}
	list := planview.PlotCommands(id, plot)
	return append(list,
		command.Command{ID: id + ".keep", Title: lang.L("Keep current plan for comparison"), Menu: command.MenuPlan, Run: func() { v.Content(); v.keep() }},
		command.Command{ID: id + ".swap", Title: lang.L("Swap A and B"), Keys: []string{"X"}, View: id, Run: func() {
			v.Content()
			v.chosen[0], v.chosen[1] = v.choose[1].Selected, v.choose[0].Selected
			v.refresh()
		}},
		command.Command{ID: id + ".mode", Title: lang.L("Maps or timelines"), Keys: []string{"T"}, View: id, Run: func() { v.Content(); v.mode.Choose((v.mode.Chosen() + 1) % 3) }},
	)
}

// Export implements views.View.
func (v *View) Export() views.Export {
	table := func() [][]string {
		out := [][]string{{"tensor", "a", "b", "bytes"}}
		for i := range v.diff.changes {
			c := &v.diff.changes[i]
			out = append(out, []string{c.name, place(c.a), place(c.b), strconv.FormatInt(c.bytes, 10)})
		}
		return out
	}
	return views.Export{
		Name:  "compare",
		Table: table,
		Text: func() string {
			text := ""
			for _, f := range v.lines() {
				text += f.Label + "\t" + f.Value + "\n"
			}
			return text + "\n" + planview.Columns(table())
		},
		Figure: func() *viz.Figure {
			if v.mode.Chosen() > 0 {
				return v.lanes.ViewFigure()
			}
			a, b := v.left.ViewFigure(), v.right.ViewFigure()
			if a == nil || b == nil {
				return a
			}
			a.Title, a.Subtitle = lang.L("Compare"), v.titles[0].Text()+"   "+v.titles[1].Text()
			a.Panels = append(a.Panels, b.Panels...)
			return a
		},
	}
}
