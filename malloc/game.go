package malloc

import "fmt"

// Order is the order in which a game's touches are decided (game.md rule 2).
type Order uint8

const (
	// ProgramOrder decides touches by (time, operands before results, operand
	// index), the periodic body first, then the straight parts.
	ProgramOrder Order = iota
	// FreeOrder lets the solver Choose the next undecided buffer and decides all
	// its touches in the part, the body's buffers first.
	FreeOrder
)

// Options of a game. The zero value is the default game: program order, best
// fit, difference rewards.
type Options struct {
	Order        Order
	FirstFit     bool // ablation of rule 5: lowest offset instead of smallest gap
	StaticReward bool // rule 9: the benefit of the touch alone instead of a difference of simulated times
	NoReward     bool // skip the evaluation per move; Step returns 0 and Score evaluates on demand
}

// Decision is what the next move decides: an executor (RunOn) or one touch.
type Decision struct {
	RunOn bool // choose the instruction's executor; Buf and Touch are -1
	Instr int
	Buf   int
	Touch int  // index into the touches of Buf in time order (see Game.Touches)
	Def   bool // the touch defines the buffer
	Read  bool // the instruction reads it
	Write bool // the instruction writes it
	Body  bool // the touch lies in the periodic body
}

// ActionKind is the kind of a move.
type ActionKind uint8

const (
	Drop   ActionKind = iota // read or write the home tier (a demand copy where the executor does not reach it)
	NoCopy                   // a definition in a fast tier, or stay where the previous touch left it
	CopyIn                   // copy into a fast tier before the touch
	RunOn                    // run the instruction on an executor
)

// Action is a move. Tier is the fast tier of NoCopy and CopyIn. A CopyIn starts
// where rule 3 says for Lead (1..4; 0 means 1) when Back is -1, else exactly
// Back instructions before the touch (0, 1, 2, 4, …).
type Action struct {
	Kind     ActionKind
	Tier     int
	Executor int
	Lead     int
	Back     int

	circle bool // a promise whose offset must suit the whole circle (Resident)
}

// String writes an action as game transcripts show it.
func (a Action) String() string {
	switch a.Kind {
	case Drop:
		return "DROP"
	case NoCopy:
		return fmt.Sprintf("NOCOPY t%d", a.Tier)
	case RunOn:
		return fmt.Sprintf("RUN_ON x%d", a.Executor)
	}
	if a.Back >= 0 {
		return fmt.Sprintf("COPY t%d back %d", a.Tier, a.Back)
	}
	return fmt.Sprintf("COPY t%d lead %d", a.Tier, max(a.Lead, 1))
}

// TouchInfo describes one touch of a buffer.
type TouchInfo struct {
	Instr            int
	Def, Read, Write bool
	Body             bool
	ReadBytes        int64
	WriteBytes       int64
	Decided          bool
	Kind             ActionKind // when Decided
	Tier             int        // when Decided and fast
}

// InfeasibleError reports that not even the plan that keeps everything at home
// fits: at instruction Instr, tier Tier needs NeedBytes but has CapacityBytes.
type InfeasibleError struct {
	Instr         int
	InstrName     string
	Tier          int
	TierName      string
	NeedBytes     int64
	CapacityBytes int64
	Buf           int // the block that found no place; ScratchBuf for scratch
}

func (e *InfeasibleError) Error() string {
	return fmt.Sprintf("malloc: instruction %d (%s) needs %d bytes of tier %q at once, its capacity is %d: give the tier at least %d bytes or shorten what lives there",
		e.Instr, e.InstrName, e.NeedBytes, e.TierName, e.CapacityBytes, e.NeedBytes)
}

// Game is one episode of the mallocGame: decision points, legal moves, the
// state after them, and the plan that state means. It is not safe for
// concurrent use; Clone gives each worker its own.
type Game struct {
	bd  *board
	opt Options
	ev  Evaluator
	st  state

	demand  []int32 // [touch*maxRuns+choice] demandTier per executor choice
	askers  []int32 // per instruction, the touches that may need a demand place
	askFrom []int32 // [T+1]
	maxRuns int
	noFast  []bool  // touches that may only be DROP
	selects []int32 // touches of select buffers

	floats     floats
	dirty      []span // instructions whose free memory changed in this move
	checked    []int
	checkStamp int
	gapA, gapB []gap
	gapHold    []holdPlace
	// demand copies of this buffer do not count while its promise is placed
	ignoreDemand int32
	acts         []Action
	starts       []int
	list         []int
}

// NewGame starts an episode. ev scores plans (it may be nil with NoReward when
// Score is never called). The error is an *InfeasibleError when not even the
// all-DROP plan fits; other errors name the field of p that cannot be played.
func NewGame(p *Program, ev Evaluator, opt Options) (*Game, error) { return newGame(p, ev, opt) }

// Done reports whether every decision has been made.
func (g *Game) Done() bool { return g.done() }

