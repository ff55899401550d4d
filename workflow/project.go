package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"strata/costmodel"
	"strata/malloc"
	"strata/projects"
	"strata/ui/viz"
)

// OpenStore opens the user's project store.
func OpenStore() (*projects.Store, error) {
	path, err := projects.DefaultPath()
	if err != nil {
		return nil, err
	}
	return projects.Open(path)
}

// ProjectView is a project as it can be seen without its model's file: lowered
// from the headers onto the machine that is kept with it.
type ProjectView struct {
	Project    *projects.Project
	Job        *Job            // nil: a bare instance
	Program    *malloc.Program // nil: the project has neither headers nor an instance
	Predicted  *SimulateResult // nil: no plan
	LowerBound costmodel.Bound
	Runs       []projects.Run
	// Problem says why the plan, which was made by another version or for other
	// files, cannot be shown: Program and Predicted may be nil then.
	Problem error

	release func()
}

// Close removes what lowering needed.
func (v *ProjectView) Close() {
	if v.release != nil {
		v.release()
	}
}

// ViewProject opens a stored project; close the view.
func ViewProject(ctx context.Context, s *projects.Store, name string) (*ProjectView, error) {
	id, err := findProject(ctx, s, name)
	if err != nil {
		return nil, err
	}
	p, err := s.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	v := &ProjectView{Project: p}
	if v.Runs, err = s.RunsOf(ctx, id); err != nil {
		return nil, err
	}
	v.Problem = v.open()
	return v, nil
}

func findProject(ctx context.Context, s *projects.Store, name string) (int64, error) {
	id, err := s.Find(ctx, name)
	if errors.Is(err, projects.ErrNotFound) {
		return 0, Badf("%w in %s; `strata project list` lists them", err, s.Path())
	}
	return id, bad(err)
}

func (v *ProjectView) open() error {
	p := v.Project
	v.Program = p.Instance
	if v.Program == nil {
		if p.Model == nil {
			return Badf("project %s holds no headers of its model and no instance", p.Name)
		}
		m, release, err := OpenStoredModel(p.Model)
		if err != nil {
			return err
		}
		v.release = release
		r, err := projectRequest(p)
		if err != nil {
			return err
		}
		hw := p.Profile
		if hw == nil {
			if hw, err = LoadMachine(r.HW); err != nil {
				return err
			}
		}
		if v.Job, err = lowerOn(m, hw, r); err != nil {
			return err
		}
		v.Program = v.Job.Program()
	}
	var err error
	if v.LowerBound, err = costmodel.LowerBound(v.Program); err != nil {
		return err
	}
	if p.Plan == nil {
		return nil
	}
	if err := CheckPlan("the plan of project "+p.Name, v.Program, p.Plan); err != nil {
		return err
	}
	v.Predicted, err = Simulate(v.Program, p.Plan)
	return err
}

// projectRequest is what a project was lowered from.
func projectRequest(p *projects.Project) (Request, error) {
	var r Request
	switch {
	case p.Plan != nil && p.Plan.Lowering != nil:
		return requestOf(p.Plan, "")
	case p.Workload == nil:
		return r, Badf("project %s has neither a plan nor a workload", p.Name)
	}
	if err := json.Unmarshal(p.Workload, &r); err != nil {
		return r, Badf("project %s: workload: %w", p.Name, err)
	}
	return r, nil
}

// ProjectSave says what to keep as a project.
type ProjectSave struct {
	Name     string // "": of the model or instance
	PlanPath string
	Model    string // file the plan was made for, or
	Instance string
	HW       string
}

// SaveProject stores a plan with what it was made from. A project of the same
// name is not replaced: the new one gets a number of its own.
func SaveProject(ctx context.Context, s *projects.Store, r ProjectSave, progress Progress) (*projects.Project, error) {
	p := &projects.Project{Name: r.Name}
	var program *malloc.Program
	switch {
	case r.Model != "" && r.Instance != "":
		return nil, Badf("name --model or --instance, not both")
	case r.Instance != "":
		instance, plan, err := LoadInstance(r.Instance, r.PlanPath)
		if err != nil {
			return nil, err
		}
		p.Path, p.Instance, p.Plan, program = absolute(r.Instance), instance, plan, instance
		if p.Name == "" {
			p.Name = instance.Name
		}
	case r.Model != "":
		m, err := OpenModel(r.Model)
		if err != nil {
			return nil, err
		}
		j, plan, err := LoadPlan(ctx, r.PlanPath, m, r.HW, progress)
		if err != nil {
			return nil, err
		}
		ref, err := m.Ref(ctx, nil)
		if err != nil {
			return nil, err
		}
		if p.Model, err = ModelHeaders(m, ref); err != nil {
			return nil, err
		}
		if p.Workload, err = json.Marshal(j.Request); err != nil {
			return nil, err
		}
		p.Path, p.Profile, p.Plan, program = absolute(r.Model), j.Machine, plan, j.Program()
		if p.Name == "" {
			p.Name = fmt.Sprintf("%s on %s", ref.Name, j.Machine.Name)
		}
	default:
		return nil, Badf("a plan alone does not say what it plans: name --model or --instance")
	}
	if p.Name == "" {
		p.Name = filepath.Base(r.PlanPath)
	}
	var err error
	if p.Thumbnail, err = Thumbnail(program, p.Plan); err != nil {
		return nil, err
	}
	return p, s.Save(ctx, p)
}

// absolute is a path that still means the same file from another folder.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// ExportProject writes a stored project to a file that says nothing of this
// machine's folders.
func ExportProject(ctx context.Context, s *projects.Store, name string, out io.Writer) (*projects.Project, error) {
	id, err := findProject(ctx, s, name)
	if err != nil {
		return nil, err
	}
	p, err := s.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	var r Request
	if p.Workload != nil && json.Unmarshal(p.Workload, &r) == nil && r.HW != filepath.Base(r.HW) {
		r.HW = filepath.Base(r.HW)
		if p.Workload, err = json.Marshal(r); err != nil {
			return nil, err
		}
	}
	return p, s.Export(ctx, p, out)
}

// ImportProject stores the project of a file.
func ImportProject(ctx context.Context, s *projects.Store, path string) (*projects.Project, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, Badf("%w", err)
	}
	defer f.Close()
	p, err := s.Import(ctx, f)
	if err != nil {
		return nil, Badf("%s: %w", path, err)
	}
	v := &ProjectView{Project: p}
	defer v.Close()
	if p.Thumbnail == nil && v.open() == nil {
		if p.Thumbnail, err = Thumbnail(v.Program, p.Plan); err == nil {
			err = s.Save(ctx, p)
		}
	}
	return p, err
}

// Size of a thumbnail in pixels.
const (
	thumbnailW = 240
	thumbnailH = 136
)

// Thumbnail is a small picture of a plan, as PNG: the memory map of its loop.
func Thumbnail(p *malloc.Program, plan *malloc.Plan) ([]byte, error) {
	o := viz.MapOptions{NoCopies: true}
	if l := p.PeriodicLoop(); l != nil {
		o.Begin, o.End = l.Begin, l.End
	}
	f := viz.MemoryMap(p, plan, o)
	f.Title, f.Subtitle = "", ""
	var b bytes.Buffer
	err := f.WritePNG(&b, 2*thumbnailW, 2*thumbnailH, 0.5, viz.Light)
	return b.Bytes(), err
}
