package cli

import (
	"fmt"
	"io"
	"os"

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
			progress, done := a.progress()
			res, err := workflow.Validate(c.Context(), m, r, progress)
			done()
			if err != nil {
				return err
			}
			if !res.Passed {
				a.code = exitNoFit
			}
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
	fmt.Fprintf(w, "\tpredicted\tmeasured\n")
	for _, t := range r.Tiers {
		fmt.Fprintf(w, "peak of %s\t%d\t%d\tbytes\n", t.Name, t.PredictedPeakBytes, t.MeasuredPeakBytes)
	}
	fmt.Fprintf(w, "read from file\t%d\t%d\tbytes\n", r.File.PredictedBytes, r.File.MeasuredBytes)
	if r.File.OSBytes >= 0 {
		fmt.Fprintf(w, "  as the system counts\t\t%d\tbytes\n", r.File.OSBytes)
	}
	fmt.Fprintf(w, "requests\t%d\t%d\n", r.File.PredictedRequests, r.File.MeasuredRequests)
	t := r.Time
	if t.MeasuredSPerToken > 0 {
		fmt.Fprintf(w, "per token\t%s\t%s\t%+.1f %%\tspread %.1f %%\n", seconds(t.PredictedSPerToken), seconds(t.MeasuredSPerToken), 100*t.RelError, 100*t.Spread)
	}
	fmt.Fprintf(w, "prefill\t%s\t%s\n", seconds(t.Prefill.PredictedS), seconds(t.Prefill.MeasuredS))
	fmt.Fprintf(w, "outputs identical to the all-resident run\t\t%s\n", yesNo(r.OutputsIdentical))
	fmt.Fprintf(w, "state\t\t%s\t%s\n", r.State, r.StateReason)
	fmt.Fprintf(w, "memory beside the arena\t\t%s\n", bytes(r.OverheadBytes))
	if report != "" {
		fmt.Fprintf(w, "\nwrote %s\n", report)
	}
}
