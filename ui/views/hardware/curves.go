package hardware

import (
	"fmt"
	"math"
	"slices"

	"fyne.io/fyne/v2/lang"

	"strata/costmodel"
	"strata/ui/viz"
	"strata/workflow"
)

// curves plots what was measured of a profile's first link with a curve: rate by
// request size, a line per queue depth; else how memory bandwidth grows with
// threads.
func curves(p *costmodel.Profile) *viz.Figure {
	f := &viz.Figure{Empty: lang.L("This profile has no measured curves: its numbers are quoted. Calibrate this host to measure some.")}
	if p == nil {
		f.Empty = lang.L("Choose a profile.")
		return f
	}
	for i := range p.Links {
		if l := &p.Links[i]; len(l.Curve) > 1 {
			f.Panels = append(f.Panels, linkPanel(l))
			break
		}
	}
	if panel, ok := threadPanel(p); ok {
		f.Panels = append(f.Panels, panel)
	}
	return f
}

var inks = []viz.Ink{viz.Fill(viz.ClassWeight), viz.Fill(viz.ClassActivation), viz.Fill(viz.ClassKV), viz.Fill(viz.ClassGradient), viz.Fill(viz.ClassOptimizer), viz.Fill(viz.ClassOutput)}

// linkPanel puts request sizes on a logarithmic axis, marked at each size.
func linkPanel(l *costmodel.Link) viz.Panel {
	p := viz.Panel{Title: fmt.Sprintf(lang.L("%s → %s: GB/s by request size"), l.From, l.To)}
	byDepth := map[int]*viz.Series{}
	var depths []int
	var sizes []int64
	top := 0.0
	points := slices.Clone(l.Curve)
	slices.SortFunc(points, func(a, b costmodel.CurvePoint) int { return int(a.RequestBytes - b.RequestBytes) })
	for _, c := range points {
		s := byDepth[c.Depth]
		if s == nil {
			s = &viz.Series{}
			byDepth[c.Depth] = s
			depths = append(depths, c.Depth)
		}
		s.T, s.A = append(s.T, math.Log2(float64(c.RequestBytes))), append(s.A, c.BW.V/1e9)
		top = max(top, c.BW.V/1e9)
		if !slices.Contains(sizes, c.RequestBytes) {
			sizes = append(sizes, c.RequestBytes)
		}
	}
	slices.Sort(depths)
	note := ""
	for i, depth := range depths {
		s := byDepth[depth]
		s.Ink = inks[i%len(inks)]
		p.Series = append(p.Series, *s)
		n := len(s.T) - 1
		if note != "" {
			note += ", "
		}
		note += fmt.Sprintf(lang.L("depth %d: %.2f"), depth, s.A[n])
		p.Marks = append(p.Marks, viz.Mark{At: s.A[n], Label: fmt.Sprintf(lang.L("depth %d"), depth), Ink: s.Ink, Dash: true})
	}
	p.Note = note
	slices.Sort(sizes)
	for _, b := range sizes {
		p.Marks = append(p.Marks, viz.Mark{At: math.Log2(float64(b)), Vertical: true, Label: workflow.FormatBytes(b), Ink: viz.InkMuted, Dash: true})
	}
	lo, hi := math.Log2(float64(sizes[0])), math.Log2(float64(sizes[len(sizes)-1]))
	if hi <= lo {
		hi = lo + 1
	}
	p.View = viz.View{T0: lo - 0.4, T1: hi + 0.4, A0: 0, A1: top * 1.25}
	p.Y = viz.Axis{Unit: viz.UnitCount}
	return p
}

// threadPanel is bandwidth by threads of the executors' tiers.
func threadPanel(p *costmodel.Profile) (viz.Panel, bool) {
	panel := viz.Panel{Title: lang.L("Memory reads: GB/s by threads"), Y: viz.Axis{Unit: viz.UnitCount}, X: viz.Axis{Unit: viz.UnitCount, Label: lang.L("threads")}}
	top, most := 0.0, 1.0
	for _, e := range p.Executors {
		for _, a := range e.Access {
			best := map[int]float64{}
			for _, r := range a.Read {
				best[r.Threads] = max(best[r.Threads], r.BW.V/1e9)
			}
			if len(best) < 2 {
				continue
			}
			s := viz.Series{Ink: inks[len(panel.Series)%len(inks)]}
			var threads []int
			for t := range best {
				threads = append(threads, t)
			}
			slices.Sort(threads)
			for _, t := range threads {
				s.T, s.A = append(s.T, float64(t)), append(s.A, best[t])
				top, most = max(top, best[t]), max(most, float64(t))
			}
			panel.Series = append(panel.Series, s)
			panel.Marks = append(panel.Marks, viz.Mark{At: s.A[len(s.A)-1], Label: fmt.Sprintf("%s %s %.1f", e.Name, a.Tier, s.A[len(s.A)-1]), Ink: s.Ink, Dash: true})
		}
	}
	panel.View = viz.View{T0: 0, T1: most + 0.5, A0: 0, A1: top * 1.2}
	return panel, len(panel.Series) > 0
}
