package planner

import (
	"cmp"
	"slices"

	"strata/malloc"
)

// build places the pins, the body's ring and the straight parts. It returns
// false when something finds no place.
func (r *ring) build() bool {
	r.pinAt = make([]int64, len(r.streams))
	r.pinFrom = make([]int, len(r.streams))
	top := r.capacity
	for i := range r.streams {
		r.pinFrom[i] = -1
		if r.pinned[i] {
			top -= (r.streams[i].block + r.align - 1) / r.align * r.align
			r.pinAt[i] = top
		}
	}
	r.room = top
	if r.room < r.bodyTop {
		return false
	}
	return r.placeBody() && r.placeBefore() && r.placeAfter()
}

// ringFromPlan takes the body of a finished plan, whoever made it, so that the
// straight parts can be built anew around it. ok is false when the body does with
// some read-only buffer what a ring does not.
func (r *ringSpec) ringFromPlan(plan *malloc.Plan) (x *ring, ok bool) {
	length := r.end - r.begin
	if length == 0 {
		return nil, false
	}
	x = &ring{ringSpec: r, pinned: make([]bool, len(r.streams)), pinAt: make([]int64, len(r.streams)),
		pinFrom: make([]int, len(r.streams)), room: r.capacity}
	for i := range x.pinFrom {
		x.pinFrom[i] = -1
	}
	source := make([]int, len(plan.Blocks)) // copy that fills a block, + 1
	for i, c := range plan.Copies {
		if !c.Once && r.p.Engines[c.Engine].To == plan.Blocks[c.Block].Tier {
			source[c.Block] = i + 1
		}
	}
	served := make([]int, len(r.streams))
	for k, b := range plan.Blocks {
		if b.Buf < 0 || b.Tier != r.tier || r.streamOf[b.Buf] < 0 || b.Start < r.begin || b.Start >= r.end {
			continue
		}
		i := r.streamOf[b.Buf]
		s := &r.streams[i]
		if b.End-b.Start == length && source[k] == 0 {
			if r.meetsFixed(arc{start: r.begin, end: r.end, lo: b.Offset, hi: b.Offset + s.block}) {
				return nil, false
			}
			x.pinned[i], x.pinAt[i] = true, b.Offset
			served[i] += len(s.body)
			continue
		}
		if source[k] == 0 {
			return nil, false
		}
		c := plan.Copies[source[k]-1]
		a := arc{start: b.Start, end: b.End, lo: b.Offset, hi: b.Offset + s.block}
		touch := c.Before
		if touch >= r.end {
			touch -= length
			a.start, a.end = a.start-length, a.end-length
		}
		if c.After >= 0 || c.Engine != s.engine || a.end != touch+1 || r.meetsFixed(a) {
			return nil, false
		}
		served[i]++
		x.body = append(x.body, placed{stream: i, touch: touch, arc: a, until: touch})
	}
	for i := range r.streams {
		if served[i] != len(r.streams[i].body) {
			return nil, false
		}
	}
	slices.SortStableFunc(x.body, func(a, b placed) int { return cmp.Compare(a.touch, b.touch) })
	return x, x.placeBefore() && x.placeAfter()
}

// meetsFixed says whether a place in the body lies where a kept block does: the
// plan it comes from may have that block elsewhere.
func (r *ringSpec) meetsFixed(a arc) bool {
	length := r.end - r.begin
	return slices.ContainsFunc(r.fixed, func(f arc) bool {
		if a.lo >= f.hi || f.lo >= a.hi {
			return false
		}
		for _, shift := range [...]int{-length, 0, length} {
			if max(a.start+shift, r.begin, f.start) < min(a.end+shift, r.end, f.end) {
				return true
			}
		}
		return false
	})
}

// use is one touch of a stream.
type use struct{ stream, touch int }

