package pack

// place gives b its lowest place and lifts what shares time with it.
func (w *searcher) place(b int32) bool {
	in := w.in
	p := w.lb[b]
	w.placed[b] = true
	w.order = append(w.order, b)
	for _, s := range in.secOf[in.secAt[b]:in.secAt[b+1]] {
		open := w.list[in.memAt[s] : in.memAt[s]+w.sec[s].open]
		k := 0
		for open[k].item != b {
			k++
		}
		m := open[k]
		copy(open[k:], open[k+1:])
		open[len(open)-1] = m
		w.sec[s].open--
		w.sec[s].free--
		w.touch(s)
	}
	at := w.whyAt[int(b)*w.words:][:w.words]
	for k := in.adjAt[b]; k < in.adjAt[b+1]; k++ {
		z := in.adj[k]
		if w.placed[z] || in.pin[z] >= 0 {
			continue
		}
		base := in.next(z, p+in.up[k])
		if w.plug[z] == b && w.lb[z] > base {
			w.look(z)
		}
		if base <= w.base[z] {
			continue
		}
		w.save(z)
		w.base[z] = base
		if base <= w.lb[z] {
			continue
		}
		why := w.why[int(z)*w.words:][:w.words]
		if in.lb0[z]+in.dn[k] > p { // never could lie under b
			copy(why, at)
		} else {
			for i := range why {
				why[i] |= at[i]
			}
		}
		if !w.rise(z, base) {
			copy(w.clash, why)
			return false
		}
	}
	return true
}

// rise sets a lowest place, saved and explained before. It returns false when no
// room is left above.
func (w *searcher) rise(z, to int32) bool {
	in := w.in
	if in.pin[z] >= 0 || to > w.cap-in.size[z] {
		w.blame(z)
		return false
	}
	w.lb[z] = to
	for _, s := range in.secOf[in.secAt[z]:in.secAt[z+1]] {
		w.touch(s)
	}
	if to > w.base[z] {
		w.look(z)
	}
	if w.plugs[z] > 0 && w.off&RuleCascade == 0 {
		for _, y := range in.adj[in.adjAt[z]:in.adjAt[z+1]] {
			if w.plug[y] == z && !w.placed[y] && w.lb[y] > w.base[y] {
				w.look(y)
			}
		}
	}
	return true
}

// blame counts a failure of an item in its fullest section.
func (w *searcher) blame(z int32) {
	worst, most := int32(-1), int32(-1)
	for _, s := range w.in.secOf[w.in.secAt[z]:w.in.secAt[z+1]] {
		if w.in.total[s] > most {
			worst, most = s, w.in.total[s]
		}
	}
	if worst >= 0 {
		w.weight[worst]++
	}
}

func (w *searcher) look(z int32) {
	if !w.inRaised[z] {
		w.inRaised[z] = true
		w.raisedQ = append(w.raisedQ, z)
	}
}

// propagate draws conclusions until there are none. On a failure it returns false
// with the decisions it follows from in clash.
func (w *searcher) propagate() bool {
	for {
		if n := len(w.raisedQ); n > 0 {
			z := w.raisedQ[n-1]
			w.raisedQ = w.raisedQ[:n-1]
			w.inRaised[z] = false
			if !w.plugged(z) {
				return false
			}
			continue
		}
		if w.head == len(w.queue) {
			w.queue, w.head = w.queue[:0], 0
			return true
		}
		s := w.queue[w.head]
		w.head++
		w.inQueue[s] = false
		if !w.section(s) {
			w.weight[s]++
			return false
		}
	}
}

