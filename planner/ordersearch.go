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

// randomGreedy restarts the greedy from perturbed orders with random settings: what
// chance alone adds to it.
type randomGreedy struct{}

func (randomGreedy) Name() string { return "random-greedy" }

func (s randomGreedy) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	t, err := newGreedyTable(a)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(p.Seed, 0x72616e64))
	for n := 0; !a.done() && (bounded(budget) || n < unboundedPlays); n++ {
		if _, err := t.playGenome(randomGenome(t, rng)); errors.Is(err, errStopped) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return a.result(s.Name())
}

// genetic evolves orders and settings of the greedy: steady state, tournaments of
// three, uniform crossover.
type genetic struct{}

func (genetic) Name() string { return "genetic" }

const (
	population  = 24
	mutatedPart = 0.05 // of a child's priorities
)

func (s genetic) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	t, err := newGreedyTable(a)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(p.Seed, 0x67656e65))
	var pool []genome
	for n := 0; !a.done() && (bounded(budget) || n < unboundedPlays); n++ {
		child := randomGenome(t, rng)
		if len(pool) == population {
			child = cross(tournament(pool, rng), tournament(pool, rng), rng)
		}
		score, err := t.playGenome(child)
		if errors.Is(err, errStopped) {
			break
		}
		if err != nil {
			return nil, err
		}
		child.seconds = score
		if len(pool) < population {
			pool = append(pool, child)
			continue
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
	}
	return a.result(s.Name())
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
