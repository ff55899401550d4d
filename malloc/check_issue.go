package malloc

import (
	"fmt"
	"slices"
)

// This file starts copies in the abstract run: what they read must be there and
// stay there, and what they bring is the newest version.

// source finds where a copy that does not start at home reads: the newest
// content of the value in the engine's tier.
func (k *checkRun) source(m *checkMemory, r int32, tier int) int32 {
	best := int32(-1)
	for _, s := range m.live[r] {
		if k.plan.Blocks[k.stays[s].block].Tier == tier && (best < 0 || k.stays[s].ver >= k.stays[best].ver) {
			best = s
		}
	}
	return best
}

// issueFill starts a copy into a block.
func (k *checkRun) issueFill(m *checkMemory, is issue) {
	c := &k.plan.Copies[is.copy]
	r := k.rep[c.Buf]
	from := k.p.Engines[c.Engine].From
	to := m.latest[c.Block]
	if to < 0 || !slices.Contains(m.live[r], to) {
		k.failCopy(CopyOutsideWindow, is.copy, "its block does not live when it starts", "start lies inside the block")
		return
	}
	dst := &k.stays[to]
	// A refused copy counts as one of the newest version, so that the touch it
	// serves is not refused for the same fault.
	dst.ver, dst.ready, dst.filled = m.version[r], is.before, int32(is.copy)
	if from == k.p.Buffers[c.Buf].Home {
		switch {
		case m.version[r] < 0:
			if !k.carried[r] || k.L > 0 && is.start < k.begin {
				k.failCopy(InvalidSource, is.copy, "nothing has written the buffer yet", "a version at home is expected")
			}
		case m.home[r] != m.version[r]:
			k.failCopy(InvalidSource, is.copy, "home holds an older version", "the newest version at home is expected: write it back first")
		case m.homeReady[r] > is.start:
			k.failCopy(InvalidSource, is.copy, fmt.Sprintf("the write-back copies[%d] is awaited later, by %d", m.homeBack[r], k.time(m.homeReady[r])), "a version at home is expected")
		}
		return
	}
	s := k.source(m, r, from)
	if s < 0 || k.stays[s].ver < 0 || k.stays[s].ver != m.version[r] {
		k.failCopy(InvalidSource, is.copy, fmt.Sprintf("tier %d holds no current version", from), "a block with the newest version is expected there")
		return
	}
	src := &k.stays[s]
	if src.ready >= is.start && src.filled >= 0 && int(src.filled) != c.After {
		k.failCopy(InvalidSource, is.copy, fmt.Sprintf("its source %s is filled by copies[%d], awaited at %d", k.blockText(src.block), src.filled, k.time(src.ready)), "it is awaited before, or named by after")
	}
	if src.end <= is.before && !k.continues(src, is.before) {
		k.failCopy(InvalidSource, is.copy, fmt.Sprintf("its source %s ends while it may still run", k.blockText(src.block)), fmt.Sprintf("the source lives beyond %d", k.time(is.before)))
	}
	src.busy = max(src.busy, is.before)
}

// continues reports whether the place of a stay goes on holding the value in
// another stay until after time at.
func (k *checkRun) continues(s *stay, at int) bool {
	b := &k.plan.Blocks[s.block]
	end := s.end
	for changed := true; changed && end <= at; {
		changed = false
		for _, o := range k.staysAt(b) {
			if t := &k.stays[o]; t.start <= end && t.end > end {
				end, changed = t.end, true
			}
		}
	}
	return end > at
}

// staysAt lists the stays of a block's value at its place.
func (k *checkRun) staysAt(b *Block) []int32 {
	if k.placeStays == nil {
		k.placeStays = make(map[checkPlace][]int32)
		for s := range k.stays {
			if o := &k.plan.Blocks[k.stays[s].block]; o.Buf != ScratchBuf {
				at := checkPlace{k.rep[o.Buf], o.Tier, o.Offset}
				k.placeStays[at] = append(k.placeStays[at], int32(s))
			}
		}
	}
	return k.placeStays[checkPlace{k.rep[b.Buf], b.Tier, b.Offset}]
}

