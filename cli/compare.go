package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/workflow"
)

// shownMoves is how many moved tensors the text lists; --json has all.
const shownMoves = 20

func (a *app) compareCommand() *cobra.Command {
	var f modelFlags
	var src workflow.CompareSources
	var opt workflow.SearchOptions
	var format, limit string
	c := &cobra.Command{
		Use:   "compare A B… | compare MODEL --hw A,B,…",
		Short: "Put plans, or one model on several machines, beside each other",
		Long: `Compare puts plans beside each other: plan files, or projects by name. The first that
fits is what the others are compared with. With one model and several profiles it plans
the model on each of them first.`,
		Example: `  strata compare half.json quarter.json --model model.gguf
  strata compare "at half" "at a quarter" --format md
  strata compare model.gguf --hw laptop,desktop-rtx4090 --prompt 512 --gen 128 --dram 4GiB`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if format != "text" && format != "md" && format != "json" {
				return workflow.Badf("--format %q: known are text, md, json", format)
			}
			a.json = a.json || format == "json"
			r, err := f.request()
			if err != nil {
				return err
			}
			progress, done := a.progress()
			defer done()
			var items []workflow.CompareItem
			if len(args) == 1 {
				profiles := strings.Split(r.HW, ",")
				if len(profiles) < 2 {
					return workflow.Badf("compare needs two plans, or a model with at least two profiles: strata compare MODEL --hw A,B --prompt N --gen N")
				}
				if r.Prompt == 0 || r.Gen == 0 {
					return workflow.Badf("planning needs the workload: --prompt N --gen N")
				}
				opt.Time = 5 * time.Second
				if limit != "" {
					if opt.Time, err = searchTime(limit); err != nil {
						return err
					}
				}
				if opt.Evaluations > 0 && limit == "" {
					opt.Time = 0
				}
				m, err := workflow.OpenModel(args[0])
				if err != nil {
					return err
				}
				if items, err = workflow.CompareProfiles(c.Context(), m, r, profiles, opt, progress); err != nil {
					return err
				}
			} else {
				src.HW = r.HW
				if items, err = workflow.LoadCompared(c.Context(), args, src, progress); err != nil {
					return err
				}
			}
			result, err := workflow.Compare(items)
			if err != nil {
				return err
			}
			done()
			if result.Base < 0 {
				a.code = exitNoFit
			}
			if format == "md" && !a.json {
				return writeComparison(a.out, result, markdown{})
			}
			return a.print(result, func(w io.Writer) { _ = writeComparison(w, result, tabbed{}) })
		},
	}
	f.register(c)
	p := c.Flags()
	p.IntVar(&f.r.Prompt, "prompt", 0, "tokens of the prompt (one model on several machines)")
	p.IntVar(&f.r.Gen, "gen", 0, "tokens to generate")
	p.StringArrayVar(&src.Models, "model", nil, "a model the plans were made for (may be repeated)")
	p.StringVar(&src.Instance, "instance", "", "the mmap-instance file that plans of a bare instance were made for")
	p.StringVar(&limit, "time", "", "limit of the search on each machine (default 5s)")
	p.Int64Var(&opt.Evaluations, "evaluations", 0, "limit of each search in evaluations")
	p.Uint64Var(&opt.Seed, "seed", 1, "seed of every random choice")
	p.StringVar(&opt.Solver, "solver", "auto", "solver, as for strata plan")
	p.StringVar(&format, "format", "text", "text, md (tables for a document) or json")
	return c
}

// tableWriter writes tables in one of two ways.
type tableWriter interface {
	head(w io.Writer, cells []string)
	row(w io.Writer, cells []string)
	title(w io.Writer, text string)
}

type tabbed struct{}

