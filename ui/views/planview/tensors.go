package planview

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"strata/malloc"
	"strata/ui/controller"
	"strata/ui/viz"
	"strata/ui/widgets"
	"strata/workflow"
)

// Tensor is one buffer as the views show it.
type Tensor struct {
	Buf       int
	Name      string
	Layer     int // -1: none
	Role      string
	Kind      string
	Type      string // stored type; "" when the model's headers are not at hand
	Shape     string
	Bytes     int64
	Home      string
	Tier      string
	How       controller.Residency
	First     int // first and last instruction that touches it; -1: none
	Last      int
	Uses      int // touches in the steady loop
	Locked    bool
	Class     viz.Class
	CopyBytes int64 // copied in one iteration
}

// State is how the tensor lies, in words.
func (t *Tensor) State() string {
	switch t.How {
	case controller.Resident:
		return "resident"
	case controller.Streamed:
		return "streamed"
	}
	return "home"
}

// Fields of filter expressions.
var Fields = []widgets.FilterField{
	{Name: "name"}, {Name: "layer", Number: true}, {Name: "role"}, {Name: "kind"}, {Name: "type"}, {Name: "tier"},
	{Name: "state"}, {Name: "bytes", Number: true}, {Name: "uses", Number: true}, {Name: "first", Number: true}, {Name: "last", Number: true}, {Name: "home"}, {Name: "locked"},
}

// Text is for filters.
func (t *Tensor) Text(field int) string {
	switch Fields[field].Name {
	case "name":
		return t.Name
	case "role":
		return t.Role
	case "kind":
		return t.Kind
	case "type":
		return t.Type
	case "tier":
		return t.Tier
	case "state":
		return t.State()
	case "home":
		return t.Home
	case "locked":
		return map[bool]string{true: "yes", false: "no"}[t.Locked]
	}
	return strconv.FormatFloat(t.Number(field), 'f', -1, 64)
}

// Number is for filters.
func (t *Tensor) Number(field int) float64 {
	switch Fields[field].Name {
	case "layer":
		return float64(t.Layer)
	case "bytes":
		return float64(t.Bytes)
	case "uses":
		return float64(t.Uses)
	case "first":
		return float64(t.First)
	case "last":
		return float64(t.Last)
	}
	return 0
}

// Tensors lists a document's buffers. Parts whose content is chosen from other
// buffers are left out: their bytes are counted there.
func Tensors(d *controller.Document) []Tensor {
	if d == nil || d.Program == nil {
		return nil
	}
	p := d.Program
	kinds, tiers := d.Residencies()
	begin, end := 0, len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		begin, end = l.Begin, l.End
	}
	first, last, uses := make([]int, len(p.Buffers)), make([]int, len(p.Buffers)), make([]int, len(p.Buffers))
	for b := range first {
		first[b], last[b] = -1, -1
	}
	for i := range p.Instructions {
		in := &p.Instructions[i]
		for _, list := range [2][]malloc.Operand{in.Reads, in.Writes} {
			for _, o := range list {
				if first[o.Buf] < 0 {
					first[o.Buf] = i
				}
				last[o.Buf] = i
				if i >= begin && i < end {
					uses[o.Buf]++
				}
			}
		}
	}
	copied := make([]int64, len(p.Buffers))
	if d.Plan != nil {
		for _, c := range d.Plan.Copies {
			if !c.Once && c.Buf >= 0 && c.Buf < len(copied) && c.Start >= begin && c.Start < end {
				copied[c.Buf] += c.Bytes
			}
		}
	}
	stored := map[string]*workflow.TensorInfo{}
	if d.Inspection != nil {
		for i := range d.Inspection.Tensors {
			stored[d.Inspection.Tensors[i].Name] = &d.Inspection.Tensors[i]
		}
	}
	list := make([]Tensor, 0, len(p.Buffers))
	for i := range p.Buffers {
		b := &p.Buffers[i]
		if b.Select != nil {
			continue
		}
		t := Tensor{Buf: i, Name: b.Name, Layer: layerOf(b.Name), Kind: b.Kind, Role: roleOf(b), Bytes: b.Size, Home: tierName(p, b.Home),
			Tier: tierName(p, tiers[i]), How: kinds[i], First: first[i], Last: last[i], Uses: uses[i], Locked: d.IsLocked(i), Class: viz.BufferClass(b), CopyBytes: copied[i]}
		name := b.Name
		if b.PanelOf != nil {
			name = b.PanelOf.Name
		}
		if s := stored[name]; s != nil {
			t.Type, t.Shape = s.DType, shape(s.Shape)
			if b.PanelOf != nil && len(s.Shape) > 0 {
				t.Shape = fmt.Sprintf("rows %d–%d of %s", b.PanelOf.Row, b.PanelOf.Row+b.PanelOf.Rows-1, t.Shape)
			}
			if s.Layer >= 0 && t.Layer < 0 && strings.Contains(name, ".") && layerOf(name) >= 0 {
				t.Layer = s.Layer
			}
		}
		list = append(list, t)
	}
	return list
}

