package controller

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/projects"
	"strata/workflow"
)

// Session is what is kept between runs.
type Session struct {
	Settings Settings
	Recent   []Recent
	Docs     []SavedDoc
	Active   int
	Profiles []string // files of machines that were added
}

// SavedDoc is an open document without what can be made again.
type SavedDoc struct {
	Project int64 // the store's number of it, 0: not stored yet
	Name    string
	Path    string // "": there is no file, only what Model or Instance holds
	Sample  bool
	Moment
	Model     *projects.Model    // headers and digest; nil: a bare instance, or not read yet
	Saved     time.Time          // when it was stored
	Machine   *costmodel.Profile // nil: none, or not known
	Instance  *malloc.Program    // of a bare instance
	History   []SavedStep        // undo history, oldest first
	Undone    int                // steps at its end that are undone
	Thumbnail []byte             // PNG; nil: none
	doc       int                // its number in this session
}

// Session is the present state for a Store.
func (c *Controller) Session() *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.Snapshot()
	out := &Session{Settings: s.Settings, Recent: s.Recent, Active: s.Active}
	for _, d := range s.Docs {
		saved := SavedDoc{Project: d.Project, Name: d.Name, Path: d.Path, Model: d.headers, Sample: d.Sample, Moment: Moment{d.Request, d.Plan, d.Locked}, Machine: d.Machine, Thumbnail: c.live[d.ID].thumbnail.png, doc: d.ID}
		if d.model == nil {
			saved.Instance = d.Program
		}
		saved.History, saved.Undone = c.keptStepsLocked(d.ID)
		out.Docs = append(out.Docs, saved)
	}
	for _, m := range s.Machines {
		if m.File {
			out.Profiles = append(out.Profiles, m.ID)
		}
	}
	return out
}

func (c *Controller) loadSettings(s *Snapshot) {
	load := c.opt.Store.Load
	if quick, ok := c.opt.Store.(QuickStore); ok {
		load = quick.LoadSettings
	}
	session, err := load()
	if err != nil {
		s.Fault = &Fault{Text: sentence(err)}
	}
	if session == nil {
		return
	}
	s.Recent = session.Recent
	if session.Settings.Theme != "" {
		s.Settings = session.Settings
	}
	if s.Settings.TextScale <= 0 {
		s.Settings.TextScale = 1
	}
}

// Restore opens the documents of the stored session; false when there are none.
func (c *Controller) Restore() bool {
	if c.opt.Store == nil {
		return false
	}
	// A save meanwhile would find no documents and forget the stored ones.
	c.saving.Lock()
	defer c.saving.Unlock()
	c.restored.Store(true)
	session, err := c.opt.Store.Load()
	if err != nil {
		c.Report(err, 0)
	}
	if session == nil || len(session.Docs) == 0 {
		return false
	}
	for _, f := range session.Profiles {
		_, _ = c.AddMachine(f)
	}
	opened := false
	steps := map[int]*SavedDoc{}
	for i := range session.Docs {
		saved := &session.Docs[i]
		d, err := saved.restore()
		if err != nil {
			c.Report(err, 0)
			continue
		}
		c.addDoc(d)
		opened = true
		steps[d.ID] = saved
		if d.Plan == nil {
			c.replan(d.ID, 0)
		} else {
			c.limits(d.ID)
		}
	}
	c.recallSteps(steps)
	if opened && session.Active >= 0 {
		c.change(func(s *Snapshot) { s.Active = min(session.Active, len(s.Docs)-1) })
	}
	return opened
}

