package workflow

import (
	"context"
	"fmt"

	"strata/malloc"
	"strata/planner"
	"strata/simulate"
	"strata/trace"
)

// How a buffer lies in a plan during the steady loop (without a loop: the whole
// program).
const (
	HowHome     = "home"     // used where it is at home
	HowResident = "resident" // stays for the whole loop
	HowStreamed = "streamed" // copied in for each use
)

// Explanation says where a plan has a tensor, what that costs, and what every
// other tier would.
type Explanation struct {
	Tensor    string  `json:"tensor"`
	Buffer    int     `json:"buffer"`
	Kind      string  `json:"kind"`
	Bytes     int64   `json:"bytes"`
	Tier      string  `json:"tier"`
	How       string  `json:"how"`
	Uses      int     `json:"uses"`       // touches in one iteration
	UsedBytes int64   `json:"used_bytes"` // read and written by them
	CopyBytes int64   `json:"copy_bytes"` // copied in one iteration
	WaitS     float64 `json:"wait_s"`     // mean wait for its copies in one recorded iteration
	Ahead     int     `json:"ahead"`      // instructions between issue and deadline of its copy

	Options []ExplainOption `json:"options"`
	Reason  string          `json:"reason"`

	Competes *Competition `json:"competes"` // for its tier, or the one it would go to; null: there is room without end
}

// ExplainOption is the plan made again with the tensor wished into a tier.
type ExplainOption struct {
	TierID    int     `json:"tier_id"`
	Tier      string  `json:"tier"`
	Current   bool    `json:"current"`
	Legal     bool    `json:"legal"`
	Why       string  `json:"why,omitempty"` // when not legal
	DeltaS    float64 `json:"delta_s"`       // of the whole run against the plan
	DeltaTokS float64 `json:"delta_s_per_token"`
}

// Placement is how buf lies in plan, and in which tier.
func Placement(p *malloc.Program, plan *malloc.Plan, buf int) (how string, tier int) {
	begin, end := loopSpan(p)
	how, tier = HowHome, p.Buffers[buf].Home
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		if b.Buf != buf || b.Start < begin || b.Start >= end || b.Tier == p.Buffers[buf].Home {
			continue
		}
		if b.End-b.Start >= end-begin {
			return HowResident, b.Tier
		}
		how, tier = HowStreamed, b.Tier
	}
	return how, tier
}

func loopSpan(p *malloc.Program) (begin, end int) {
	if l := p.PeriodicLoop(); l != nil {
		return l.Begin, l.End
	}
	return 0, len(p.Instructions)
}

