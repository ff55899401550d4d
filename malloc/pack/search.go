package pack

// searcher looks for offsets of one instance by branching on a locally lowest
// item b with lowest place p: either it lies at p, or above, "raised". Raised
// means that some item without a place will lie under it, for an answer in which
// no item can sink and nothing else changes exists whenever any answer does.
//
// Every lowest place carries the set of decisions it follows from, so that a
// failure names the decisions that matter and the search returns to the latest
// of them.
type searcher struct {
	in  *instance
	off Rules
	cap int32 // units all items must end by

	lb     []int32 // lowest place left to an item, its offset once placed
	base   []int32 // lowest place above what is placed
	placed []bool
	plug   []int32 // an item that may lie under a raised one, -1 none
	plugs  []int32 // raised items an item is the plug of, at most
	rank   []int32 // smaller is chosen first

	words  int      // of a set of decisions
	why    []uint64 // per item: decisions lb follows from
	whyAt  []uint64 // per item: decisions its offset follows from
	clash  []uint64 // of the last failure
	refute []uint64
	depth  int // decisions taken

	list   []member // per section: those without an offset first
	sec    []sectionState
	weight []int32 // failures seen in a section

	queue    []int32 // sections whose members rose, from head on
	head     int
	inQueue  []bool
	raisedQ  []int32 // raised items to look at
	inRaised []bool

	trail    []saved
	trailWhy []uint64
	order    []int32 // placed items
	frames   []frame
	stamp    []int32 // per item: frame that saved it
	now      int32

	nodes, failures int64
}

// sectionState is what is known of a section.
type sectionState struct {
	open   int32 // members without an offset
	free   int32 // those of them without a pin
	first  int32 // lowest place of a member
	rivals int32 // members that may be lowest
	slack  int32 // capacity left above first when all are stacked
	stale  bool  // first, rivals and slack are of another state
}

type saved struct{ item, lb, base, plug, stamp int32 }

// frame is an open decision: item b at its lowest place.
type frame struct {
	item         int32
	trail, order int32
	now          int32
}

func newSearcher(in *instance, off Rules) *searcher {
	n, ns := in.n, len(in.total)
	w := &searcher{in: in, off: off, words: min((n+63)/64, 16),
		lb: make([]int32, n), base: make([]int32, n), placed: make([]bool, n), plug: make([]int32, n), plugs: make([]int32, n), rank: make([]int32, n),
		list: make([]member, len(in.members)), sec: make([]sectionState, ns), weight: make([]int32, ns),
		queue: make([]int32, 0, ns), inQueue: make([]bool, ns), raisedQ: make([]int32, 0, n), inRaised: make([]bool, n),
		order: make([]int32, 0, n), stamp: make([]int32, n)}
	w.why, w.whyAt = make([]uint64, n*w.words), make([]uint64, n*w.words)
	w.clash, w.refute = make([]uint64, w.words), make([]uint64, w.words)
	return w
}

// reset returns to the root, for a search under a capacity.
func (w *searcher) reset(capacity int32) {
	in := w.in
	w.cap = capacity
	copy(w.lb, in.lb0)
	copy(w.base, in.lb0)
	copy(w.list, in.members)
	clear(w.placed)
	clear(w.plugs)
	clear(w.why)
	clear(w.whyAt)
	clear(w.inQueue)
	clear(w.inRaised)
	clear(w.stamp)
	w.queue, w.raisedQ, w.trail, w.trailWhy, w.order, w.frames = w.queue[:0], w.raisedQ[:0], w.trail[:0], w.trailWhy[:0], w.order[:0], w.frames[:0]
	w.head, w.depth, w.now, w.nodes, w.failures = 0, 0, 1, 0, 0
	for b := range w.plug {
		w.plug[b] = -1
	}
	for s := range w.sec {
		w.sec[s].open = in.memAt[s+1] - in.memAt[s]
		w.sec[s].free = 0
		for _, m := range in.members[in.memAt[s]:in.memAt[s+1]] {
			if in.pin[m.item] < 0 {
				w.sec[s].free++
			}
		}
		w.touch(int32(s))
	}
}

// outcome of a search.
type outcome uint8

const (
	cut    outcome = iota // a limit ended it
	found                 // lb holds the offsets
	proved                // there is no answer
)

