package ui

import (
	"sort"
	"strings"

	"fyne.io/fyne/v2"
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
	lines []paletteLine // of rows, made once: typing changes texts only
	none  fyne.CanvasObject
	found []entry
	at    int
	from  int // the entry in the first line
}

// paletteLine is a row of the palette.
type paletteLine struct {
	press      *parts.Press
	content    *fyne.Container
	title, key *parts.Text
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
	p := &palettePicker{w: w}
	p.makeLines()
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

func (p *palettePicker) makeLines() {
	p.none = parts.Inset(parts.NewText(lang.L("Nothing has this name."), parts.Body, viz.InkMuted), 10, 6)
	objects := []fyne.CanvasObject{p.none}
	for i := range paletteRows {
		l := paletteLine{title: parts.NewText("", parts.Body, viz.InkText).Fit(parts.Cut), key: parts.NewText("", parts.Caption, viz.InkMuted)}
		l.content = parts.Row(12, parts.Grow(l.title), l.key)
		l.press = parts.NewPress(l.content, func() { p.choose(p.from + i) })
		l.press.PadY = 4
		p.lines = append(p.lines, l)
		objects = append(objects, l.press)
	}
	p.rows = parts.Column(0, objects...)
}

func (p *palettePicker) draw() {
	p.from = max(0, min(p.at-paletteRows/2, len(p.found)-paletteRows))
	for i, l := range p.lines {
		at := p.from + i
		if at >= len(p.found) {
			l.press.Hide()
			continue
		}
		e := p.found[at]
		l.title.Set(e.title)
		if l.key.Text() != e.key {
			l.key.Set(e.key)
			l.content.Refresh() // its width changed
		}
		l.press.Select(at == p.at)
		l.press.Show()
	}
	if len(p.found) == 0 {
		p.none.Show()
	} else {
		p.none.Hide()
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
