package viz

import (
	"fmt"
	"math"
	"sort"

	"strata/malloc"
	"strata/trace"
)

// TimelineOptions says what a timeline shows.
type TimelineOptions struct {
	Title, Subtitle string
	// BeginS and EndS cut the time; both 0: everything.
	BeginS, EndS float64
	// FromIteration and ToIteration, when ToIteration is larger, show only these
	// iterations of the loop [from, to), every run from its own start of them:
	// runs of different speed stay comparable. BeginS and EndS do not matter then.
	FromIteration, ToIteration int
	// Program names the slices that carry no name of their own; nil is allowed.
	Program *malloc.Program
}

// Timelines draws one run or several on one time axis: for every executor and
// copy engine a lane per run, one under the other, and the bytes per tier
// beneath. Nil runs are left out.
func Timelines(o TimelineOptions, runs ...*trace.Timeline) *Figure {
	f := &Figure{Title: o.Title, Subtitle: o.Subtitle, Empty: "No slices: nothing was simulated or run yet."}
	if f.Title == "" {
		f.Title = "Timeline"
	}
	var present []*trace.Timeline
	end := 0.0
	for _, r := range runs {
		if r != nil && len(r.Lanes) > 0 {
			present = append(present, r)
			end = max(end, r.TotalS)
			for _, l := range r.Lanes {
				if n := len(l.Slices); n > 0 {
					end = max(end, l.Slices[n-1].EndS)
				}
			}
		}
	}
	t0, t1 := o.BeginS, o.EndS
	if t1 <= t0 {
		t0, t1 = 0, end
	}
	b := &laneBuilder{o: o, shift: map[*trace.Timeline]float64{}}
	axis := Axis{UnitSeconds, "time from the start of the run"}
	if o.ToIteration > o.FromIteration {
		axis.Label = fmt.Sprintf("time from the start of iteration %d", o.FromIteration)
		t0, t1 = 0, 0
		for _, r := range present {
			if begin, end, ok := IterationWindow(r, o.FromIteration, o.ToIteration); ok {
				b.shift[r], t1 = begin, max(t1, end-begin)
			}
		}
	}
	if len(present) == 0 || !(t1 > t0) {
		return f
	}
	b.t0, b.t1 = t0, t1
	f.Panels = append(f.Panels, b.lanes(present))
	f.Panels = append(f.Panels, b.occupancy(present)...)
	bands := b.omitted(present)
	for i := range f.Panels {
		f.Panels[i].Bands = bands
		if i > 0 { // said once
			f.Panels[i].Bands = make([]Band, len(bands))
			for k, band := range bands {
				f.Panels[i].Bands[k] = Band{T0: band.T0, T1: band.T1}
			}
		}
	}
	f.Panels[len(f.Panels)-1].X = axis
	f.Legend = b.legend(present)
	return f
}

type laneBuilder struct {
	o      TimelineOptions
	shift  map[*trace.Timeline]float64 // subtracted from a run's times
	t0, t1 float64
	slices []*trace.Slice // by Ref of the scene
	run    []int32        // of each slice
	seen   [numClasses]bool
}

// sliceClass is the class a slice is coloured by.
func sliceClass(s *trace.Slice) Class {
	switch s.Kind {
	case trace.Compute:
		return ClassCompute
	case trace.Transfer:
		return ClassTransfer
	}
	switch s.Cause {
	case trace.CauseQueue:
		return ClassWaitQueue
	case trace.CauseWriteBack:
		return ClassWaitWriteBack
	}
	return ClassWaitCopy
}

type laneKey struct {
	kind trace.LaneKind
	id   int
}

