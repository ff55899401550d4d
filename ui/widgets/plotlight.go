package widgets

import "strata/ui/viz"

// litSets numbers what is lit for the tile cache.
var litSets uint64

// light finds which rectangles keep their colours while something is selected:
// those with a selected key. The rest is faded. Where a plot shows nothing of
// what is selected, nothing fades. It reports whether tiles must be drawn again.
func (p *Plot) light() bool {
	was := p.lit
	p.lit, p.faded = 0, nil
	selected := make(map[Key]bool, len(p.selected))
	for _, k := range p.selected {
		if k != NoKey {
			selected[k] = true
		}
	}
	found := false
	for _, pp := range p.panels {
		pp.lit = nil
		if len(selected) > 0 && p.Key != nil && pp.mark(selected) {
			found = true
		}
	}
	if !found {
		for _, pp := range p.panels {
			pp.lit = nil
		}
		return was != 0
	}
	litSets++
	p.lit, p.faded = litSets, p.palette.Dimmed()
	return true
}

// mark fills the panel's sets; it reports whether any rectangle is in them.
func (pp *plotPanel) mark(selected map[Key]bool) (found bool) {
	for l := range pp.panel.Layers {
		s := pp.panel.Layers[l].Scene
		m := viz.NewMarked(s.Len())
		for i, ref := range s.Ref {
			if selected[pp.plot.Key(pp.index, ref)] {
				m.Mark(i)
				found = true
			}
		}
		pp.lit = append(pp.lit, m)
	}
	return found
}
