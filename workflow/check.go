package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"strata/costmodel"
	"strata/malloc"
	"strata/model"
	"strata/planner"
	"strata/simulate"
)

// TierUse is one tier's capacity and what a plan takes of it.
type TierUse struct {
	Name          string `json:"name"`
	CapacityBytes int64  `json:"capacity_bytes"` // -1: unlimited
	UsedBytes     int64  `json:"used_bytes"`
}

// Components are bytes before placement.
type Components struct {
	WeightsBytes int64 `json:"weights_bytes"`
	KVBytes      int64 `json:"kv_bytes"`
	ComputeBytes int64 `json:"compute_bytes"`
}

// Verdicts of a check.
const (
	Fits     = "fits"
	DoesNot  = "no"
	CantTell = "unsure"
)

// CheckResult answers "does it fit?".
type CheckResult struct {
	Verdict           string     `json:"verdict"`
	Resident          bool       `json:"resident"`
	MinDramBytes      int64      `json:"min_dram_bytes"`
	MinDramBoundBytes int64      `json:"min_dram_bound_bytes"`
	ResidentDramBytes int64      `json:"resident_dram_bytes"` // least arena of the plan that streams nothing
	MaxContext        int        `json:"max_context"`         // 0: none fits
	Context           int        `json:"context"`
	Tiers             []TierUse  `json:"tiers"`
	Components        Components `json:"components"`
	Assumed           []string   `json:"assumed"`
	Executable        string     `json:"executable"` // "" or why it is planned only
}

// Check tells whether the model fits the machine for any prompt: it reserves a
// full context and the largest micro-batch, as running it does.
func Check(ctx context.Context, m *Model, r Request, progress Progress) (*CheckResult, error) {
	hw, err := LoadMachine(r.HW)
	if err != nil {
		return nil, err
	}
	if r.Context == 0 {
		if r.Context, err = trainedContext(m, r); err != nil {
			return nil, err
		}
	}
	j, err := reserve(m, hw, r)
	if err != nil {
		return nil, err
	}
	fit, err := fitOf(j)
	if err != nil {
		return nil, err
	}
	l := j.Lowered
	res := &CheckResult{Verdict: fit.verdict, MinDramBytes: fit.planBytes, MinDramBoundBytes: fit.boundBytes, Context: j.Request.Context,
		Components: Components{l.Sums.WeightsBytes, l.Sums.KVBytes, l.Sums.ComputeBytes}, Assumed: nonNil(j.Assumed), Executable: j.plannedOnly()}
	used := fit.peaks
	if plan, bytes, err := residentPlan(j); err == nil {
		res.ResidentDramBytes = bytes
		if capacity := j.Program().Tiers[l.HomeTier].Capacity; fit.verdict == Fits && (capacity == malloc.Unlimited || bytes <= capacity) {
			res.Resident, used = true, peaksOf(j.Program(), plan)
		}
	}
	for t, tier := range j.Program().Tiers {
		res.Tiers = append(res.Tiers, TierUse{tier.Name, tier.Capacity, used[t]})
	}
	for t := range res.Tiers {
		if res.Tiers[t].CapacityBytes == malloc.Unlimited {
			res.Tiers[t].UsedBytes = m.FileBytes()
		}
	}
	res.MaxContext, err = maxContext(ctx, m, j, r, progress)
	return res, err
}

// nonNil keeps an empty list from becoming null in JSON.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func trainedContext(m *Model, r Request) (int, error) {
	g, err := buildGraph(m, &r)
	if err != nil {
		return 0, err
	}
	return max(1, int(g.Hyper.ContextTrained)), nil
}

// reserve lowers what must be reserved to serve any prompt in the context: a full
// micro-batch, then at least one decode step.
func reserve(m *Model, hw *costmodel.Profile, r Request) (*Job, error) {
	r.Parallel = max(1, r.Parallel)
	per := r.Context / r.Parallel
	if per < 1 {
		return nil, Badf("a context of %d holds less than one position for each of %d sequences", r.Context, r.Parallel)
	}
	ubatch := r.Ubatch
	if ubatch == 0 {
		ubatch = 512
	}
	if r.Batch > 0 {
		ubatch = min(ubatch, r.Batch)
	}
	r.Prompt, r.Gen = max(1, min(ubatch, per-1)), 2
	if per == 1 {
		r.Gen = 1
	}
	return lowerOn(m, hw, r)
}

