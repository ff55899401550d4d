package ui

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/ui/command"
	"strata/ui/parts"
	"strata/ui/viz"
	"strata/ui/widgets"
)

// keyColumns is how many lists stand beside each other.
const keyColumns = 3

// keyRow is a command with its keys, or the name of a group.
type keyRow struct {
	title, keys string
	group       bool
}

// keyRows are the window's commands by menu, then the views' that have keys.
func (w *Window) keyRows() []keyRow {
	var rows []keyRow
	group := func(title string, pick func(*command.Command) bool) {
		first := len(rows)
		for i := range w.commands {
			if c := &w.commands[i]; pick(c) {
				if len(rows) == first {
					rows = append(rows, keyRow{title: title, group: true})
				}
				rows = append(rows, keyRow{title: c.Title, keys: strings.Join(c.Keys, "  ")})
			}
		}
	}
	for _, m := range command.Menus {
		group(lang.L(string(m)), func(c *command.Command) bool {
			return c.Menu == m && c.View == "" && !strings.HasPrefix(c.ID, "theme.")
		})
	}
	for _, v := range w.views {
		group(v.Title(), func(c *command.Command) bool { return c.View == v.ID() && len(c.Keys) > 0 })
	}
	return rows
}

// splitRows cuts off the first n rows, and a few less where a group's name would
// stand last. A group that is torn goes on under its name.
func splitRows(rows []keyRow, n int) (head, tail []keyRow) {
	n = min(n, len(rows))
	for n < len(rows) && n > 1 && rows[n-1].group {
		n--
	}
	head, tail = rows[:n], rows[n:]
	if len(tail) == 0 || tail[0].group {
		return head, tail
	}
	for i := n - 1; i >= 0; i-- {
		if rows[i].group {
			return head, append([]keyRow{{title: fmt.Sprintf(lang.L("%s, continued"), rows[i].title), group: true}}, tail...)
		}
	}
	return head, tail
}

// listKeys shows every command with its keys. The lists are drawn as pictures:
// as many live texts would take the window longer than a frame may.
func (w *Window) listKeys() {
	rows := w.keyRows()
	var lists []fyne.CanvasObject
	for n := keyColumns; n > 0; n-- {
		var part []keyRow
		part, rows = splitRows(rows, (len(rows)+n-1)/n)
		g := widgets.NewGrid(widgets.Column{Title: lang.L("Command"), Width: 150, Flex: 1}, widgets.Column{Title: lang.L("Keys"), Width: 130})
		g.SetPalette(w.palette)
		g.Len = func() int { return len(part) }
		g.Cell = func(row, column int) (string, viz.Ink) {
			switch r := part[row]; {
			case column == 1:
				return r.keys, viz.InkMuted
			case r.group:
				return r.title, viz.InkAccent
			default:
				return r.title, viz.InkText
			}
		}
		g.Style = func(row int) widgets.RowStyle { return widgets.RowStyle{Bold: part[row].group} }
		lists = append(lists, parts.Grow(g))
	}
	if w.help != nil { // the same key again
		w.shutHelp()
		return
	}
	shut := widget.NewButton(lang.L("Close"), w.shutHelp)
	title := parts.NewText(lang.L("Keys and commands"), parts.Strong, viz.InkText).Bold()
	size := w.win.Canvas().Size()
	w.help = widget.NewModalPopUp(parts.Sized(parts.Inset(parts.Column(8, parts.Row(10, parts.Grow(title), shut), parts.Grow(parts.Row(14, lists...))), 14, 10), min(size.Width-80, 1180), size.Height-120), w.win.Canvas())
	w.help.Show()
}

func (w *Window) shutHelp() {
	w.help.Hide()
	w.help = nil
}
