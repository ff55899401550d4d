package planner

import (
	"slices"

	"strata/malloc"
	"strata/planner/mcts"
)

// line is a state of the search: the searched moves since the root. What lies
// between them (forced moves, moves that are not searched) follows from them.
type line struct{ moves []int32 }

// environment is the mallocGame as an mcts.Environment. One game is kept and
// moved to the state that is asked about: rewinding is much cheaper than copying.
//
// Searched are the decisions about the buffers in the window; all others are
// played by the guide, and those of the window come last, so that a simulation
// costs the window, not the game. A state's value is what the guide's completion
// of it scores, normalised by (all-slow − bound); copies of the same plan are
// scored once.
type environment struct {
	game   *malloc.Game
	guide  *guide
	a      *attempt
	base   *malloc.Plan // all at home
	spec   *ringSpec    // nil: nothing streams
	window []bool       // per buffer; nil: all are searched, executors too
	order  []int        // buffers in the order of decision (free order only)
	free   bool
	body   bool // the searched part is the periodic body

	path   []int32
	marks  []place // before each move of path
	cursor int     // buffers of order before it are decided
	chosen int     // buffer being decided

	residents []int64       // per buffer: bytes it holds when NOCOPY makes it resident for good; 0: other buffers
	held      int64         // bytes made resident so far
	limit     int64         // bytes resident in the guide's game
	learned   *learnedPrior // nil: the guide gives the prior
	progress  progress
	best      *memory // the best game's moves; nil: the guide plays what is not searched
	legal     []malloc.Action
	backs     []int // per legal move: instructions that its copy starts before the touch, -1: no copy
	asked     []int // buffer to decide at each node of the tree under way, -1: none left

	slowS, spanS float64 // value = (slowS − total)/spanS
	bestS        float64 // best total met with the straight parts undecided
	found        func(game *malloc.Game, total float64)
	observe      func(d malloc.Decision, weights []float64) // self-play: what a search made of a decision
	stop         func()                                     // ends the search under way when the budget is spent
	halted       bool                                       // the attempt ended in the middle of a game
	err          error
}

// place is a state of the game to return to.
type place struct {
	mark   malloc.Mark
	cursor int
	chosen int
	held   int64
	done   progress
}

func (e *environment) here() place {
	return place{e.game.Mark(), e.cursor, e.chosen, e.held, e.progress}
}

func (e *environment) back(p place) {
	e.game.Rewind(p.mark)
	e.cursor, e.chosen, e.held, e.progress = p.cursor, p.chosen, p.held, p.done
}

var _ mcts.Environment[*line] = (*environment)(nil)

// begin makes start the root of the coming searches, over the buffers of window.
func (e *environment) begin(start malloc.Mark, window []bool) {
	e.game.Rewind(start)
	e.path, e.marks, e.cursor, e.chosen = e.path[:0], e.marks[:0], 0, -1
	e.window = window
	e.held, e.limit, e.progress = 0, 0, progress{}
	for b, z := range e.residents {
		if e.guide.stay[b] {
			e.limit += z
		}
	}
	if !e.free {
		return
	}
	e.order = e.order[:0]
	// What stays for good goes first and leaves the room above it whole; then
	// the window, so that a simulation does not replay the former; then what is
	// copied through that room.
	ranked := e.guide.rank()
	for part := range 3 {
		for _, b := range ranked {
			of := 2
			if window[b] {
				of = 1
			} else if e.guide.stay[b] && e.guide.tier[b] >= 0 {
				of = 0
			}
			if of == part {
				e.order = append(e.order, b)
			}
		}
	}
}

// Actions are coded in 32 bits: kind, tier or executor, lead, back + 1.
func encode(a malloc.Action) int32 {
	place := a.Tier
	if a.Kind == malloc.RunOn {
		place = a.Executor
	}
	back := a.Back
	if a.Kind != malloc.CopyIn {
		back = -1
	}
	return int32(a.Kind) | int32(place)<<2 | int32(a.Lead)<<10 | int32(back+1)<<13
}

func decode(code int32) malloc.Action {
	a := malloc.Action{Kind: malloc.ActionKind(code & 3), Lead: int(code >> 10 & 7), Back: int(code>>13) - 1}
	if place := int(code >> 2 & 255); a.Kind == malloc.RunOn {
		a.Executor = place
	} else {
		a.Tier = place
	}
	return a
}

// width is the most moves one decision of the game can have: DROP, and per tier
// NOCOPY, four leads, starts 0, 1, 2, 4 … back, and the guide's start; or one per
// executor.
func width(p *malloc.Program) int {
	return max(2+17*(len(p.Tiers)-1), len(p.Executors), 1)
}

// searching says whether the searched part still has decisions.
func (e *environment) searching() bool {
	return !e.game.Done() && (!e.body || e.game.InBody())
}

// settle plays what is not searched, up to the next decision that is; it returns
// that decision, or false at the end of the searched part.
func (e *environment) settle() (malloc.Decision, bool) {
	for e.searching() {
		if e.a.late() {
			e.halted = true
			break
		}
		d := e.next()
		searched := e.window == nil || !d.RunOn && e.window[d.Buf]
		if searched {
			e.legal = e.game.Actions(e.legal[:0])
			e.ahead(d)
			if w := e.greedy(d); len(e.legal) > 0 && w.Kind == malloc.CopyIn && w.Back >= 0 && !slices.ContainsFunc(e.legal, func(a malloc.Action) bool {
				return a.Kind == w.Kind && a.Tier == w.Tier && a.Back == w.Back
			}) {
				e.legal = append(e.legal, w) // a start that the game does not list
				e.backs = append(e.backs, w.Back)
			}
			if len(e.legal) > 1 {
				return d, true
			}
			if len(e.legal) == 1 {
				e.play(e.legal[0])
				continue
			}
		}
		e.play(e.greedy(d))
		if e.err != nil {
			break
		}
	}
	return malloc.Decision{}, false
}

