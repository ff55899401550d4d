package viz

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"strata/malloc"
)

// Leaf is one thing in a treemap; Bytes is its area.
type Leaf struct {
	Name, Group string
	Label       string // drawn inside; "": Name
	Bytes       int64
	Class       Class
	Pattern     Pattern
	Ref         int32
	Tip         string
}

// Squarify lays leaves out in a w × h rectangle with areas proportional to
// their bytes and sides as equal as it can make them (Bruls, Huizing and van
// Wijk, "Squarified treemaps", 2000). Rectangles come in the order of leaves;
// those without bytes are empty. Origin at the top left, A downwards.
func Squarify(leaves []Leaf, w, h float64) []Rect {
	sizes := make([]float64, len(leaves))
	for i := range leaves {
		sizes[i] = float64(max(leaves[i].Bytes, 0))
	}
	boxes := squarify(sizes, box{0, 0, w, h})
	rects := make([]Rect, len(leaves))
	for i, l := range leaves {
		b := boxes[i]
		rects[i] = Rect{b.x, b.x + b.w, b.y, b.y + b.h, l.Class, l.Pattern, l.Ref, l.label()}
	}
	return rects
}

func (l *Leaf) label() string {
	if l.Label != "" {
		return l.Label
	}
	return l.Name
}

type box struct{ x, y, w, h float64 }

