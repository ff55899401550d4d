package hardware

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"strata/costmodel"
	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
	"strata/ui/widgets"
	"strata/workflow"
)

type view struct {
	h    *views.Host
	root fyne.CanvasObject

	list      *fyne.Container
	calibrate *widget.Button
	stage     *parts.Text
	meter     *parts.Meter
	stop      *widget.Button
	live      *fyne.Container
	title     *parts.Text
	notes     *parts.Text
	kind      *parts.Chip
	diagram   *diagram
	picture   *parts.Picture
	sources   *widgets.Grid
	source    *parts.Text // the document of the number pointed at, whole
	fields    *fyne.Container
	name      *widget.Entry
	use       *widget.Button

	rows    []number
	edits   map[string]*field
	order   []string
	shown   string // machine ID
	profile *costmodel.Profile
	listed  string
	chosen  bool // by the user; else the document's machine is followed
	doc     int
}

// field is an editable number of the form.
type field struct {
	edit  controller.ProfileEdit
	entry *widget.Entry
	was   string
	parse func(string) (float64, error)
}

// New makes the view.
func New(h *views.Host) views.View { return &view{h: h, edits: map[string]*field{}} }

func (v *view) ID() string          { return views.Hardware }
func (v *view) Title() string       { return lang.L("Hardware") }
func (v *view) Icon() fyne.Resource { return theme.ComputerIcon() }

func (v *view) Content() fyne.CanvasObject {
	if v.root != nil {
		return v.root
	}
	v.list = parts.Column(2)
	v.calibrate = widget.NewButtonWithIcon(lang.L("Calibrate this host"), theme.MediaPlayIcon(), v.h.Controller.StartCalibrate)
	v.stage, v.meter = parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Cut), parts.NewMeter(6)
	v.stop = widget.NewButton(lang.L("Cancel"), func() { v.h.Controller.CancelKind(controller.TaskCalibrate, 0) })
	v.live = parts.Column(6, v.stage, v.meter, v.stop)
	v.live.Hide()
	v.title = parts.NewText("", parts.Strong, viz.InkText).Bold().Fit(parts.Cut)
	v.notes = parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Wrap)
	v.kind = parts.NewChip("", viz.InkMuted)
	v.diagram = newDiagram()
	v.picture = parts.NewPicture(200, 140)
	v.sources = widgets.NewGrid(widgets.Column{Title: lang.L("number"), Width: 140, Flex: 0.4}, widgets.Column{Title: lang.L("value"), Width: 112, Right: true}, widgets.Column{Title: lang.L("spread"), Width: 54, Right: true}, widgets.Column{Title: lang.L("source"), Width: 70}, widgets.Column{Title: lang.L("document"), Width: 120, Flex: 2})
	v.sources.Len = func() int { return len(v.rows) }
	v.sources.Cell = func(row, column int) (string, viz.Ink) { return v.rows[row].cell(column) }
	v.source = parts.NewText(pointAtNumber(), parts.Caption, viz.InkMuted).Fit(parts.Cut)
	v.sources.OnHover = func(row int) {
		if row < 0 || row >= len(v.rows) {
			v.source.Set(pointAtNumber())
			return
		}
		document, _ := v.rows[row].cell(4)
		v.source.Set(document)
	}
	v.fields = parts.Column(6)
	v.name = widget.NewEntry()
	v.name.PlaceHolder = lang.L("name of the new profile")
	save := widget.NewButton(lang.L("Save as a profile"), v.save)
	v.use = widget.NewButton(lang.L("Use for this document"), func() {
		if d := v.h.Controller.Snapshot().Doc(); d != nil {
			v.h.Controller.SetMachine(d.ID, v.shown)
		}
	})
	v.use.Importance = widget.HighImportance

	left := parts.Column(10, parts.Grow(parts.Titled(lang.L("MACHINES"), nil, container.NewVScroll(parts.InsetEach(v.list, 0, 0, 8, 0)))), parts.Card(parts.Column(8, v.calibrate, v.live)))
	head := parts.Card(parts.Column(4, parts.Row(10, parts.Centred(v.kind), parts.Grow(parts.Centred(v.title))), parts.Row(10, parts.Grow(parts.Fixed(v.notes, 0, 32)), parts.Centred(v.use))))
	table := parts.Column(4, parts.Grow(v.sources), v.source)
	stage := parts.Stack(table)
	var tabs [2]*parts.Press
	pick := func(i int) {
		stage.Objects = []fyne.CanvasObject{[]fyne.CanvasObject{table, v.picture}[i]}
		stage.Refresh()
		tabs[0].Select(i == 0)
		tabs[1].Select(i == 1)
	}
	for i, name := range []string{lang.L("Numbers"), lang.L("Curves")} {
		tabs[i] = parts.NewPress(parts.NewText(name, parts.Caption, viz.InkText), func() { pick(i) })
		tabs[i].PadY = 3
	}
	pick(0)
	middle := parts.Column(10, head, parts.GrowBy(parts.Titled(lang.L("TIERS AND LINKS"), nil, v.diagram), 1.2),
		parts.GrowBy(parts.Titled(lang.L("EVERY NUMBER AND ITS SOURCE"), parts.Row(4, tabs[0], tabs[1]), stage), 1))
	right := parts.Titled(lang.L("CHANGE NUMBERS"), nil, parts.Column(8, parts.Grow(container.NewVScroll(parts.InsetEach(v.fields, 0, 0, 10, 0))), v.name, save))
	v.root = parts.Inset(parts.Row(10, parts.Fixed(left, 236, 0), parts.Grow(middle), parts.Fixed(right, 200, 0)), 12, 12)
	return v.root
}

