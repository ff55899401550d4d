package malloc_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"strata/malloc"
)

// oracle executes a plan on real bytes, all iterations, with copies that finish
// at random moments between their issue and the wait for them, and compares
// every value an instruction finds with a run that has no memory limit. It is
// the proof that a plan the checker accepts is legal; it shares no code with the
// checker or the game.
type oracle struct {
	p    *malloc.Program
	plan *malloc.Plan
	r    *rand.Rand

	begin, end, L int
	sequence      []int // instruction of every step of the run
	base          int   // step at which the periodic body begins
	trip          int
	rep           []int
	memory        [][]uint64        // per tier: the value every byte belongs to
	home          map[int]uint64    // rep → value, for unlimited homes
	truth         map[int]uint64    // rep → value in the run without limits
	queues        [][]*transfer     // per engine, first in first out
	issued        map[int]*transfer // latest transfer of each copy
	count         uint64
	trouble       error

	moved []malloc.Traffic // per engine, counted copy by copy

	homeward []bool     // per copy
	when     [][][2]int // per block: spans
}

type transfer struct {
	copy   int
	from   place
	to     place
	after  *transfer
	done   bool
	before int
}

// place is bytes of a tier, or with tier -1 the unlimited home of a rep.
type place struct {
	tier   int
	offset int64
	bytes  int64
	rep    int
}

const garbage = ^uint64(0)

func hashOf(parts ...uint64) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		fmt.Fprintf(h, "%d,", p)
	}
	return h.Sum64()
}

// proveLegal returns why the plan does not compute what the program says.
func proveLegal(p *malloc.Program, plan *malloc.Plan, r *rand.Rand) error {
	o := &oracle{p: p, plan: plan, r: r, begin: len(p.Instructions), end: len(p.Instructions), trip: 1,
		home: map[int]uint64{}, truth: map[int]uint64{}, queues: make([][]*transfer, len(p.Engines)), issued: map[int]*transfer{}}
	o.rep = make([]int, len(p.Buffers))
	for i := range o.rep {
		o.rep[i] = i
	}
	if l := p.PeriodicLoop(); l != nil {
		o.begin, o.end, o.L, o.trip = l.Begin, l.End, l.End-l.Begin, int(l.Trip)
		for range l.Carried {
			for _, c := range l.Carried {
				m := min(o.rep[c[0]], o.rep[c[1]])
				o.rep[c[0]], o.rep[c[1]] = m, m
			}
		}
	}
	o.unroll(0, len(p.Instructions), -1)
	o.homeward = o.homewardCopies()
	for e := range p.Engines {
		o.moved = append(o.moved, malloc.Traffic{Engine: e})
	}
	for i := range plan.Blocks {
		o.when = append(o.when, o.spans(i))
	}
	if err := o.disjoint(); err != nil {
		return err
	}
	for _, t := range p.Tiers {
		size := int64(0)
		if t.Capacity != malloc.Unlimited {
			size = t.Capacity
		} else {
			for i, b := range plan.Blocks {
				if p.Tiers[b.Tier].ID == t.ID {
					size = max(size, b.Offset+o.size(i))
				}
			}
		}
		o.memory = append(o.memory, make([]uint64, size))
	}
	for i := range p.Buffers {
		if b := &p.Buffers[i]; b.Kind == malloc.KindParam {
			v := hashOf(1, uint64(i))
			o.truth[o.rep[i]] = v
			if at, ok := o.homeOf(i, 0); ok {
				o.put(at, v)
			}
		}
	}
	for at := range o.sequence {
		o.step(at)
	}
	o.step(len(o.sequence))
	for i := range p.Buffers {
		if p.Buffers[i].End != malloc.EndOut || o.trouble != nil {
			continue
		}
		if at, ok := o.homeOf(i, len(o.sequence)-1); !ok || o.get(at) != o.truth[o.rep[i]] {
			return fmt.Errorf("buffer %d is out and home does not hold its value at the end", i)
		}
	}
	if o.trouble != nil {
		return o.trouble
	}
	for _, t := range plan.Traffic {
		if o.moved[t.Engine] != t {
			return fmt.Errorf("traffic %+v, counted %+v", t, o.moved[t.Engine])
		}
		o.moved[t.Engine] = malloc.Traffic{Engine: t.Engine}
	}
	for _, m := range o.moved {
		if m.Bytes != 0 {
			return fmt.Errorf("traffic has no entry for %+v", m)
		}
	}
	return nil
}

