package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/workflow"
	"strata/workflow/export"
)

var exportTargets = []string{"llamacpp", "llamacpp-ini", "modelfile", "chrome-trace", "html", "png", "svg", "mmap-plan", "mmap-instance"}

func (a *app) exportCommand() *cobra.Command {
	var f planFlags
	var to, output string
	var pic pictureFlags
	c := &cobra.Command{
		Use:   "export PLAN",
		Short: "Write a plan for another program: " + strings.Join(exportTargets, ", "),
		Example: `  strata export plan.json --model model.gguf --to llamacpp
  strata export plan.json --model model.gguf --to html -o report.html
  strata export plan.json --model model.gguf --to chrome-trace -o trace.json
  strata export plan.json --model model.gguf --to svg --picture timeline -o timeline.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(exportTargets, to) {
				return workflow.Badf("--to %q: known are %s", to, strings.Join(exportTargets, ", "))
			}
			p, plan, _, err := f.load(a, c, args[0])
			if err != nil {
				return err
			}
			write, remarks, err := a.exporter(to, p, plan, f.model, &pic)
			if err != nil {
				return err
			}
			if output == "" {
				err = write(a.out)
			} else {
				err = workflow.WriteOutput(output, write)
			}
			if err != nil {
				return err
			}
			for _, s := range remarks {
				fmt.Fprintln(a.err, s)
			}
			return nil
		},
	}
	f.register(c)
	c.Flags().StringVar(&to, "to", "", "one of "+strings.Join(exportTargets, ", "))
	c.Flags().StringVarP(&output, "output", "o", "", "write here instead of standard output")
	pic.register(c)
	return c
}

// exporter is what writes the target, and what to say once it is written.
func (a *app) exporter(to string, p *malloc.Program, plan *malloc.Plan, model string, pic *pictureFlags) (write func(io.Writer) error, remarks []string, err error) {
	switch to {
	case "llamacpp":
		args, err := export.LlamaCPPArguments(p, plan, export.LlamaCPPOptions{ModelPath: model})
		if err != nil {
			return nil, nil, workflow.Badf("%w", err)
		}
		if a.json {
			return func(w io.Writer) error {
				return encodeJSON(w, llamaCPPArguments{To: to, Command: args.Command("llama-server"), Arguments: args.Args,
					NotExpressed: append([]string{}, args.Lost...), Notes: append([]string{}, args.Tips...)})
			}, nil, nil
		}
		remarks = append(notExpressed(args.Lost), notes(args.Tips)...)
		return func(w io.Writer) error {
			_, err := fmt.Fprintln(w, args.Command("llama-server"))
			return err
		}, remarks, nil
	case "llamacpp-ini":
		ini, err := export.LlamaCPPIni(p, plan, export.LlamaCPPOptions{ModelPath: model})
		if err != nil {
			return nil, nil, workflow.Badf("%w", err)
		}
		return a.textTarget(to, ini.WriteIni, ini.Lost, ini.Tips)
	case "modelfile":
		m, err := export.OllamaModelfile(p, plan, model)
		if err != nil {
			return nil, nil, workflow.Badf("%w", err)
		}
		return a.textTarget(to, m.WriteModelfile, m.Lost, m.Tips)
	case "png", "svg":
		return pic.exporter(to, p, plan)
	case "mmap-plan":
		return func(w io.Writer) error { return malloc.EncodePlan(w, plan) }, notExpressed([]string{"The model and the machine: a plan names them by digest and name, and is read together with them."}), nil
	case "chrome-trace", "html":
		s, err := workflow.Simulate(p, plan)
		if err != nil {
			return nil, nil, err
		}
		if to == "html" {
			return func(w io.Writer) error { return export.WriteHTML(w, workflow.PlanReport(p, plan, s)) }, nil, nil
		}
		return func(w io.Writer) error { return export.WriteChromeTrace(w, p, s.Timeline) }, nil, nil
	case "mmap-instance":
		return func(w io.Writer) error { return malloc.EncodeProgram(w, p) }, nil, nil
	}
	return nil, nil, fmt.Errorf("export: no writer for %q", to)
}

// llamaCPPArguments is a plan as far as llama.cpp can be told.
type llamaCPPArguments struct {
	To           string   `json:"to"`
	Command      string   `json:"command"`
	Arguments    []string `json:"arguments"`
	NotExpressed []string `json:"not_expressed"`
	Notes        []string `json:"notes"`
}

// writeGame writes the agent's last game: JSON for a name that ends in .json,
// else text.
func (a *app) writeGame(path string, r *workflow.PlanResult) error {
	if r.Episode == nil {
		return workflow.Badf("--game: solver %s played no game; use --solver mcts or auto", r.Solver)
	}
	write := r.Episode.WriteText
	if strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".json") {
		write = r.Episode.WriteJSON
	}
	return workflow.WriteOutput(path, write)
}
