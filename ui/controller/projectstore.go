package controller

import (
	"context"
	"encoding/json"

	"strata/projects"
	"strata/workflow"
)

// ProjectStore keeps sessions in the projects database: every open document is a
// project there.
type ProjectStore struct {
	DB *projects.Store
	// known are the projects of the last session, so that a document keeps its
	// project from save to save.
	known []*projects.Project
}

// windowState is what a session has beside its documents.
type windowState struct {
	Settings Settings `json:"settings"`
	Recent   []Recent `json:"recent"`
	Profiles []string `json:"profiles"`
}

// Load returns the stored session; nil when there is none.
func (p *ProjectStore) Load() (*Session, error) {
	stored, err := p.DB.LoadSession(context.Background())
	if err != nil || stored == nil {
		return nil, err
	}
	out := &Session{Active: stored.Active}
	if len(stored.Settings) > 0 {
		var w windowState
		if err := json.Unmarshal(stored.Settings, &w); err != nil {
			return nil, err
		}
		out.Settings, out.Recent, out.Profiles = w.Settings, w.Recent, w.Profiles
	}
	p.known = stored.Projects
	for _, q := range stored.Projects {
		d := SavedDoc{Path: q.Path, Sample: q.Sample, Plan: q.Plan}
		if len(q.Workload) > 0 {
			var r workflow.Request
			if err := json.Unmarshal(q.Workload, &r); err != nil {
				return nil, err
			}
			d.Request = r
		}
		out.Docs = append(out.Docs, d)
	}
	return out, nil
}

// Save stores the session in one transaction.
func (p *ProjectStore) Save(s *Session) error {
	settings, err := json.Marshal(windowState{Settings: s.Settings, Recent: s.Recent, Profiles: s.Profiles})
	if err != nil {
		return err
	}
	out := &projects.Session{Active: s.Active, Settings: settings}
	free := p.known
	for _, d := range s.Docs {
		workload, err := json.Marshal(d.Request)
		if err != nil {
			return err
		}
		q := &projects.Project{Name: d.name()}
		for i, k := range free {
			if k != nil && k.Path == d.Path && k.Sample == d.Sample {
				copied := *k
				q = &copied
				free = append(append([]*projects.Project(nil), free[:i]...), free[i+1:]...)
				break
			}
		}
		q.Path, q.Sample = d.Path, d.Sample
		q.Workload, q.Plan = workload, d.Plan
		out.Projects = append(out.Projects, q)
	}
	if err := p.DB.SaveSession(context.Background(), out); err != nil {
		return err
	}
	p.known = out.Projects
	return nil
}

func (d *SavedDoc) name() string {
	if d.Sample {
		return "sample"
	}
	return d.Path
}
