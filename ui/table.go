package ui

import (
	"fmt"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/storage"

	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/theme"
	"strata/ui/views"
)

// table is every command of the window: menus, palette, keys and `?` are made
// from it. The views' own commands come last.
func (w *Window) table() []command.Command {
	L := lang.L
	doc := func() *controller.Document { return w.c.Snapshot().Doc() }
	hasDoc := func() bool { return doc() != nil }
	hasPlan := func() bool { d := doc(); return d != nil && d.Plan != nil }
	list := []command.Command{
		{ID: "file.open", Title: L("Open …"), Menu: command.MenuFile, Keys: []string{"Ctrl+O"}, Run: w.chooseFile},
		{ID: "file.sample", Title: L("Open the sample"), Menu: command.MenuFile, Run: w.c.OpenSample},
		{ID: "file.close", Title: L("Close document"), Menu: command.MenuFile, Keys: []string{"Ctrl+W"}, Enabled: hasDoc, Run: func() { w.c.CloseDoc(doc().ID) }},
		{ID: "file.next", Title: L("Next document"), Menu: command.MenuFile, Keys: []string{"Ctrl+Tab"}, Enabled: hasDoc, Run: func() { w.step(1) }},
		{ID: "file.save", Title: L("Save the session now"), Menu: command.MenuFile, Separator: true, Keys: []string{"Ctrl+S"}, Enabled: w.c.Keeps, Run: w.c.SaveNow},
		{ID: "file.plan", Title: L("Save plan …"), Menu: command.MenuFile, Keys: []string{"Ctrl+E"}, Enabled: hasPlan, Run: w.savePlan},
		{ID: "file.export", Title: L("Export plan …"), Menu: command.MenuFile, Enabled: hasPlan, Run: func() { w.exportPlan() }},
		{ID: "file.project", Title: L("Export project …"), Menu: command.MenuFile, Enabled: func() bool { return hasDoc() && w.c.Keeps() }, Run: w.exportProject},
		{ID: "file.quit", Title: L("Quit"), Menu: command.MenuFile, Separator: true, Keys: []string{"Ctrl+Q"}, Run: func() { w.win.Close() }},

		{ID: "edit.undo", Title: L("Undo"), Menu: command.MenuEdit, Keys: []string{"Ctrl+Z"}, Run: w.c.Undo,
			Enabled: func() bool { return w.c.Snapshot().Undo != "" },
			Label: func() string {
				if s := w.c.Snapshot().Undo; s != "" {
					return fmt.Sprintf(L("Undo %s"), s)
				}
				return ""
			}},
		{ID: "edit.redo", Title: L("Redo"), Menu: command.MenuEdit, Keys: []string{"Ctrl+Shift+Z", "Ctrl+Y"}, Run: w.c.Redo,
			Enabled: func() bool { return w.c.Snapshot().Redo != "" },
			Label: func() string {
				if s := w.c.Snapshot().Redo; s != "" {
					return fmt.Sprintf(L("Redo %s"), s)
				}
				return ""
			}},
		{ID: "edit.clear", Title: L("Clear selection, close messages"), Menu: command.MenuEdit, Keys: []string{"Escape"}, Run: w.escape},
		{ID: "edit.copy", Title: L("Copy view as text"), Menu: command.MenuEdit, Separator: true, Keys: []string{"Ctrl+Shift+C"}, Enabled: func() bool { return w.export().Text != nil }, Run: w.copyText},
		{ID: "edit.copycsv", Title: L("Copy view as CSV"), Menu: command.MenuEdit, Enabled: func() bool { return w.export().Table != nil }, Run: w.copyTable},
		{ID: "edit.copypng", Title: L("Copy view as PNG"), Menu: command.MenuEdit, Enabled: hasDoc, Run: w.copyPicture},
		{ID: "edit.png", Title: L("Save view as PNG …"), Menu: command.MenuEdit, Keys: []string{"Ctrl+Shift+E"}, Enabled: hasDoc, Run: func() { w.saveView(".png") }},
		{ID: "edit.svg", Title: L("Save view as SVG …"), Menu: command.MenuEdit, Keys: []string{"Ctrl+Alt+E"}, Enabled: func() bool { return w.export().Figure != nil }, Run: func() { w.saveView(".svg") }},
		{ID: "edit.csv", Title: L("Save view as CSV …"), Menu: command.MenuEdit, Enabled: func() bool { return w.export().Table != nil }, Run: func() { w.saveView(".csv") }},

		{ID: "plan.search", Title: L("Search a better plan"), Menu: command.MenuPlan, Keys: []string{"F5"},
			Enabled: func() bool { d := doc(); return d != nil && d.Program != nil && !d.Search.Running },
			Run: func() {
				w.show(views.Search)
				w.view(views.Search).(starter).Start()
			}},
		{ID: "plan.stop", Title: L("Stop, keep the best"), Menu: command.MenuPlan, Keys: []string{"Shift+F5"}, Enabled: func() bool { return len(w.c.Snapshot().Tasks) > 0 }, Run: func() {
			for _, t := range w.c.Snapshot().Tasks {
				w.c.Cancel(t.ID)
			}
		}},
		{ID: "plan.validate", Title: L("Run on this host and compare"), Menu: command.MenuPlan, Keys: []string{"Ctrl+Return"}, Enabled: hasPlan, Run: func() {
			w.c.StartValidate(doc().ID, controller.ValidateOptions{Repeat: 1})
			w.show(views.Validate)
		}},
		{ID: "plan.context", Title: L("Solve for the longest context"), Menu: command.MenuPlan, Enabled: func() bool { d := doc(); return d != nil && d.Job() != nil }, Run: func() { w.c.SolveContext(doc().ID, true) }},
		{ID: "plan.calibrate", Title: L("Calibrate this host"), Menu: command.MenuPlan, Separator: true, Run: w.c.StartCalibrate},

		{ID: "help.palette", Title: L("Search or command"), Menu: command.MenuHelp, Keys: []string{"Ctrl+K", "Ctrl+Shift+P", ">"}, Run: func() { w.openPalette("") }},
		{ID: "edit.tensor", Title: L("Find a tensor by name"), Menu: command.MenuEdit, Separator: true, Keys: []string{"Ctrl+P"}, Enabled: hasDoc, Run: func() { w.openPalette("@") }},
		{ID: "help.keys", Title: L("Keys and commands"), Menu: command.MenuHelp, Keys: []string{"?", "F1"}, Run: w.listKeys},
		{ID: "fix.first", Title: L("Apply the suggested fix"), Menu: command.MenuPlan, Keys: []string{"Ctrl+."}, Enabled: func() bool { f := w.c.Snapshot().Fault; return f != nil && len(f.Fixes) > 0 }, Run: func() { w.c.ApplyFix(0) }},
	}
	for i, v := range w.views {
		id := v.ID()
		keys := []string{fmt.Sprintf("Ctrl+%d", i+1)}
		if id == views.Compare {
			keys = append(keys, "C")
		}
		list = append(list, command.Command{ID: "view." + id, Title: v.Title(), Menu: command.MenuView, Keys: keys, Run: func() { w.show(id) }})
	}
	list = append(list, command.Command{ID: "view.sidebar", Title: L("Side bar"), Menu: command.MenuView, Separator: true, Keys: []string{"Ctrl+B"}, Run: w.toggleSide})
	for i, name := range theme.Names() {
		list = append(list, command.Command{ID: "theme." + name, Title: fmt.Sprintf(L("Theme: %s"), L(name)), Menu: command.MenuView, Separator: i == 0, Run: func() { w.c.SetTheme(name) }})
	}
	list = append(list,
		command.Command{ID: "text.larger", Title: L("Larger text"), Menu: command.MenuView, Separator: true, Keys: []string{"Ctrl+Shift+Plus"}, Run: func() { w.c.SetTextScale(w.c.Snapshot().Settings.TextScale + 0.1) }},
		command.Command{ID: "text.smaller", Title: L("Smaller text"), Menu: command.MenuView, Keys: []string{"Ctrl+Shift+Minus"}, Run: func() { w.c.SetTextScale(w.c.Snapshot().Settings.TextScale - 0.1) }},
		command.Command{ID: "text.normal", Title: L("Normal text size"), Menu: command.MenuView, Run: func() { w.c.SetTextScale(1) }})
	for _, v := range w.views {
		list = append(list, v.Commands()...)
	}
	return list
}

