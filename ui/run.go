package ui

import (
	"fyne.io/fyne/v2"

	"strata/ui/controller"
)

// Run opens the window on files (or on the last session, or on the sample) and
// returns when it is closed: the process's exit code. app is the caller's, since
// only main may link a display library.
func Run(app fyne.App, store controller.Store, args []string) int {
	c := controller.New(controller.Options{Post: fyne.Do, Store: store})
	defer c.Close()
	w := NewWindow(app, c, Views())
	app.Lifecycle().SetOnStarted(func() {
		switch {
		case len(args) > 0:
			c.Open(args...)
		default:
			go func() {
				if !c.Restore() {
					c.OpenSample()
				}
			}()
		}
	})
	w.win.ShowAndRun()
	return 0
}
