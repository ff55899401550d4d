package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"strata/costmodel"
	"strata/projects"
	"strata/workflow"
)

// ProjectFiles is a Store that reads and writes project files.
type ProjectFiles interface {
	Store
	// ImportProject keeps the project of a file and returns it.
	ImportProject(ctx context.Context, path string) (*SavedDoc, error)
	// ExportProject writes a stored project to a file.
	ExportProject(ctx context.Context, project int64, path string) error
}

var errNoProjects = errors.New("projects are not kept in this session, so none can be read or written: see what was said when the program started")

// openProject opens the project of a file, which needs no model: a new project
// of this user, and a tab.
func (c *Controller) openProject(path string) {
	store, ok := c.opt.Store.(ProjectFiles)
	if !ok {
		c.Report(errNoProjects, 0)
		return
	}
	saved, err := store.ImportProject(c.ctx, path)
	if err != nil {
		c.Report(err, 0)
		return
	}
	if saved.Machine != nil {
		if saved.Request.HW, err = c.adoptMachine(saved.Machine); err != nil {
			c.Report(err, 0)
			return
		}
	}
	d, err := saved.restore()
	if err != nil {
		c.Report(fmt.Errorf("%s: %w", filepath.Base(path), err), 0)
		return
	}
	c.addDoc(d)
	if d.Plan == nil {
		c.replan(d.ID, 0)
	} else {
		c.limits(d.ID)
	}
	c.touch()
}

// adoptMachine is the ID of the machine with this profile: the shipped or known
// one that is the same, else a file that is written among the user's profiles.
func (c *Controller) adoptMachine(p *costmodel.Profile) (string, error) {
	body, err := p.Encode()
	if err != nil {
		return "", err
	}
	for _, m := range c.Snapshot().Machines {
		if m.Profile == nil || m.Host {
			continue
		}
		if b, err := m.Profile.Encode(); err == nil && string(b) == string(body) {
			return m.ID, nil
		}
	}
	dir, err := ProfileFolder()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := filepath.Base(p.Name)
	for n := 2; ; n++ {
		path := filepath.Join(dir, name+".json")
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			if err := renameio.WriteFile(path, body, 0o644); err != nil {
				return "", err
			}
			return c.AddMachine(path)
		}
		name = fmt.Sprintf("%s-%d", filepath.Base(p.Name), n)
	}
}

// ExportProject writes a document, with what it was made from, to one file that
// opens without its model.
func (c *Controller) ExportProject(id int, path string) {
	store, ok := c.opt.Store.(ProjectFiles)
	if !ok {
		c.Report(errNoProjects, id)
		return
	}
	ctx, t := c.begin(TaskSave, id, "writing "+filepath.Base(path), false)
	c.goBackground(func() {
		defer t.end()
		if err := c.readHeaders(ctx, id, t); err != nil {
			c.Report(err, id)
			return
		}
		c.touch()
		c.saveNow()
		d := c.Snapshot().ByID(id)
		if d == nil || d.Project == 0 {
			return // closed, or the save said why it failed
		}
		if err := store.ExportProject(ctx, d.Project, path); err != nil {
			c.Report(err, id)
		}
	})
}

// ImportProject implements ProjectFiles.
func (p *ProjectStore) ImportProject(ctx context.Context, path string) (*SavedDoc, error) {
	q, err := workflow.ImportProject(ctx, p.DB, path)
	if err != nil {
		return nil, err
	}
	return savedOf(q)
}

// ExportProject implements ProjectFiles.
func (p *ProjectStore) ExportProject(ctx context.Context, project int64, path string) error {
	return workflow.WriteOutput(path, func(w io.Writer) error {
		_, err := workflow.ExportProject(ctx, p.DB, fmt.Sprint(project), w)
		return err
	})
}

// savedOf is a stored project as a document.
func savedOf(q *projects.Project) (*SavedDoc, error) {
	d := &SavedDoc{Project: q.ID, Name: q.Name, Path: q.Path, Sample: q.Sample, Machine: q.Profile, Instance: q.Instance, Model: q.Model, Saved: q.Saved, Undone: q.Undone, Thumbnail: q.Thumbnail}
	var err error
	if d.Moment, err = momentOf(q.Moment); err != nil {
		return nil, fmt.Errorf("project %d: %w", q.ID, err)
	}
	for _, s := range q.History {
		step := SavedStep{Label: s.Label, At: s.At}
		var err1, err2 error
		step.Before, err1 = momentOf(s.Before)
		step.After, err2 = momentOf(s.After)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("project %d, step %q: %w", q.ID, s.Label, err)
		}
		d.History = append(d.History, step)
	}
	return d, nil
}
