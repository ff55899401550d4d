package mcts

import (
	"context"
	"fmt"
)

// Environment is a deterministic single-player decision process over states S
// (usually a pointer). The search owns the states it gets from Copy.
type Environment[S any] interface {
	// Copy makes dst equal to src and returns it. dst may be the zero S, or a
	// state returned earlier whose memory should be used again.
	Copy(dst, src S) S
	// Legal writes the legal actions of s into actions, in a fixed order, and
	// returns how many; 0 says that s is terminal. At most len(actions) may be
	// offered.
	Legal(s S, actions []int32) int
	// Prior writes one logit per legal action.
	Prior(s S, actions []int32, logits []float64)
	// Value estimates the return from s to the end.
	Value(s S) float64
	// Step applies a legal action to s and returns the reward.
	Step(s S, action int32) float64
}

// Selector picks the edge slot to follow at a node; depth is 0 at the root.
type Selector func(t *Tree, node int32, depth int) int32

// Searcher runs searches over one environment and reuses the memory of its tree
// and states from one search to the next. It is not safe for concurrent use.
type Searcher[S any] struct {
	Env    Environment[S]
	Tree   *Tree
	states []S // [N], like Tree's arrays

	actions []int32 // [A] scratch
	logits  []float64
}

// NewSearcher prepares searches of at most simulations simulations over at most
// width actions per state.
func NewSearcher[S any](env Environment[S], simulations, width int) *Searcher[S] {
	return &Searcher[S]{
		Env:     env,
		Tree:    NewTree(simulations+1, width),
		states:  make([]S, simulations+1),
		actions: make([]int32, width),
		logits:  make([]float64, width),
	}
}

// Begin makes root the root of an empty tree.
func (s *Searcher[S]) Begin(root S) {
	s.Tree.Reset()
	n := s.Tree.newNode(None, None)
	s.states[n] = s.Env.Copy(s.states[n], root)
	s.fill(n)
}

// Run adds simulations to the tree: follow edges chosen by root and inside to
// an edge without a child, expand it, back the value up. It stops early when
// the context ends and returns the simulations done.
func (s *Searcher[S]) Run(ctx context.Context, simulations int, root, inside Selector) (int, error) {
	t := s.Tree
	if t.Count == 0 {
		return 0, fmt.Errorf("mcts: Run before Begin")
	}
	if t.Count+simulations > t.Capacity() {
		return 0, fmt.Errorf("mcts: %d simulations on %d nodes exceed the tree's %d nodes", simulations, t.Count, t.Capacity())
	}
	if t.Actions[Root] == 0 {
		return 0, nil
	}
	for i := range simulations {
		if ctx.Err() != nil {
			return i, nil
		}
		s.simulate(root, inside)
	}
	return simulations, nil
}

func (s *Searcher[S]) simulate(root, inside Selector) {
	t := s.Tree
	node, depth := int32(Root), 0
	for {
		pick := inside
		if depth == 0 {
			pick = root
		}
		slot := pick(t, node, depth)
		e := int(node)*t.Width + int(slot)
		child := t.ChildNode[e]
		if child == None {
			child = s.expand(node, slot)
			s.backup(child)
			return
		}
		if t.Actions[child] == 0 { // terminal, met again: its value is exact
			t.Visits[child]++
			s.backup(child)
			return
		}
		node, depth = child, depth+1
	}
}

// expand steps along an unvisited edge and makes the node it leads to.
func (s *Searcher[S]) expand(parent, slot int32) int32 {
	t := s.Tree
	e := int(parent)*t.Width + int(slot)
	n := t.newNode(parent, slot)
	t.ChildNode[e] = n
	s.states[n] = s.Env.Copy(s.states[n], s.states[parent])
	t.ChildReward[e] = s.Env.Step(s.states[n], t.ChildAction[e])
	s.fill(n)
	return n
}

// fill asks the environment about a new node's state.
func (s *Searcher[S]) fill(n int32) {
	t := s.Tree
	count := s.Env.Legal(s.states[n], s.actions)
	t.Visits[n] = 1
	if count == 0 {
		t.setEdges(n, nil, nil)
		return
	}
	s.Env.Prior(s.states[n], s.actions[:count], s.logits[:count])
	t.setEdges(n, s.actions[:count], s.logits[:count])
	v := s.Env.Value(s.states[n])
	t.RawValues[n], t.Values[n] = v, v
}

// backup carries a leaf's value to the root: each ancestor's value becomes the
// mean over the simulations that passed through it, or the best of them.
func (s *Searcher[S]) backup(leaf int32) {
	t := s.Tree
	value := t.RawValues[leaf]
	for n := leaf; t.Parents[n] != None; {
		p := t.Parents[n]
		e := int(p)*t.Width + int(t.Slots[n])
		value = t.ChildReward[e] + t.Discount*value
		visits := float64(t.Visits[p])
		if t.Backup == Best {
			t.Values[p] = max(t.Values[p], value)
		} else {
			t.Values[p] = (t.Values[p]*visits + value) / (visits + 1)
		}
		t.Visits[p]++
		t.ChildValue[e] = t.Values[n]
		t.ChildVisits[e]++
		n = p
	}
}
