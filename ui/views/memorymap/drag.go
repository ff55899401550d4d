package memorymap

import (
	"fmt"

	"fyne.io/fyne/v2/lang"

	"strata/ui/controller"
	"strata/ui/views/planview"
	"strata/ui/viz"
	"strata/ui/widgets"
)

// dragged are the buffers that move when a block is dragged: the selection when
// the block belongs to it.
func (v *View) dragged(from widgets.Hit) []int {
	buf := planview.HoverOf(from.Key).Buf
	if buf < 0 {
		return nil
	}
	if s := v.host.Bus.State().Selection; s.Has(buf) {
		return s.Buffers
	}
	return []int{buf}
}

// dragOver says what dropping here would do. The answer is worked out once for
// each tier; until it is there the tip says so.
func (v *View) dragOver(from widgets.Hit, panel int) widgets.DropVerdict {
	bufs, tier := v.dragged(from), v.tierOf(panel)
	if len(bufs) == 0 || v.doc == nil {
		return widgets.DropVerdict{}
	}
	what := v.doc.Program.Buffers[bufs[0]].Name
	if len(bufs) > 1 {
		what = fmt.Sprintf(lang.L("%d tensors"), len(bufs))
	}
	if tier < 0 {
		return widgets.DropVerdict{Lines: []string{what, lang.L("Drop it on a tier.")}, Tone: viz.InkMuted}
	}
	name := v.doc.Program.Tiers[tier].Name
	key := previewKey{tier, fmt.Sprint(bufs)}
	p := v.previews[key]
	if p == nil {
		p = &controller.MovePreview{}
		v.previews[key] = nil
		asked, plan := v.doc, v.doc.PlanVersion
		if !v.waiting(key) {
			v.host.Controller.PreviewMove(asked.ID, bufs, tier, func(m controller.MovePreview) {
				if v.doc != nil && v.doc.PlanVersion == plan {
					v.previews[key] = &m
					v.plot.RefreshDrag()
				}
			})
		}
		return widgets.DropVerdict{Lines: []string{what, fmt.Sprintf(lang.L("to %s: working out the cost …"), name)}, Tone: viz.InkText}
	}
	if !p.Legal {
		lines := append([]string{fmt.Sprintf(lang.L("Cannot go to %s"), name)}, widgets.WrapTip(what+", "+p.Why)...)
		return widgets.DropVerdict{Lines: lines, Tone: viz.InkBad}
	}
	lines := []string{fmt.Sprintf(lang.L("%s to %s"), what, name), fmt.Sprintf("%s, %s", planview.Delta(p.DeltaS, p.DeltaTokS), viz.FormatBytes(p.Bytes))}
	for t, used := range p.PeakBytes {
		if capacity := v.doc.Program.Tiers[t].Capacity; capacity > 0 && t < len(v.doc.Program.Tiers) {
			lines = append(lines, fmt.Sprintf(lang.L("%s peak %s of %s"), v.doc.Program.Tiers[t].Name, viz.FormatBytes(used), viz.FormatBytes(capacity)))
		}
	}
	tone := viz.InkGood
	if p.DeltaS > 0 {
		tone = viz.InkText
	}
	return widgets.DropVerdict{Lines: lines, Tone: tone}
}

// waiting says whether an answer was asked for, and remembers that it is.
func (v *View) waiting(k previewKey) bool {
	if v.asked == nil {
		v.asked = map[previewKey]uint64{}
	}
	if v.asked[k] == v.doc.PlanVersion && v.doc.PlanVersion != 0 {
		return true
	}
	v.asked[k] = v.doc.PlanVersion
	return false
}

func (v *View) drop(from widgets.Hit, panel int) {
	bufs, tier := v.dragged(from), v.tierOf(panel)
	if len(bufs) == 0 || tier < 0 || v.doc == nil {
		return
	}
	if tier == v.tierOf(from.Panel) && len(bufs) == 1 {
		return
	}
	v.host.Controller.Move(v.doc.ID, bufs, tier)
}
