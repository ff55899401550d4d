package workflow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
)

// SearchBenchRequest says which searches to compare: every solver on every instance
// of a folder, for every time and seed, one after the other.
type SearchBenchRequest struct {
	Dir     string
	Solvers []string        // empty: all
	Times   []time.Duration // of one search
	Seeds   int
	// Evaluations, when not 0, takes the place of Times: the same on every machine.
	Evaluations int64
}

// SearchRun is one search.
type SearchRun struct {
	Instance    string  `json:"instance"`
	Solver      string  `json:"solver"`
	BudgetS     float64 `json:"budget_s"` // 0: by evaluations
	Seed        uint64  `json:"seed"`
	TotalS      float64 `json:"total_s"` // 0: the solver does not apply
	Evaluations int64   `json:"evaluations"`
	WallS       float64 `json:"wall_s"`
	Component   string  `json:"component"`
	Reason      string  `json:"reason,omitempty"` // why it does not apply
}

// SearchSummary is one solver on one instance with one budget, over the seeds.
type SearchSummary struct {
	Instance        string  `json:"instance"`
	Solver          string  `json:"solver"`
	BudgetS         float64 `json:"budget_s"`
	MeanS           float64 `json:"mean_s"`
	BestS           float64 `json:"best_s"`
	WorstS          float64 `json:"worst_s"`
	MeanEvaluations float64 `json:"mean_evaluations"`
	BoundS          float64 `json:"bound_s"`
	Gap             float64 `json:"gap"` // mean over the bound, minus 1; 0: no bound
	// OverTuned is by how much the mean is below the tuned greedy's with the same
	// budget, relative to it; OverDefault likewise for XLA's default setting.
	OverTuned   float64 `json:"over_tuned"`
	OverDefault float64 `json:"over_default"`
	// NeverWorse tells whether no seed ended above the tuned greedy's best.
	NeverWorse bool `json:"never_worse"`
}

// SearchBench is the result of a comparison.
type SearchBench struct {
	Runs    []SearchRun     `json:"runs"`
	Summary []SearchSummary `json:"summary"`
}

// The baselines that improvements are counted from.
const (
	tunedGreedy   = "xla-greedy"
	defaultGreedy = "xla-default"
)

// BenchSearch compares solvers. Same instance, simulator and checker for all: a
// solver's result has passed the checker before it comes back.
func BenchSearch(ctx context.Context, r SearchBenchRequest, progress Progress) (*SearchBench, error) {
	files, err := instancesIn(r.Dir)
	if err != nil {
		return nil, err
	}
	solvers := r.Solvers
	if len(solvers) == 0 {
		solvers = planner.Names()
	}
	for _, name := range solvers {
		if _, err := planner.New(name); err != nil {
			return nil, bad(err)
		}
	}
	times := r.Times
	if r.Evaluations > 0 {
		times = []time.Duration{0}
	}
	total, done := int64(len(files)*len(times)*len(solvers)*r.Seeds), int64(0)
	b := &SearchBench{Runs: []SearchRun{}, Summary: []SearchSummary{}}
	for _, file := range files {
		p, err := malloc.ReadProgram(file)
		if err != nil {
			return nil, bad(err)
		}
		bound, err := costmodel.BestBound(p)
		if err != nil {
			return nil, err
		}
		instance := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".gz"), ".json")
		for _, budget := range times {
			first := len(b.Runs)
			for _, name := range solvers {
				for seed := range r.Seeds {
					progress.report("searches", done, total)
					run, err := searchOnce(ctx, p, bound, name, planner.Budget{Time: budget, Evaluations: r.Evaluations}, uint64(seed+1))
					if err != nil {
						return nil, fmt.Errorf("%s: %s: %w", file, name, err)
					}
					if ctx.Err() != nil {
						return nil, ctx.Err()
					}
					run.Instance = instance
					b.Runs = append(b.Runs, run)
					done++
				}
			}
			b.Summary = append(b.Summary, summarise(b.Runs[first:], bound.TotalS)...)
		}
	}
	return b, nil
}

// instancesIn lists the instance files of a folder by name.
func instancesIn(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && (strings.HasSuffix(path, ".json") || strings.HasSuffix(path, ".json.gz")) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, bad(err)
	}
	if len(files) == 0 {
		return nil, Badf("%s: no instance files (*.json, *.json.gz) there; strata export --to mmap-instance writes them", dir)
	}
	slices.Sort(files)
	return files, nil
}

func searchOnce(ctx context.Context, p *malloc.Program, bound costmodel.Bound, name string, budget planner.Budget, seed uint64) (SearchRun, error) {
	run := SearchRun{Solver: name, BudgetS: budget.Time.Seconds(), Seed: seed}
	solver, err := planner.New(name)
	if err != nil {
		return run, err
	}
	res, err := solver.Solve(ctx, &planner.Problem{Program: p, LowerS: bound.TotalS, LowerPeriodS: bound.PerIterationS, Seed: seed}, budget, nil)
	var tight *malloc.InfeasibleError
	if errors.Is(err, planner.ErrNotApplicable) || errors.As(err, &tight) {
		run.Reason = err.Error()
		return run, nil
	}
	if err != nil {
		return run, err
	}
	run.TotalS, run.Evaluations, run.WallS, run.Component = res.Score.TotalS, res.Evaluations, res.WallS, res.Component
	return run, nil
}

// summarise condenses the runs of one instance and budget, solver by solver.
func summarise(runs []SearchRun, bound float64) []SearchSummary {
	var out []SearchSummary
	mean, best := map[string]float64{}, map[string]float64{}
	for _, r := range runs {
		if r.TotalS == 0 {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Solver != r.Solver {
			out = append(out, SearchSummary{Instance: r.Instance, Solver: r.Solver, BudgetS: r.BudgetS, BestS: r.TotalS, WorstS: r.TotalS, BoundS: bound})
		}
		s := &out[len(out)-1]
		s.BestS, s.WorstS = min(s.BestS, r.TotalS), max(s.WorstS, r.TotalS)
		s.MeanS += r.TotalS
		s.MeanEvaluations += float64(r.Evaluations)
	}
	for i := range out {
		s, n := &out[i], 0.0
		for _, r := range runs {
			if r.Solver == s.Solver && r.TotalS > 0 {
				n++
			}
		}
		s.MeanS, s.MeanEvaluations = s.MeanS/n, s.MeanEvaluations/n
		if bound > 0 {
			s.Gap = s.MeanS/bound - 1
		}
		mean[s.Solver], best[s.Solver] = s.MeanS, s.BestS
	}
	for i := range out {
		s := &out[i]
		if tuned := mean[tunedGreedy]; tuned > 0 {
			s.OverTuned = 1 - s.MeanS/tuned
			s.NeverWorse = s.WorstS <= best[tunedGreedy]*(1+1e-12)
		}
		if plain := mean[defaultGreedy]; plain > 0 {
			s.OverDefault = 1 - s.MeanS/plain
		}
	}
	return out
}
