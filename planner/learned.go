package planner

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"strata/malloc"
	"strata/planner/network"
)

// Values of AgentOptions.Prior and Value beside the defaults.
const (
	LearnedPrior = "learned"
	LearnedValue = "learned"
)

// Priors and Values list what AgentOptions.Prior and Value can be, defaults first.
var (
	Priors = []string{"informed", LearnedPrior}
	Values = []string{"played", LearnedValue}
)

// CheckNetwork says whether a network was trained on the features that the agent
// has.
func CheckNetwork(n *network.Network) error {
	if !slices.Equal(n.StateFeatures, stateFeatures) || !slices.Equal(n.ActionFeatures, actionFeatures) {
		return fmt.Errorf("planner: the network was trained on other features than this version has: train it again")
	}
	return nil
}

//go:embed learned.json
var shippedWeights []byte

// shipped reads the weights that the program carries. They were checked when they
// were committed.
var shipped = sync.OnceValues(func() (*network.Network, json.RawMessage) {
	n, record, err := network.Read(bytes.NewReader(shippedWeights))
	if err != nil {
		panic("planner: learned.json: " + err.Error())
	}
	return n, record
})

func shippedNetwork() *network.Network {
	n, _ := shipped()
	return n
}

// networkGames is how many games the network plays alone before the search: one
// by its first choices, the others drawn from its policy.
const networkGames = 4

// learnedPrior asks the network about the decisions of one environment.
type learnedPrior struct {
	scorer   *network.Scorer
	features *features
	guided   bool // the guide gives the prior, the network values only
	values   bool // the network values leaves
	state    []float64
	actions  []float64
	logits   []float64
}

func newLearnedPrior(n *network.Network, e *environment) (*learnedPrior, error) {
	if err := CheckNetwork(n); err != nil {
		return nil, err
	}
	return &learnedPrior{scorer: n.Scorer(), features: newFeatures(e.guide, e.game, e.slowS, e.spanS), state: make([]float64, len(stateFeatures))}, nil
}

// see writes the features of a decision and its moves.
func (l *learnedPrior) see(e *environment, d malloc.Decision, legal []malloc.Action) {
	l.features.state(e.game, e.progress, d, legal, l.state)
	w := len(actionFeatures)
	l.actions = slices.Grow(l.actions[:0], len(legal)*w)[:len(legal)*w]
	for i, a := range legal {
		l.features.move(e.game, e.guide, d, a, e.backs[i], l.actions[i*w:(i+1)*w])
	}
}

// sample is a decision to learn from, its return still unknown.
func (l *learnedPrior) sample(e *environment, d malloc.Decision, policy []float64) network.Sample {
	l.see(e, d, e.legal)
	return network.Sample{State: slices.Clone(l.state), Actions: slices.Clone(l.actions), Policy: slices.Clone(policy)}
}

// prior writes the logit of each legal move.
func (l *learnedPrior) prior(e *environment, d malloc.Decision, legal []malloc.Action, logits []float64) {
	if l.guided || d.RunOn {
		for i, a := range legal {
			logits[i] = e.guide.logit(d, a)
		}
		return
	}
	l.see(e, d, legal)
	l.scorer.Logits(l.state, l.actions, logits)
}

// value estimates the return from the decision that the game stands at.
func (l *learnedPrior) value(e *environment, d malloc.Decision) float64 {
	l.features.state(e.game, e.progress, d, e.legal, l.state)
	return l.scorer.Value(l.state)
}

// play plays a game by the network alone and returns its value.
func (l *learnedPrior) play(e *environment, start malloc.Mark, draw bool, rng *rand.Rand) (float64, error) {
	e.begin(start, everything(e))
	for {
		d, ok := e.settle()
		if e.err != nil || e.halted {
			return 0, e.err
		}
		if !ok {
			break
		}
		l.logits = slices.Grow(l.logits[:0], len(e.legal))[:len(e.legal)]
		l.prior(e, d, e.legal, l.logits)
		pick := 0
		if draw {
			for i := range l.logits {
				l.logits[i] -= logExponential(rng)
			}
		}
		for i := range l.logits {
			if l.logits[i] > l.logits[pick] {
				pick = i
			}
		}
		e.play(e.legal[pick])
	}
	return e.score(), e.err
}

// everything is the window of a game whose decisions are all asked about, but
// those about locked buffers.
func everything(e *environment) []bool {
	window := make([]bool, len(e.guide.first))
	for b, t := range e.guide.first {
		_, held := e.a.held[b]
		window[b] = t >= 0 && e.guide.tier[b] >= 0 && !held
	}
	return window
}

// logExponential is the logarithm of a draw from the exponential distribution:
// subtracted from logits, the largest is a draw from their softmax.
func logExponential(rng *rand.Rand) float64 {
	return math.Log(max(rng.ExpFloat64(), math.SmallestNonzeroFloat64))
}