func (o *oracle) body(t int) bool { return o.begin <= t && t < o.end }

// unroll writes the whole run down, loops repeated.
func (o *oracle) unroll(lo, hi int, inside int) {
	for t := lo; t < hi; {
		outer := -1
		for i, l := range o.p.Loops {
			if i != inside && l.Begin == t && l.End <= hi && (outer < 0 || l.End > o.p.Loops[outer].End) {
				outer = i
			}
		}
		if outer < 0 {
			o.sequence = append(o.sequence, t)
			t++
			continue
		}
		l := o.p.Loops[outer]
		if l.Periodic {
			o.base = len(o.sequence)
		}
		for range l.Trip {
			o.unroll(l.Begin, l.End, outer)
		}
		t = l.End
	}
}

// spans lists when block i holds its place, in steps of the run.
func (o *oracle) spans(i int) [][2]int {
	b := o.plan.Blocks[i]
	var s [][2]int
	if o.body(b.Start) {
		last := o.base + o.trip*o.L
		for k := -1; k < o.trip; k++ {
			lo, hi := max(o.base+b.Start-o.begin+k*o.L, o.base), min(o.base+b.End-o.begin+k*o.L, last)
			if lo < hi {
				s = append(s, [2]int{lo, hi})
			}
		}
		return s
	}
	for at := 0; at < len(o.sequence); at++ {
		if o.sequence[at] != b.Start {
			continue
		}
		from := at
		for at++; at < len(o.sequence) && b.Start < o.sequence[at] && o.sequence[at] < b.End; at++ {
		}
		s = append(s, [2]int{from, at})
		at--
	}
	return s
}

func (o *oracle) alive(i, at int) bool {
	return slices.ContainsFunc(o.when[i], func(s [2]int) bool { return s[0] <= at && at < s[1] })
}

func (o *oracle) size(i int) int64 {
	b := o.plan.Blocks[i]
	unit := o.p.Tiers[b.Tier].Align
	if b.Buf < 0 {
		need := o.p.Instructions[b.Start].Scratch[fmt.Sprint(b.Tier)]
		return (need + unit - 1) / unit * unit
	}
	f := o.p.Buffers[b.Buf]
	io := int64(1)
	for _, e := range o.p.Engines {
		if e.From == f.Home || e.To == f.Home {
			io = max(io, e.IOAlign)
		}
	}
	size := f.Size
	if f.HomeOffset != nil {
		size = (*f.HomeOffset+size+io-1)/io*io - *f.HomeOffset/io*io
	}
	unit = max(unit, io)
	return (size + unit - 1) / unit * unit
}

// disjoint compares all pairs of blocks over the whole run.
func (o *oracle) disjoint() error {
	class := map[int]int{}
	for c, a := range o.p.Aliases {
		for _, b := range a.Buffers {
			if a.Kind == "must" {
				class[o.rep[b]] = c + 1
			}
		}
	}
	for i, a := range o.plan.Blocks {
		if t := o.p.Tiers[a.Tier]; a.Offset < 0 || t.Capacity != malloc.Unlimited && a.Offset+o.size(i) > t.Capacity || a.Offset%t.Align != 0 {
			return fmt.Errorf("block %d at %d does not fit its tier", i, a.Offset)
		}
		for j, b := range o.plan.Blocks[:i] {
			if a.Tier != b.Tier || a.Offset >= b.Offset+o.size(j) || b.Offset >= a.Offset+o.size(i) {
				continue
			}
			mates := a.Buf >= 0 && b.Buf >= 0 && a.Buf != b.Buf && (o.rep[a.Buf] == o.rep[b.Buf] || class[o.rep[a.Buf]] > 0 && class[o.rep[a.Buf]] == class[o.rep[b.Buf]])
			if mates && a.Offset == b.Offset {
				continue
			}
			for _, s := range o.when[i] {
				for _, u := range o.when[j] {
					if s[0] < u[1] && u[0] < s[1] {
						return fmt.Errorf("blocks %d and %d meet", i, j)
					}
				}
			}
		}
	}
	return nil
}

func (o *oracle) blockPlace(i int) place {
	b := o.plan.Blocks[i]
	return place{b.Tier, b.Offset, o.size(i), -1}
}