// starter is the Search view: it knows the solver and the time chosen.
type starter interface{ Start() }

// run runs a command by its ID when it can.
func (w *Window) run(id string) bool {
	for i := range w.commands {
		if c := &w.commands[i]; c.ID == id && c.Can() {
			c.Run()
			return true
		}
	}
	return false
}

func (w *Window) step(by int) {
	s := w.c.Snapshot()
	if n := len(s.Docs); n > 0 {
		w.c.Activate(s.Docs[(s.Active+by+n)%n].ID)
	}
}

func (w *Window) escape() {
	switch {
	case w.picker != nil:
		w.picker.close()
	case w.help != nil:
		w.shutHelp()
	case w.c.Snapshot().Fault != nil:
		w.c.Dismiss()
	default:
		w.c.Bus.Clear()
	}
}

func (w *Window) toggleSide() {
	if w.nav.root.Visible() {
		w.nav.root.Hide()
	} else {
		w.nav.root.Show()
	}
	w.root.Refresh()
}

// folder is where file dialogs begin.
func (w *Window) folder(d interface{ SetLocation(fyne.ListableURI) }) {
	s := w.c.Snapshot()
	if len(s.Recent) == 0 {
		return
	}
	if u, err := storage.ListerForURI(storage.NewFileURI(filepath.Dir(s.Recent[0].Path))); err == nil {
		d.SetLocation(u)
	}
}

func (w *Window) chooseFile() {
	d := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err != nil {
			w.c.Report(err, 0)
			return
		}
		if r == nil {
			return
		}
		path := r.URI().Path()
		_ = r.Close()
		w.OpenPaths(path)
	}, w.win)
	d.SetFilter(storage.NewExtensionFileFilter([]string{".gguf", ".safetensors", ".json", ".gz", projectExtension}))
	w.folder(d)
	d.Resize(fyne.NewSize(860, 560))
	d.Show()
}

func (w *Window) savePlan() {
	if doc := w.c.Snapshot().Doc(); doc != nil && doc.Plan != nil {
		w.chooseOutput("plan.json", func(path string) { w.c.SavePlan(doc.ID, path) })
	}
}

// projectExtension is that of project files.
const projectExtension = ".strata"

func (w *Window) exportProject() {
	if doc := w.c.Snapshot().Doc(); doc != nil {
		w.chooseOutput(doc.Name+projectExtension, func(path string) { w.c.ExportProject(doc.ID, path) })
	}
}

// chooseOutput asks for a file to write.
func (w *Window) chooseOutput(name string, write func(path string)) {
	d := dialog.NewFileSave(func(f fyne.URIWriteCloser, err error) {
		if err != nil {
			w.c.Report(err, 0)
			return
		}
		if f == nil {
			return
		}
		path := f.URI().Path()
		_ = f.Close()
		write(path)
	}, w.win)
	d.SetFileName(name)
	w.folder(d)
	d.Resize(fyne.NewSize(860, 560))
	d.Show()
}
