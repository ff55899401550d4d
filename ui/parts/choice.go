package parts

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

// NewChoice is a drop-down list that gives the keyboard back to the window once
// something was chosen: a focused list would swallow the window's keys.
func NewChoice(options []string, changed func(string)) *widget.Select {
	s := widget.NewSelect(options, nil)
	s.OnChanged = func(option string) {
		if c := fyne.CurrentApp().Driver().CanvasForObject(s); c != nil && c.Focused() == fyne.Focusable(s) {
			c.Unfocus()
		}
		if changed != nil {
			changed(option)
		}
	}
	return s
}
