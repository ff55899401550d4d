package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
	"strata/projects"
)

// CompareItem is one side of a comparison before it is measured up.
type CompareItem struct {
	Name    string
	Model   string // file name, "" for a bare instance
	Profile string
	Program *malloc.Program
	Plan    *malloc.Plan    // nil: nothing fits
	Problem string          // why there is no plan
	Result  *SimulateResult // nil: Compare simulates
	Assumed []string
}

// Comparison puts plans beside each other. Differences are against the first
// side that has a plan.
type Comparison struct {
	Sides []CompareSide `json:"sides"`
	Base  int           `json:"base"` // index of the side others are compared with; -1: none has a plan
	Best  int           `json:"best"` // index of the fastest side, per token where all decode; -1: none
	Moved []MovedTensor `json:"moved"`
}

// CompareSide is one plan, model or machine.
type CompareSide struct {
	Name               string        `json:"name"`
	Model              string        `json:"model"`
	Profile            string        `json:"profile"`
	Fits               bool          `json:"fits"`
	Problem            string        `json:"problem,omitempty"`
	Workload           *WorkloadSize `json:"workload,omitempty"` // nil: a bare instance
	Solver             string        `json:"solver"`
	PredictedS         float64       `json:"predicted_s"`
	PrefillS           float64       `json:"prefill_s"`
	PredictedSPerToken float64       `json:"predicted_s_per_token"` // 0: the run does not decode
	WaitS              float64       `json:"wait_s"`
	LowerBoundS        float64       `json:"lower_bound_s"`
	LowerBoundSPerTok  float64       `json:"lower_bound_s_per_token"`
	Gap                float64       `json:"gap"`
	CopiedBytes        int64         `json:"copied_bytes"` // by all copy engines over the run
	Tiers              []TierUse     `json:"tiers"`
	Assumed            []string      `json:"assumed"`
	// Difference from the base side; nil for the base and where nothing fits.
	Difference *Difference `json:"difference,omitempty"`
}

// WorkloadSize is what a plan was made for.
type WorkloadSize struct {
	Prompt   int `json:"prompt"`
	Gen      int `json:"gen"`
	Context  int `json:"context"`
	Parallel int `json:"parallel"`
}

// Difference is a side minus the base.
type Difference struct {
	PredictedS         float64     `json:"predicted_s"`
	PrefillS           float64     `json:"prefill_s"`
	PredictedSPerToken float64     `json:"predicted_s_per_token"`
	LowerBoundS        float64     `json:"lower_bound_s"`
	CopiedBytes        int64       `json:"copied_bytes"`
	Tiers              []TierDelta `json:"tiers"` // tiers that both have, by name
	MovedTensors       int         `json:"moved_tensors"`
	MovedBytes         int64       `json:"moved_bytes"`
	OnlyHere           int         `json:"only_here"`  // tensors the base does not have
	OnlyThere          int         `json:"only_there"` // tensors that only the base has
}

// TierDelta is the change of what a plan takes of a tier, and of its capacity (0
// when one of them is unlimited).
type TierDelta struct {
	Name          string `json:"name"`
	UsedBytes     int64  `json:"used_bytes"`
	CapacityBytes int64  `json:"capacity_bytes"`
}

// MovedTensor is a tensor that lies elsewhere in some side than in the base.
type MovedTensor struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Bytes  int64    `json:"bytes"`  // in the base
	Places []Places `json:"places"` // by side; null: not there
}

// Compare measures sides up against each other.
func Compare(items []CompareItem) (*Comparison, error) {
	if len(items) < 2 {
		return nil, Badf("a comparison needs two sides, there is %d", len(items))
	}
	c := &Comparison{Base: -1, Best: -1, Moved: []MovedTensor{}}
	where := make([]placement, len(items))
	decodes := true
	for i, it := range items {
		s := CompareSide{Name: it.Name, Model: it.Model, Profile: it.Profile, Problem: it.Problem, Assumed: nonNil(it.Assumed), Tiers: []TierUse{}}
		if it.Plan != nil && it.Program != nil {
			if err := s.measure(&it); err != nil {
				return nil, fmt.Errorf("%s: %w", it.Name, err)
			}
			where[i] = placesOf(it.Program, it.Plan)
			if c.Base < 0 {
				c.Base = i
			}
			decodes = decodes && s.PredictedSPerToken > 0
		}
		c.Sides = append(c.Sides, s)
	}
	if c.Base < 0 {
		return c, nil
	}
	for i := range c.Sides {
		s := &c.Sides[i]
		if !s.Fits {
			continue
		}
		if c.Best < 0 || s.speed(decodes) < c.Sides[c.Best].speed(decodes) {
			c.Best = i
		}
		if i != c.Base {
			s.Difference = s.minus(&c.Sides[c.Base])
		}
	}
	c.moves(where)
	return c, nil
}

