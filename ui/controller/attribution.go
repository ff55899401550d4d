package controller

import (
	"strata/malloc"
	"strata/trace"
	"strata/workflow"
)

// Attribution says where predicted time goes, for the numbers of the Overview:
// shares of the first executor's lane.
type Attribution struct {
	Prefill, Decode Shares
	StreamedBytes   int64       // copied from home in one steady iteration
	Tiers           []TierBytes // the fullest moment of each tier in use
}

// Shares of a stretch of time; they add up to 1 with what nothing was recorded of.
type Shares struct {
	Compute   float64
	WaitCopy  float64 // for the tensor's own transfer
	WaitQueue float64 // for transfers before it
	WaitBack  float64 // for write-backs
}

// Wait is all waiting.
func (s Shares) Wait() float64 { return s.WaitCopy + s.WaitQueue + s.WaitBack }

// attribute reads the shares off a predicted timeline.
func attribute(p *malloc.Program, plan *malloc.Plan, r *workflow.SimulateResult) Attribution {
	a := Attribution{Tiers: tierBytes(p, plan)}
	if r == nil || r.Timeline == nil {
		return a
	}
	var sums [2]Shares
	var totals [2]float64
	for _, l := range r.Timeline.Lanes {
		if l.Kind != trace.LaneExecutor {
			continue
		}
		for _, s := range l.Slices {
			k := 0
			if s.Iteration >= 0 {
				k = 1
			}
			d := s.EndS - s.StartS
			totals[k] += d
			switch {
			case s.Kind == trace.Compute:
				sums[k].Compute += d
			case s.Kind == trace.Wait && s.Cause == trace.CauseQueue:
				sums[k].WaitQueue += d
			case s.Kind == trace.Wait && s.Cause == trace.CauseWriteBack:
				sums[k].WaitBack += d
			case s.Kind == trace.Wait:
				sums[k].WaitCopy += d
			}
		}
	}
	for k := range sums {
		if t := totals[k]; t > 0 {
			sums[k] = Shares{sums[k].Compute / t, sums[k].WaitCopy / t, sums[k].WaitQueue / t, sums[k].WaitBack / t}
		}
	}
	a.Prefill, a.Decode = sums[0], sums[1]
	if loop := p.PeriodicLoop(); loop != nil && plan != nil {
		for _, c := range plan.Copies {
			if !c.Once && c.Start >= loop.Begin && c.Start < loop.End && c.Engine >= 0 && c.Engine < len(p.Engines) && p.Tiers[p.Engines[c.Engine].From].Capacity == malloc.Unlimited {
				a.StreamedBytes += c.Bytes
			}
		}
	}
	return a
}
