// Package tensors is the view of all tensors: a treemap by bytes, a table that
// filters, sorts and groups, and what is known of the selected ones.
package tensors

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

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
	tree    *widgets.Plot
	grid    *widgets.Grid
	legend  *widgets.Legend
	mode    *widgets.Segments
	group   *widgets.Segments
	filter  *filterEntry
	summary *parts.Text
	split   *fyne.Container

	doc     *controller.Document
	version uint64 // of the document drawn
	pal     *viz.Palette
	list    []planview.Tensor
	leaves  []viz.Leaf
	sort    int
	down    bool
	groupBy planview.Grouping
	folded  map[string]bool
	sums    []planview.Sum
	rows    []row
	problem string
	matched int
	bytes   int64
	work    atomic.Int64 // newest round of sorting
	later   *time.Timer
	treeOf  string // filter that the treemap was drawn with
	built   bool
}

// row is a line of the table: a group (tensor -1) or a tensor of the list.
type row struct{ group, tensor int32 }

// New makes the view.
func New(h *views.Host) views.View {
	return &View{host: h, sort: colBytes, down: true, folded: map[string]bool{}}
}

// ID implements views.View.
func (v *View) ID() string { return views.Tensors }

// Title implements views.View.
func (v *View) Title() string { return lang.L("Tensors") }

// Icon implements views.View.
func (v *View) Icon() fyne.Resource { return planview.Icon("tensors") }

const (
	colName = iota
	colLayer
	colRole
	colType
	colShape
	colBytes
	colTier
	colState
	colUses
	colLife
)

// Content implements views.View.
func (v *View) Content() fyne.CanvasObject {
	if v.built {
		return v.page.Root
	}
	v.built = true
	v.details = planview.NewDetails(v.host)
	v.tree = widgets.NewPlot()
	v.tree.BothAxes = true
	v.tree.Key = func(_ int, ref int32) widgets.Key {
		if int(ref) >= len(v.leaves) {
			return widgets.NoKey
		}
		return planview.BufferKey(int(v.leaves[ref].Ref))
	}
	v.tree.OnHover = func(h widgets.Hit) { v.host.Bus.SetHover(planview.HoverOf(h.Key)) }
	v.tree.OnTap = func(h widgets.Hit, mod fyne.KeyModifier) { v.tap(planview.HoverOf(h.Key).Buf, mod) }
	v.tree.OnMenu = func(h widgets.Hit, at fyne.Position) { v.menu(planview.HoverOf(h.Key).Buf, at) }
	v.grid = widgets.NewGrid(
		widgets.Column{Title: lang.L("Name"), Width: 190, Flex: 3},
		widgets.Column{Title: lang.L("Layer"), Width: 52, Right: true},
		widgets.Column{Title: lang.L("Role"), Width: 76},
		widgets.Column{Title: lang.L("Type"), Width: 58},
		widgets.Column{Title: lang.L("Shape"), Width: 110, Flex: 1},
		widgets.Column{Title: lang.L("Bytes"), Width: 82, Right: true},
		widgets.Column{Title: lang.L("Tier"), Width: 66},
		widgets.Column{Title: lang.L("State"), Width: 82},
		widgets.Column{Title: lang.L("Uses"), Width: 52, Right: true},
		widgets.Column{Title: lang.L("Lifetime"), Width: 96, Right: true},
	)
	v.grid.Len = func() int { return len(v.rows) }
	v.grid.Cell, v.grid.Style = v.cell, v.style
	v.grid.Empty = func() string {
		if v.problem != "" || v.doc == nil {
			return ""
		}
		return lang.L("No tensor matches the filter.")
	}
	v.grid.OnSelect = v.pick
	v.grid.OnOpen = func(r int) { v.host.Show(views.MemoryMap) }
	v.grid.OnMenu = func(r int, at fyne.Position) {
		if t := v.rows[r].tensor; t >= 0 {
			v.menu(v.list[t].Buf, at)
		}
	}
	v.grid.OnHover = func(r int) {
		h := controller.NoHover
		if r >= 0 && v.rows[r].tensor >= 0 {
			h.Buf = v.list[v.rows[r].tensor].Buf
		}
		v.host.Bus.SetHover(h)
	}
	v.grid.OnSort = func(c int) {
		if v.sort == c {
			v.down = !v.down
		} else {
			v.sort, v.down = c, c == colBytes || c == colUses
		}
		v.arrange()
	}
	v.legend = widgets.NewLegend()
	v.mode = widgets.NewSegments(lang.L("Both"), lang.L("Treemap"), lang.L("Table"))
	v.mode.OnChange = func(i int) {
		v.host.SetSetting("tensors.mode", strconv.Itoa(i))
		v.split.Refresh()
	}
	v.group = widgets.NewSegments(lang.L("No groups"), lang.L("Layer"), lang.L("Role"), lang.L("Type"), lang.L("Tier"))
	v.group.OnChange = func(i int) {
		v.groupBy = planview.Grouping(i)
		v.host.SetSetting("tensors.group", strconv.Itoa(i))
		v.arrange()
	}
	v.filter = newFilterEntry()
	v.filter.SetPlaceHolder(lang.L(`Filter: layer:3 role:ffn bytes>1MiB name~"attn"`))
	v.filter.OnChanged = func(string) {
		if v.later != nil {
			v.later.Stop()
		}
		v.later = time.AfterFunc(120*time.Millisecond, func() { v.host.Do(v.arrange) })
	}
	v.filter.OnSubmitted = func(string) { v.host.Window.Canvas().Unfocus() }
	v.filter.escape = func() {
		v.filter.SetText("")
		v.host.Window.Canvas().Unfocus()
	}
	v.summary = parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Cut)
	v.split = &fyne.Container{Layout: (*splitLayout)(v), Objects: []fyne.CanvasObject{v.legend, v.tree, v.summary, v.grid}}
	v.page = planview.NewPage([]fyne.CanvasObject{planview.Fill(v.filter), v.group, v.mode}, v.split, v.details)
	if i, err := strconv.Atoi(v.host.Setting("tensors.group")); err == nil {
		v.groupBy = planview.Grouping(i)
		v.group.Choose(i)
	}
	if i, err := strconv.Atoi(v.host.Setting("tensors.mode")); err == nil {
		v.mode.Choose(i)
	}
	v.host.Bus.Subscribe(v.bus)
	return v.page.Root
}

