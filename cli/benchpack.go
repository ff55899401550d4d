package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"strata/malloc/pack"
	"strata/workflow"
)

func (a *app) benchPackCommand() *cobra.Command {
	var o workflow.PackBenchOptions
	var limit string
	var without []string
	c := &cobra.Command{
		Use:   "pack DIR",
		Short: "Pack every NAME.CAPACITY.csv of a folder within its capacity",
		Long: `Packs every NAME.CAPACITY.csv of a folder with several seeds, the best of some
repeats each, and compares with minimalloc's recorded times where the instance is
one of its eleven. Let nothing else run on the machine.`,
		Example: `  strata bench pack malloc/pack/testdata/minimalloc --json
  strata bench pack malloc/pack/testdata/minimalloc --mirrored --seeds 5
  strata bench pack malloc/pack/testdata/minimalloc --without backjump --time 2s`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if o.Time, err = searchTime(limit); err != nil {
				return err
			}
			for name, v := range map[string]int{"--seeds": o.Seeds, "--repeats": o.Repeats, "--threads": o.Threads} {
				if v < 1 {
					return workflow.Badf("%s %d: a positive number is expected", name, v)
				}
			}
			for _, name := range without {
				i := slices.Index(pack.RuleNames(), name)
				if i < 0 {
					return workflow.Badf("--without %q: known rules are %s", name, strings.Join(pack.RuleNames(), ", "))
				}
				o.Off |= 1 << i
			}
			progress, done := a.progress()
			b, err := workflow.BenchPack(c.Context(), args[0], o, progress)
			done()
			if err != nil {
				return err
			}
			return a.print(b, func(w io.Writer) { writePackBench(w, b) })
		},
	}
	p := c.Flags()
	p.IntVar(&o.Seeds, "seeds", 15, "seeds an instance is packed with")
	p.IntVar(&o.Repeats, "repeats", 3, "repeats of each, of which the best counts")
	p.StringVar(&limit, "time", packSearch, "longest single search")
	p.IntVarP(&o.Threads, "threads", "t", 1, "searches at one time")
	p.BoolVar(&o.Mirrored, "mirrored", false, "shuffle the rows and reverse time, which leaves an instance as hard as it was")
	p.StringArrayVar(&without, "without", nil, "leave out a rule of the search (may be repeated): "+strings.Join(pack.RuleNames(), ", "))
	return c
}

func writePackBench(w io.Writer, b *workflow.PackBench) {
	fmt.Fprintf(w, "instance\tbuffers\tsolved\t%s\t%s\t%s\t%s\t%s\n", right(10, "median"), right(10, "worst"), right(8, "nodes"), right(10, "minimalloc"), right(8, "ratio"))
	for _, r := range b.Instances {
		recorded, ratio := "", ""
		if r.RecordedS > 0 {
			recorded, ratio = seconds(r.RecordedS), fmt.Sprintf("%.4f", r.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%s\t%s\t%s\t%s\n", r.Name, right(7, fmt.Sprint(r.Buffers)), r.Solved, b.Seeds, right(10, seconds(r.MedianS)), right(10, seconds(r.WorstS)),
			right(8, fmt.Sprint(r.MedianNodes)), right(10, recorded), right(8, ratio))
	}
	if b.GeoMean > 0 {
		fmt.Fprintf(w, "\nratio to minimalloc's recorded times: geometric mean %.4f, worst instance %.4f, worst seed %.4f\n", b.GeoMean, b.WorstRatio, b.WorstSeed)
	}
}
