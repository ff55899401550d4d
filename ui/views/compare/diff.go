package compare

import (
	"cmp"
	"slices"

	"strata/ui/controller"
	"strata/ui/views/planview"
	"strata/ui/viz"
)

// side is one of the two plans compared.
type side struct {
	doc  *controller.Document
	list []planview.Tensor
	at   map[string]int // name → index
}

func newSide(d *controller.Document) side {
	s := side{doc: d, list: planview.Tensors(d), at: map[string]int{}}
	for i := range s.list {
		s.at[s.list[i].Name] = i
	}
	return s
}

// change is a tensor that lies differently in the two plans, or is in one only.
type change struct {
	name  string
	a, b  *planview.Tensor // nil: not there
	bytes int64
}

// difference is what moved between two plans, the largest first.
type difference struct {
	changes []change
	moved   map[string]bool
	bytes   int64
}

func diff(a, b side) difference {
	d := difference{moved: map[string]bool{}}
	add := func(name string, x, y *planview.Tensor) {
		c := change{name: name, a: x, b: y}
		if x != nil {
			c.bytes = x.Bytes
		}
		if y != nil {
			c.bytes = max(c.bytes, y.Bytes)
		}
		d.changes = append(d.changes, c)
		d.moved[name] = true
		d.bytes += c.bytes
	}
	for i := range a.list {
		x := &a.list[i]
		k, ok := b.at[x.Name]
		if !ok {
			add(x.Name, x, nil)
			continue
		}
		if y := &b.list[k]; x.Tier != y.Tier || x.How != y.How || x.Bytes != y.Bytes || x.Type != y.Type {
			add(x.Name, x, y)
		}
	}
	for i := range b.list {
		if _, ok := a.at[b.list[i].Name]; !ok {
			add(b.list[i].Name, nil, &b.list[i])
		}
	}
	slices.SortStableFunc(d.changes, func(x, y change) int { return cmp.Compare(y.bytes, x.bytes) })
	return d
}

// place is where a tensor lies, in words.
func place(t *planview.Tensor) string {
	if t == nil {
		return "–"
	}
	return t.Tier + ", " + t.State()
}

// tint gives the map of a plan with only the moved tensors in their colours.
func tint(f *viz.Figure, d *controller.Document, moved map[string]bool) *viz.Figure {
	if f == nil || d == nil || d.Plan == nil {
		return f
	}
	out := *f
	out.Panels = slices.Clone(f.Panels)
	for i := range out.Panels {
		p := &out.Panels[i]
		p.Layers = slices.Clone(p.Layers)
		for l := range p.Layers {
			s := p.Layers[l].Scene
			rects := make([]viz.Rect, s.Len())
			for k := range rects {
				class, buf := viz.ClassTier3, -1
				switch p.Subject.Kind {
				case viz.SubjectTier:
					buf = d.Plan.Blocks[s.Ref[k]].Buf
				case viz.SubjectEngine:
					buf = d.Plan.Copies[s.Ref[k]].Buf
				}
				if buf >= 0 && moved[d.Program.Buffers[buf].Name] {
					class = s.Class[k]
				}
				rects[k] = viz.Rect{T0: s.T0[k], T1: s.T1[k], A0: s.A0[k], A1: s.A1[k], Class: class, Pattern: s.Pattern[k], Ref: s.Ref[k], Label: s.Label[k]}
			}
			p.Layers[l].Scene = viz.NewScene(rects)
		}
	}
	return &out
}
