package compare

import (
	"testing"

	"strata/ui/controller"
	"strata/ui/views/planview"
	"strata/ui/views/viewtest"
	"strata/ui/viz"
)

// TestMovedTensorsKeepTheirColour: after one weight is moved, the difference is
// what the two plans' own placements say, only moved tensors are coloured, and
// zoom is linked.
func TestMovedTensorsKeepTheirColour(t *testing.T) {
	s := viewtest.Open(t)
	v := New(s.Host).(*View)
	v.Content()
	v.left.Synchronous, v.right.Synchronous, v.lanes.Synchronous = true, true, true
	s.Put(t, v)
	s.Shot(t, "compare-empty")
	v.keep()
	before := s.Host.Controller.Snapshot().Doc()
	list := planview.Tensors(before)
	var moved *planview.Tensor
	for i := range list {
		if list[i].How == controller.Resident && list[i].Bytes > 300<<10 {
			moved = &list[i]
			break
		}
	}
	if moved == nil {
		t.Skip("the sample's plan keeps nothing")
	}
	s.Host.Controller.Move(before.ID, []int{moved.Buf}, before.Program.Buffers[moved.Buf].Home)
	s.Wait(t, "the move", func() bool { return s.Host.Controller.Snapshot().Doc().PlanVersion != before.PlanVersion })
	v.Update(s.Host.Controller.Snapshot())
	if !v.diff.moved[moved.Name] {
		t.Errorf("%s was moved, the difference is %d others", moved.Name, len(v.diff.changes))
	}
	after := planview.Tensors(s.Host.Controller.Snapshot().Doc())
	for i := range after {
		if differs := after[i].Tier != list[i].Tier || after[i].How != list[i].How; differs != v.diff.moved[after[i].Name] {
			t.Errorf("%s: differs %v, told %v", after[i].Name, differs, v.diff.moved[after[i].Name])
		}
	}
	for _, p := range v.right.Figure().Panels {
		for _, l := range p.Layers {
			for k, c := range l.Scene.Class {
				if buf := s.Host.Controller.Snapshot().Doc().Plan.Blocks; p.Subject.Kind == viz.SubjectTier {
					b := buf[l.Scene.Ref[k]].Buf
					name := ""
					if b >= 0 {
						name = before.Program.Buffers[b].Name
					}
					if grey := c == viz.ClassTier3; grey == v.diff.moved[name] {
						t.Fatalf("%s: grey %v, moved %v", name, grey, v.diff.moved[name])
					}
				}
			}
		}
	}
	s.Shot(t, "compare-maps")
	v.left.ZoomAt(0.25, 100)
	l0, l1 := v.left.View()
	if r0, r1 := v.right.View(); r0 != l0 || r1 != l1 {
		t.Errorf("left shows [%g, %g), right [%g, %g)", l0, l1, r0, r1)
	}
	v.mode.Choose(1)
	if rows := v.lanes.Figure().Panels[0].Rows; len(rows) < 4 {
		t.Errorf("timelines of both have rows %+v", rows)
	}
	s.Shot(t, "compare-timelines")
}
