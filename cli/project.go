package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"strata/malloc"
	"strata/projects"
	"strata/workflow"
)

// projectReply is what the project commands print with --json.
type projectReply struct {
	Store    string             `json:"store"`
	Projects []projects.Summary `json:"projects,omitempty"` // list
	Project  *projectLine       `json:"project,omitempty"`  // the others
	File     string             `json:"file,omitempty"`     // export, import
}

// projectLine is one project.
type projectLine struct {
	ID         int64              `json:"id"`
	Name       string             `json:"name"`
	Created    time.Time          `json:"created"`
	Saved      time.Time          `json:"saved"`
	Model      *malloc.ModelRef   `json:"model"`
	Profile    string             `json:"profile"`
	Headers    bool               `json:"headers"` // it opens without the model's file
	Steps      int                `json:"undo_steps"`
	Problem    string             `json:"problem,omitempty"`
	Plan       *projectPlan       `json:"plan"`
	Runs       []projectRun       `json:"runs"`
	Tiers      []workflow.TierUse `json:"tiers"`
	LowerBound float64            `json:"lower_bound_s"`
}

type projectPlan struct {
	Solver             string  `json:"solver"`
	PredictedS         float64 `json:"predicted_s"`
	PrefillS           float64 `json:"prefill_s"`
	PredictedSPerToken float64 `json:"predicted_s_per_token"`
}

type projectRun struct {
	ID      int64           `json:"id"`
	Host    string          `json:"host"`
	Started time.Time       `json:"started"`
	WallS   float64         `json:"wall_s"`
	Passed  bool            `json:"passed"`
	State   string          `json:"state"`
	Result  json.RawMessage `json:"result"`
}

func (a *app) projectCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "project",
		Short: "List, show, save, export and import projects",
		Long: `A project is a plan with what it was made from: model (headers and digest, no weights), machine, workload, runs.
Projects are kept in one file in the user's data folder; ` + projects.PathVariable + ` names another.`,
		Example: `  strata project save plan.json --model model.gguf --name "at half"
  strata project list
  strata project export "at half" -o half.strata
  strata project import half.strata`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.projectList(), a.projectShow(), a.projectSave(), a.projectExport(), a.projectImport())
	for _, sub := range c.Commands() {
		countArguments(sub)
	}
	return c
}

// withStore runs f on the user's store.
func withStore(f func(*projects.Store) error) error {
	s, err := workflow.OpenStore()
	if err != nil {
		return err
	}
	if err := f(s); err != nil {
		s.Close()
		return err
	}
	return s.Close()
}

func (a *app) projectList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the projects, the one saved last first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(func(s *projects.Store) error {
				list, err := s.List(c.Context())
				if err != nil {
					return err
				}
				return a.print(projectReply{Store: s.Path(), Projects: list}, func(w io.Writer) {
					if len(list) == 0 {
						fmt.Fprintf(w, "no projects in %s; `strata project save` keeps one\n", s.Path())
						return
					}
					fmt.Fprintf(w, "number\tname\tmodel\tmachine\tpredicted\truns\tsaved\n")
					for _, p := range list {
						open := ""
						if p.Open {
							open = "open"
						}
						fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", p.ID, printable(p.Name), printable(p.Model), printable(p.Profile), seconds(p.PredictedS), p.Runs, humanize.Time(p.Saved), open)
					}
				})
			})
		},
	}
}

func (a *app) projectShow() *cobra.Command {
	var planFile string
	c := &cobra.Command{
		Use: "show NAME", Short: "Show a project, predicted from its headers: the model's file is not needed", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(func(s *projects.Store) error {
				v, err := workflow.ViewProject(c.Context(), s, args[0])
				if err != nil {
					return err
				}
				defer v.Close()
				if planFile != "" {
					if v.Project.Plan == nil {
						return workflow.Badf("project %s has no plan", args[0])
					}
					if err := workflow.WriteOutput(planFile, func(w io.Writer) error { return malloc.EncodePlan(w, v.Project.Plan) }); err != nil {
						return err
					}
				}
				line := projectOf(v)
				return a.print(projectReply{Store: s.Path(), Project: line}, func(w io.Writer) { writeProject(w, line) })
			})
		},
	}
	c.Flags().StringVar(&planFile, "plan", "", "write the project's plan here")
	return c
}

func (a *app) projectSave() *cobra.Command {
	var r workflow.ProjectSave
	c := &cobra.Command{
		Use: "save PLAN", Short: "Keep a plan as a project", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r.PlanPath = args[0]
			return withStore(func(s *projects.Store) error {
				progress, done := a.progress()
				p, err := workflow.SaveProject(c.Context(), s, r, progress)
				done()
				if err != nil {
					return err
				}
				return a.printProject(c.Context(), s, p, "", "saved")
			})
		},
	}
	c.Flags().StringVar(&r.Name, "name", "", "name of the project (default: model and machine)")
	c.Flags().StringVar(&r.Model, "model", "", "the model the plan was made for")
	c.Flags().StringVar(&r.Instance, "instance", "", "the mmap-instance file the plan was made for")
	c.Flags().StringVar(&r.HW, "hw", "", "hardware profile (default: this host's calibration)")
	return c
}

