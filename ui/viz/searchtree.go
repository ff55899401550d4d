package viz

import (
	"cmp"
	"fmt"
	"slices"
)

// TreeNode is a state of a searched tree; parents stand before their children.
type TreeNode struct {
	Parent int    // index, -1 for the root
	Move   string // that led here; the root's is its title
	Visits int32
	Value  float64
	Prior  float64 // probability of the move before search
	Played bool    // on the line that was played
	Ended  bool    // no decision is left here
}

// SearchTree draws the tree of one decision, root at the left. Where there is no
// room for all nodes the least visited are left out, and counted in a note.
func SearchTree(nodes []TreeNode, title, subtitle string) *Figure {
	f := &Figure{Title: title, Subtitle: subtitle, Empty: "No tree: no decision was searched."}
	if len(nodes) > 0 {
		f.Panels = []Panel{{Tree: nodes, View: View{T1: 1, A1: 1}}}
	}
	return f
}

// Sizes of a tree in logical pixels.
const (
	treeRow      = 17  // a node with one line of text
	treeTwoLines = 34  // from here on its numbers have a line of their own
	treeTallest  = 44  // distance of rows when there is room
	treeGap      = 28  // between columns, for the branches
	treeWidest   = 230 // of a node
	treeNarrow   = 184 // a move and its numbers beside each other
)

// treeSpot is where a node lies: row counts leaves from the top.
type treeSpot struct {
	node, depth int
	row         float64
}

// tidy places the nodes that are kept: leaves in rows one below the other, each
// parent in the middle of its children.
func tidy(nodes []TreeNode, keep []bool) (spots []treeSpot, rows, depth int) {
	children := make([][]int, len(nodes))
	for i, n := range nodes {
		if i > 0 && keep[i] && n.Parent >= 0 && n.Parent < i {
			children[n.Parent] = append(children[n.Parent], i)
		}
	}
	var place func(i, d int) float64
	place = func(i, d int) float64 {
		depth = max(depth, d)
		at := len(spots)
		spots = append(spots, treeSpot{node: i, depth: d})
		var row float64
		if len(children[i]) == 0 {
			row = float64(rows)
			rows++
		} else {
			slices.SortStableFunc(children[i], func(a, b int) int { return cmp.Compare(nodes[b].Visits, nodes[a].Visits) })
			var first, last float64
			for k, c := range children[i] {
				last = place(c, d+1)
				if k == 0 {
					first = last
				}
			}
			row = (first + last) / 2
		}
		spots[at].row = row
		return row
	}
	place(0, 0)
	return spots, rows, depth
}

// fitTree keeps as many nodes as w × h has room for: those of the line that was
// played, then the most visited.
func fitTree(nodes []TreeNode, w, h float64) (spots []treeSpot, rows, depth, left int) {
	order := make([]int, len(nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if nodes[a].Played != nodes[b].Played {
			if nodes[a].Played {
				return -1
			}
			return 1
		}
		return cmp.Compare(nodes[b].Visits, nodes[a].Visits)
	})
	columns := max(int((w+treeGap)/(treeNarrow+treeGap)), 1)
	keep, level := make([]bool, len(nodes)), make([]int, len(nodes))
	keep[0] = true
	for i, n := range nodes[1:] { // parents come first
		level[i+1] = level[n.Parent] + 1
		keep[i+1] = level[i+1] < columns
	}
	for k := len(order); ; k-- {
		spots, rows, depth = tidy(nodes, keep)
		if float64(rows)*treeRow <= h || k <= 1 {
			return spots, rows, depth, len(nodes) - len(spots)
		}
		if order[k-1] != 0 {
			keep[order[k-1]] = false
		}
	}
}

// tree draws the panel's tree.
func (p *Panel) tree(c canvas, at plot) {
	spots, rows, depth, left := fitTree(p.Tree, at.w, at.h)
	row := min(at.h/float64(rows), treeTallest)
	column := min((at.w+treeGap)/float64(depth+1), treeWidest+treeGap)
	width, height := column-treeGap, min(row-3, treeTwoLines)
	two := row >= treeTwoLines+3
	where := make(map[int]point, len(spots)) // left middle of each node
	for _, s := range spots {
		where[s.node] = point{at.x + float64(s.depth)*column, at.y + (s.row+0.5)*row}
	}
	all := float64(max(p.Tree[0].Visits, 1))
	for _, played := range []bool{false, true} { // the line played on top
		for _, s := range spots {
			n := &p.Tree[s.node]
			if s.node == 0 || n.Played != played {
				continue
			}
			from, to := where[n.Parent], where[s.node]
			from.X += width
			ink, thick := InkMuted, 1+2*float64(n.Visits)/all
			if played {
				ink, thick = InkAccent, max(thick, 2)
			}
			mid := from.X + treeGap/2
			c.polyline([]point{from, {mid, from.Y}, {mid, to.Y}, to}, thick, ink, false)
		}
	}
	for _, s := range spots {
		n, q := &p.Tree[s.node], where[s.node]
		x, y := q.X, q.Y-height/2
		c.rect(x, y, width, height, InkSurface)
		c.area([]point{{x, y}, {x + width*float64(n.Visits)/all, y}, {x + width*float64(n.Visits)/all, y + height}, {x, y + height}}, InkAccent, 0.16)
		border := InkLine
		if n.Played {
			border = InkAccent
		}
		for _, side := range [][]point{{{x, y}, {x + width, y}}, {{x, y + height}, {x + width, y + height}}, {{x, y}, {x, y + height}}, {{x + width, y}, {x + width, y + height}}} {
			c.line(side[0], side[1], 1, border, false)
		}
		numbers := fmt.Sprintf("%d · %.3f · %.0f %%", n.Visits, n.Value, 100*n.Prior)
		if two {
			numbers = fmt.Sprintf("%d visits · value %.4f · prior %.0f %%", n.Visits, n.Value, 100*n.Prior)
		}
		if s.node == 0 {
			numbers = fmt.Sprintf("%d visits · value %.4f", n.Visits, n.Value)
		}
		if n.Ended {
			numbers += " · end"
		}
		const inset = 6
		if two {
			c.text(x+inset, y+14, truncate(c, n.Move, smallSize, n.Played, width-2*inset), smallSize, n.Played, InkText, anchorStart)
			c.text(x+inset, y+28, truncate(c, numbers, smallSize, false, width-2*inset), smallSize, false, InkMuted, anchorStart)
			continue
		}
		baseline := q.Y + smallSize/2 - 1.5
		room := width - 2*inset
		if w := c.width(numbers, smallSize, false); w < room*0.6 {
			c.text(x+width-inset, baseline, numbers, smallSize, false, InkMuted, anchorEnd)
			room -= w + 8
		}
		c.text(x+inset, baseline, truncate(c, n.Move, smallSize, n.Played, room), smallSize, n.Played, InkText, anchorStart)
	}
	if left > 0 {
		p.chip(c, at, at.x+at.w-4, at.y+at.h-5, fmt.Sprintf("%d less visited nodes not shown", left), InkMuted, anchorEnd)
	}
}
