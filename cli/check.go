package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"strata/workflow"
)

func (a *app) checkCommand() *cobra.Command {
	var f modelFlags
	c := &cobra.Command{
		Use:   "check MODEL",
		Short: "Does it fit? Least memory, largest context, verdict as exit code",
		Example: `  strata check model.gguf --dram 64MiB
  strata check model.gguf --hw desktop-rtx4090 -c 8192
  strata check config.json --hw h100-80gb --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.request()
			if err != nil {
				return err
			}
			m, err := workflow.OpenModel(args[0])
			if err != nil {
				return err
			}
			progress, done := a.progress()
			res, err := workflow.Check(c.Context(), m, r, progress)
			done()
			if err != nil {
				return err
			}
			a.code = map[string]int{workflow.Fits: exitOK, workflow.DoesNot: exitNoFit, workflow.CantTell: exitUnsure}[res.Verdict]
			return a.print(res, func(w io.Writer) { writeCheck(w, res) })
		},
	}
	f.register(c)
	return c
}

func writeCheck(w io.Writer, r *workflow.CheckResult) {
	switch {
	case r.Verdict == workflow.Fits && r.Resident:
		fmt.Fprintf(w, "It fits: everything stays in memory at a context of %d.\n", r.Context)
	case r.Verdict == workflow.Fits:
		fmt.Fprintf(w, "It fits at a context of %d, with weights streamed from the file; %s would hold all of it.\n", r.Context, bytes(r.ResidentDramBytes))
	case r.Verdict == workflow.CantTell:
		fmt.Fprintf(w, "Unsure: it depends on what is assumed (%s).\n", strings.Join(r.Assumed, "; "))
	case r.MaxContext > 0:
		fmt.Fprintf(w, "It does not fit at a context of %d: at least %s is needed, or a context of %d.\n", r.Context, bytes(r.MinDramBytes), r.MaxContext)
	default:
		fmt.Fprintf(w, "It does not fit at any context: at least %s is needed for %d.\n", bytes(r.MinDramBytes), r.Context)
	}
	fmt.Fprintf(w, "\nleast arena\t%s\t(%d bytes; below %d none exists)\n", bytes(r.MinDramBytes), r.MinDramBytes, r.MinDramBoundBytes)
	if r.ResidentDramBytes > 0 {
		fmt.Fprintf(w, "all resident\t%s\t(%d bytes)\n", bytes(r.ResidentDramBytes), r.ResidentDramBytes)
	}
	fmt.Fprintf(w, "largest context\t%d\n", r.MaxContext)
	fmt.Fprintf(w, "weights\t%s\nKV cache\t%s\ncompute\t%s\n", bytes(r.Components.WeightsBytes), bytes(r.Components.KVBytes), bytes(r.Components.ComputeBytes))
	fmt.Fprintf(w, "\ntier\tused\tcapacity\n")
	for _, t := range r.Tiers {
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.Name, bytes(t.UsedBytes), bytes(t.CapacityBytes))
	}
	for _, s := range r.Assumed {
		fmt.Fprintf(w, "assumed: %s\n", s)
	}
	if r.Executable != "" {
		fmt.Fprintf(w, "note: %s\n", r.Executable)
	}
}
