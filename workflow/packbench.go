package workflow

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"strata/malloc/pack"
)

// minimallocS are the times of google/minimalloc at commit 9f5cf810 on the
// instances of its benchmarks/challenging: seconds of sweep and search with its
// default options, the least of four runs on a two-core machine of 2026
// (docs/packing.md). They are recorded, not measured again.
var minimallocS = map[string]float64{"A": 5.475, "B": 4.017, "C": 0.843, "D": 2.963, "E": 4.611, "F": 5.185, "G": 1.404, "H": 2.199, "I": 3.467, "J": 0.949, "K": 0.641}

// PackBenchOptions say how a folder is measured.
type PackBenchOptions struct {
	Seeds, Repeats int           // the best of Repeats for each of Seeds
	Time           time.Duration // longest single search
	Threads        int
	Mirrored       bool // rows shuffled by the seed, time reversed
	Off            pack.Rules
}

// PackBench is a folder's measurement.
type PackBench struct {
	Instances  []PackBenchRow `json:"instances"`
	Seeds      int            `json:"seeds"`
	Repeats    int            `json:"repeats"`
	Threads    int            `json:"threads"`
	Mirrored   bool           `json:"mirrored"`
	Without    []string       `json:"without"`          // rules left out
	GeoMean    float64        `json:"ratio_geo_mean"`   // of the medians' ratios, 0: nothing to compare
	WorstRatio float64        `json:"ratio_worst"`      // of a median
	WorstSeed  float64        `json:"ratio_worst_seed"` // of a single seed
}

// PackBenchRow is one instance's.
type PackBenchRow struct {
	Name        string  `json:"name"`
	Buffers     int     `json:"buffers"`
	Capacity    int64   `json:"capacity"`
	Load        int64   `json:"load"`
	Solved      int     `json:"solved"` // seeds
	MedianS     float64 `json:"median_s"`
	WorstS      float64 `json:"worst_s"`
	MedianNodes int64   `json:"median_nodes"`
	WorstNodes  int64   `json:"worst_nodes"`
	RecordedS   float64 `json:"recorded_s"` // minimalloc's, 0: none recorded
	Ratio       float64 `json:"ratio"`
	WorstRatio  float64 `json:"worst_ratio"`
}

// BenchPack solves every NAME.CAPACITY.csv of a folder with several seeds. A seed
// that ends without an answer counts with the time it took.
func BenchPack(ctx context.Context, dir string, o PackBenchOptions, progress Progress) (*PackBench, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		return nil, bad(err)
	}
	if len(files) == 0 {
		if _, err := os.Stat(dir); err != nil {
			return nil, bad(err)
		}
		return nil, Badf("%s: no file NAME.CAPACITY.csv in it, such as A.1048576.csv", dir)
	}
	b := &PackBench{Seeds: o.Seeds, Repeats: o.Repeats, Threads: o.Threads, Mirrored: o.Mirrored, Without: []string{}}
	for i, name := range pack.RuleNames() {
		if o.Off&(1<<i) != 0 {
			b.Without = append(b.Without, name)
		}
	}
	slices.Sort(files)
	logs, compared := 0.0, 0
	for n, path := range files {
		if progress != nil {
			progress("packing "+filepath.Base(path), int64(n), int64(len(files)))
		}
		row, err := benchOne(ctx, path, o)
		if err != nil {
			return nil, err
		}
		b.Instances = append(b.Instances, *row)
		if row.RecordedS > 0 {
			logs += math.Log(row.Ratio)
			compared++
			b.WorstRatio, b.WorstSeed = max(b.WorstRatio, row.Ratio), max(b.WorstSeed, row.WorstRatio)
		}
	}
	if compared > 0 {
		b.GeoMean = math.Exp(logs / float64(compared))
	}
	return b, nil
}

func benchOne(ctx context.Context, path string, o PackBenchOptions) (*PackBenchRow, error) {
	parts := strings.Split(filepath.Base(path), ".")
	capacity := int64(0)
	if len(parts) >= 3 {
		capacity, _ = strconv.ParseInt(parts[len(parts)-2], 10, 64)
	}
	if capacity <= 0 {
		return nil, Badf("%s: the file's name does not say its capacity; NAME.CAPACITY.csv is expected, such as A.1048576.csv", path)
	}
	t, err := OpenPacking(path)
	if err != nil {
		return nil, err
	}
	row := &PackBenchRow{Name: strings.Join(parts[:len(parts)-2], "."), Buffers: len(t.Rows), Capacity: capacity, Load: pack.Load(&t.Problem)}
	var times []float64
	var nodes []int64
	for seed := range o.Seeds {
		p := t.Problem
		if o.Mirrored {
			p = *pack.Mirrored(&p, uint64(seed))
		}
		p.Capacity = capacity
		best := math.Inf(1)
		var a *pack.Answer
		for range o.Repeats {
			limited, cancel := context.WithTimeout(ctx, o.Time)
			began := time.Now()
			a, err = pack.Solve(limited, &p, pack.Options{Seed: uint64(seed), Threads: o.Threads, Off: o.Off})
			best = min(best, time.Since(began).Seconds())
			cancel()
			if err != nil {
				return nil, err
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		times, nodes = append(times, best), append(nodes, a.Nodes)
		if a.Status == pack.Solved {
			if err := pack.Check(&p, a.Offsets); err != nil {
				return nil, err
			}
			row.Solved++
		}
	}
	slices.Sort(times)
	slices.Sort(nodes)
	row.MedianS, row.WorstS = times[len(times)/2], times[len(times)-1]
	row.MedianNodes, row.WorstNodes = nodes[len(nodes)/2], nodes[len(nodes)-1]
	if s := minimallocS[row.Name]; s > 0 && capacity == 1<<20 {
		row.RecordedS, row.Ratio, row.WorstRatio = s, row.MedianS/s, row.WorstS/s
	}
	return row, nil
}
