package planner

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"

	"strata/malloc"
	"strata/simulate"
)

// residenceWalk holds a plan of a straight program as the lives of its buffers:
// blocks with offsets and the windows of copies, nothing else. Buffers are taken
// out and put in again one by one at what room is left, and the change is
// simulated from where it begins until the queues are as they were
// (simulate.Incremental): tens of times quicker than a game.
type residenceWalk struct {
	a    *attempt
	s    *residenceSpec
	sim  *simulate.Incremental
	room memoryMap

	lives   []life // the present plan
	backup  []life // of the buffers in changed, before the proposal
	changed []int32
	taken   []bool
	site    [][]bool // per buffer and touch: fast, as the simulator has it

	clock instructionClock

	kept  []life // the best plan since it was last taken
	added int    // copies added since the simulator was loaded
	err   error
}

// mostAdded bounds the copies that the simulator carries along after they are gone.
const mostAdded = 4000

func newResidenceWalk(a *attempt, s *residenceSpec) *residenceWalk {
	n := len(s.p.Buffers)
	w := &residenceWalk{a: a, s: s, lives: make([]life, n), taken: make([]bool, n), site: make([][]bool, n)}
	for b := range w.site {
		w.site[b] = make([]bool, len(s.touches[b]))
	}
	return w
}

func (w *residenceWalk) operators() []string {
	return []string{"residence window", "residence tensors", "residence pressure", "residence neighbours", "residence copies", "residence stall"}
}

// adopt reads the lives off a plan.
func (w *residenceWalk) adopt(plan *malloc.Plan) *malloc.Plan {
	s := w.s
	for b := range w.lives {
		w.lives[b] = life{back: -1}
	}
	lifeOf := make([][2]int32, len(plan.Blocks))
	order := make([]int, 0, len(plan.Blocks))
	for i := range plan.Blocks {
		lifeOf[i] = [2]int32{-1, -1}
		if b := &plan.Blocks[i]; b.Buf >= 0 && b.Tier == s.fast {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(plan.Blocks[x].Start, plan.Blocks[y].Start) })
	for _, i := range order {
		b := &plan.Blocks[i]
		l := &w.lives[b.Buf]
		lifeOf[i] = [2]int32{int32(b.Buf), int32(len(l.stays))}
		l.stays = append(l.stays, residence{first: -1, last: -1, start: int32(b.Start), before: -1, end: int32(b.End), offset: b.Offset, copy: -1})
	}
	for i := range plan.Copies {
		c := &plan.Copies[i]
		at := lifeOf[c.Block]
		if at[0] < 0 {
			return nil
		}
		if l := &w.lives[at[0]]; c.Engine == s.in {
			l.stays[at[1]].before, l.stays[at[1]].copy = int32(c.Before), int32(i)
		} else {
			l.backStart, l.back, l.backCopy = int32(c.Start), int32(c.Before), int32(i)
		}
	}
	for _, b := range s.choices {
		l := &w.lives[b]
		for i := range l.stays {
			x := &l.stays[i]
			from := max(x.start, x.before)
			for k := range s.touches[b] {
				if t := s.touches[b][k].instr; t >= from && t < x.end {
					if x.first < 0 {
						x.first = int32(k)
					}
					x.last = int32(k)
				}
			}
			if x.first < 0 && l.back < 0 {
				return nil
			}
		}
	}
	w.changed = w.changed[:0]
	if w.load() != nil {
		return nil
	}
	w.keep()
	return w.plan(w.lives)
}

// load gives the simulator the present lives.
func (w *residenceWalk) load() error {
	s := w.s
	w.room = memoryMap{capacity: s.capacity, unit: s.unit}
	for _, b := range s.scratch {
		if b.Tier == s.fast {
			z := s.p.Instructions[b.Start].Scratch[strconv.Itoa(s.fast)]
			w.room.add(tenancy{b.Offset, b.Offset + z, int32(b.Start), int32(b.End), -1})
		}
	}
	plan := w.plan(w.lives)
	w.clock.reset(s)
	var ids []*int32
	for _, b := range s.choices {
		l := &w.lives[b]
		l.stays = slices.Clone(l.stays)
		clear(w.site[b])
		w.book(b, 1)
		for i := range l.stays {
			x := &l.stays[i]
			w.room.add(tenancy{x.offset, x.offset + s.bytes[b], x.start, x.end, b})
			if x.before >= 0 {
				ids = append(ids, &x.copy)
			}
			for k := x.first; k >= 0 && k <= x.last; k++ {
				w.setSite(b, int(k), true)
			}
		}
		if l.back >= 0 {
			ids = append(ids, &l.backCopy)
		}
	}
	slices.SortFunc(ids, func(x, y *int32) int { return cmp.Compare(*x, *y) })
	for i, id := range ids {
		*id = int32(i)
	}
	w.added = 0
	if w.sim != nil {
		return w.sim.Load(s.p, plan)
	}
	var err error
	w.sim, err = simulate.NewIncremental(s.p, plan, false)
	return err
}

