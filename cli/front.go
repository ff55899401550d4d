package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

func (a *app) frontCommand() *cobra.Command {
	var f modelFlags
	var fr workflow.FrontRequest
	var opt workflow.SearchOptions
	var limitText, instance string
	c := &cobra.Command{
		Use:   "front MODEL",
		Short: "Show how much memory buys how much time: the Pareto front, with its plans",
		Long: `Search plans at a row of budgets of one tier, from the least that works to what keeps everything, and show those
that no other beats in time, peak, traffic and energy.`,
		Example: `  strata front model.gguf --prompt 64 --gen 32 -o plans
  strata front --instance instance.json.gz --points 5 --evaluations 500 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.request()
			if err != nil {
				return err
			}
			if fr.Points < 2 || fr.Points > 1000 {
				return workflow.Badf("--points %d: 2 to 1000 are possible", fr.Points)
			}
			if limitText != "" {
				if opt.Time, err = searchTime(limitText); err != nil {
					return err
				}
			}
			if opt.Time == 0 && opt.Evaluations == 0 {
				opt.Evaluations = workflow.FrontEvaluations
			}
			progress, done := a.progress()
			defer done()
			var res *workflow.Front
			switch {
			case instance != "" && len(args) > 0:
				return workflow.Badf("name a model or --instance, not both")
			case instance != "":
				var p *malloc.Program
				if p, _, err = workflow.LoadInstance(instance, ""); err == nil {
					res, err = workflow.InstanceFront(c.Context(), p, fr, opt, progress)
				}
			case len(args) == 1:
				if r.Prompt == 0 || r.Gen == 0 {
					return workflow.Badf("front needs the workload: --prompt N --gen N")
				}
				var m *workflow.Model
				if m, err = workflow.OpenModel(args[0]); err == nil {
					res, err = workflow.ModelFront(c.Context(), m, r, fr, opt, progress)
				}
			default:
				return workflow.Badf("front needs a model file or --instance")
			}
			done()
			if err != nil {
				return err
			}
			return a.print(res, func(w io.Writer) { writeFront(w, res) })
		},
	}
	f.register(c)
	p := c.Flags()
	p.IntVar(&f.r.Prompt, "prompt", 0, "tokens of the prompt")
	p.IntVar(&f.r.Gen, "gen", 0, "tokens to generate")
	p.StringArrayVar(&f.r.Pins, "pin", nil, "force tensors into a tier, REGEX=TIER (may be repeated)")
	p.StringVar(&fr.Tier, "vary", "", "tier whose budget is varied (default: the memory that the model file feeds)")
	p.IntVar(&fr.Points, "points", 9, "budgets to search at")
	p.StringVar(&limitText, "time", "", "limit of each search: 10s, or seconds")
	p.Int64Var(&opt.Evaluations, "evaluations", 0, fmt.Sprintf("limit of each search in evaluations (default %d)", workflow.FrontEvaluations))
	p.Uint64Var(&opt.Seed, "seed", 1, "seed of every random choice")
	p.StringVar(&opt.Solver, "solver", "auto", "one of "+strings.Join(planner.Names(), ", "))
	p.StringVar(&instance, "instance", "", "an mmap-instance file instead of a model")
	p.StringVarP(&fr.Dir, "output", "o", "", "write the plans into this folder")
	return c
}

func writeFront(w io.Writer, f *workflow.Front) {
	perToken := len(f.Points) > 0 && f.Points[0].PredictedSPerToken > 0
	time := "whole run"
	if perToken {
		time = "per token"
	}
	fmt.Fprintf(w, "peak of %s\t%s\t%s\t%s\tfound by\n", f.Tier, right(10, time), right(10, "copied"), right(10, "energy"))
	for _, p := range f.Points {
		s, energy := p.PredictedS, "–"
		if perToken {
			s = p.PredictedSPerToken
		}
		if p.EnergyJ > 0 {
			energy = fmt.Sprintf("%.3g J", p.EnergyJ)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", right(10, bytes(p.PeakBytes)), right(10, seconds(s)), right(10, bytes(p.TrafficBytes)), right(10, energy), p.Component)
	}
	fmt.Fprintf(w, "\nleast that works\t%s\n", right(10, bytes(f.LeastBytes)))
	fmt.Fprintf(w, "keeps everything\t%s\n", right(10, bytes(f.EnoughBytes)))
}
