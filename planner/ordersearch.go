package planner

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
)

// unboundedPlays ends a search over orders that was given no budget.
const unboundedPlays = 200

// orderSearch plays the greedy with one genome after another. random-greedy
// restarts from perturbed orders with random settings: what chance alone adds.
// genetic evolves them: steady state, tournaments of three, uniform crossover.
type orderSearch struct {
	name   string
	stream uint64 // of the random numbers
	evolve bool
}

func (s orderSearch) Name() string { return s.name }

const (
	population  = 24
	mutatedPart = 0.05 // of a child's priorities
)

func (s orderSearch) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.name)
	if err != nil {
		return nil, err
	}
	t, err := newGreedyTable(a)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(p.Seed, s.stream))
	var pool []genome // the fittest so far; empty unless they evolve
	for n := 0; !a.done() && (bounded(budget) || n < unboundedPlays); n++ {
		var child genome
		if len(pool) == population {
			child = cross(tournament(pool, rng), tournament(pool, rng), rng)
		} else {
			child = randomGenome(t, rng)
		}
		child.seconds, err = t.playGenome(child)
		if errors.Is(err, errStopped) {
			break
		}
		if err != nil {
			return nil, err
		}
		if s.evolve {
			pool = survive(pool, child)
		}
	}
	return a.result(s.name)
}

// survive adds a child to a population that is not full, or puts it in the place
// of the worst if it is better.
func survive(pool []genome, child genome) []genome {
	if len(pool) < population {
		return append(pool, child)
	}
	worst := 0
	for i := range pool {
		if pool[i].seconds > pool[worst].seconds {
			worst = i
		}
	}
	if child.seconds < pool[worst].seconds {
		pool[worst] = child
	}
	return pool
}

func bounded(b Budget) bool { return b.Time > 0 || b.Evaluations > 0 }

// genome is an order, as a priority of every buffer, and a setting.
type genome struct {
	priority []float64 // by buffer; largest first
	knobs    xlaKnobs
	seconds  float64 // of its plan
}

// playGenome plays a genome and returns its plan's time.
func (t *greedyTable) playGenome(c genome) (float64, error) {
	score, err := t.play(func() []int {
		order := slices.Clone(t.g.Undecided())
		slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(c.priority[y], c.priority[x]) })
		return order
	}, c.knobs)
	return score.TotalS, err
}

// randomGenome perturbs the order of a random setting, a little or a lot.
func randomGenome(t *greedyTable, rng *rand.Rand) genome {
	t.g.Rewind(t.start)
	c := genome{priority: make([]float64, len(t.g.Program().Buffers)), knobs: xlaSweep[rng.IntN(len(xlaSweep))]}
	noise := [...]float64{0.02, 0.1, 0.5}[rng.IntN(3)]
	order := xlaOrder(t.g, t.guide, c.knobs.key)
	for i, b := range order {
		c.priority[b] = -float64(i)/float64(len(order)) + noise*rng.NormFloat64()
	}
	return c
}

func tournament(pool []genome, rng *rand.Rand) *genome {
	best := &pool[rng.IntN(len(pool))]
	for range 2 {
		if c := &pool[rng.IntN(len(pool))]; c.seconds < best.seconds {
			best = c
		}
	}
	return best
}

func cross(x, y *genome, rng *rand.Rand) genome {
	c := genome{priority: slices.Clone(x.priority), knobs: x.knobs}
	for b := range c.priority {
		if rng.IntN(2) == 0 {
			c.priority[b] = y.priority[b]
		}
		if rng.Float64() < mutatedPart {
			c.priority[b] += 0.2 * rng.NormFloat64()
		}
	}
	if rng.IntN(2) == 0 {
		c.knobs = y.knobs
	}
	if rng.IntN(10) == 0 {
		c.knobs = xlaSweep[rng.IntN(len(xlaSweep))]
	}
	return c
}
