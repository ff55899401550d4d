package pack

import (
	"cmp"
	"slices"
)

// maxUnits bounds capacities and sizes in the search's units, so that sums of
// two fit an int32.
const maxUnits = 1 << 30

// instance is a problem as the exact search reads it: bytes become units, times
// become sections. It is never changed, so threads share it.
//
// A section is a set of items live at one time that no other time's set
// contains. An item of one section occupies the window [lo, hi) of its size.
type instance struct {
	n        int
	unit     int64 // bytes of a unit
	exact    bool  // units lose nothing, so a refutation holds for the bytes
	complete bool  // a search that ends without a limit has seen everything
	plain    bool  // no alignment above a unit, no pins: every offset is allowed

	size  []int32
	align []int32
	pin   []int32 // -1: free
	lb0   []int32 // lowest offset at all

	// sections of item b: secOf[secAt[b]:secAt[b+1]]
	secAt []int32
	secOf []int32
	// members of section s: members[memAt[s]:memAt[s+1]]
	memAt   []int32
	members []member
	total   []int32 // units of all members of a section

	// Items that share a section with b, k from adjAt[b] to adjAt[b+1]:
	// up[k] is how far above b's offset adj[k]'s must be when it lies above b
	// in every shared section; dn[k] how far above adj[k]'s offset b's must be
	// when it lies above it in at least one. Both are a size where nothing has
	// windows.
	adjAt []int32
	adj   []int32
	up    []int32
	dn    []int32

	// offsets item b may not have for pinned ones: strictly between lo and hi
	holeAt []int32
	holes  []hole

	twinAt []int32 // items with b's sections, b itself among them
	twins  []int32

	width []int32 // sections of an item
	most  []int32 // largest total of its sections
}

type member struct {
	key  int32 // lowest place of the window's lower end, refreshed by the search
	size int32 // of the window
	lo   int32 // of the window
	item int32
}

type hole struct{ lo, hi int32 }

// compile states p for searches under at most capacity bytes; nil if it has too
// many pairs.
func compile(p *Problem, pieces [][]piece, capacity int64, off Rules) *instance {
	in := &instance{n: len(p.Items), exact: true, complete: true, plain: true}
	in.units(p, capacity, off)
	n := in.n
	in.size, in.align, in.pin, in.lb0 = make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
	down := func(x int64) int32 { return int32(x / in.unit) }
	up := func(x int64) int32 { return int32((x + in.unit - 1) / in.unit) }
	for i := range p.Items {
		it := &p.Items[i]
		in.size[i], in.pin[i] = up(it.Size), -1
		in.align[i] = 1
		if it.Align > 1 {
			if a := it.Align / gcd(it.Align, in.unit); a > 1 {
				in.align[i] = int32(min(a, maxUnits))
				in.plain = false
			}
		}
		if it.Pin >= 0 {
			in.pin[i], in.lb0[i] = down(it.Pin), down(it.Pin)
			in.size[i] = up(it.Pin+it.Size) - in.pin[i]
			in.plain = false
		}
	}
	in.sections(pieces, down, up)
	if !in.neighbours() {
		return nil
	}
	in.obstacles()
	in.findTwins(off)
	return in
}

