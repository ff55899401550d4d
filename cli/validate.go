package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"strata/workflow"
	"strata/workflow/export"
)

func (a *app) validateCommand() *cobra.Command {
	var r workflow.ValidateRequest
	var modelPath, promptFile, report string
	c := &cobra.Command{
		Use:   "validate PLAN",
		Short: "Run a plan on this host and put predicted beside measured",
		Long: `Runs the model as planned and compares bytes, requests, outputs and time with the prediction.
When a stored project has this plan as its present one, the run joins that project's history (strata project show), where
the window's Validate view finds it too. Runs of plans that belong to no project are not kept.`,
		Example: `  strata validate plan.json --model model.gguf
  strata validate plan.json --model model.gguf --repeat 5 --max-time-error 20 --report report.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if modelPath == "" {
				return workflow.Badf("validate runs the model: name it with --model")
			}
			m, err := workflow.OpenModel(modelPath)
			if err != nil {
				return err
			}
			r.PlanPath = args[0]
			if promptFile != "" {
				data, err := os.ReadFile(promptFile)
				if err != nil {
					return workflow.Badf("%w", err)
				}
				if r.PromptText = string(data); r.PromptText == "" {
					return workflow.Badf("--prompt-file %s is empty: a prompt of the planned number of tokens is expected", promptFile)
				}
			}
			if r.Repeat < 1 {
				return workflow.Badf("--repeat %d: at least 1 run is needed", r.Repeat)
			}
			if !(r.MaxTimeError >= 0) {
				return workflow.Badf("--max-time-error %v: a percentage is expected", r.MaxTimeError)
			}
			started := time.Now()
			progress, done := a.progress()
			res, err := workflow.Validate(c.Context(), m, r, progress)
			done()
			if err != nil {
				return err
			}
			if !res.Passed {
				a.code = exitNoFit
			}
			a.keepRun(c.Context(), started, res)
			if report != "" {
				if err := writeHTML(report, res.Report()); err != nil {
					return err
				}
			}
			return a.print(res, func(w io.Writer) { writeValidation(w, res, report) })
		},
	}
	p := c.Flags()
	p.StringVar(&modelPath, "model", "", "the model the plan was made for")
	p.StringVar(&r.HW, "hw", "", "hardware profile to predict with (default: this host's calibration)")
	p.StringVar(&promptFile, "prompt-file", "", "prompt of exactly the planned number of tokens (default: a built-in text)")
	p.IntVar(&r.Repeat, "repeat", 3, "measured runs")
	p.Float64Var(&r.MaxTimeError, "max-time-error", 0, "fail when the time per token is off by more PERCENT")
	p.StringVar(&report, "report", "", "write an HTML report here")
	return c
}

// keepRun adds a run to the history of the project that has its plan. A store that
// cannot be written fails no validation.
func (a *app) keepRun(ctx context.Context, started time.Time, res *workflow.ValidateResult) {
	name, run, err := workflow.KeepRun(ctx, started, res)
	switch {
	case err != nil:
		fmt.Fprintf(a.err, "the run is not kept: %v\n", err)
	case run != nil:
		fmt.Fprintf(a.err, "kept as run %d of project %s\n", run.ID, printable(name))
	}
}

// writeHTML writes a report atomically.
func writeHTML(path string, r *export.Report) error {
	return workflow.WriteOutput(path, func(w io.Writer) error { return export.WriteHTML(w, r) })
}

func writeValidation(w io.Writer, r *workflow.ValidateResult, report string) {
	if r.Passed {
		fmt.Fprintf(w, "The plan holds.\n\n")
	} else {
		fmt.Fprintf(w, "The plan failed:\n")
		for _, f := range r.Failures {
			fmt.Fprintf(w, "  %s\n", f)
		}
		fmt.Fprintln(w)
	}
	line := func(name, predicted, measured string, more ...string) {
		fmt.Fprintf(w, "%s\t%s\t%s", name, right(12, predicted), right(12, measured))
		for _, m := range more {
			fmt.Fprintf(w, "\t%s", m)
		}
		fmt.Fprintln(w)
	}
	number := func(n int64) string { return fmt.Sprint(n) }
	line("", "predicted", "measured")
	for _, t := range r.Tiers {
		line("peak of "+t.Name, number(t.PredictedPeakBytes), number(t.MeasuredPeakBytes), "bytes")
	}
	line("read from the file", number(r.File.PredictedBytes), number(r.File.MeasuredBytes), "bytes")
	if r.File.OSBytes >= 0 {
		line("  as the system counts", "", number(r.File.OSBytes), "bytes")
	}
	line("requests", number(r.File.PredictedRequests), number(r.File.MeasuredRequests))
	t := r.Time
	if t.MeasuredSPerToken > 0 {
		within := ""
		if t.Within != nil {
			within = map[bool]string{true: ", within the limit", false: ", beyond the limit"}[*t.Within]
		}
		spread := ""
		if r.Repeats > 1 {
			spread = fmt.Sprintf("; spread of %d runs %.1f %%", r.Repeats, 100*t.Spread)
		}
		line("per token", seconds(t.PredictedSPerToken), seconds(t.MeasuredSPerToken),
			fmt.Sprintf("%+.1f %%%s%s", 100*t.RelError, within, spread))
	}
	line("prefill", seconds(t.Prefill.PredictedS), seconds(t.Prefill.MeasuredS))
	line("outputs as all-resident", "", map[bool]string{true: "identical", false: "different"}[r.OutputsIdentical])
	line("memory beside the arena", "", bytes(r.OverheadBytes))
	line("state", "", r.State, r.StateReason)
	if report != "" {
		fmt.Fprintf(w, "\nwrote %s\n", report)
	}
}
