package planner

// instructionClock estimates how long each instruction takes where its operands
// lie, and how much of the home tier's bandwidth copies find free meanwhile. It only
// says where copies should begin; what a plan takes the simulator says.
type instructionClock struct {
	computeS, fastS       []float64
	homeReadS, homeWriteS []float64
	inS, outS             []float64 // booked by copies in and write-backs
}

func (c *instructionClock) reset(s *residenceSpec) {
	n := len(s.p.Instructions)
	c.computeS = s.computeS
	for _, a := range []*[]float64{&c.fastS, &c.homeReadS, &c.homeWriteS, &c.inS, &c.outS} {
		*a = make([]float64, n)
	}
	home := s.access[s.home]
	for b := range s.touches {
		for _, x := range s.touches[b] {
			c.homeReadS[x.instr] += float64(x.readBytes) / home.ReadBW
			c.homeWriteS[x.instr] += float64(x.writeBytes) / home.WriteBW
		}
	}
}

// move accounts a touch to fast memory (way 1) or back home (way -1).
func (c *instructionClock) move(s *residenceSpec, x *residenceTouch, way float64) {
	home, fast := s.access[s.home], s.access[s.fast]
	c.homeReadS[x.instr] -= way * float64(x.readBytes) / home.ReadBW
	c.homeWriteS[x.instr] -= way * float64(x.writeBytes) / home.WriteBW
	c.fastS[x.instr] += way * (float64(x.readBytes)/fast.ReadBW + float64(x.writeBytes)/fast.WriteBW)
}

func (c *instructionClock) runS(t int32) float64 {
	return max(c.computeS[t], c.fastS[t]+c.homeReadS[t]+c.homeWriteS[t])
}

// freeInS is what a copy in finds free during t, freeOutS a write-back.
func (c *instructionClock) freeInS(t int32) float64 {
	return max(0, c.runS(t)-c.homeReadS[t]-c.inS[t])
}

func (c *instructionClock) freeOutS(t int32) float64 {
	return max(0, c.runS(t)-c.homeWriteS[t]-c.outS[t])
}

// setSite notes where the simulator has a touch.
func (w *residenceWalk) setSite(b int32, k int, fast bool) {
	if w.site[b][k] == fast {
		return
	}
	w.site[b][k] = fast
	way := -1.0
	if fast {
		way = 1
	}
	w.clock.move(w.s, &w.s.touches[b][k], way)
}

// book spreads (way 1) or takes back (way -1) the copies of a buffer evenly over
// their windows.
func (w *residenceWalk) book(b int32, way float64) {
	spread := func(list []float64, from, to int32, seconds float64) {
		if to <= from {
			return
		}
		each := way * seconds / float64(to-from)
		for t := from; t < to; t++ {
			list[t] += each
		}
	}
	l := &w.lives[b]
	for i := range l.stays {
		if x := &l.stays[i]; x.before >= 0 {
			spread(w.clock.inS, x.start, x.before, w.copyS(b))
		}
	}
	if l.back >= 0 {
		spread(w.clock.outS, l.backStart, l.back, w.backS(b))
	}
}

// copyS and backS are the seconds of a copy in and of a write-back.
func (w *residenceWalk) copyS(b int32) float64 {
	e := &w.s.p.Engines[w.s.in]
	return float64(w.s.filled[b])/e.BW + e.LatencyS
}

func (w *residenceWalk) backS(b int32) float64 {
	e := &w.s.p.Engines[w.s.out]
	return float64(w.s.written[b])/e.BW + e.LatencyS
}
