package timeline

import (
	"strings"
	"testing"

	"strata/trace"
	"strata/ui/controller"
	"strata/ui/views/planview"
	"strata/ui/views/viewtest"
	"strata/workflow"
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

// TestSlicesSelectWhatTheyShow: every slice of the lanes selects its instruction
// or the tensor that it moves or waits for.
func TestSlicesSelectWhatTheyShow(t *testing.T) {
	v, s := open(t)
	layer := v.plot.Figure().Panels[0].Layers[0]
	kinds := map[trace.SliceKind]int{}
	for i, ref := range layer.Scene.Ref {
		_, sl := layer.Slice(ref)
		kinds[sl.Kind]++
		at := planview.HoverOf(v.key(0, ref))
		switch {
		case sl.Kind == trace.Compute && at.Instr != int(sl.Ref):
			t.Fatalf("slice %d computes instruction %d, selects %d", i, sl.Ref, at.Instr)
		case sl.Kind != trace.Compute && at.Buf != v.doc.Plan.Copies[sl.Ref].Buf:
			t.Fatalf("slice %d of copy %d selects buffer %d", i, sl.Ref, at.Buf)
		}
	}
	if kinds[trace.Compute] == 0 || kinds[trace.Transfer] == 0 {
		t.Errorf("the sample's run has %v", kinds)
	}
	instr := len(v.doc.Program.Instructions) / 3
	s.Host.Bus.Select(controller.Selection{Doc: v.doc.ID, Instr: instr, Copy: -1})
	lo, hi, ok := v.plot.SelectedSpan()
	if !ok {
		t.Fatal("the selected instruction is not outlined")
	}
	v.plot.ShowSpan(lo, hi)
	if t0, t1 := v.plot.View(); t0 > lo || t1 < hi || t1-t0 > 3*(hi-lo) && t1-t0 > 1e-6 {
		t.Errorf("[%g, %g) is selected, [%g, %g) shown", lo, hi, t0, t1)
	}
	s.Shot(t, "timeline-instruction")
}

// TestSteadyTokens: the part shows whole iterations that were recorded, from
// their own start.
func TestSteadyTokens(t *testing.T) {
	v, s := open(t)
	v.part.Choose(1)
	layer := v.plot.Figure().Panels[0].Layers[0]
	for _, ref := range layer.Scene.Ref {
		if _, sl := layer.Slice(ref); sl.Kind == trace.Compute && sl.Iteration < 0 && sl.StartS-v.shift > 0 {
			t.Fatalf("%v is outside the loop", sl)
		}
	}
	if t0, t1 := v.plot.Home(); t0 != 0 || t1 <= 0 || t1 > v.doc.Predicted.PredictedS {
		t.Errorf("home [%g, %g)", t0, t1)
	}
	s.Shot(t, "timeline-steady")
}

// TestPredictedOverMeasured: a measured run is drawn under the predicted one,
// and the difference is told.
func TestPredictedOverMeasured(t *testing.T) {
	v, s := open(t)
	snap := *s.Host.Controller.Snapshot()
	d := *snap.Doc()
	m := *d.Predicted.Timeline
	m.Source, m.TotalS = "measured", d.Predicted.PredictedS*1.1
	d.Version++
	d.Validations = append(d.Validations, controller.Validation{PlanVersion: d.PlanVersion, Result: &workflow.ValidateResult{Measured: &m}})
	snap.Docs = []*controller.Document{&d}
	snap.Active = 0
	v.Update(&snap)
	rows := v.plot.Figure().Panels[0].Rows
	if len(rows) != 2*len(d.Predicted.Timeline.Lanes) || !strings.Contains(rows[0].Label, "predicted") || !strings.Contains(rows[1].Label, "measured") {
		t.Errorf("rows %+v", rows)
	}
	if !strings.Contains(v.note.Text(), "+10.0 %") {
		t.Errorf("the note is %q", v.note.Text())
	}
	s.Shot(t, "timeline-measured")
}

// TestOneCursor: the cursor set in program order comes back as the same moment
// in seconds.
func TestOneCursor(t *testing.T) {
	v, s := open(t)
	instr := float64(len(v.doc.Program.Instructions)/2) + 0.5
	sec, ok := v.clock.Seconds(instr)
	if !ok {
		t.Fatal("the run does not have it")
	}
	back, ok := v.clock.Instr(sec)
	if !ok || back < instr-1e-6 || back > instr+1e-6 {
		t.Errorf("instruction %g is at %g s, which is instruction %g", instr, sec, back)
	}
	s.Host.Bus.SetCursor(controller.Cursor{On: true, Instr: instr, Seconds: sec})
	s.Shot(t, "timeline-cursor")
}
