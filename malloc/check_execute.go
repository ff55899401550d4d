package malloc

import (
	"fmt"
	"slices"
)

// checkMemory is the state of the abstract run: which version of every value
// lies where. A value is a buffer, or the buffers of carried pairs, named by its
// rep.
type checkMemory struct {
	version   []int32 // newest version; -1: not written yet
	home      []int32 // version at home; -1 none
	homeReady []int   // from when it is there
	homeBack  []int32 // write-back that brings it, -1 none
	dirty     []int64 // bytes written in fast memory since home was last valid
	dirtyAt   []int64 // dirty when the last iteration began
	written   []bool  // some instruction has run that wrote it
	live      [][]int32
	latest    []int32 // per block: its stay that began last
	ended     [][]int32
}

// issue is one copy of one iteration on the unrolled axis.
type issue struct {
	copy          int
	start, before int
	iteration     int
}

// execute runs the plan abstractly: at each instruction write-backs are issued
// and awaited, then the other copies, then the instruction reads and writes.
// Every operand must find the newest version where its site says.
func (k *checkRun) execute() {
	n := len(k.p.Buffers)
	k.readAt = make([]int, n)
	m := &checkMemory{
		version: make([]int32, n), home: make([]int32, n), homeReady: make([]int, n), homeBack: make([]int32, n), dirty: make([]int64, n), dirtyAt: make([]int64, n),
		written: make([]bool, n), live: make([][]int32, n), latest: make([]int32, len(k.plan.Blocks)), ended: make([][]int32, n),
	}
	for i := range m.version {
		m.version[i], m.home[i], m.homeBack[i] = -1, -1, -1
	}
	for i := range m.latest {
		m.latest[i] = -1
	}
	for i := range k.p.Buffers {
		if r := k.rep[i]; k.p.Buffers[i].Kind == KindParam {
			m.version[r], m.home[r] = 0, 0
		}
	}
	backs, fills := k.issues()
	starts, ends := k.stayEvents()
	for at := 0; at <= k.N; at++ {
		if k.L > 0 && at == k.begin {
			k.learnSelections(m)
		}
		if k.L > 0 && k.K > 1 && at == k.begin+(k.K-1)*k.L {
			copy(m.dirtyAt, m.dirty)
		}
		if k.L > 0 && at == k.end+(k.K-1)*k.L && k.trip > int64(k.K) {
			k.addSkipped(m)
		}
		for ; len(starts) > 0 && k.stays[starts[0]].start == at; starts = starts[1:] {
			k.beginStay(m, starts[0])
		}
		for ; len(backs) > 0 && backs[0].start == at; backs = backs[1:] {
			k.issueWriteBack(m, backs[0])
		}
		if k.L > 0 && at == k.begin {
			k.checkEntersClean(m)
		}
		k.checkRepeats(m, at)
		for ; len(ends) > 0 && k.stays[ends[0]].end == at; ends = ends[1:] {
			k.endStay(m, ends[0])
		}
		for ; len(fills) > 0 && fills[0].start == at; fills = fills[1:] {
			k.issueFill(m, fills[0])
		}
		if at < k.N {
			k.runInstruction(m, at)
		}
	}
	for i := range k.p.Buffers {
		if k.p.Buffers[i].End != EndOut {
			continue
		}
		r := k.rep[i]
		if m.version[r] < 0 || m.home[r] != m.version[r] || m.homeReady[r] > k.N {
			k.fail(Violation{Code: MissingWriteBack, Buf: i, Instr: -1, Block: -1, Copy: -1, Start: k.T, End: k.T, Found: "home holds an older version at the end", Expected: "an out buffer is valid at home",
				Message: fmt.Sprintf("%s: it is %q, but its home tier %d does not hold the newest version at the end: write it back", k.bufferText(i), EndOut, k.p.Buffers[i].Home)})
		}
	}
}

// time maps a point of the unrolled axis to the schedule.
func (k *checkRun) time(at int) int {
	switch last := k.end + (k.K-1)*k.L; {
	case k.L == 0 || at < k.begin:
		return at
	case at >= last:
		return at - (k.K-1)*k.L
	}
	return k.begin + (at-k.begin)%k.L
}