func pointAtNumber() string { return lang.L("Point at a number to read its source in full.") }

func (v *view) Update(s *controller.Snapshot) {
	v.Content()
	v.sources.SetPalette(v.h.Palette())
	v.progress(s)
	d := s.Doc()
	if d != nil && d.ID != v.doc {
		v.doc, v.chosen = d.ID, false
	}
	id := v.shown
	if !v.chosen && d != nil && d.Inspection != nil {
		id = d.Request.HW
	}
	if m := s.Machine(id); m == nil && len(s.Machines) > 0 {
		id = s.Machines[0].ID
	}
	v.machines(s, id)
	m := s.Machine(id)
	if m == nil {
		return
	}
	v.shown = id
	if d == nil || d.Inspection == nil || d.Request.HW == id || m.Profile == nil {
		v.use.Disable()
	} else {
		v.use.Enable()
	}
	if m.Profile == v.profile && v.profile != nil {
		return
	}
	v.profile = m.Profile
	v.diagram.set(m.Profile)
	v.picture.Set(curves(m.Profile))
	v.rows = numbers(m.Profile)
	v.sources.Reload()
	v.form(m.Profile)
	if m.Profile == nil {
		v.title.Set(m.Title)
		v.kind.Set(lang.L("NOT READ"), viz.InkBad)
		v.notes.Set(m.Err)
		return
	}
	v.title.Set(m.Title)
	ink := viz.InkMuted
	if m.Profile.Kind == costmodel.ProfileMeasured {
		ink = viz.InkGood
	}
	v.kind.Set(strings.ToUpper(m.Profile.Kind)+" "+m.Profile.Date, ink)
	notes := m.Profile.Notes
	if h := m.Profile.Host; h != nil {
		notes = fmt.Sprintf(lang.L("%s, %d cores, %s memory, %s. "), h.CPU, h.Cores, workflow.FormatBytes(h.MemoryBytes), strings.Join(h.ISA, " ")) + notes
	}
	v.notes.Set(notes)
}

