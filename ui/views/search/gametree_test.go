package search

import (
	"context"
	"fmt"
	"testing"

	"strata/malloc"
	"strata/workflow"
)

// TestTreeFollowsTheGame: in a real game's trees the line played begins at the
// root, takes the chosen moves one after the other and no other node.
func TestTreeFollowsTheGame(t *testing.T) {
	r, err := workflow.Search(context.Background(), weightsTwice(), workflow.SearchOptions{Solver: "mcts", Evaluations: 600, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := r.Episode
	if e == nil {
		t.Fatal("the agent kept no game")
	}
	longest := 0
	for at := range e.Moves {
		nodes := treeNodes(e, at)
		if len(nodes) < 2 || !nodes[0].Played || nodes[0].Parent != -1 {
			t.Fatalf("move %d: the tree is %+v", at, nodes)
		}
		last, depth := 0, 0
		for i, n := range nodes[1:] {
			if !n.Played {
				continue
			}
			kept := e.Moves[at].Tree[i+1]
			if n.Parent != last || kept.Move != chosen(&e.Moves[at+depth]) {
				t.Errorf("move %d: node %d %+v is not the game's move %d", at, i+1, n, at+depth)
			}
			last, depth = i+1, depth+1
		}
		if depth == 0 {
			t.Errorf("move %d: the chosen move %q is not in its tree", at, chosen(&e.Moves[at]))
		}
		longest = max(longest, depth)
	}
	if len(e.Moves) > 1 && longest < 2 {
		t.Errorf("in %d moves no tree follows the game for two moves", len(e.Moves))
	}
}

// weightsTwice is a straight program that reads eight weights twice each, with
// room for four of them in the fast tier.
func weightsTwice() *malloc.Program {
	const fast, slow, size = 0, 1, 1 << 18
	p := &malloc.Program{Format: malloc.InstanceFormat, Name: "weights read twice",
		Tiers: []malloc.Tier{
			{ID: fast, Name: "vmem", Capacity: 4 * size, ReadBW: 3e12, WriteBW: 3e12, Align: 1024},
			{ID: slow, Name: "hbm", Capacity: malloc.Unlimited, ReadBW: 600e9, WriteBW: 600e9, Align: 1024}},
		Engines: []malloc.Engine{
			{ID: 0, From: slow, To: fast, BW: 600e9, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{slow}}},
		Executors: []malloc.Executor{{ID: 0, Name: "core", Access: []malloc.Access{
			{Tier: fast, ReadBW: 3e12, WriteBW: 3e12}, {Tier: slow, ReadBW: 600e9, WriteBW: 600e9}}}},
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: "idle_bw"}}
	const weights = 8
	for i := range weights {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: i, Name: fmt.Sprintf("weight.%d", i), Size: size, Kind: malloc.KindParam, Home: slow, End: malloc.EndKeep})
	}
	for i := range 2 * weights {
		p.Instructions = append(p.Instructions, malloc.Instruction{ID: i, Name: fmt.Sprintf("op.%d", i), Op: "op", ComputeS: 1e-7,
			Reads: []malloc.Operand{{Buf: i % weights, Bytes: size}}})
	}
	return p
}
