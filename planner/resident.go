package planner

import (
	"fmt"

	"strata/malloc"
	"strata/simulate"
)

// Resident is the plan that reads every weight once and keeps it: what a run
// without a memory budget does. It plays the game: every param of the body is
// always resident, embedding rows are read where the table lies, the straight
// part copies each weight before its first use and leaves it for the loop. The
// error names a buffer that cannot stay when the tiers are too small.
//
// With several executors all runs on the first one of each instruction, and every
// buffer of the body stays in that executor's fastest tier with room; what finds
// no room is copied for its touches.
func Resident(p *malloc.Program) (*malloc.Plan, error) {
	ev := simulate.New()
	if len(p.Executors) > 1 {
		plan, err := playResident(p, nil)
		if err != nil {
			return nil, err
		}
		return finishResident(p, plan, ev)
	}
	g, err := malloc.NewGame(p, ev, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		return nil, err
	}
	if g.InBody() {
		body := append([]int(nil), g.Undecided()...)
		for _, b := range body {
			if p.Buffers[b].Kind != malloc.KindParam || p.Buffers[b].Select != nil {
				continue
			}
			if !g.Resident(b, residentTier(p, b)) {
				return nil, &malloc.InfeasibleError{Buf: b, InstrName: p.Buffers[b].Name, Tier: residentTier(p, b), TierName: p.Tiers[residentTier(p, b)].Name,
					NeedBytes: weightBytes(p), CapacityBytes: p.Tiers[residentTier(p, b)].Capacity}
			}
		}
	}
	if err := g.Finish(nil, true); err != nil {
		return nil, err
	}
	return finishResident(p, g.Plan(), ev)
}

// finishResident packs, stamps, times and checks a resident plan.
func finishResident(p *malloc.Program, plan *malloc.Plan, ev malloc.Evaluator) (*malloc.Plan, error) {
	if packed, err := malloc.Repack(p, plan); err == nil {
		plan = packed
	}
	plan.Solver = "resident"
	if err := malloc.Stamp(p, plan); err != nil {
		return nil, err
	}
	score, err := ev.Evaluate(p, plan)
	if err != nil {
		return nil, err
	}
	plan.ClaimedS, plan.PeriodS = score.TotalS, score.PeriodS
	report, err := malloc.Check(p, plan, ev)
	if err != nil {
		return nil, err
	}
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("resident plan: %w", err)
	}
	return plan, nil
}

// residentTier is the limited tier that a copy from a buffer's home reaches and
// that the default executor reads.
func residentTier(p *malloc.Program, buf int) int {
	for _, a := range p.Executors[0].Access {
		for _, e := range p.Engines {
			if e.From == p.Buffers[buf].Home && e.To == a.Tier {
				return a.Tier
			}
		}
	}
	return p.Executors[0].Access[0].Tier
}

func weightBytes(p *malloc.Program) int64 {
	var n int64
	for i := range p.Buffers {
		if p.Buffers[i].Kind == malloc.KindParam && p.Buffers[i].Select == nil {
			n += p.Buffers[i].Size
		}
	}
	return n
}

// Streams tells whether a plan copies anything in every iteration of the loop.
func Streams(p *malloc.Program, plan *malloc.Plan) bool {
	loop := p.PeriodicLoop()
	if loop == nil {
		return false
	}
	for _, c := range plan.Copies {
		if !c.Once && c.Start >= loop.Begin && c.Start < loop.End {
			return true
		}
	}
	return false
}