// splitLayout puts legend and treemap over summary and table.
type splitLayout View

// Layout implements fyne.Layout.
func (l *splitLayout) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	v := (*View)(l)
	const pad, legend, summary = float32(12), float32(26), float32(24)
	y, w := float32(6), s.Width-2*pad
	show := func(o fyne.CanvasObject, on bool) {
		if on {
			o.Show()
		} else {
			o.Hide()
		}
	}
	tree, table := v.mode.Chosen() != 2, v.mode.Chosen() != 1
	show(v.legend, tree)
	show(v.tree, tree)
	show(v.summary, table)
	show(v.grid, table)
	if tree {
		v.legend.Move(fyne.NewPos(pad, y))
		v.legend.Resize(fyne.NewSize(w, legend-4))
		y += legend
		h := s.Height - y - pad
		if table {
			h = (s.Height - y) * 0.46
		}
		v.tree.Move(fyne.NewPos(pad, y))
		v.tree.Resize(fyne.NewSize(w, max(h, 10)))
		y += h + 8
	}
	if table {
		v.summary.Move(fyne.NewPos(pad, y))
		v.summary.Resize(fyne.NewSize(w, summary-4))
		y += summary
		v.grid.Move(fyne.NewPos(pad-widgets.CellPad, y)) // its texts lie under the others
		v.grid.Resize(fyne.NewSize(s.Width-pad+widgets.CellPad, max(s.Height-y, 10)))
	}
}

// MinSize implements fyne.Layout.
func (l *splitLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(300, 200) }