func (s *SavedDoc) restore() (*Document, error) {
	var m *workflow.Model
	var err error
	d := &Document{Project: s.Project, Path: s.Path, Sample: s.Sample, HomeTier: -1, Request: s.Request}
	switch {
	case s.Sample:
		plan, err := readSamplePlan()
		if err != nil {
			return nil, err
		}
		if m, err = sampleModel(plan.Model); err != nil {
			return nil, err
		}
		d.Name = "SmolLM2-135M (sample)"
		if d.headers, err = sampleHeaders(m); err != nil {
			return nil, err
		}
	case workflow.FileFormat(s.Path) == malloc.InstanceFormat:
		p, _, err := workflow.LoadInstance(s.Path, "")
		if err != nil {
			return nil, err
		}
		d.Program, d.Name, d.Executable = p, p.Name, "a bare instance has no model to run"
		return d, d.restorePlan(s)
	case s.Path == "" && s.Instance != nil:
		d.Program, d.Name, d.Executable = s.Instance, s.Name, "a bare instance has no model to run"
		return d, d.restorePlan(s)
	case s.Path == "":
		if m, err = s.headersOnly(); err != nil {
			return nil, err
		}
		d.Name, d.headers = s.Name, s.Model
	default:
		path := s.Path
		if workflow.FileFormat(path) == malloc.PlanFormat {
			plan, err := malloc.ReadPlan(path)
			if err != nil {
				return nil, err
			}
			d.PlanPath = path
			if plan.Model != nil {
				path = besides(path, plan.Model.Name)
			}
		}
		if m, err = workflow.OpenModel(path); err != nil {
			if _, missing := os.Stat(path); !errors.Is(missing, fs.ErrNotExist) || s.Model == nil {
				return nil, err
			}
			// The file went away: everything but running it works from its headers.
			if m, err = s.headersOnly(); err != nil {
				return nil, err
			}
			d.headers = s.Model
		} else if stillIs(m, s.Model, s.Saved) {
			d.headers = s.Model
			m.Known = &d.headers.ModelRef
		}
		d.Name = modelName(m)
	}
	d.model = m
	if d.Inspection, err = workflow.Inspect(m, s.Request.AllowAssumed); err != nil {
		return nil, err
	}
	j, err := workflow.Lower(m, s.Request)
	if err != nil {
		return d, nil // planning will say what is wrong
	}
	d.adoptJob(j)
	return d, d.restorePlan(s)
}

// headersOnly is the model of a document whose file is not on this machine.
func (s *SavedDoc) headersOnly() (*workflow.Model, error) {
	if s.Model == nil {
		return nil, fmt.Errorf("%s: the project holds neither its model's headers nor an instance: export it again where its model is", s.Name)
	}
	m, release, err := workflow.OpenStoredModel(s.Model)
	release() // nothing reads the files once the headers are parsed
	return m, err
}

// restorePlan takes a saved plan and its locks where they are still for the
// document's program.
func (d *Document) restorePlan(s *SavedDoc) error {
	if s.Plan == nil || workflow.CheckPlan(s.Path, d.Program, s.Plan) != nil {
		return nil
	}
	d.Locked = keepIDs(s.Locked, len(d.Program.Buffers))
	return d.adoptPlan(s.Plan, nil)
}

// Keeps says whether the session is stored.
func (c *Controller) Keeps() bool { return c.opt.Store != nil }

// touch marks the session as changed.
func (c *Controller) touch() {
	c.mu.Lock()
	c.dirty = true
	c.mu.Unlock()
}

// autosave saves within Options.Autosave of a change.
func (c *Controller) autosave() {
	tick := time.NewTicker(c.opt.Autosave)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
			if c.restored.Load() || len(c.Snapshot().Docs) > 0 {
				c.saveNow()
			}
		}
	}
}

// SaveNow saves the session without waiting for the autosave.
func (c *Controller) SaveNow() { c.goBackground(c.saveNow) }

func (c *Controller) saveNow() {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.mu.Lock()
	dirty := c.dirty
	c.dirty = false
	c.mu.Unlock()
	if !dirty || c.opt.Store == nil {
		return
	}
	c.makeThumbnails()
	session := c.Session()
	if err := c.opt.Store.Save(session); err != nil {
		c.touch()
		c.fault(Fault{Text: "The session could not be saved: " + err.Error() + "."})
		return
	}
	c.mu.Lock()
	for _, saved := range session.Docs {
		if d := c.Snapshot().ByID(saved.doc); d != nil && d.Project != saved.Project {
			c.changeDocLocked(saved.doc, func(d *Document) { d.Project = saved.Project })
		}
	}
	c.changeLocked(func(*Snapshot) {})
	c.mu.Unlock()
	c.notify()
}

// SetTheme chooses a palette of ui/viz by name, or "system".
func (c *Controller) SetTheme(name string) { c.setting(func(s *Settings) { s.Theme = name }) }

// SetTextScale sets the size of text, 1 being normal.
func (c *Controller) SetTextScale(x float64) {
	c.setting(func(s *Settings) { s.TextScale = min(max(x, 0.7), 2) })
}

// SetView remembers the view that is shown.
func (c *Controller) SetView(id string) {
	if c.Snapshot().Settings.View != id {
		c.setting(func(s *Settings) { s.View = id })
	}
}

// SetSetting keeps a value of a view.
func (c *Controller) SetSetting(key, value string) {
	c.setting(func(s *Settings) {
		values := maps.Clone(s.Values)
		if values == nil {
			values = map[string]string{}
		}
		values[key] = value
		s.Values = values
	})
}

func (c *Controller) setting(f func(*Settings)) {
	c.touch()
	c.change(func(s *Snapshot) { f(&s.Settings) })
}