// stayEvents returns the stays of fast blocks by start and by end. Home blocks
// take part in no copy of their own: home versions are tracked apart.
func (k *checkRun) stayEvents() (starts, ends []int32) {
	starts = make([]int32, 0, len(k.stays))
	for s := range k.stays {
		b := &k.plan.Blocks[k.stays[s].block]
		if b.Buf != ScratchBuf && b.Tier != k.p.Buffers[b.Buf].Home {
			starts = append(starts, int32(s))
		}
	}
	ends = slices.Clone(starts)
	slices.SortStableFunc(starts, func(a, b int32) int { return k.stays[a].start - k.stays[b].start })
	slices.SortStableFunc(ends, func(a, b int32) int { return k.stays[a].end - k.stays[b].end })
	return starts, ends
}

// issues lays all copies out on the unrolled axis, in issue order.
func (k *checkRun) issues() (backs, fills []issue) {
	last := k.end + (k.K-1)*k.L
	for i := range k.plan.Copies {
		c := &k.plan.Copies[i]
		to := &fills
		if k.writeBack[i] {
			to = &backs
		}
		switch {
		case c.Once || k.L == 0 || c.Start < k.begin || !k.bodyCopy(i):
			start, before := c.Start, c.Before
			if start >= k.end && k.L > 0 && !c.Once {
				start, before = k.unrolled(start), k.unrolled(before)
			}
			*to = append(*to, issue{i, start, before, 0})
		default:
			for it := range k.K {
				start, before := c.Start+it*k.L, c.Before+it*k.L
				if it == k.K-1 {
					if !k.writeBack[i] && c.Before >= k.end {
						break
					}
					before = min(before, last)
				}
				*to = append(*to, issue{i, start, before, it})
			}
		}
	}
	for _, list := range [][]issue{backs, fills} {
		slices.SortStableFunc(list, func(a, b issue) int {
			if d := a.start - b.start; d != 0 {
				return d
			}
			return a.copy - b.copy
		})
	}
	return backs, fills
}

// learnSelections: what the first iteration selects is known from the body's
// begin on.
func (k *checkRun) learnSelections(m *checkMemory) {
	for _, b := range k.inSelect {
		r := k.rep[b]
		m.version[r]++
		m.home[r] = m.version[r]
	}
}

// checkEntersClean: a value that the body writes back every time comes in clean
// (rule 4).
func (k *checkRun) checkEntersClean(m *checkMemory) {
	for r, carried := range k.carrying {
		if !carried || m.version[r] < 0 || m.home[r] == m.version[r] || k.freshInBody(int32(r)) {
			continue
		}
		k.fail(Violation{Code: MissingWriteBack, Buf: r, Instr: k.begin, Block: -1, Copy: -1, Start: k.begin, End: k.begin, Found: "its newest version is only in fast memory", Expected: "written back before the loop",
			Message: fmt.Sprintf("%s: the body writes it back, but at the loop's begin %d its newest version is only in fast memory: write it back before", k.bufferText(r), k.begin)})
	}
}

// freshInBody reports whether the body's first touch of a value defines it anew.
func (k *checkRun) freshInBody(r int32) bool {
	for t := k.begin; t < k.end; t++ {
		in := &k.p.Instructions[t]
		for _, o := range in.Reads {
			if k.rep[o.Buf] == r {
				return false
			}
		}
		for _, o := range in.Writes {
			if k.rep[o.Buf] == r {
				return int(k.def[o.Buf]) == t
			}
		}
	}
	return true
}

// addSkipped adds what the iterations that are not unrolled leave dirty.
func (k *checkRun) addSkipped(m *checkMemory) {
	for r := range m.dirty {
		if grown := m.dirty[r] - m.dirtyAt[r]; grown > 0 {
			if size := k.p.Buffers[r].Size; k.trip-int64(k.K) > size/grown {
				m.dirty[r] = max(m.dirty[r], size)
			} else {
				m.dirty[r] += grown * (k.trip - int64(k.K))
			}
		}
	}
}

// beginStay makes a block live. Where a block of the same value ends here, at
// the same place, or shares it, the content stays.
func (k *checkRun) beginStay(m *checkMemory, s int32) {
	st := &k.stays[s]
	b := &k.plan.Blocks[st.block]
	r := k.rep[b.Buf]
	for _, o := range m.live[r] {
		other := &k.stays[o]
		ob := &k.plan.Blocks[other.block]
		if ob.Tier == b.Tier && ob.Offset == b.Offset && other.ver > st.ver {
			st.ver, st.ready, st.busy, st.filled = other.ver, other.ready, other.busy, other.filled
		}
	}
	m.live[r] = append(m.live[r], s)
	m.latest[st.block] = s
}

