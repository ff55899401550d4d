package viz_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"strata/ui/viz"
)

// searched is a tree as a search of n simulations leaves it: each one follows
// random branches to a new node. The line played goes to a leaf.
func searched(n int) []viz.TreeNode {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	nodes := []viz.TreeNode{{Parent: -1, Move: "blk.3.ffn_up.weight", Visits: int32(n), Value: 0.5, Prior: 1, Played: true}}
	for i := 1; i < n; i++ {
		parent := rng.IntN(i)
		nodes = append(nodes, viz.TreeNode{Parent: parent, Move: fmt.Sprintf("COPY t1 lead %d", i), Value: rng.Float64(), Prior: rng.Float64()})
		for up := i; up > 0; up = nodes[up].Parent {
			nodes[up].Visits++
		}
	}
	for at, child := n-1, n-1; at > 0; at, child = nodes[at].Parent, at {
		nodes[at].Played, nodes[at].Ended = true, at == child
	}
	return nodes
}

// TestSearchTreeShowsWhatFits: a large picture has every node with its numbers,
// a small one keeps the line that was played and counts the nodes left out.
func TestSearchTreeShowsWhatFits(t *testing.T) {
	for _, n := range []int{1, 2, 17, 64} {
		nodes := searched(n)
		svg := func(w, h int) string {
			var b bytes.Buffer
			if err := viz.SearchTree(nodes, "", "").WriteSVG(&b, w, h, viz.SVGOptions{}); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		large := svg(4000, 3200)
		for _, node := range nodes {
			if !strings.Contains(large, ">"+node.Move+"<") {
				t.Errorf("%d nodes: %q is not drawn", n, node.Move)
			}
			if want := fmt.Sprintf("%d visits · value %.4f", node.Visits, node.Value); !strings.Contains(large, want) {
				t.Errorf("%d nodes: %q is not drawn", n, want)
			}
		}
		if strings.Contains(large, "not shown") {
			t.Errorf("%d nodes: some are left out of a picture with room for all", n)
		}
		if small := svg(1200, 130); n == 64 && (!strings.Contains(small, "less visited nodes not shown") || !strings.Contains(small, "· end")) {
			t.Errorf("64 nodes in a small picture: %s\nneither the count of those left out, or the end of the line played is missing", small)
		}
		svg(1, 1)
	}
}
