package pack

import (
	"cmp"
	"fmt"
	"slices"
)

// piece is one stretch of a line of time in which an item occupies a window of
// its size.
type piece struct {
	start, end int
	lo, hi     int64
}

// validateWindows reports what makes an item's windows none.
func (p *Problem) validateWindows(i int) error {
	it := &p.Items[i]
	for _, w := range it.Windows {
		switch {
		case w.Lo < 0 || w.Hi < w.Lo || w.Hi > it.Size:
			return fmt.Errorf("pack: item %d has a window of bytes [%d,%d), they must lie within its size of %d", i, w.Lo, w.Hi, it.Size)
		case w.Start < 0 || w.End <= w.Start:
			return fmt.Errorf("pack: item %d has a window over [%d,%d), which is empty or negative", i, w.Start, w.End)
		case p.Period > 0 && (w.Start >= p.Period || w.End > w.Start+p.Period):
			return fmt.Errorf("pack: item %d has a window over [%d,%d), longer than the circle of %d", i, w.Start, w.End, p.Period)
		}
	}
	ws := p.windows(it)
	for k := 1; k < len(ws); k++ {
		if ws[k].start < ws[k-1].end {
			return fmt.Errorf("pack: item %d has two windows at time %d", i, ws[k].start)
		}
	}
	return nil
}

// windows returns an item's windows on the line, by time.
func (p *Problem) windows(it *Item) []piece {
	var out []piece
	for _, w := range it.Windows {
		if p.Period > 0 && w.End > p.Period {
			out = append(out, piece{w.Start, p.Period, w.Lo, w.Hi}, piece{0, w.End - p.Period, w.Lo, w.Hi})
		} else {
			out = append(out, piece{w.Start, w.End, w.Lo, w.Hi})
		}
	}
	slices.SortFunc(out, func(a, b piece) int { return cmp.Compare(a.start, b.start) })
	return out
}

// pieces returns each item's life on the line as disjoint pieces by time; what
// occupies nothing has none.
func (p *Problem) pieces() [][]piece {
	out := make([][]piece, len(p.Items))
	var one []piece // shared backing of items of one piece
	for i := range p.Items {
		it := &p.Items[i]
		if it.Size == 0 {
			continue
		}
		if len(it.Windows) > 0 {
			out[i] = p.cut(it)
			continue
		}
		spans := it.Spans
		if p.Period > 0 || len(spans) > 1 {
			spans = p.merged(it)
		}
		from := len(one)
		for _, s := range spans {
			one = append(one, piece{s.Start, s.End, 0, it.Size})
		}
		out[i] = one[from:len(one):len(one)]
	}
	return out
}

// cut cuts an item's life at its windows.
func (p *Problem) cut(it *Item) []piece {
	var out []piece
	add := func(s, e int, lo, hi int64) {
		if s >= e || lo >= hi {
			return
		}
		if n := len(out); n > 0 && out[n-1].end == s && out[n-1].lo == lo && out[n-1].hi == hi {
			out[n-1].end = e
			return
		}
		out = append(out, piece{s, e, lo, hi})
	}
	ws := p.windows(it)
	for _, s := range p.merged(it) {
		at := s.Start
		for _, w := range ws {
			from, to := max(w.start, at), min(w.end, s.End)
			if from >= to {
				continue
			}
			add(at, from, 0, it.Size)
			add(from, to, w.lo, w.hi)
			at = to
		}
		add(at, s.End, 0, it.Size)
	}
	return out
}
