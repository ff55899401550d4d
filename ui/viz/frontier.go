package viz

import "math"

// FrontPoint is a plan that no other found beats, in a picture of memory against
// time.
type FrontPoint struct {
	PeakBytes     int64   // what it takes
	CapacityBytes int64   // the budget it was searched under
	TimeS         float64 // per token, or of the whole run
	BoundS        float64 // no plan within the budget takes less; 0: unknown
	Name          string  // what found it
	Chosen        bool
}

// FrontOptions says what stands beside a front.
type FrontOptions struct {
	Title        string
	TimeLabel    string  // names the vertical axis
	MemoryLabel  string  // names the horizontal axis
	PresentBytes int64   // of the present plan; 0: none
	PresentS     float64 // its time
	EnoughBytes  int64   // what keeping everything takes; 0: unknown
	Words        FrontWords
}

// FrontWords are the texts of a front's legend and marks.
type FrontWords struct{ Plans, Bound, Present, Enough string }

// ParetoFront draws how much memory buys how much time: the plans found, the step
// line of what each budget reaches, the lower bound at each budget, and the present
// plan. Points are in order of their peaks.
func ParetoFront(points []FrontPoint, o FrontOptions) *Figure {
	f := &Figure{Title: o.Title}
	if len(points) == 0 {
		return f
	}
	panel := Panel{X: Axis{UnitBytes, o.MemoryLabel}, Y: Axis{Unit: UnitSeconds}}
	line := Series{Ink: InkAccent, Step: true}
	bound := Series{Ink: InkGood, Dash: true}
	left, right := math.Inf(1), math.Inf(-1)
	low, high := math.Inf(1), math.Inf(-1)
	reach := func(bytes int64, s float64) {
		left, right = min(left, float64(bytes)), max(right, float64(bytes))
		low, high = min(low, s), max(high, s)
	}
	for _, p := range points {
		reach(p.PeakBytes, p.TimeS)
		line.T, line.A = append(line.T, float64(p.PeakBytes)), append(line.A, p.TimeS)
		if p.BoundS > 0 {
			reach(p.CapacityBytes, p.BoundS)
			bound.T, bound.A = append(bound.T, float64(p.CapacityBytes)), append(bound.A, p.BoundS)
		}
		panel.Dots = append(panel.Dots, Dot{T: float64(p.PeakBytes), A: p.TimeS, Ink: InkAccent, Label: p.Name, Ring: p.Chosen})
	}
	panel.Series = []Series{line}
	f.Legend = []LegendItem{{Ink: InkAccent, Line: true, Label: o.Words.Plans}}
	if len(bound.T) > 0 {
		panel.Series = append(panel.Series, bound)
		f.Legend = append(f.Legend, LegendItem{Ink: InkGood, Line: true, Dash: true, Label: o.Words.Bound})
	}
	if o.PresentBytes > 0 && o.PresentS > 0 {
		reach(o.PresentBytes, o.PresentS)
		panel.Dots = append(panel.Dots, Dot{T: float64(o.PresentBytes), A: o.PresentS, Ink: InkSelected, Label: o.Words.Present})
		f.Legend = append(f.Legend, LegendItem{Ink: InkSelected, Label: o.Words.Present})
	}
	if o.EnoughBytes > 0 && float64(o.EnoughBytes) <= right*1.02 {
		right = max(right, float64(o.EnoughBytes))
		panel.Marks = append(panel.Marks, Mark{At: float64(o.EnoughBytes), Vertical: true, Ink: InkMuted, Dash: true, Label: o.Words.Enough})
	}
	padT, padA := max((right-left)*0.05, right*0.01), max((high-low)*0.12, high*0.02)
	panel.View = View{T0: max(left-padT, 0), T1: right + padT, A0: max(low-padA, 0), A1: high + padA}
	panel.Title = o.TimeLabel
	f.Panels = []Panel{panel}
	return f
}
