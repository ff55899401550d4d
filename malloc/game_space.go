package malloc

// gap is a free range of offsets.
type gap struct{ lo, hi int64 }

// unlimitedTop is the end of the tier that is never full.
const unlimitedTop = int64(1) << 60

// space is one tier's free memory: for every instruction the sorted free gaps.
// It depends on the set of blocks only, not on the order they came in, so that
// undoing is taking the opposite step.
type space struct {
	top   int64
	gaps  [][]gap
	fixed bool // nothing can be written there: all times share one gap
}

func newSpace(top int64, T int, fixed bool) space {
	s := space{top: top, gaps: make([][]gap, T), fixed: fixed}
	if fixed {
		all := []gap{{0, top}}
		for t := range s.gaps {
			s.gaps[t] = all
		}
		return s
	}
	store := make([]gap, 6*T) // room for a few gaps each before any allocation
	for t := range s.gaps {
		s.gaps[t] = append(store[6*t:6*t:6*t+6], gap{0, top})
	}
	return s
}

func (s *space) clone() space {
	if s.fixed {
		return *s
	}
	n := 0
	for _, g := range s.gaps {
		n += len(g) + 3
	}
	c := space{top: s.top, gaps: make([][]gap, len(s.gaps))}
	store := make([]gap, n)
	for t, g := range s.gaps {
		k := copy(store, g)
		c.gaps[t] = store[:k:min(k+3, len(store))]
		store = store[min(k+3, len(store)):]
	}
	return c
}

// take removes [lo, hi) from the free gaps at time t; it must be free.
func (s *space) take(t int, lo, hi int64) {
	g := s.gaps[t]
	i := 0
	for g[i].hi < hi {
		i++
	}
	switch a := g[i]; {
	case a.lo == lo && a.hi == hi:
		s.gaps[t] = append(g[:i], g[i+1:]...)
	case a.lo == lo:
		g[i].lo = hi
	case a.hi == hi:
		g[i].hi = lo
	default:
		g = append(g, gap{})
		copy(g[i+1:], g[i:])
		g[i].hi = lo
		g[i+1].lo = hi
		s.gaps[t] = g
	}
}

// give adds [lo, hi) to the free gaps at time t; it must not be free.
func (s *space) give(t int, lo, hi int64) {
	g := s.gaps[t]
	i := 0
	for i < len(g) && g[i].hi < lo {
		i++
	}
	// g[i] is the first gap that ends at or after lo
	left := i < len(g) && g[i].hi == lo
	j := i
	if left {
		j = i + 1
	}
	right := j < len(g) && g[j].lo == hi
	switch {
	case left && right:
		g[i].hi = g[j].hi
		s.gaps[t] = append(g[:j], g[j+1:]...)
	case left:
		g[i].hi = hi
	case right:
		g[j].lo = lo
	default:
		g = append(g, gap{})
		copy(g[i+1:], g[i:])
		g[i] = gap{lo, hi}
		s.gaps[t] = g
	}
}

// free reports whether [lo, hi) is free at time t.
func (s *space) free(t int, lo, hi int64) bool {
	for _, a := range s.gaps[t] {
		if a.hi >= hi {
			return a.lo <= lo
		}
	}
	return false
}

// narrow intersects the sorted gaps cur with those at time t, keeping what can
// still hold z bytes; the result reuses dst.
func (s *space) narrow(dst, cur []gap, t int, z int64) []gap {
	dst = dst[:0]
	g := s.gaps[t]
	i, j := 0, 0
	for i < len(cur) && j < len(g) {
		lo, hi := max(cur[i].lo, g[j].lo), min(cur[i].hi, g[j].hi)
		if hi-lo >= z {
			dst = append(dst, gap{lo, hi})
		}
		if cur[i].hi < g[j].hi {
			i++
		} else {
			j++
		}
	}
	return dst
}

// choose applies rule 5 to the gaps: the smallest that fits after alignment,
// ties to the lowest, the top remainder last; -1: none. firstFit takes the
// lowest.
func (s *space) choose(g []gap, z, align int64, firstFit bool) int64 {
	best, bestLen := int64(-1), int64(0)
	for _, a := range g {
		lo := roundUp(a.lo, align)
		n := a.hi - lo
		if n < z {
			continue
		}
		if firstFit {
			return lo
		}
		if a.hi == s.top {
			if best < 0 {
				best = lo
			}
			break // it is the last gap
		}
		if best < 0 || n < bestLen {
			best, bestLen = lo, n
		}
	}
	return best
}
