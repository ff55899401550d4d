package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"strata/convert/generate"
	"strata/malloc"
	"strata/workflow"
)

func (a *app) convertCommand() *cobra.Command {
	var f modelFlags
	var r workflow.ConvertRequest
	var output string
	c := &cobra.Command{
		Use:   "convert INPUT",
		Short: "Turn another program's schedule, or a model, into a memory-mapping problem",
		Long: `Turn another program's schedule, or a model, into a memory-mapping problem
(mmap-instance), which plan, simulate and export take with --instance.

The format is told by the content unless --from names it: ` + strings.Join(workflow.ConvertFormats(), ", ") + `.
Times and tiers come from a hardware profile. docs/workloads.md says what each
format becomes.`,
		Example: `  strata convert module.hlo --hw tpu-v4i --tier cmem=32MiB -o instance.json.gz
  strata convert module.hlo --hw tpu-v4i --repo openxla/xla --license Apache-2.0 -o instance.json
  strata convert --generate transformer-decode --seed 7 --hw h100-80gb --tier hbm=64MiB -o decode.json.gz
  strata convert model.gguf --hw laptop --dram 50% --prompt 64 --gen 32 -o instance.json.gz`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if r.Request, err = f.request(); err != nil {
				return err
			}
			switch {
			case len(args) == 0 && r.Generate == "":
				return workflow.Badf("convert needs an input file, or --generate KIND")
			case len(args) == 1 && r.Generate != "":
				return workflow.Badf("name an input file or --generate, not both")
			case len(args) == 1:
				r.Input = args[0]
			}
			if !(r.Scale >= 0) {
				return workflow.Badf("--scale %g: a positive number is expected", r.Scale)
			}
			res, err := workflow.Convert(r)
			if err != nil {
				return err
			}
			if output != "" {
				if err := workflow.WriteOutput(output, func(w io.Writer) error { return malloc.EncodeProgram(w, res.Program) }); err != nil {
					return err
				}
			}
			return a.print(res, func(w io.Writer) { writeConverted(w, res, output) })
		},
	}
	f.register(c)
	p := c.Flags()
	p.StringVar(&r.From, "from", "", "what the input is: "+strings.Join(workflow.ConvertFormats(), ", ")+" (default: by its content)")
	p.Float64Var(&r.Scale, "scale", 0, "multiply bytes and work of a schedule, or layers of a generated one (default 1)")
	p.StringVar(&r.Generate, "generate", "", "generate a schedule instead: "+strings.Join(generate.Kinds, ", "))
	p.Uint64Var(&r.Seed, "seed", 1, "seed of --generate")
	p.IntVar(&f.r.Prompt, "prompt", 0, "tokens of the prompt (models)")
	p.IntVar(&f.r.Gen, "gen", 0, "tokens to generate (models)")
	p.StringVar(&r.Repo, "repo", "", "the input's origin, kept in the instance")
	p.StringVar(&r.Commit, "commit", "", "the input's version, kept in the instance")
	p.StringVar(&r.License, "license", "", "the input's licence, kept in the instance (SPDX)")
	p.StringVarP(&output, "output", "o", "", "write the instance here (.gz: compressed)")
	return c
}

func writeConverted(w io.Writer, r *workflow.Converted, output string) {
	fmt.Fprintf(w, "%s\tfrom %s\n", r.Name, r.From)
	fmt.Fprintf(w, "instructions\t%s\t%s\n", right(10, fmt.Sprint(r.Instructions)), count(r.Loops, "loop", "loops"))
	fmt.Fprintf(w, "buffers\t%s\t%s, the largest %s\n", right(10, fmt.Sprint(r.Buffers)), bytes(r.TensorBytes), bytes(r.LargestBytes))
	fmt.Fprintf(w, "touches\t%s\n", right(10, fmt.Sprint(r.Touches)))
	fmt.Fprintf(w, "lower bound\t%s\n", right(10, seconds(r.LowerBoundS)))
	writeTiers(w, "homed", r.Tiers)
	if len(r.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if r.License == "" {
		fmt.Fprintln(w, "note: the input's licence is not recorded; --license does")
	}
	if output != "" {
		fmt.Fprintf(w, "\nwrote %s\n", output)
	}
}
