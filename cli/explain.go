package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/workflow"
)

func (a *app) explainCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "explain PLAN TENSOR",
		Short: "Say why a tensor lies where it lies and what other tiers would cost",
		Example: `  strata explain plan.json blk.12.ffn_down.weight --model model.gguf
  strata explain plan.json kv.3 --instance instance.json.gz --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			p, plan, _, err := f.load(a, c, args[0])
			if err != nil {
				return err
			}
			buf, err := bufferNamed(p, args[1])
			if err != nil {
				return err
			}
			e, err := workflow.Explain(c.Context(), p, plan, nil, buf, nil)
			if err != nil {
				return err
			}
			return a.print(e, func(w io.Writer) { writeExplanation(w, e) })
		},
	}
	f.register(c)
	return c
}

// bufferNamed finds a buffer; when there is none of the name, the error lists
// those that contain it.
func bufferNamed(p *malloc.Program, name string) (int, error) {
	var near []string
	for i := range p.Buffers {
		if p.Buffers[i].Name == name {
			return i, nil
		}
		if strings.Contains(p.Buffers[i].Name, name) && len(near) < 6 {
			near = append(near, p.Buffers[i].Name)
		}
	}
	if len(near) > 0 {
		return 0, workflow.Badf("no tensor %q in this plan; there are %s …", name, strings.Join(near, ", "))
	}
	return 0, workflow.Badf("no tensor %q in this plan; `strata inspect` lists the names", name)
}

func writeExplanation(w io.Writer, e *workflow.Explanation) {
	fmt.Fprintf(w, "%s\n", e.Reason)
	if c := e.Competes; c != nil {
		fmt.Fprintf(w, "%s\n", c)
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "tensor\t%s\t%s\n", e.Tensor, e.Kind)
	fmt.Fprintf(w, "bytes\t%s\n", bytes(e.Bytes))
	fmt.Fprintf(w, "now in\t%s\t%s\n", e.Tier, e.How)
	fmt.Fprintf(w, "used a token\t%s\t%s\n", count(e.Uses, "time", "times"), bytes(e.UsedBytes))
	if e.CopyBytes > 0 {
		fmt.Fprintf(w, "copied a token\t%s\tissued %s ahead, waited for %s\n", bytes(e.CopyBytes), count(e.Ahead, "instruction", "instructions"), seconds(e.WaitS))
	}
	for _, o := range e.Options {
		switch {
		case o.Current:
			fmt.Fprintf(w, "in %s\tas it is\n", o.Tier)
		case !o.Legal:
			fmt.Fprintf(w, "in %s\tnot possible\t%s\n", o.Tier, o.Why)
		default:
			fmt.Fprintf(w, "in %s\t%s a token\t%s in all\n", o.Tier, signed(o.DeltaTokS), signed(o.DeltaS))
		}
	}
}

// signed writes a change of time with its sign.
func signed(s float64) string {
	switch {
	case s < 0:
		return "-" + seconds(-s)
	case s > 0:
		return "+" + seconds(s)
	}
	return "no change"
}
