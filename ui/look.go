package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	fynetheme "fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/theme"
)

// applyTheme follows the theme setting and the desktop's preference. Fyne's own
// change of theme lays every object out as often as it lies deep, forgets all
// fonts, and does so between two frames; so the theme is set once and changed in
// place, and what is shown is refreshed part by part.
func (w *Window) applyTheme(s *controller.Snapshot) {
	dark := w.app.Settings().ThemeVariant() == fynetheme.VariantDark
	p, scale := theme.Palette(s.Settings.Theme, dark), float32(s.Settings.TextScale)
	if p == w.palette && scale == w.look.Scale {
		return
	}
	first := w.palette == nil
	w.palette, w.look.Palette, w.look.Scale = p, p, scale
	theme.Use(p)
	if first {
		w.app.Settings().SetTheme(&w.look)
		return
	}
	if w.root == nil { // the window is being built
		return
	}
	w.restyle(append(leaves(nil, w.root), w.win.Canvas().Overlays().List()...))
}

// restyleFor is how long the window refreshes objects before it looks after
// input and frames again.
const restyleFor = 10 * time.Millisecond

// restyle refreshes objects, then lays the window out: sizes of text may have
// changed.
func (w *Window) restyle(list []fyne.CanvasObject) {
	for end := time.Now().Add(restyleFor); len(list) > 0; list = list[1:] {
		if time.Now().After(end) {
			fyne.Do(func() { w.restyle(list) })
			return
		}
		if i, ok := list[0].(*widget.Icon); ok { // draws again only what is another resource
			r := i.Resource
			i.SetResource(nil)
			i.SetResource(r)
			continue
		}
		list[0].Refresh()
	}
	layOut(w.root)
	w.menu.main.Refresh()
}

// leaves appends the objects of a tree that are no containers.
func leaves(list []fyne.CanvasObject, o fyne.CanvasObject) []fyne.CanvasObject {
	switch o := o.(type) {
	case *fyne.Container:
		for _, x := range o.Objects {
			list = leaves(list, x)
		}
		return list
	case *container.Scroll:
		list = leaves(list, o.Content)
	case *parts.Press:
		list = leaves(list, o.Content)
	}
	return append(list, o)
}

// layOut lays the containers of a tree out, from the inside.
func layOut(o fyne.CanvasObject) {
	switch o := o.(type) {
	case *fyne.Container:
		for _, x := range o.Objects {
			layOut(x)
		}
		if o.Layout != nil {
			o.Layout.Layout(o.Objects, o.Size())
		}
	case *container.Scroll:
		layOut(o.Content)
		o.Refresh() // its content may need another size
	}
}
