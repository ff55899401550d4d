package network

import (
	"context"
	"math"
	"math/rand/v2"
)

// Sample is one decision to learn from.
type Sample struct {
	State   []float64
	Actions []float64 // the legal moves' features one after the other
	Policy  []float64 // probability wanted of each move; nil: only the value is learned
	Value   float64   // return of the game
}

// Loss is the mean over samples.
type Loss struct {
	Policy   float64 `json:"policy"`   // cross entropy, less the target's own entropy
	Value    float64 `json:"value"`    // squared error
	Accuracy float64 `json:"accuracy"` // share of decisions whose most wanted move has the largest logit
}

// Options of training.
type Options struct {
	Epochs int
	Batch  int     // decisions a step
	Rate   float64 // of Adam at the start; it falls linearly to a tenth
	Decay  float64 // of weights, decoupled
	Seed   uint64
}

// valueWeight is the value's part of the loss.
const valueWeight = 1.0

// trainer has a network's gradient and Adam's moments.
type trainer struct {
	n             *Network
	policy, value pass
	slope         []float64
	gradient      [2][]float64 // policy, value
	mean, square  [2][]float64
	steps         int
}

func newTrainer(n *Network) *trainer {
	t := &trainer{n: n}
	for i, m := range t.parts() {
		t.gradient[i], t.mean[i], t.square[i] = make([]float64, len(m.weights)), make([]float64, len(m.weights)), make([]float64, len(m.weights))
	}
	return t
}

func (t *trainer) parts() [2]*mlp { return [2]*mlp{t.n.policy, t.n.value} }

// batch computes the mean loss of samples and, with learn, its gradient.
func (t *trainer) batch(samples []*Sample, learn bool) Loss {
	var sum Loss
	if learn {
		clear(t.gradient[0])
		clear(t.gradient[1])
	}
	rows, decided := 0, 0
	for _, s := range samples {
		rows += len(s.Policy)
		if len(s.Policy) > 0 {
			decided++
		}
	}
	if rows > 0 {
		in, w, at := t.n.policy.reserve(&t.policy, rows), t.n.policy.widths[0], 0
		for _, s := range samples {
			if len(s.Policy) > 0 {
				join(in[at*w:], s.State, s.Actions, len(s.Policy))
				at += len(s.Policy)
			}
		}
		t.slope = append(t.slope[:0], t.n.policy.forward(&t.policy)...)
		at = 0
		for _, s := range samples {
			if len(s.Policy) == 0 {
				continue
			}
			logits, target := t.slope[at:at+len(s.Policy)], s.Policy
			wanted, largest := argmax(target), argmax(logits)
			if wanted == largest {
				sum.Accuracy++
			}
			cross := 0.0
			for i, p := range target {
				if p > 0 {
					cross += p * (math.Log(p) - logits[i])
				}
			}
			sum.Policy += cross + softmax(logits)
			for i, p := range target {
				logits[i] = (logits[i] - p) / float64(decided)
			}
			at += len(s.Policy)
		}
		if learn {
			t.n.policy.backward(&t.policy, t.slope, t.gradient[0])
		}
		sum.Policy /= float64(decided)
		sum.Accuracy /= float64(decided)
	}
	in, w := t.n.value.reserve(&t.value, len(samples)), t.n.value.widths[0]
	for i, s := range samples {
		copy(in[i*w:], s.State)
	}
	t.slope = append(t.slope[:0], t.n.value.forward(&t.value)...)
	for i, s := range samples {
		d := t.slope[i] - s.Value
		sum.Value += d * d / float64(len(samples))
		t.slope[i] = 2 * valueWeight * d / float64(len(samples))
	}
	if learn {
		t.n.value.backward(&t.value, t.slope, t.gradient[1])
	}
	return sum
}

func argmax(v []float64) int {
	best := 0
	for i := range v {
		if v[i] > v[best] {
			best = i
		}
	}
	return best
}

// step moves the weights down the gradient by Adam (Kingma and Ba) with decoupled
// weight decay (Loshchilov and Hutter).
func (t *trainer) step(rate, decay float64) {
	const b1, b2, tiny = 0.9, 0.999, 1e-8
	t.steps++
	c1, c2 := 1-math.Pow(b1, float64(t.steps)), 1-math.Pow(b2, float64(t.steps))
	for k, m := range t.parts() {
		for i, g := range t.gradient[k] {
			mean := b1*t.mean[k][i] + (1-b1)*g
			square := b2*t.square[k][i] + (1-b2)*g*g
			t.mean[k][i], t.square[k][i] = mean, square
			m.weights[i] -= rate * (mean/c1/(math.Sqrt(square/c2)+tiny) + decay*m.weights[i])
		}
	}
}

// Learn fits the network to samples; report (may be nil) is called after each
// epoch with the mean loss over its steps and the steps so far. It ends early
// when the context does, with the context's error.
func (n *Network) Learn(ctx context.Context, samples []Sample, opt Options, report func(epoch int, train Loss, steps int)) error {
	if len(samples) == 0 {
		return nil
	}
	t := newTrainer(n)
	rng := rand.New(rand.NewPCG(opt.Seed, 0x6c6561726e))
	order := rng.Perm(len(samples))
	batch := make([]*Sample, 0, opt.Batch)
	total := opt.Epochs * ((len(samples) + opt.Batch - 1) / opt.Batch)
	for epoch := range opt.Epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		var sum Loss
		for at := 0; at < len(order); at += opt.Batch {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			batch = batch[:0]
			for _, i := range order[at:min(at+opt.Batch, len(order))] {
				batch = append(batch, &samples[i])
			}
			l := t.batch(batch, true)
			share := float64(len(batch)) / float64(len(order))
			sum.Policy += share * l.Policy
			sum.Value += share * l.Value
			sum.Accuracy += share * l.Accuracy
			t.step(opt.Rate*(1-0.9*float64(t.steps)/float64(total)), opt.Decay)
		}
		if report != nil {
			report(epoch, sum, t.steps)
		}
	}
	n.round()
	return nil
}

// Measure is the mean loss over samples.
func (n *Network) Measure(samples []Sample) Loss {
	if len(samples) == 0 {
		return Loss{}
	}
	all := make([]*Sample, len(samples))
	for i := range samples {
		all[i] = &samples[i]
	}
	return newTrainer(n).batch(all, false)
}
