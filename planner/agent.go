package planner

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"strata/malloc"
	"strata/planner/mcts"
	"strata/planner/network"
)

// AgentOptions are the agent's knobs; zero values mean the defaults.
type AgentOptions struct {
	Policy       string // "gumbel" (default) or "puct"
	ProgramOrder bool   // decide in program order instead of free order
	Simulations  int    // per decision, default 16
	Considered   int    // Gumbel: candidates at the root, default 4
	Window       int    // buffers searched per episode, default 4; -1: all
	Prior        string // "informed" (default): the guide's opinion; "learned": the network's
	Value        string // of a leaf: "played" (default), the guide completes the game; "learned", the network estimates it
	// Replay plays what is not searched as the best game so far did, touch by touch,
	// not as the guide would that has learned from it. Prior "learned" includes it:
	// the guide cannot repeat what the network plays.
	Replay bool
	// Network is what Prior and Value "learned" ask; nil: the one that is shipped.
	Network *network.Network
	// Guides are plans to start from: the game that imitates one of them best
	// begins the search. None: it begins from the program alone.
	Guides []*malloc.Plan
}

// agent is the MCTS player of the mallocGame. Its first game is played by the
// guide, which knows the program only. Then episode follows episode: a window of
// buffers is decided by search, move by move, all others as in the best game so
// far; a game that is better becomes the guide of the next.
type agent struct{ opt AgentOptions }

// NewAgent returns the solver "mcts".
func NewAgent(opt AgentOptions) Solver {
	if opt.Policy == "" {
		opt.Policy = "gumbel"
	}
	if opt.Simulations == 0 {
		opt.Simulations = 16
	}
	if opt.Considered == 0 {
		opt.Considered = 4
	}
	if opt.Window == 0 {
		opt.Window = 4
	}
	opt.Replay = opt.Replay || opt.Prior == LearnedPrior
	if opt.Network == nil && (opt.Prior == LearnedPrior || opt.Value == LearnedValue) {
		opt.Network = shippedNetwork()
	}
	return agent{opt}
}

func (agent) Name() string { return "mcts" }

// episodesWithoutBudget is how many episodes a Solve without limits plays.
const episodesWithoutBudget = 8

// mostIdle is how many windows in a row may hold no decision before the agent takes
// it that none does.
const mostIdle = 32

func (s agent) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	episode, err := s.play(a, nil)
	if err != nil {
		return nil, err
	}
	r, err := a.result(s.Name())
	if err != nil {
		return nil, err
	}
	r.Episode = episode
	if len(s.opt.Guides) == 0 && r.Component != startComponent {
		alone := r.Incumbent
		r.Alone = &alone
	}
	return r, nil
}

// table makes the environment of an attempt, and the openings: ways to begin, each
// a change to a fresh guide. It returns nil where there is nothing to play: only
// the repacked demand plan fits.
func (s agent) table(a *attempt) (*environment, []func(*guide), error) {
	p := a.p.Program
	base, err := demandPlan(p)
	if err != nil {
		return nil, nil, err
	}
	slow, err := a.offer(base)
	if err != nil {
		return nil, nil, err
	}
	if len(a.held) > 0 { // the slowest plan's own time, whatever it breaks
		if slow, err = a.screen.Evaluate(p, base); err != nil {
			return nil, nil, err
		}
	}
	e := &environment{guide: newGuide(p, base), base: base, a: a, free: s.order() == malloc.FreeOrder,
		slowS: slow.TotalS, spanS: max(slow.TotalS-a.p.LowerS, 1e-12), bestS: slow.TotalS * (1 + 1e-9)}
	spec, streams := newRingSpec(p, base)
	if streams {
		spec.lock(a)
	}
	var openings []func(*guide)
	for _, plan := range s.opt.Guides {
		openings = append(openings, func(g *guide) { g.learn(plan) })
	}
	if len(openings) == 0 && streams {
		for _, set := range guideSettings {
			openings = append(openings, func(g *guide) { g.share(spec, set) })
		}
	}
	if len(openings) == 0 {
		openings = append(openings, func(*guide) {})
	}
	e.game, err = malloc.NewGame(p, a.screen, malloc.Options{Order: s.order(), NoReward: true})
	if err != nil {
		var infeasible *malloc.InfeasibleError
		if errors.As(err, &infeasible) {
			return nil, nil, nil
		}
		return nil, nil, err
	}
	e.body = e.game.InBody() && p.PeriodicLoop() != nil
	e.residents = make([]int64, len(p.Buffers))
	if streams {
		e.spec = spec
		for _, x := range spec.streams {
			if len(x.body) == 1 && e.guide.tier[x.buf] == spec.tier {
				e.residents[x.buf] = x.block
			}
		}
	}
	if s.opt.Network != nil {
		if e.learned, err = newLearnedPrior(s.opt.Network, e); err != nil {
			return nil, nil, err
		}
		e.learned.values = s.opt.Value == LearnedValue
		e.learned.guided = s.opt.Prior != LearnedPrior
	}
	return e, openings, nil
}

