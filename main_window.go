//go:build !headless

package main

import (
	"fmt"
	"os"

	"fyne.io/fyne/v2/app"

	"strata/projects"
	"strata/ui"
	"strata/ui/controller"
	_ "strata/ui/locale" // before Fyne reads the locale
)

const hasWindow = true

// window opens the files, or the last session, or the sample.
func window(args []string) int {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		fmt.Fprintln(os.Stderr, "strata: no display is set, so no window can open; `strata --help` lists the commands")
		return 1
	}
	var store controller.Store
	path, err := projects.DefaultPath()
	if err == nil {
		var db *projects.Store
		if db, err = projects.Open(path); err == nil {
			defer db.Close()
			store = &controller.ProjectStore{DB: db}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "strata: sessions are not kept:", err)
	}
	return ui.Run(app.NewWithID("strata"), store, args)
}
