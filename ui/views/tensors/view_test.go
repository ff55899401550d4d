package tensors

import (
	"strings"
	"testing"

	"strata/ui/views/planview"
	"strata/ui/views/viewtest"
	"strata/ui/viz"
)

func open(t *testing.T) (*View, *viewtest.Stage) {
	t.Helper()
	s := viewtest.Open(t)
	v := New(s.Host).(*View)
	v.Content()
	v.tree.Synchronous = true
	s.Put(t, v)
	return v, s
}

// TestFilterSortGroup: the table holds what the expression says, in the order
// asked for, and sums of groups are those of their members.
func TestFilterSortGroup(t *testing.T) {
	v, s := open(t)
	if len(v.rows) != len(v.list) || len(v.list) == 0 {
		t.Fatalf("%d rows of %d tensors", len(v.rows), len(v.list))
	}
	for i := 1; i < len(v.rows); i++ {
		if v.list[v.rows[i-1].tensor].Bytes < v.list[v.rows[i].tensor].Bytes {
			t.Fatal("not sorted by bytes, the largest first")
		}
	}
	v.filter.SetText("layer:3 role:ffn")
	v.arrange()
	if len(v.rows) == 0 {
		t.Fatal("no ffn weights in layer 3")
	}
	for _, r := range v.rows {
		if x := &v.list[r.tensor]; x.Layer != 3 || x.Role != "ffn" {
			t.Errorf("%s passed the filter", x.Name)
		}
	}
	v.filter.SetText("colour:red")
	v.arrange()
	if !strings.Contains(v.summary.Text(), "there are name") {
		t.Errorf("a wrong filter says %q", v.summary.Text())
	}
	v.filter.SetText("")
	v.group.Choose(int(planview.ByLayer))
	total, groups := int64(0), 0
	for _, x := range v.sums {
		sum := int64(0)
		for _, m := range x.Members {
			sum += v.list[m].Bytes
		}
		if sum != x.Bytes || len(x.Members) != x.Count {
			t.Errorf("%s: %d bytes of %d tensors, its members have %d", x.Name, x.Bytes, x.Count, sum)
		}
		total += x.Bytes
		groups++
	}
	if total != v.bytes || len(v.rows) != len(v.list)+groups {
		t.Errorf("groups hold %d bytes of %d, %d rows", total, v.bytes, len(v.rows))
	}
	s.Shot(t, "tensors-groups")
	v.foldAll(true)
	if len(v.rows) != groups {
		t.Errorf("folded: %d rows, %d groups", len(v.rows), groups)
	}
}

// TestWhyHere: selecting a tensor explains where it lies, with a number for the
// other tier; the keys walk along the table.
func TestWhyHere(t *testing.T) {
	v, s := open(t)
	v.filter.SetText(`state:resident role:ffn`)
	v.arrange()
	if len(v.rows) == 0 {
		t.Skip("the sample's plan keeps no ffn weight")
	}
	v.step(1)
	first := s.Host.Bus.State().Selection.Buffers
	v.step(1)
	second := s.Host.Bus.State().Selection.Buffers
	if len(first) != 1 || len(second) != 1 || first[0] == second[0] || second[0] != v.list[v.rows[1].tensor].Buf {
		t.Fatalf("walked to %v, then %v", first, second)
	}
	s.Wait(t, "the explanation", func() bool { return v.details.Answer(second[0]) != nil })
	e := v.details.Answer(second[0])
	if e.Reason == "" || e.Next() == nil && len(e.Options) > 1 && e.Options[1].Why == "" {
		t.Errorf("%+v", e)
	}
	t.Log(e.Reason)
	s.Shot(t, "tensors-why")
	s.Theme(viz.Dark)
	s.Shot(t, "tensors-dark")
}

// TestLockShowsInTheTable: a lock is told in the state column and can be
// filtered by.
func TestLockShowsInTheTable(t *testing.T) {
	v, s := open(t)
	buf := v.list[v.rows[0].tensor].Buf
	s.Host.Controller.Lock(v.doc.ID, []int{buf}, true)
	s.Settle(t)
	v.Update(s.Host.Controller.Snapshot())
	v.filter.SetText("locked:yes")
	v.arrange()
	if len(v.rows) != 1 || v.list[v.rows[0].tensor].Buf != buf {
		t.Errorf("%d rows are locked", len(v.rows))
	}
	if text, _ := v.cell(0, colState); !strings.Contains(text, "locked") {
		t.Errorf("the state is %q", text)
	}
}

// TestTableExport: text and CSV are the rows as they are shown.
func TestTableExport(t *testing.T) {
	v, _ := open(t)
	v.filter.SetText("role:norm layer:0..2")
	v.arrange()
	e := v.Export()
	table := e.Table()
	if len(table) != len(v.rows)+1 || table[1][0] != v.list[v.rows[0].tensor].Name {
		t.Errorf("%d lines for %d rows", len(table), len(v.rows))
	}
	if text := e.Text(); strings.Count(text, "\n") != len(table) {
		t.Errorf("text has %d lines", strings.Count(text, "\n"))
	}
	if e.Figure() == nil {
		t.Error("no picture")
	}
}

func TestNatural(t *testing.T) {
	for _, c := range [][2]string{{"blk.2.a", "blk.10.a"}, {"a", "b"}, {"x9", "x10"}, {"kv.1", "kv.1.b"}} {
		if natural(c[0], c[1]) >= 0 || natural(c[1], c[0]) <= 0 {
			t.Errorf("%s does not come before %s", c[0], c[1])
		}
	}
	if natural("a07", "a7") != 0 {
		t.Error("leading zeros count")
	}
}