func (s *CompareSide) speed(decode bool) float64 {
	if decode {
		return s.PredictedSPerToken
	}
	return s.PredictedS
}

func (s *CompareSide) measure(it *CompareItem) error {
	r := it.Result
	if r == nil {
		var err error
		if r, err = Simulate(it.Program, it.Plan); err != nil {
			return err
		}
	}
	bound, err := costmodel.BestBound(it.Program)
	if err != nil {
		return err
	}
	s.Fits, s.Solver = true, it.Plan.Solver
	s.PredictedS, s.PrefillS, s.PredictedSPerToken, s.WaitS = r.PredictedS, r.PrefillS, r.PredictedSPerToken, r.WaitS
	s.LowerBoundS, s.LowerBoundSPerTok = bound.TotalS, bound.MeanS
	if bound.TotalS > 0 {
		s.Gap = r.PredictedS/bound.TotalS - 1
	}
	s.Tiers = nonNil(r.Tiers)
	for _, t := range r.Traffic {
		s.CopiedBytes += t.Bytes
	}
	if l := it.Plan.Lowering; l != nil {
		s.Workload = &WorkloadSize{l.Prompt, l.Gen, l.Context, l.Parallel}
	}
	return nil
}

func (s *CompareSide) minus(base *CompareSide) *Difference {
	d := &Difference{PredictedS: s.PredictedS - base.PredictedS, PrefillS: s.PrefillS - base.PrefillS,
		PredictedSPerToken: s.PredictedSPerToken - base.PredictedSPerToken, LowerBoundS: s.LowerBoundS - base.LowerBoundS,
		CopiedBytes: s.CopiedBytes - base.CopiedBytes, Tiers: []TierDelta{}}
	for _, t := range s.Tiers {
		i := slices.IndexFunc(base.Tiers, func(b TierUse) bool { return b.Name == t.Name })
		if i < 0 {
			continue
		}
		b := base.Tiers[i]
		delta := TierDelta{Name: t.Name, UsedBytes: t.UsedBytes - b.UsedBytes}
		if t.CapacityBytes != malloc.Unlimited && b.CapacityBytes != malloc.Unlimited {
			delta.CapacityBytes = t.CapacityBytes - b.CapacityBytes
		}
		d.Tiers = append(d.Tiers, delta)
	}
	return d
}

// moves lists the tensors that lie elsewhere than in the base.
func (c *Comparison) moves(where []placement) {
	base := where[c.Base]
	moved := map[string]bool{}
	for i, there := range where {
		d := c.Sides[i].Difference
		if d == nil {
			continue
		}
		for _, name := range base.names {
			t := there.at[name]
			switch b := base.at[name]; {
			case t == nil:
				d.OnlyThere++
			case !b.places.equal(t.places):
				d.MovedTensors++
				d.MovedBytes += b.places.distance(t.places)
				moved[name] = true
			}
		}
		for _, name := range there.names {
			if base.at[name] == nil {
				d.OnlyHere++
			}
		}
	}
	for _, name := range base.names {
		if !moved[name] {
			continue
		}
		b := base.at[name]
		m := MovedTensor{Name: name, Kind: b.kind, Bytes: b.places.bytes()}
		for _, there := range where {
			var p Places
			if t := there.at[name]; t != nil {
				p = t.places
			}
			m.Places = append(m.Places, p)
		}
		c.Moved = append(c.Moved, m)
	}
	slices.SortStableFunc(c.Moved, func(a, b MovedTensor) int { return int(min(max(b.Bytes-a.Bytes, -1), 1)) })
}

