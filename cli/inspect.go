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
	fmt.Fprintf(w, "%s\t%s, %s\n", r.Name, r.Architecture, r.Format)
	fmt.Fprintf(w, "file\t%s\t(%d bytes)\n", bytes(r.FileBytes), r.FileBytes)
	fmt.Fprintf(w, "weights\t%s\tin %d tensors\n", bytes(r.WeightsBytes), len(r.Tensors))
	types := make([]string, 0, len(r.BytesByType))
	for t := range r.BytesByType {
		types = append(types, t)
	}
	sort.Slice(types, func(i, j int) bool { return r.BytesByType[types[i]] > r.BytesByType[types[j]] })
	for _, t := range types {
		fmt.Fprintf(w, "  %s\t%s\n", t, bytes(r.BytesByType[t]))
	}
	fmt.Fprintf(w, "layers\t%d\nwidth\t%d\nheads\t%d\tof %d, %d for keys and values\n", r.Layers, r.Width, r.Heads, r.HeadDim, r.KVHeads)
	fmt.Fprintf(w, "feed-forward\t%d\n", r.FFN)
	if r.Experts > 0 {
		fmt.Fprintf(w, "experts\t%d\t%d used for a token\n", r.Experts, r.ExpertsUsed)
	}
	fmt.Fprintf(w, "vocabulary\t%d\ncontext\t%d\ttrained\n", r.Vocab, r.Context)
	fmt.Fprintf(w, "KV cache\t%s\tfor each position, f16\n", bytes(r.KVBytesPer))
	if r.Executable == "" {
		fmt.Fprintf(w, "engine\truns it\n")
	} else {
		fmt.Fprintf(w, "engine\t%s\n", r.Executable)
	}
	for _, s := range r.Assumed {
		fmt.Fprintf(w, "assumed: %s\n", s)
	}
	if tensors {
		fmt.Fprintf(w, "\ntensor\ttype\tshape\tbytes\toffset\n")
		for _, t := range r.Tensors {
			fmt.Fprintf(w, "%s\t%s\t%v\t%d\t%d\n", t.Name, t.DType, t.Shape, t.Bytes, t.Offset)
		}
	}
}