func (a *app) projectExport() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "export NAME", Short: "Write a project to one file that opens without the model", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if output == "" {
				return workflow.Badf("project export writes a file: name it with -o")
			}
			if strings.HasSuffix(output, ".gz") {
				return workflow.Badf("-o %s: a project file is compressed already, leave out .gz", output)
			}
			return withStore(func(s *projects.Store) error {
				var p *projects.Project
				err := workflow.WriteOutput(output, func(w io.Writer) (err error) {
					p, err = workflow.ExportProject(c.Context(), s, args[0], w)
					return err
				})
				if err != nil {
					return err
				}
				fmt.Fprintln(a.err, "not expressed: weights, the undo history, and where files lie on this machine.")
				return a.printProject(c.Context(), s, p, output, "wrote")
			})
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "the file to write")
	return c
}

func (a *app) projectImport() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Keep the project of a file", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(func(s *projects.Store) error {
				p, err := workflow.ImportProject(c.Context(), s, args[0])
				if err != nil {
					return err
				}
				return a.printProject(c.Context(), s, p, args[0], "imported")
			})
		},
	}
}

// printProject shows a project after something was done with it.
func (a *app) printProject(ctx context.Context, s *projects.Store, p *projects.Project, file, what string) error {
	v, err := workflow.ViewProject(ctx, s, fmt.Sprint(p.ID))
	if err != nil {
		return err
	}
	defer v.Close()
	line := projectOf(v)
	return a.print(projectReply{Store: s.Path(), Project: line, File: file}, func(w io.Writer) {
		if file != "" {
			what += " " + file
			if info, err := os.Stat(file); err == nil {
				what += " (" + bytes(info.Size()) + ")"
			}
			what += ":"
		}
		fmt.Fprintf(w, "%s project %d\n\n", what, p.ID)
		writeProject(w, line)
	})
}

func projectOf(v *workflow.ProjectView) *projectLine {
	p := v.Project
	line := &projectLine{ID: p.ID, Name: p.Name, Created: p.Created, Saved: p.Saved, Steps: len(p.History), Runs: []projectRun{}, Tiers: []workflow.TierUse{}, LowerBound: v.LowerBound.TotalS}
	if p.Model != nil {
		line.Model, line.Headers = &p.Model.ModelRef, len(p.Model.Files) > 0
	}
	if p.Profile != nil {
		line.Profile = p.Profile.Name
	}
	if v.Problem != nil {
		line.Problem = v.Problem.Error()
	}
	if p.Plan != nil {
		line.Plan = &projectPlan{Solver: p.Plan.Solver, PredictedS: p.Plan.ClaimedS}
		if r := v.Predicted; r != nil {
			line.Plan.PredictedS, line.Plan.PrefillS, line.Plan.PredictedSPerToken = r.PredictedS, r.PrefillS, r.PredictedSPerToken
			line.Tiers = r.Tiers
		}
	}
	for _, r := range v.Runs {
		line.Runs = append(line.Runs, projectRun{r.ID, r.Host, r.Started, r.WallS, r.Passed, r.State, r.Result})
	}
	return line
}

func writeProject(w io.Writer, p *projectLine) {
	fmt.Fprintf(w, "project %d\t%s\n", p.ID, printable(p.Name))
	if p.Model != nil {
		fmt.Fprintf(w, "model\t%s\t%s, SHA-256 %.12s…\n", printable(p.Model.Name), bytes(p.Model.Bytes), p.Model.SHA256)
	}
	if p.Profile != "" {
		fmt.Fprintf(w, "machine\t%s\n", printable(p.Profile))
	}
	if p.Plan != nil {
		fmt.Fprintf(w, "plan\t%s\tby %s\n", seconds(p.Plan.PredictedS), printable(p.Plan.Solver))
		if p.Plan.PredictedSPerToken > 0 {
			fmt.Fprintf(w, "per token\t%s\t%.1f tokens/s\n", seconds(p.Plan.PredictedSPerToken), 1/p.Plan.PredictedSPerToken)
		}
	}
	for _, t := range p.Tiers {
		if t.CapacityBytes >= 0 {
			fmt.Fprintf(w, "%s\t%s\tof %s\n", printable(t.Name), bytes(t.UsedBytes), bytes(t.CapacityBytes))
		}
	}
	if p.Problem != "" {
		fmt.Fprintf(w, "not shown\t%s\n", printable(p.Problem))
	}
	for _, r := range p.Runs {
		verdict := "failed"
		if r.Passed {
			verdict = "passed"
		}
		fmt.Fprintf(w, "run %d\t%s\t%s on %s, %s\n", r.ID, verdict, humanize.Time(r.Started), printable(r.Host), r.State)
	}
}

// printable keeps a terminal's control characters out of what a file says.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
