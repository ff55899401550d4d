// Package ui is the desktop window of Strata: a shell (document tabs, machine
// and verdict in the top bar, views at the side, errors with their fix, running
// work, menus and the command palette) around the views of ui/views.
//
// How the parts meet:
//
//   - ui/controller owns the open documents and runs the use cases of workflow
//     in goroutines. It has no widgets. Views call its methods (intents, which
//     return at once) and get an immutable *controller.Snapshot after every
//     change, on the window's goroutine.
//   - controller.Bus carries what all views share at pointer speed: selection,
//     hover and the time cursor. It never makes a new Snapshot.
//   - ui/views declares View and Host; every view is a package under it
//     (ui/views/overview …) and is listed in registry.go here.
//   - ui/command is the one table behind menu, palette, keys and the `?` list.
//   - ui/theme turns the palettes of ui/viz into a Fyne theme.
//
// How the window is held to its looks and its manners:
//
//   - golden_test.go compares every view of the sample, light and dark, with
//     testdata; `make golden` draws the masters again.
//   - smoke_test.go drives the built program on a virtual display with real keys
//     and a real pointer, from opening the sample to opening it again.
//   - ui/uibench measures frames (`make bench-ui`) and sends the window random
//     events (`make soak`).
//
// Only main.go imports Fyne's app package; everything here works with the test
// driver, without a display.
package ui