// fit is the answer for one lowered program.
type fit struct {
	planBytes, boundBytes int64
	verdict               string
	peaks                 []int64
}

// fitOf finds the least arena of the home tier, and whether its capacity and all
// others hold.
//
// An assumed architecture assumes a KV cache in every layer; what the model really
// keeps lies between none and that. So the least arena is a range: its upper end,
// planBytes, holds the whole cache, its lower end none. A capacity inside the range
// leaves the verdict open.
func fitOf(j *Job) (fit, error) {
	p := j.Program()
	plan, bound, best, err := planner.MinCapacity(p, j.Lowered.HomeTier)
	var tooSmall *malloc.InfeasibleError
	if errors.As(err, &tooSmall) { // another tier is too small
		return fit{planBytes: tooSmall.NeedBytes, boundBytes: tooSmall.NeedBytes, verdict: DoesNot, peaks: make([]int64, len(p.Tiers))}, nil
	}
	if err != nil {
		return fit{}, err
	}
	f := fit{planBytes: plan, boundBytes: bound, peaks: peaksOf(p, best)}
	low := plan
	if assumesKV(j.Lowered.Graph) {
		low = max(0, plan-j.Lowered.Sums.KVBytes)
		f.boundBytes = min(low, max(0, bound-j.Lowered.Sums.KVBytes))
	}
	c := p.Tiers[j.Lowered.HomeTier].Capacity
	switch {
	case c == malloc.Unlimited || plan <= c:
		f.verdict = Fits
	case c < low:
		f.verdict = DoesNot
	default:
		f.verdict = CantTell
	}
	return f, nil
}

// assumesKV tells whether the cache is a guess.
func assumesKV(g *model.Graph) bool {
	return slices.ContainsFunc(g.Assumed, func(s string) bool { return strings.HasPrefix(s, "KV cache") })
}

// peaksOf is the highest address in use per tier.
func peaksOf(p *malloc.Program, plan *malloc.Plan) []int64 {
	out := make([]int64, len(p.Tiers))
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		out[b.Tier] = max(out[b.Tier], b.Offset+simulate.BlockBytes(p, b))
	}
	return out
}

// residentPlan is the plan that streams nothing, and the arena it takes.
func residentPlan(j *Job) (*malloc.Plan, int64, error) {
	p := *j.Program()
	p.Tiers = append([]malloc.Tier(nil), p.Tiers...)
	p.Tiers[j.Lowered.HomeTier].Capacity = roomy
	plan, err := planner.Resident(&p)
	if err != nil {
		return nil, 0, err
	}
	return plan, peaksOf(&p, plan)[j.Lowered.HomeTier], nil
}

// roomy stands for a capacity that never binds.
const roomy = int64(1) << 50

// maxContext is the largest context, at most the trained one, that still fits.
func maxContext(ctx context.Context, m *Model, at *Job, r Request, progress Progress) (int, error) {
	trained := int(at.Lowered.Graph.Hyper.ContextTrained)
	if trained < 1 {
		trained = at.Request.Context
	}
	fits := func(c int) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		r.Context = c
		j, err := reserve(m, at.Machine, r)
		if err != nil {
			return false, err
		}
		f, err := fitOf(j)
		return f.verdict == Fits, err
	}
	low, high := 0, trained+1 // low fits (or is none), high does not
	for step := int64(1); high-low > 1; step++ {
		mid := low + (high-low)/2
		if low == 0 && high == trained+1 {
			mid = trained // most machines hold all of it
		}
		progress.report("largest context", step, 0)
		ok, err := fits(mid)
		if err != nil {
			return 0, fmt.Errorf("context %d: %w", mid, err)
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	return low, nil
}
