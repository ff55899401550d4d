package planner

import "strata/malloc"

// memory holds the moves of a game touch by touch, to be played again where they
// are legal.
type memory struct {
	touchFrom []int // per buffer, into moves
	moves     []malloc.Action
	known     []bool
}

func newMemory(g *malloc.Game) *memory {
	m := &memory{touchFrom: make([]int, len(g.Program().Buffers))}
	n := 0
	for b := range m.touchFrom {
		m.touchFrom[b] = n
		n += len(g.Touches(b))
	}
	m.moves, m.known = make([]malloc.Action, n), make([]bool, n)
	return m
}

// keep remembers what a game has played.
func (m *memory) keep(g *malloc.Game) {
	clear(m.known)
	for _, x := range g.Moves() {
		if !x.Decision.RunOn {
			i := m.touchFrom[x.Decision.Buf] + x.Decision.Touch
			m.moves[i], m.known[i] = x.Action, true
		}
	}
}

// forget leaves everything to the guide.
func (m *memory) forget() { clear(m.known) }

// of is the move remembered for a decision.
func (m *memory) of(d malloc.Decision) (malloc.Action, bool) {
	if d.RunOn {
		return malloc.Action{}, false
	}
	i := m.touchFrom[d.Buf] + d.Touch
	return m.moves[i], m.known[i]
}
