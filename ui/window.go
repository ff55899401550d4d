package ui

import (
	"fmt"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/assets"
	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/theme"
	"strata/ui/views"
	"strata/ui/viz"
)

// Window is the shell around the views of one controller.
type Window struct {
	app  fyne.App
	win  fyne.Window
	c    *controller.Controller
	host *views.Host

	views    []views.View
	shown    views.View
	commands []command.Command
	palette  *viz.Palette
	look     theme.Theme // the app's theme, changed in place

	top    *topBar
	nav    *sideBar
	fault  *faultBar
	status *statusBar
	stage  *fyne.Container // holds the shown view alone
	root   *fyne.Container
	picker *palettePicker
	help   *widget.PopUp // the list of keys
	menu   menuState
	held   func() fyne.KeyModifier // modifiers held now
}

// The size of a new window: it fits the smallest screens.
const (
	windowWidth  = 1280
	windowHeight = 760
)

// NewWindow builds the window; Show it. The controller's Post must run functions
// on Fyne's goroutine.
func NewWindow(app fyne.App, c *controller.Controller, makers []views.Maker) *Window {
	_ = lang.AddTranslationsFS(assets.Translations, "translations") // texts are their own keys: without a catalogue they stay English
	w := &Window{app: app, win: app.NewWindow("Strata"), c: c, held: heldKeys}
	w.applyTheme(c.Snapshot())
	w.host = &views.Host{
		Controller: c, Bus: c.Bus, Window: w.win,
		Palette: func() *viz.Palette { return w.palette },
		Show:    w.show,
		Run:     w.run,
		Do:      fyne.Do,
		Menu:    w.contextMenu,
		Key:     w.typedKey,
		Rune:    w.typedRune,
		Setting: func(key string) string { return c.Snapshot().Settings.Values[key] },
		SetSetting: func(key, value string) {
			c.SetSetting(key, value)
		},
	}
	for _, mk := range makers {
		w.views = append(w.views, mk(w.host))
	}
	w.commands = w.table()
	w.top, w.fault, w.status = newTopBar(w), newFaultBar(w), newStatusBar(w)
	w.nav = newSideBar(w)
	w.stage = parts.Stack()
	body := parts.Row(0, w.nav.root, vertical(), parts.Grow(parts.Column(0, w.fault.root, parts.Grow(w.stage))))
	w.root = parts.Stack(background(), parts.Column(0, w.top.root, horizontal(), parts.Grow(body), horizontal(), w.status.root))
	w.win.SetContent(w.root)
	w.win.SetPadded(false)
	w.win.Resize(fyne.NewSize(windowWidth, windowHeight))
	w.win.SetOnDropped(func(_ fyne.Position, uris []fyne.URI) {
		var paths []string
		for _, u := range uris {
			paths = append(paths, u.Path())
		}
		w.OpenPaths(paths...)
	})
	w.keys()
	w.makeMenu()
	c.Subscribe(w.update)
	first := views.Overview
	if id := c.Snapshot().Settings.View; w.view(id) != nil {
		first = id
	}
	w.show(first)
	w.update(c.Snapshot())
	app.Settings().AddListener(func(fyne.Settings) { w.applyTheme(w.c.Snapshot()) })
	return w
}

func background() fyne.CanvasObject {
	return parts.NewBox(viz.InkBackground, 0)
}

func vertical() fyne.CanvasObject   { return parts.Rule(false) }
func horizontal() fyne.CanvasObject { return parts.Rule(true) }

// OpenPaths opens files that were dropped, chosen or named on the command line.
func (w *Window) OpenPaths(paths ...string) { w.c.Open(paths...) }

// Fyne is the window itself.
func (w *Window) Fyne() fyne.Window { return w.win }

func (w *Window) view(id string) views.View {
	i := slices.IndexFunc(w.views, func(v views.View) bool { return v.ID() == id })
	if i < 0 {
		return nil
	}
	return w.views[i]
}

// show switches to a view.
func (w *Window) show(id string) {
	v := w.view(id)
	if v == nil || v == w.shown {
		return
	}
	if h, ok := w.shown.(views.Hider); ok {
		h.Hidden()
	}
	w.shown = v
	content := v.Content()
	v.Update(w.c.Snapshot())
	w.stage.Objects = []fyne.CanvasObject{content}
	w.stage.Refresh()
	w.nav.mark(id)
	w.c.SetView(id)
	if w.win.Canvas() != nil {
		w.win.Canvas().Unfocus()
	}
}

// update shows a snapshot; it runs on Fyne's goroutine.
func (w *Window) update(s *controller.Snapshot) {
	w.applyTheme(s)
	w.top.update(s)
	w.fault.update(s)
	w.status.update(s)
	if w.shown != nil {
		w.shown.Update(s)
	}
	w.updateMenu(s)
	title := "Strata"
	if d := s.Doc(); d != nil {
		title = d.Name + " – Strata"
	}
	if work := working(s); work != "" {
		title = work + " · " + title
	}
	if w.win.Title() != title {
		w.win.SetTitle(title)
	}
}

// working names the long work that runs, for whoever looks at the task bar.
func working(s *controller.Snapshot) string {
	switch {
	case s.Task(controller.TaskValidate, 0) != nil:
		return lang.L("Validating")
	case s.Task(controller.TaskSearch, 0) != nil:
		return lang.L("Searching")
	case s.Task(controller.TaskFront, 0) != nil:
		return lang.L("Searching")
	case s.Task(controller.TaskCalibrate, 0) != nil:
		return lang.L("Calibrating")
	}
	return ""
}

// duration writes a time left for people.
func duration(s float64) string {
	d := time.Duration(s * float64(time.Second)).Round(time.Second)
	if d < time.Second {
		return lang.L("a moment")
	}
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