func (tabbed) head(w io.Writer, cells []string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
func (tabbed) row(w io.Writer, cells []string)  { fmt.Fprintln(w, strings.Join(cells, "\t")) }
func (tabbed) title(w io.Writer, text string)   { fmt.Fprintf(w, "\n%s\n", text) }

type markdown struct{}

func (markdown) head(w io.Writer, cells []string) {
	markdown{}.row(w, cells)
	fmt.Fprintln(w, "|"+strings.Repeat(" --- |", len(cells)))
}

func (markdown) row(w io.Writer, cells []string) {
	for i, c := range cells {
		cells[i] = strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'").Replace(c)
	}
	fmt.Fprintln(w, "| "+strings.Join(cells, " | ")+" |")
}

func (markdown) title(w io.Writer, text string) { fmt.Fprintf(w, "\n**%s**\n\n", text) }

func writeComparison(w io.Writer, r *workflow.Comparison, t tableWriter) error {
	head := []string{""}
	for i, s := range r.Sides {
		name := printable(s.Name)
		if i == r.Best {
			name += " (fastest)"
		}
		head = append(head, name)
	}
	t.head(w, head)
	line := func(name string, cell func(*workflow.CompareSide) string) {
		cells := []string{name}
		any := false
		for i := range r.Sides {
			s := ""
			if r.Sides[i].Fits {
				s = cell(&r.Sides[i])
			}
			any = any || s != ""
			cells = append(cells, s)
		}
		if any {
			t.row(w, cells)
		}
	}
	cells := []string{"verdict"}
	for _, s := range r.Sides {
		if s.Fits {
			cells = append(cells, "fits")
		} else {
			cells = append(cells, "no: "+printable(s.Problem))
		}
	}
	t.row(w, cells)
	line("model", func(s *workflow.CompareSide) string { return printable(s.Model) })
	line("machine", func(s *workflow.CompareSide) string { return printable(s.Profile) })
	line("workload", func(s *workflow.CompareSide) string {
		if l := s.Workload; l != nil {
			return fmt.Sprintf("%d + %d tokens", l.Prompt, l.Gen)
		}
		return ""
	})
	times := func(name string, of func(*workflow.CompareSide) float64) {
		line(name, func(s *workflow.CompareSide) string {
			v := of(s)
			if v == 0 {
				return ""
			}
			text := seconds(v)
			if base := of(&r.Sides[r.Base]); s.Difference != nil && base > 0 {
				text += fmt.Sprintf(" (%+.1f %%)", 100*(v/base-1))
			}
			return text
		})
	}
	times("whole run", func(s *workflow.CompareSide) float64 { return s.PredictedS })
	times("prefill", func(s *workflow.CompareSide) float64 { return s.PrefillS })
	times("per token", func(s *workflow.CompareSide) float64 { return s.PredictedSPerToken })
	line("tokens/s", func(s *workflow.CompareSide) string {
		if s.PredictedSPerToken == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f", 1/s.PredictedSPerToken)
	})
	times("lower bound", func(s *workflow.CompareSide) float64 { return s.LowerBoundS })
	line("above the bound", func(s *workflow.CompareSide) string { return fmt.Sprintf("%.1f %%", 100*s.Gap) })
	line("copied", func(s *workflow.CompareSide) string {
		text := bytes(s.CopiedBytes)
		if d := s.Difference; d != nil {
			text += " (" + signedBytes(d.CopiedBytes) + ")"
		}
		return text
	})
	for _, name := range tierNames(r) {
		line(printable(name), func(s *workflow.CompareSide) string { return tierCell(s, name) })
	}
	line("moved tensors", func(s *workflow.CompareSide) string {
		d := s.Difference
		if d == nil {
			return ""
		}
		text := fmt.Sprintf("%d (%s)", d.MovedTensors, bytes(d.MovedBytes))
		if d.OnlyHere+d.OnlyThere > 0 {
			text += fmt.Sprintf(", %d only here, %d missing", d.OnlyHere, d.OnlyThere)
		}
		return text
	})
	line("assumed", func(s *workflow.CompareSide) string {
		if len(s.Assumed) == 0 {
			return ""
		}
		return fmt.Sprintf("%d inputs", len(s.Assumed))
	})
	if len(r.Moved) == 0 {
		return nil
	}
	t.title(w, fmt.Sprintf("Moved tensors, the largest first (%d of %d)", min(shownMoves, len(r.Moved)), len(r.Moved)))
	head[0] = "tensor"
	t.head(w, append([]string{"tensor", "bytes"}, head[1:]...))
	for _, m := range r.Moved[:min(shownMoves, len(r.Moved))] {
		cells := []string{printable(m.Name), bytes(m.Bytes)}
		for _, p := range m.Places {
			cells = append(cells, placesText(p))
		}
		t.row(w, cells)
	}
	return nil
}

// tierNames are the limited tiers of all sides.
func tierNames(r *workflow.Comparison) (names []string) {
	seen := map[string]bool{}
	for _, s := range r.Sides {
		for _, t := range s.Tiers {
			if t.CapacityBytes != malloc.Unlimited && !seen[t.Name] {
				seen[t.Name] = true
				names = append(names, t.Name)
			}
		}
	}
	return names
}

func tierCell(s *workflow.CompareSide, name string) string {
	for _, t := range s.Tiers {
		if t.Name != name {
			continue
		}
		text := fmt.Sprintf("%s of %s", bytes(t.UsedBytes), bytes(t.CapacityBytes))
		if s.Difference != nil {
			for _, d := range s.Difference.Tiers {
				if d.Name == name {
					text += " (" + signedBytes(d.UsedBytes) + ")"
				}
			}
		}
		return text
	}
	return "–"
}

func placesText(p workflow.Places) string {
	if p == nil {
		return "not there"
	}
	var parts []string
	for _, x := range p {
		text := printable(x.Tier)
		if x.Streamed {
			text = "streamed to " + text
		}
		if len(p) > 1 {
			text = bytes(x.Bytes) + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func signedBytes(n int64) string {
	if n < 0 {
		return "-" + bytes(-n)
	}
	return "+" + bytes(n)
}
