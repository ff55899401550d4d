package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"strata/malloc"
	"strata/projects"
	"strata/trace"
	"strata/workflow"
)

// ProjectStore keeps sessions in the projects database: every open document is a
// project there, with its undo history and its runs.
type ProjectStore struct {
	DB *projects.Store
	// known are the projects of the last session, so that a document keeps what
	// its project has beside it (the model's headers) from save to save.
	known []*projects.Project
	// recent is the list of recent files as it is stored, by path.
	recent map[string]Recent
}

// maxRecent is how many recent files are listed.
const maxRecent = 20

// windowState is what a session has beside its documents.
type windowState struct {
	Settings Settings `json:"settings"`
	Profiles []string `json:"profiles"`
}

// documentState is what a moment has beside workload and plan.
type documentState struct {
	Locked []int `json:"locked"`
}

// recentDetail is what the list of recent files shows beside a name.
type recentDetail struct {
	Verdict Verdict `json:"verdict"`
	Bytes   int64   `json:"bytes"`
}

// Load returns the stored session; nil when there is none. What cannot be read
// is left out of it, and the error names it.
func (p *ProjectStore) Load() (*Session, error) {
	ctx := context.Background()
	stored, broken := p.DB.LoadSession(ctx)
	if stored == nil {
		return nil, broken
	}
	out, err := p.settings(ctx, stored.Settings)
	if err != nil {
		return nil, err
	}
	out.Active = stored.Active
	p.known = stored.Projects
	for _, q := range stored.Projects {
		d, err := savedOf(q)
		if err != nil {
			return nil, err
		}
		out.Docs = append(out.Docs, *d)
	}
	return out, broken
}

// LoadSettings implements QuickStore.
func (p *ProjectStore) LoadSettings() (*Session, error) {
	ctx := context.Background()
	window, err := p.DB.Window(ctx)
	if err != nil || window == nil {
		return nil, err
	}
	return p.settings(ctx, window)
}

// settings is a session without its documents.
func (p *ProjectStore) settings(ctx context.Context, window json.RawMessage) (*Session, error) {
	out := &Session{Active: -1}
	if len(window) > 0 {
		var w windowState
		if err := json.Unmarshal(window, &w); err != nil {
			return nil, fmt.Errorf("the stored settings: %w", err)
		}
		out.Settings, out.Profiles = w.Settings, w.Profiles
	}
	list, err := p.DB.Recent(ctx, maxRecent)
	if err != nil {
		return nil, err
	}
	p.recent = map[string]Recent{}
	for _, f := range list {
		r := Recent{Path: f.Path, Name: f.Name, Opened: f.Opened, Thumbnail: f.Thumbnail}
		var detail recentDetail
		if json.Unmarshal(f.Detail, &detail) == nil {
			r.Verdict, r.Bytes = detail.Verdict, detail.Bytes
		}
		p.recent[r.Path] = r
		out.Recent = append(out.Recent, r)
	}
	return out, nil
}

func momentOf(m projects.Moment) (Moment, error) {
	out := Moment{Plan: m.Plan}
	if len(m.Workload) > 0 {
		if err := json.Unmarshal(m.Workload, &out.Request); err != nil {
			return out, fmt.Errorf("workload: %w", err)
		}
	}
	if len(m.State) > 0 {
		var s documentState
		if err := json.Unmarshal(m.State, &s); err != nil {
			return out, fmt.Errorf("state: %w", err)
		}
		out.Locked = s.Locked
	}
	return out, nil
}

func (m Moment) stored() (projects.Moment, error) {
	out := projects.Moment{Plan: m.Plan}
	var err error
	if out.Workload, err = json.Marshal(m.Request); err == nil && len(m.Locked) > 0 {
		out.State, err = json.Marshal(documentState{m.Locked})
	}
	return out, err
}

// Save stores the session in one transaction, and what changed of the recent
// files.
func (p *ProjectStore) Save(s *Session) error {
	ctx := context.Background()
	settings, err := json.Marshal(windowState{Settings: s.Settings, Profiles: s.Profiles})
	if err != nil {
		return err
	}
	out := &projects.Session{Active: s.Active, Settings: settings}
	taken := map[*projects.Project]bool{}
	for i := range s.Docs {
		q, err := p.project(&s.Docs[i], taken)
		if err != nil {
			return err
		}
		out.Projects = append(out.Projects, q)
	}
	if err := p.DB.SaveSession(ctx, out); err != nil {
		return err
	}
	p.known = out.Projects
	for i, q := range out.Projects {
		s.Docs[i].Project = q.ID
	}
	return p.saveRecent(ctx, s.Recent)
}

