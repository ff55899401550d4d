package memorymap

import (
	"fmt"
	"strconv"

	"fyne.io/fyne/v2/lang"

	"strata/malloc"
	"strata/ui/viz"
)

// fragmentation of a tier: the share of its highest address that is not covered
// by bytes live at the fullest moment.
func (v *View) fragmentation(tier int) string {
	if v.doc.Predicted == nil || v.doc.Predicted.Timeline == nil {
		return ""
	}
	for _, o := range v.doc.Predicted.Timeline.Tiers {
		if o.Tier != tier || o.PeakBytes == 0 {
			continue
		}
		live := int64(0)
		for _, b := range o.Bytes {
			live = max(live, b)
		}
		return fmt.Sprintf(lang.L("fragmentation %.1f %%"), 100*(1-float64(live)/float64(o.PeakBytes)))
	}
	return ""
}

// peaks finds, for each limited tier, the instruction at which most bytes live.
func peaks(p *malloc.Program, plan *malloc.Plan) []peak {
	n := len(p.Instructions)
	loop := p.PeriodicLoop()
	var found []peak
	for t := range p.Tiers {
		if p.Tiers[t].Capacity == malloc.Unlimited {
			continue
		}
		change := make([]int64, n+1)
		add := func(s, e int, size int64) {
			if s, e = max(s, 0), min(e, n); s < e {
				change[s] += size
				change[e] -= size
			}
		}
		used := false
		for i := range plan.Blocks {
			b := &plan.Blocks[i]
			if b.Tier != t {
				continue
			}
			used = true
			size := sizeOf(p, b)
			if loop != nil && b.Start >= loop.Begin && b.Start < loop.End && b.End > loop.End {
				add(b.Start, loop.End, size)
				add(loop.Begin, min(loop.Begin+b.End-loop.End, b.Start), size)
				continue
			}
			add(b.Start, b.End, size)
		}
		best := peak{tier: t, instr: -1}
		sum := int64(0)
		for i := range n {
			if sum += change[i]; sum > best.bytes {
				best.bytes, best.instr = sum, i
			}
		}
		if used && best.instr >= 0 {
			found = append(found, best)
		}
	}
	return found
}

func sizeOf(p *malloc.Program, b *malloc.Block) int64 {
	if b.Buf >= 0 && b.Buf < len(p.Buffers) {
		return p.Buffers[b.Buf].Size
	}
	if b.Start >= 0 && b.Start < len(p.Instructions) {
		return p.Instructions[b.Start].Scratch[strconv.Itoa(b.Tier)]
	}
	return 0
}

// shelf is a low panel for a tier where tensors are only at home.
func shelf(p *malloc.Program, tier int, home viz.View) viz.Panel {
	var bytes int64
	count := 0
	for i := range p.Buffers {
		if b := &p.Buffers[i]; b.Home == tier && b.Select == nil {
			bytes += b.Size
			count++
		}
	}
	panel := viz.Panel{Title: p.Tiers[tier].Name, Height: 22, View: viz.View{T0: home.T0, T1: home.T1, A0: 0, A1: 1},
		Subject: viz.Subject{Kind: viz.SubjectTier, ID: tier}, Note: lang.L("nothing is placed here")}
	if count > 0 {
		panel.Note = fmt.Sprintf(lang.L("home of %d tensors, %s: drop a tensor here to stream it"), count, viz.FormatBytes(bytes))
		panel.Layers = []viz.Layer{{Scene: viz.NewScene([]viz.Rect{{T0: home.T0, T1: home.T1, A0: 0.15, A1: 0.85, Class: viz.ClassTier3, Ref: -1}})}}
	}
	return panel
}
