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
	{ByRivals, Rank{'Z', 'W', 'T'}},
	{BySlackFilled, Rank{'W', 'A', 'T'}},
	{ByFloor, Rank{'T', 'W', 'A'}},
	{BySlack, Rank{'T', 'W', 'A'}},
	{Canonical, Rank{'O', 'A', 'T'}},
	{ByFailures, Rank{'O', 'A', 'T'}},
	{ByRivals, Rank{'T', 'W', 'A'}},
	{ByFailures, Rank{'A', 'W', 'T'}},
	{ByFloor, Rank{'O', 'A', 'T'}},
	{Canonical, Rank{'W', 'A', 'T'}},
	{BySlack, Rank{'O', 'A', 'T'}},
}

// noises follow each other from pass to pass of the portfolio.
var noises = [...]float64{0.01, 0.03, 0.10, 0.20}

const (
	lubyUnit = 75 // failures
	batch    = 4  // runs that start from the same failure counts
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
	fresh   bool    // capacities differ from run to run
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

// solve runs under one capacity until an outcome, about maxNodes (0: no limit) or
// the context's end.
func (s *search) solve(ctx context.Context, capacity int32, maxNodes int64) result {
	var sum result
	var caps [batch]int32
	for k := range caps {
		caps[k] = capacity
	}
	s.start()
	for first := 0; ; first += batch {
		left := int64(math.MaxInt64)
		if maxNodes > 0 {
			left = max(maxNodes-sum.nodes, 1)
		}
		for _, r := range s.batch(ctx, first, caps, left, true) {
			if sum.add(&r); r.outcome != cut {
				sum.outcome, sum.place = r.outcome, r.place
				return sum
			}
		}
		if ctx.Err() != nil || maxNodes > 0 && sum.nodes >= maxNodes || s.o.Off&RuleRestarts != 0 {
			return sum
		}
	}
}

func (r *result) add(x *result) {
	r.nodes, r.failures, r.runs = r.nodes+x.nodes, r.failures+x.failures, r.runs+x.runs
}

func (s *search) start() {
	s.weight = make([]int32, len(s.in.total))
	for len(s.workers) < min(max(s.o.Threads, 1), batch) {
		s.workers = append(s.workers, newSearcher(s.in, s.o.Off))
	}
}

// batch makes the runs from first on, on all workers, each under its capacity. In
// a race the first by number to end makes the later ones void.
func (s *search) batch(ctx context.Context, first int, caps [batch]int32, maxNodes int64, race bool) (results [batch]result) {
	var next, won atomic.Int64
	won.Store(batch)
	work := func(w *searcher) {
		for k := next.Add(1) - 1; k < won.Load(); k = next.Add(1) - 1 {
			stop := func() bool { return won.Load() < k || ctx.Err() != nil }
			results[k] = s.run(w, first+int(k), caps[k], maxNodes, stop)
			if results[k].outcome == cut || !race {
				continue
			}
			for old := won.Load(); k < old && !won.CompareAndSwap(old, k); old = won.Load() {
			}
		}
	}
	if len(s.workers) == 1 {
		work(s.workers[0])
	} else {
		var wg sync.WaitGroup
		for _, w := range s.workers {
			wg.Go(func() { work(w) })
		}
		wg.Wait()
	}
	weight := slices.Clone(s.weight)
	for k := range results[:won.Load()] {
		for i, x := range results[k].weight {
			weight[i] += x - s.weight[i]
		}
	}
	s.weight = weight
	return results
}

// run makes one run. Later passes of the portfolio disturb the ranks.
func (s *search) run(w *searcher, run int, capacity int32, maxNodes int64, stop func() bool) result {
	c, failures := portfolio[run%len(portfolio)], lubyUnit*luby(run+1)
	if s.o.Off&RulePortfolio != 0 {
		c = portfolio[0]
	}
	if s.o.Off&RuleRestarts != 0 {
		failures = math.MaxInt64
	}
	pass := run / len(portfolio)
	if s.o.Off&RulePortfolio != 0 {
		pass = run
	}
	noise := 0.0
	if s.fresh { // the capacity changes as well: every second pass is exact
		if pass%2 == 1 {
			noise = noises[pass/2%len(noises)]
		}
	} else if pass > 0 {
		noise = noises[(pass-1)%len(noises)]
	}
	rnd := rand.New(rand.NewPCG(s.o.Seed, uint64(run)))
	s.in.rankItems(w.rank, c.rank, noise, rnd)
	w.reset(capacity)
	copy(w.weight, s.weight)
	r := result{runs: 1, outcome: w.run(c.score, failures, maxNodes, stop)}
	r.nodes, r.failures, r.weight = w.nodes, w.failures, slices.Clone(w.weight)
	if r.outcome == found {
		r.place = slices.Clone(w.lb)
	}
	return r
}
