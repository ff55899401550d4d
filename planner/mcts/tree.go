package mcts

// Root is the index of the node a search starts from.
const Root = 0

// None marks an edge without a child, and the root's missing parent.
const None int32 = -1

// Backup says what a node's value is made of.
type Backup uint8

const (
	// Mean is mctx's: the mean return over the simulations through the node.
	Mean Backup = iota
	// Best is the best return any of them reached. It suits a deterministic
	// process whose Value is a return that a known continuation really reaches:
	// a mean would blame a good line for its bad neighbours.
	Best
)

// Tree is what a search knows: flat arrays indexed by node, edges beside each
// other at [node*Width + slot]. N is the capacity in nodes (simulations + 1), A
// = Width the most actions a node may have. Nothing is allocated while a search
// runs; Reset makes the arrays ready for the next one.
type Tree struct {
	Width int // A: edge slots per node
	Count int // nodes in use, ≤ N

	// Per node, shape [N].
	Visits    []int32   // simulations that ended in or passed through the node
	Values    []float64 // mean (or best) return from the node over those simulations
	RawValues []float64 // the environment's own value of the state
	Parents   []int32   // None for the root
	Slots     []int32   // edge slot of the parent that leads here
	Actions   []int32   // how many legal actions the state has; 0: terminal

	// Per edge, shape [N*A]; slots ≥ Actions[node] are unused.
	ChildAction []int32   // the environment's name of the action
	ChildNode   []int32   // None until visited
	ChildLogit  []float64 // prior logit
	ChildVisits []int32
	ChildReward []float64 // known once visited
	ChildValue  []float64 // value of the child, copied at each backup
	RootNoise   []float64 // shape [A]: Gumbel noise added to the root's logits
	Discount    float64   // factor on a child's value, 1 for a finite game
	Backup      Backup
}

// NewTree makes an empty tree for up to nodes nodes of up to width actions.
func NewTree(nodes, width int) *Tree {
	edges := nodes * width
	return &Tree{
		Width:       width,
		Visits:      make([]int32, nodes),
		Values:      make([]float64, nodes),
		RawValues:   make([]float64, nodes),
		Parents:     make([]int32, nodes),
		Slots:       make([]int32, nodes),
		Actions:     make([]int32, nodes),
		ChildAction: make([]int32, edges),
		ChildNode:   make([]int32, edges),
		ChildLogit:  make([]float64, edges),
		ChildVisits: make([]int32, edges),
		ChildReward: make([]float64, edges),
		ChildValue:  make([]float64, edges),
		RootNoise:   make([]float64, width),
		Discount:    1,
	}
}

// Reset forgets all nodes and noise.
func (t *Tree) Reset() {
	t.Count = 0
	clear(t.RootNoise)
}

// Capacity is N, the most nodes the tree can hold.
func (t *Tree) Capacity() int { return len(t.Visits) }

// Edges returns the range of edge indexes of a node's legal actions.
func (t *Tree) Edges(node int32) (first, end int) {
	first = int(node) * t.Width
	return first, first + int(t.Actions[node])
}

// QValue is the return of following edge e: its reward plus the child's
// discounted value. Meaningful once the edge was visited.
func (t *Tree) QValue(e int) float64 {
	return t.ChildReward[e] + t.Discount*t.ChildValue[e]
}

// newNode appends a node whose edges are blank; the caller fills the rest.
func (t *Tree) newNode(parent, slot int32) int32 {
	n := int32(t.Count)
	t.Count++
	t.Visits[n], t.Values[n], t.RawValues[n] = 0, 0, 0
	t.Parents[n], t.Slots[n], t.Actions[n] = parent, slot, 0
	return n
}

// setEdges records a node's legal actions and prior logits.
func (t *Tree) setEdges(node int32, actions []int32, logits []float64) {
	t.Actions[node] = int32(len(actions))
	base := int(node) * t.Width
	for i, a := range actions {
		e := base + i
		t.ChildAction[e], t.ChildLogit[e] = a, logits[i]
		t.ChildNode[e], t.ChildVisits[e] = None, 0
		t.ChildReward[e], t.ChildValue[e] = 0, 0
	}
}

// Summary of a search's root, aligned by edge slot.
type Summary struct {
	Actions []int32
	Logits  []float64
	Visits  []int32
	QValues []float64 // 0 where not visited
	Value   float64   // mean return of the root
	Raw     float64   // the environment's own value of the root
}

// Summarize copies the root's statistics out of the tree.
func (t *Tree) Summarize() Summary {
	first, end := t.Edges(Root)
	s := Summary{Value: t.Values[Root], Raw: t.RawValues[Root]}
	for e := first; e < end; e++ {
		s.Actions = append(s.Actions, t.ChildAction[e])
		s.Logits = append(s.Logits, t.ChildLogit[e])
		s.Visits = append(s.Visits, t.ChildVisits[e])
		q := 0.0
		if t.ChildVisits[e] > 0 {
			q = t.QValue(e)
		}
		s.QValues = append(s.QValues, q)
	}
	return s
}
