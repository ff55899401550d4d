package ui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/viz"
	"strata/workflow"
)

// topBar holds the tabs of documents, the machine and the verdict.
type topBar struct {
	w       *Window
	root    fyne.CanvasObject
	tabs    *fyne.Container
	strip   *container.Scroll // around the tabs: many documents scroll
	machine *widget.Select
	verdict *parts.Chip
	numbers *parts.Text
	search  *widget.Button
	order   []string // machine IDs in the select
	shown   []int    // documents of the tabs
	presses []*parts.Press
	names   []*parts.Text
	quiet   bool
}

func newTopBar(w *Window) *topBar {
	t := &topBar{w: w, tabs: parts.Row(2), verdict: parts.NewChip("", viz.InkMuted), numbers: parts.NewText("", parts.Body, viz.InkMuted).Fit(parts.Cut)}
	t.machine = parts.NewChoice(nil, func(string) {
		i := t.machine.SelectedIndex()
		if t.quiet || i < 0 || i >= len(t.order) {
			return
		}
		if d := w.c.Snapshot().Doc(); d != nil {
			w.c.SetMachine(d.ID, t.order[i])
		}
	})
	t.strip = container.NewHScroll(t.tabs)
	t.machine.PlaceHolder = lang.L("No machine")
	find := widget.NewButtonWithIcon(lang.L("Search or command")+"   Ctrl+K", theme.SearchIcon(), func() { w.openPalette("") })
	t.search = widget.NewButtonWithIcon(lang.L("Search"), theme.MediaPlayIcon(), func() { w.run("plan.search") })
	t.search.Importance = widget.HighImportance
	first := parts.Row(10, parts.Grow(t.strip), parts.Fixed(t.machine, 380, 0), find, t.search)
	second := parts.Row(10, parts.Centred(t.verdict), parts.Grow(parts.Centred(t.numbers)))
	t.root = parts.Stack(parts.NewBox(viz.InkSurface, 0), parts.InsetEach(parts.Column(4, first, second), 10, 5, 10, 6))
	return t
}

func (t *topBar) update(s *controller.Snapshot) {
	same := len(t.shown) == len(s.Docs) && len(t.tabs.Objects) > 0
	for i, d := range s.Docs {
		same = same && t.shown[i] == d.ID
	}
	if !same {
		t.shown, t.presses, t.names = nil, nil, nil
		var objects []fyne.CanvasObject
		for _, d := range s.Docs {
			id := d.ID
			name := parts.NewText(d.Name, parts.Body, viz.InkText)
			shut := parts.NewPress(parts.NewText("×", parts.Body, viz.InkMuted), func() { t.w.c.CloseDoc(id) })
			shut.PadX, shut.PadY = 5, 0
			p := parts.NewPress(parts.Row(4, parts.Centred(name), parts.Centred(shut)), func() { t.w.c.Activate(id) })
			p.PadY = 4
			t.shown, t.presses, t.names = append(t.shown, id), append(t.presses, p), append(t.names, name)
			objects = append(objects, p)
		}
		open := parts.NewPress(parts.NewText("+", parts.Strong, viz.InkMuted), func() { t.w.run("file.open") })
		open.PadY = 4
		t.tabs.Objects = append(objects, open)
		t.tabs.Refresh()
	}
	for i, p := range t.presses {
		p.Select(i == s.Active)
		t.names[i].Set(s.Docs[i].Name)
	}
	t.machines(s)
	d := s.Doc()
	if can := d != nil && d.Program != nil && !d.Search.Running; can == t.search.Disabled() {
		if can {
			t.search.Enable()
		} else {
			t.search.Disable()
		}
	}
	if d == nil {
		t.verdict.Set(lang.L("NO DOCUMENT"), viz.InkMuted)
		t.numbers.Set(lang.L("Open a model: Ctrl+O, or drop a file anywhere."))
		return
	}
	word := d.Verdict.Word
	if word == "" {
		word = lang.L("PLANNING")
	}
	ink := parts.ToneInk(uint8(d.Verdict.Tone))
	if d.Stale {
		ink = viz.InkMuted
	}
	t.verdict.Set(word, ink)
	t.numbers.Set(headline(d))
}

