package controller

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strata/assets"
	"strata/costmodel"
	"strata/malloc"
	"strata/projects"
	"strata/workflow"
)

// DefaultWorkload is what a newly opened model is planned for.
var DefaultWorkload = workflow.Request{Prompt: 64, Gen: 32}

// Open opens files: models, plans, instances, projects, hardware profiles. Each makes a
// tab (a profile becomes the active document's machine); errors go to the bar.
func (c *Controller) Open(paths ...string) {
	for _, path := range paths {
		path = strings.TrimPrefix(path, "file://")
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		_, t := c.begin(TaskOpen, 0, "opening "+filepath.Base(path), false)
		c.goBackground(func() { c.open(path, t) })
	}
}

func (c *Controller) open(path string, t *task) {
	defer t.end()
	switch workflow.FileFormat(path) {
	case costmodel.ProfileFormat:
		id, err := c.AddMachine(path)
		if err != nil {
			c.Report(err, 0)
			return
		}
		if d := c.Snapshot().Doc(); d != nil && d.model != nil {
			c.SetMachine(d.ID, id)
		}
	case malloc.PlanFormat:
		c.openPlan(path, t)
	case malloc.InstanceFormat:
		c.openInstance(path)
	case projects.FileFormat:
		c.openProject(path)
	default:
		c.openModel(path)
	}
}

func (c *Controller) openModel(path string) {
	m, err := workflow.OpenModel(path)
	if err != nil {
		c.Report(err, 0)
		return
	}
	d := &Document{Name: modelName(m), Path: path, model: m, HomeTier: -1}
	r := DefaultWorkload
	r.HW = c.defaultMachine()
	if r.Context, err = workflow.TrainedContext(m, r); err == nil {
		r.Context = min(r.Context, 4096)
	} else {
		r.AllowAssumed = true
		if r.Context, err = workflow.TrainedContext(m, r); err != nil {
			c.Report(err, 0)
			return
		}
		r.Context = min(r.Context, 4096)
	}
	d.Request = r
	if d.Inspection, err = workflow.Inspect(m, r.AllowAssumed); err != nil {
		c.Report(err, 0)
		return
	}
	c.addDoc(d)
	c.remember(d)
	c.replan(d.ID, 0)
}

// defaultMachine is this host where it is calibrated, else a shipped profile.
func (c *Controller) defaultMachine() string {
	s := c.Snapshot()
	if d := s.Doc(); d != nil && d.model != nil {
		return d.Request.HW
	}
	if m := s.Machine(""); m != nil && m.Profile != nil {
		return ""
	}
	return uncalibrated
}

// uncalibrated is the shipped profile used until this host is calibrated.
const uncalibrated = "laptop"

func modelName(m *workflow.Model) string {
	name := filepath.Base(m.Path)
	for _, ext := range []string{".gguf", ".safetensors", ".index.json"} {
		name = strings.TrimSuffix(name, ext)
	}
	return name
}

// addDoc gives a document its ID, makes it a tab and shows it.
func (c *Controller) addDoc(d *Document) {
	c.mu.Lock()
	c.lastID++
	d.ID, d.Version, d.PlanVersion = c.lastID, c.nextLocked(), c.nextLocked()
	c.live[d.ID] = &live{}
	c.dirty = true
	c.changeLocked(func(s *Snapshot) {
		s.Docs = append(s.Docs, d)
		s.Active = len(s.Docs) - 1
	})
	c.mu.Unlock()
	c.notify()
	c.LoadRuns(d.ID)
	c.identify(d.ID)
}

// CloseDoc closes a tab and ends its work.
func (c *Controller) CloseDoc(id int) {
	c.mu.Lock()
	c.haltLocked(id)
	for _, t := range c.tasks {
		if t.view.Doc == id {
			t.cancel()
		}
	}
	delete(c.live, id)
	c.history = slices.DeleteFunc(c.history, func(s step) bool { return s.doc == id })
	c.undone = slices.DeleteFunc(c.undone, func(s step) bool { return s.doc == id })
	c.dirty = true
	c.changeLocked(func(s *Snapshot) {
		i := s.index(id)
		if i < 0 {
			return
		}
		s.Docs = slices.Delete(s.Docs, i, i+1)
		if s.Active > i || s.Active >= len(s.Docs) {
			s.Active--
		}
	})
	c.mu.Unlock()
	c.Bus.Clear()
	c.notify()
}

// Activate shows a document.
func (c *Controller) Activate(id int) {
	if d := c.Snapshot().Doc(); d != nil && d.ID == id {
		return
	}
	c.change(func(s *Snapshot) {
		if i := s.index(id); i >= 0 {
			s.Active = i
		}
	})
}

func (c *Controller) openInstance(path string) {
	p, _, err := workflow.LoadInstance(path, "")
	if err != nil {
		c.Report(err, 0)
		return
	}
	d := &Document{Name: p.Name, Path: path, Program: p, HomeTier: -1, Stale: true, Executable: "a bare instance has no model to run"}
	if d.Name == "" {
		d.Name = filepath.Base(path)
	}
	c.addDoc(d)
	c.remember(d)
	c.replan(d.ID, 0)
}