// units chooses the bytes of a unit: what divides every size, pin, alignment and
// window, or more when the capacity would not fit an int32.
func (in *instance) units(p *Problem, capacity int64, off Rules) {
	g := int64(0)
	if off&RuleScale == 0 {
		for i := range p.Items {
			it := &p.Items[i]
			g = gcd(g, it.Size)
			if it.Align > 1 {
				g = gcd(g, it.Align)
			}
			if it.Pin > 0 {
				g = gcd(g, it.Pin)
			}
			for _, w := range it.Windows {
				g = gcd(gcd(g, w.Lo), w.Hi)
			}
		}
	}
	in.unit = max(g, 1)
	for capacity/in.unit >= maxUnits {
		in.unit *= 2
		in.exact = false
	}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// sections sweeps the pieces: a section ends where something ends for the first
// time since something began.
func (in *instance) sections(pieces [][]piece, down, up func(int64) int32) {
	type event struct {
		t, item, piece int
		start          bool
	}
	var ev []event
	single := true
	for i, ps := range pieces {
		single = single && len(ps) <= 1
		for k := range ps {
			if ps[k].hi > ps[k].lo {
				ev = append(ev, event{ps[k].start, i, k, true}, event{ps[k].end, i, k, false})
			}
		}
	}
	slices.SortFunc(ev, func(a, b event) int {
		if a.t != b.t {
			return a.t - b.t
		}
		if a.start != b.start {
			if b.start {
				return -1 // ends first
			}
			return 1
		}
		return cmp.Or(a.item-b.item, a.piece-b.piece)
	})
	liveAt := make([]int, in.n) // piece, -1 none
	for i := range liveAt {
		liveAt[i] = -1
	}
	var live []int32
	var sets [][]member
	grown := false
	for _, e := range ev {
		if e.start {
			liveAt[e.item] = e.piece
			live = append(live, int32(e.item))
			grown = true
			continue
		}
		if grown {
			set := make([]member, 0, len(live))
			for _, i := range live {
				w := pieces[i][liveAt[i]]
				lo, hi := down(w.lo), up(w.hi)
				if in.pin[i] >= 0 && !in.exact {
					lo, hi = 0, in.size[i]
				}
				set = append(set, member{item: i, lo: lo, size: hi - lo})
			}
			slices.SortFunc(set, func(a, b member) int { return int(a.item - b.item) })
			sets = append(sets, set)
			grown = false
		}
		liveAt[e.item] = -1
		at := slices.Index(live, int32(e.item))
		live[at] = live[len(live)-1]
		live = live[:len(live)-1]
	}
	if !single {
		sets = maximal(sets)
	}
	in.memAt = make([]int32, 1, len(sets)+1)
	in.width, in.most = make([]int32, in.n), make([]int32, in.n)
	for _, set := range sets {
		sum := int64(0)
		for _, m := range set {
			in.width[m.item]++
			sum += int64(m.size)
		}
		t := int32(min(sum, 2*maxUnits-1))
		in.total = append(in.total, t)
		for _, m := range set {
			in.most[m.item] = max(in.most[m.item], t)
		}
		in.members = append(in.members, set...)
		in.memAt = append(in.memAt, int32(len(in.members)))
	}
	in.secAt = make([]int32, in.n+1)
	for i, w := range in.width {
		in.secAt[i+1] = in.secAt[i] + w
	}
	in.secOf = make([]int32, len(in.members))
	fill := slices.Clone(in.secAt)
	for s := range sets {
		for _, m := range sets[s] {
			in.secOf[fill[m.item]] = int32(s)
			fill[m.item]++
		}
	}
}

// maximal drops the sets that another one covers, window by window. Beyond a few
// thousand sets the comparison would cost more than the repetition.
func maximal(sets [][]member) [][]member {
	const limit = 3000
	if len(sets) > limit {
		return sets
	}
	covers := func(a, b []member) bool { // a covers b
		if len(a) < len(b) {
			return false
		}
		k := 0
		for _, m := range b {
			for k < len(a) && a[k].item < m.item {
				k++
			}
			if k == len(a) || a[k].item != m.item || a[k].lo > m.lo || a[k].lo+a[k].size < m.lo+m.size {
				return false
			}
		}
		return true
	}
	var out [][]member
	for i, b := range sets {
		keep := true
		for j, a := range sets {
			if i != j && covers(a, b) && (j < i || !covers(b, a)) {
				keep = false
				break
			}
		}
		if keep {
			out = append(out, b)
		}
	}
	return out
}

// neighbours lists the pairs that share a section; false if they are too many.
func (in *instance) neighbours() bool {
	in.adjAt = make([]int32, 1, in.n+1)
	at := make([]int32, in.n)
	for i := range at {
		at[i] = -1
	}
	for b := int32(0); b < int32(in.n); b++ {
		first := int32(len(in.adj))
		for _, s := range in.secOf[in.secAt[b]:in.secAt[b+1]] {
			ms := in.members[in.memAt[s]:in.memAt[s+1]]
			k, _ := slices.BinarySearchFunc(ms, b, func(m member, b int32) int { return int(m.item - b) })
			own := ms[k]
			for _, m := range ms {
				if m.item == b {
					continue
				}
				above, below := own.lo+own.size-m.lo, m.lo+m.size-own.lo
				if at[m.item] < first {
					at[m.item] = int32(len(in.adj))
					in.adj = append(in.adj, m.item)
					in.up = append(in.up, above)
					in.dn = append(in.dn, below)
					continue
				}
				j := at[m.item]
				in.up[j], in.dn[j] = max(in.up[j], above), min(in.dn[j], below)
			}
		}
		for j := first; j < int32(len(in.adj)); j++ {
			// Two items that may each lie under the other at the same time
			// have no lowest one: the search still finds answers, but its end
			// proves nothing.
			if in.dn[j] <= 0 && in.pin[b] < 0 && in.pin[in.adj[j]] < 0 {
				in.complete = false
			}
		}
		in.adjAt = append(in.adjAt, int32(len(in.adj)))
		if len(in.adj) > exactPairs {
			return false
		}
	}
	return true
}

// obstacles turns pinned neighbours into offsets an item may not have.
func (in *instance) obstacles() {
	in.holeAt = make([]int32, in.n+1)
	if in.plain {
		return
	}
	for b := 0; b < in.n; b++ {
		first := len(in.holes)
		for _, s := range in.secOf[in.secAt[b]:in.secAt[b+1]] {
			ms := in.members[in.memAt[s]:in.memAt[s+1]]
			k, _ := slices.BinarySearchFunc(ms, int32(b), func(m member, b int32) int { return int(m.item - b) })
			for _, m := range ms {
				if at := in.pin[m.item]; at >= 0 && int(m.item) != b {
					in.holes = append(in.holes, hole{at + m.lo - ms[k].lo - ms[k].size, at + m.lo + m.size - ms[k].lo})
				}
			}
		}
		own := in.holes[first:]
		slices.SortFunc(own, func(x, y hole) int { return cmp.Or(cmp.Compare(x.lo, y.lo), cmp.Compare(x.hi, y.hi)) })
		own = slices.Compact(own)
		in.holes = in.holes[:first+len(own)]
		in.holeAt[b+1] = int32(len(in.holes))
		if in.pin[b] < 0 {
			in.lb0[b] = in.next(int32(b), 0)
		}
	}
}

// next is item b's lowest allowed offset at x or above.
func (in *instance) next(b, x int32) int32 {
	if in.plain {
		return x
	}
	a := in.align[b]
	x = (x + a - 1) / a * a
	for _, h := range in.holes[in.holeAt[b]:in.holeAt[b+1]] {
		if x > h.lo && x < h.hi {
			x = (h.hi + a - 1) / a * a
		}
	}
	return x
}

// pinsClash reports whether two pinned items overlap, or one ends too high.
func (in *instance) pinsClash(capacity int32) bool {
	if in.plain {
		return false
	}
	for b := 0; b < in.n; b++ {
		at := in.pin[b]
		if at < 0 {
			continue
		}
		if at > capacity-in.size[b] {
			return true
		}
		for _, h := range in.holes[in.holeAt[b]:in.holeAt[b+1]] {
			if at > h.lo && at < h.hi {
				return true
			}
		}
	}
	return false
}

// findTwins groups items of the same sections which may change places with what
// lies directly on them.
func (in *instance) findTwins(off Rules) {
	in.twinAt = make([]int32, in.n+1)
	if off&RuleTwins != 0 {
		return
	}
	able := func(b int32) bool {
		if in.pin[b] >= 0 || in.holeAt[b] != in.holeAt[b+1] || in.size[b] == 0 || in.size[b]%in.align[b] != 0 || in.secAt[b] == in.secAt[b+1] {
			return false
		}
		for _, s := range in.secOf[in.secAt[b]:in.secAt[b+1]] {
			ms := in.members[in.memAt[s]:in.memAt[s+1]]
			k, _ := slices.BinarySearchFunc(ms, b, func(m member, b int32) int { return int(m.item - b) })
			if ms[k].lo != 0 || ms[k].size != in.size[b] {
				return false // windows
			}
		}
		return true
	}
	sec := func(b int32) []int32 { return in.secOf[in.secAt[b]:in.secAt[b+1]] }
	for b := int32(0); b < int32(in.n); b++ {
		if able(b) {
			for k := in.adjAt[b]; k < in.adjAt[b+1]; k++ {
				if z := in.adj[k]; in.width[z] == in.width[b] && in.align[z] == in.align[b] && slices.Equal(sec(z), sec(b)) && able(z) {
					in.twins = append(in.twins, z)
				}
			}
		}
		in.twinAt[b+1] = int32(len(in.twins))
	}
}
