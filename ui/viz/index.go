package viz

// fanOut is the number of children per node of the packed R-tree.
const fanOut = 16

// tree is a packed R-tree: node k of the lowest level encloses the rectangles
// [16k, 16k+16) of the scene, node k of a higher level the nodes [16k, 16k+16)
// of the level below. Because the scene is in Hilbert order the boxes are tight
// without any balancing. boxes holds all levels, lowest first; levels[i] is the
// position of level i's first box.
type tree struct {
	boxes  []View // A0 ≤ A1
	levels []int32
}

func newTree(s *Scene) tree {
	var t tree
	n := s.Len()
	count := (n + fanOut - 1) / fanOut
	t.levels = append(t.levels, 0)
	for k := 0; k < count; k++ {
		lo, hi := k*fanOut, min((k+1)*fanOut, n)
		b := View{s.T0[lo], s.T1[lo], s.A0[lo], s.A1[lo]}
		for i := lo + 1; i < hi; i++ {
			b.T0, b.T1 = min(b.T0, s.T0[i]), max(b.T1, s.T1[i])
			b.A0, b.A1 = min(b.A0, s.A0[i]), max(b.A1, s.A1[i])
		}
		t.boxes = append(t.boxes, b)
	}
	for count > 1 {
		below := t.levels[len(t.levels)-1]
		t.levels = append(t.levels, int32(len(t.boxes)))
		next := (count + fanOut - 1) / fanOut
		for k := 0; k < next; k++ {
			children := t.boxes[int(below)+k*fanOut : int(below)+min((k+1)*fanOut, count)]
			b := children[0]
			for _, c := range children[1:] {
				b.T0, b.T1 = min(b.T0, c.T0), max(b.T1, c.T1)
				b.A0, b.A1 = min(b.A0, c.A0), max(b.A1, c.A1)
			}
			t.boxes = append(t.boxes, b)
		}
		count = next
	}
	return t
}

// cursor walks the tree depth first and yields runs of rectangles whose node
// meets the query box, in scene order. It lives on the stack: no allocation.
type cursor struct {
	s     *Scene
	q     View // A0 ≤ A1
	depth int
	stack [8 * fanOut]struct{ level, node int32 }
}

// start begins a query. The box is half open on no side: touching counts, the
// caller tests each rectangle exactly.
func (c *cursor) start(s *Scene, t0, t1, a0, a1 float64) {
	c.s, c.q, c.depth = s, View{t0, t1, a0, a1}, 0
	if s.Len() > 0 {
		c.stack[0].level, c.stack[0].node = int32(len(s.index.levels)-1), 0
		c.depth = 1
	}
}

// next returns the following run [lo, hi) of candidates; ok is false at the end.
func (c *cursor) next() (lo, hi int, ok bool) {
	t := &c.s.index
	for c.depth > 0 {
		c.depth--
		e := c.stack[c.depth]
		b := &t.boxes[t.levels[e.level]+e.node]
		if b.T0 > c.q.T1 || b.T1 < c.q.T0 || b.A0 > c.q.A1 || b.A1 < c.q.A0 {
			continue
		}
		first := int(e.node) * fanOut
		if e.level == 0 {
			return first, min(first+fanOut, c.s.Len()), true
		}
		count := int(t.levels[e.level] - t.levels[e.level-1])
		for k := min(first+fanOut, count) - 1; k >= first; k-- {
			c.stack[c.depth].level, c.stack[c.depth].node = e.level-1, int32(k)
			c.depth++
		}
	}
	return 0, 0, false
}

// Hit returns the topmost rectangle that contains the world point (t, a), or
// -1.
func (s *Scene) Hit(t, a float64) int {
	var c cursor
	c.start(s, t, t, a, a)
	found := -1
	for {
		lo, hi, ok := c.next()
		if !ok {
			return found
		}
		for i := lo; i < hi; i++ {
			if s.T0[i] <= t && t < s.T1[i] && s.A0[i] <= a && a < s.A1[i] {
				found = i
			}
		}
	}
}

// Visible appends to dst the rectangles that meet view, in drawing order.
func (s *Scene) Visible(dst []int, view View) []int {
	var c cursor
	c.start(s, view.T0, view.T1, view.low(), view.high())
	for {
		lo, hi, ok := c.next()
		if !ok {
			return dst
		}
		for i := lo; i < hi; i++ {
			if s.T0[i] < view.T1 && s.T1[i] > view.T0 && s.A0[i] < view.high() && s.A1[i] > view.low() {
				dst = append(dst, i)
			}
		}
	}
}

// hilbert returns the position of (x, y), 16 bits each, on a Hilbert curve.
func hilbert(x, y uint32) uint32 {
	var d uint32
	for s := uint32(1 << 15); s > 0; s >>= 1 {
		var rx, ry uint32
		if x&s != 0 {
			rx = 1
		}
		if y&s != 0 {
			ry = 1
		}
		d += s * s * ((3 * rx) ^ ry)
		if ry == 0 {
			if rx == 1 {
				x, y = 0xffff-x, 0xffff-y
			}
			x, y = y, x
		}
	}
	return d
}
