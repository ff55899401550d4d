package views

import (
	"fyne.io/fyne/v2"

	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/viz"
)

// View is one page of the window. All methods run on the window's goroutine.
//
// Update comes once before the view is first shown, then after every change of
// the snapshot while it is shown (not while it is hidden; once more when it is
// shown again). It must be quick when nothing it draws has changed: compare
// Document.PlanVersion, Document.Version or Snapshot.Palette with those drawn.
// Selection, hover and cursor come over Host.Bus, not here.
type View interface {
	ID() string // "memory-map", also the view's name in Host.Show
	Title() string
	Icon() fyne.Resource
	Content() fyne.CanvasObject // the same object every time; made at the first call
	Update(s *controller.Snapshot)
	// Commands are added to the command table when the window is made; set
	// Command.View to ID() for keys that act only here.
	Commands() []command.Command
	// Export is what "copy" and "save" give of this view now.
	Export() Export
}

// Export gives a view's content outside the window; a nil field means that the
// view has no such form.
type Export struct {
	Name   string             // file name without its ending
	Text   func() string      // plain text
	Table  func() [][]string  // CSV, header first
	Figure func() *viz.Figure // PNG and SVG
}

// Hider is a View that wants to know that it is no longer shown (to stop
// background painting).
type Hider interface{ Hidden() }

// Host is what the window offers to views.
type Host struct {
	Controller *controller.Controller
	Bus        *controller.Bus
	Window     fyne.Window
	Palette    func() *viz.Palette // of the current theme
	// Show switches to a view by its ID.
	Show func(viewID string)
	// Run runs a command of the window by its ID.
	Run func(id string) bool
	// Do runs f on the window's goroutine (fyne.Do).
	Do func(f func())
	// Menu opens a context menu of commands (and separators: empty ID) at an
	// absolute position of the canvas.
	Menu func(at fyne.Position, items []command.Command)
	// Key and Rune pass a key on that a focused object of a view did not use, so
	// that commands work while a plot or a table has the focus.
	Key  func(e *fyne.KeyEvent)
	Rune func(r rune)
	// Setting is a view's saved choice ("table", "treemap" …), kept between runs.
	Setting    func(key string) string
	SetSetting func(key, value string)
}

// IDs of the views, in the order of the side bar (Ctrl+1 …).
const (
	Overview  = "overview"
	Tensors   = "tensors"
	MemoryMap = "memory-map"
	Timeline  = "timeline"
	Search    = "search"
	Validate  = "validate"
	Compare   = "compare"
	Hardware  = "hardware"
)

// Maker makes a view of a window.
type Maker func(h *Host) View
