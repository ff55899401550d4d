package network

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

// rule is a task that can be learned: the wanted move has the largest sum of its
// first feature and, where the state's first is positive, its second.
func rule(n int, seed uint64) []Sample {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]Sample, n)
	for i := range out {
		s := Sample{State: []float64{rng.NormFloat64(), rng.NormFloat64()}}
		moves := 2 + rng.IntN(4)
		best, most := 0, math.Inf(-1)
		for k := range moves {
			x, y := rng.NormFloat64(), rng.NormFloat64()
			s.Actions = append(s.Actions, x, y, rng.NormFloat64())
			if s.State[0] > 0 {
				x += 2 * y
			}
			if x > most {
				best, most = k, x
			}
		}
		s.Policy = make([]float64, moves)
		s.Policy[best] = 1
		s.Value = math.Abs(s.State[1])
		out[i] = s
	}
	return out
}

// The gradient that backward computes is that of finite differences, for hard and
// soft targets.
func TestGradientIsThatOfFiniteDifferences(t *testing.T) {
	samples := rule(5, 3)
	for i := range samples[0].Policy {
		samples[0].Policy[i] = 1 / float64(len(samples[0].Policy))
	}
	samples[1].Policy = nil // only its value counts
	samples[1].Actions = nil
	var list []*Sample
	for i := range samples {
		list = append(list, &samples[i])
	}
	n := New(names("s", 2), names("a", 3), 7)
	tr := newTrainer(n)
	tr.batch(list, true)
	other := newTrainer(n)
	total := func() float64 {
		l := other.batch(list, false)
		return l.Policy + valueWeight*l.Value
	}
	const h = 1e-6
	for k, m := range tr.parts() {
		for i := 0; i < len(m.weights); i += 7 {
			w := m.weights[i]
			m.weights[i] = w + h
			up := total()
			m.weights[i] = w - h
			down := total()
			m.weights[i] = w
			want, got := (up-down)/(2*h), tr.gradient[k][i]
			if math.Abs(want-got) > 1e-6*max(1, math.Abs(want)) {
				t.Fatalf("part %d weight %d: gradient %g, finite difference %g", k, i, got, want)
			}
		}
	}
}

func trained(t *testing.T, seed uint64) *Network {
	t.Helper()
	n := New(names("s", 2), names("a", 3), seed)
	if err := n.Learn(context.Background(), rule(1500, 11), Options{Epochs: 10, Batch: 32, Rate: 3e-3, Decay: 1e-4, Seed: seed}, nil); err != nil {
		t.Fatal(err)
	}
	return n
}

// What is learned holds on samples that were not seen; equal seeds give equal
// bytes, and the file reads back.
func TestLearnsARuleAndReproduces(t *testing.T) {
	n := trained(t, 5)
	l := n.Measure(rule(1000, 99))
	t.Logf("held out: %+v", l)
	if l.Accuracy < 0.9 || l.Value > 0.05 {
		t.Errorf("held out: %+v", l)
	}
	write := func(n *Network) string {
		var b bytes.Buffer
		if err := n.Write(&b, map[string]int{"seed": 5}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := write(n)
	if again := write(trained(t, 5)); again != text {
		t.Error("the same seed trained other weights")
	}
	if trained(t, 6).SHA256() == n.SHA256() {
		t.Error("another seed trained the same weights")
	}
	back, record, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if write(back) != text || !strings.Contains(string(record), "5") {
		t.Error("the file does not read back as it was")
	}
}

func TestReadRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := New(names("s", 2), names("a", 3), 1).Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, c := range []struct{ old, new, want string }{
		{Format, "strata-network/9", "format"},
		{`"s1"`, `""`, "state_features"},
		{`"s1"`, `"s1", "s2"`, "weights"},
		{`"weights": "`, `"weights": "AAAA`, "weights"},
		{`"weights_sha256": "`, `"weights_sha256": "0`, "weights_sha256"},
		{"48", "47", "hidden"},
		{`"format"`, `"extra": 1, "format"`, "extra"},
	} {
		changed := strings.Replace(text, c.old, c.new, 1)
		if _, _, err := Read(strings.NewReader(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: error %v does not name %s", c.new, c.old, err, c.want)
		}
	}
	if _, _, err := Read(strings.NewReader(text + "{}")); err == nil {
		t.Error("text after the document is taken")
	}
	if _, _, err := Read(strings.NewReader(strings.Repeat(" ", MaxBytes+1))); err == nil {
		t.Error("an endless file is taken")
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := New(names("s", 2), names("a", 3), 1).Write(&b, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":"strata-network/1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, _, err := Read(bytes.NewReader(text))
		if err == nil {
			logits := make([]float64, 2)
			n.Scorer().Logits(make([]float64, len(n.StateFeatures)), make([]float64, 2*len(n.ActionFeatures)), logits)
		}
	})
}

// A search asks thousands of times: nothing is allocated once memory is warm.
func TestScoringDoesNotAllocate(t *testing.T) {
	n := New(names("s", 20), names("a", 12), 1)
	s := n.Scorer()
	state, actions, logits := make([]float64, 20), make([]float64, 12*17), make([]float64, 17)
	run := func() {
		s.Logits(state, actions, logits)
		s.Value(state)
	}
	run()
	if k := testing.AllocsPerRun(50, run); k != 0 {
		t.Errorf("%v allocations a decision", k)
	}
}

func BenchmarkScore(b *testing.B) {
	n := New(names("s", 20), names("a", 12), 1)
	s := n.Scorer()
	state, actions, logits := make([]float64, 20), make([]float64, 12*8), make([]float64, 8)
	for b.Loop() {
		s.Logits(state, actions, logits)
	}
}