// ahead notes how many instructions before the touch each listed copy starts.
func (e *environment) ahead(d malloc.Decision) {
	e.backs = e.backs[:0]
	for i, start := range e.game.Starts() {
		back := -1
		if e.legal[i].Kind == malloc.CopyIn {
			back = d.Instr - start
			if l := e.guide.p.PeriodicLoop(); l != nil && back < 0 {
				back += l.End - l.Begin
			}
		}
		e.backs = append(e.backs, back)
	}
}

// next is the game's next decision; in free order the buffer is chosen first:
// the first undecided of order.
func (e *environment) next() malloc.Decision {
	d := e.game.Next()
	if !e.free || d.RunOn {
		return d
	}
	if d.Buf == e.chosen { // its later touches
		return d
	}
	for ; e.cursor < len(e.order); e.cursor++ {
		if b := e.order[e.cursor]; e.game.Choose(b) == nil {
			e.chosen = b
			return e.game.Next()
		}
	}
	return d
}

// greedy is the guide's move, except that a buffer takes over the room that a
// searched decision has given up: what does not stay in the best game stays when
// fewer bytes do now.
func (e *environment) greedy(d malloc.Decision) malloc.Action {
	if e.best != nil {
		if a, ok := e.best.of(d); ok && e.game.Legal(a) {
			return a
		}
	}
	if !d.RunOn && e.residents[d.Buf] > 0 && !e.guide.stay[d.Buf] && e.held+e.residents[d.Buf] <= e.limit {
		if a := (malloc.Action{Kind: malloc.NoCopy, Tier: e.guide.tier[d.Buf]}); e.game.Legal(a) {
			return a
		}
	}
	return e.guide.greedy(e.game, d)
}

func (e *environment) play(a malloc.Action) {
	d := e.game.Next()
	if a.Kind == malloc.NoCopy {
		e.held += e.residents[d.Buf]
	}
	if e.learned != nil {
		e.learned.features.played(&e.progress, d, a)
	}
	if _, err := e.game.Step(a); err != nil && e.err == nil {
		e.err = err
	}
}

// seek moves the game to a state.
func (e *environment) seek(s *line) {
	same := 0
	for same < len(e.path) && same < len(s.moves) && e.path[same] == s.moves[same] {
		same++
	}
	if same < len(e.path) {
		e.back(e.marks[same])
		e.path, e.marks = e.path[:same], e.marks[:same]
	}
	for _, m := range s.moves[same:] {
		if e.settle(); e.halted {
			return // out of time before the decision that m answers
		}
		e.marks = append(e.marks, e.here())
		e.path = append(e.path, m)
		e.play(decode(m))
	}
}

// Copy implements mcts.Environment.
func (e *environment) Copy(dst, src *line) *line {
	if dst == nil {
		dst = &line{}
	}
	dst.moves = append(dst.moves[:0], src.moves...)
	return dst
}

// Legal implements mcts.Environment.
func (e *environment) Legal(s *line, actions []int32) int {
	e.seek(s)
	d, ok := e.settle()
	if !ok {
		e.asked = append(e.asked, -1)
		return 0
	}
	e.asked = append(e.asked, d.Buf)
	n := min(len(e.legal), len(actions))
	for i, a := range e.legal[:n] {
		actions[i] = encode(a)
	}
	return n
}

// Prior implements mcts.Environment.
func (e *environment) Prior(s *line, actions []int32, logits []float64) {
	e.seek(s)
	d, _ := e.settle()
	if e.learned != nil {
		e.learned.prior(e, d, e.legal[:len(actions)], logits)
		return
	}
	for i, code := range actions {
		logits[i] = e.guide.logit(d, decode(code))
	}
}

// Step implements mcts.Environment. Rewards are left to the end: the value of a
// terminal state is its whole return.
func (e *environment) Step(s *line, action int32) float64 {
	s.moves = append(s.moves, action)
	e.seek(s)
	if _, ok := e.settle(); !ok {
		return e.score()
	}
	return 0
}

// Value implements mcts.Environment: the guide completes the searched part, or
// the network says what it expects.
func (e *environment) Value(s *line) float64 {
	e.seek(s)
	if e.learned != nil && e.learned.values {
		if d, ok := e.settle(); ok {
			return e.learned.value(e, d)
		}
	}
	from := e.here()
	for e.searching() && e.err == nil && !e.halted {
		e.play(e.greedy(e.next()))
		e.halted = e.a.late()
	}
	v := 0.0
	if !e.halted {
		v = e.score()
	}
	e.back(from)
	return v
}

// score is the value of the game's present plan, what is undecided counting as
// DROP, and reports it when it is the best so far.
func (e *environment) score() float64 {
	if e.err != nil {
		return 0
	}
	e.a.evaluations++
	if e.stop != nil && e.a.done() {
		e.stop()
	}
	score, err := e.game.Score()
	if err != nil {
		e.err = err
		return 0
	}
	if score.TotalS < e.bestS {
		e.bestS = score.TotalS
		e.found(e.game, score.TotalS)
	}
	return (e.slowS - score.TotalS) / e.spanS
}
