package compare

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"strata/ui/parts"
	"strata/ui/viz"
)

func (v *View) both() bool { return v.sides[0].doc != nil && v.sides[1].doc != nil }

// invitation says what the view is for, with the two ways to a second plan.
func (v *View) invitation() fyne.CanvasObject {
	centred := func(s string, size float32, ink viz.Ink) *parts.Text {
		return parts.NewText(s, size, ink).Align(fyne.TextAlignCenter)
	}
	keep := widget.NewButtonWithIcon(lang.L("Keep current plan"), theme.DocumentSaveIcon(), v.keep)
	keep.Importance = widget.HighImportance
	v.keeps = append(v.keeps, keep)
	open := widget.NewButtonWithIcon(lang.L("Open another model or plan …"), theme.FolderOpenIcon(), func() { v.host.Run("file.open") })
	return container.NewCenter(parts.Column(10,
		centred(lang.L("Two plans side by side"), 17, viz.InkText),
		centred(lang.L("What moved, what it costs, and both runs on one axis."), parts.Body, viz.InkMuted),
		centred(lang.L("Keep the current plan, then change a slider, the machine or a tensor's place; or open a second model."), parts.Body, viz.InkMuted),
		container.NewCenter(parts.Row(10, keep, open))))
}