// run searches until an answer, the end, or the given number of failures or
// nodes. stop is asked now and then.
func (w *searcher) run(score Score, failures, nodes int64, stop func() bool) outcome {
	for b := int32(0); b < int32(w.in.n); b++ {
		if w.lb[b] > w.cap-w.in.size[b] {
			return proved
		}
	}
	ok := !w.in.pinsClash(w.cap) && w.propagate()
	if !ok {
		return proved
	}
	for {
		if !ok {
			w.failures++
			if !w.backtrack() {
				return proved
			}
			if w.failures >= failures {
				return cut
			}
			ok = w.propagate()
			continue
		}
		if w.nodes&63 == 63 && stop() {
			return cut
		}
		b, step := w.choose(score)
		switch step {
		case done:
			return found
		case stuck:
			ok = false
		case again:
			ok = w.propagate()
		case forced:
			w.nodes++
			w.whyForced(b)
			ok = w.place(b) && w.propagate()
		case decide:
			if w.nodes++; w.nodes > nodes {
				return cut
			}
			w.frames = append(w.frames, frame{b, int32(len(w.trail)), int32(len(w.order)), w.now})
			w.now = int32(len(w.frames)) + 1
			// a frame's number may be used again: what was saved under it then is gone
			at := w.whyAt[int(b)*w.words:][:w.words]
			clear(at)
			at[w.bit()] |= 1 << (w.depth & 63)
			w.depth++
			ok = w.place(b) && w.propagate()
		}
	}
}

// bit is the word of the current depth's decision; decisions beyond the set's
// size share its last word's bits.
func (w *searcher) bit() int { return min(w.depth/64, w.words-1) }

// backtrack leaves decisions the failure does not follow from, and turns the
// latest of the others round. It returns false when none is left.
func (w *searcher) backtrack() bool {
	for w.depth > 0 {
		f := w.frames[len(w.frames)-1]
		w.frames = w.frames[:len(w.frames)-1]
		w.undo(f)
		w.depth--
		word, mask := w.bit(), uint64(1)<<(w.depth&63)
		if w.clash[word]&mask == 0 && w.off&RuleBackjump == 0 {
			continue
		}
		if w.depth < 64*w.words {
			w.clash[word] &^= mask
		}
		if w.off&RuleBackjump != 0 {
			for d := 0; d < w.depth; d++ {
				w.clash[min(d/64, w.words-1)] |= 1 << (d & 63)
			}
		}
		b := f.item
		copy(w.refute, w.clash)
		w.save(b)
		own := w.why[int(b)*w.words:][:w.words]
		for i := range own {
			own[i] |= w.refute[i]
		}
		if !w.rise(b, w.in.next(b, w.lb[b]+1)) {
			// the failure is b's: its bounds leave no room
			copy(w.clash, own)
			continue
		}
		return true
	}
	return false
}

func (w *searcher) undo(f frame) {
	for len(w.order) > int(f.order) {
		b := w.order[len(w.order)-1]
		w.order = w.order[:len(w.order)-1]
		w.placed[b] = false
		for _, s := range w.in.secOf[w.in.secAt[b]:w.in.secAt[b+1]] {
			w.sec[s].open++
			w.sec[s].free++
			w.sec[s].stale = true
		}
	}
	for len(w.trail) > int(f.trail) {
		t := w.trail[len(w.trail)-1]
		w.trail = w.trail[:len(w.trail)-1]
		b := t.item
		if w.lb[b] != t.lb {
			for _, s := range w.in.secOf[w.in.secAt[b]:w.in.secAt[b+1]] {
				w.sec[s].stale = true
			}
		}
		w.lb[b], w.base[b], w.stamp[b] = t.lb, t.base, t.stamp
		w.setPlug(b, t.plug)
		copy(w.why[int(b)*w.words:][:w.words], w.trailWhy[len(w.trailWhy)-w.words:])
		w.trailWhy = w.trailWhy[:len(w.trailWhy)-w.words]
	}
	for _, s := range w.queue[w.head:] {
		w.inQueue[s] = false
	}
	w.head = 0
	for _, b := range w.raisedQ {
		w.inRaised[b] = false
	}
	w.queue, w.raisedQ = w.queue[:0], w.raisedQ[:0]
	w.now = f.now
}

// save notes an item's state once a decision.
func (w *searcher) save(b int32) {
	if w.stamp[b] == w.now {
		return
	}
	w.trail = append(w.trail, saved{b, w.lb[b], w.base[b], w.plug[b], w.stamp[b]})
	w.trailWhy = append(w.trailWhy, w.why[int(b)*w.words:][:w.words]...)
	w.stamp[b] = w.now
}

func (w *searcher) setPlug(b, z int32) {
	if old := w.plug[b]; old >= 0 {
		w.plugs[old]--
	}
	if w.plug[b] = z; z >= 0 {
		w.plugs[z]++
	}
}

func (w *searcher) touch(s int32) {
	if !w.inQueue[s] {
		w.inQueue[s] = true
		w.queue = append(w.queue, s)
	}
	w.sec[s].stale = true
}
