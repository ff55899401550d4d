package memorymap

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"strata/ui/controller"
	"strata/ui/views/planview"
	"strata/ui/views/viewtest"
	"strata/ui/viz"
)

func open(t *testing.T) (*View, *viewtest.Stage) {
	t.Helper()
	s := viewtest.Open(t)
	v := New(s.Host).(*View)
	v.Content()
	v.plot.Synchronous = true
	s.Put(t, v)
	return v, s
}

// streamed returns a tensor that the sample's plan copies in each iteration.
func find(t *testing.T, v *View, how controller.Residency) *planview.Tensor {
	t.Helper()
	for i := range v.tensors {
		if x := &v.tensors[i]; x.How == how && x.Bytes > 300<<10 && strings.HasPrefix(x.Name, "blk.") {
			return x
		}
	}
	t.Skipf("the sample's plan has no weight that is %v", how)
	return nil
}

// TestMapFollowsTheBus: a selection made elsewhere is outlined here and told in
// the details, and a click here is told to all.
func TestMapFollowsTheBus(t *testing.T) {
	v, s := open(t)
	x := find(t, v, controller.Resident)
	s.Host.Bus.SelectBuffers(v.doc.ID, x.Buf)
	if lo, hi, ok := v.plot.SelectedSpan(); !ok || hi <= lo {
		t.Fatalf("%s is selected, nothing is outlined", x.Name)
	}
	s.Shot(t, "memory-map-selected")
	s.Host.Bus.Clear()
	if _, _, ok := v.plot.SelectedSpan(); ok {
		t.Error("cleared, still outlined")
	}
	f := v.plot.Figure()
	panel := 0
	for v.tierOf(panel) < 0 || len(f.Panels[panel].Layers) == 0 || f.Panels[panel].Layers[0].Describe == nil {
		panel++
	}
	scene := f.Panels[panel].Layers[0].Scene
	for i := range scene.Ref {
		key := v.key(panel, scene.Ref[i])
		if planview.HoverOf(key).Buf < 0 {
			continue
		}
		planview.Tap(s.Host, v.doc, key, 0)
		if st := s.Host.Bus.State(); len(st.Selection.Buffers) != 1 || st.Selection.Buffers[0] != v.doc.Plan.Blocks[scene.Ref[i]].Buf {
			t.Fatalf("clicked block %d, selected %v", scene.Ref[i], st.Selection)
		}
		break
	}
}

// TestPeakIsTheFullestMoment: K goes where most bytes live, and no instruction
// has more by an independent count.
func TestPeakIsTheFullestMoment(t *testing.T) {
	v, _ := open(t)
	if len(v.peaks) == 0 {
		t.Fatal("no peak")
	}
	p, plan := v.doc.Program, v.doc.Plan
	loop := p.PeriodicLoop()
	for _, k := range v.peaks {
		for i := range p.Instructions {
			live := int64(0)
			for b := range plan.Blocks {
				x := &plan.Blocks[b]
				in := x.Start <= i && i < x.End
				if loop != nil && x.Start >= loop.Begin && x.Start < loop.End && x.End > loop.End {
					in = in || i >= loop.Begin && i < loop.Begin+x.End-loop.End && i < loop.End
				}
				if x.Tier == k.tier && in {
					live += sizeOf(p, x)
				}
			}
			if live > k.bytes || i == k.instr && live != k.bytes {
				t.Fatalf("instruction %d has %d bytes, the peak is said to be %d at %d", i, live, k.bytes, k.instr)
			}
		}
	}
	v.jumpToPeak()
	if t0, t1 := v.plot.View(); t1-t0 > float64(len(p.Instructions))/2 || v.x(float64(v.peaks[0].instr)) < t0 || v.x(float64(v.peaks[0].instr)) > t1 {
		t.Errorf("shows [%g, %g) after K", t0, t1)
	}
}

// TestDragTellsCostBeforeTheDrop: over another tier the tip says what the move
// would do, and the drop is one undo step.
func TestDragTellsCostBeforeTheDrop(t *testing.T) {
	v, s := open(t)
	x := find(t, v, controller.Resident)
	f := v.plot.Figure()
	shelf := -1
	for i := range f.Panels {
		if f.Panels[i].Subject.Kind == viz.SubjectTier && f.Panels[i].Subject.ID == v.doc.Program.Buffers[x.Buf].Home {
			shelf = i
		}
	}
	if shelf < 0 {
		t.Fatal("no panel to drop on")
	}
	s.Host.Bus.SelectBuffers(v.doc.ID, x.Buf)
	from, ok := v.plot.Locate(planview.BufferKey(x.Buf))
	if !ok {
		t.Fatalf("%s is not on the map", x.Name)
	}
	v.plot.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: from}, Button: desktop.MouseButtonPrimary})
	to := v.plot.PanelPosition(shelf)
	v.plot.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: to}})
	hit, over, dragging := v.plot.Dragging()
	if !dragging || over != shelf || planview.HoverOf(hit.Key).Buf != x.Buf {
		t.Fatalf("dragging %v over %d of %+v", dragging, over, hit)
	}
	s.Wait(t, "the cost of the move", func() bool { return !strings.Contains(v.dragOver(hit, shelf).Lines[1], "working out") })
	verdict := v.dragOver(hit, shelf)
	if len(verdict.Lines) < 2 {
		t.Fatalf("no cost over the tier: %q", verdict.Lines)
	}
	t.Logf("%q", verdict.Lines)
	s.Shot(t, "memory-map-drag")
	before := v.doc.PlanVersion
	v.plot.DragEnd()
	s.Wait(t, "the move", func() bool { return s.Host.Controller.Snapshot().Doc().PlanVersion != before })
	v.Update(s.Host.Controller.Snapshot())
	if v.doc.PlanVersion == before {
		t.Error("dropped, the plan is the same")
	}
	if undo := s.Host.Controller.Snapshot().Undo; !strings.Contains(undo, x.Name) {
		t.Errorf("undo is called %q", undo)
	}
}

// TestMapByTime: the axis by time has the same blocks, and the cursor is the
// same moment in both.
func TestMapByTime(t *testing.T) {
	v, s := open(t)
	v.axis.Choose(1)
	if v.times == nil {
		t.Fatal("no times")
	}
	for _, i := range []float64{0, 3.25, float64(len(v.doc.Program.Instructions)) - 1.5} {
		if got := v.instrAt(v.x(i)); got < i-1e-6 || got > i+1e-6 {
			t.Errorf("instruction %g comes back as %g", i, got)
		}
	}
	s.Shot(t, "memory-map-time")
}
