package widgets

import (
	"bytes"
	"testing"
)

// TestSelectingFadesTheRest: a selection draws other tiles, clearing it brings
// the first ones back, and what the plot does not show fades nothing.
func TestSelectingFadesTheRest(t *testing.T) {
	p, _ := openPlot(t, mapFigure())
	pixels := func() []byte {
		var out []byte
		for _, pp := range p.panels {
			for iy := range int32(2) {
				for ix := range int32(2) {
					if tl := pp.at(ix, iy); tl != nil {
						out = append(out, tl.img.Pix...)
					}
				}
			}
		}
		return out
	}
	before := pixels()
	s := p.panels[0].panel.Layers[0].Scene
	p.Select(p.Key(0, s.Ref[0]))
	if bytes.Equal(pixels(), before) {
		t.Error("a selection fades nothing")
	}
	p.Select()
	if !bytes.Equal(pixels(), before) {
		t.Error("without a selection the colours are not back")
	}
	p.Select(Key(1) << 40)
	if !bytes.Equal(pixels(), before) {
		t.Error("what is not shown fades the rest")
	}
	p.Select(p.Key(0, s.Ref[0]))
	p.SetFigure(mapFigure(), true)
	p.Select(p.Key(0, s.Ref[0]))
	if p.lit == 0 {
		t.Error("a new figure forgets what is selected")
	}
}
