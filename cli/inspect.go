package cli

import (
	"fmt"
	"io"
	"sort"

	"github.com/spf13/cobra"

	"strata/workflow"
)

func (a *app) inspectCommand() *cobra.Command {
	var assume, tensors bool
	c := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "What a model is: architecture, tensors, bytes",
		Example: `  strata inspect model.gguf
  strata inspect config.json --json
  strata inspect model.gguf --tensors`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := workflow.OpenModel(args[0])
			if err != nil {
				return err
			}
			r, err := workflow.Inspect(m, assume)
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) { writeInspection(w, r, tensors) })
		},
	}
	c.Flags().BoolVar(&assume, "assume", false, "estimate an unknown architecture as a plain decoder")
	c.Flags().BoolVar(&tensors, "tensors", false, "list every tensor")
	return c
}

func writeInspection(w io.Writer, r *workflow.Inspection, tensors bool) {
	fmt.Fprintf(w, "%s (%s, %s)\n\n", r.Name, r.Architecture, r.Format)
	line := func(name, value, more string) {
		if more != "" {
			more = "\t" + more
		}
		fmt.Fprintf(w, "%s\t%s%s\n", name, right(10, value), more)
	}
	number := func(name string, n int64, more string) { line(name, fmt.Sprint(n), more) }
	line("file", bytes(r.FileBytes), fmt.Sprintf("%d bytes", r.FileBytes))
	line("weights", bytes(r.WeightsBytes), "in "+count(len(r.Tensors), "tensor", "tensors"))
	types := make([]string, 0, len(r.BytesByType))
	for t := range r.BytesByType {
		types = append(types, t)
	}
	sort.Slice(types, func(i, j int) bool {
		a, b := r.BytesByType[types[i]], r.BytesByType[types[j]]
		return a > b || a == b && types[i] < types[j]
	})
	for _, t := range types {
		line("  "+t, bytes(r.BytesByType[t]), "")
	}
	number("layers", r.Layers, "")
	number("width", r.Width, "")
	number("heads", r.Heads, fmt.Sprintf("of %d; %d for keys and values", r.HeadDim, r.KVHeads))
	number("feed-forward", r.FFN, "")
	if r.Experts > 0 {
		number("experts", r.Experts, fmt.Sprintf("%d used for a token", r.ExpertsUsed))
	}
	number("vocabulary", r.Vocab, "")
	number("context", r.Context, "positions trained for")
	line("KV cache", bytes(r.KVBytesPer), "for each position, f16")
	executable := r.Executable
	if executable == "" {
		executable = "this program's engine runs it"
	}
	writeNotes(w, r.Assumed, executable)
	if tensors {
		fmt.Fprintf(w, "\ntensor\ttype\tshape\tbytes\toffset\n")
		for _, t := range r.Tensors {
			fmt.Fprintf(w, "%s\t%s\t%v\t%d\t%d\n", t.Name, t.DType, t.Shape, t.Bytes, t.Offset)
		}
	}
}