// CompareProfiles plans one model on several machines.
func CompareProfiles(ctx context.Context, m *Model, r Request, profiles []string, opt SearchOptions, progress Progress) ([]CompareItem, error) {
	var items []CompareItem
	for i, hw := range profiles {
		r.HW = hw
		it := CompareItem{Name: hw}
		if hw == "" {
			it.Name = "this host"
		}
		machine, err := LoadMachine(hw)
		if err != nil {
			return nil, err
		}
		it.Profile = machine.Name
		stage := fmt.Sprintf("planning on %s", it.Name)
		progress.report(stage, int64(i), int64(len(profiles)))
		res, err := MakePlan(ctx, m, r, opt, progress)
		switch {
		case err == nil:
			it.Program, it.Plan, it.Assumed = res.Program, res.Plan, res.Assumed
			it.Model = res.Plan.Model.Name
		case KindOf(err) == NoFit, errors.Is(err, planner.ErrNotApplicable):
			it.Problem = err.Error()
		default:
			return nil, fmt.Errorf("%s: %w", it.Name, err)
		}
		items = append(items, it)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	for i := range items {
		if items[i].Model == "" {
			items[i].Model = items[(i+1)%len(items)].Model // none where nothing fits anywhere
		}
	}
	return items, nil
}

// CompareSources says where to find what plans were made for.
type CompareSources struct {
	Models   []string // files; each plan finds its own by digest
	Instance string   // for plans of a bare instance
	HW       string   // profile for all plans; "": the one each plan names
}

// LoadCompared opens plans to compare: each name is a plan file, or a stored
// project.
func LoadCompared(ctx context.Context, names []string, src CompareSources, progress Progress) ([]CompareItem, error) {
	l := &comparedLoader{src: src, progress: progress, models: map[string]*Model{}}
	defer l.close()
	var items []CompareItem
	for _, name := range names {
		it, err := l.load(ctx, name)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return items, nil
}

type comparedLoader struct {
	src      CompareSources
	progress Progress
	models   map[string]*Model // by digest, once asked for
	opened   bool
	store    *projects.Store
	views    []*ProjectView
}

func (l *comparedLoader) close() {
	for _, v := range l.views {
		v.Close()
	}
	if l.store != nil {
		l.store.Close()
	}
}

func (l *comparedLoader) load(ctx context.Context, name string) (CompareItem, error) {
	if _, err := os.Stat(name); err != nil {
		return l.project(ctx, name)
	}
	it := CompareItem{Name: name}
	plan, err := malloc.ReadPlan(name)
	if err != nil {
		return it, bad(err)
	}
	if plan.Ext != nil {
		it.Profile = plan.Ext.Profile
	}
	if plan.Lowering == nil || plan.Model == nil {
		if l.src.Instance == "" {
			return it, Badf("%s is a plan of a bare instance: name that with --instance", name)
		}
		it.Program, it.Plan, err = LoadInstance(l.src.Instance, name)
		return it, err
	}
	m, err := l.model(ctx, plan.Model, name)
	if err != nil {
		return it, err
	}
	hw := l.src.HW
	if hw == "" {
		hw = planProfile(plan)
	}
	j, plan, err := LoadPlan(ctx, name, m, hw, l.progress)
	if err != nil {
		return it, err
	}
	it.Model, it.Profile, it.Program, it.Plan, it.Assumed = plan.Model.Name, j.Machine.Name, j.Program(), plan, j.Assumed
	return it, nil
}

// planProfile is the shipped profile that a plan was made on, else this host's.
func planProfile(plan *malloc.Plan) string {
	if plan.Ext == nil {
		return ""
	}
	if host, err := LoadMachine(""); err == nil && host.Name == plan.Ext.Profile {
		return ""
	}
	if names, err := costmodel.ShippedNames(); err == nil && slices.Contains(names, plan.Ext.Profile) {
		return plan.Ext.Profile
	}
	return ""
}

// model finds the model of a plan among those that were named.
func (l *comparedLoader) model(ctx context.Context, ref *malloc.ModelRef, plan string) (*Model, error) {
	if !l.opened {
		l.opened = true
		for _, path := range l.src.Models {
			m, err := OpenModel(path)
			if err != nil {
				return nil, err
			}
			r, err := m.Ref(ctx, l.progress)
			if err != nil {
				return nil, err
			}
			m.Known = r
			l.models[r.SHA256] = m
		}
	}
	if m := l.models[ref.SHA256]; m != nil {
		return m, nil
	}
	if len(l.src.Models) == 0 {
		return nil, Badf("%s is a plan of %s: name that model with --model (once for each model compared)", plan, ref.Name)
	}
	return nil, Badf("%s is a plan of %s (digest %.12s…), which is none of --model %s", plan, ref.Name, ref.SHA256, strings.Join(l.src.Models, ", "))
}

func (l *comparedLoader) project(ctx context.Context, name string) (CompareItem, error) {
	it := CompareItem{Name: name}
	if l.store == nil {
		var err error
		if l.store, err = OpenStore(); err != nil {
			return it, err
		}
	}
	v, err := ViewProject(ctx, l.store, name)
	if errors.Is(err, projects.ErrNotFound) {
		return it, Badf("%s: there is no such plan file, nor a project of that name; `strata project list` lists those", name)
	}
	if err != nil {
		return it, err
	}
	l.views = append(l.views, v)
	if v.Problem != nil {
		return it, fmt.Errorf("project %s: %w", name, v.Problem)
	}
	it.Name, it.Program, it.Plan, it.Result = v.Project.Name, v.Program, v.Project.Plan, v.Predicted
	if it.Plan == nil {
		it.Problem = "the project has no plan"
	}
	if v.Project.Model != nil {
		it.Model = v.Project.Model.Name
	}
	if v.Job != nil {
		it.Profile, it.Assumed = v.Job.Machine.Name, v.Job.Assumed
	}
	return it, nil
}

// MarshalJSON keeps the order of tiers and writes null for a tensor that is not
// there.
func (p Places) MarshalJSON() ([]byte, error) {
	if p == nil {
		return []byte("null"), nil
	}
	return json.Marshal([]Place(p))
}
