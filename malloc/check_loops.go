package malloc

import "fmt"

// checkRepeats checks the loops that are not periodic. The abstract run goes
// through such a loop once; that is a proof for every iteration when the loop
// leaves behind what it relied on: at its end, whatever its touches found from
// before it is in place again.
func (k *checkRun) checkRepeats(m *checkMemory, at int) {
	for _, i := range k.plainEnds[at] {
		k.checkRepeat(m, &k.p.Loops[i])
	}
}

func (k *checkRun) checkRepeat(m *checkMemory, l *Loop) {
	written := make(map[int32]bool)
	end := k.unrolled(l.End-1) + 1
	for t := l.Begin; t < l.End; t++ {
		in := &k.p.Instructions[t]
		for j := range len(in.Reads) + len(in.Writes) {
			buf := operandBuffer(in, j)
			write := j >= len(in.Reads)
			fresh := write && int(k.def[buf]) == t
			k.repeatTouch(m, l, t, j, buf, end, fresh || written[k.rep[buf]])
			if write {
				written[k.rep[buf]] = true
			}
		}
	}
	for i := range k.plan.Copies {
		c := &k.plan.Copies[i]
		at := c.Start
		if k.writeBack[i] {
			at-- // it belongs to the instruction that wrote
		}
		inside := l.Begin <= at && at < l.End
		if inside && c.Before > l.End || at < l.Begin && c.Before > l.Begin {
			k.failCopy(CopyOutsideWindow, i, fmt.Sprintf("it crosses an end of the loop [%d, %d)", l.Begin, l.End), "a loop starts and ends with empty queues")
		}
	}
}

// repeatTouch: the next iteration finds the block this touch used, and, unless
// the iteration itself has written the value before, its content.
func (k *checkRun) repeatTouch(m *checkMemory, l *Loop, t, j, buf, end int, written bool) {
	r := k.rep[buf]
	tier := int(k.site[int(k.argBase[t])+j])
	atHome := func() {
		if !written && (m.home[r] != m.version[r] || m.homeReady[r] > end) {
			k.failTouch(MissingWriteBack, t, j, fmt.Sprintf("at the end of the loop [%d, %d) home holds an older version", l.Begin, l.End), "the next iteration finds there what the first found")
		}
	}
	if tier == k.p.Buffers[buf].Home {
		atHome()
		return
	}
	at := k.unrolled(t)
	for _, s := range k.staysByRep()[r] {
		st := &k.stays[s]
		b := &k.plan.Blocks[st.block]
		if b.Tier != tier || st.start > at || st.end <= at {
			continue
		}
		switch {
		case b.Start >= l.Begin:
			if written {
				break
			}
			if f := k.filledInside(l, s); f < 0 {
				k.failTouch(MissingCopy, t, j, fmt.Sprintf("%s continues a block from before the loop [%d, %d)", k.blockText(st.block), l.Begin, l.End), "every iteration fills the blocks that start in it")
			} else if k.p.Engines[k.plan.Copies[f].Engine].From == k.p.Buffers[buf].Home {
				atHome()
			}
		case b.End < l.End:
			k.failTouch(UseAfterDeath, t, j, fmt.Sprintf("%s ends inside the loop [%d, %d)", k.blockText(st.block), l.Begin, l.End), "what enters a loop stays until its end")
		case !written && st.ver != m.version[r]:
			k.failTouch(StaleVersion, t, j, fmt.Sprintf("at the end of the loop [%d, %d) %s holds an older version", l.Begin, l.End, k.blockText(st.block)), "the next iteration finds there what the first found")
		}
		return
	}
}

// filledInside returns the copy in a loop that fills a stay which starts in it,
// or the stays it continues; -1: none does.
func (k *checkRun) filledInside(l *Loop, s int32) int32 {
	for {
		st := &k.stays[s]
		b := &k.plan.Blocks[st.block]
		if f := k.fillOf[st.block]; f >= 0 && k.plan.Copies[f].Start >= l.Begin {
			return f
		}
		s = -1
		for _, o := range k.staysAt(b) {
			if k.stays[o].end == st.start && k.plan.Blocks[k.stays[o].block].Start >= l.Begin {
				s = o
			}
		}
		if s < 0 {
			return -1
		}
	}
}

// staysByRep lists the stays of every value.
func (k *checkRun) staysByRep() [][]int32 {
	if k.repStays == nil {
		k.repStays = make([][]int32, len(k.p.Buffers))
		for s := range k.stays {
			if b := &k.plan.Blocks[k.stays[s].block]; b.Buf != ScratchBuf {
				k.repStays[k.rep[b.Buf]] = append(k.repStays[k.rep[b.Buf]], int32(s))
			}
		}
	}
	return k.repStays
}
