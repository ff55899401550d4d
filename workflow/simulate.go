package workflow

import (
	"strata/malloc"
	"strata/simulate"
	"strata/trace"
)

// SimulateResult is what is predicted of a plan.
type SimulateResult struct {
	PredictedS         float64          `json:"predicted_s"`
	PrefillS           float64          `json:"prefill_s"`
	PredictedSPerToken float64          `json:"predicted_s_per_token"`
	WaitS              float64          `json:"wait_s"`
	EnergyJ            float64          `json:"energy_j"`
	ClaimedS           float64          `json:"claimed_s"` // what the plan says, perhaps of an older calibration
	Traffic            []malloc.Traffic `json:"traffic"`
	Tiers              []TierUse        `json:"tiers"`

	Timeline *trace.Timeline `json:"-"`
}

// Simulate predicts a checked plan.
func Simulate(p *malloc.Program, plan *malloc.Plan) (*SimulateResult, error) {
	sim := simulate.New()
	report, err := sim.Report(p, plan)
	if err != nil {
		return nil, err
	}
	res := &SimulateResult{PredictedS: report.TotalS, PrefillS: report.BeforeS, WaitS: report.WaitS, EnergyJ: report.EnergyJ,
		ClaimedS: plan.ClaimedS, Traffic: nonNil(report.Traffic)}
	if loop := p.PeriodicLoop(); loop != nil {
		res.PredictedSPerToken = report.LoopS / float64(loop.Trip)
	}
	for t, used := range peaksOf(p, plan) {
		res.Tiers = append(res.Tiers, TierUse{p.Tiers[t].Name, p.Tiers[t].Capacity, used})
	}
	res.Timeline, err = sim.Timeline(p, plan, simulate.TimelineOptions{MaxIterations: traceIterations})
	return res, err
}

// LoadInstance reads an instance and, with a path, a plan for it.
func LoadInstance(instance, planPath string) (*malloc.Program, *malloc.Plan, error) {
	p, err := malloc.ReadProgram(instance)
	if err != nil {
		return nil, nil, bad(err)
	}
	if planPath == "" {
		return p, nil, nil
	}
	plan, err := malloc.ReadPlan(planPath)
	if err != nil {
		return nil, nil, bad(err)
	}
	return p, plan, CheckPlan(planPath, p, plan)
}
