package costmodel_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
	"strata/simulate"
)

// sharedCores is the test profile with copies that take most of what computing
// gives up, as a small virtual machine measures it.
func sharedCores(t *testing.T) *costmodel.Profile {
	t.Helper()
	hw, err := costmodel.Shipped("test-periodic")
	if err != nil {
		t.Fatal(err)
	}
	source := hw.Overlap.CopyComputeFraction.Source
	hw.Overlap.CopyComputeFraction = costmodel.Value{V: 0.15, Source: source}
	hw.Overlap.ComputeSlowdown = costmodel.Value{V: 1.9, Source: source}
	hw.Overlap.CopySlowdown = costmodel.Value{V: 1.8, Source: source}
	return hw
}

// With memory to spare nothing is streamed where streaming takes from computing:
// no solver may count a byte beside the computation as free.
func TestAmpleMemoryStaysResident(t *testing.T) {
	for _, dram := range []int64{2 << 30, 22 << 30} {
		// A disk that bounds the prefill: leaving some reads to the loop would shorten it.
		hw := sharedCores(t)
		hw.Links[0].BW.V = 0.6e9
		l := lowerSampleOn(t, hw, sampleWork(), map[string]int64{"dram": dram})
		resident, err := planner.Resident(l.Program)
		if err != nil {
			t.Fatal(err)
		}
		if planner.Streams(l.Program, resident) {
			t.Fatal("the resident plan streams")
		}
		for _, name := range []string{"auto", "pin-stream"} {
			solver, err := planner.New(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := solver.Solve(context.Background(), &planner.Problem{Program: l.Program}, planner.Budget{Evaluations: 300}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if planner.Streams(l.Program, r.Plan) {
				t.Errorf("%s streams %d bytes a token under %d bytes of memory", name, streamedBytes(l.Program, r.Plan), dram)
			}
			if best := score(t, l.Program, resident); r.Score.PeriodS > best.PeriodS*1.0001 {
				t.Errorf("%s: %g s an iteration, resident %g s", name, r.Score.PeriodS, best.PeriodS)
			}
		}
	}
}

// Every streamed byte costs (1 − φ) of its copy's time where computation bounds
// the iteration, and the instance's copies and computation alone keep their times.
func TestStreamingTakesFromComputing(t *testing.T) {
	hw := sharedCores(t)
	free, err := costmodel.Shipped("test-periodic")
	if err != nil {
		t.Fatal(err)
	}
	ample := map[string]int64{"dram": 2 << 30}
	shared, alone := lowerSampleOn(t, hw, sampleWork(), ample), lowerSampleOn(t, free, sampleWork(), ample)
	resident, err := planner.Resident(shared.Program)
	if err != nil {
		t.Fatal(err)
	}
	a, b := score(t, shared.Program, resident), score(t, alone.Program, resident)
	if math.Abs(a.PeriodS-b.PeriodS) > 0.02*b.PeriodS {
		t.Errorf("resident: %g s an iteration with shared cores, %g s without: nothing is copied", a.PeriodS, b.PeriodS)
	}
	// A plan made where copies are free, under 96 % of the weights.
	tight := map[string]int64{"dram": int64(0.96*float64(alone.Sums.WeightsBytes)) + alone.Sums.KVBytes + alone.Sums.ComputeBytes}
	tightFree := lowerSampleOn(t, free, sampleWork(), tight)
	solver, err := planner.New("pin-stream")
	if err != nil {
		t.Fatal(err)
	}
	r, err := solver.Solve(context.Background(), &planner.Problem{Program: tightFree.Program}, planner.Budget{Evaluations: 300}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tightShared := lowerSampleOn(t, hw, sampleWork(), tight)
	i := slices.IndexFunc(tightFree.Program.Engines, func(e malloc.Engine) bool { return e.From == tightFree.FileTier })
	copying := float64(streamedBytes(tightFree.Program, r.Plan)) / tightFree.Program.Engines[i].BW
	with, without := score(t, tightShared.Program, r.Plan), score(t, tightFree.Program, r.Plan)
	extra, want := with.PeriodS-without.PeriodS, (1-hw.Overlap.CopyComputeFraction.V)*copying
	if copying == 0 || extra < 0.7*want || extra > 1.3*want {
		t.Errorf("streaming for %.3g ms beside %.3g ms of computation: shared cores add %.3g ms, want about %.3g ms", 1e3*copying, 1e3*b.PeriodS, 1e3*extra, 1e3*want)
	}
}

func score(t *testing.T, p *malloc.Program, plan *malloc.Plan) malloc.Score {
	t.Helper()
	s, err := simulate.New().Evaluate(p, plan)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func streamedBytes(p *malloc.Program, plan *malloc.Plan) int64 {
	loop, n := p.PeriodicLoop(), int64(0)
	for _, c := range plan.Copies {
		if !c.Once && c.Start >= loop.Begin && c.Start < loop.End {
			n += c.Bytes
		}
	}
	return n
}

// While a weight comes from the file for the first time, computing waits for the
// part that the two do not hide; a second micro-batch finds it in memory.
func TestTheFirstReadingOfAWeightTakesFromComputing(t *testing.T) {
	free, err := costmodel.Shipped("test-periodic")
	if err != nil {
		t.Fatal(err)
	}
	work := sampleWork()
	work.Prompt, work.Ubatch, work.Context = 128, 64, 256
	ample := map[string]int64{"dram": 2 << 30}
	shared, alone := lowerSampleOn(t, sharedCores(t), work, ample), lowerSampleOn(t, free, work, ample)
	var added, computing float64 // of the first micro-batch
	for i := range shared.Program.PeriodicLoop().Begin {
		x, y := &shared.Program.Instructions[i], &alone.Program.Instructions[i]
		longer := x.ComputeS - y.ComputeS
		switch {
		case longer < 0:
			t.Errorf("%s: %g s, %g s with copies that cost nothing", x.Name, x.ComputeS, y.ComputeS)
		case x.Ref.Ubatch == 0:
			added, computing = added+longer, computing+y.ComputeS
		case strings.Contains(x.Name, ".qkv.") && longer > 0:
			t.Errorf("%s takes %g s longer, though its weights are there", x.Name, longer)
		}
	}
	reading := float64(shared.Sums.WeightsBytes) / free.Links[0].BW.V
	if most := 0.85 * min(reading, computing); added < most/2 || added > most*1.001 {
		t.Errorf("the first micro-batch takes %g s longer; its weights take %g s of the link, its computation %g s", added, reading, computing)
	}
}
