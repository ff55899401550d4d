package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/planner"
	"strata/workflow"
)

func (a *app) planCommand() *cobra.Command {
	var f modelFlags
	var opt workflow.SearchOptions
	var limit time.Duration
	var limitText, instance, output, game string
	c := &cobra.Command{
		Use:   "plan MODEL",
		Short: "Search where each tensor lives and when it is copied",
		Example: `  strata plan model.gguf --dram 50% --prompt 64 --gen 32 -o plan.json
  strata plan model.gguf --dram 64MiB --prompt 512 --gen 128 --time 30s --pin 'blk\.0\..*=dram' -o plan.json
  strata plan --instance instance.json.gz --solver mcts --evaluations 2000 --seed 7 -o plan.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.request()
			if err != nil {
				return err
			}
			if limitText != "" {
				if limit, err = searchTime(limitText); err != nil {
					return err
				}
			}
			opt.Time = limit
			if opt.Time == 0 && opt.Evaluations == 0 {
				opt.Time = defaultSearch
			}
			progress, done := a.progress()
			opt.OnIncumbent = func(i planner.Incumbent) {
				if progress != nil {
					progress(fmt.Sprintf("searching: %s by %s", seconds(i.Score.TotalS), i.Component), int64(i.ElapsedS*1000), opt.Time.Milliseconds())
				}
			}
			var res *workflow.PlanResult
			switch {
			case instance != "" && len(args) > 0:
				return workflow.Badf("name a model or --instance, not both")
			case instance != "":
				if len(f.r.Pins) > 0 {
					return workflow.Badf("--pin needs a model; in an instance write \"fixed\" on the instruction")
				}
				var p *malloc.Program
				if p, _, err = workflow.LoadInstance(instance, ""); err == nil {
					res, err = workflow.Search(c.Context(), p, opt)
				}
			case len(args) == 1:
				if r.Prompt == 0 || r.Gen == 0 {
					return workflow.Badf("plan needs the workload: --prompt N --gen N")
				}
				var m *workflow.Model
				if m, err = workflow.OpenModel(args[0]); err == nil {
					res, err = workflow.MakePlan(c.Context(), m, r, opt, progress)
				}
			default:
				return workflow.Badf("plan needs a model file or --instance")
			}
			done()
			if err != nil {
				return err
			}
			if output != "" {
				if err := workflow.WriteOutput(output, func(w io.Writer) error { return malloc.EncodePlan(w, res.Plan) }); err != nil {
					return err
				}
			}
			if game != "" {
				if err := a.writeGame(game, res); err != nil {
					return err
				}
			}
			return a.print(res, func(w io.Writer) { writePlan(w, res, output) })
		},
	}
	f.register(c)
	p := c.Flags()
	p.IntVar(&f.r.Prompt, "prompt", 0, "tokens of the prompt")
	p.IntVar(&f.r.Gen, "gen", 0, "tokens to generate")
	p.StringArrayVar(&f.r.Pins, "pin", nil, "force tensors into a tier, REGEX=TIER (may be repeated)")
	p.StringVar(&limitText, "time", "", "limit of the search: 10s, or seconds (default 10s)")
	p.Int64Var(&opt.Evaluations, "evaluations", 0, "limit of the search in evaluations (deterministic by seed)")
	p.Uint64Var(&opt.Seed, "seed", 1, "seed of every random choice")
	p.StringVar(&opt.Solver, "solver", "auto", "one of "+strings.Join(planner.Names(), ", "))
	p.StringVar(&opt.Agent.Prior, "prior", "", "the agent's opinion before it searches (--solver mcts): "+strings.Join(planner.Priors, ", "))
	p.StringVar(&opt.Agent.Value, "value", "", "what the agent makes of a leaf (--solver mcts): "+strings.Join(planner.Values, ", "))
	p.StringVar(&opt.Agent.Weights, "weights", "", "the learned network, as strata train writes it (default: the shipped one)")
	p.StringVar(&instance, "instance", "", "plan an mmap-instance file instead of a model")
	p.StringVarP(&output, "output", "o", "", "write the plan here")
	p.StringVar(&game, "game", "", "write the agent's last game here, move by move")
	return c
}

// defaultSearch is the time a search gets when nothing limits it.
const defaultSearch = 10 * time.Second

// searchTime reads "10s", "1m" or plain seconds.
func searchTime(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	if d, err := time.ParseDuration(s + "s"); err == nil && d > 0 {
		return d, nil
	}
	return 0, workflow.Badf("--time %q: write 10s, 1m or seconds", s)
}

// stopped says what ended a search.
var stopped = map[string]string{
	string(planner.StopDone): "nothing was left to try", string(planner.StopTime): "the time was up",
	string(planner.StopEvaluations): "all were spent", string(planner.StopCancelled): "interrupted",
}

func writePlan(w io.Writer, r *workflow.PlanResult, output string) {
	fmt.Fprintf(w, "best plan\t%s\tby %s\n", right(10, seconds(r.PredictedS)), r.Component)
	fmt.Fprintf(w, "  lower bound\t%s\tgap %.1f %% (%s)\n", right(10, seconds(r.LowerBoundS)), 100*r.Gap, r.LowerBoundMethod)
	fmt.Fprintf(w, "prefill\t%s\n", right(10, seconds(r.PrefillS)))
	if r.PredictedSPerToken > 0 {
		fmt.Fprintf(w, "per token\t%s\t%.1f tokens/s\n", right(10, seconds(r.PredictedSPerToken)), 1/r.PredictedSPerToken)
		fmt.Fprintf(w, "  lower bound\t%s\tgap %.1f %%\n", right(10, seconds(r.LowerBoundSPerTok)), 100*r.GapPerToken)
	}
	fmt.Fprintf(w, "evaluations\t%s\tin %s: %s\n", right(10, fmt.Sprint(r.Evaluations)), seconds(r.WallS), stopped[r.Stopped])
	if r.AgentAloneS != nil {
		fmt.Fprintf(w, "agent alone\t%s\tits best without a baseline's help\n", right(10, seconds(*r.AgentAloneS)))
	}
	var limited []workflow.TierUse
	for _, t := range r.Tiers {
		if t.CapacityBytes >= 0 {
			limited = append(limited, t)
		}
	}
	writeTiers(w, "used", limited)
	if len(r.Baselines) > 0 {
		fmt.Fprintf(w, "\nbaseline\t%s\n", right(10, "predicted"))
		for _, b := range r.Baselines {
			if b.PredictedS != nil {
				fmt.Fprintf(w, "%s\t%s\n", b.Name, right(10, seconds(*b.PredictedS)))
			} else {
				fmt.Fprintf(w, "%s\t%s\t%s\n", b.Name, right(10, "–"), b.Reason)
			}
		}
	}
	writeNotes(w, r.Assumed, r.Executable)
	if output != "" {
		fmt.Fprintf(w, "\nwrote %s\n", output)
	}
}
