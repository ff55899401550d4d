package viz

import "math"

// Baseline is a named result beside a search curve.
type Baseline struct {
	Name       string
	PredictedS float64
}

// CurveOptions says what stands beside a search curve.
type CurveOptions struct {
	Title, Subtitle string
	LowerBoundS     float64 // 0: none
	Baselines       []Baseline
}

// tallest is the top of a curve's picture over its best; sameTime is the share
// within which two times have one label.
const (
	tallest  = 1.8
	sameTime = 1e-3
)

// SearchCurve draws the best predicted time over the search's wall time, with
// the lower bound and the baselines. points are (wall seconds, best seconds).
func SearchCurve(points [][2]float64, o CurveOptions) *Figure {
	f := &Figure{Title: o.Title, Subtitle: o.Subtitle, Empty: "No search trace: the plan came from a single construction."}
	if f.Title == "" {
		f.Title = "Search"
	}
	finite := func(p [2]float64) bool { return !math.IsNaN(p[0]+p[1]) && !math.IsInf(p[0]+p[1], 0) }
	least := math.Inf(1)
	for _, p := range points {
		if finite(p) {
			least = min(least, p[1])
		}
	}
	var t, a []float64
	low, high, above := math.Inf(1), math.Inf(-1), 0.0
	for _, p := range points {
		switch {
		case !finite(p):
		case p[1] > least*tallest: // would flatten all that follows
			above = max(above, p[1])
		default:
			t, a = append(t, p[0]), append(a, p[1])
			low, high = min(low, p[1]), max(high, p[1])
		}
	}
	if len(t) == 0 {
		return f
	}
	panel := Panel{Y: Axis{Unit: UnitSeconds}, X: Axis{UnitSeconds, "search time"}}
	best := a[len(a)-1]
	ceiling := high
	if o.LowerBoundS > 0 {
		low = min(low, o.LowerBoundS)
		panel.Marks = append(panel.Marks, Mark{At: o.LowerBoundS, Label: "lower bound " + FormatSeconds(o.LowerBoundS), Ink: InkGood, Dash: true})
	}
	if above > 0 {
		panel.Note = "earlier plans, up to " + FormatSeconds(above) + ", lie above"
	}
	name := "best"
	var others []Mark
	for _, b := range o.Baselines {
		switch {
		case math.Abs(b.PredictedS-best) <= best*sameTime:
			name += ", " + b.Name
		case b.PredictedS > 0 && b.PredictedS < best*tallest:
			ceiling = max(ceiling, b.PredictedS)
			others = append(others, Mark{At: b.PredictedS, Label: b.Name + " " + FormatSeconds(b.PredictedS), Ink: InkMuted, Dash: true})
		}
	}
	panel.Marks = append(panel.Marks, Mark{At: best, Label: name + " " + FormatSeconds(best), Ink: InkAccent})
	panel.Marks = append(panel.Marks, others...)
	pad := max((ceiling-low)*0.12, ceiling*0.01)
	end := t[len(t)-1]
	if len(t) == 1 || end <= t[0] {
		end = t[0] + max(t[0]*0.1, 1e-3)
	}
	panel.View = View{T0: min(t[0], 0), T1: end * 1.02, A0: max(low-pad, 0), A1: ceiling + pad}
	panel.Series = []Series{{T: t, A: a, Ink: InkAccent, Step: true, Area: true, Floor: o.LowerBoundS}}
	f.Panels = []Panel{panel}
	f.Legend = []LegendItem{{Ink: InkAccent, Line: true, Label: "best plan so far"}}
	if o.LowerBoundS > 0 {
		f.Legend = append(f.Legend, LegendItem{Ink: InkGood, Line: true, Dash: true, Label: "lower bound"})
	}
	if len(o.Baselines) > 0 {
		f.Legend = append(f.Legend, LegendItem{Ink: InkMuted, Line: true, Dash: true, Label: "baselines"})
	}
	return f
}
