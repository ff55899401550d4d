package planview

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/views"
)

// TensorCommands act on the selected tensors: L, U and 1 to 9.
func TensorCommands(view string, h *views.Host) []command.Command {
	doc := func() (*controller.Document, []int) {
		d := h.Controller.Snapshot().Doc()
		if d == nil || d.Plan == nil {
			return nil, nil
		}
		s := h.Bus.State().Selection
		if s.Doc != 0 && s.Doc != d.ID {
			return nil, nil
		}
		return d, s.Buffers
	}
	some := func() bool {
		d, bufs := doc()
		return d != nil && len(bufs) > 0
	}
	list := []command.Command{
		{ID: view + ".lock", Title: lang.L("Lock where it is"), Keys: []string{"L"}, View: view, Enabled: some, Run: func() {
			if d, bufs := doc(); d != nil {
				h.Controller.Lock(d.ID, bufs, true)
			}
		}},
		{ID: view + ".unlock", Title: lang.L("Unlock"), Keys: []string{"U"}, View: view, Enabled: some, Run: func() {
			if d, bufs := doc(); d != nil {
				h.Controller.Lock(d.ID, bufs, false)
			}
		}},
		{ID: view + ".pin", Title: lang.L("Pin: lock, or unlock what is locked"), Keys: []string{"P"}, View: view, Enabled: some, Run: func() {
			if d, bufs := doc(); d != nil {
				locked := !slices.ContainsFunc(bufs, func(b int) bool { return !d.IsLocked(b) })
				h.Controller.Lock(d.ID, bufs, !locked)
			}
		}},
	}
	for n := 1; n <= 9; n++ {
		tier := n - 1
		list = append(list, command.Command{ID: view + ".tier-" + strconv.Itoa(n), Title: fmt.Sprintf(lang.L("Send selection to tier %d"), n),
			Keys: []string{strconv.Itoa(n)}, View: view,
			Label: func() string {
				if d, _ := doc(); d != nil && tier < len(d.Program.Tiers) {
					return fmt.Sprintf(lang.L("Send selection to %s"), d.Program.Tiers[tier].Name)
				}
				return ""
			},
			Enabled: func() bool {
				d, bufs := doc()
				return d != nil && len(bufs) > 0 && tier < len(d.Program.Tiers)
			},
			Run: func() {
				if d, bufs := doc(); d != nil && len(bufs) > 0 && tier < len(d.Program.Tiers) {
					h.Controller.Move(d.ID, bufs, tier)
				}
			}})
	}
	return list
}

// TensorMenu is the context menu of selected tensors.
func TensorMenu(h *views.Host, d *controller.Document) []command.Command {
	var items []command.Command
	for _, c := range TensorCommands("menu", h) {
		if c.Enabled == nil || c.Enabled() {
			if strings.HasPrefix(c.ID, "menu.tier-1") {
				items = append(items, command.Command{})
			}
			items = append(items, c)
		}
	}
	show := func(id, title string) command.Command {
		return command.Command{ID: "menu.show-" + id, Title: title, Run: func() { h.Show(id) }}
	}
	items = append(items, command.Command{}, show(views.MemoryMap, lang.L("Show in memory map")), show(views.Timeline, lang.L("Show in timeline")),
		show(views.Tensors, lang.L("Show in tensors")))
	return append(items, command.Command{}, command.Command{ID: "menu.copy-names", Title: lang.L("Copy names"), Run: func() {
		var names []string
		for _, b := range h.Bus.State().Selection.Buffers {
			if b < len(d.Program.Buffers) {
				names = append(names, d.Program.Buffers[b].Name)
			}
		}
		fyne.CurrentApp().Clipboard().SetContent(strings.Join(names, "\n"))
	}})
}

// Columns sets a table as aligned text.
func Columns(table [][]string) string {
	var widths []int
	for _, r := range table {
		for c, s := range r {
			if c == len(widths) {
				widths = append(widths, 0)
			}
			widths[c] = max(widths[c], utf8.RuneCountInString(s))
		}
	}
	var b strings.Builder
	for _, r := range table {
		line := ""
		for c, s := range r {
			line += s
			if c < len(r)-1 {
				line += strings.Repeat(" ", widths[c]-utf8.RuneCountInString(s)+2)
			}
		}
		b.WriteString(strings.TrimRight(line, " "))
		b.WriteByte('\n')
	}
	return b.String()
}