func (k *checkRun) endStay(m *checkMemory, s int32) {
	r := k.rep[k.plan.Blocks[k.stays[s].block].Buf]
	if i := slices.Index(m.live[r], s); i >= 0 {
		m.live[r] = slices.Delete(m.live[r], i, i+1)
	}
	m.ended[r] = append(m.ended[r], s)
	if n := len(m.ended[r]); n > 8 {
		m.ended[r] = append(m.ended[r][:0], m.ended[r][n-4:]...)
	}
}

// runInstruction lets the instruction at a point of the axis read and write.
func (k *checkRun) runInstruction(m *checkMemory, at int) {
	t := k.time(at)
	in := &k.p.Instructions[t]
	base := int(k.argBase[t])
	for j, o := range in.Reads {
		k.readAt[o.Buf] = at + 1
		k.read(m, at, t, j, o.Buf, int(k.site[base+j]))
	}
	base += len(in.Reads)
	for j, o := range in.Writes {
		k.write(m, at, t, len(in.Reads)+j, o, int(k.site[base+j]))
	}
	for _, b := range k.afterAt[t] {
		r := k.rep[b]
		m.version[r]++
		m.home[r], m.homeReady[r] = m.version[r], at
	}
}

// read checks that operand j finds the newest version in tier.
func (k *checkRun) read(m *checkMemory, at, t, j, buf, tier int) {
	r := k.rep[buf]
	home := k.p.Buffers[buf].Home
	if m.version[r] < 0 {
		if !k.carried[r] {
			k.failTouch(UseBeforeDefinition, t, j, "nothing has written the buffer yet", "its definition precedes")
		}
		return
	}
	if tier == home {
		switch {
		case m.home[r] != m.version[r]:
			k.failTouch(MissingWriteBack, t, j, "home holds an older version", "a version written in fast memory is written back before home is touched")
		case m.homeReady[r] > at:
			k.failTouch(LateWriteBack, t, j, fmt.Sprintf("copies[%d] brings the version home by %d", m.homeBack[r], k.time(m.homeReady[r])), fmt.Sprintf("it is needed by %d", t))
		}
		return
	}
	s := k.source(m, r, tier)
	if s < 0 {
		if k.p.Buffers[buf].Select != nil && k.selectedResident(m, at, buf, tier) {
			return
		}
		k.noBlock(m, at, t, j, buf, tier)
		return
	}
	st := &k.stays[s]
	switch {
	case st.ver < 0:
		k.emptyBlock(t, j, st)
	case st.ver != m.version[r]:
		code := StaleVersion
		if k.p.Buffers[buf].Select != nil {
			code = SelectTooEarly
		}
		k.failTouch(code, t, j, fmt.Sprintf("%s holds an older version", k.blockText(st.block)), "the newest version is expected there")
	case st.ready > at:
		k.failTouch(CopyTooLate, t, j, fmt.Sprintf("copies[%d] into %s is awaited at %d", st.filled, k.blockText(st.block), k.time(st.ready)), fmt.Sprintf("it is needed by %d", t))
	}
}

// selectedResident: all buffers a select is a part of lie complete in the tier.
func (k *checkRun) selectedResident(m *checkMemory, at, buf, tier int) bool {
	for _, o := range k.p.Buffers[buf].Select.Of {
		s := k.source(m, k.rep[o], tier)
		if s < 0 || k.stays[s].ver != m.version[k.rep[o]] || k.stays[s].ready > at {
			return false
		}
	}
	return true
}

// noBlock says why a tier holds no block of a buffer that is touched there.
func (k *checkRun) noBlock(m *checkMemory, at, t, j, buf, tier int) {
	r := k.rep[buf]
	if k.full() {
		k.report.More++
		return
	}
	for i := len(m.ended[r]) - 1; i >= 0; i-- {
		st := &k.stays[m.ended[r][i]]
		if k.plan.Blocks[st.block].Tier == tier && (st.ver == m.version[r] || st.ver < 0) && at-st.end < max(k.L, 1)+k.T {
			k.failTouch(UseAfterDeath, t, j, fmt.Sprintf("%s ended at %d", k.blockText(st.block), k.time(st.end)), "a block that lives at the touch is expected")
			return
		}
	}
	for i := range k.plan.Blocks {
		if b := &k.plan.Blocks[i]; b.Buf != ScratchBuf && k.rep[b.Buf] == r && b.Tier == tier && b.Start > t {
			k.failTouch(UseBeforeDefinition, t, j, fmt.Sprintf("%s begins later", k.blockText(i)), "a block that lives at the touch is expected")
			return
		}
	}
	for _, s := range m.live[r] {
		k.failTouch(WrongTier, t, j, fmt.Sprintf("its site is tier %d, the buffer lies in %s", tier, k.blockText(k.stays[s].block)), "the tier of a block that lives at the touch is expected")
		return
	}
	k.failTouch(WrongTier, t, j, fmt.Sprintf("its site is tier %d, where the buffer has no block", tier), fmt.Sprintf("a block there, or its home tier %d, is expected", k.p.Buffers[buf].Home))
}