// headline is a document's state in one line, for the bar above every view.
func headline(d *controller.Document) string {
	p := d.Predicted
	if p == nil {
		return d.Verdict.Sentence
	}
	text := ""
	if t := d.HomeTier; t >= 0 && t < len(p.Tiers) {
		text = fmt.Sprintf(lang.L("%s of %s %s"), workflow.FormatBytes(p.Tiers[t].UsedBytes), workflow.FormatBytes(p.Tiers[t].CapacityBytes), p.Tiers[t].Name) + "   ·   "
	}
	if s := p.PredictedSPerToken; s > 0 {
		text += fmt.Sprintf(lang.L("first token %s   ·   %s a token, %.1f tokens/s"), viz.FormatSeconds(p.PrefillS), viz.FormatSeconds(s), 1/s)
	} else {
		text += fmt.Sprintf(lang.L("whole run %s"), viz.FormatSeconds(p.PredictedS))
	}
	if l := d.LowerBound.TotalS; l > 0 {
		text += "   ·   " + fmt.Sprintf(lang.L("%.1f %% above the lower bound"), 100*(p.PredictedS/l-1))
	}
	if d.Measured() != nil {
		text += "   ·   " + lang.L("proved on this host")
	}
	return text
}

func (t *topBar) machines(s *controller.Snapshot) {
	t.quiet = true
	defer func() { t.quiet = false }()
	var titles, order []string
	for _, m := range s.Machines {
		title := m.Title
		if m.Host {
			title = lang.L("This host")
			if m.Profile == nil {
				title = lang.L("This host (not calibrated)")
			}
		}
		titles, order = append(titles, title), append(order, m.ID)
	}
	if fmt.Sprint(t.order) != fmt.Sprint(order) || len(t.machine.Options) != len(titles) {
		t.order = order
		t.machine.SetOptions(titles)
	} else {
		for i := range titles {
			if t.machine.Options[i] != titles[i] {
				t.machine.SetOptions(titles)
				break
			}
		}
	}
	d := s.Doc()
	if d == nil || d.Inspection == nil {
		t.machine.ClearSelected()
		t.machine.Disable()
		return
	}
	t.machine.Enable()
	for i, id := range t.order {
		if id == d.Request.HW && t.machine.SelectedIndex() != i {
			t.machine.SetSelectedIndex(i)
		}
	}
}

// sideBar lists the views.
type sideBar struct {
	w       *Window
	root    *fyne.Container
	presses map[string]*parts.Press
}

func newSideBar(w *Window) *sideBar {
	s := &sideBar{w: w, presses: map[string]*parts.Press{}}
	var items []fyne.CanvasObject
	for _, v := range w.views {
		id := v.ID()
		icon := widget.NewIcon(v.Icon())
		p := parts.NewPress(parts.Row(10, parts.Fixed(icon, 18, 18), parts.Grow(parts.Centred(parts.NewText(v.Title(), parts.Body, viz.InkText)))), func() { w.show(id) })
		p.MarkSide, p.PadY = true, 7
		s.presses[id] = p
		items = append(items, p)
	}
	s.root = parts.Stack(parts.NewBox(viz.InkSurface, 0), parts.Fixed(parts.Inset(parts.Column(2, items...), 6, 8), 148, 0))
	return s
}

func (s *sideBar) mark(id string) {
	for k, p := range s.presses {
		p.Select(k == id)
	}
}

// faultBar shows the error with the buttons that mend it.
type faultBar struct {
	w     *Window
	root  *fyne.Container
	text  *parts.Text
	fixes *fyne.Container
	shown *controller.Fault
}

func newFaultBar(w *Window) *faultBar {
	f := &faultBar{w: w, text: parts.NewText("", parts.Body, viz.InkText).Fit(parts.Wrap), fixes: parts.Row(6)}
	ground := parts.NewBox(viz.InkBad, 6)
	ground.Opacity = 0.12
	ground.Line, ground.HasLine = viz.InkBad, true
	shut := widget.NewButtonWithIcon("", theme.CancelIcon(), func() { w.c.Dismiss() })
	shut.Importance = widget.LowImportance
	line := parts.Row(10, parts.Fixed(widget.NewIcon(theme.NewErrorThemedResource(theme.ErrorIcon())), 18, 18), parts.Grow(parts.Centred(f.text)), parts.Centred(f.fixes), parts.Centred(shut))
	f.root = parts.InsetEach(parts.Stack(ground, parts.Inset(line, 10, 6)), 10, 8, 10, 0)
	f.root.Hide()
	return f
}

