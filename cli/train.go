package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"strata/workflow"
)

func (a *app) trainCommand() *cobra.Command {
	var r workflow.TrainRequest
	var output string
	c := &cobra.Command{
		Use:   "train",
		Short: "Train the agent's network on generated problems",
		Long: `Trains the network of the agent of the mallocGame: first by imitation of the plans
that lns finds, then by self-play. Problems are generated from the seed; families
are learned from or held out whole. Work is counted, not timed: the same options
give the same weights on the same kind of processor. plan --solver mcts --prior
learned --weights FILE plays with them.`,
		Example: `  strata train -o weights.json
  strata train --seed 3 --families conv,moe --held-out recurrent --instances 6 --epochs 8`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if r.Options.Epochs < 1 || r.Options.Epochs > 10000 {
				return workflow.Badf("--epochs %d: 1 to 10000 are possible", r.Options.Epochs)
			}
			if !a.json && !a.quiet {
				r.Options.Log = func(line string) { fmt.Fprintln(a.err, line) }
			}
			res, err := workflow.Train(c.Context(), r)
			if err != nil {
				return err
			}
			if output != "" {
				if err := workflow.WriteOutput(output, res.WriteWeights); err != nil {
					return err
				}
			}
			return a.print(res, func(w io.Writer) { writeTrained(w, res, output) })
		},
	}
	p := c.Flags()
	p.StringSliceVar(&r.Families, "families", []string{"transformer-prefill", "transformer-decode", "conv"}, "families to learn from")
	p.StringSliceVar(&r.HeldOut, "held-out", []string{"moe"}, "families to measure on only")
	p.IntVar(&r.Instances, "instances", 24, "problems of each family")
	p.IntVar(&r.Options.Epochs, "epochs", 8, "passes over the decisions in imitation; self-play makes half as many")
	p.Uint64Var(&r.Options.Seed, "seed", 1, "seed of the problems and of every random choice")
	p.StringVarP(&output, "output", "o", "", "write the weights with their record here")
	return c
}

func writeTrained(w io.Writer, r *workflow.Trained, output string) {
	fmt.Fprintf(w, "stage\t%s\t%s\t%s\t%s\t%s\t%s\n", right(9, "decisions"), right(8, "accuracy"), right(8, "held out"), right(8, "return"), right(8, "held out"), right(12, "guide's own"))
	for _, s := range r.Stages {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, right(9, fmt.Sprint(s.Decisions)), right(8, fmt.Sprintf("%.3f", s.Epochs[len(s.Epochs)-1].Accuracy)),
			right(8, fmt.Sprintf("%.3f", s.HeldOut.Accuracy)), right(8, fmt.Sprintf("%.3f", s.Return)), right(8, fmt.Sprintf("%.3f", s.HeldOutReturn)), right(12, fmt.Sprintf("%.3f", s.HeldOutGuide)))
	}
	fmt.Fprintf(w, "kept\t%s: %d weights, SHA-256 %.12s…\n", r.Kept, r.Weights, r.SHA256)
	if output != "" {
		fmt.Fprintf(w, "\nwrote %s\n", output)
	}
}
