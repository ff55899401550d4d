package tensors

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"strata/ui/controller"
	"strata/ui/views/planview"
	"strata/ui/viz"
	"strata/ui/widgets"
)

// compare orders two tensors by a column.
func compare(a, b *planview.Tensor, column int) int {
	switch column {
	case colLayer:
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), natural(a.Name, b.Name))
	case colRole:
		return cmp.Or(strings.Compare(a.Role, b.Role), natural(a.Name, b.Name))
	case colType:
		return strings.Compare(a.Type, b.Type)
	case colShape:
		return natural(a.Shape, b.Shape)
	case colBytes:
		return cmp.Compare(a.Bytes, b.Bytes)
	case colTier:
		return strings.Compare(a.Tier, b.Tier)
	case colState:
		return cmp.Compare(a.How, b.How)
	case colUses:
		return cmp.Compare(a.Uses, b.Uses)
	case colLife:
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	}
	return natural(a.Name, b.Name)
}

// natural orders texts with numbers in them by the numbers' values.
func natural(a, b string) int {
	for a != "" && b != "" {
		if digit(a[0]) && digit(b[0]) {
			i, j := digits(a), digits(b)
			x, y := strings.TrimLeft(a[:i], "0"), strings.TrimLeft(b[:j], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[i:], b[j:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func digits(s string) int {
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	return n
}

func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func (v *View) cell(r, column int) (string, viz.Ink) {
	at := v.rows[r]
	if at.tensor < 0 {
		return groupCell(&v.sums[at.group], column), viz.InkText
	}
	return tensorCell(&v.list[at.tensor], column)
}

func groupCell(s *planview.Sum, column int) string {
	switch column {
	case colName:
		return fmt.Sprintf("%s (%s)", s.Name, number(s.Count))
	case colBytes:
		return viz.FormatBytes(s.Bytes)
	case colState:
		if s.Resident > 0 && s.Bytes > 0 {
			return fmt.Sprintf("%.0f %% kept", 100*float64(s.Resident)/float64(s.Bytes))
		}
	case colUses:
		return number(s.Uses)
	}
	return ""
}

func tensorCell(t *planview.Tensor, column int) (string, viz.Ink) {
	switch column {
	case colName:
		return t.Name, viz.InkText
	case colLayer:
		if t.Layer < 0 {
			return "–", viz.InkMuted
		}
		return strconv.Itoa(t.Layer), viz.InkText
	case colRole:
		return t.Role, viz.InkText
	case colType:
		return t.Type, viz.InkText
	case colShape:
		return t.Shape, viz.InkMuted
	case colBytes:
		return viz.FormatBytes(t.Bytes), viz.InkText
	case colTier:
		return t.Tier, viz.InkText
	case colState:
		if t.Locked {
			return t.State() + ", locked", viz.InkText
		}
		if t.How == controller.Absent {
			return t.State(), viz.InkMuted
		}
		return t.State(), viz.InkText
	case colUses:
		return number(t.Uses), viz.InkText
	case colLife:
		if t.First < 0 {
			return "–", viz.InkMuted
		}
		return fmt.Sprintf("%d – %d", t.First, t.Last), viz.InkMuted
	}
	return "", viz.InkText
}

func (v *View) style(r int) widgets.RowStyle {
	at := v.rows[r]
	if at.tensor < 0 {
		fold := 1
		if v.folded[v.sums[at.group].Name] {
			fold = -1
		}
		return widgets.RowStyle{Bold: true, Fold: fold, Selected: len(v.sums[at.group].Members) <= 5000 && v.selectedAll(&v.sums[at.group])}
	}
	t := &v.list[at.tensor]
	sel := v.host.Bus.State().Selection
	return widgets.RowStyle{Swatch: viz.Fill(t.Class), Selected: sel.Has(t.Buf)}
}

// table is what the view exports: the rows as they are filtered and sorted.
func (v *View) table() [][]string {
	out := [][]string{{"name", "layer", "role", "kind", "type", "shape", "bytes", "tier", "state", "uses", "first", "last"}}
	for _, r := range v.rows {
		if r.tensor < 0 {
			continue
		}
		t := &v.list[r.tensor]
		layer := ""
		if t.Layer >= 0 {
			layer = strconv.Itoa(t.Layer)
		}
		out = append(out, []string{t.Name, layer, t.Role, t.Kind, t.Type, t.Shape, strconv.FormatInt(t.Bytes, 10), t.Tier, t.State(),
			strconv.Itoa(t.Uses), strconv.Itoa(t.First), strconv.Itoa(t.Last)})
	}
	return out
}
