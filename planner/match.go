package planner

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"strata/malloc"
)

// Match is one mallocGame in program order whose decisions come from outside: from
// a person, or from the agent, which can be asked at every decision. Decisions
// that leave no choice are played at once. It is not safe for concurrent use.
type Match struct {
	a     *attempt
	agent agent
	seat  *environment // the agent's guide and what it knows of the instance
	game  *malloc.Game
	start malloc.Mark
	turns []Turn
	slowS float64
	nowS  float64
	legal []malloc.Action
}

// Turn is one move of a Match.
type Turn struct {
	Decision malloc.Decision
	Action   malloc.Action
	By       string  // ByHuman, ByAgent, ByRules
	RewardS  float64 // rule 9: time before minus after the move
	NowS     float64 // time after it, undecided touches DROP
	Step     *Step   // what the agent knew when it moved; nil when it did not
}

// Who made a move.
const (
	ByHuman = "human"
	ByAgent = "agent"
	ByRules = "rules" // the only legal move, or a drop-backup at a dead end
)

// Option is a legal move and its reward.
type Option struct {
	Action  malloc.Action
	RewardS float64
}

// ErrOver says that every decision of a game has been made.
var ErrOver = errors.New("planner: the game is over: every decision has been made")

// NewMatch starts a game on a problem; simulations (0: the default) are what the
// agent spends on a decision. ctx bounds the whole match. The error is a
// *malloc.InfeasibleError when not even the all-DROP plan fits.
func NewMatch(ctx context.Context, p *Problem, simulations int) (*Match, error) {
	a, err := begin(ctx, p, Budget{}, nil, ByHuman)
	if err != nil {
		return nil, err
	}
	m := &Match{a: a, agent: NewAgent(AgentOptions{ProgramOrder: true, Simulations: simulations, Window: -1}).(agent)}
	if m.game, err = malloc.NewGame(p.Program, a.exact, malloc.Options{NoReward: true}); err != nil {
		return nil, err
	}
	if m.seat, _, err = m.agent.sit(a, func(*environment, *malloc.Game) {}); err != nil {
		return nil, err
	}
	if m.seat == nil {
		return nil, context.Cause(ctx)
	}
	m.start = m.game.Mark()
	if m.nowS, err = m.time(); err != nil {
		return nil, err
	}
	m.slowS = m.nowS
	return m, m.settle()
}

// SlowS, NowS and LowerS are what is known of time: with everything at home, of
// the plan so far (undecided touches DROP), and a bound on every plan (0: unknown).
func (m *Match) SlowS() float64  { return m.slowS }
func (m *Match) NowS() float64   { return m.nowS }
func (m *Match) LowerS() float64 { return m.a.p.LowerS }

// Done says whether every decision has been made.
func (m *Match) Done() bool { return m.game.Done() }

// Next is the decision the next Play answers.
func (m *Match) Next() malloc.Decision { return m.game.Next() }

// Turns are the moves so far.
func (m *Match) Turns() []Turn { return m.turns }

// Backups counts drop-backups.
func (m *Match) Backups() int { return m.game.Backups() }

// Touches counts the touches of a buffer.
func (m *Match) Touches(buf int) int { return len(m.game.Touches(buf)) }

// UsedBytes is what an instruction finds taken of a limited tier.
func (m *Match) UsedBytes(tier, instr int) int64 {
	return m.a.p.Program.Tiers[tier].Capacity - m.game.FreeBytes(tier, instr)
}

// Left counts the touches that are still to be decided.
func (m *Match) Left() int {
	n := 0
	for b := range m.a.p.Program.Buffers {
		for _, t := range m.game.Touches(b) {
			if !t.Decided {
				n++
			}
		}
	}
	return n
}

func (m *Match) time() (float64, error) {
	s, err := m.game.Score()
	return s.TotalS, err
}

// Options are the legal moves of Next with the reward of each.
func (m *Match) Options() ([]Option, error) {
	m.legal = m.game.Actions(m.legal[:0])
	out := make([]Option, 0, len(m.legal))
	from := m.game.Mark()
	for _, a := range m.legal {
		if _, err := m.game.Step(a); err != nil {
			return nil, err
		}
		after, err := m.time()
		if err != nil {
			return nil, err
		}
		m.game.Rewind(from)
		out = append(out, Option{a, m.nowS - after})
	}
	return out, nil
}

// Play answers Next with a legal move and then plays what leaves no choice. It
// returns the move; an illegal one is an error and changes nothing.
func (m *Match) Play(a malloc.Action) (Turn, error) { return m.play(a, ByHuman, nil) }

func (m *Match) play(a malloc.Action, by string, step *Step) (Turn, error) {
	if m.Done() {
		return Turn{}, ErrOver
	}
	turn := Turn{Decision: m.game.Next(), Action: a, By: by, Step: step}
	if _, err := m.game.Step(a); err != nil {
		return turn, err
	}
	if err := m.note(&turn); err != nil {
		return turn, err
	}
	return turn, m.settle()
}

