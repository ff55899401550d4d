package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"strata/planner"
	"strata/workflow"
)

func (a *app) benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Compare searches on a folder of instances",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(a.benchSearchCommand(), a.benchPackCommand())
	for _, sub := range c.Commands() {
		countArguments(sub)
	}
	return c
}

func (a *app) benchSearchCommand() *cobra.Command {
	var r workflow.SearchBenchRequest
	var limits []string
	c := &cobra.Command{
		Use:   "search DIR",
		Short: "Run every solver on every mmap-instance of a folder, by time and seed",
		Long: `Run every solver on every mmap-instance of a folder, by time and seed.

Same instance, simulator and checker for all. Improvements are counted from the tuned greedy (xla-greedy, the best of
120 settings) and from XLA's default setting, each with the same budget. A result by time is only as good as the clock:
evaluations stand beside it.`,
		Example: `  strata bench search testdata/instances --times 1s,10s --seeds 5
  strata bench search instances --solver pin-stream,xla-greedy,mcts --evaluations 500 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r.Dir = args[0]
			if r.Seeds < 1 || r.Seeds > 1000 {
				return workflow.Badf("--seeds %d: 1 to 1000 are possible", r.Seeds)
			}
			if r.Evaluations < 0 {
				return workflow.Badf("--evaluations %d: must not be negative", r.Evaluations)
			}
			for _, text := range limits {
				d, err := time.ParseDuration(text)
				if err != nil || d <= 0 {
					return workflow.Badf("--times %q: want times like 1s,10s,60s", text)
				}
				r.Times = append(r.Times, d)
			}
			progress, done := a.progress()
			defer done()
			res, err := workflow.BenchSearch(c.Context(), r, progress)
			if err != nil {
				return err
			}
			done()
			return a.print(res, func(w io.Writer) { printSearchBench(w, res) })
		},
	}
	c.Flags().StringSliceVar(&r.Solvers, "solver", nil, "solvers to run (default: all of "+strings.Join(planner.Names(), ", ")+")")
	c.Flags().StringSliceVar(&limits, "times", []string{"1s", "10s"}, "time of one search, one or more")
	c.Flags().Int64Var(&r.Evaluations, "evaluations", 0, "limit searches by evaluations in place of time")
	c.Flags().IntVar(&r.Seeds, "seeds", 5, "seeds of every search")
	return c
}

func printSearchBench(w io.Writer, res *workflow.SearchBench) {
	last := ""
	for _, s := range res.Summary {
		if head := fmt.Sprintf("%s, %s", s.Instance, budgetText(s.BudgetS)); head != last {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", head, right(10, "mean"), right(8, "gap"), right(10, "over tuned"), right(12, "over default"), right(12, "evaluations"))
			last = head
		}
		gap := "–"
		if s.BoundS > 0 {
			gap = fmt.Sprintf("%.2f %%", 100*s.Gap)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\n", s.Solver, right(10, seconds(s.MeanS)), right(8, gap), right(10, fmt.Sprintf("%+.2f %%", 100*s.OverTuned)),
			right(12, fmt.Sprintf("%+.2f %%", 100*s.OverDefault)), right(12, fmt.Sprintf("%.0f", s.MeanEvaluations)))
	}
}

func budgetText(s float64) string {
	if s == 0 {
		return "by evaluations"
	}
	return fmt.Sprintf("%g s", s)
}
