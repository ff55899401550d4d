package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"strata/workflow"
)

// packSearch is how long strata pack searches when nobody says.
const packSearch = "20s"

func (a *app) packCommand() *cobra.Command {
	var o workflow.PackOptions
	var capacity, limit, output string
	var minimize bool
	c := &cobra.Command{
		Use:   "pack FILE.csv",
		Short: "Give buffers of known lifetimes offsets in one memory",
		Long: `Reads buffers in minimalloc's format (id,lower,upper,size and optionally
alignment,offset,gaps,class) and gives them offsets within a capacity, or as low
as possible. Exit code 0: solved, 2: no packing exists, 3: unknown in this time.`,
		Example: `  strata pack buffers.csv --capacity 1MiB -o packed.csv
  strata pack buffers.csv --minimize --time 10s --threads 2 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case minimize == (capacity != ""):
				return workflow.Badf("pack needs either --capacity SIZE or --minimize")
			case o.Threads < 1:
				return workflow.Badf("--threads %d: a positive number is expected", o.Threads)
			}
			var err error
			if capacity != "" {
				s, err := workflow.ParseSize(capacity)
				if err != nil {
					return err
				}
				if s.IsShare || s.Bytes == 0 {
					return workflow.Badf("--capacity %q: a positive number of bytes is expected, such as 1048576 or 1MiB", capacity)
				}
				o.Capacity = s.Bytes
			}
			if o.Time, err = searchTime(limit); err != nil {
				return err
			}
			progress, done := a.progress()
			r, err := workflow.Pack(c.Context(), args[0], o, progress)
			done()
			if err != nil {
				return err
			}
			a.code = map[string]int{"solved": exitOK, "infeasible": exitNoFit, "unknown": exitUnsure}[r.Status]
			if output != "" && a.code == exitOK {
				if err := workflow.WriteOutput(output, r.WriteCSV); err != nil {
					return err
				}
			}
			return a.print(r, func(w io.Writer) { writePack(w, r) })
		},
	}
	p := c.Flags()
	p.StringVar(&capacity, "capacity", "", "bytes all buffers must end by: 1048576, 1MiB")
	p.BoolVar(&minimize, "minimize", false, "find the least capacity instead")
	p.StringVar(&limit, "time", packSearch, "longest search")
	p.IntVarP(&o.Threads, "threads", "t", 1, "searches at one time; the answer does not depend on it")
	p.Uint64Var(&o.Seed, "seed", 0, "seed of the search's restarts")
	p.StringVarP(&output, "output", "o", "", "write the rows with a column offset, if solved")
	return c
}

func writePack(w io.Writer, r *workflow.PackResult) {
	switch {
	case r.Status == "infeasible" && r.CapacityBytes == 0:
		fmt.Fprintln(w, "No packing exists: fixed offsets overlap.")
	case r.Status == "infeasible":
		fmt.Fprintf(w, "No packing fits %d bytes.\n", r.CapacityBytes)
	case r.Status == "unknown":
		fmt.Fprintf(w, "Unknown: no packing within %d bytes was found, and none was excluded.\n", r.CapacityBytes)
	case r.CapacityBytes > 0:
		fmt.Fprintf(w, "Packed within %d bytes.\n", r.CapacityBytes)
	case r.Optimal:
		fmt.Fprintln(w, "Packed as low as possible.")
	default:
		fmt.Fprintf(w, "Packed; at most %.2f%% above the least peak.\n", 100*float64(r.Peak-r.Bound)/float64(r.Bound))
	}
	fmt.Fprintf(w, "\nbuffers\t%s\n", right(12, fmt.Sprint(r.Buffers)))
	if r.Peak > 0 {
		fmt.Fprintf(w, "peak\t%s\tbytes, by %s\n", right(12, fmt.Sprint(r.Peak)), r.By)
	}
	fmt.Fprintf(w, "bound\t%s\tbytes; %d live at one time\n", right(12, fmt.Sprint(r.Bound)), r.Load)
	fmt.Fprintf(w, "search\t%s\t%s in %s\n", right(12, seconds(r.SearchS)), count(r.Nodes, "node", "nodes"), count(r.Runs, "run", "runs"))
}