// blockOf finds the block of buf in tier that lives at a time.
func (o *oracle) blockOf(buf, tier, at int) (place, bool) {
	for i, b := range o.plan.Blocks {
		if b.Buf >= 0 && o.rep[b.Buf] == o.rep[buf] && b.Tier == tier && o.alive(i, at) {
			return o.blockPlace(i), true
		}
	}
	return place{}, false
}

// homeOf is where buf lies at home: a limited home has a block.
func (o *oracle) homeOf(buf, at int) (place, bool) {
	tier := o.p.Buffers[buf].Home
	if o.p.Tiers[tier].Capacity == malloc.Unlimited {
		return place{tier: -1, rep: o.rep[buf]}, true
	}
	return o.blockOf(buf, tier, at)
}

func (o *oracle) put(at place, v uint64) {
	if at.tier < 0 {
		o.home[at.rep] = v
		return
	}
	for b := at.offset; b < at.offset+at.bytes; b++ {
		o.memory[at.tier][b] = v
	}
}

func (o *oracle) get(at place) uint64 {
	if at.tier < 0 {
		return o.home[at.rep]
	}
	if at.bytes == 0 {
		return 0
	}
	v := o.memory[at.tier][at.offset]
	for b := at.offset; b < at.offset+at.bytes; b++ {
		if o.memory[at.tier][b] != v {
			return garbage
		}
	}
	return v
}

// homewardCopies marks write-backs and their first hops.
func (o *oracle) homewardCopies() []bool {
	list := make([]bool, len(o.plan.Copies))
	for n := 0; n < 2; n++ {
		for i, c := range o.plan.Copies {
			home := o.p.Buffers[c.Buf].Home
			list[i] = list[i] || o.p.Engines[c.Engine].To == home
			if a := c.After; list[i] && a >= 0 && o.p.Engines[o.plan.Copies[a].Engine].From != home {
				list[a] = true
			}
		}
	}
	return list
}

// step does what belongs to one step of the run; the last is its end.
func (o *oracle) step(at int) {
	if o.trouble != nil {
		return
	}
	if o.L > 0 && at == o.base {
		for i := range o.p.Buffers { // a first selection is known
			if s := o.p.Buffers[i].Select; s != nil && o.body(s.After) {
				o.selectAnew(i)
			}
		}
	}
	for _, back := range []bool{true, false} {
		for i := range o.plan.Copies {
			if o.homeward[i] == back {
				o.maybeIssue(i, at)
			}
		}
		o.progress()
		for _, q := range o.queues {
			for _, x := range slices.Clone(q) {
				if o.homeward[x.copy] == back && x.before <= at {
					o.finish(x)
				}
			}
		}
	}
	if at < len(o.sequence) {
		o.run(o.sequence[at], at)
	}
	o.progress()
}

// maybeIssue issues copy i at a step of the run, when it is due. A write-back
// is due after the instruction before its start.
func (o *oracle) maybeIssue(i, at int) {
	c := o.plan.Copies[i]
	back := o.homeward[i]
	last := o.base + o.trip*o.L
	if inBody := !c.Once && o.L > 0 && (back && o.begin < c.Start && c.Start <= o.end || !back && o.body(c.Start)); inBody {
		for it := range o.trip {
			start, before := o.base+c.Start-o.begin+it*o.L, o.base+c.Before-o.begin+it*o.L
			if start != at || it == o.trip-1 && !back && c.Before >= o.end {
				continue
			}
			o.issue(i, at, min(before, max(last, start)))
		}
		return
	}
	due := at < len(o.sequence) && o.sequence[at] == c.Start && (!c.Once || at == slices.Index(o.sequence, c.Start))
	if back {
		due = at > 0 && o.sequence[at-1] == c.Start-1
	}
	if !due {
		return
	}
	before := at + c.Before - c.Start // no window crosses an end of a loop
	o.issue(i, at, before)
}

