package planner

import (
	"context"
	"flag"
	"fmt"
	"math"
	"testing"
	"time"

	"strata/convert"
	"strata/convert/generate"
	"strata/costmodel"
	"strata/malloc"
)

// generated is an instance of a family on a shipped machine, one tier at a share
// of all bytes.
func generated(tb testing.TB, family, machine, tier string, seed uint64, scale, share float64) *malloc.Program {
	tb.Helper()
	s, err := generate.Generate(family, seed, scale)
	if err != nil {
		tb.Fatal(err)
	}
	hw, err := costmodel.Shipped(machine)
	if err != nil {
		tb.Fatal(err)
	}
	all := 0.0
	for i := range s.Values {
		all += float64(s.Values[i].Bytes)
	}
	p, err := convert.Lower(s, hw, convert.Options{Capacities: map[string]int64{tier: int64(math.Ceil(share*all/4096)) * 4096}})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Every prior and value plays legal games in every order on every shape, equally
// for equal seeds.
func TestLearnedPriorPlaysEverywhere(t *testing.T) {
	shapes := map[string]*malloc.Program{
		"decode":    smallDecode(2, 3, 0.6).build(),
		"straight":  straightShape(3, 16, 0.2),
		"desktop":   gpuShape(2, 8<<20, 16<<20, true),
		"recurrent": generated(t, "recurrent", "h100-80gb", "hbm", 3, 0.4, 0.4),
	}
	for name, program := range shapes {
		for _, opt := range []AgentOptions{
			{Prior: LearnedPrior, Replay: true},
			{Prior: LearnedPrior, Window: -1, ProgramOrder: true},
			{Prior: LearnedPrior, Value: LearnedValue, Policy: "puct"},
			{Value: LearnedValue},
		} {
			p := problem(t, program, 5)
			r, err := NewAgent(opt).Solve(context.Background(), p, Budget{Evaluations: 60}, nil)
			if err != nil {
				t.Fatalf("%s %+v: %v", name, opt, err)
			}
			verify(t, "mcts", p, r)
			again, err := NewAgent(opt).Solve(context.Background(), p, Budget{Evaluations: 60}, nil)
			if err != nil || again.Score != r.Score {
				t.Errorf("%s %+v: %v once, %v again (%v)", name, opt, r.Score, again.Score, err)
			}
		}
	}
}

// What the network sees does not change when all sizes, or all times, do.
func TestFeaturesAreScaleFree(t *testing.T) {
	look := func(p *malloc.Program) [][]float64 {
		a, err := begin(context.Background(), problem(t, p, 1), Budget{}, nil, "test")
		if err != nil {
			t.Fatal(err)
		}
		e, openings, err := NewAgent(AgentOptions{Prior: LearnedPrior}).(agent).table(a)
		if err != nil {
			t.Fatal(err)
		}
		e.found = func(*malloc.Game, float64) {}
		e.believe(openings[0])
		e.begin(e.game.Mark(), everything(e))
		var seen [][]float64
		for {
			d, ok := e.settle()
			if !ok || e.err != nil {
				break
			}
			s := e.learned.sample(e, d, nil)
			seen = append(seen, append(s.State, s.Actions...))
			e.play(e.legal[len(seen)%len(e.legal)])
		}
		return seen
	}
	p := straightShape(4, 14, 0.3)
	larger := straightShape(4, 14, 0.3)
	for i := range larger.Tiers {
		x := &larger.Tiers[i]
		x.Align *= 4
		x.ReadBW, x.WriteBW = 2*x.ReadBW, 2*x.WriteBW // bytes by 4, times by 2
		if x.Capacity != malloc.Unlimited {
			x.Capacity *= 4
		}
	}
	for i := range larger.Engines {
		x := &larger.Engines[i]
		x.BW, x.LatencyS, x.RequestBytes, x.IOAlign = 2*x.BW, 2*x.LatencyS, 4*x.RequestBytes, 4*x.IOAlign
	}
	for i := range larger.Executors {
		for k := range larger.Executors[i].Access {
			x := &larger.Executors[i].Access[k]
			x.ReadBW, x.WriteBW = 2*x.ReadBW, 2*x.WriteBW
		}
	}
	for i := range larger.Buffers {
		larger.Buffers[i].Size *= 4
	}
	for i := range larger.Instructions {
		in := &larger.Instructions[i]
		in.ComputeS *= 2
		for _, list := range [][]malloc.Operand{in.Reads, in.Writes} {
			for k := range list {
				list[k].Bytes *= 4
			}
		}
		for tier := range in.Scratch {
			in.Scratch[tier] *= 4
		}
	}
	a, b := look(p), look(larger)
	if len(a) == 0 || len(a) != len(b) {
		t.Fatalf("%d decisions, of the larger instance %d", len(a), len(b))
	}
	for i := range a {
		for k := range a[i] {
			if math.Abs(a[i][k]-b[i][k]) > 1e-6 {
				t.Fatalf("decision %d, feature %d: %g, of the larger instance %g", i, k, a[i][k], b[i][k])
			}
		}
	}
}

// A tiny training reproduces, learns something, and holds out what it is told to.
func TestTrainingReproduces(t *testing.T) {
	var list []TrainingProblem
	for i, family := range []string{"transformer-prefill", "moe"} {
		p := generated(t, family, "h100-80gb", "hbm", 2, 0.25, 0.4)
		list = append(list, TrainingProblem{Family: family, Name: family, HeldOut: i == 1, Problem: problem(t, p, 1)})
	}
	opt := TrainingOptions{Seed: 4, TeacherEvaluations: 200, Games: 3, Epochs: 4, SelfEvaluations: 60}
	n, record, err := Train(context.Background(), list, opt)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := Train(context.Background(), list, opt)
	if err != nil {
		t.Fatal(err)
	}
	if n.SHA256() != again.SHA256() {
		t.Error("the same options trained other weights")
	}
	first, last := record.Stages[0].Epochs[0], record.Stages[0].Epochs[3]
	if !(last.Policy < first.Policy) || len(record.Stages) != 2 || len(record.Families) != 1 || len(record.HeldOut) != 1 || record.Kept == "" {
		t.Errorf("record: %+v", record)
	}
	list[0].HeldOut = true
	if _, _, err := Train(context.Background(), list, opt); err == nil {
		t.Error("a training without a family to learn from is taken")
	}
}

var priorTime = flag.Duration("prior.time", time.Second, "wall time of each search in BenchmarkPrior")

// BenchmarkPrior is the gate of the learned agent: equal instances of families
// that it has not seen, and the sample's decode, at equal wall time and at equal
// evaluations.
func BenchmarkPrior(b *testing.B) {
	sample, err := malloc.ReadProgram("../testdata/instances/smollm2-decode.json.gz")
	if err != nil {
		b.Fatal(err)
	}
	instances := []namedShape{{"sample decode, 50 %", sample}}
	for _, c := range []struct {
		family, machine, tier string
		seed                  uint64
		scale, share          float64
	}{
		{"recurrent", "h100-80gb", "hbm", 101, 1, 0.5},
		{"recurrent", "tpu-v4i", "cmem", 102, 1, 0.3},
		{"moe", "h100-80gb", "hbm", 103, 1, 0.3},
		{"moe", "h100-80gb", "hbm", 104, 4, 0.3},
		{"moe", "tpu-v4i", "cmem", 105, 1, 0.3},
		{"moe", "laptop", "dram", 106, 1, 0.4},
	} {
		name := fmt.Sprintf("%s ×%g, %s at %g %%", c.family, c.scale, c.machine, 100*c.share)
		instances = append(instances, namedShape{name, generated(b, c.family, c.machine, c.tier, c.seed, c.scale, c.share)})
	}
	agents := []struct {
		name string
		opt  AgentOptions
	}{
		{"informed", AgentOptions{}}, {"informed, replay", AgentOptions{Replay: true}},
		{"prior, replay", AgentOptions{Prior: LearnedPrior, Replay: true}},
		{"both, replay", AgentOptions{Prior: LearnedPrior, Value: LearnedValue, Replay: true}},
	}
	for b.Loop() {
		for _, in := range instances {
			bound, err := costmodel.BestBound(in.p)
			if err != nil {
				b.Fatal(err)
			}
			for _, budget := range []Budget{{Evaluations: 50}, {Time: *priorTime}} {
				for _, c := range agents {
					means, evaluations := 0.0, int64(0)
					for seed := range *benchSeeds {
						p := &Problem{Program: in.p, LowerS: bound.TotalS, LowerPeriodS: bound.PerIterationS, Seed: uint64(seed)}
						r, err := NewAgent(c.opt).Solve(context.Background(), p, budget, nil)
						if err != nil {
							b.Fatal(err)
						}
						if r.Rejected > 0 {
							b.Errorf("%s on %s: %d plans refused, first: %v", c.name, in.name, r.Rejected, r.FirstRejection)
						}
						means += math.Log(r.Score.TotalS)
						evaluations += r.Evaluations
					}
					n := float64(*benchSeeds)
					fmt.Printf("%-32s %4d evaluations %4s  %-14s mean %.5g ms, over the bound %.4f, %.0f evaluations a run\n", in.name, budget.Evaluations, budget.Time, c.name,
						1e3*math.Exp(means/n), math.Exp(means/n)/bound.TotalS, float64(evaluations)/n)
				}
			}
		}
	}
}
