package planner

import (
	"strata/malloc"
)

// replay plays the mallocGame with a coarse solution's decisions: the game finds
// room for copies and offsets, takes what is legal, and falls back to a later
// copy, then to home. lead is how much room copies ask for.
func (x *mappingModel) replay(g *malloc.Game, values []int64, lead int) error {
	want := make(map[[2]int]malloc.ActionKind)
	for i := range x.buffers {
		y, b := &x.buffers[i], &x.m.moving[i]
		for k := range y.touches {
			z := &y.touches[k]
			kind := malloc.Drop
			switch {
			case values[z.fast] == 0:
			case z.copied >= 0 && values[z.copied] == 1:
				kind = malloc.CopyIn
			default:
				kind = malloc.NoCopy
			}
			want[[2]int{b.buf, b.touches[k].instr}] = kind
		}
	}
	for !g.Done() {
		d := g.Next()
		move := malloc.Action{Kind: malloc.Drop}
		try := []malloc.Action{{Kind: malloc.NoCopy, Tier: x.m.fast}}
		switch want[[2]int{d.Buf, d.Instr}] {
		case malloc.Drop:
			try = nil
		case malloc.CopyIn:
			try = nil
			fallthrough
		default:
			for l := lead; l >= 1; l-- {
				try = append(try, malloc.Action{Kind: malloc.CopyIn, Tier: x.m.fast, Lead: l, Back: -1})
			}
			try = append(try, malloc.Action{Kind: malloc.CopyIn, Tier: x.m.fast, Back: 0})
		}
		for _, a := range try {
			if g.Legal(a) {
				move = a
				break
			}
		}
		if !g.Legal(move) { // DROP is forbidden by a pin, or a dead end
			if legal := g.Actions(nil); len(legal) > 0 {
				move = legal[0]
			}
		}
		if _, err := g.Step(move); err != nil {
			return err
		}
	}
	return nil
}
