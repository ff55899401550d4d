package mcts

import "math"

// Constants of MuZero's PUCT rule.
const (
	puctInit = 1.25
	puctBase = 19652
)

// PUCT returns a selector that follows the edge with the largest
//
//	q̂(a) + √N · (c₁ + ln((N + c₂ + 1)/c₂)) · P(a) / (n(a) + 1)
//
// with N the node's visits, n the edge's, P the prior probability and q̂ the
// transformed value. Ties go to the lowest slot. width is the tree's.
func PUCT(q QTransform, width int) Selector {
	values, probs := make([]float64, width), make([]float64, width)
	return func(t *Tree, node int32, depth int) int32 {
		first, end := t.Edges(node)
		n := end - first
		q(t, node, values)
		softmax(probs[:n], t.ChildLogit[first:end])
		visits := float64(t.Visits[node])
		c := (puctInit + math.Log((visits+puctBase+1)/puctBase)) * math.Sqrt(visits)
		best, pick := math.Inf(-1), 0
		for i := range n {
			score := values[i] + c*probs[i]/float64(t.ChildVisits[first+i]+1)
			if score > best {
				best, pick = score, i
			}
		}
		return int32(pick)
	}
}

// lowLogit keeps the score of a candidate above that of any excluded action.
const lowLogit = -1e9

// gumbelScore returns the slot with the largest noise + logit + q among the
// edges that have exactly the wanted visits.
func gumbelScore(t *Tree, node int32, wanted int32, values []float64) int32 {
	first, end := t.Edges(node)
	high := math.Inf(-1)
	for e := first; e < end; e++ {
		high = max(high, t.ChildLogit[e])
	}
	best, pick := math.Inf(-1), 0
	for e := first; e < end; e++ {
		if t.ChildVisits[e] != wanted {
			continue
		}
		i := e - first
		score := max(lowLogit, t.RootNoise[i]+t.ChildLogit[e]-high+values[i])
		if score > best {
			best, pick = score, i
		}
	}
	return int32(pick)
}

// gumbelRoot selects at the root by sequential halving over at most
// maxConsidered candidates, drawn without replacement through the tree's noise.
func gumbelRoot(q QTransform, width, maxConsidered int, table halvingTable) Selector {
	values := make([]float64, width)
	return func(t *Tree, node int32, depth int) int32 {
		first, end := t.Edges(node)
		considered := min(maxConsidered, end-first)
		done := 0
		for e := first; e < end; e++ {
			done += int(t.ChildVisits[e])
		}
		q(t, node, values)
		return gumbelScore(t, node, table[considered][done], values)
	}
}

// GumbelInside returns a selector for nodes below the root: it follows the edge
// whose share of visits lags most behind softmax(logits + q).
func GumbelInside(q QTransform, width int) Selector {
	values, probs := make([]float64, width), make([]float64, width)
	return func(t *Tree, node int32, depth int) int32 {
		first, end := t.Edges(node)
		n := end - first
		q(t, node, values)
		total := 0.0
		for i := range n {
			values[i] += t.ChildLogit[first+i]
			total += float64(t.ChildVisits[first+i])
		}
		softmax(probs[:n], values[:n])
		best, pick := math.Inf(-1), 0
		for i := range n {
			score := probs[i] - float64(t.ChildVisits[first+i])/(1+total)
			if score > best {
				best, pick = score, i
			}
		}
		return int32(pick)
	}
}