func (r *ring) uses(of func(*stream) []int, pick func(i int) bool) []use {
	var list []use
	for i := range r.streams {
		if pick(i) {
			for _, t := range of(&r.streams[i]) {
				list = append(list, use{i, t})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b use) int { return cmp.Compare(a.touch, b.touch) })
	return list
}

// placeBody gives every streamed touch of the body a block. The first pass
// places them in order with the body's begin as the earliest start; later passes
// move each to the earliest start that has room, so that the end of an iteration
// reads ahead for the next (with hold it does not: what the body's begin must
// copy first, such as an embedding row, then has no queue before it). Starts never decrease from one touch to the next:
// the engine is a queue.
func (r *ring) placeBody() bool {
	length := r.end - r.begin
	sp := space{length: length, align: r.align}
	for _, a := range r.fixed {
		if r.begin <= a.start && a.start < r.end {
			sp.add(a)
		}
	}
	list := r.uses(func(s *stream) []int { return s.body }, func(i int) bool { return !r.pinned[i] })
	r.body = make([]placed, len(list))
	for pass := range 3 {
		for i, u := range list {
			s := &r.streams[u.stream]
			from := r.begin
			if i > 0 {
				from = r.body[i-1].start
			} else if pass > 0 && !r.hold {
				from = r.body[len(list)-1].start - length
			}
			if pass > 0 {
				sp.remove(r.body[i].arc)
				if n := len(s.body); n > 1 { // a buffer's blocks never overlap in time
					k := slices.Index(s.body, u.touch)
					last := s.body[(k+n-1)%n]
					if k == 0 {
						last -= length
					}
					from = max(from, last+1)
				}
			} else if k := slices.Index(s.body, u.touch); k > 0 {
				from = max(from, s.body[k-1]+1)
			}
			from = max(from, u.touch+1-length)
			a, ok := r.earliest(&sp, from, u.touch, s.block)
			if !ok {
				return false
			}
			r.body[i] = placed{stream: u.stream, touch: u.touch, arc: a, until: u.touch}
			sp.add(a)
		}
	}
	return true
}

// earliest finds the first start in [from, touch] from which a block has a place
// until after the touch.
func (r *ring) earliest(sp *space, from, touch int, size int64) (arc, bool) {
	for start := from; start <= touch; start++ {
		if at, ok := sp.gap(start, touch+1, size, r.room, r.bestFit); ok {
			return arc{start: start, end: touch + 1, lo: at, hi: at + size}, true
		}
	}
	return arc{}, false
}

// placeBefore streams the straight part before the loop, leaves what the loop
// pins in its place when it can, and hands the rest over by copies made once.
func (r *ring) placeBefore() bool {
	// Pins keep their places for themselves, so they meet only what is fixed.
	hasLoop := r.end > r.begin
	sp, others := space{align: r.align}, space{align: r.align}
	for _, a := range r.fixed {
		if a.start < r.begin {
			sp.add(a)
			others.add(a)
		}
	}
	for i, s := range r.streams {
		if r.pinned[i] {
			sp.add(arc{start: 0, end: r.begin, lo: r.pinAt[i], hi: r.pinAt[i] + s.block})
		}
	}
	last := make([]int, len(r.streams)) // end of the stream's latest block
	list := r.uses(func(s *stream) []int { return s.pre }, func(int) bool { return true })
	from := 0
	for _, u := range list {
		s := &r.streams[u.stream]
		if r.pinFrom[u.stream] >= 0 {
			continue
		}
		start := max(from, last[u.stream])
		if r.pinned[u.stream] {
			stay := r.begin
			if !hasLoop {
				stay = s.pre[len(s.pre)-1] + 1
			}
			lo := r.pinAt[u.stream]
			for start <= u.touch && !others.freeAt(start, stay, lo, lo+s.block) {
				start++
			}
			if start <= u.touch {
				a := arc{start: start, end: stay, lo: lo, hi: lo + s.block}
				r.pre = append(r.pre, placed{stream: u.stream, touch: u.touch, arc: a, until: u.touch})
				r.pinFrom[u.stream], from = start, start
				continue
			}
			start = max(from, last[u.stream])
		}
		a, ok := r.earliest(&sp, start, u.touch, s.block)
		if !ok {
			return false
		}
		r.pre = append(r.pre, placed{stream: u.stream, touch: u.touch, arc: a, until: u.touch})
		sp.add(a)
		last[u.stream], from = u.touch+1, a.start
	}
	if !hasLoop {
		return true
	}
	hand := func(i, until int, lo int64) {
		s := &r.streams[i]
		start := max(from, last[i])
		in := &sp
		if r.pinned[i] {
			in = &others
		}
		for start < r.begin && !in.freeAt(start, r.begin, lo, lo+s.block) {
			start++
		}
		a := arc{start: start, end: r.begin, lo: lo, hi: lo + s.block}
		r.handed = append(r.handed, placed{stream: i, touch: until, arc: a, until: until, once: true})
		if start < r.begin && !r.pinned[i] {
			sp.add(a)
		}
		from = start
	}
	type need struct {
		stream, until int
		lo            int64
	}
	var needs []need
	for i := range r.streams {
		if s := &r.streams[i]; r.pinned[i] && r.pinFrom[i] < 0 && len(s.body) > 0 {
			needs = append(needs, need{i, s.body[0], r.pinAt[i]})
		}
	}
	for _, b := range r.body {
		if b.start < r.begin {
			needs = append(needs, need{b.stream, b.touch, b.lo})
		}
	}
	slices.SortStableFunc(needs, func(a, b need) int { return cmp.Compare(a.until, b.until) })
	for _, n := range needs {
		hand(n.stream, n.until, n.lo)
	}
	return true
}

// placeAfter lets pinned buffers stay until their last touch after the loop and
// streams the others there.
func (r *ring) placeAfter() bool {
	if r.end == r.begin {
		return true
	}
	sp := space{align: r.align}
	for _, a := range r.fixed {
		if a.end > r.end && a.start >= r.end {
			sp.add(a)
		}
	}
	for i := range r.streams {
		s := &r.streams[i]
		if r.pinned[i] && len(s.post) > 0 && len(s.body) > 0 {
			a := arc{start: r.end, end: s.post[len(s.post)-1] + 1, lo: r.pinAt[i], hi: r.pinAt[i] + s.block}
			if !sp.freeAt(a.start, a.end, a.lo, a.hi) {
				return false
			}
			r.post = append(r.post, placed{stream: i, touch: s.post[0], arc: a, cont: true})
			sp.add(a)
		}
	}
	from := r.end
	last := make([]int, len(r.streams))
	list := r.uses(func(s *stream) []int { return s.post }, func(i int) bool { return !r.pinned[i] || len(r.streams[i].body) == 0 })
	for _, u := range list {
		a, ok := r.earliest(&sp, max(from, last[u.stream]), u.touch, r.streams[u.stream].block)
		if !ok {
			return false
		}
		r.post = append(r.post, placed{stream: u.stream, touch: u.touch, arc: a, until: u.touch})
		sp.add(a)
		last[u.stream], from = u.touch+1, a.start
	}
	return true
}

// plan writes the ring's blocks and copies into a plan beside those of base that
// stay.
func (r *ring) plan() *malloc.Plan {
	length := r.end - r.begin
	out := *r.base
	out.Blocks = make([]malloc.Block, 0, len(r.keptBlocks)+2*len(r.streams))
	blockAt := make([]int, len(r.base.Blocks))
	for _, i := range r.keptBlocks {
		if b := r.base.Blocks[i]; r.heldSelect(b) {
			blockAt[i] = -1
		} else {
			blockAt[i] = len(out.Blocks)
			out.Blocks = append(out.Blocks, b)
		}
	}
	var copies []ordered
	for _, i := range r.keptCopies {
		c := r.base.Copies[i]
		if blockAt[c.Block] < 0 {
			continue
		}
		c.Block = blockAt[c.Block]
		copies = append(copies, ordered{c, i})
	}
	block := func(stream int, a arc) int {
		out.Blocks = append(out.Blocks, malloc.Block{Buf: r.streams[stream].buf, Tier: r.tier, Start: a.start, End: a.end, Offset: a.lo})
		return len(out.Blocks) - 1
	}
	fill := func(x *placed, into, start, before int) {
		s := &r.streams[x.stream]
		copies = append(copies, ordered{malloc.Copy{Buf: s.buf, Block: into, Engine: s.engine, Start: start,
			Before: before, Bytes: s.copied, Once: x.once, After: -1}, -1})
	}
	for i := range r.pre {
		x := &r.pre[i]
		fill(x, block(x.stream, x.arc), x.start, x.until)
	}
	bodyBlock := make(map[use]int, len(r.body))
	for i := range r.streams {
		if s := &r.streams[i]; r.pinned[i] && len(s.body) > 0 {
			b := block(i, arc{start: r.begin, end: r.end, lo: r.pinAt[i]})
			bodyBlock[use{i, s.body[0]}] = b
		}
	}
	for i := range r.body {
		x := &r.body[i]
		a := x.arc
		before := x.until
		if a.start < r.begin {
			a.start, a.end, before = a.start+length, a.end+length, before+length
		}
		b := block(x.stream, a)
		bodyBlock[use{x.stream, x.touch}] = b
		fill(x, b, a.start, before)
	}
	for i := range r.handed {
		x := &r.handed[i]
		b := bodyBlock[use{x.stream, x.touch}]
		if x.start < r.begin {
			b = block(x.stream, x.arc)
		}
		fill(x, b, x.start, x.until)
	}
	for i := range r.post {
		x := &r.post[i]
		b := block(x.stream, x.arc)
		if !x.cont {
			fill(x, b, x.start, x.until)
		}
	}
	out.Copies = orderCopies(copies)
	out.Sites = slices.Clone(r.base.Sites)
	for i := range out.Sites {
		if r.streamOf[operandAt(r.p, out.Sites[i])] >= 0 {
			out.Sites[i].Tier = r.tier
		}
	}
	out.Traffic = trafficOf(r.p, &out)
	return &out
}

// heldSelect says whether a block of base is the demand copy of a select buffer in
// the body whose parts are all pinned: it is read where they lie (game.md rule 13).
func (r *ring) heldSelect(b malloc.Block) bool {
	if b.Buf < 0 || b.Tier != r.tier || b.Start < r.begin || b.Start >= r.end || r.p.Buffers[b.Buf].Select == nil {
		return false
	}
	for _, of := range r.p.Buffers[b.Buf].Select.Of {
		if i := r.streamOf[of]; i < 0 || !r.pinned[i] || len(r.streams[i].body) == 0 {
			return false
		}
	}
	return true
}

// ordered is a copy and its index in the plan it came from, -1 for a new one.
type ordered struct {
	malloc.Copy
	was int
}

// orderCopies sorts copies into issue order: by start, those already awaited
// there first, kept copies before new ones, and renames After.
func orderCopies(list []ordered) []malloc.Copy {
	slices.SortStableFunc(list, func(a, b ordered) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Before, b.Before))
	})
	now := map[int]int{}
	for i, c := range list {
		if c.was >= 0 {
			now[c.was] = i
		}
	}
	out := make([]malloc.Copy, len(list))
	for i, c := range list {
		out[i] = c.Copy
		if c.After >= 0 {
			out[i].After = now[c.After]
		}
	}
	return out
}
