package planner

import (
	"context"
	"flag"
	"fmt"
	"math"
	"testing"
	"time"

	"strata/costmodel"
	"strata/malloc"
)

var (
	benchTime  = flag.Duration("search.time", time.Second, "wall time of each solver in BenchmarkSearch")
	benchSeeds = flag.Int("search.seeds", 5, "seeds in BenchmarkSearch")
)

// searchInstances are what the solvers are compared on: the sample model's decode
// and shapes of each family, large enough that no solver ends early.
func searchInstances(tb testing.TB) []namedShape {
	sample, err := malloc.ReadProgram("../testdata/instances/smollm2-decode.json.gz")
	if err != nil {
		tb.Fatal(err)
	}
	reachable := smallDecode(6, 8, 0.4)
	reachable.ReachableSlow = true
	return []namedShape{
		{"sample decode, 50 %", sample},
		{"decode, 8 layers at 40 %", smallDecode(8, 8, 0.4).build()},
		{"decode, reachable file", reachable.build()},
		{"desktop, 8 layers", gpuShape(8, 24<<20, 48<<20, true)},
		{"straight, 300 at 5 %", straightShape(5, 300, 0.05)},
		{"straight, 120 at 3 %", straightShape(8, 120, 0.03)},
	}
}

// BenchmarkSearch is the ablation of docs/search.md: every solver, and auto with
// the agent in the place of lns, on equal instances for equal wall times.
func BenchmarkSearch(b *testing.B) {
	for b.Loop() {
		for _, in := range searchInstances(b) {
			bound, err := costmodel.BestBound(in.p)
			if err != nil {
				b.Fatal(err)
			}
			for _, c := range []struct {
				name   string
				solver Solver
			}{
				{"pin-stream", pinStream{}}, {"xla-greedy", xlaGreedy{"xla-greedy", xlaSweep}}, {"mcts", NewAgent(AgentOptions{})},
				{"lns", lnsSolver{}}, {"auto, mcts last", autoSolver{last: "mcts"}}, {"auto", autoSolver{}},
			} {
				sum, worst, evaluations, n := 0.0, 0.0, int64(0), 0
				for seed := range *benchSeeds {
					p := &Problem{Program: in.p, LowerS: bound.TotalS, LowerPeriodS: bound.PerIterationS, Seed: uint64(seed)}
					r, err := c.solver.Solve(context.Background(), p, Budget{Time: *benchTime}, nil)
					if err != nil {
						fmt.Printf("%-26s %-16s %v\n", in.name, c.name, err)
						break
					}
					if r.Rejected > 0 {
						b.Errorf("%s on %s: %d plans refused, first: %v", c.name, in.name, r.Rejected, r.FirstRejection)
					}
					sum += math.Log(r.Score.TotalS)
					worst = max(worst, r.Score.TotalS)
					evaluations += r.Evaluations
					n++
				}
				if n > 0 {
					fmt.Printf("%-26s %-16s mean %.6g ms, worst %.6g ms of %d seeds, over the bound %.3f, %d evaluations a run\n",
						in.name, c.name, 1e3*math.Exp(sum/float64(n)), 1e3*worst, n, math.Exp(sum/float64(n))/bound.TotalS, evaluations/int64(n))
				}
			}
		}
	}
}
