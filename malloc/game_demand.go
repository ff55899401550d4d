package malloc

// place is where one instruction's scratch or demand copy lies, for that
// instruction only.
type place struct {
	touch   int32 // -1: scratch
	tier    int32
	off     int64
	bytes   int64
	between bool // the middle of a demand copy in two hops
}

// floats places what lives for one instruction: scratch, then demand copies in
// operand order, anew each time (rule 7).
type floats struct {
	gaps   [][]gap // per tier, loaded when loaded[tier] == stamp
	loaded []int
	stamp  int
	places []place
}

func (f *floats) init(bd *board) {
	f.gaps = make([][]gap, bd.nt)
	f.loaded = make([]int, bd.nt)
}

// demandTier is the tier of touch i's demand copy when it counts as DROP: -1
// when the instruction's executor reaches its home, -2 when there is none.
func (g *Game) demandTier(i int32) int32 {
	t := g.bd.touches[i].instr
	x := g.st.exec[t]
	if x < 0 {
		x = 0
	}
	return g.demand[int(i)*g.maxRuns+int(x)]
}

// findDemand computes demandTier for touch i on executor x.
func (b *board) findDemand(i int32, x int) int32 {
	tc := &b.touches[i]
	home := b.p.Buffers[tc.buf].Home
	reach := func(t int) bool {
		return (!tc.read || b.readBW[x*b.nt+t] > 0) && (!tc.write || b.writeBW[x*b.nt+t] > 0)
	}
	if tc.pin < 0 && reach(home) || int(tc.pin) == home {
		if reach(home) {
			return -1
		}
		return -2
	}
	best, bestBW := int32(-2), 0.0
	for t := 0; t < b.nt; t++ {
		if t == home || !reach(t) || tc.pin >= 0 && int(tc.pin) != t {
			continue
		}
		bw := 0.0
		if tc.read || !tc.def {
			h := b.path[home*b.nt+t]
			if h.first < 0 {
				continue
			}
			bw = b.p.Engines[h.first].BW
			if h.second >= 0 {
				bw = min(bw, b.p.Engines[h.second].BW)
			}
		}
		if tc.write {
			h := b.path[t*b.nt+home]
			if h.first < 0 || h.second >= 0 {
				continue
			}
			if !tc.read && tc.def {
				bw = b.p.Engines[h.first].BW
			}
		}
		if bw > bestBW {
			best, bestBW = int32(t), bw
		}
	}
	return best
}

// needsOld reports whether touch i needs the buffer's content from before: it
// reads it, or writes a part of it.
func (tc *touch) needsOld() bool { return tc.read || !tc.def }

// demandFits places instruction t's scratch and demand copies; false: one found
// no place, which is then the last of g.floats.places with off -1. The places
// stay valid until the next call.
func (g *Game) demandFits(t int) bool {
	bd, f := g.bd, &g.floats
	f.stamp++
	f.places = f.places[:0]
	put := func(touch int32, tier int32, z, align int64, between bool) bool {
		if f.loaded[tier] != f.stamp {
			f.loaded[tier] = f.stamp
			f.gaps[tier] = append(f.gaps[tier][:0], g.st.spaces[tier].gaps[t]...)
		}
		sp := &g.st.spaces[tier]
		off := sp.choose(f.gaps[tier], z, align, g.opt.FirstFit)
		f.places = append(f.places, place{touch, tier, off, z, between})
		if off < 0 {
			return false
		}
		gs := f.gaps[tier]
		for i := range gs {
			if gs[i].lo <= off && gs[i].hi >= off+z {
				a := gs[i]
				gs[i].lo = off + z
				if a.lo < off { // alignment left a gap below
					gs = append(gs, gap{})
					copy(gs[i+1:], gs[i:])
					gs[i] = gap{a.lo, off}
				}
				break
			}
		}
		f.gaps[tier] = gs
		return true
	}
	for _, s := range bd.scratch[bd.scratchFirst[t]:bd.scratchFirst[t+1]] {
		if !put(-1, s.tier, s.bytes, max(bd.p.Tiers[s.tier].Align, 1), false) {
			return false
		}
	}
	for _, i := range g.askers[g.askFrom[t]:g.askFrom[t+1]] {
		if g.st.kind[i] > dropTouch {
			continue
		}
		tc := &bd.touches[i]
		d := g.demandTier(i)
		promised := int32(-1)
		if g.st.kind[i] == undecidedTouch {
			promised = g.st.blockOf[i]
		}
		if promised >= 0 {
			d = g.st.blocks[promised].tier
		}
		if d == -1 {
			continue
		}
		if d < 0 {
			f.places = append(f.places, place{i, -1, -1, 0, false})
			return false
		}
		z, align := bd.size[int(tc.buf)*bd.nt+int(d)], bd.align[int(tc.buf)*bd.nt+int(d)]
		if promised < 0 {
			if g.ownAt(tc.buf, d, t, -1) {
				f.places = append(f.places, place{i, d, -1, z, false})
				return false
			}
			shared := false
			if c := bd.class[tc.buf]; c >= 0 {
				if g.classAt(tc.buf, d, t) {
					f.places = append(f.places, place{i, d, g.st.classOff[int(c)*bd.nt+int(d)], z, false})
					shared = true
				}
				for _, p := range f.places {
					if !shared && p.touch >= 0 && !p.between && p.tier == d && bd.class[bd.touches[p.touch].buf] == c {
						f.places = append(f.places, place{i, d, p.off, z, false})
						shared = true
					}
				}
			}
			if !shared && !put(i, d, z, align, false) {
				return false
			}
		}
		if h := bd.path[bd.p.Buffers[tc.buf].Home*bd.nt+int(d)]; h.second >= 0 && tc.needsOld() {
			if g.ownAt(tc.buf, int32(h.via), t, -1) || !put(i, int32(h.via), bd.size[int(tc.buf)*bd.nt+h.via], bd.align[int(tc.buf)*bd.nt+h.via], true) {
				return false
			}
		}
	}
	return true
}

