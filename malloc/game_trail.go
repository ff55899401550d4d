package malloc

// What a trail entry undoes.
const (
	trKind uint8 = iota
	trTouchBlock
	trBlockNew
	trBlockSet
	trCopyNew
	trCopySet
	trRoom
	trTake
	trGive
	trClassOff
	trBack
	trExec
	trCursor
	trChosen
	trBan
	trBackups
)

// trailEntry is one change of the state and what was there before.
type trailEntry struct {
	op   uint8
	tier int32
	i, j int32
	a, b int64
}

func (g *Game) note(e trailEntry) { g.st.trail = append(g.st.trail, e); g.st.version++ }

func (g *Game) mark() Mark { return Mark{len(g.st.trail), len(g.st.moves)} }

func (g *Game) rewind(m Mark) {
	g.undoTo(m.trail)
	g.st.moves = g.st.moves[:m.moves]
}

func (g *Game) undoTo(n int) {
	st := &g.st
	if len(st.trail) > n {
		st.version++
	}
	for len(st.trail) > n {
		e := st.trail[len(st.trail)-1]
		st.trail = st.trail[:len(st.trail)-1]
		switch e.op {
		case trKind:
			g.countKind(e.i, st.kind[e.i], uint8(e.a))
			st.kind[e.i] = uint8(e.a)
		case trTouchBlock:
			st.blockOf[e.i], st.tierOf[e.i] = e.j, e.tier
		case trBlockNew:
			k := len(st.blocks) - 1
			if b := &st.blocks[k]; b.buf >= 0 {
				st.bufHead[b.buf] = b.next
			}
			st.blocks = st.blocks[:k]
		case trBlockSet:
			k := len(st.oldBlocks) - 1
			st.blocks[e.i] = st.oldBlocks[k]
			st.oldBlocks = st.oldBlocks[:k]
		case trCopyNew:
			st.copies = st.copies[:len(st.copies)-1]
			st.bookings = st.bookings[:e.a]
		case trCopySet:
			k := len(st.oldCopies) - 1
			st.copies[e.i] = st.oldCopies[k]
			st.oldCopies = st.oldCopies[:k]
		case trRoom:
			st.room[e.i] -= e.a
		case trTake:
			for t := int(e.i); t < int(e.j); t++ {
				st.spaces[e.tier].give(t, e.a, e.b)
			}
		case trGive:
			for t := int(e.i); t < int(e.j); t++ {
				st.spaces[e.tier].take(t, e.a, e.b)
			}
		case trClassOff:
			if e.j == 0 {
				st.classOff[e.i] = e.a
			} else {
				st.mayOff[e.i] = e.a
			}
		case trBack:
			st.backOf[e.i] = e.j
		case trExec:
			if e.j < 0 {
				st.runsLeft[g.partAt(int(e.i))]++
			}
			st.exec[e.i] = e.j
		case trCursor:
			st.cursor[e.i] = int(e.a)
		case trChosen:
			st.chosen = int(e.a)
		case trBan:
			st.banned[e.i] = false
		case trBackups:
			st.backups--
		}
	}
}

func (g *Game) clone(ev Evaluator) *Game {
	st := &g.st
	c := &Game{bd: g.bd, opt: g.opt, ev: g.ev, demand: g.demand, maxRuns: g.maxRuns, noFast: g.noFast, selects: g.selects, askers: g.askers, askFrom: g.askFrom}
	if ev != nil {
		c.ev = ev
	}
	c.st = *st
	d := &c.st
	d.kind = append([]uint8(nil), st.kind...)
	d.blockOf = append([]int32(nil), st.blockOf...)
	d.tierOf = append([]int32(nil), st.tierOf...)
	d.backOf = append([]int32(nil), st.backOf...)
	d.exec = append([]int32(nil), st.exec...)
	d.blocks = append([]gblock(nil), st.blocks...)
	d.copies = append([]gcopy(nil), st.copies...)
	d.bookings = append([]booking(nil), st.bookings...)
	d.room = append([]int64(nil), st.room...)
	d.spaces = make([]space, len(st.spaces))
	for i := range st.spaces {
		d.spaces[i] = st.spaces[i].clone()
	}
	d.bufHead = append([]int32(nil), st.bufHead...)
	d.classOff = append([]int64(nil), st.classOff...)
	d.mayOff = append([]int64(nil), st.mayOff...)
	for i := range st.left {
		d.left[i] = append([]int32(nil), st.left[i]...)
	}
	d.banned = append([]bool(nil), st.banned...)
	d.trail = append([]trailEntry(nil), st.trail...)
	d.oldBlocks = append([]gblock(nil), st.oldBlocks...)
	d.oldCopies = append([]gcopy(nil), st.oldCopies...)
	d.moves = append([]moveRecord(nil), st.moves...)
	c.floats.init(g.bd)
	c.checked = make([]int, g.bd.T)
	c.ignoreDemand = -1
	return c
}
