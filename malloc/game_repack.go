package malloc

import (
	"fmt"

	"strata/malloc/pack"
)

// Repack returns plan with the blocks of every limited tier packed anew towards
// a lower peak (rule 5: any packer may re-pack a finished plan). Blocks that must
// share an offset stay together: a continuation with what it continues, home
// blocks of one buffer, must-class members and carried pairs. It changes offsets
// only, so times and traffic stay, and a tier whose peak it cannot lower keeps
// its offsets. rounds bounds the search per tier (pack.Portfolio); 0 means 16.
//
// Errors name a plan that does not fit p; a legal plan never gives one.
func Repack(p *Program, plan *Plan, rounds ...int) (*Plan, error) {
	n := 16
	if len(rounds) > 0 && rounds[0] > 0 {
		n = rounds[0]
	}
	bd, err := newBoard(p)
	if err != nil {
		return nil, err
	}
	out := *plan
	out.Blocks = append([]Block(nil), plan.Blocks...)
	for i := range plan.Blocks {
		b := &plan.Blocks[i]
		if b.Buf < ScratchBuf || b.Buf >= bd.nb || b.Tier < 0 || b.Tier >= bd.nt {
			return nil, fmt.Errorf("malloc: repack: blocks[%d] names buffer %d and tier %d, the instance has %d and %d", i, b.Buf, b.Tier, bd.nb, bd.nt)
		}
	}
	for tier := 0; tier < bd.nt; tier++ {
		if p.Tiers[tier].Capacity != Unlimited {
			if err := repackTier(bd, &out, tier, n); err != nil {
				return nil, err
			}
		}
	}
	return &out, nil
}

// repackTier packs one tier's blocks; blocks tied together become one item.
func repackTier(bd *board, plan *Plan, tier, rounds int) error {
	var list []int
	for i := range plan.Blocks {
		if plan.Blocks[i].Tier == tier {
			list = append(list, i)
		}
	}
	parent := make([]int, len(list))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	join := func(a, b int) { parent[find(a)] = find(b) }
	spans := make([][]pack.Span, len(list))
	// the last block listed of each buffer and class
	byClass := make(map[int32]int)
	byBuf := make(map[int][]int)
	for n, i := range list {
		b := &plan.Blocks[i]
		for _, r := range bd.blockSpans(b) {
			if r.s < r.e {
				spans[n] = append(spans[n], pack.Span{Start: r.s, End: r.e})
			}
		}
		if len(spans[n]) == 0 {
			return fmt.Errorf("malloc: repack: blocks[%d] lives over [%d,%d)", i, b.Start, b.End)
		}
		if b.Buf == ScratchBuf {
			continue
		}
		buf := int(bd.canon[b.Buf])
		if c := bd.class[buf]; c >= 0 {
			if m, ok := byClass[c]; ok {
				join(n, m)
			}
			byClass[c] = n
			continue
		}
		byBuf[buf] = append(byBuf[buf], n)
	}
	for buf, own := range byBuf {
		home := bd.p.Buffers[buf].Home == tier
		for x, n := range own {
			for _, m := range own[:x] {
				if home || plan.Blocks[list[n]].Offset == plan.Blocks[list[m]].Offset && touching(spans[n], spans[m], bd) {
					join(n, m)
				}
			}
		}
	}
	at := make(map[int]int) // root → item
	prob := &pack.Problem{Capacity: bd.p.Tiers[tier].Capacity}
	old := int64(0)
	for n, i := range list {
		b := &plan.Blocks[i]
		z, align := int64(0), max(bd.p.Tiers[tier].Align, 1)
		if b.Buf == ScratchBuf {
			for _, s := range bd.scratch[bd.scratchFirst[b.Start]:bd.scratchFirst[b.Start+1]] {
				if int(s.tier) == tier {
					z = s.bytes
				}
			}
		} else {
			z, align = bd.size[b.Buf*bd.nt+tier], bd.align[b.Buf*bd.nt+tier]
		}
		old = max(old, b.Offset+z)
		r := find(n)
		k, ok := at[r]
		if !ok {
			k = len(prob.Items)
			at[r] = k
			prob.Items = append(prob.Items, pack.Item{Pin: -1, Align: align})
		}
		it := &prob.Items[k]
		it.Spans = append(it.Spans, spans[n]...)
		it.Size, it.Align = max(it.Size, z), max(it.Align, align)
	}
	res, err := pack.Portfolio(prob, rounds)
	if res == nil {
		return fmt.Errorf("malloc: repack tier %q: %w", bd.p.Tiers[tier].Name, err)
	}
	if err != nil || res.Peak >= old {
		return nil // no better than before
	}
	for n, i := range list {
		plan.Blocks[i].Offset = res.Offsets[at[find(n)]]
	}
	return nil
}

// blockSpans are the instructions a plan's block lives at.
func (b *board) blockSpans(k *Block) []span {
	if k.Start < 0 || k.Start >= b.T || k.End <= k.Start {
		return nil
	}
	if !b.inBody(k.Start) {
		return []span{{k.Start, min(k.End, b.T)}}
	}
	if k.End <= b.E {
		return []span{{k.Start, k.End}}
	}
	if k.End-k.Start >= b.L {
		return []span{{b.B, b.E}}
	}
	return []span{{k.Start, b.E}, {b.B, k.End - b.L}}
}

// touching reports whether one block of a buffer may continue the other: a span
// of one ends where a span of the other starts.
func touching(a, b []pack.Span, bd *board) bool {
	for _, x := range a {
		for _, y := range b {
			if x.End == y.Start || y.End == x.Start {
				return true
			}
			if bd.L > 0 && (x.End == bd.E && y.Start == bd.B || y.End == bd.E && x.Start == bd.B) {
				return true
			}
		}
	}
	return false
}
