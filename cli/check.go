package cli

import (
	"fmt"
	"io"

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
	case r.Verdict == workflow.Fits && r.ResidentDramBytes > 0:
		fmt.Fprintf(w, "It fits at a context of %d, with weights streamed from the file; %s would hold all of it.\n", r.Context, bytes(r.ResidentDramBytes))
	case r.Verdict == workflow.Fits:
		fmt.Fprintf(w, "It fits at a context of %d, with weights copied in as they are needed.\n", r.Context)
	case r.Verdict == workflow.CantTell:
		fmt.Fprintf(w, "Unsure at a context of %d: without its assumed KV cache of %s it fits, with it %s are needed.\n", r.Context, bytes(r.Components.KVBytes), bytes(r.MinDramBytes))
	case r.MaxContext > 0:
		fmt.Fprintf(w, "It does not fit at a context of %d: at least %s are needed, or a context of %d.\n", r.Context, bytes(r.MinDramBytes), r.MaxContext)
	default:
		fmt.Fprintf(w, "It does not fit at any context: at least %s are needed for %d.\n", bytes(r.MinDramBytes), r.Context)
	}
	below := fmt.Sprintf("below %d none exists", r.MinDramBoundBytes)
	if r.MinDramBoundBytes == r.MinDramBytes {
		below = "none smaller exists"
	}
	fmt.Fprintf(w, "\nleast arena\t%s\t%d bytes; %s\n", right(10, bytes(r.MinDramBytes)), r.MinDramBytes, below)
	if r.ResidentDramBytes > 0 {
		fmt.Fprintf(w, "all resident\t%s\t%d bytes\n", right(10, bytes(r.ResidentDramBytes)), r.ResidentDramBytes)
	}
	context := fmt.Sprint(r.MaxContext)
	if r.MaxContext == 0 {
		context = "none"
	}
	fmt.Fprintf(w, "largest context\t%s\n", right(10, context))
	c := r.Components
	fmt.Fprintf(w, "weights\t%s\nKV cache\t%s\ncompute\t%s\n", right(10, bytes(c.WeightsBytes)), right(10, bytes(c.KVBytes)), right(10, bytes(c.ComputeBytes)))
	used := "used"
	if r.Verdict != workflow.Fits {
		used = "needed"
	}
	writeTiers(w, used, r.Tiers)
	writeNotes(w, r.Assumed, r.Executable)
}