// Update implements views.View.
func (v *View) Update(s *controller.Snapshot) {
	v.Content()
	pal := v.host.Palette()
	recolour := v.pal != pal
	if recolour {
		v.pal = pal
		v.tree.SetPalette(pal)
		v.grid.SetPalette(pal)
		v.mode.SetPalette(pal)
		v.group.SetPalette(pal)
		v.page.Recolour()
	}
	doc := s.Doc()
	if doc != nil && v.doc != nil && doc.ID == v.doc.ID && doc.Version == v.version && !recolour {
		return
	}
	if doc == nil && v.doc == nil && !recolour {
		return
	}
	samePlan := doc != nil && v.doc != nil && doc.ID == v.doc.ID && doc.PlanVersion == v.doc.PlanVersion
	v.doc, v.version = doc, 0
	if doc != nil {
		v.version = doc.Version
	}
	v.list = planview.Tensors(doc)
	if !samePlan {
		v.treeOf = ""
		v.tree.SetFigure(nil, false)
	}
	v.details.SetDocument(doc, v.list)
	v.legend.Set(v.tree.Figure(), pal)
	v.arrange()
	v.bus(v.host.Bus.State(), controller.SelectionChanged)
}

func (v *View) bus(st controller.BusState, what controller.Change) {
	if what&controller.SelectionChanged != 0 {
		v.details.Select(st.Selection)
		v.tree.Select(planview.SelectedKeys(st.Selection)...)
		if n := len(st.Selection.Buffers); n == 1 {
			for i, r := range v.rows {
				if r.tensor >= 0 && v.list[r.tensor].Buf == st.Selection.Buffers[0] {
					v.grid.ScrollTo(i)
					break
				}
			}
		}
		v.grid.Reload()
	}
	if what&controller.HoverChanged != 0 {
		v.tree.SetHover(planview.KeyOf(st.Hover))
	}
}

func (v *View) tap(buf int, mod fyne.KeyModifier) {
	if v.doc == nil {
		return
	}
	switch {
	case buf < 0:
		v.host.Bus.Clear()
	case mod&fyne.KeyModifierControl != 0:
		v.host.Bus.Toggle(v.doc.ID, buf)
	default:
		v.host.Bus.SelectBuffers(v.doc.ID, buf)
	}
}

// pick selects a row; Shift extends from the last one, a group's row selects its
// members, its triangle folds it.
func (v *View) pick(r int, mod fyne.KeyModifier) {
	if v.doc == nil {
		return
	}
	at := v.rows[r]
	if at.tensor < 0 {
		s := &v.sums[at.group]
		if mod == 0 && v.selectedAll(s) || len(s.Members) > 5000 {
			v.folded[s.Name] = !v.folded[s.Name]
			v.flatten()
			return
		}
		bufs := make([]int, len(s.Members))
		for i, m := range s.Members {
			bufs[i] = v.list[m].Buf
		}
		if mod&fyne.KeyModifierControl != 0 {
			bufs = append(bufs, v.host.Bus.State().Selection.Buffers...)
		}
		v.host.Bus.SelectBuffers(v.doc.ID, bufs...)
		return
	}
	if mod&fyne.KeyModifierShift != 0 {
		if from := v.selectedRow(); from >= 0 {
			var bufs []int
			for i := min(from, r); i <= max(from, r); i++ {
				if t := v.rows[i].tensor; t >= 0 {
					bufs = append(bufs, v.list[t].Buf)
				}
			}
			v.host.Bus.SelectBuffers(v.doc.ID, bufs...)
			return
		}
	}
	v.tap(v.list[at.tensor].Buf, mod)
}

func (v *View) selectedAll(s *planview.Sum) bool {
	sel := v.host.Bus.State().Selection
	for _, m := range s.Members {
		if !sel.Has(v.list[m].Buf) {
			return false
		}
	}
	return len(s.Members) > 0
}

// selectedRow is the first selected row, -1: none.
func (v *View) selectedRow() int {
	sel := v.host.Bus.State().Selection
	for i, r := range v.rows {
		if r.tensor >= 0 && sel.Has(v.list[r.tensor].Buf) {
			return i
		}
	}
	return -1
}

