package planner

import (
	"strconv"

	"strata/malloc"
)

// argName is an operand's name in plans and instances: "r0", "w1".
func argName(kind byte, index int) string { return string(kind) + strconv.Itoa(index) }

// operandAt is the buffer of a site's operand.
func operandAt(p *malloc.Program, s malloc.Site) int {
	i, _ := strconv.Atoi(s.Arg[1:])
	if s.Arg[0] == 'w' {
		return p.Instructions[s.Instr].Writes[i].Buf
	}
	return p.Instructions[s.Instr].Reads[i].Buf
}

// classBytes is what a block of buf takes in a tier when members of a must class
// share a place: the largest member's bytes.
func classBytes(p *malloc.Program, buf, tier int) int64 {
	z := blockBytes(p, buf, tier)
	for _, a := range p.Aliases {
		if a.Kind != "must" {
			continue
		}
		for _, b := range a.Buffers {
			if b == buf {
				for _, c := range a.Buffers {
					z = max(z, blockBytes(p, c, tier))
				}
			}
		}
	}
	for _, l := range p.Loops {
		for _, c := range l.Carried {
			if c[0] == buf || c[1] == buf {
				z = max(z, blockBytes(p, c[0], tier), blockBytes(p, c[1], tier))
			}
		}
	}
	return z
}

// scratchBytes is what instruction t's scratch takes in a tier.
func scratchBytes(p *malloc.Program, t, tier int) int64 {
	n := p.Instructions[t].Scratch[strconv.Itoa(tier)]
	align := max(p.Tiers[tier].Align, 1)
	return (n + align - 1) / align * align
}

// trafficOf counts what every engine moves over the whole run (game.md,
// Requests): straight and once copies once, a body's copies in each iteration,
// those that serve the next iteration in all but the last.
func trafficOf(p *malloc.Program, plan *malloc.Plan) []malloc.Traffic {
	bytes, requests := make([]int64, len(p.Engines)), make([]int64, len(p.Engines))
	used := make([]bool, len(p.Engines))
	for i := range plan.Copies {
		c := &plan.Copies[i]
		e := &p.Engines[c.Engine]
		times := int64(1)
		back := e.From == plan.Blocks[c.Block].Tier
		for _, l := range p.Loops {
			inside := l.Begin <= c.Start && c.Start < l.End
			if back {
				inside = l.Begin < c.Start && c.Start <= l.End
			}
			switch {
			case c.Once || !inside:
			case l.Periodic && !back && c.Before >= l.End:
				times *= l.Trip - 1
			default:
				times *= l.Trip
			}
		}
		n := int64(1)
		if e.RequestBytes > 0 {
			n = (c.Bytes + e.RequestBytes - 1) / e.RequestBytes
		}
		bytes[c.Engine] += times * c.Bytes
		requests[c.Engine] += times * n
		used[c.Engine] = true
	}
	var list []malloc.Traffic
	for e := range p.Engines {
		if used[e] {
			list = append(list, malloc.Traffic{Engine: e, Bytes: bytes[e], Requests: requests[e]})
		}
	}
	return list
}