func (o *oracle) issue(i, at, before int) {
	c := o.plan.Copies[i]
	e := o.p.Engines[c.Engine]
	x := &transfer{copy: i, before: before}
	home := o.p.Buffers[c.Buf].Home
	ok := true
	if o.plan.Blocks[c.Block].Tier == e.To {
		x.to = o.blockPlace(c.Block)
		if e.From == home {
			x.from, ok = o.homeOf(c.Buf, at)
		} else if x.from, ok = o.blockOf(c.Buf, e.From, at); !ok && o.homeward[i] {
			x.from, ok = o.blockOf(c.Buf, e.From, at-1) // issued as its block ends
		}
	} else {
		x.from = o.blockPlace(c.Block)
		if x.to, ok = o.homeOf(c.Buf, at); !ok && before == at {
			x.to, ok = o.homeOf(c.Buf, at-1) // done as its home block ends
		}
	}
	if !ok {
		o.trouble = fmt.Errorf("copy %d at %d finds no source or destination", i, at)
		return
	}
	if c.After >= 0 {
		x.after = o.issued[c.After]
	}
	o.issued[i] = x
	o.moved[c.Engine].Bytes += c.Bytes
	o.moved[c.Engine].Requests++
	if e.RequestBytes > 0 {
		o.moved[c.Engine].Requests += (c.Bytes+e.RequestBytes-1)/e.RequestBytes - 1
	}
	if x.to != x.from {
		o.put(x.to, garbage)
	}
	o.queues[c.Engine] = append(o.queues[c.Engine], x)
}

// progress lets every engine finish some of its queue.
func (o *oracle) progress() {
	for e := range o.queues {
		for len(o.queues[e]) > 0 && o.r.IntN(2) == 0 {
			o.finish(o.queues[e][0])
		}
	}
}

// finish completes a transfer, its predecessors and what it must follow.
func (o *oracle) finish(x *transfer) {
	if x.done {
		return
	}
	e := o.plan.Copies[x.copy].Engine
	for len(o.queues[e]) > 0 && o.queues[e][0] != x {
		o.finish(o.queues[e][0])
	}
	if x.after != nil {
		o.finish(x.after)
	}
	x.done = true
	o.queues[e] = o.queues[e][1:]
	o.put(x.to, o.get(x.from))
}

func (o *oracle) selectAnew(buf int) {
	o.count++
	v := hashOf(2, uint64(buf), o.count)
	o.truth[o.rep[buf]] = v
	o.home[o.rep[buf]] = v
}

func (o *oracle) run(t, at int) {
	in := &o.p.Instructions[t]
	for i, b := range o.plan.Blocks {
		if b.Buf == malloc.ScratchBuf && o.alive(i, at) {
			o.put(o.blockPlace(i), garbage-1)
		}
	}
	site := map[string]int{}
	for _, s := range o.plan.Sites {
		if s.Instr == t {
			site[s.Arg] = s.Tier
		}
	}
	find := func(arg string, buf int) (place, bool) {
		if site[arg] == o.p.Buffers[buf].Home {
			return o.homeOf(buf, at)
		}
		return o.blockOf(buf, site[arg], at)
	}
	written := map[int]bool{}
	isFresh := func(buf int) bool { // the first write of the list defines
		if o.p.Buffers[buf].Kind == malloc.KindParam || written[buf] {
			return false
		}
		for u := range t {
			if slices.ContainsFunc(o.p.Instructions[u].Writes, func(w malloc.Operand) bool { return w.Buf == buf }) {
				return false
			}
		}
		return true
	}
	expect := func(arg string, buf int) {
		from, ok := find(arg, buf)
		if s := o.p.Buffers[buf].Select; !ok && s != nil {
			for _, of := range s.Of {
				if part, ok := o.blockOf(of, site[arg], at); !ok || o.get(part) != o.truth[o.rep[of]] {
					o.trouble = fmt.Errorf("instruction %d step %d: %s selects from buffer %d, which is not there", t, at, arg, of)
				}
			}
			return
		}
		if want, known := o.truth[o.rep[buf]]; known && (!ok || o.get(from) != want) {
			o.trouble = fmt.Errorf("instruction %d step %d: %s finds another value of buffer %d", t, at, arg, buf)
		}
	}
	for j, x := range in.Reads {
		expect(fmt.Sprintf("r%d", j), x.Buf)
	}
	for j, x := range in.Writes {
		arg := fmt.Sprintf("w%d", j)
		if !isFresh(x.Buf) {
			expect(arg, x.Buf)
		}
		written[x.Buf] = true
		to, ok := find(arg, x.Buf)
		if !ok {
			o.trouble = fmt.Errorf("instruction %d step %d: %s has no place for buffer %d", t, at, arg, x.Buf)
			return
		}
		v := hashOf(3, uint64(at), uint64(j), uint64(x.Buf))
		o.truth[o.rep[x.Buf]] = v
		o.put(to, v)
	}
	for i := range o.p.Buffers {
		if s := o.p.Buffers[i].Select; s != nil && s.After == t {
			o.selectAnew(i)
		}
	}
}
