package workflow_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"strata/malloc"
	"strata/workflow"
)

// BenchmarkPrediction proves predicted times: six plans of the sample model whose
// predictions are at least 10 % apart, each run in turn on this host, calibrated
// before. It reports the median error of steady streaming runs, the error with
// everything resident, and Spearman's rank correlation of predicted and measured.
func BenchmarkPrediction(b *testing.B) {
	m := sample(b)
	if _, err := workflow.LoadMachine(""); err != nil {
		b.Skipf("not run: %v", err)
	}
	type plan struct{ path, dram string }
	var plans []*plan
	last := math.Inf(1)
	for _, dram := range []string{"20%", "35%", "50%", "65%", "75%", "85%", "92%", "100%"} {
		size, err := workflow.ParseSize(dram)
		if err != nil {
			b.Fatal(err)
		}
		res, err := workflow.MakePlan(context.Background(), m, workflow.Request{Dram: size, Prompt: 64, Gen: 32},
			workflow.SearchOptions{Solver: "auto", Evaluations: 1000, Seed: 1}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if res.PredictedSPerToken > last/1.1 {
			continue
		}
		last = res.PredictedSPerToken
		p := &plan{path: filepath.Join(b.TempDir(), "plan.json"), dram: dram}
		if err := malloc.WritePlan(p.path, res.Plan); err != nil {
			b.Fatal(err)
		}
		plans = append(plans, p)
	}
	var streaming, resident []float64
	var predicted, measured []float64
	steady := 0
	for b.Loop() {
		for _, p := range plans {
			res, err := workflow.Validate(context.Background(), m, workflow.ValidateRequest{PlanPath: p.path, Repeat: 3}, nil)
			if err != nil {
				b.Fatal(err)
			}
			if !res.Passed {
				b.Fatalf("%s: %v", p.dram, res.Failures)
			}
			t := res.Time
			b.Logf("%5s %-9s predicted %6.2f ms, measured %6.2f ms (%+.1f %%), spread %4.1f %%, %d steady runs, probes %.2f GB/s",
				p.dram, res.State, 1e3*t.PredictedSPerToken, 1e3*t.MeasuredSPerToken, 100*t.RelError, 100*t.Spread, res.SteadyRuns, gigabytes(res.DiskProbes))
			switch res.State {
			case workflow.StateResident:
				resident = append(resident, math.Abs(t.RelError))
			case workflow.StateCold:
				steady += res.SteadyRuns
				streaming = append(streaming, math.Abs(t.RelError))
			}
			predicted, measured = append(predicted, t.PredictedSPerToken), append(measured, t.MeasuredSPerToken)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(steady), "steady-runs")
	b.ReportMetric(100*middle(streaming), "%-error-streaming")
	b.ReportMetric(100*middle(resident), "%-error-resident")
	b.ReportMetric(spearman(predicted, measured), "rank-correlation")
}

func gigabytes(x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] / 1e9
	}
	return out
}

func middle(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spearman is the rank correlation of two lists without ties.
func spearman(a, b []float64) float64 {
	rank := func(x []float64) []float64 {
		order := make([]int, len(x))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int {
			switch {
			case x[i] < x[j]:
				return -1
			case x[i] > x[j]:
				return 1
			}
			return 0
		})
		r := make([]float64, len(x))
		for k, i := range order {
			r[i] = float64(k)
		}
		return r
	}
	ra, rb, n := rank(a), rank(b), float64(len(a))
	d := 0.0
	for i := range ra {
		d += (ra[i] - rb[i]) * (ra[i] - rb[i])
	}
	return 1 - 6*d/(n*(n*n-1))
}
