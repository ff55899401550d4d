package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/workflow"
)

// planFlags are the options of commands that read a plan: what it was made for.
type planFlags struct{ model, instance, hw string }

func (f *planFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.model, "model", "", "the model the plan was made for")
	c.Flags().StringVar(&f.instance, "instance", "", "the mmap-instance file the plan was made for")
	c.Flags().StringVar(&f.hw, "hw", "", "hardware profile (default: this host's calibration)")
}

// load finds the program of a plan and checks the plan. job is nil for a bare
// instance.
func (f *planFlags) load(a *app, c *cobra.Command, path string) (*malloc.Program, *malloc.Plan, *workflow.Job, error) {
	switch {
	case f.model != "" && f.instance != "":
		return nil, nil, nil, workflow.Badf("name --model or --instance, not both")
	case f.instance != "":
		p, plan, err := workflow.LoadInstance(f.instance, path)
		return p, plan, nil, err
	case f.model == "":
		return nil, nil, nil, workflow.Badf("a plan alone does not say what it plans: name --model or --instance")
	}
	m, err := workflow.OpenModel(f.model)
	if err != nil {
		return nil, nil, nil, err
	}
	progress, done := a.progress()
	defer done()
	j, plan, err := workflow.LoadPlan(c.Context(), path, m, f.hw, progress)
	if err != nil {
		return nil, nil, nil, err
	}
	return j.Program(), plan, j, nil
}

func (a *app) simulateCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "simulate PLAN",
		Short: "Predict time, traffic and peaks of a plan",
		Example: `  strata simulate plan.json --model model.gguf
  strata simulate plan.json --instance instance.json.gz --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, plan, _, err := f.load(a, c, args[0])
			if err != nil {
				return err
			}
			res, err := workflow.Simulate(p, plan)
			if err != nil {
				return err
			}
			return a.print(res, func(w io.Writer) {
				claim := "as the plan claims"
				if res.ClaimedS != res.PredictedS {
					claim = fmt.Sprintf("the plan claims %s, for another calibration", seconds(res.ClaimedS))
				}
				fmt.Fprintf(w, "whole run\t%s\t%s\n", right(10, seconds(res.PredictedS)), claim)
				fmt.Fprintf(w, "prefill\t%s\n", right(10, seconds(res.PrefillS)))
				if res.PredictedSPerToken > 0 {
					fmt.Fprintf(w, "per token\t%s\t%.1f tokens/s\n", right(10, seconds(res.PredictedSPerToken)), 1/res.PredictedSPerToken)
				}
				fmt.Fprintf(w, "waiting for copies\t%s\n", right(10, seconds(res.WaitS)))
				if res.EnergyJ > 0 {
					fmt.Fprintf(w, "energy\t%s\n", right(10, fmt.Sprintf("%.3g J", res.EnergyJ)))
				}
				for _, t := range res.Traffic {
					e := p.Engines[t.Engine]
					fmt.Fprintf(w, "%s → %s\t%s\tin %s\n", p.Tiers[e.From].Name, p.Tiers[e.To].Name, right(10, bytes(t.Bytes)), count(t.Requests, "request", "requests"))
				}
				for _, t := range res.Tiers {
					if t.CapacityBytes >= 0 {
						fmt.Fprintf(w, "peak of %s\t%s\tof %s\n", t.Name, right(10, bytes(t.UsedBytes)), bytes(t.CapacityBytes))
					}
				}
			})
		},
	}
	f.register(c)
	return c
}