func (b *laneBuilder) lanes(runs []*trace.Timeline) Panel {
	var order []laneKey
	names := map[laneKey]string{}
	for _, r := range runs {
		for _, l := range r.Lanes {
			k := laneKey{l.Kind, l.ID}
			if _, known := names[k]; !known {
				order = append(order, k)
				names[k] = l.Name
			}
		}
	}
	sort.SliceStable(order, func(i, j int) bool {
		return order[i].kind == trace.LaneExecutor && order[j].kind != trace.LaneExecutor
	})
	panel := Panel{Title: "Executors and copy engines", Subject: Subject{Kind: SubjectLanes}}
	var rects []Rect
	at := 0.0
	for _, k := range order {
		for number, r := range runs {
			label := names[k]
			if label == "" {
				label = fmt.Sprintf("%s %d", k.kind, k.id)
			}
			if len(runs) > 1 {
				label += ", " + r.Source
			}
			panel.Rows = append(panel.Rows, Row{A0: at, A1: at + 0.9, Label: label, Muted: r.Source == "predicted" && len(runs) > 1})
			for i := range r.Lanes {
				if l := &r.Lanes[i]; l.Kind == k.kind && l.ID == k.id {
					rects = b.lane(rects, l, at, b.shift[r], int32(number))
				}
			}
			at++
		}
		at += 0.35
	}
	panel.View = View{b.t0, b.t1, at - 0.35, -0.1}
	panel.Height = 0
	panel.Weight = 1
	if at < 12 {
		panel.Height = at * 26
	}
	panel.Layers = []Layer{{Scene: NewScene(rects), Describe: b.describe, Slice: func(ref int32) (int, *trace.Slice) {
		return int(b.run[ref]), b.slices[ref]
	}}}
	return panel
}

func (b *laneBuilder) lane(rects []Rect, l *trace.Lane, at, shift float64, run int32) []Rect {
	first := sort.Search(len(l.Slices), func(i int) bool { return l.Slices[i].EndS-shift > b.t0 })
	for i := first; i < len(l.Slices) && l.Slices[i].StartS-shift < b.t1; i++ {
		s := &l.Slices[i]
		class := sliceClass(s)
		b.seen[class] = true
		rects = append(rects, Rect{s.StartS - shift, s.EndS - shift, at, at + 0.9, class, Solid, int32(len(b.slices)), b.name(s)})
		b.slices, b.run = append(b.slices, s), append(b.run, run)
	}
	return rects
}

// name is what a slice is called.
func (b *laneBuilder) name(s *trace.Slice) string {
	if s.Name != "" {
		return s.Name
	}
	if p := b.o.Program; p != nil && s.Kind == trace.Compute && s.Ref >= 0 && int(s.Ref) < len(p.Instructions) {
		return p.Instructions[s.Ref].Name
	}
	if s.Kind == trace.Wait {
		return "wait: " + s.Cause
	}
	return ""
}

func (b *laneBuilder) describe(ref int32) string {
	s := b.slices[ref]
	text := b.name(s)
	if text == "" {
		text = sliceClass(s).String()
	}
	if s.Kind == trace.Wait && s.Name != "" {
		text = "wait (" + s.Cause + "): " + text
	}
	text += ", " + FormatSeconds(s.EndS-s.StartS) + " from " + FormatSeconds(s.StartS)
	if s.Bytes > 0 {
		text += ", " + FormatBytes(s.Bytes)
		if d := s.EndS - s.StartS; s.Kind == trace.Transfer && d > 0 {
			text += fmt.Sprintf(", %.2f GB/s", float64(s.Bytes)/d/1e9)
		}
	}
	if s.Iteration >= 0 {
		text += fmt.Sprintf(", iteration %d", s.Iteration)
	}
	return text
}

// occupancy is one panel per run with the bytes of all tiers stacked, fastest
// tier (lowest id) at the bottom.
func (b *laneBuilder) occupancy(runs []*trace.Timeline) []Panel {
	var panels []Panel
	var rects [][]Rect
	var sources []*trace.Timeline
	top := 0.0
	for _, r := range runs {
		if len(r.Tiers) == 0 {
			continue
		}
		stacked, high := b.stack(r)
		if len(stacked) == 0 {
			continue
		}
		rects = append(rects, stacked)
		sources = append(sources, r)
		top = max(top, high)
	}
	for i, r := range sources {
		title := "Bytes live per tier"
		if len(sources) > 1 {
			title += ", " + r.Source
		}
		note := ""
		for _, o := range r.Tiers {
			if o.PeakBytes == 0 {
				continue
			}
			if note != "" {
				note += ", "
			}
			note += fmt.Sprintf("%s peak %s", o.Name, FormatBytes(o.PeakBytes))
		}
		tiers := r.Tiers
		panels = append(panels, Panel{
			Title: title, Note: note, View: View{b.t0, b.t1, 0, top * 1.08}, Y: Axis{Unit: UnitBytes}, Subject: Subject{SubjectBytes, i},
			Layers: []Layer{{Scene: NewScene(rects[i]), Flat: true, Describe: func(ref int32) string { return tiers[ref].Name }}},
		})
	}
	return panels
}