// squarify fills in rows along the shorter side, largest first; a row ends when
// one more member would make its worst aspect ratio worse.
func squarify(sizes []float64, in box) []box {
	out := make([]box, len(sizes))
	order := make([]int, 0, len(sizes))
	total := 0.0
	for i, s := range sizes {
		if s > 0 {
			order = append(order, i)
			total += s
		}
	}
	if total == 0 || in.w <= 0 || in.h <= 0 {
		return out
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	scale := in.w * in.h / total
	for at := 0; at < len(order); {
		side := min(in.w, in.h)
		sum, worst, n := 0.0, 0.0, 0
		largest := sizes[order[at]] * scale
		for k := at; k < len(order); k++ {
			s := sizes[order[k]] * scale
			t := sum + s
			ratio := max(side*side*largest/(t*t), t*t/(side*side*s))
			if n > 0 && ratio > worst {
				break
			}
			sum, worst, n = t, ratio, n+1
		}
		last := at+n == len(order)
		row := sum / side
		along := 0.0
		for k := at; k < at+n; k++ {
			share := sizes[order[k]] * scale / sum * side
			if k == at+n-1 {
				share = side - along // no rounding gap at the end of a row
			}
			if in.w >= in.h {
				thick := row
				if last {
					thick = in.w
				}
				out[order[k]] = box{in.x, in.y + along, thick, share}
			} else {
				thick := row
				if last {
					thick = in.h
				}
				out[order[k]] = box{in.x + along, in.y, share, thick}
			}
			along += share
		}
		if in.w >= in.h {
			in.x, in.w = in.x+row, in.w-row
		} else {
			in.y, in.h = in.y+row, in.h-row
		}
		at += n
	}
	return out
}

// TreemapOptions says how a treemap is titled, and the shape its squares are
// made for (width over height of the data area; 0: 16 to 9).
type TreemapOptions struct {
	Title, Subtitle string
	Aspect          float64
}

// Treemap draws leaves by bytes, those of one group together.
func Treemap(leaves []Leaf, o TreemapOptions) *Figure {
	f := &Figure{Title: o.Title, Subtitle: o.Subtitle, Empty: "No tensors with bytes."}
	if f.Title == "" {
		f.Title = "Bytes by tensor"
	}
	if o.Aspect <= 0 {
		o.Aspect = 16.0 / 9
	}
	w, h := 1000*o.Aspect, 1000.0
	var names []string
	members := map[string][]int{}
	total := int64(0)
	for i, l := range leaves {
		if l.Bytes <= 0 {
			continue
		}
		if members[l.Group] == nil {
			names = append(names, l.Group)
		}
		members[l.Group] = append(members[l.Group], i)
		total += l.Bytes
	}
	if total == 0 {
		return f
	}
	groups := make([]float64, len(names))
	for g, name := range names {
		for _, i := range members[name] {
			groups[g] += float64(leaves[i].Bytes)
		}
	}
	rects := make([]Rect, 0, len(leaves))
	outer := squarify(groups, box{0, 0, w, h})
	for g, name := range names {
		sizes := make([]float64, len(members[name]))
		for k, i := range members[name] {
			sizes[k] = float64(leaves[i].Bytes)
		}
		// A thin gutter keeps groups apart; areas stay proportional within a group.
		b := outer[g]
		gap := min(3, b.w/20, b.h/20)
		b = box{b.x + gap, b.y + gap, b.w - 2*gap, b.h - 2*gap}
		largest := 0
		for k := range sizes {
			if sizes[k] > sizes[largest] {
				largest = k
			}
		}
		for k, r := range squarify(sizes, b) {
			l := &leaves[members[name][k]]
			label := l.label()
			if k == largest && len(sizes) > 1 && l.Label != "" {
				label = name + " " + label
			}
			rects = append(rects, Rect{r.x, r.x + r.w, r.y, r.y + r.h, l.Class, l.Pattern, int32(members[name][k]), label})
		}
	}
	var seen [numClasses][3]bool
	for _, l := range leaves {
		if l.Bytes > 0 {
			seen[l.Class][l.Pattern] = true
		}
	}
	for c := range seen {
		for p, s := range seen[c] {
			if !s {
				continue
			}
			label := Class(c).String()
			if Pattern(p) != Solid {
				label += ", streamed"
			}
			f.Legend = append(f.Legend, LegendItem{Ink: Fill(Class(c)), Pattern: Pattern(p), Label: label})
		}
	}
	f.Panels = []Panel{{
		View: View{0, w, h, 0}, Frameless: true,
		Layers: []Layer{{Scene: NewScene(rects), Describe: func(ref int32) string {
			l := &leaves[ref]
			if l.Tip != "" {
				return l.Tip
			}
			return fmt.Sprintf("%s, %s (%.1f %%)", l.Name, FormatBytes(l.Bytes), 100*float64(l.Bytes)/float64(total))
		}}},
	}}
	return f
}

// ProgramLeaves makes a treemap's leaves of a program's buffers: area is size,
// grouped by block of the model. Weights that no block of the plan keeps for
// the whole loop (without a loop: the whole program) are hatched as streamed.
func ProgramLeaves(p *malloc.Program, plan *malloc.Plan) []Leaf {
	turn := len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		turn = l.End - l.Begin
	}
	resident := make([]bool, len(p.Buffers))
	placed := make([]bool, len(p.Buffers))
	if plan != nil {
		for _, b := range plan.Blocks {
			if b.Buf >= 0 && b.Buf < len(resident) {
				placed[b.Buf] = true
				resident[b.Buf] = resident[b.Buf] || b.End-b.Start >= turn
			}
		}
	}
	leaves := make([]Leaf, 0, len(p.Buffers))
	for i := range p.Buffers {
		b := &p.Buffers[i]
		if b.Select != nil {
			continue // a part of other buffers, already counted there
		}
		l := Leaf{Name: b.Name, Group: tensorGroup(b), Label: shortName(b), Bytes: b.Size, Class: BufferClass(b), Ref: int32(i)}
		state := ""
		if plan != nil && b.Kind == malloc.KindParam {
			state = ", resident"
			if !resident[i] {
				l.Pattern, state = Hatch, ", streamed"
			}
			if !placed[i] {
				state = ", never in fast memory"
			}
		}
		l.Tip = fmt.Sprintf("%s (%s), %s%s", b.Name, b.Kind, FormatBytes(b.Size), state)
		leaves = append(leaves, l)
	}
	return leaves
}

// tensorGroup is the block a weight belongs to: "blk.7" of
// "blk.7.ffn_up.weight", else the matrix itself. What is no weight is grouped by
// its kind.
func tensorGroup(b *malloc.Buffer) string {
	if b.Kind != malloc.KindParam {
		return BufferClass(b).String()
	}
	name := b.Name
	if b.PanelOf != nil && b.PanelOf.Name != "" {
		name = b.PanelOf.Name
	}
	if parts := strings.SplitN(name, ".", 3); len(parts) == 3 {
		for _, r := range parts[1] {
			if r < '0' || r > '9' {
				return name
			}
		}
		return parts[0] + "." + parts[1]
	}
	return name
}

// shortName is a tensor's name inside its group: "ffn_up" of
// "blk.7.ffn_up.weight", "[1024]" of the panel from row 1024.
func shortName(b *malloc.Buffer) string {
	group := tensorGroup(b)
	if b.PanelOf != nil && b.PanelOf.Name == group {
		return fmt.Sprintf("[%d]", b.PanelOf.Row)
	}
	short := strings.TrimPrefix(b.Name, group+".")
	return strings.TrimSuffix(short, ".weight")
}
