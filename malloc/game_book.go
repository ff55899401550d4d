package malloc

func (g *Game) setCopy(i int32, c gcopy) {
	g.st.oldCopies = append(g.st.oldCopies, g.st.copies[i])
	g.note(trailEntry{op: trCopySet, i: i})
	g.st.copies[i] = c
}

func (g *Game) newCopy(c gcopy) int32 {
	g.note(trailEntry{op: trCopyNew, a: int64(len(g.st.bookings))})
	g.st.copies = append(g.st.copies, c)
	return int32(len(g.st.copies) - 1)
}

func (g *Game) useRoom(slot int32, p int64) {
	if p == 0 {
		return
	}
	g.note(trailEntry{op: trRoom, i: slot, a: -p})
	g.st.room[slot] -= p
}

func (g *Game) setBack(i, c int32) {
	g.note(trailEntry{op: trBack, i: i, j: g.st.backOf[i]})
	g.st.backOf[i] = c
}

// bookBack books picos on engine e before time t, from t-1 back to s.
func (g *Game) bookBack(c int32, e int, s, t int, body bool, p int64) {
	cp := g.st.copies[c]
	cp.bookLo = int32(len(g.st.bookings))
	for u := t - 1; u >= s && p > 0; u-- {
		p -= g.bookAt(e, u, body, p)
	}
	cp.bookHi = int32(len(g.st.bookings))
	g.setCopy(c, cp)
}

// bookForward books picos on engine e from s on, before t.
func (g *Game) bookForward(c int32, e int, s, t int, body bool, p int64) {
	cp := g.st.copies[c]
	cp.bookLo = int32(len(g.st.bookings))
	for u := s; u < t && p > 0; u++ {
		p -= g.bookAt(e, u, body, p)
	}
	cp.bookHi = int32(len(g.st.bookings))
	g.setCopy(c, cp)
}

func (g *Game) bookAt(e, u int, body bool, p int64) int64 {
	slot := int32(e*g.bd.T + g.real(u, body))
	n := min(p, max(g.st.room[slot], 0))
	if n > 0 {
		g.useRoom(slot, n)
		g.st.bookings = append(g.st.bookings, booking{slot, n})
	}
	return n
}

// roomAt is what instruction u still offers engine e.
func (g *Game) roomAt(e, u int, body bool) int64 {
	return max(g.st.room[e*g.bd.T+g.real(u, body)], 0)
}

// killCopy removes a copy and its bookings.
func (g *Game) killCopy(c int32) {
	cp := g.st.copies[c]
	for _, b := range g.st.bookings[cp.bookLo:cp.bookHi] {
		g.useRoom(b.slot, -b.picos)
	}
	cp.dead = true
	g.setCopy(c, cp)
}
