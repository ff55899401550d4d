package network

import (
	"math"
	"math/rand/v2"
)

// Widths of the hidden layers.
var (
	policyHidden = []int{48, 48}
	valueHidden  = []int{32, 32}
)

// Network scores the moves of a decision from features of the state and of each
// move, and estimates the return from the features of the state. It is not
// changed by scoring; each goroutine needs a Scorer of its own.
type Network struct {
	StateFeatures, ActionFeatures []string

	policy *mlp // state and move features → logit
	value  *mlp // state features → return
}

// New draws a network from a seed.
func New(state, action []string, seed uint64) *Network {
	n := shaped(state, action)
	rng := rand.New(rand.NewPCG(seed, 0x6e6574))
	n.policy.initialise(rng)
	n.value.initialise(rng)
	return n
}

func shaped(state, action []string) *Network {
	return &Network{StateFeatures: state, ActionFeatures: action,
		policy: newMLP(append(append([]int{len(state) + len(action)}, policyHidden...), 1)...),
		value:  newMLP(append(append([]int{len(state)}, valueHidden...), 1)...)}
}

// Weights is the number of weights.
func (n *Network) Weights() int { return len(n.policy.weights) + len(n.value.weights) }

// round makes every weight a float32, as files hold them.
func (n *Network) round() {
	for _, m := range []*mlp{n.policy, n.value} {
		for i, w := range m.weights {
			m.weights[i] = float64(float32(w))
		}
	}
}

// Clone copies the network.
func (n *Network) Clone() *Network {
	c := shaped(n.StateFeatures, n.ActionFeatures)
	copy(c.policy.weights, n.policy.weights)
	copy(c.value.weights, n.value.weights)
	return c
}

// Scorer asks a network, with memory that it uses again.
type Scorer struct {
	n             *Network
	policy, value pass
}

// Scorer returns a way to ask n.
func (n *Network) Scorer() *Scorer { return &Scorer{n: n} }

// Logits writes one logit per move. actions holds the moves' features one after
// the other.
func (s *Scorer) Logits(state, actions, logits []float64) {
	if len(logits) == 0 {
		return
	}
	in := s.n.policy.reserve(&s.policy, len(logits))
	join(in, state, actions, len(logits))
	copy(logits, s.n.policy.forward(&s.policy))
}

// join writes a row of state and move features per move.
func join(in, state, actions []float64, moves int) {
	a := len(actions) / moves
	w := len(state) + a
	for k := range moves {
		copy(in[k*w:], state)
		copy(in[k*w+len(state):(k+1)*w], actions[k*a:])
	}
}

// Value estimates the return from a state.
func (s *Scorer) Value(state []float64) float64 {
	copy(s.n.value.reserve(&s.value, 1), state)
	return s.n.value.forward(&s.value)[0]
}

// softmax replaces logits by their probabilities and returns the logarithm of
// their sum of exponentials.
func softmax(p []float64) float64 {
	top := math.Inf(-1)
	for _, l := range p {
		top = max(top, l)
	}
	sum := 0.0
	for i, l := range p {
		p[i] = math.Exp(l - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return top + math.Log(sum)
}
