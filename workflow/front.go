package workflow

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"strata/malloc"
	"strata/planner"
	"strata/simulate"
)

// FrontRequest says along which tier the trade of memory for time is followed.
type FrontRequest struct {
	Tier   string // "": the tier that a model file feeds; of an instance the only limited one
	Points int    // budgets between the least that works and what keeps everything, or what the tier has
	Dir    string // where the plans of the front are written; "": nowhere
}

// FrontPoint is a plan that no other found beats in every objective.
type FrontPoint struct {
	CapacityBytes      int64   `json:"capacity_bytes"` // the budget it was searched under
	PeakBytes          int64   `json:"peak_bytes"`     // what it takes of the tier
	HeadroomBytes      int64   `json:"headroom_bytes"` // what it leaves of the tier
	PredictedS         float64 `json:"predicted_s"`
	PredictedSPerToken float64 `json:"predicted_s_per_token"`
	TrafficBytes       int64   `json:"traffic_bytes"` // copied, the whole run
	EnergyJ            float64 `json:"energy_j"`      // 0: the profile quotes no energies
	Gap                float64 `json:"gap"`           // of the time at this budget
	LowerBoundS        float64 `json:"lower_bound_s"` // at this budget
	LowerBoundSPerTok  float64 `json:"lower_bound_s_per_token"`
	Component          string  `json:"component"`
	File               string  `json:"file,omitempty"`

	Plan *malloc.Plan `json:"-"`
}

// Front is the Pareto front of time, peak bytes of a tier, traffic and energy, as
// far as searches at a row of budgets found it (the ε-constraint method: one
// objective is minimised while another is bounded).
type Front struct {
	Tier        string       `json:"tier"`
	LeastBytes  int64        `json:"least_bytes"`  // below it no plan is known
	EnoughBytes int64        `json:"enough_bytes"` // what keeping everything takes
	Searched    int          `json:"searched"`
	Points      []FrontPoint `json:"points"` // by peak, smallest first
}

// FrontEvaluations is what each search of a front gets when nothing limits it.
const FrontEvaluations = 300

// ModelFront follows the front of a model on a machine.
func ModelFront(ctx context.Context, m *Model, r Request, f FrontRequest, opt SearchOptions, progress Progress) (*Front, error) {
	j, err := Lower(m, r)
	if err != nil {
		return nil, err
	}
	p := j.Program()
	if f.Tier == "" {
		f.Tier = p.Tiers[j.Lowered.HomeTier].Name
	}
	at := func(capacity int64) (*PlanResult, error) {
		q := r
		q.Tiers = map[string]Size{}
		for name, size := range r.Tiers {
			q.Tiers[name] = size
		}
		if q.Tiers[f.Tier] = (Size{Bytes: capacity, Set: true}); f.Tier == p.Tiers[j.Lowered.HomeTier].Name {
			q.Dram = q.Tiers[f.Tier]
		}
		return MakePlan(ctx, m, q, opt, nil)
	}
	return front(ctx, p, f, at, false, progress)
}

// InstanceFront follows the front of an instance.
func InstanceFront(ctx context.Context, p *malloc.Program, f FrontRequest, opt SearchOptions, progress Progress) (*Front, error) {
	if f.Tier == "" {
		for _, t := range p.Tiers {
			if t.Capacity != malloc.Unlimited {
				if f.Tier != "" {
					return nil, Badf("the instance has more than one limited tier (%s, %s): name one with --vary", f.Tier, t.Name)
				}
				f.Tier = t.Name
			}
		}
	}
	at := func(capacity int64) (*PlanResult, error) {
		q := *p
		q.Tiers = slices.Clone(p.Tiers)
		q.Tiers[tierNamed(p, f.Tier)].Capacity = capacity
		res, err := Search(ctx, &q, opt)
		if err != nil {
			return nil, err
		}
		// A plan under a smaller budget is one of the instance itself.
		res.Program = p
		if err := malloc.Stamp(p, res.Plan); err != nil {
			return nil, err
		}
		return res, CheckPlan("the plan", p, res.Plan)
	}
	return front(ctx, p, f, at, len(opt.Locks.Buffers) > 0, progress)
}

func tierNamed(p *malloc.Program, name string) int {
	return slices.IndexFunc(p.Tiers, func(t malloc.Tier) bool { return t.Name == name })
}