// plan writes lives down as a plan, copies in the simulator's order: of those that
// start together the first is issued first.
func (w *residenceWalk) plan(lives []life) *malloc.Plan {
	s := w.s
	out := &malloc.Plan{Format: malloc.PlanFormat, Blocks: slices.Clone(s.scratch), Copies: []malloc.Copy{}}
	fast := map[[2]int32]bool{}
	var ids []int32
	for _, b := range s.choices {
		l := &lives[b]
		for i := range l.stays {
			x := &l.stays[i]
			out.Blocks = append(out.Blocks, malloc.Block{Buf: int(b), Tier: s.fast, Start: int(x.start), End: int(x.end), Offset: x.offset})
			at := len(out.Blocks) - 1
			if x.before >= 0 {
				out.Copies = append(out.Copies, malloc.Copy{Buf: int(b), Block: at, Engine: s.in, Start: int(x.start), Before: int(x.before), Bytes: s.filled[b], After: -1})
				ids = append(ids, x.copy)
			}
			for k := x.first; k >= 0 && k <= x.last; k++ {
				for _, o := range s.touches[b][k].operands {
					fast[[2]int32{s.touches[b][k].instr, o}] = true
				}
			}
		}
		if l.back >= 0 {
			at := len(out.Blocks) - len(l.stays) // the definition's
			out.Copies = append(out.Copies, malloc.Copy{Buf: int(b), Block: at, Engine: s.out, Start: int(l.backStart), Before: int(l.back), Bytes: s.written[b], After: -1})
			ids = append(ids, l.backCopy)
		}
	}
	sorted := make([]int, len(ids))
	for i := range sorted {
		sorted[i] = i
	}
	slices.SortFunc(sorted, func(x, y int) int { return cmp.Compare(ids[x], ids[y]) })
	copies := make([]malloc.Copy, len(ids))
	for k, i := range sorted {
		copies[k] = out.Copies[i]
	}
	out.Copies = copies
	for t := range s.p.Instructions {
		in := &s.p.Instructions[t]
		for k := range len(in.Reads) + len(in.Writes) {
			tier := s.home
			if fast[[2]int32{int32(t), int32(k)}] {
				tier = s.fast
			}
			out.Sites = append(out.Sites, malloc.Site{Instr: t, Arg: operandArg(k, len(in.Reads)), Tier: tier})
		}
	}
	out.Traffic = trafficOf(s.p, out)
	return out
}

// keep notes the present plan as the one to take.
func (w *residenceWalk) keep() { w.kept = append(w.kept[:0], w.lives...) }

// take is the plan noted by keep.
func (w *residenceWalk) take() *malloc.Plan { return w.plan(w.kept) }

// propose is not how a residenceWalk goes: an island lets it try.
func (w *residenceWalk) propose(int, *rand.Rand) *malloc.Plan { return nil }

// try changes the plan and returns its time.
func (w *residenceWalk) try(op int, rng *rand.Rand) (float64, bool) {
	for _, b := range w.changed {
		w.taken[b] = false
	}
	w.changed, w.backup = w.changed[:0], w.backup[:0]
	if w.added > mostAdded {
		if w.err = w.load(); w.err != nil {
			return 0, false
		}
	}
	if w.destroy(op, rng); len(w.changed) == 0 {
		return 0, false
	}
	w.rank(rng)
	for _, b := range w.changed {
		w.backup = append(w.backup, w.lives[b])
		w.room.drop(b)
	}
	for i, b := range w.changed {
		w.book(b, -1)
		w.insert(b, rng)
		w.book(b, 1)
		if w.err = w.apply(b, &w.backup[i]); w.err != nil {
			return 0, false
		}
	}
	score, err := w.sim.Score()
	if w.err = err; err != nil {
		return 0, false
	}
	return score.TotalS, true
}

// settle ends a try.
func (w *residenceWalk) settle(accepted bool) {
	if accepted {
		w.sim.Commit()
		return
	}
	if len(w.backup) == 0 {
		return
	}
	w.sim.Undo()
	for _, b := range w.changed {
		w.room.drop(b)
	}
	for i, b := range w.changed {
		w.book(b, -1)
		w.lives[b] = w.backup[i]
		w.book(b, 1)
		for k := range w.site[b] {
			w.setSite(b, k, false)
		}
		for _, x := range w.lives[b].stays {
			w.room.add(tenancy{x.offset, x.offset + w.s.bytes[b], x.start, x.end, b})
			for k := x.first; k >= 0 && k <= x.last; k++ {
				w.setSite(b, int(k), true)
			}
		}
	}
}

// apply tells the simulator what became of a buffer.
func (w *residenceWalk) apply(b int32, was *life) error {
	s := w.s
	l := &w.lives[b]
	for _, x := range was.stays {
		if x.before >= 0 {
			if err := w.sim.RemoveCopy(int(x.copy)); err != nil {
				return err
			}
		}
	}
	if was.back >= 0 {
		if err := w.sim.RemoveCopy(int(was.backCopy)); err != nil {
			return err
		}
	}
	for k := range s.touches[b] {
		fast := slices.ContainsFunc(l.stays, func(x residence) bool { return x.first >= 0 && int(x.first) <= k && k <= int(x.last) })
		if fast == w.site[b][k] {
			continue
		}
		w.setSite(b, k, fast)
		tier := s.home
		if fast {
			tier = s.fast
		}
		for _, o := range s.touches[b][k].operands {
			if err := w.sim.SetSite(int(s.touches[b][k].instr), int(o), tier); err != nil {
				return err
			}
		}
	}
	for i := range l.stays {
		if x := &l.stays[i]; x.before >= 0 {
			id, err := w.sim.AddCopy(malloc.Copy{Buf: int(b), Engine: s.in, Start: int(x.start), Before: int(x.before), Bytes: s.filled[b], After: -1})
			if err != nil {
				return err
			}
			x.copy = int32(id)
			w.added++
		}
	}
	if l.back >= 0 {
		id, err := w.sim.AddCopy(malloc.Copy{Buf: int(b), Engine: s.out, Start: int(l.backStart), Before: int(l.back), Bytes: s.written[b], After: -1})
		if err != nil {
			return err
		}
		l.backCopy = int32(id)
		w.added++
	}
	return nil
}

func operandArg(k, reads int) string {
	if k < reads {
		return argName('r', k)
	}
	return argName('w', k-reads)
}