func tierName(p *malloc.Program, t int) string {
	if t >= 0 && t < len(p.Tiers) {
		return p.Tiers[t].Name
	}
	return ""
}

func shape(s []int64) string {
	parts := make([]string, len(s))
	for i, n := range s {
		parts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(parts, " × ")
}

// layerOf is the first number between dots of a name ("blk.7.ffn_up.weight",
// "kv.7", "h.3@decode"), -1 without one.
func layerOf(name string) int {
	if at := strings.IndexByte(name, '@'); at >= 0 {
		name = name[:at]
	}
	for _, part := range strings.Split(name, ".")[1:] {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 {
			return n
		}
	}
	return -1
}

// roles of weights by a piece of their name, first match wins.
var roles = []struct{ piece, role string }{
	{"norm", "norm"}, {"exps", "experts"}, {"expert", "experts"}, {"attn", "attn"}, {"self_attn", "attn"}, {"ffn", "ffn"}, {"mlp", "ffn"},
	{"ssm", "state"}, {"token_embd", "embedding"}, {"embed", "embedding"}, {"output", "output"}, {"lm_head", "output"},
}

func roleOf(b *malloc.Buffer) string {
	if b.Kind != malloc.KindParam {
		return b.Kind
	}
	for _, r := range roles {
		if strings.Contains(b.Name, r.piece) {
			return r.role
		}
	}
	return "other"
}

// Leaves makes the treemap's leaves of tensors, hatched where they are streamed.
func Leaves(list []Tensor) []viz.Leaf {
	leaves := make([]viz.Leaf, len(list))
	for i := range list {
		t := &list[i]
		l := viz.Leaf{Name: t.Name, Group: groupOf(t), Label: shortName(t), Bytes: t.Bytes, Class: t.Class, Ref: int32(t.Buf)}
		if t.How == controller.Streamed {
			l.Pattern = viz.Hatch
		}
		leaves[i] = l
	}
	return leaves
}

func groupOf(t *Tensor) string {
	switch {
	case t.Kind != malloc.KindParam:
		return t.Class.String()
	case t.Layer >= 0:
		return "layer " + strconv.Itoa(t.Layer)
	}
	return t.Role
}

// shortName is the name without layer and ending.
func shortName(t *Tensor) string {
	name := strings.TrimSuffix(t.Name, ".weight")
	if t.Layer >= 0 && t.Kind == malloc.KindParam {
		if i := strings.Index(name, "."+strconv.Itoa(t.Layer)+"."); i >= 0 {
			return name[i+len(strconv.Itoa(t.Layer))+2:]
		}
	}
	return name
}

// Grouping gathers rows.
type Grouping uint8

// Groupings of the tensor table.
const (
	NoGroups Grouping = iota
	ByLayer
	ByRole
	ByType
	ByTier
)

// Group is the name of t's group and a number that orders groups.
func (g Grouping) Group(t *Tensor) (name string, order int) {
	switch g {
	case ByLayer:
		if t.Layer < 0 {
			return "no layer", 1 << 30
		}
		return "layer " + strconv.Itoa(t.Layer), t.Layer
	case ByRole:
		return t.Role, 0
	case ByType:
		if t.Type == "" {
			return t.Kind, 1
		}
		return t.Type, 0
	case ByTier:
		return t.Tier + ", " + t.State(), 0
	}
	return "", 0
}

// Sum of a group of tensors.
type Sum struct {
	Name     string
	Count    int
	Bytes    int64
	Resident int64 // bytes of it that stay for the whole loop
	Copied   int64 // in one iteration
	Uses     int
	order    int
	Members  []int // indexes into the rows given
}

// Groups sums rows up, in the order of layers, else the largest first.
func Groups(g Grouping, list []Tensor, rows []int32) []Sum {
	at := map[string]int{}
	var sums []Sum
	for _, r := range rows {
		t := &list[r]
		name, order := g.Group(t)
		k, ok := at[name]
		if !ok {
			k = len(sums)
			at[name] = k
			sums = append(sums, Sum{Name: name, order: order})
		}
		s := &sums[k]
		s.Count++
		s.Bytes += t.Bytes
		s.Copied += t.CopyBytes
		s.Uses += t.Uses
		if t.How == controller.Resident {
			s.Resident += t.Bytes
		}
		s.Members = append(s.Members, int(r))
	}
	slices.SortStableFunc(sums, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(b.Bytes, a.Bytes))
	})
	return sums
}
