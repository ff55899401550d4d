package ui

import (
	"sort"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/ui/command"
	"strata/ui/parts"
	"strata/ui/viz"
)

// palettePicker is the open command palette: commands first, then tensors of the
// document by name.
type palettePicker struct {
	w     *Window
	pop   *widget.PopUp
	entry *paletteEntry
	rows  *fyne.Container
	found []entry
	at    int
}

// entry is a line of the palette.
type entry struct {
	title, key string
	run        func()
	rank       int
}

// paletteEntry passes arrows, Return and Escape on.
type paletteEntry struct {
	widget.Entry
	p *palettePicker
}

func (e *paletteEntry) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyDown:
		e.p.move(1)
	case fyne.KeyUp:
		e.p.move(-1)
	case fyne.KeyReturn, fyne.KeyEnter:
		e.p.choose(e.p.at)
	case fyne.KeyEscape:
		e.p.close()
	default:
		e.Entry.TypedKey(k)
	}
}

const paletteRows = 12

// openPalette opens the palette with a text already typed.
func (w *Window) openPalette(text string) {
	if w.picker != nil {
		w.picker.close()
		return
	}
	p := &palettePicker{w: w, rows: parts.Column(0)}
	p.entry = &paletteEntry{p: p}
	p.entry.ExtendBaseWidget(p.entry)
	p.entry.PlaceHolder = lang.L("Type a command or the name of a tensor")
	p.entry.OnChanged = p.filter
	p.filter(text)
	content := parts.Sized(parts.Inset(parts.Column(6, p.entry, p.rows), 6, 6), 560, 60+paletteRows*28)
	p.pop = widget.NewModalPopUp(content, w.win.Canvas())
	w.picker = p
	p.pop.Show()
	w.win.Canvas().Focus(p.entry)
	if text != "" {
		p.entry.SetText(text)
	}
}

func (p *palettePicker) close() {
	if p.w.picker == p {
		p.w.picker = nil
	}
	p.w.win.Canvas().Unfocus() // a focused entry repaints the window for its cursor
	p.pop.Hide()
}

// matches is how well a query fits a title: −1 not at all, smaller is better.
func matches(query, title string) int {
	q, t := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(query, ">"))), strings.ToLower(title)
	if q == "" {
		return 1
	}
	if i := strings.Index(t, q); i == 0 {
		return 0
	} else if i > 0 {
		return 1
	}
	at := 0
	for _, r := range q {
		i := strings.IndexRune(t[at:], r)
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	return 2
}

// search lists what fits a query: after ">" commands, after "@" tensors.
func (w *Window) search(query string) []entry {
	var out []entry
	tensors, only := strings.CutPrefix(query, "@")
	for i := range w.commands {
		c := &w.commands[i]
		if only {
			break
		}
		if r := matches(query, c.Name()); r >= 0 && c.Can() && w.hasView(c) {
			out = append(out, entry{c.Name(), strings.Join(c.Keys, "  "), c.Run, r})
		}
	}
	if d := w.c.Snapshot().Doc(); d != nil && d.Program != nil && (only || strings.TrimSpace(query) != "" && !strings.HasPrefix(query, ">")) {
		n := 0
		for b := range d.Program.Buffers {
			name := d.Program.Buffers[b].Name
			if r := matches(tensors, name); r >= 0 && r < 2 && n < 50 {
				n++
				out = append(out, entry{name, lang.L("select tensor"), func() { w.c.Bus.SelectBuffers(d.ID, b) }, r + 3})
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].rank < out[j].rank })
	return out
}

func (w *Window) hasView(c *command.Command) bool {
	return c.View == "" || w.shown != nil && w.shown.ID() == c.View
}

func (p *palettePicker) filter(query string) {
	p.found, p.at = p.w.search(query), 0
	p.draw()
}

func (p *palettePicker) move(by int) {
	if n := len(p.found); n > 0 {
		p.at = (p.at + by + n) % n
		p.draw()
	}
}

func (p *palettePicker) draw() {
	p.rows.Objects = nil
	from := max(0, min(p.at-paletteRows/2, len(p.found)-paletteRows))
	for i := from; i < min(from+paletteRows, len(p.found)); i++ {
		e := p.found[i]
		row := parts.NewPress(parts.Row(12, parts.Grow(parts.NewText(e.title, parts.Body, viz.InkText).Fit(parts.Cut)), parts.NewText(e.key, parts.Caption, viz.InkMuted)), func() { p.choose(i) })
		row.PadY = 4
		row.Select(i == p.at)
		p.rows.Objects = append(p.rows.Objects, row)
	}
	if len(p.found) == 0 {
		p.rows.Objects = []fyne.CanvasObject{parts.Inset(parts.NewText(lang.L("Nothing has this name."), parts.Body, viz.InkMuted), 10, 6)}
	}
	p.rows.Refresh()
}

func (p *palettePicker) choose(i int) {
	if i < 0 || i >= len(p.found) {
		return
	}
	run := p.found[i].run
	p.close()
	run()
}

// listKeys shows every command with its keys, by menu.
func (w *Window) listKeys() {
	columns := []fyne.CanvasObject{}
	column := []fyne.CanvasObject{}
	flush := func() {
		if len(column) > 0 {
			columns = append(columns, parts.Grow(parts.Column(3, column...)))
			column = nil
		}
	}
	group := func(title string, pick func(*command.Command) bool) {
		var rows []fyne.CanvasObject
		for i := range w.commands {
			if c := &w.commands[i]; pick(c) {
				rows = append(rows, parts.Row(10, parts.Grow(parts.NewText(c.Title, parts.Body, viz.InkText).Fit(parts.Cut)), parts.NewText(strings.Join(c.Keys, "  "), parts.Caption, viz.InkMuted).Mono()))
			}
		}
		if len(rows) == 0 {
			return
		}
		column = append(column, parts.InsetEach(parts.NewText(title, parts.Caption, viz.InkAccent).Bold(), 0, 8, 0, 2))
		column = append(column, rows...)
	}
	for _, m := range command.Menus {
		group(lang.L(string(m)), func(c *command.Command) bool {
			return c.Menu == m && c.View == "" && !strings.HasPrefix(c.ID, "theme.")
		})
	}
	flush()
	for i, v := range w.views {
		if i == len(w.views)/2 {
			flush()
		}
		group(v.Title(), func(c *command.Command) bool { return c.View == v.ID() && len(c.Keys) > 0 })
	}
	flush()
	var pop *widget.PopUp
	shut := widget.NewButton(lang.L("Close"), func() { pop.Hide() })
	title := parts.NewText(lang.L("Keys and commands"), parts.Strong, viz.InkText).Bold()
	size := w.win.Canvas().Size()
	list := container.NewVScroll(parts.InsetEach(parts.Row(28, columns...), 0, 0, 14, 0))
	pop = widget.NewModalPopUp(parts.Sized(parts.Inset(parts.Column(8, parts.Row(10, parts.Grow(title), shut), parts.Grow(list)), 14, 10), min(size.Width-80, 1180), size.Height-120), w.win.Canvas())
	pop.Show()
}