// believe gives the environment a fresh guide, changed by an opening.
func (e *environment) believe(open func(*guide)) {
	*e.guide = *newGuide(e.a.p.Program, e.base)
	open(e.guide)
	e.guide.lock(e.a)
}

// play runs episodes until the attempt's budget ends. observe (may be nil) gets the
// searches of each game and its return.
func (s agent) play(a *attempt, observe func([]network.Sample, float64)) (*Episode, error) {
	var improved *malloc.Plan
	e, start, err := s.sit(a, func(e *environment, g *malloc.Game) {
		var own bool
		if improved, own = s.finish(a, e, g); e.best != nil {
			if own {
				e.best.keep(g)
			} else {
				e.best.forget()
			}
		}
	})
	if err != nil || e == nil {
		return nil, err
	}
	prior := e.guide
	rng := rand.New(rand.NewPCG(a.p.Seed, 0x6d637473))
	var last *Episode
	var seen []network.Sample
	if observe != nil {
		e.observe = func(d malloc.Decision, weights []float64) { seen = append(seen, e.learned.sample(e, d, weights)) }
	}
	imitate := func() {
		if improved != nil {
			prior.learn(improved)
			prior.lock(a)
		}
		improved = nil
	}
	if e.learned != nil && !e.learned.guided {
		for i := range networkGames {
			improved = nil
			if _, err := e.learned.play(e, start, i > 0, rng); err != nil {
				return nil, err
			}
			imitate()
			if a.done() {
				return nil, nil
			}
		}
	}
	for n, idle := 0, 0; !a.done() && idle < mostIdle && (a.budget != (Budget{}) || n < episodesWithoutBudget); n++ {
		spent := a.evaluations
		window := s.window(prior, rng)
		for b := range a.held {
			window[b] = false
		}
		e.begin(start, window)
		improved = nil
		ep, err := s.episode(a, e, rng.Uint64())
		if err != nil {
			return last, err
		}
		if ep != nil {
			last = ep
			if observe != nil {
				observe(seen, (e.slowS-ep.FinalS)/e.spanS)
			}
		}
		seen = nil
		imitate()
		if idle++; a.evaluations > spent {
			idle = 0
		}
	}
	return last, nil
}

// sit starts a game and finds the guide to play it by: the opening that plays
// best by the guide alone. improved is called with each game whose time is better
// than any before. The environment is nil when there is nothing to play: only the
// repacked demand plan fits, or the attempt is over.
func (s agent) sit(a *attempt, improved func(*environment, *malloc.Game)) (*environment, malloc.Mark, error) {
	e, openings, err := s.table(a)
	if e == nil {
		return nil, malloc.Mark{}, err
	}
	e.found = func(g *malloc.Game, _ float64) { improved(e, g) }
	start := e.game.Mark()
	bestGame, bestOpening := math.Inf(1), 0
	for i, open := range openings {
		e.believe(open)
		total, err := s.opening(e, start)
		if err != nil {
			return nil, malloc.Mark{}, err
		}
		if total < bestGame {
			bestGame, bestOpening = total, i
		}
		if a.done() {
			return nil, malloc.Mark{}, nil
		}
	}
	e.believe(openings[bestOpening])
	if s.opt.Replay {
		e.best = newMemory(e.game)
	}
	return e, start, nil
}

// opening plays a game by the guide alone and returns its time.
func (s agent) opening(e *environment, start malloc.Mark) (float64, error) {
	e.begin(start, make([]bool, len(e.guide.first)))
	e.settle()
	if e.halted {
		return math.Inf(1), nil
	}
	v := e.score()
	return e.slowS - v*e.spanS, e.err
}

func (s agent) order() malloc.Order {
	if s.opt.ProgramOrder {
		return malloc.ProgramOrder
	}
	return malloc.FreeOrder
}

// finish completes the straight parts of a game whose body was met with a better
// time than any before, and offers the plan: once played by the game's default
// policy, once streamed by a ring. It returns the better plan, and whether that is
// the game's own. The game is left as it was.
func (s agent) finish(a *attempt, e *environment, g *malloc.Game) (plan *malloc.Plan, own bool) {
	from := e.here()
	defer e.back(from)
	if !g.Done() {
		if err := a.straight(g); err != nil {
			return nil, false
		}
	}
	plan = g.Plan()
	best, err := a.offer(plan)
	if err != nil {
		return nil, false
	}
	if e.spec != nil {
		if ring, ok := e.spec.ringFromPlan(plan); ok {
			built := ring.plan()
			if score, err := a.offer(built); err == nil && score.TotalS < best.TotalS {
				return built, false
			}
		}
	}
	return plan, true
}

// smallShare leaves out of windows what saves less than this share of what the
// most valuable buffer saves: its decisions would crowd out those that matter.
const smallShare = 0.05