// openPlan opens a saved plan with its model: the one beside it, an open one,
// or the sample's.
func (c *Controller) openPlan(path string, t *task) {
	plan, err := malloc.ReadPlan(path)
	if err != nil {
		c.Report(err, 0)
		return
	}
	if plan.Model == nil {
		c.Report(fmt.Errorf("%s was made for a bare instance: open that instance first, then the plan", filepath.Base(path)), 0)
		return
	}
	m, err := c.findModel(plan.Model, filepath.Dir(path))
	if err != nil {
		c.Report(err, 0)
		return
	}
	d := &Document{Name: modelName(m), Path: path, PlanPath: path, model: m, HomeTier: -1}
	j, plan, err := workflow.LoadPlan(c.ctx, path, m, "", t.progress)
	if err != nil {
		c.Report(err, 0)
		return
	}
	if d.Inspection, err = workflow.Inspect(m, j.Request.AllowAssumed); err != nil {
		c.Report(err, 0)
		return
	}
	d.adoptJob(j)
	if err := d.adoptPlan(plan, nil); err != nil {
		c.Report(err, 0)
		return
	}
	c.addDoc(d)
	c.remember(d)
	c.limits(d.ID)
}

func (c *Controller) findModel(ref *malloc.ModelRef, folder string) (*workflow.Model, error) {
	for _, d := range c.Snapshot().Docs {
		if d.model != nil && filepath.Base(d.model.Path) == ref.Name {
			return d.model, nil
		}
	}
	candidates := []string{filepath.Join(folder, ref.Name)}
	for _, r := range c.Snapshot().Recent {
		if filepath.Base(r.Path) == ref.Name {
			candidates = append(candidates, r.Path)
		}
	}
	if s := workflow.SampleModelPath(); filepath.Base(s) == ref.Name {
		candidates = append(candidates, s)
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return workflow.OpenModel(path)
		}
	}
	return nil, fmt.Errorf("the plan is for %s, which is not beside it: open %s first, then the plan again", ref.Name, ref.Name)
}

// Sample files: a header without its vocabulary, and a plan for it.
const (
	sampleHeader = "sample/header.gguf.gz"
	samplePlan   = "sample/plan.json.gz"
)

// OpenSample shows the embedded sample at once, planned; its model file is
// needed only to run it.
func (c *Controller) OpenSample() {
	d, err := sampleDocument()
	if err != nil {
		c.Report(fmt.Errorf("the embedded sample: %w", err), 0)
		return
	}
	c.addDoc(d)
	if d.Plan == nil {
		c.replan(d.ID, 0)
		return
	}
	c.limits(d.ID)
}

// sampleDocument is the sample with its embedded plan; without a plan where the
// program has come to lower it differently since.
func sampleDocument() (*Document, error) {
	plan, err := readSamplePlan()
	if err != nil {
		return nil, err
	}
	m, err := sampleModel(plan.Model)
	if err != nil {
		return nil, err
	}
	hw := uncalibrated
	if plan.Ext != nil && plan.Ext.Profile != "" {
		hw = plan.Ext.Profile
	}
	r, err := workflow.RequestOf(plan, hw)
	if err != nil {
		return nil, err
	}
	j, err := workflow.Lower(m, r)
	if err != nil {
		return nil, err
	}
	d := &Document{Name: "SmolLM2-135M (sample)", Sample: true, model: m, HomeTier: -1}
	if d.headers, err = sampleHeaders(m); err != nil {
		return nil, err
	}
	if d.Inspection, err = workflow.Inspect(m, false); err != nil {
		return nil, err
	}
	d.adoptJob(j)
	if workflow.CheckPlan(samplePlan, d.Program, plan) != nil {
		d.Stale = true
		return d, nil
	}
	return d, d.adoptPlan(plan, nil)
}

func readSamplePlan() (*malloc.Plan, error) {
	data, err := unzip(samplePlan)
	if err != nil {
		return nil, err
	}
	return malloc.DecodePlan(bytes.NewReader(data))
}

// sampleModel is the model behind the sample's plan, from its embedded header.
func sampleModel(ref *malloc.ModelRef) (*workflow.Model, error) {
	if ref == nil {
		return nil, errors.New("its plan names no model")
	}
	header, err := unzip(sampleHeader)
	if err != nil {
		return nil, err
	}
	path := workflow.SampleModelPath()
	if info, err := os.Stat(path); err == nil && info.Size() == ref.Bytes {
		return workflow.OpenModel(path)
	}
	m, err := workflow.OpenHeader(bytes.NewReader(header), ref.Bytes, path)
	if err != nil {
		return nil, err
	}
	m.Known = ref
	return m, nil
}

// sampleHeaders are what a project keeps of the sample: nil where its file is
// there, to be read.
func sampleHeaders(m *workflow.Model) (*projects.Model, error) {
	if m.Known == nil {
		return nil, nil
	}
	header, err := unzip(sampleHeader)
	if err != nil {
		return nil, err
	}
	return workflow.KnownHeader(m, header), nil
}

func unzip(name string) ([]byte, error) {
	f, err := assets.Sample.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// remember puts a document into the list of recent files.
func (c *Controller) remember(d *Document) {
	r := Recent{Path: d.Path, Name: d.Name, Opened: time.Now(), Verdict: d.Verdict}
	if d.Inspection != nil {
		r.Bytes = d.Inspection.FileBytes
	}
	c.change(func(s *Snapshot) {
		for _, x := range s.Recent {
			if x.Path == r.Path {
				r.Thumbnail = x.Thumbnail
			}
		}
		list := slices.DeleteFunc(slices.Clone(s.Recent), func(x Recent) bool { return x.Path == r.Path })
		s.Recent = slices.Insert(list, 0, r)
		if len(s.Recent) > maxRecent {
			s.Recent = s.Recent[:maxRecent]
		}
	})
	c.touch()
}
