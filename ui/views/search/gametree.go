package search

import (
	"fmt"

	"fyne.io/fyne/v2/lang"

	"strata/planner"
	"strata/ui/viz"
)

// figure is the tree of the move that is looked at.
func (g *game) figure() *viz.Figure {
	var f *viz.Figure
	if m := g.move(); m != nil {
		f = viz.SearchTree(treeNodes(g.episode, g.at), "", "")
	} else {
		f = viz.SearchTree(nil, "", "")
	}
	f.Empty = lang.L("Each move's tree: visits, value and prior of its nodes.")
	if g.episode != nil {
		f.Empty = lang.L("This game was kept without its trees.")
	}
	return f
}

// treeNodes is the tree of move at. The line that was played is followed through
// it: the moves chosen from there on, as far as this search saw them.
func treeNodes(e *planner.Episode, at int) []viz.TreeNode {
	m := &e.Moves[at]
	out := make([]viz.TreeNode, 0, len(m.Tree))
	line, next := -1, at // the last node on the line, the move that leaves it
	for i, n := range m.Tree {
		node := viz.TreeNode{Parent: n.Parent, Move: n.Move, Visits: n.Visits, Value: n.Value, Prior: n.Prior, Ended: n.Buffer == ""}
		switch {
		case n.Parent < 0:
			node.Move = fmt.Sprintf(lang.L("where to place %s"), m.Buffer)
			node.Played, line = true, i
		case n.Parent == line && next < len(e.Moves) && n.Move == chosen(&e.Moves[next]):
			node.Played, line = true, i
			next++
		}
		if n.Parent > 0 { // another decision than the first: say whose
			if b := m.Tree[n.Parent].Buffer; b != "" && b != m.Buffer {
				node.Move = b + ": " + n.Move
			}
		}
		out = append(out, node)
	}
	return out
}

func chosen(m *planner.Step) string {
	if m.Chosen < 0 || m.Chosen >= len(m.Legal) {
		return ""
	}
	return m.Legal[m.Chosen]
}
