package workflow

import (
	"fmt"
	"math"
	"sort"

	"strata/malloc"
	"strata/trace"
	"strata/ui/viz"
	"strata/workflow/export"
)

// PlanReport is the HTML report of a plan that was not run.
func PlanReport(p *malloc.Program, plan *malloc.Plan, s *SimulateResult) *export.Report {
	r := baseReport(p, plan, s.Timeline)
	if s.PredictedSPerToken > 0 {
		r.Verdict = fmt.Sprintf("This plan fits and is predicted to run in %.3g s: %.3g ms a token.", s.PredictedS, 1e3*s.PredictedSPerToken)
	} else {
		r.Verdict = fmt.Sprintf("This plan fits and is predicted to run in %.3g s.", s.PredictedS)
	}
	for _, t := range s.Tiers {
		if t.CapacityBytes != malloc.Unlimited {
			r.Rows = append(r.Rows, export.Row{Name: "peak of " + t.Name, Unit: export.UnitBytes, Predicted: float64(t.UsedBytes), Measured: export.Unknown})
		}
	}
	r.Rows = append(r.Rows,
		export.Row{Name: "prefill", Unit: export.UnitSeconds, Predicted: s.PrefillS, Measured: export.Unknown},
		export.Row{Name: "time per token", Unit: export.UnitSeconds, Predicted: s.PredictedSPerToken, Measured: export.Unknown},
		export.Row{Name: "whole run", Unit: export.UnitSeconds, Predicted: s.PredictedS, Measured: export.Unknown})
	return r
}

func baseReport(p *malloc.Program, plan *malloc.Plan, predicted *trace.Timeline) *export.Report {
	r := &export.Report{Program: p, Plan: plan, Predicted: predicted, LowerBoundS: plan.LowerS, Title: p.Name}
	if plan.Ext != nil {
		for name, s := range plan.Ext.Baselines {
			r.Baselines = append(r.Baselines, viz.Baseline{Name: name, PredictedS: s})
		}
		sort.Slice(r.Baselines, func(i, j int) bool { return r.Baselines[i].Name < r.Baselines[j].Name })
	}
	return r
}

// Report is the HTML report of a validation.
func (res *ValidateResult) Report() *export.Report {
	r := baseReport(res.Job.Program(), res.Plan, res.Predicted)
	r.Measured, r.State, r.Assumed = res.Measured, res.State, res.Job.Assumed
	t := &res.Time
	switch {
	case !res.Passed:
		r.Verdict, r.VerdictTone = "The plan failed its validation: "+res.Failures[0]+".", export.Bad
	case t.MeasuredSPerToken > 0:
		r.Verdict = fmt.Sprintf("The plan holds: bytes, requests and outputs are exactly as predicted; %.3g ms a token predicted, %.3g ms measured (%+.1f %%).",
			1e3*t.PredictedSPerToken, 1e3*t.MeasuredSPerToken, 100*t.RelError)
		switch {
		case t.Within == nil:
			r.Verdict += " The time does not count: the run was " + res.State + "."
		case *t.Within:
			r.VerdictTone = export.Good
		}
	default:
		r.Verdict, r.VerdictTone = "The plan holds: bytes, requests and outputs are exactly as predicted.", export.Good
	}
	exact := func(name, unit string, predicted, measured int64, note string) {
		tone := export.Good
		if predicted != measured {
			tone = export.Bad
		}
		r.Rows = append(r.Rows, export.Row{Name: name, Unit: unit, Predicted: float64(predicted), Measured: float64(measured), Tone: tone, Note: note})
	}
	for _, p := range res.Tiers {
		exact("peak of "+p.Name, export.UnitBytes, p.PredictedPeakBytes, p.MeasuredPeakBytes, "")
	}
	exact("read from the model file", export.UnitBytes, res.File.PredictedBytes, res.File.MeasuredBytes, "")
	exact("file requests", export.UnitCount, res.File.PredictedRequests, res.File.MeasuredRequests, "")
	if res.File.OSBytes >= 0 {
		r.Rows = append(r.Rows, export.Row{Name: "read, as the system counts", Unit: export.UnitBytes, Predicted: float64(res.File.PredictedBytes), Measured: float64(res.File.OSBytes), Note: res.StateReason})
	}
	timed := func(name string, predicted, measured float64, note string) {
		tone := export.Neutral
		if t.Within != nil && name == "time per token" {
			tone = export.Good
			if !*t.Within {
				tone = export.Bad
			}
		}
		r.Rows = append(r.Rows, export.Row{Name: name, Unit: export.UnitSeconds, Predicted: predicted, Measured: measured, Tone: tone, Note: note})
	}
	note := ""
	if res.Repeats > 1 {
		note = fmt.Sprintf("median of %d runs, spread %.1f %%", res.Repeats, 100*t.Spread)
	}
	timed("time per token", t.PredictedSPerToken, t.MeasuredSPerToken, note)
	timed("prefill", t.Prefill.PredictedS, t.Prefill.MeasuredS, "")
	identical := 0.0
	if res.OutputsIdentical {
		identical = 1
	}
	tone := export.Good
	if !res.OutputsIdentical {
		tone = export.Bad
	}
	r.Rows = append(r.Rows, export.Row{Name: "outputs identical to the all-resident run", Unit: export.UnitYesNo, Predicted: 1, Measured: identical, Tone: tone})
	r.Facts = []export.Fact{
		{Name: "tokens per second", Value: rate(t.MeasuredSPerToken)},
		{Name: "arena", Value: FormatBytes(res.Tiers[0].MeasuredPeakBytes)},
		{Name: "state", Value: res.State},
	}
	r.Provenance = append(r.Provenance,
		export.Fact{Name: "hardware profile", Value: fmt.Sprintf("%s, %s", res.Job.Machine.Name, res.Job.Machine.Date)},
		export.Fact{Name: "overhead beside the arena", Value: FormatBytes(res.OverheadBytes)})
	return r
}

func rate(s float64) string {
	if s <= 0 || math.IsNaN(s) {
		return "–"
	}
	return fmt.Sprintf("%.1f", 1/s)
}