// window picks the buffers to search: a stretch of neighbours in time among
// those that have a choice, and as many at random.
func (s agent) window(g *guide, rng *rand.Rand) []bool {
	in := make([]bool, len(g.first))
	saves := func(b int) float64 { return g.worth[b] * float64(blockBytes(g.p, b, g.tier[b])) }
	var list []int
	most := 0.0
	for b, t := range g.first {
		if t >= 0 && g.tier[b] >= 0 {
			list = append(list, b)
			most = max(most, saves(b))
		}
	}
	if s.opt.Window > 0 {
		list = slices.DeleteFunc(list, func(b int) bool { return saves(b) < smallShare*most })
	}
	if s.opt.Window < 0 || len(list) <= s.opt.Window {
		for _, b := range list {
			in[b] = true
		}
		return in
	}
	slices.SortStableFunc(list, func(x, y int) int { return g.first[x] - g.first[y] })
	n := s.opt.Window
	at := rng.IntN(len(list))
	for i := range n / 2 {
		in[list[(at+i)%len(list)]] = true
	}
	for range n - n/2 {
		in[list[rng.IntN(len(list))]] = true
	}
	return in
}

// episode plays one game: search decides the window. It returns nil when the
// window held no decision or the budget ended before the game did.
func (s agent) episode(a *attempt, e *environment, seed uint64) (*Episode, error) {
	p := a.p.Program
	out := &Episode{Instance: p.Name, Policy: s.opt.Policy, Seed: a.p.Seed, SlowS: e.slowS}
	policy := s.policy(e, seed)
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	e.stop = stop
	root := &line{}
	for {
		e.seek(root)
		d, ok := e.settle()
		if e.err != nil {
			return nil, e.err
		}
		if e.halted {
			return nil, nil
		}
		if !ok {
			break
		}
		step, move, err := s.decide(ctx, e, policy, root, d)
		if err != nil || step == nil {
			return nil, err
		}
		if len(out.Moves) == 0 {
			now, err := e.scoreAt(root)
			if err != nil {
				return nil, err
			}
			out.StartS = now
		}
		root.moves = append(root.moves, move)
		out.Moves = append(out.Moves, *step)
	}
	if len(out.Moves) == 0 {
		return nil, nil
	}
	if s.opt.Value == LearnedValue { // the game that was played may not have been scored yet
		e.seek(root)
		e.settle()
		e.score()
	}
	final, err := e.scoreAt(root)
	if err != nil {
		return nil, err
	}
	out.FinalS, out.Played, out.Backups = final, len(e.game.Moves()), e.game.Backups()
	return out, s.rewards(e, out, root)
}

// policy is the tree search of one game.
func (s agent) policy(e *environment, seed uint64) mcts.Policy[*line] {
	w := width(e.guide.p)
	backup := mcts.Best
	if s.opt.Value == LearnedValue {
		backup = mcts.Mean // an estimate is no return that can be reached
	}
	if s.opt.Policy == "puct" {
		return mcts.NewPUCT[*line](e, s.opt.Simulations, w, backup, mcts.DirichletNoise{Fraction: 0.1, Alpha: 0.5}, seed)
	}
	return mcts.NewGumbel[*line](e, s.opt.Simulations, w, s.opt.Considered, backup, 1, seed)
}

// decide searches one decision and writes down what the search knows of it and
// the move it would make; nil when the search was stopped before its end.
func (s agent) decide(ctx context.Context, e *environment, policy mcts.Policy[*line], root *line, d malloc.Decision) (*Step, int32, error) {
	e.asked = e.asked[:0]
	decision, err := policy.Decide(ctx, root)
	if err == nil {
		err = e.err
	}
	if err != nil || decision.Simulations < s.opt.Simulations && ctx.Err() != nil {
		return nil, 0, err
	}
	step := describe(e.guide.p, d)
	summary := policy.Tree().Summarize()
	for _, code := range summary.Actions {
		step.Legal = append(step.Legal, decode(code).String())
	}
	step.Logits, step.Visits, step.Values, step.Weights = summary.Logits, summary.Visits, summary.QValues, decision.Weights
	step.Value, step.Chosen = summary.Raw, decision.Slot
	step.Tree = record(e.guide.p, policy.Tree(), e.asked)
	if e.observe != nil {
		e.seek(root)
		if d, ok := e.settle(); ok {
			e.observe(d, decision.Weights)
		}
	}
	return &step, decision.Action, nil
}

// rewards replays the searched moves and notes the difference reward of each:
// simulated time with all undecided touches DROP, before minus after the move
// and what it entails until the next searched decision.
func (s agent) rewards(e *environment, out *Episode, root *line) error {
	replay := &line{}
	before := out.StartS
	for i, m := range root.moves {
		replay.moves = append(replay.moves, m)
		after, err := e.scoreAt(replay)
		if err != nil {
			return err
		}
		out.Moves[i].RewardS = before - after
		before = after
	}
	return nil
}

// scoreAt is the time of the plan at a state, undecided touches DROP.
func (e *environment) scoreAt(s *line) (float64, error) {
	e.seek(s)
	e.settle()
	if e.err != nil {
		return 0, e.err
	}
	score, err := e.game.Score()
	return score.TotalS, err
}
