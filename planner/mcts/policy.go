package mcts

import (
	"context"
	"math"
	"math/rand/v2"
)

// Decision is what a policy returns for one root state.
type Decision struct {
	Action      int32     // the environment's action to play
	Slot        int       // its position among the legal actions
	Weights     []float64 // improved policy over the legal actions, sums to 1
	Simulations int       // done; fewer than asked only if the context ended
}

// Policy decides at a root state. Equal states, seeds and simulation counts give
// equal decisions.
type Policy[S any] interface {
	Decide(ctx context.Context, root S) (Decision, error)
	// Tree is the tree of the last decision.
	Tree() *Tree
}

// Noise on a root's prior in the PUCT policy: a share of Dirichlet(alpha).
type DirichletNoise struct {
	Fraction float64
	Alpha    float64
}

type puctPolicy[S any] struct {
	search      *Searcher[S]
	simulations int
	rng         *rand.Rand
	noise       DirichletNoise
	root        Selector
}

// NewPUCT is MuZero's policy: PUCT everywhere, Dirichlet noise on the root's
// prior, and the most visited action (ties: larger value, then lower slot).
// With Best backups the action of the best return is played instead, since that
// return is known to be reachable.
func NewPUCT[S any](env Environment[S], simulations, width int, backup Backup, noise DirichletNoise, seed uint64) Policy[S] {
	search := NewSearcher(env, simulations, width)
	search.Tree.Backup = backup
	return &puctPolicy[S]{
		search:      search,
		simulations: simulations,
		rng:         rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15)),
		noise:       noise,
		root:        PUCT(ByParentAndSiblings, width),
	}
}

func (p *puctPolicy[S]) Tree() *Tree { return p.search.Tree }

func (p *puctPolicy[S]) Decide(ctx context.Context, root S) (Decision, error) {
	p.search.Begin(root)
	t := p.search.Tree
	first, end := t.Edges(Root)
	if p.noise.Fraction > 0 {
		mixDirichlet(t.ChildLogit[first:end], p.noise, p.rng)
	}
	done, err := p.search.Run(ctx, p.simulations, p.root, p.root)
	if err != nil || end == first {
		return Decision{Slot: -1, Simulations: done}, err
	}
	pick := first
	for e := first + 1; e < end; e++ {
		if better(t, e, pick) {
			pick = e
		}
	}
	if done == 0 { // nothing searched: the prior decides
		for e := first; e < end; e++ {
			if t.ChildLogit[e] > t.ChildLogit[pick] {
				pick = e
			}
		}
	}
	weights := make([]float64, end-first)
	for i := range weights {
		weights[i] = float64(t.ChildVisits[first+i]) / max(1, float64(done))
	}
	if done == 0 {
		weights[pick-first] = 1
	}
	return Decision{Action: t.ChildAction[pick], Slot: pick - first, Weights: weights, Simulations: done}, nil
}

// better says whether edge a is to be played rather than edge b.
func better(t *Tree, a, b int) bool {
	if t.ChildVisits[a] == 0 || t.ChildVisits[b] == 0 {
		return t.ChildVisits[a] > t.ChildVisits[b]
	}
	moreVisits, moreValue := t.ChildVisits[a]-t.ChildVisits[b], t.QValue(a)-t.QValue(b)
	if t.Backup == Best {
		return moreValue > 0 || moreValue == 0 && moreVisits > 0
	}
	return moreVisits > 0 || moreVisits == 0 && moreValue > 0
}

type gumbelPolicy[S any] struct {
	search        *Searcher[S]
	simulations   int
	rng           *rand.Rand
	scale         float64
	root, inside  Selector
	values        []float64
	maxConsidered int
}

// NewGumbel is Gumbel MuZero's policy: candidates drawn at the root without
// replacement, sequential halving among them, completed values inside. scale
// multiplies the Gumbel noise: 1 explores, 0 is deterministic in the prior. With
// Best backups the action of the best return is played.
func NewGumbel[S any](env Environment[S], simulations, width, maxConsidered int, backup Backup, scale float64, seed uint64) Policy[S] {
	maxConsidered = max(1, min(maxConsidered, width))
	table := newHalvingTable(maxConsidered, simulations)
	search := NewSearcher(env, simulations, width)
	search.Tree.Backup = backup
	return &gumbelPolicy[S]{
		search:        search,
		simulations:   simulations,
		rng:           rand.New(rand.NewPCG(seed, 0xD1B54A32D192ED03)),
		scale:         scale,
		root:          gumbelRoot(CompletedByMixValue, width, maxConsidered, table),
		inside:        GumbelInside(CompletedByMixValue, width),
		values:        make([]float64, width),
		maxConsidered: maxConsidered,
	}
}

func (p *gumbelPolicy[S]) Tree() *Tree { return p.search.Tree }

func (p *gumbelPolicy[S]) Decide(ctx context.Context, root S) (Decision, error) {
	p.search.Begin(root)
	t := p.search.Tree
	first, end := t.Edges(Root)
	for i := range end - first {
		t.RootNoise[i] = p.scale * gumbel(p.rng)
	}
	done, err := p.search.Run(ctx, p.simulations, p.root, p.inside)
	if err != nil || end == first {
		return Decision{Slot: -1, Simulations: done}, err
	}
	var most int32
	for e := first; e < end; e++ {
		most = max(most, t.ChildVisits[e])
	}
	CompletedByMixValue(t, Root, p.values)
	slot := int(gumbelScore(t, Root, most, p.values))
	if t.Backup == Best {
		for e := first; e < end; e++ {
			if better(t, e, first+slot) {
				slot = e - first
			}
		}
	}
	weights := make([]float64, end-first)
	for i := range weights {
		p.values[i] += t.ChildLogit[first+i]
	}
	softmax(weights, p.values[:len(weights)])
	return Decision{Action: t.ChildAction[first+slot], Slot: slot, Weights: weights, Simulations: done}, nil
}

// gumbel draws from the standard Gumbel distribution.
func gumbel(r *rand.Rand) float64 {
	u := r.Float64()
	for u == 0 {
		u = r.Float64()
	}
	return -math.Log(-math.Log(u))
}

// mixDirichlet replaces logits by log((1-f)·softmax(logits) + f·Dirichlet(α)).
func mixDirichlet(logits []float64, n DirichletNoise, r *rand.Rand) {
	noise := make([]float64, len(logits))
	sum := 0.0
	for i := range noise {
		noise[i] = gamma(n.Alpha, r)
		sum += noise[i]
	}
	probs := make([]float64, len(logits))
	softmax(probs, logits)
	for i := range logits {
		logits[i] = math.Log(max((1-n.Fraction)*probs[i]+n.Fraction*noise[i]/max(sum, math.SmallestNonzeroFloat64), math.SmallestNonzeroFloat64))
	}
}

// gamma draws from Gamma(shape, 1) (Marsaglia and Tsang 2000; for shape < 1 by
// the boost U^(1/shape)).
func gamma(shape float64, r *rand.Rand) float64 {
	if shape < 1 {
		u := max(r.Float64(), math.SmallestNonzeroFloat64)
		return gamma(shape+1, r) * math.Pow(u, 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if u := r.Float64(); u > 0 && math.Log(u) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