func (f *faultBar) update(s *controller.Snapshot) {
	if f.shown == s.Fault {
		return
	}
	f.shown = s.Fault
	if s.Fault == nil {
		f.root.Hide()
		return
	}
	f.text.Set(s.Fault.Text)
	f.fixes.Objects = nil
	for i, fix := range s.Fault.Fixes {
		b := widget.NewButton(fix.Label, func() { f.w.c.ApplyFix(i) })
		if i == 0 {
			b.Importance = widget.HighImportance
		}
		f.fixes.Objects = append(f.fixes.Objects, b)
	}
	f.fixes.Refresh()
	f.root.Show()
	f.root.Refresh()
}

// statusBar shows running work with its cancel button.
type statusBar struct {
	w       *Window
	root    fyne.CanvasObject
	text    *parts.Text
	right   *parts.Text
	meter   *parts.Meter
	cancel  *widget.Button
	working *fyne.Container
	task    int
}

func newStatusBar(w *Window) *statusBar {
	s := &statusBar{w: w, text: parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Cut), right: parts.NewText("", parts.Caption, viz.InkMuted), meter: parts.NewMeter(4)}
	s.cancel = widget.NewButton(lang.L("Cancel"), func() { w.c.Cancel(s.task) })
	s.cancel.Importance = widget.LowImportance // the bar is no taller than a button
	s.working = parts.Row(8, parts.Centred(parts.Fixed(s.meter, 160, 4)), parts.Centred(s.cancel))
	s.working.Hide()
	s.root = parts.Stack(parts.NewBox(viz.InkSurface, 0), parts.InsetEach(parts.Fixed(parts.Row(12, parts.Grow(parts.Centred(s.text)), s.working, parts.Centred(s.right)), 0, 28), 12, 0, 12, 0))
	return s
}

func (s *statusBar) update(snap *controller.Snapshot) {
	right := ""
	if d := snap.Doc(); d != nil && d.Program != nil {
		right = fmt.Sprintf(lang.L("%d instructions · %d buffers"), len(d.Program.Instructions), len(d.Program.Buffers))
	}
	if s.w.c.Keeps() {
		saved := lang.L("saved")
		if !snap.Saved {
			saved = lang.L("saving …")
		}
		if right != "" {
			right += " · "
		}
		right += saved
	}
	s.right.Set(right)
	if len(snap.Tasks) == 0 {
		if s.task != 0 {
			s.task = 0
			s.working.Hide()
			s.working.Refresh()
		}
		text := lang.L("Ready")
		if d := snap.Doc(); d != nil && d.Plan != nil {
			if d.Result != nil {
				text = fmt.Sprintf(lang.L("Plan by %s, %.1f %% above the lower bound"), d.Result.Component, 100*d.Result.Gap)
			} else {
				text = fmt.Sprintf(lang.L("Plan by %s"), d.Plan.Solver)
			}
		}
		s.text.Set(text)
		return
	}
	t := snap.Tasks[len(snap.Tasks)-1]
	text := t.Stage
	if t.Total > 0 && t.LeftS >= 0 {
		text += " · " + fmt.Sprintf(lang.L("%s left"), duration(t.LeftS))
	}
	s.text.Set(text)
	share := 0.0
	if t.Total > 0 {
		share = float64(t.Done) / float64(t.Total)
	}
	s.meter.Set(-1, parts.Segment{Share: share, Ink: viz.InkAccent})
	label := lang.L("Cancel")
	if t.KeepsBest {
		label = lang.L("Stop, keep best")
	}
	if s.cancel.Text != label {
		s.cancel.SetText(label)
	}
	if s.task == 0 {
		s.working.Show()
		s.working.Refresh()
	}
	s.task = t.ID
}