// project is a document as a project: the one it was stored as before, or one of
// the last session that was opened from the same file.
func (p *ProjectStore) project(d *SavedDoc, taken map[*projects.Project]bool) (*projects.Project, error) {
	q := &projects.Project{ID: d.Project, Name: d.name()}
	for _, k := range p.known {
		if !taken[k] && (d.Project != 0 && k.ID == d.Project || d.Project == 0 && k.Path == d.Path && k.Sample == d.Sample) {
			taken[k] = true
			copied := *k
			q = &copied
			break
		}
	}
	q.Path, q.Sample, q.Instance, q.Undone = d.Path, d.Sample, d.Instance, d.Undone
	if d.Model != nil {
		q.Model = d.Model
	}
	if d.Machine != nil {
		q.Profile = d.Machine
	}
	if d.Thumbnail != nil {
		q.Thumbnail = d.Thumbnail
	}
	var err error
	if q.Moment, err = d.stored(); err != nil {
		return nil, err
	}
	q.History = make([]projects.Step, len(d.History))
	for i, h := range d.History {
		q.History[i].Label, q.History[i].At = h.Label, h.At
		var err1, err2 error
		q.History[i].Before, err1 = h.Before.stored()
		q.History[i].After, err2 = h.After.stored()
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (p *ProjectStore) saveRecent(ctx context.Context, list []Recent) error {
	if p.recent == nil {
		p.recent = map[string]Recent{}
	}
	for _, r := range list {
		if old, ok := p.recent[r.Path]; ok && old.Name == r.Name && old.Opened.Equal(r.Opened) && old.Verdict == r.Verdict && old.Bytes == r.Bytes && string(old.Thumbnail) == string(r.Thumbnail) {
			continue
		}
		detail, err := json.Marshal(recentDetail{r.Verdict, r.Bytes})
		if err != nil {
			return err
		}
		if err := p.DB.AddRecent(ctx, projects.Recent{Path: r.Path, Name: r.Name, Opened: r.Opened, Detail: detail, Thumbnail: r.Thumbnail}); err != nil {
			return err
		}
		p.recent[r.Path] = r
	}
	return nil
}

func (d *SavedDoc) name() string {
	switch {
	case d.Sample:
		return "sample"
	case d.Path == "":
		return d.Name
	}
	return d.Path
}

// AddRun implements RunStore.
func (p *ProjectStore) AddRun(project int64, plan *malloc.Plan, v Validation) (int64, error) {
	var r *projects.Run
	var err error
	if v.Result != nil {
		r, err = workflow.RecordRun(context.Background(), p.DB, project, v.At, v.Result)
	} else {
		r, err = workflow.RecordFailure(context.Background(), p.DB, project, plan, v.At, errors.New(v.Err))
	}
	if err != nil {
		return 0, err
	}
	return r.ID, nil
}

// Runs implements RunStore.
func (p *ProjectStore) Runs(plan *malloc.Plan) ([]Validation, error) {
	stored, err := p.DB.Runs(context.Background(), plan)
	if err != nil {
		return nil, err
	}
	var list []Validation
	for i := range stored {
		r := &stored[i]
		v := Validation{Run: r.ID, At: r.Started.Local(), WallS: r.WallS, Host: r.Host}
		if v.Result, err = workflow.ResultOf(r); err != nil {
			v.Err = err.Error()
		}
		list = append(list, v)
	}
	return list, nil
}

// Timelines implements RunStore.
func (p *ProjectStore) Timelines(run int64) (predicted, measured *trace.Timeline, err error) {
	read := func(source string) *trace.Timeline {
		t, e := p.DB.Timeline(context.Background(), run, source)
		if e != nil && !errors.Is(e, projects.ErrNotFound) {
			err = errors.Join(err, e)
		}
		return t
	}
	predicted, measured = read("predicted"), read("measured")
	return predicted, measured, err
}

var (
	_ RunStore     = (*ProjectStore)(nil)
	_ QuickStore   = (*ProjectStore)(nil)
	_ ProjectFiles = (*ProjectStore)(nil)
)
