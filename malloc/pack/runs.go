package pack

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// config is how one run of the search chooses.
type config struct {
	score Score
	rank  Rank
}

// portfolio is the rotation of runs: no single choice is good everywhere.
var portfolio = [...]config{
	{ByFailures, Rank{'A', 'T', 'W'}},
	{BySlack, Rank{'W', 'A', 'T'}},
	{ByRivals, Rank{'T', 'A', 'W'}},
	{ByFloor, Rank{'T', 'W', 'A'}},
	{BySlackFilled, Rank{'Z', 'W', 'T'}},
	{Canonical, Rank{'W', 'A', 'T'}},
	{ByFailures, Rank{'W', 'A', 'T'}},
	{ByRivals, Rank{'Z', 'W', 'T'}},
	{BySlack, Rank{'A', 'T', 'W'}},
	{Canonical, Rank{'T', 'A', 'W'}},
	{ByFloor, Rank{'A', 'T', 'W'}},
}

// noises follow each other from pass to pass of the portfolio.
var noises = [...]float64{0.01, 0.03, 0.10, 0.20}

const (
	lubyUnit = 150 // failures
	batch    = 4   // runs that start from the same failure counts
)

// luby is the i-th term of 1 1 2 1 1 2 4 …, i from 1.
func luby(i int) int64 {
	for k := 1; ; k++ {
		switch {
		case i == 1<<k-1:
			return 1 << (k - 1)
		case i < 1<<k-1:
			return luby(i - (1<<(k-1) - 1))
		}
	}
}

// search is a series of runs over one instance. Runs of a batch are independent
// of each other and the first by number that ends decides, so the threads that
// share them change nothing.
type search struct {
	in      *instance
	o       Options
	weight  []int32 // failures of each section in the batches before
	workers []*searcher
}

// result is one run's end, or all runs'.
type result struct {
	outcome         outcome
	nodes, failures int64
	runs            int
	weight          []int32
	place           []int32 // lowest places, if found
}

// solve runs until an outcome, about maxNodes (0: no limit) or the context's end.
func (s *search) solve(ctx context.Context, maxNodes int64) result {
	var sum result
	s.weight = make([]int32, len(s.in.total))
	for len(s.workers) < min(max(s.o.Threads, 1), batch) {
		s.workers = append(s.workers, newSearcher(s.in, s.o.Off))
	}
	for first := 0; ; first += batch {
		share := int64(math.MaxInt64)
		if maxNodes > 0 {
			share = max((maxNodes-sum.nodes)/batch, 1)
		}
		results := s.batch(ctx, first, share)
		weight := slices.Clone(s.weight)
		for k := range results {
			r := &results[k]
			sum.nodes += r.nodes
			sum.failures += r.failures
			sum.runs++
			if r.outcome != cut {
				sum.outcome, sum.place = r.outcome, r.place
				return sum
			}
			for i, x := range r.weight {
				weight[i] += x - s.weight[i]
			}
		}
		s.weight = weight
		if ctx.Err() != nil || maxNodes > 0 && sum.nodes >= maxNodes || s.o.Off&RuleRestarts != 0 {
			return sum
		}
	}
}

// batch makes the runs from first on, on all workers.
func (s *search) batch(ctx context.Context, first int, maxNodes int64) (results [batch]result) {
	var next, won atomic.Int64
	won.Store(batch)
	work := func(w *searcher) {
		for k := next.Add(1) - 1; k < won.Load(); k = next.Add(1) - 1 {
			stop := func() bool { return won.Load() < k || ctx.Err() != nil }
			results[k] = s.run(w, first+int(k), maxNodes, stop)
			if results[k].outcome == cut {
				continue
			}
			for old := won.Load(); k < old && !won.CompareAndSwap(old, k); old = won.Load() {
			}
		}
	}
	if len(s.workers) == 1 {
		work(s.workers[0])
		return results
	}
	var wg sync.WaitGroup
	for _, w := range s.workers {
		wg.Go(func() { work(w) })
	}
	wg.Wait()
	return results
}

// run makes one run. Later passes of the portfolio disturb the ranks.
func (s *search) run(w *searcher, run int, maxNodes int64, stop func() bool) result {
	c, failures := portfolio[run%len(portfolio)], lubyUnit*luby(run+1)
	if s.o.Off&RulePortfolio != 0 {
		c = portfolio[0]
	}
	if s.o.Off&RuleRestarts != 0 {
		failures = math.MaxInt64
	}
	noise := 0.0
	if pass := run / len(portfolio); pass > 0 {
		noise = noises[(pass-1)%len(noises)]
	} else if s.o.Off&RulePortfolio != 0 && run > 0 {
		noise = noises[(run-1)%len(noises)]
	}
	rnd := rand.New(rand.NewPCG(s.o.Seed, uint64(run)))
	s.in.rankItems(w.rank, c.rank, noise, rnd)
	w.reset()
	copy(w.weight, s.weight)
	r := result{outcome: w.run(c.score, failures, maxNodes, stop)}
	r.nodes, r.failures, r.weight = w.nodes, w.failures, slices.Clone(w.weight)
	if r.outcome == found {
		r.place = slices.Clone(w.lb)
	}
	return r
}