// emptyBlock says why a block that is read holds nothing.
func (k *checkRun) emptyBlock(t, j int, st *stay) {
	b := &k.plan.Blocks[st.block]
	if k.full() {
		k.report.More++
		return
	}
	handOver := k.inBody(b.Start) && st.start == k.begin
	if f := k.fillOf[st.block]; f >= 0 && !(handOver && b.Start != k.begin) {
		k.failTouch(CopyTooLate, t, j, fmt.Sprintf("copies[%d] fills %s later", f, k.blockText(st.block)), "it is awaited by the touch")
		return
	}
	for i := range k.plan.Blocks {
		o := &k.plan.Blocks[i]
		if o.Buf == ScratchBuf || k.rep[o.Buf] != k.rep[b.Buf] || o.Tier != b.Tier || o.Offset == b.Offset {
			continue
		}
		afterLoop := k.L > 0 && b.Start == k.end && k.inBody(o.Start) && o.End >= k.end
		if o.End == b.Start && !handOver || handOver && o.End == k.begin || afterLoop {
			k.failTouch(MovedBlock, t, j, fmt.Sprintf("%s continues %s", k.blockText(st.block), k.blockText(i)), "the offset stays the same")
			return
		}
	}
	if handOver {
		k.failTouch(MissingCopy, t, j, fmt.Sprintf("nothing hands %s over to the first iteration", k.blockText(st.block)), "a once copy, or a straight block that ends at the loop's begin at its offset, is expected")
		return
	}
	k.failTouch(MissingCopy, t, j, fmt.Sprintf("nothing fills %s", k.blockText(st.block)), "a copy, a definition, or a block it continues is expected")
}

// write lets operand j write: the first write of a buffer defines it, a later
// one needs the old content where it writes (rule 1).
func (k *checkRun) write(m *checkMemory, at, t, j int, o Operand, tier int) {
	r := k.rep[o.Buf]
	fresh := int(k.def[o.Buf]) == t && !k.writtenBefore(t, j-len(k.p.Instructions[t].Reads))
	if !fresh && k.readAt[o.Buf] != at+1 {
		k.read(m, at, t, j, o.Buf, tier)
	}
	if tier == k.p.Buffers[o.Buf].Home {
		if m.homeReady[r] > at {
			k.failTouch(SourceOverwritten, t, j, fmt.Sprintf("copies[%d] still writes an older version there until %d", m.homeBack[r], k.time(m.homeReady[r])), "awaited before home is written")
		}
		m.version[r]++
		m.home[r], m.homeReady[r] = m.version[r], at
		m.dirty[r] = 0
		return
	}
	s := int32(-1)
	for _, l := range m.live[r] {
		b := &k.plan.Blocks[k.stays[l].block]
		if b.Tier == tier && (s < 0 || b.Buf == o.Buf) {
			s = l
		}
	}
	if s < 0 {
		if fresh {
			k.noBlock(m, at, t, j, o.Buf, tier)
		}
		m.version[r]++
		m.dirty[r] += o.Bytes
		return
	}
	st := &k.stays[s]
	if st.busy > at {
		k.failTouch(SourceOverwritten, t, j, fmt.Sprintf("a copy still reads %s until %d", k.blockText(st.block), k.time(st.busy)), "awaited before the block is written")
	}
	if fresh && st.ready > at {
		k.failTouch(SourceOverwritten, t, j, fmt.Sprintf("copies[%d] still fills %s until %d", st.filled, k.blockText(st.block), k.time(st.ready)), "awaited before the block is written")
	}
	m.version[r]++
	if fresh {
		m.dirty[r] = 0
	}
	m.dirty[r] += o.Bytes
	place := k.plan.Blocks[st.block]
	for _, l := range m.live[r] {
		if b := &k.plan.Blocks[k.stays[l].block]; b.Tier == place.Tier && b.Offset == place.Offset {
			k.stays[l].ver, k.stays[l].ready, k.stays[l].filled = m.version[r], at, -1
		}
	}
}