// Next returns the decision the next Step answers. In FreeOrder without a
// chosen buffer it is the first touch of the first undecided buffer, which Step
// then chooses.
func (g *Game) Next() Decision { return g.next() }

// Undecided returns the buffers that Choose accepts now, ascending: those with
// an undecided touch in the current part (the body first, then the straight
// parts). The slice is valid until the next call.
func (g *Game) Undecided() []int { return g.undecided() }

// InBody reports whether the decisions now offered are the periodic body's.
func (g *Game) InBody() bool { return g.inBody() }

// Choose picks the buffer whose touches are decided next (FreeOrder).
func (g *Game) Choose(buf int) error { return g.choose(buf) }

// Actions appends to dst the legal moves of Next, in a fixed order: DROP, then
// per fast tier NOCOPY, COPY lead 1..4, COPY back 0, 1, 2, 4 …. Of copies that
// would make the same block only the first is listed. It is empty when Next is
// a dead end: any Step then backs the class up.
func (g *Game) Actions(dst []Action) []Action { return g.actions(dst) }

// Starts returns, for each move that Actions listed last, the instruction at which
// its copy starts (in the body possibly one iteration earlier: after the touch), -1
// for moves without one. The slice is valid until the next call.
func (g *Game) Starts() []int { return g.starts }

// Legal reports whether a is a legal answer to Next.
func (g *Game) Legal(a Action) bool { return g.legal(a) }

// Step plays a and returns its reward in seconds (rule 9). An illegal action is
// an error and changes nothing, except at a dead end, where the class is backed
// up to DROP (rule 8) whatever a is.
func (g *Game) Step(a Action) (reward float64, err error) { return g.step(a) }

// Resident makes buf always resident in tier in the periodic body (length L, no
// copies in the body): NOCOPY on all its touches there under rule 12. It needs
// every touch of buf in the body undecided, returns false when a rule forbids
// it, and then changes nothing. In FreeOrder only.
func (g *Game) Resident(buf, tier int) bool { return g.resident(buf, tier) }

// Policy picks one of the legal moves (never empty) of a decision.
type Policy func(g *Game, d Decision, legal []Action) Action

// ExtendOrCopy is the default policy: NOCOPY where the block can be extended,
// else COPY with the least lead that is legal, else DROP.
func ExtendOrCopy(_ *Game, _ Decision, legal []Action) Action { return extendOrCopy(legal) }

// Finish plays all remaining decisions of the current part (or of the whole
// game with all) with the policy, buffers in order of their next touch; nil
// means ExtendOrCopy.
func (g *Game) Finish(policy Policy, all bool) error { return g.finish(policy, all) }

// FinishStraight drops what is undecided in the body and plays the straight
// parts in time order with the policy; nil means ExtendOrCopy.
func (g *Game) FinishStraight(policy Policy) error { return g.finishStraight(policy) }

// DropRest decides DROP for every undecided touch of the current part.
func (g *Game) DropRest() error { return g.dropRest() }

// Touches returns what is known of every touch of buf, in time order.
func (g *Game) Touches(buf int) []TouchInfo { return g.touchInfos(buf) }

// BlockBytes returns the bytes a block of buf occupies in tier (rule 1).
func (g *Game) BlockBytes(buf, tier int) int64 { return g.blockBytes(buf, tier) }

// FreeBytes returns the bytes of tier that no decided block, home block,
// scratch or demand copy uses at instruction t.
func (g *Game) FreeBytes(tier, t int) int64 { return g.freeBytes(tier, t) }

// Backups returns the number of drop-backups of the episode.
func (g *Game) Backups() int { return g.st.backups }

// Moves returns the moves played so far (the transcript), in order.
func (g *Game) Moves() []Move { return g.moveLog() }

// Move is one entry of a transcript.
type Move struct {
	Decision Decision
	Action   Action
}

// Plan returns the complete, legal plan of the state: undecided touches count
// as DROP. Traffic is exact; times, hashes and solver are left to the caller.
func (g *Game) Plan() *Plan { return g.buildPlan() }

// Score evaluates Plan with the episode's Evaluator; the result is kept until
// the state changes.
func (g *Game) Score() (Score, error) { return g.score() }

// Clone copies the game, sharing what no move changes; ev (nil: the same one)
// becomes the copy's Evaluator.
func (g *Game) Clone(ev Evaluator) *Game { return g.clone(ev) }

// Mark names the present state; Rewind returns to it. Marks nest: rewinding to
// a mark invalidates all later ones.
type Mark struct{ trail, moves int }

// Mark returns the present state's mark.
func (g *Game) Mark() Mark { return g.mark() }

// Rewind undoes everything since the mark, in time linear in what changed.
func (g *Game) Rewind(m Mark) { g.rewind(m) }

// Program returns the instance being played.
func (g *Game) Program() *Program { return g.program() }