func (v *view) machines(s *controller.Snapshot, id string) {
	key := id
	for _, m := range s.Machines {
		key += "|" + m.ID + m.Title + fmt.Sprint(m.Profile != nil)
	}
	if key == v.listed {
		return
	}
	v.listed = key
	v.list.Objects = nil
	for _, m := range s.Machines {
		title, note := m.Title, ""
		switch {
		case m.Host && m.Profile == nil:
			title, note = lang.L("This host"), lang.L("not calibrated")
		case m.Host:
			title, note = lang.L("This host"), lang.L("measured")+" "+m.Profile.Date
		case m.Profile == nil:
			note = lang.L("cannot be read")
		case m.File:
			note = filepath.Base(m.ID)
		default:
			note = m.ID
		}
		p := parts.NewPress(parts.Column(0, parts.NewText(title, parts.Body, viz.InkText).Fit(parts.Wrap), parts.NewText(note, parts.Caption, viz.InkMuted).Fit(parts.Cut)), func() {
			v.shown, v.chosen = m.ID, true
			v.Update(v.h.Controller.Snapshot())
		})
		p.PadX, p.PadY, p.MarkSide = 10, 4, true
		p.Select(m.ID == id)
		v.list.Objects = append(v.list.Objects, p)
	}
	v.list.Refresh()
}

func (v *view) progress(s *controller.Snapshot) {
	t := s.Task(controller.TaskCalibrate, 0)
	if t == nil {
		if v.live.Visible() {
			v.live.Hide()
			v.calibrate.Enable()
			v.root.Refresh()
		}
		return
	}
	v.stage.Set(t.Stage)
	share := 0.0
	if t.Total > 0 {
		share = float64(t.Done) / float64(t.Total)
	}
	v.meter.Set(-1, parts.Segment{Share: share, Ink: viz.InkAccent})
	if !v.live.Visible() {
		v.live.Show()
		v.calibrate.Disable()
		v.root.Refresh()
	}
}

func bytesOf(s string) (float64, error) {
	z, err := workflow.ParseSize(s)
	if err == nil && z.IsShare {
		err = fmt.Errorf("%q: write bytes, for example 24GiB", s)
	}
	return float64(z.Bytes), err
}

func rateOf(s string) (float64, error) {
	x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || x < 0 {
		return 0, fmt.Errorf("%q: write a number of GB/s", s)
	}
	return x * 1e9, nil
}

// form lists the numbers that can be changed.
func (v *view) form(p *costmodel.Profile) {
	v.fields.Objects, v.edits, v.order = nil, map[string]*field{}, nil
	if p == nil {
		v.fields.Refresh()
		return
	}
	add := func(label string, e controller.ProfileEdit, was string, parse func(string) (float64, error)) {
		entry := widget.NewEntry()
		entry.SetText(was)
		v.edits[label] = &field{e, entry, was, parse}
		v.order = append(v.order, label)
		v.fields.Objects = append(v.fields.Objects, parts.Column(0, parts.NewText(label, parts.Caption, viz.InkMuted).Fit(parts.Cut), entry))
	}
	gb := func(x float64) string { return strconv.FormatFloat(x/1e9, 'g', 5, 64) }
	for i := range p.Tiers {
		t := &p.Tiers[i]
		if t.CapacityBytes.V > 0 {
			add(fmt.Sprintf(lang.L("%s capacity"), t.Name), controller.ProfileEdit{Tier: t.Name, Field: "capacity"}, workflow.FormatBytes(t.CapacityBytes.V), bytesOf)
		}
		add(fmt.Sprintf(lang.L("%s reads, GB/s"), t.Name), controller.ProfileEdit{Tier: t.Name, Field: "read"}, gb(t.ReadBW.V), rateOf)
	}
	for i := range p.Links {
		l := &p.Links[i]
		add(fmt.Sprintf(lang.L("%s → %s, GB/s"), l.From, l.To), controller.ProfileEdit{Link: l.Name, Field: "bw"}, gb(l.BW.V), rateOf)
	}
	v.name.SetText(p.Name + "-edited")
	v.fields.Refresh()
}

func (v *view) save() {
	if v.profile == nil {
		return
	}
	var edits []controller.ProfileEdit
	for _, label := range v.order {
		f := v.edits[label]
		if f.entry.Text == f.was {
			continue
		}
		x, err := f.parse(f.entry.Text)
		if err != nil {
			v.h.Controller.Report(fmt.Errorf("%s: %w", label, err), 0)
			return
		}
		f.edit.Value = x
		edits = append(edits, f.edit)
	}
	v.chosen = false
	v.h.Window.Canvas().Unfocus()
	v.h.Controller.SaveProfile(v.profile, strings.TrimSpace(v.name.Text), edits)
}