// front searches at each budget and keeps what is not dominated. Where locks bind,
// a budget that cannot hold what is locked is passed over.
func front(ctx context.Context, p *malloc.Program, f FrontRequest, at func(int64) (*PlanResult, error), locked bool, progress Progress) (*Front, error) {
	t := tierNamed(p, f.Tier)
	if t < 0 || p.Tiers[t].Capacity == malloc.Unlimited {
		return nil, Badf("no limited tier %q; there are %s", f.Tier, limitedTiers(p))
	}
	out := &Front{Tier: f.Tier, Points: []FrontPoint{}}
	var err error
	if out.LeastBytes, _, _, err = planner.MinCapacity(p, t); err != nil {
		return nil, err
	}
	roomyProgram := *p
	roomyProgram.Tiers = slices.Clone(p.Tiers)
	roomyProgram.Tiers[t].Capacity = roomy
	out.EnoughBytes = p.Tiers[t].Capacity
	if all, err := planner.Resident(&roomyProgram); err == nil {
		out.EnoughBytes = peaksOf(&roomyProgram, all)[t]
	}
	var found []FrontPoint
	var refusal error
	most := max(out.LeastBytes, min(out.EnoughBytes, p.Tiers[t].Capacity))
	for i, capacity := range budgets(out.LeastBytes, most, f.Points, p.Tiers[t].Align) {
		progress.report("budgets", int64(i), int64(f.Points))
		res, err := at(capacity)
		if err != nil {
			refusal = fmt.Errorf("with %d bytes of %s: %w", capacity, f.Tier, err)
			if locked && ctx.Err() == nil {
				continue
			}
			return nil, refusal
		}
		if ctx.Err() != nil && i > 0 {
			break // what was found so far is a front, too
		}
		report, err := simulate.New().Report(res.Program, res.Plan)
		if err != nil {
			return nil, err
		}
		point := FrontPoint{CapacityBytes: capacity, PeakBytes: peaksOf(res.Program, res.Plan)[t], PredictedS: res.PredictedS,
			PredictedSPerToken: res.PredictedSPerToken, EnergyJ: report.EnergyJ, Gap: res.Gap,
			LowerBoundS: res.LowerBoundS, LowerBoundSPerTok: res.LowerBoundSPerTok, Component: res.Component, Plan: res.Plan}
		for _, x := range report.Traffic {
			point.TrafficBytes += x.Bytes
		}
		point.HeadroomBytes = p.Tiers[t].Capacity - point.PeakBytes
		found = append(found, point)
		out.Searched++
	}
	if len(found) == 0 && refusal != nil {
		return nil, refusal
	}
	out.Points = undominated(found)
	return out, out.write(f.Dir)
}

func limitedTiers(p *malloc.Program) string {
	text := ""
	for _, t := range p.Tiers {
		if t.Capacity != malloc.Unlimited {
			if text != "" {
				text += ", "
			}
			text += t.Name
		}
	}
	return text
}

// budgets are n capacities from least to enough, evenly spaced, aligned upwards.
func budgets(least, enough int64, n int, align int64) []int64 {
	align = max(align, 1)
	var out []int64
	for i := range n {
		b := least
		if n > 1 {
			b += int64(math.Round(float64(enough-least) * float64(i) / float64(n-1)))
		}
		b = (b + align - 1) / align * align
		if len(out) == 0 || b > out[len(out)-1] {
			out = append(out, b)
		}
	}
	return out
}

// undominated keeps the points that no other equals or beats in every objective,
// by peak.
func undominated(all []FrontPoint) []FrontPoint {
	beats := func(a, b *FrontPoint) bool {
		return a.PeakBytes <= b.PeakBytes && a.PredictedS <= b.PredictedS && a.TrafficBytes <= b.TrafficBytes && a.EnergyJ <= b.EnergyJ
	}
	out := []FrontPoint{}
	for i := range all {
		kept := true
		for k := range all {
			if k != i && beats(&all[k], &all[i]) && (k < i || !beats(&all[i], &all[k])) {
				kept = false
			}
		}
		if kept {
			out = append(out, all[i])
		}
	}
	slices.SortStableFunc(out, func(a, b FrontPoint) int { return int(min(1, max(-1, a.PeakBytes-b.PeakBytes))) })
	return out
}

// write writes the plans of the front into a folder, named by their peaks.
func (f *Front) write(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return bad(err)
	}
	for i := range f.Points {
		p := &f.Points[i]
		p.File = filepath.Join(dir, fmt.Sprintf("plan-%d.json", p.PeakBytes))
		if err := WriteOutput(p.File, func(w io.Writer) error { return malloc.EncodePlan(w, p.Plan) }); err != nil {
			return err
		}
	}
	return nil
}
