package engine

import (
	"math"
	"testing"

	"strata/costmodel"
)

// Gates of fast mode (int8 activations, f16 KV) against reference mode, teacher
// forced on the golden tokens. They are what llama.cpp's own modes differ by
// from the truth.
const (
	maxRMS      = 0.35
	maxDiff     = 3.0
	maxMeanKL   = 6e-3
	maxKL       = 0.05
	minTop1     = 58
	sureMargin  = 1.0
	goldenSteps = 64
)

func TestFastModeStaysNearReference(t *testing.T) {
	g := readGolden(t)
	in := Input{Prompt: g.Tokens, Force: g.Reference.Greedy}
	reference := lowerSample(t, costmodel.ModeReference, len(g.Tokens), goldenSteps, 2)
	_, want := play(t, reference, everythingResident(reference), in)
	fast := lowerSample(t, costmodel.ModeFast, len(g.Tokens), goldenSteps, 2)
	_, got := play(t, fast, everythingResident(fast), in)

	var squares, largest, sumKL, largestKL float64
	top1, n := 0, 0
	for i := range want {
		for j := range want[i] {
			d := math.Abs(float64(want[i][j]) - float64(got[i][j]))
			squares += d * d
			largest = math.Max(largest, d)
			n++
		}
		kl := divergence(want[i], got[i])
		sumKL += kl
		largestKL = math.Max(largestKL, kl)
		if argmax(want[i]) == argmax(got[i]) {
			top1++
		} else if m := g.Reference.Margin[i]; m > sureMargin {
			t.Errorf("position %d: another best token although the margin is %.2f", i, m)
		}
	}
	rms := math.Sqrt(squares / float64(n))
	meanKL := sumKL / float64(len(want))
	t.Logf("rms %.3f, max %.2f, KL mean %.2g, max %.2g, top-1 %d of %d", rms, largest, meanKL, largestKL, top1, len(want))
	if rms > maxRMS || largest > maxDiff || meanKL > maxMeanKL || largestKL > maxKL || top1 < minTop1 {
		t.Errorf("fast mode left its gates: rms %.3f ≤ %.2f, max %.2f ≤ %.1f, KL mean %.2g ≤ %.2g, max %.2g ≤ %.2g, top-1 %d ≥ %d",
			rms, maxRMS, largest, maxDiff, meanKL, maxMeanKL, largestKL, maxKL, top1, minTop1)
	}
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// divergence is KL(softmax(p) ‖ softmax(q)) in nats.
func divergence(p, q []float32) float64 {
	zp, zq := logSum(p), logSum(q)
	kl := 0.0
	for i := range p {
		lp := float64(p[i]) - zp
		kl += math.Exp(lp) * (lp - (float64(q[i]) - zq))
	}
	return kl
}

func logSum(x []float32) float64 {
	m := float64(x[argmax(x)])
	s := 0.0
	for _, v := range x {
		s += math.Exp(float64(v) - m)
	}
	return m + math.Log(s)
}

// TestThreadsDoNotChangeBits runs the same work on one, two and three threads.
func TestThreadsDoNotChangeBits(t *testing.T) {
	g := readGolden(t)
	var want [][]float32
	for _, threads := range []int{1, 2, 3} {
		l := lowerSample(t, costmodel.ModeFast, len(g.Tokens), 4, threads)
		_, got := play(t, l, everythingResident(l), Input{Prompt: g.Tokens})
		if want == nil {
			want = got
			continue
		}
		for i := range want {
			for j := range want[i] {
				if math.Float32bits(want[i][j]) != math.Float32bits(got[i][j]) {
					t.Fatalf("%d threads: logit %d of position %d is %v, one thread gives %v", threads, j, i, got[i][j], want[i][j])
				}
			}
		}
	}
}