// stack makes rectangles of the tiers' step functions laid on each other.
func (b *laneBuilder) stack(r *trace.Timeline) (rects []Rect, top float64) {
	at := make([]int, len(r.Tiers)) // current step, -1 before the first
	for i := range at {
		at[i] = -1
	}
	shift := b.shift[r]
	t := b.t0
	advance := func(t float64) {
		for i := range r.Tiers {
			o := &r.Tiers[i]
			for at[i]+1 < min(len(o.TimesS), len(o.Bytes)) && o.TimesS[at[i]+1]-shift <= t {
				at[i]++
			}
		}
	}
	advance(t)
	for t < b.t1 {
		next := b.t1
		for i := range r.Tiers {
			o := &r.Tiers[i]
			if at[i]+1 < min(len(o.TimesS), len(o.Bytes)) {
				next = min(next, o.TimesS[at[i]+1]-shift)
			}
		}
		sum := 0.0
		for i := range r.Tiers {
			if at[i] < 0 {
				continue
			}
			if v := float64(r.Tiers[i].Bytes[at[i]]); v > 0 {
				class := ClassTier1 + Class(min(i, 2))
				b.seen[class] = true
				rects = append(rects, Rect{T0: t, T1: next, A0: sum, A1: sum + v, Class: class, Ref: int32(i)})
				sum += v
			}
		}
		top = max(top, sum)
		if !(next > t) {
			break
		}
		t = next
		advance(t)
	}
	return mergeSteps(rects), top
}

// mergeSteps joins neighbours of equal height, which a tier's step makes in all
// the others.
func mergeSteps(rects []Rect) []Rect {
	last := map[int32]int{}
	out := rects[:0]
	for _, r := range rects {
		if k, ok := last[r.Ref]; ok && out[k].T1 == r.T0 && out[k].A0 == r.A0 && out[k].A1 == r.A1 {
			out[k].T1 = r.T1
			continue
		}
		last[r.Ref] = len(out)
		out = append(out, r)
	}
	return out
}

func (b *laneBuilder) legend(runs []*trace.Timeline) []LegendItem {
	var items []LegendItem
	for c := ClassCompute; c <= ClassWaitWriteBack; c++ {
		if b.seen[c] {
			items = append(items, LegendItem{Ink: Fill(c), Label: c.String()})
		}
	}
	shown := map[Class]bool{}
	for _, r := range runs {
		for i, o := range r.Tiers {
			c := ClassTier1 + Class(min(i, 2))
			if b.seen[c] && !shown[c] {
				shown[c] = true
				items = append(items, LegendItem{Ink: Fill(c), Label: o.Name})
			}
		}
	}
	return items
}

// omitted are the stretches of which a run recorded nothing.
func (b *laneBuilder) omitted(runs []*trace.Timeline) []Band {
	var bands []Band
	for _, r := range runs {
		for _, o := range r.Omitted {
			bands = append(bands, Band{o.StartS - b.shift[r], o.EndS - b.shift[r], fmt.Sprintf("iterations %d–%d, not recorded", o.FromIteration, o.ToIteration)})
		}
		if len(bands) > 0 {
			break // runs of one plan omit the same iterations
		}
	}
	return bands
}

// IterationWindow returns the time from the start of loop iteration from to the
// end of iteration to-1 in a run, and whether the run has them: a view of a few
// tokens in the steady state.
func IterationWindow(t *trace.Timeline, from, to int) (beginS, endS float64, ok bool) {
	beginS, endS = math.Inf(1), math.Inf(-1)
	if t == nil {
		return 0, 0, false
	}
	for _, l := range t.Lanes {
		if l.Kind != trace.LaneExecutor {
			continue
		}
		for _, s := range l.Slices {
			if int(s.Iteration) >= from && int(s.Iteration) < to {
				beginS, endS = min(beginS, s.StartS), max(endS, s.EndS)
			}
		}
	}
	return beginS, endS, endS > beginS
}
