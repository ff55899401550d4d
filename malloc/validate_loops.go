package malloc

import (
	"fmt"
	"math"
	"slices"
)

func validateLoops(p *Program) error {
	periodic := -1
	if len(p.Loops) > len(p.Instructions) {
		return fmt.Errorf("loops: %d for %d instructions", len(p.Loops), len(p.Instructions))
	}
	for i := range p.Loops {
		l := &p.Loops[i]
		if l.Begin < 0 || l.End > len(p.Instructions) || l.Begin >= l.End {
			return fmt.Errorf("loops[%d]: [%d, %d), a non-empty stretch of the %d instructions is expected", i, l.Begin, l.End, len(p.Instructions))
		}
		if l.Trip < 1 || l.Trip > MaxSizeBytes {
			return fmt.Errorf("loops[%d].trip: %d, at least 1 is expected (leave out a loop that does not run)", i, l.Trip)
		}
		if l.Periodic {
			if periodic >= 0 {
				return fmt.Errorf("loops[%d].periodic: loops[%d] is periodic already, at most one is", i, periodic)
			}
			periodic = i
		}
		if err := validateCarried(p, i); err != nil {
			return err
		}
		if err := validateGrowth(p, i); err != nil {
			return err
		}
	}
	return validateNesting(p, periodic)
}

const maxLoopDepth = 64

// validateNesting refuses loops that cross, and any loop that overlaps the
// periodic one.
func validateNesting(p *Program, periodic int) error {
	order := make([]int, len(p.Loops))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if d := p.Loops[a].Begin - p.Loops[b].Begin; d != 0 {
			return d
		}
		return p.Loops[b].End - p.Loops[a].End
	})
	var open []int
	for _, i := range order {
		l := &p.Loops[i]
		for len(open) > 0 && p.Loops[open[len(open)-1]].End <= l.Begin {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			o := open[len(open)-1]
			if p.Loops[o].End < l.End {
				return fmt.Errorf("loops[%d]: [%d, %d) crosses loops[%d] [%d, %d)", i, l.Begin, l.End, o, p.Loops[o].Begin, p.Loops[o].End)
			}
			if i == periodic || slices.Contains(open, periodic) {
				return fmt.Errorf("loops[%d]: [%d, %d) and loops[%d] are nested, a periodic loop is not", i, l.Begin, l.End, o)
			}
		}
		if open = append(open, i); len(open) > maxLoopDepth {
			return fmt.Errorf("loops[%d]: nested %d deep, at most %d are possible", i, len(open), maxLoopDepth)
		}
	}
	return nil
}

func validateCarried(p *Program, i int) error {
	l := &p.Loops[i]
	outs, ins := make(map[int]bool), make(map[int]bool)
	for k, pair := range l.Carried {
		at := fmt.Sprintf("loops[%d].carried[%d]", i, k)
		out, in := pair[0], pair[1]
		for _, b := range pair {
			if b < 0 || b >= len(p.Buffers) {
				return fmt.Errorf("%s: buffer %d, %s", at, b, rangeText("buffers", len(p.Buffers)))
			}
		}
		if out == in {
			return fmt.Errorf("%s: buffer %d carries itself, out and in are two buffers", at, out)
		}
		o, n := &p.Buffers[out], &p.Buffers[in]
		if o.Size != n.Size || o.Home != n.Home {
			return fmt.Errorf("%s: out %d has %d bytes at home %d, in %d has %d bytes at home %d: a pair shares its place", at, out, o.Size, o.Home, in, n.Size, n.Home)
		}
		if outs[out] || ins[in] {
			return fmt.Errorf("%s: out %d or in %d is in another pair of the loop", at, out, in)
		}
		outs[out], ins[in] = true, true
	}
	return nil
}

func validateGrowth(p *Program, i int) error {
	l := &p.Loops[i]
	slope := make(map[int]float64, len(l.Growth))
	for k, g := range l.Growth {
		at := fmt.Sprintf("loops[%d].growth[%d]", i, k)
		if g.Buf < 0 || g.Buf >= len(p.Buffers) {
			return fmt.Errorf("%s.buf: %d, %s", at, g.Buf, rangeText("buffers", len(p.Buffers)))
		}
		if math.IsNaN(g.Slope) || math.IsInf(g.Slope, 0) {
			return fmt.Errorf("%s.slope: %g, a number of bytes per iteration is expected", at, g.Slope)
		}
		if _, ok := slope[g.Buf]; ok {
			return fmt.Errorf("%s.buf: %d is listed twice", at, g.Buf)
		}
		slope[g.Buf] = g.Slope
	}
	if len(slope) == 0 {
		return nil
	}
	for t := l.Begin; t < l.End; t++ {
		for k, o := range p.Instructions[t].Reads {
			s, ok := slope[o.Buf]
			if !ok {
				continue
			}
			last := float64(o.Bytes) + s*float64(l.Trip-1)
			if size := p.Buffers[o.Buf].Size; last < 0 || last > float64(size)+1e-6*float64(size)+1 {
				return fmt.Errorf("instructions[%d].reads[%d].bytes: %d + %g · %d iterations = %g, buffers[%d].size %d is the maximum", t, k, o.Bytes, s, l.Trip-1, last, o.Buf, size)
			}
		}
	}
	return nil
}