type checkPlace struct {
	rep    int32
	tier   int
	offset int64
}

// issueWriteBack starts a copy that brings a version home, or its first hop.
func (k *checkRun) issueWriteBack(m *checkMemory, is issue) {
	c := &k.plan.Copies[is.copy]
	r := k.rep[c.Buf]
	from := k.p.Engines[c.Engine].From
	s := int32(-1)
	if k.intoBlock[is.copy] {
		s = k.source(m, r, from)
	} else {
		for _, o := range m.live[r] {
			if k.stays[o].block == c.Block && (s < 0 || k.stays[o].ver >= k.stays[s].ver) {
				s = o
			}
		}
	}
	if s < 0 || k.stays[s].ver < 0 {
		k.failCopy(CopyOutsideWindow, is.copy, "its source holds nothing when it starts", "a write-back starts after the write, inside its block")
		return
	}
	src := &k.stays[s]
	if src.ver != m.version[r] {
		k.failCopy(InvalidSource, is.copy, fmt.Sprintf("%s holds an older version", k.blockText(src.block)), "a write-back moves the newest version")
		return
	}
	if src.ready > is.start && (src.filled < 0 || int(src.filled) != c.After) {
		k.failCopy(InvalidSource, is.copy, fmt.Sprintf("%s is filled at %d", k.blockText(src.block), k.time(src.ready)), "its source is complete when it starts")
	}
	if m.dirty[r] == 0 {
		k.failCopy(CopyOutsideWindow, is.copy, "nothing was written since home was last valid", "a write-back starts after the write it brings home")
		return
	}
	want := min(upTo(m.dirty[r], k.p.Engines[c.Engine].IOAlign), k.copyBytes(c.Buf, c.Engine))
	if steady := k.steady[is.copy]; k.L > 0 && k.bodyCopy(is.copy) {
		if want > steady {
			k.failCopy(WrongByteCount, is.copy, fmt.Sprintf("%d bytes were written since home was last valid", want), fmt.Sprintf("an iteration moves %d: write back before the loop", steady))
		}
		want = steady
	}
	if c.Bytes != want {
		k.failCopy(WrongByteCount, is.copy, fmt.Sprintf("%d bytes", c.Bytes), fmt.Sprintf("%d were written since home was last valid, in units of %d", want, k.p.Engines[c.Engine].IOAlign))
	}
	src.busy = max(src.busy, is.before)
	if !k.toHome[is.copy] {
		to := m.latest[c.Block]
		if to < 0 || !slices.Contains(m.live[r], to) {
			k.failCopy(CopyOutsideWindow, is.copy, "its block does not live when it starts", "start lies inside the block")
			return
		}
		k.stays[to].ver, k.stays[to].ready, k.stays[to].filled = src.ver, is.before, int32(is.copy)
		return
	}
	if !k.homeLives(c.Buf, is.start, is.before) {
		k.failCopy(CopyOutsideWindow, is.copy, "the buffer's home block ends before it is awaited", "the home block lives as long as it writes there")
	}
	m.home[r], m.homeReady[r], m.homeBack[r] = src.ver, is.before, int32(is.copy)
	m.dirty[r] = 0
}

// homeLives reports whether a write-back over [start, before) finds the block
// of a limited home; one that is awaited as it starts may come as the block
// ends (a demand copy at the last touch).
func (k *checkRun) homeLives(buf, start, before int) bool {
	home := k.p.Buffers[buf].Home
	if !k.limited(home) {
		return true
	}
	if start == before {
		start--
	}
	for i := range k.homeStays[k.rep[buf]] {
		s := &k.stays[k.homeStays[k.rep[buf]][i]]
		if s.start <= start && start < s.end {
			start = s.end
		}
		if start >= before {
			return true
		}
	}
	return false
}
