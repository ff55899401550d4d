package planview

import (
	"fyne.io/fyne/v2/lang"

	"strata/ui/command"
	"strata/ui/widgets"
)

// PlotCommands are the keys of every plot (W/S/A/D, F, Home and their like).
func PlotCommands(view string, plot func() *widgets.Plot) []command.Command {
	with := func(f func(p *widgets.Plot)) func() {
		return func() {
			if p := plot(); p != nil {
				f(p)
			}
		}
	}
	c := func(id, title string, run func(p *widgets.Plot), keys ...string) command.Command {
		return command.Command{ID: view + "." + id, Title: title, Keys: keys, View: view, Run: with(run)}
	}
	return []command.Command{
		c("zoom-in", lang.L("Zoom in"), func(p *widgets.Plot) { p.Zoom(0.5) }, "W", "+", "=", "Ctrl+Plus"),
		c("zoom-out", lang.L("Zoom out"), func(p *widgets.Plot) { p.Zoom(2) }, "S", "-", "Ctrl+Minus"),
		c("left", lang.L("Pan left"), func(p *widgets.Plot) { p.Pan(-0.2, 0) }, "A", "Left"),
		c("right", lang.L("Pan right"), func(p *widgets.Plot) { p.Pan(0.2, 0) }, "D", "Right"),
		c("up", lang.L("Pan up"), func(p *widgets.Plot) { p.Pan(0, -0.2) }, "Up"),
		c("down", lang.L("Pan down"), func(p *widgets.Plot) { p.Pan(0, 0.2) }, "Down"),
		c("fit", lang.L("Fit selection (again: fill the view)"), func(p *widgets.Plot) { p.Fit() }, "F"),
		c("all", lang.L("Show all"), func(p *widgets.Plot) { p.ShowAll() }, "Home", "Ctrl+0"),
	}
}