// step moves the selection by rows.
func (v *View) step(by int) {
	if len(v.rows) == 0 || v.doc == nil {
		return
	}
	r := v.selectedRow()
	if r < 0 {
		r = -by
		if by < 0 {
			r = len(v.rows)
		}
	}
	sign := 1
	if by < 0 {
		sign = -1
	}
	r = min(max(r+by, 0), len(v.rows)-1)
	for r >= 0 && r < len(v.rows) && v.rows[r].tensor < 0 {
		r += sign
	}
	if r >= 0 && r < len(v.rows) {
		v.host.Bus.SelectBuffers(v.doc.ID, v.list[v.rows[r].tensor].Buf)
	}
}

func (v *View) menu(buf int, at fyne.Position) {
	if v.doc == nil || buf < 0 {
		return
	}
	if sel := v.host.Bus.State().Selection; !sel.Has(buf) {
		v.host.Bus.SelectBuffers(v.doc.ID, buf)
	}
	v.host.Menu(at, planview.TensorMenu(v.host, v.doc))
}

// Commands implements views.View.
func (v *View) Commands() []command.Command {
	id := v.ID()
	c := func(name, title string, run func(), keys ...string) command.Command {
		return command.Command{ID: id + "." + name, Title: title, Keys: keys, View: id, Run: run}
	}
	list := planview.PlotCommands(id, func() *widgets.Plot { return v.tree })
	list = slices.DeleteFunc(list, func(c command.Command) bool { return c.ID == id+".up" || c.ID == id+".down" })
	list = append(list,
		c("filter", lang.L("Filter tensors"), func() { v.host.Window.Canvas().Focus(v.filter) }, "/", "Ctrl+F"),
		c("next", lang.L("Next tensor"), func() { v.step(1) }, ".", "Down"),
		c("previous", lang.L("Previous tensor"), func() { v.step(-1) }, ",", "Up"),
		c("all-rows", lang.L("Select all listed tensors"), v.selectAll, "Ctrl+A"),
		c("page-down", lang.L("Page down"), func() { v.step(v.grid.PageRows() - 1) }, "PageDown"),
		c("page-up", lang.L("Page up"), func() { v.step(1 - v.grid.PageRows()) }, "PageUp"),
		c("fold", lang.L("Fold all groups"), func() { v.foldAll(true) }),
		c("unfold", lang.L("Unfold all groups"), func() { v.foldAll(false) }),
		c("details", lang.L("Details panel"), v.toggleDetails, "Q"),
	)
	return append(list, planview.TensorCommands(id, v.host)...)
}

// selectAll selects the tensors that the filter lets through.
func (v *View) selectAll() {
	v.Content()
	if v.doc == nil {
		return
	}
	var bufs []int
	for _, r := range v.rows {
		if r.tensor >= 0 {
			bufs = append(bufs, v.list[r.tensor].Buf)
		}
	}
	v.host.Bus.SelectBuffers(v.doc.ID, bufs...)
}

func (v *View) toggleDetails() {
	v.Content()
	v.page.ToggleDetails()
}

func (v *View) foldAll(on bool) {
	for _, s := range v.sums {
		v.folded[s.Name] = on
	}
	v.flatten()
}

// Export implements views.View.
func (v *View) Export() views.Export {
	return views.Export{
		Name:  "tensors",
		Text:  func() string { return planview.Columns(v.table()) },
		Table: v.table,
		Figure: func() *viz.Figure {
			f := v.tree.ViewFigure()
			if f != nil && v.doc != nil {
				f.Subtitle = v.doc.Name
			}
			return f
		},
	}
}

// filterEntry is an entry that Esc leaves.
type filterEntry struct {
	widget.Entry
	escape func()
}

func newFilterEntry() *filterEntry {
	e := &filterEntry{}
	e.ExtendBaseWidget(e)
	return e
}

// TypedKey implements fyne.Focusable.
func (e *filterEntry) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		e.escape()
		return
	}
	e.Entry.TypedKey(k)
}
