package cli

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"strata/workflow"
)

func (a *app) calibrateCommand() *cobra.Command {
	var r workflow.CalibrateRequest
	var once bool
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure this host: memory, caches, kernels, disk (under a minute)",
		Example: `  strata calibrate
  strata calibrate --file model.gguf -o host.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if once && r.Output == "" {
				if p, err := workflow.LoadMachine(""); err == nil {
					fmt.Fprintf(a.err, "this host was calibrated on %s\n", p.Date)
					return nil
				}
			}
			progress, done := a.progress()
			p, path, err := workflow.Calibrate(c.Context(), r, progress)
			done()
			if err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) {
				x := &p.Executors[0]
				rate := func(v float64) string { return right(10, fmt.Sprintf("%.1f GB/s", v/1e9)) }
				for _, acc := range x.Access {
					for _, bw := range acc.Read {
						fmt.Fprintf(w, "%s, %s of %s\t%s\t± %.0f %%\n", acc.Tier, count(bw.Threads, "thread", "threads"), bytes(bw.WorkingSetBytes), rate(bw.BW.V), 100*bw.BW.Spread)
					}
				}
				for _, l := range p.Links {
					fmt.Fprintf(w, "%s → %s\t%s\t%d requests of %s in flight, %s\n", l.From, l.To, rate(l.BW.V), l.Depth, bytes(l.RequestBytes), l.State)
				}
				for _, k := range x.Caches {
					fmt.Fprintf(w, "cache %s\t%s\n", k.Name, right(10, bytes(k.Bytes.V)))
				}
				for _, t := range p.Tiers {
					fmt.Fprintf(w, "size of %s\t%s\n", t.Name, right(10, bytes(t.CapacityBytes.V)))
				}
				fmt.Fprintf(w, "\nwrote %s\n", path)
			})
		},
	}
	c.Flags().StringVarP(&r.Output, "output", "o", "", "write the profile here instead of this host's place")
	c.Flags().StringVar(&r.File, "file", "", "measure reads of this file (default: a temporary one)")
	c.Flags().BoolVar(&once, "once", false, "do nothing when this host is already calibrated")
	return c
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "What this host can do, and what is missing",
		Example: "  strata doctor",
		Args:    cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			d := workflow.Doctor()
			return a.print(d, func(w io.Writer) {
				for _, f := range d.Findings {
					mark := "ok"
					if !f.OK {
						mark = "--"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\n", mark, f.Name, f.Found)
					if f.Fix != "" {
						fmt.Fprintf(w, "\t\t→ %s\n", f.Fix)
					}
				}
			})
		},
	}
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema [COMMAND]",
		Short:     "The JSON schema of a command's --json output",
		Example:   "  strata schema check",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: workflow.SchemaNames(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(a.out, strings.Join(workflow.SchemaNames(), "\n"))
				return err
			}
			data, err := workflow.Schema(args[0])
			if err != nil {
				return err
			}
			_, err = a.out.Write(data)
			return err
		},
	}
}

// Version of the program, set by the linker.
var Version = "dev"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Version of the program and of its formats",
		Example: "  strata version",
		Args:    cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			v := struct {
				Version string   `json:"version"`
				Go      string   `json:"go"`
				Formats []string `json:"formats"`
			}{Version: Version, Formats: []string{"mmap-instance/1", "mmap-plan/1", "strata-profile/1"}}
			if info, ok := debug.ReadBuildInfo(); ok {
				v.Go = info.GoVersion
			}
			return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "strata %s (%s)\n", v.Version, v.Go) })
		},
	}
}
