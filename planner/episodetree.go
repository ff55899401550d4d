package planner

import (
	"cmp"
	"math"
	"slices"

	"strata/malloc"
	"strata/planner/mcts"
)

// MaxNodes bounds the nodes that a Step keeps of its tree.
const MaxNodes = 64

// Node is a state that a search visited. A Step's nodes stand in the order of
// their first visit, parents before children, the decision's own state first.
type Node struct {
	Parent int     `json:"parent"` // index in the Tree, -1 for the first
	Move   string  `json:"move"`   // that led here, "" for the first
	Buffer string  `json:"buffer"` // whose touch is decided here, "" when no decision is left
	Prior  float64 `json:"prior"`  // probability of the move before search, 1 for the first
	Visits int32   `json:"visits"` // simulations through the move; of the first: through the state
	Value  float64 `json:"value"`  // return of the move, as in Step.Values
}

// record copies the most visited nodes of a tree. asked is the buffer decided at
// each node. A node is never visited more often than its parent nor before it,
// so that a node which is kept has its parent kept.
func record(p *malloc.Program, t *mcts.Tree, asked []int) []Node {
	keep := make([]int, t.Count)
	for n := range keep {
		keep[n] = n
	}
	if len(keep) > MaxNodes {
		slices.SortStableFunc(keep, func(a, b int) int { return cmp.Compare(t.Visits[b], t.Visits[a]) })
		keep = keep[:MaxNodes]
		slices.Sort(keep)
	}
	place := make(map[int]int, len(keep))
	out := make([]Node, 0, len(keep))
	for i, n := range keep {
		place[n] = i
		node := Node{Parent: -1, Prior: 1, Visits: t.Visits[n], Value: t.Values[n]}
		if n < len(asked) && asked[n] >= 0 {
			node.Buffer = p.Buffers[asked[n]].Name
		}
		if up := t.Parents[n]; up != mcts.None {
			first, end := t.Edges(up)
			e := first + int(t.Slots[n])
			node.Parent, node.Move = place[int(up)], decode(t.ChildAction[e]).String()
			node.Prior = probability(t.ChildLogit[first:end], int(t.Slots[n]))
			node.Visits, node.Value = t.ChildVisits[e], t.QValue(e)
		}
		out = append(out, node)
	}
	return out
}

// probability is entry i of the softmax of logits.
func probability(logits []float64, i int) float64 {
	top, sum := slices.Max(logits), 0.0
	for _, l := range logits {
		sum += math.Exp(l - top)
	}
	return math.Exp(logits[i]-top) / sum
}
