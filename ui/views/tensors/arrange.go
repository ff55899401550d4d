package tensors

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2/lang"

	"strata/ui/views/planview"
	"strata/ui/viz"
	"strata/ui/widgets"
)

// arrange filters, sorts and groups; long lists in the background.
func (v *View) arrange() {
	round := v.work.Add(1)
	f, err := widgets.ParseFilter(v.filter.Text, planview.Fields)
	v.problem = ""
	if err != nil {
		v.problem = err.Error()
		v.tell()
		return
	}
	v.grid.SortColumn, v.grid.SortDown = v.sort, v.down
	list, by, down, groups := v.list, v.sort, v.down, v.groupBy
	run := func() ([]int32, []planview.Sum) {
		match := f.Matcher(planview.Fields)
		rows := make([]int32, 0, len(list))
		for i := range list {
			if match(&list[i]) {
				rows = append(rows, int32(i))
			}
		}
		slices.SortStableFunc(rows, func(a, b int32) int {
			c := compare(&list[a], &list[b], by)
			if down {
				return -c
			}
			return c
		})
		if groups == planview.NoGroups {
			return rows, nil
		}
		return rows, planview.Groups(groups, list, rows)
	}
	finish := func(rows []int32, sums []planview.Sum) {
		v.drawTree(f.String(), rows)
		v.sums, v.matched, v.bytes = sums, len(rows), 0
		for _, r := range rows {
			v.bytes += list[r].Bytes
		}
		if sums == nil {
			v.rows = v.rows[:0]
			for _, r := range rows {
				v.rows = append(v.rows, row{-1, r})
			}
		}
		v.flatten()
		v.tell()
	}
	if len(list) < 3000 {
		finish(run())
		return
	}
	go func() {
		rows, sums := run()
		v.host.Do(func() {
			if v.work.Load() == round {
				finish(rows, sums)
			}
		})
	}()
}

// drawTree draws the treemap; what does not match the filter is grey in it.
func (v *View) drawTree(filter string, rows []int32) {
	if v.tree.Figure() != nil && v.treeOf == filter {
		return
	}
	v.treeOf = filter
	v.leaves = planview.Leaves(v.list)
	if len(rows) < len(v.list) {
		match := make([]bool, len(v.list))
		for _, r := range rows {
			match[r] = true
		}
		for i := range v.leaves {
			if !match[i] {
				v.leaves[i].Class, v.leaves[i].Pattern = viz.ClassTier3, viz.Solid
			}
		}
	}
	aspect := 2.2
	if size := v.tree.Size(); size.Height > 40 {
		aspect = float64(size.Width / size.Height)
	}
	figure := viz.Treemap(v.leaves, viz.TreemapOptions{Aspect: aspect})
	for i := range figure.Legend {
		if figure.Legend[i].Ink == viz.Fill(viz.ClassTier3) {
			figure.Legend[i].Label = lang.L("filtered out")
		}
	}
	if v.doc == nil || v.doc.Program == nil {
		figure.Empty = lang.L("No model is open: Ctrl+O, or drop a file anywhere.")
	}
	v.tree.SetFigure(figure, true)
	v.legend.Set(figure, v.host.Palette())
	v.tree.Select(planview.SelectedKeys(v.host.Bus.State().Selection)...)
}

// flatten makes the table's rows of groups and their open members.
func (v *View) flatten() {
	if v.sums != nil {
		v.rows = v.rows[:0]
		for g := range v.sums {
			v.rows = append(v.rows, row{int32(g), -1})
			if v.folded[v.sums[g].Name] {
				continue
			}
			for _, m := range v.sums[g].Members {
				v.rows = append(v.rows, row{int32(g), int32(m)})
			}
		}
	}
	v.grid.Reload()
}

func (v *View) tell() {
	switch {
	case v.problem != "":
		v.summary.Set(v.problem)
		v.summary.SetInk(viz.InkBad)
	case v.doc == nil || v.doc.Program == nil:
		v.summary.Set("")
	default:
		text := fmt.Sprintf(lang.L("%s of %s tensors, %s"), number(v.matched), number(len(v.list)), viz.FormatBytes(v.bytes))
		if v.doc.Plan == nil {
			text += ", " + lang.L("no plan yet")
		}
		v.summary.Set(text)
		v.summary.SetInk(viz.InkMuted)
	}
}
