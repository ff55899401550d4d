package controller

import (
	"fmt"
	"strings"

	"strata/workflow"
	"strata/workflow/export"
)

// Targets of ExportPlan, as the command line names them.
const (
	TargetPreset    = "llamacpp-ini"
	TargetArguments = "llamacpp"
	TargetModelfile = "modelfile"
	TargetHTML      = "html"
)

// ExportPlan writes a document's plan for another program and calls f with the
// text on the window's goroutine. What the target cannot say is listed in it.
// recent chooses the options of llama.cpp's builds from 2026 on.
func (c *Controller) ExportPlan(id int, target string, recent bool, f func(text string)) {
	d := c.Snapshot().ByID(id)
	if d == nil || d.Plan == nil {
		return
	}
	ctx, t := c.begin(TaskSave, id, "exporting", false)
	c.goBackground(func() {
		defer t.end()
		text, err := "", error(nil)
		plan, err := d.labelled(c, ctx, t)
		if err == nil {
			o := export.LlamaCPPOptions{Recent: recent}
			if d.HasWeights() {
				o.ModelPath = d.model.Path
			}
			var b strings.Builder
			switch target {
			case TargetPreset:
				var x *export.LlamaCPPPreset
				if x, err = export.LlamaCPPIni(d.Program, plan, o); err == nil {
					err = x.WriteIni(&b)
				}
			case TargetArguments:
				var x *export.LlamaCPP
				if x, err = export.LlamaCPPArguments(d.Program, plan, o); err == nil {
					err = x.WriteScript(&b, "llama-server")
				}
			case TargetModelfile:
				var x *export.Modelfile
				if x, err = export.OllamaModelfile(d.Program, plan, o.ModelPath); err == nil {
					err = x.WriteModelfile(&b)
				}
			case TargetHTML:
				err = export.WriteHTML(&b, workflow.PlanReport(d.Program, plan, d.Predicted))
			default:
				err = fmt.Errorf("export: no target %q", target)
			}
			text = b.String()
		}
		if err != nil {
			c.Report(err, id)
			return
		}
		c.post(func() { f(text) })
	})
}
