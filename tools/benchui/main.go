//go:build !headless

// Command benchui measures the window's work on 10^5 tensors: main-thread time of
// each frame while panning, zooming and hovering, idle time and memory. It needs a
// display; `make bench-ui` brings a virtual one where there is none.
package main

import (
	"fmt"
	"os"

	"fyne.io/fyne/v2/app"

	_ "strata/ui/locale" // before Fyne reads the locale
	"strata/ui/uibench"
)

func main() {
	result := uibench.Run(app.NewWithID("strata.bench"), uibench.Options{Busy: len(os.Args) > 1 && os.Args[1] == "busy"})
	if result.Err != nil {
		fmt.Fprintln(os.Stderr, "benchui:", result.Err)
		os.Exit(1)
	}
	if !result.Pass() {
		fmt.Fprintln(os.Stderr, "benchui: a limit was missed")
		os.Exit(1)
	}
}