// number is a line of the table of sources.
type number struct{ name, value, spread, kind, document string }

func (n *number) cell(column int) (string, viz.Ink) {
	switch column {
	case 0:
		return n.name, viz.InkText
	case 1:
		return n.value, viz.InkText
	case 2:
		return n.spread, viz.InkMuted
	case 3:
		switch n.kind {
		case costmodel.SourceMeasured:
			return n.kind, viz.InkGood
		case costmodel.SourceAssumed:
			return n.kind, viz.InkSelected
		}
		return n.kind, viz.InkMuted
	}
	return n.document, viz.InkMuted
}

// numbers lists the values of a profile with their sources.
func numbers(p *costmodel.Profile) []number {
	if p == nil {
		return nil
	}
	var out []number
	add := func(name, value string, spread float64, source string) {
		if source == "" {
			return
		}
		n := number{name: name, value: value, kind: p.Sources[source].Kind, document: p.Sources[source].Document}
		if spread > 0 {
			n.spread = fmt.Sprintf("±%.1f %%", 100*spread)
		}
		out = append(out, n)
	}
	for i := range p.Tiers {
		t := &p.Tiers[i]
		add(t.Name+" capacity", workflow.FormatBytes(t.CapacityBytes.V), 0, t.CapacityBytes.Source)
		add(t.Name+" reads", gbps(t.ReadBW.V), t.ReadBW.Spread, t.ReadBW.Source)
		add(t.Name+" writes", gbps(t.WriteBW.V), t.WriteBW.Spread, t.WriteBW.Source)
		add(t.Name+" latency", viz.FormatSeconds(t.LatencyS.V), t.LatencyS.Spread, t.LatencyS.Source)
	}
	for i := range p.Links {
		l := &p.Links[i]
		add(l.From+" to "+l.To, gbps(l.BW.V), l.BW.Spread, l.BW.Source)
		add(l.From+" to "+l.To+" latency", viz.FormatSeconds(l.LatencyS.V), l.LatencyS.Spread, l.LatencyS.Source)
	}
	for _, e := range p.Executors {
		for _, a := range e.Access {
			for _, r := range a.Read {
				add(fmt.Sprintf("%s reads %s, %d threads", e.Name, a.Tier, r.Threads), gbps(r.BW.V), r.BW.Spread, r.BW.Source)
			}
		}
		for _, c := range e.Caches {
			add(e.Name+" cache "+c.Name, workflow.FormatBytes(c.Bytes.V), 0, c.Bytes.Source)
		}
		for _, k := range e.Kernels {
			for _, r := range k.Points {
				add(fmt.Sprintf("%s %s %s, %d threads, %d tokens", e.Name, k.Kernel, k.DType, k.Threads, r.Tokens), fmt.Sprintf("%.3g %s/s", r.Rate.V, k.Unit), r.Rate.Spread, r.Rate.Source)
			}
		}
	}
	return out
}

func (v *view) Commands() []command.Command { return nil }

func (v *view) Export() views.Export {
	p := v.profile
	if p == nil {
		return views.Export{}
	}
	table := func() [][]string {
		out := [][]string{{"number", "value", "spread", "source", "document"}}
		for _, n := range numbers(p) {
			out = append(out, []string{n.name, n.value, n.spread, n.kind, n.document})
		}
		return out
	}
	return views.Export{Name: "hardware-" + p.Name, Table: table, Figure: func() *viz.Figure { f := curves(p); f.Title = title(p); return f },
		Text: func() string {
			var b strings.Builder
			for _, row := range table() {
				fmt.Fprintln(&b, strings.Join(row, "\t"))
			}
			return b.String()
		}}
}

func title(p *costmodel.Profile) string {
	if p.Title != "" {
		return p.Title
	}
	return p.Name
}