// demandHolds reports whether what lives at instruction t alone finds a place.
// Where it all fits into the largest gap it does, whatever the others are.
func (g *Game) demandHolds(t int) bool {
	bd := g.bd
	var need holdNeed
	if len(bd.members) > 0 || bd.nt > len(need) || !g.addDemand(t, &need) {
		return g.demandFits(t)
	}
	for tier, n := range need[:bd.nt] {
		if n == 0 {
			continue
		}
		big := int64(0)
		for _, a := range g.st.spaces[tier].gaps[t] {
			big = max(big, a.hi-a.lo)
		}
		if n > big {
			return g.demandFits(t)
		}
	}
	return true
}

// addDemand adds, per tier, what instruction t's scratch and demand copies, with
// the blocks between, take at most. false: one of them has no place.
func (g *Game) addDemand(t int, need *holdNeed) bool {
	bd := g.bd
	for _, s := range bd.scratch[bd.scratchFirst[t]:bd.scratchFirst[t+1]] {
		need[s.tier] += s.bytes + bd.p.Tiers[s.tier].Align
	}
	for _, i := range g.askers[g.askFrom[t]:g.askFrom[t+1]] {
		if g.st.kind[i] > dropTouch {
			continue
		}
		tc := &bd.touches[i]
		b := tc.buf
		d := int32(-1)
		if g.st.kind[i] == undecidedTouch && g.st.blockOf[i] >= 0 { // promised
			d = g.st.blocks[g.st.blockOf[i]].tier
		} else {
			if d = g.demandTier(i); d == -1 {
				continue
			}
			if d < 0 || g.ownAt(b, d, t, -1) {
				return false
			}
			need[d] += bd.size[int(b)*bd.nt+int(d)] + bd.align[int(b)*bd.nt+int(d)]
		}
		if h := bd.path[bd.p.Buffers[b].Home*bd.nt+int(d)]; h.second >= 0 && tc.needsOld() {
			if g.ownAt(b, int32(h.via), t, -1) {
				return false
			}
			need[h.via] += bd.size[int(b)*bd.nt+h.via] + bd.align[int(b)*bd.nt+h.via]
		}
	}
	return true
}

// dirtyFits checks the demand places of every instruction whose free memory
// changed since dirty was emptied, and empties it.
func (g *Game) dirtyFits() bool {
	ok := true
	g.checkStamp++
	for _, r := range g.dirty {
		for t := r.s; t < r.e && ok; t++ {
			if g.checked[t] != g.checkStamp {
				g.checked[t] = g.checkStamp
				ok = g.demandHolds(t)
			}
		}
	}
	g.dirty = g.dirty[:0]
	return ok
}