// plugged draws the conclusion of raised item y: some item without a place lies
// under it and reaches past the place it was raised from. It returns false when
// there is none.
func (w *searcher) plugged(y int32) bool {
	in := w.in
	if w.placed[y] || w.lb[y] <= w.base[y] {
		return true
	}
	from, lb := w.base[y], w.lb[y]
	best, plug := int32(2*maxUnits-1), int32(-1)
	for k := in.adjAt[y]; k < in.adjAt[y+1]; k++ {
		z := in.adj[k]
		if w.placed[z] || in.pin[z] >= 0 || w.lb[z] >= from+in.up[k] {
			continue
		}
		top := w.lb[z] + in.dn[k]
		if top <= lb {
			if w.plug[y] != z {
				w.save(y)
				w.setPlug(y, z)
			}
			return true
		}
		if top < best {
			best, plug = top, z
		}
	}
	w.save(y)
	why := w.why[int(y)*w.words:][:w.words]
	for k := in.adjAt[y]; k < in.adjAt[y+1]; k++ {
		z := in.adj[k]
		if in.pin[z] >= 0 || in.lb0[z] >= from+in.up[k] || in.lb0[z]+in.dn[k] >= best {
			continue
		}
		because := w.why[int(z)*w.words:][:w.words]
		if w.placed[z] {
			because = w.whyAt[int(z)*w.words:][:w.words]
		}
		for i := range why {
			why[i] |= because[i]
		}
	}
	if plug < 0 {
		w.blame(y)
		copy(w.clash, why)
		return false
	}
	w.setPlug(y, plug)
	if !w.rise(y, in.next(y, best)) {
		copy(w.clash, why)
		return false
	}
	return true
}

// measure sorts a section's open members by lowest place and notes what choose
// asks for. They were nearly sorted before.
func (w *searcher) measure(s int32) []member {
	at := w.in.memAt[s]
	open := w.list[at : at+w.sec[s].open]
	total := int32(0)
	for i := range open {
		m := open[i]
		m.key = w.lb[m.item] + m.lo
		total += m.size
		j := i
		for ; j > 0 && open[j-1].key > m.key; j-- {
			open[j] = open[j-1]
		}
		open[j] = m
	}
	w.sec[s].stale = false
	if len(open) == 0 {
		return open
	}
	first := open[0].key
	slack := w.cap - first - total
	w.sec[s].first, w.sec[s].slack = first, slack
	n := int32(0)
	for n < int32(len(open)) && open[n].key <= first+slack {
		n++
	}
	w.sec[s].rivals = n
	return open
}

// section treats the open members of a section as jobs of one machine, released
// at their lowest places: they must end by the capacity, and who starts so late
// that the others cannot all lie above it is not lowest.
func (w *searcher) section(s int32) bool {
	open := w.measure(s)
	if len(open) == 0 {
		return true
	}
	in := w.in
	if w.off&RuleOneMachine == 0 {
		x, chain := int32(0), 0
		for i := range open {
			if open[i].key > x {
				x, chain = open[i].key, i
			}
			if x += open[i].size; x > w.cap {
				w.explain(w.clash, open[chain:i+1])
				return false
			}
		}
	} else if w.sec[s].slack < 0 {
		w.explain(w.clash, open)
		return false
	}
	rivals := int(w.sec[s].rivals)
	if rivals == len(open) || w.off&RuleNotFirst != 0 {
		return true
	}
	end := int32(2*maxUnits - 1) // lowest end of a rival
	for _, m := range open[:rivals] {
		end = min(end, m.key+m.size)
	}
	explained := false
	for i := rivals; i < len(open); i++ {
		m := open[i]
		if m.key >= end {
			break
		}
		if !explained {
			w.explain(w.refute, open)
			explained = true
		}
		if in.pin[m.item] >= 0 {
			copy(w.clash, w.refute)
			return false
		}
		w.save(m.item)
		copy(w.why[int(m.item)*w.words:][:w.words], w.refute)
		if !w.rise(m.item, in.next(m.item, end-m.lo)) {
			copy(w.clash, w.refute)
			return false
		}
	}
	return true
}

// explain joins the decisions that the lowest places of members follow from.
func (w *searcher) explain(dst []uint64, ms []member) {
	clear(dst)
	for _, m := range ms {
		for i, x := range w.why[int(m.item)*w.words:][:w.words] {
			dst[i] |= x
		}
	}
}
