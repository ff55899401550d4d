package overview

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"strata/malloc"
	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/viz"
	"strata/workflow"
)

// tierList is a bar per tier: what lies in it when most does, the highest
// address, and where the capacity ends.
type tierList struct {
	root *fyne.Container
	rows []*tierRow
}

type tierRow struct {
	root  fyne.CanvasObject
	name  *parts.Text
	use   *parts.Text
	meter *parts.Meter
	note  *parts.Text
}

func newTierList() *tierList { return &tierList{root: parts.Column(8)} }

func newTierRow() *tierRow {
	r := &tierRow{name: parts.NewText("", parts.Body, viz.InkText).Bold(), use: parts.NewText("", parts.Body, viz.InkMuted).Fit(parts.Cut).Align(fyne.TextAlignTrailing),
		meter: parts.NewMeter(14), note: parts.NewText("", parts.Caption, viz.InkMuted).Fit(parts.Wrap)}
	r.root = parts.Column(4, parts.Row(8, r.name, parts.Grow(r.use)), r.meter, r.note)
	return r
}

// classes are the segments of a bar, from the left.
var classes = []viz.Class{viz.ClassWeight, viz.ClassKV, viz.ClassActivation, viz.ClassOutput, viz.ClassGradient, viz.ClassOptimizer, viz.ClassScratch, viz.ClassOther}

func (l *tierList) update(d *controller.Document) {
	var objects []fyne.CanvasObject
	n := 0
	if d != nil && d.Predicted != nil {
		for t, u := range d.Predicted.Tiers {
			if u.CapacityBytes == malloc.Unlimited && u.UsedBytes == 0 {
				continue
			}
			if n == len(l.rows) {
				l.rows = append(l.rows, newTierRow())
			}
			l.rows[n].update(t, u, d)
			objects = append(objects, l.rows[n].root)
			n++
		}
	} else if d != nil && d.Program != nil {
		for t := range d.Program.Tiers {
			u := workflow.TierUse{Name: d.Program.Tiers[t].Name, CapacityBytes: d.Program.Tiers[t].Capacity}
			if u.CapacityBytes == malloc.Unlimited {
				continue
			}
			if t == d.HomeTier {
				u.UsedBytes = d.Limits.LeastBytes
			}
			if n == len(l.rows) {
				l.rows = append(l.rows, newTierRow())
			}
			l.rows[n].update(t, u, d)
			objects = append(objects, l.rows[n].root)
			n++
		}
	}
	if n == 0 {
		objects = []fyne.CanvasObject{parts.NewText(lang.L("Nothing is placed yet."), parts.Body, viz.InkMuted)}
	}
	l.root.Objects = objects
	l.root.Refresh()
}

func (r *tierRow) update(tier int, u workflow.TierUse, d *controller.Document) {
	b := workflow.FormatBytes
	r.name.Set(u.Name)
	full := float64(u.CapacityBytes)
	if u.CapacityBytes == malloc.Unlimited {
		r.use.Set(fmt.Sprintf(lang.L("%s, unlimited"), b(u.UsedBytes)))
		full = float64(max(u.UsedBytes, 1))
	} else {
		r.use.Set(fmt.Sprintf(lang.L("%s of %s"), b(u.UsedBytes), b(u.CapacityBytes)))
	}
	mark := 1.0
	scale := full
	if over := float64(u.UsedBytes); over > full && full > 0 { // what would be needed
		scale = over
		mark = full / over
	}
	var segments []parts.Segment
	note, live := "", int64(0)
	for _, t := range d.Attribution.Tiers {
		if t.Tier != tier {
			continue
		}
		live = t.Live
		for _, c := range classes {
			if bytes := t.ByClass[c]; bytes > 0 {
				segments = append(segments, parts.Segment{Share: float64(bytes) / scale, Ink: viz.Fill(c)})
				if note != "" {
					note += " · "
				}
				note += c.String() + " " + b(bytes)
			}
		}
	}
	if gap := u.UsedBytes - live; gap > 0 && live > 0 {
		segments = append(segments, parts.Segment{Share: float64(gap) / scale, Ink: viz.InkMuted})
		note += " · " + fmt.Sprintf(lang.L("holes %s"), b(gap))
	}
	if len(segments) == 0 && u.UsedBytes > 0 {
		segments = []parts.Segment{{Share: float64(u.UsedBytes) / scale, Ink: viz.InkBad}}
		note = lang.L("the least that any plan needs; the line is the capacity")
	}
	if u.CapacityBytes == malloc.Unlimited {
		mark = -1
	}
	r.meter.Set(mark, segments...)
	r.note.Set(note)
}

// shareBar says where the time of a token and of the prefill goes.
type shareBar struct {
	root            *fyne.Container
	decode, prefill *tierRow
}

func newShareBar() *shareBar {
	s := &shareBar{decode: newTierRow(), prefill: newTierRow()}
	s.root = parts.Column(8, s.decode.root, s.prefill.root)
	return s
}

func (s *shareBar) update(d *controller.Document) {
	if d == nil || d.Predicted == nil {
		for _, r := range []*tierRow{s.decode, s.prefill} {
			r.name.Set("–")
			r.use.Set("")
			r.note.Set("")
			r.meter.Set(-1)
		}
		return
	}
	s.decode.share(lang.L("one token"), d.Predicted.PredictedSPerToken, d.Attribution.Decode)
	s.prefill.share(lang.L("first token"), d.Predicted.PrefillS, d.Attribution.Prefill)
}

func (r *tierRow) share(name string, total float64, s controller.Shares) {
	r.name.Set(name)
	r.use.Set(viz.FormatSeconds(total))
	r.meter.Set(-1, parts.Segment{Share: s.Compute, Ink: viz.Fill(viz.ClassCompute)}, parts.Segment{Share: s.WaitCopy, Ink: viz.Fill(viz.ClassWaitCopy)},
		parts.Segment{Share: s.WaitQueue, Ink: viz.Fill(viz.ClassWaitQueue)}, parts.Segment{Share: s.WaitBack, Ink: viz.Fill(viz.ClassWaitWriteBack)})
	note := fmt.Sprintf(lang.L("computing %.0f %%"), 100*s.Compute)
	if s.WaitCopy > 0.0005 {
		note += fmt.Sprintf(lang.L(" · waiting for its copy %.0f %%"), 100*s.WaitCopy)
	}
	if s.WaitQueue > 0.0005 {
		note += fmt.Sprintf(lang.L(" · for copies before it %.0f %%"), 100*s.WaitQueue)
	}
	if s.WaitBack > 0.0005 {
		note += fmt.Sprintf(lang.L(" · for write-backs %.0f %%"), 100*s.WaitBack)
	}
	r.note.Set(note)
}