// note ends a move: its reward and its line in the record.
func (m *Match) note(turn *Turn) error {
	after, err := m.time()
	if err != nil {
		return err
	}
	turn.RewardS, turn.NowS = m.nowS-after, after
	if turn.Step != nil {
		turn.Step.RewardS = turn.RewardS
	}
	m.nowS = after
	m.turns = append(m.turns, *turn)
	return nil
}

// settle plays the decisions that leave no choice.
func (m *Match) settle() error {
	for !m.game.Done() {
		m.legal = m.game.Actions(m.legal[:0])
		if len(m.legal) > 1 {
			break
		}
		turn := Turn{Decision: m.game.Next(), By: ByRules} // a dead end takes any move
		if len(m.legal) == 1 {
			turn.Action = m.legal[0]
		}
		if _, err := m.game.Step(turn.Action); err != nil {
			return err
		}
		if err := m.note(&turn); err != nil {
			return err
		}
	}
	return nil
}

// Hint asks the agent for its move: what it would do, and visits, value and prior
// of every alternative. Asking changes nothing; the same decision after the same
// moves gives the same answer. It returns ctx's error when the match's context
// ends first.
func (m *Match) Hint() (*Step, malloc.Action, error) {
	if m.Done() {
		return nil, malloc.Action{}, ErrOver
	}
	e := *m.seat
	e.game = m.game.Clone(m.a.screen)
	e.body = e.body && e.game.InBody()
	e.path, e.marks, e.legal, e.asked, e.halted, e.err = nil, nil, nil, nil, false, nil
	e.begin(e.game.Mark(), nil)
	for _, move := range e.game.Moves() {
		if move.Action.Kind == malloc.NoCopy {
			e.held += e.residents[move.Decision.Buf]
		}
	}
	root := &line{}
	d, ok := e.settle()
	var step *Step
	var code int32
	var err error
	if ok {
		seed := rand.New(rand.NewPCG(m.a.p.Seed, uint64(len(m.turns)))).Uint64()
		step, code, err = m.agent.decide(m.a.ctx, &e, m.agent.policy(&e, seed), root, d)
	}
	switch {
	case err != nil:
		return nil, malloc.Action{}, err
	case step == nil: // stopped
		return nil, malloc.Action{}, context.Cause(m.a.ctx)
	}
	return step, decode(code), nil
}

// PlayAgent lets the agent make the next move.
func (m *Match) PlayAgent() (Turn, error) {
	step, a, err := m.Hint()
	if err != nil {
		return Turn{}, err
	}
	return m.play(a, ByAgent, step)
}

// DropRest decides DROP for everything that is left.
func (m *Match) DropRest() error {
	for !m.game.Done() {
		if err := m.game.DropRest(); err != nil {
			return err
		}
	}
	var err error
	m.nowS, err = m.time()
	return err
}

// Undo takes back the last move that was a choice, with all that followed from
// it; false when there is none. A drop-backup may have replaced earlier moves, so
// that the game is played again from its start.
func (m *Match) Undo() (Turn, bool, error) {
	at := len(m.turns) - 1
	for at >= 0 && m.turns[at].By == ByRules {
		at--
	}
	if at < 0 {
		return Turn{}, false, nil
	}
	last := m.turns[at]
	m.turns = slices.Delete(m.turns, at, len(m.turns))
	m.game.Rewind(m.start)
	for _, t := range m.turns {
		if _, err := m.game.Step(t.Action); err != nil {
			return last, false, err
		}
	}
	var err error
	m.nowS, err = m.time()
	return last, true, err
}

// Episode is the game so far as the agent saw it: its own moves, with their trees.
func (m *Match) Episode() *Episode {
	out := &Episode{Instance: m.a.p.Program.Name, Policy: m.agent.opt.Policy, Seed: m.a.p.Seed, Played: len(m.game.Moves()),
		Backups: m.game.Backups(), SlowS: m.slowS, StartS: m.slowS, FinalS: m.nowS}
	for _, t := range m.turns {
		if t.Step == nil {
			continue
		}
		if len(out.Moves) == 0 {
			out.StartS = t.NowS + t.RewardS
		}
		out.Moves = append(out.Moves, *t.Step)
	}
	return out
}

// Result is the plan of the game as it stands, undecided touches DROP, accepted by
// malloc.Check.
func (m *Match) Result() (*Result, error) {
	plan := m.game.Plan()
	score, err := m.a.exact.Evaluate(m.a.p.Program, plan)
	if err != nil {
		return nil, err
	}
	by := map[string]bool{}
	for _, t := range m.turns {
		by[t.By] = true
	}
	m.a.component = ByHuman
	switch {
	case by[ByHuman] && by[ByAgent]:
		m.a.component = ByHuman + " and " + ByAgent
	case by[ByAgent]:
		m.a.component = ByAgent
	}
	// The players' plan, not the best one known.
	m.a.best, m.a.trace = Incumbent{Score: malloc.Score{TotalS: math.Inf(1)}}, nil
	m.a.accept(plan, score)
	r, err := m.a.result("game")
	if err != nil {
		return nil, err
	}
	r.Episode = m.Episode()
	return r, nil
}
