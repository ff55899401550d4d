package mcts

import "math"

// QTransform writes, for each edge of a node, a number that may be added to a
// prior logit (or compared with a prior probability): visited edges from their
// mean return, the others completed from what is known. dst has one entry per
// legal action.
type QTransform func(t *Tree, node int32, dst []float64)

// epsilon guards a division when all values of a node agree.
const epsilon = 1e-8

// ByParentAndSiblings rescales returns to [0, 1] by the smallest and largest
// among the node's value and its visited edges; an unvisited edge gets 0. This
// is MuZero's choice, for use with PUCT.
func ByParentAndSiblings(t *Tree, node int32, dst []float64) {
	first, end := t.Edges(node)
	low, high := t.Values[node], t.Values[node]
	for e := first; e < end; e++ {
		if t.ChildVisits[e] > 0 {
			q := t.QValue(e)
			low, high = min(low, q), max(high, q)
		}
	}
	scale := max(high-low, epsilon)
	for e := first; e < end; e++ {
		q := low
		if t.ChildVisits[e] > 0 {
			q = t.QValue(e)
		}
		dst[e-first] = (q - low) / scale
	}
}

// Constants of CompletedByMixValue: values weigh valueScale·(maxVisitInit +
// largest visit count) against logits.
const (
	valueScale   = 0.1
	maxVisitInit = 50
)

// CompletedByMixValue completes unvisited edges by the node's mixed value,
// rescales to [0, 1], and multiplies by a weight that grows with the visits
// (Danihelka et al., appendix D). For use with Gumbel.
func CompletedByMixValue(t *Tree, node int32, dst []float64) {
	first, end := t.Edges(node)
	mixed := mixedValue(t, node, dst)
	var maxVisits int32
	low, high := math.Inf(1), math.Inf(-1)
	for e := first; e < end; e++ {
		q := mixed
		if t.ChildVisits[e] > 0 {
			q = t.QValue(e)
			maxVisits = max(maxVisits, t.ChildVisits[e])
		}
		dst[e-first] = q
		low, high = min(low, q), max(high, q)
	}
	scale := valueScale * (maxVisitInit + float64(maxVisits)) / max(high-low, epsilon)
	for i := range dst[:end-first] {
		dst[i] = (dst[i] - low) * scale
	}
}

// mixedValue interpolates between the node's raw value and the mean return of
// its visited edges weighted by prior probability. dst is scratch for the
// probabilities.
func mixedValue(t *Tree, node int32, dst []float64) float64 {
	first, end := t.Edges(node)
	probs := dst[:end-first]
	softmax(probs, t.ChildLogit[first:end])
	visits, seen, weighted := 0.0, 0.0, 0.0
	for e := first; e < end; e++ {
		if t.ChildVisits[e] > 0 {
			p := max(probs[e-first], math.SmallestNonzeroFloat64)
			visits += float64(t.ChildVisits[e])
			seen += p
			weighted += p * t.QValue(e)
		}
	}
	if visits == 0 {
		return t.RawValues[node]
	}
	return (t.RawValues[node] + visits*weighted/seen) / (visits + 1)
}

// softmax writes exp(logits)/Σ into dst.
func softmax(dst, logits []float64) {
	high := math.Inf(-1)
	for _, l := range logits {
		high = max(high, l)
	}
	sum := 0.0
	for i, l := range logits {
		dst[i] = math.Exp(l - high)
		sum += dst[i]
	}
	for i := range logits {
		dst[i] /= sum
	}
}
