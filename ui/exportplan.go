package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"
	"github.com/google/renameio/v2"

	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/viz"
)

// exportTarget is what a plan can be written for, to copy or to save.
type exportTarget struct {
	id, title, file string
	recent          bool
}

func exportTargets() []exportTarget {
	return []exportTarget{
		{controller.TargetPreset, lang.L("llama.cpp preset (builds from 2026)"), "models.ini", true},
		{controller.TargetPreset, lang.L("llama.cpp preset (older builds)"), "models.ini", false},
		{controller.TargetArguments, lang.L("llama-server command"), "llama-server.sh", true},
		{controller.TargetModelfile, lang.L("Ollama Modelfile"), "Modelfile", false},
		{controller.TargetHTML, lang.L("HTML report"), "plan.html", false},
	}
}

// exportDialog shows the plan as another program reads it.
type exportDialog struct {
	pop    *widget.PopUp
	target *widget.Select
	text   *widget.Entry
	copy   *widget.Button
}

// exportPlan opens the dialog on the active document's plan.
func (w *Window) exportPlan() *exportDialog {
	doc := w.c.Snapshot().Doc()
	if doc == nil || doc.Plan == nil {
		return nil
	}
	d := &exportDialog{text: widget.NewMultiLineEntry()}
	d.text.TextStyle = fyne.TextStyle{Monospace: true}
	d.text.Wrapping = fyne.TextWrapOff
	list := exportTargets()
	var titles []string
	for _, t := range list {
		titles = append(titles, t.title)
	}
	content, chosen := "", 0 // the entry shows no more than a person reads
	d.copy = widget.NewButton(lang.L("Copy"), func() { w.app.Clipboard().SetContent(content) })
	d.copy.Importance = widget.HighImportance
	save := widget.NewButton(lang.L("Save …"), func() {
		body := content
		w.chooseOutput(list[chosen].file, func(path string) {
			if err := renameio.WriteFile(path, []byte(body), 0o644); err != nil {
				w.c.Report(err, doc.ID)
			}
		})
	})
	d.copy.Disable()
	d.target = widget.NewSelect(titles, func(string) {
		chosen = d.target.SelectedIndex()
		t := list[chosen]
		w.c.ExportPlan(doc.ID, t.id, t.recent, func(text string) {
			if list[chosen] != t {
				return
			}
			content = text
			d.text.SetText(text[:min(len(text), maxShownExport)])
			d.copy.Enable()
		})
	})
	shut := widget.NewButton(lang.L("Close"), func() { d.pop.Hide() })
	title := parts.NewText(lang.L("Export plan"), parts.Strong, viz.InkText).Bold()
	size := w.win.Canvas().Size()
	d.pop = widget.NewModalPopUp(parts.Sized(parts.Inset(parts.Column(8,
		parts.Row(10, parts.Grow(title), parts.Fixed(d.target, 320, 0), d.copy, save, shut), parts.Grow(d.text)), 14, 10),
		min(size.Width-80, 960), size.Height-120), w.win.Canvas())
	d.pop.Show()
	d.target.SetSelectedIndex(0)
	return d
}

// maxShownExport is how much of an export the dialog shows; copies are whole.
const maxShownExport = 16 << 10
