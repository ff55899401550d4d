package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/ui/command"
	"strata/ui/controller"
)

// menuState remembers the items of the menu bar, to relabel them in place.
type menuState struct {
	main  *fyne.MainMenu
	items map[*fyne.MenuItem]*command.Command
}

func (w *Window) makeMenu() {
	w.menu.items = map[*fyne.MenuItem]*command.Command{}
	var menus []*fyne.Menu
	for _, name := range command.Menus {
		m := fyne.NewMenu(lang.L(string(name)))
		for i := range w.commands {
			c := &w.commands[i]
			if c.Menu != name {
				continue
			}
			if c.Separator && len(m.Items) > 0 {
				m.Items = append(m.Items, fyne.NewMenuItemSeparator())
			}
			item := fyne.NewMenuItem(c.Name(), func() { w.press(c) })
			for _, text := range c.Keys {
				if k := parseKey(text); k.mod != 0 && k.key != "" {
					item.Shortcut = k.shortcut()
					break
				}
			}
			if c.ID == "file.quit" {
				item.IsQuit = true
			}
			w.menu.items[item] = c
			m.Items = append(m.Items, item)
		}
		if len(m.Items) > 0 {
			menus = append(menus, m)
		}
	}
	w.menu.main = fyne.NewMainMenu(menus...)
	w.win.SetMainMenu(w.menu.main)
}

// updateMenu relabels and greys items, and draws the menu again only when
// something of it changed.
func (w *Window) updateMenu(*controller.Snapshot) {
	if w.menu.main == nil {
		return
	}
	changed := false
	for item, c := range w.menu.items {
		if label, off := c.Name(), !c.Can(); item.Label != label || item.Disabled != off {
			item.Label, item.Disabled = label, off
			changed = true
		}
	}
	if changed {
		w.menu.main.Refresh()
	}
}

// contextMenu opens commands at a position of the canvas.
func (w *Window) contextMenu(at fyne.Position, list []command.Command) {
	m := fyne.NewMenu("")
	for i := range list {
		c := &list[i]
		if c.ID == "" && c.Title == "" {
			m.Items = append(m.Items, fyne.NewMenuItemSeparator())
			continue
		}
		item := fyne.NewMenuItem(c.Name(), c.Run)
		item.Disabled = !c.Can() || c.Run == nil
		m.Items = append(m.Items, item)
	}
	widget.ShowPopUpMenuAtPosition(m, w.win.Canvas(), at)
}