// Explain plays the plan again for each other tier the tensor could be in
// (planner.Revise), with the rest of the plan's choices kept where they can be
// and keep (buffers the user locked) in any case, and predicts each. before is
// the prediction of plan; nil: it is made. Revisions take a fraction of a second
// on models of a few hundred tensors; ctx ends between them.
func Explain(ctx context.Context, p *malloc.Program, plan *malloc.Plan, before *SimulateResult, buf int, keep []int) (*Explanation, error) {
	if buf < 0 || buf >= len(p.Buffers) {
		return nil, Badf("explain: no buffer %d, the instance has %d", buf, len(p.Buffers))
	}
	if before == nil {
		var err error
		if before, err = Simulate(p, plan); err != nil {
			return nil, err
		}
	}
	b := &p.Buffers[buf]
	how, tier := Placement(p, plan, buf)
	e := &Explanation{Tensor: b.Name, Buffer: buf, Kind: b.Kind, Bytes: b.Size, Tier: p.Tiers[tier].Name, How: how, Options: []ExplainOption{}}
	e.count(p, plan, before.Timeline)
	// A streamed weight lies in its tier for moments only: what it is at rest is
	// its home, and keeping it in that tier is another option.
	at := tier
	if how == HowStreamed {
		at = b.Home
	}
	sim := simulate.New()
	for t := range p.Tiers {
		o := ExplainOption{TierID: t, Tier: p.Tiers[t].Name, Current: t == at}
		if o.Current {
			o.Legal = true
			e.Options = append(e.Options, o)
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		revised, err := planner.Revise(p, plan, []planner.Wish{{Buf: buf, Tier: t}}, keep)
		if err != nil {
			o.Why = err.Error()
			e.Options = append(e.Options, o)
			continue
		}
		report, err := sim.Report(p, revised)
		if err != nil {
			return nil, err
		}
		o.Legal, o.DeltaS = true, report.TotalS-before.PredictedS
		if loop := p.PeriodicLoop(); loop != nil {
			o.DeltaTokS = report.LoopS/float64(loop.Trip) - before.PredictedSPerToken
		}
		e.Options = append(e.Options, o)
	}
	e.Reason = e.reason()
	rival := tier
	if p.Tiers[tier].Capacity == malloc.Unlimited {
		rival = e.wanted(tier)
	}
	e.Competes = compete(p, plan, buf, rival)
	return e, nil
}

// wanted is the tier that a tensor in an unlimited one would go to: the next best,
// or the first that had no room; else the one it is in.
func (e *Explanation) wanted(tier int) int {
	if next := e.Next(); next != nil {
		return next.TierID
	}
	for _, o := range e.Options {
		if !o.Current {
			return o.TierID
		}
	}
	return tier
}

// count fills in what the plan and its timeline say of the buffer.
func (e *Explanation) count(p *malloc.Program, plan *malloc.Plan, run *trace.Timeline) {
	begin, end := loopSpan(p)
	for i := begin; i < end; i++ {
		for _, list := range [][]malloc.Operand{p.Instructions[i].Reads, p.Instructions[i].Writes} {
			for _, o := range list {
				if o.Buf == e.Buffer {
					e.Uses++
					e.UsedBytes += o.Bytes
				}
			}
		}
	}
	mine := map[int32]bool{}
	for i := range plan.Copies {
		c := &plan.Copies[i]
		if c.Buf != e.Buffer {
			continue
		}
		mine[int32(i)] = true
		if !c.Once && c.Start >= begin && c.Start < end {
			e.CopyBytes += c.Bytes
			e.Ahead = max(e.Ahead, c.Before-c.Start)
		}
	}
	if run == nil || len(mine) == 0 {
		return
	}
	iterations := map[int32]bool{}
	for _, l := range run.Lanes {
		if l.Kind != trace.LaneExecutor {
			continue
		}
		for _, s := range l.Slices {
			if s.Iteration < 0 {
				continue
			}
			iterations[s.Iteration] = true
			if s.Kind == trace.Wait && mine[s.Ref] {
				e.WaitS += s.EndS - s.StartS
			}
		}
	}
	if n := len(iterations); n > 0 {
		e.WaitS /= float64(n)
	}
}

// reason puts the cheapest alternative into a sentence.
func (e *Explanation) reason() string {
	var where string
	switch e.How {
	case HowResident:
		where = fmt.Sprintf("Kept in %s for the whole loop", e.Tier)
	case HowStreamed:
		where = fmt.Sprintf("Streamed: %s come into %s in each iteration, issued %d instructions ahead", FormatBytes(e.CopyBytes), e.Tier, e.Ahead)
		if e.WaitS > 0 {
			where += fmt.Sprintf("; the run waits %s for it", shortTime(e.WaitS))
		} else {
			where += ", hidden behind computing"
		}
	default:
		where = fmt.Sprintf("Used from %s, its home", e.Tier)
	}
	next := e.Next()
	if next == nil {
		for _, o := range e.Options {
			if !o.Current && o.Why != "" {
				return where + ". No other tier will do: " + o.Why + "."
			}
		}
		return where + "."
	}
	delta, unit := next.DeltaTokS, " a token"
	if delta == 0 {
		delta, unit = next.DeltaS, " in the whole run"
	}
	verb := "costs"
	if delta < 0 {
		verb, delta = "saves", -delta
	}
	if delta < 1e-9 {
		return fmt.Sprintf("%s. %s would do as well.", where, next.Tier)
	}
	return fmt.Sprintf("%s. The next best, %s, %s %s%s.", where, next.Tier, verb, shortTime(delta), unit)
}

// Next is the legal other option that costs least, nil without one.
func (e *Explanation) Next() *ExplainOption {
	var best *ExplainOption
	for i := range e.Options {
		if o := &e.Options[i]; o.Legal && !o.Current && (best == nil || o.DeltaS < best.DeltaS) {
			best = o
		}
	}
	return best
}

// shortTime writes seconds in s, ms or µs.
func shortTime(s float64) string {
	switch {
	case s >= 1:
		return fmt.Sprintf("%.3g s", s)
	case s >= 1e-3:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g µs", s*1e6)
}
