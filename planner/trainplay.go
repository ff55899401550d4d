package planner

import (
	"math"
	"math/rand/v2"

	"strata/malloc"
	"strata/planner/network"
)

// sit makes an attempt and an environment to play a problem in with a network.
func (t *training) sit(x *TrainingProblem, opt AgentOptions) (*attempt, *environment, []func(*guide), error) {
	a, err := begin(t.ctx, x.Problem, Budget{}, nil, "train")
	if err != nil {
		return nil, nil, nil, err
	}
	e, openings, err := NewAgent(opt).(agent).table(a)
	if e != nil {
		e.found = func(*malloc.Game, float64) {}
	}
	return a, e, openings, err
}

// imitate plays a game whose moves are the teacher's, as nearly as they are legal,
// but for a share of random ones. Every decision becomes a sample: what the
// teacher would do, and what the game returned. Every other game is played under
// a guide that has learned from a poorer plan, as in the midst of a search.
func (t *training) imitate(l *lesson, game int, rng *rand.Rand) ([]network.Sample, float64, error) {
	blank := network.New(stateFeatures, actionFeatures, 0)
	a, e, openings, err := t.sit(&l.TrainingProblem, AgentOptions{Prior: LearnedPrior, Network: blank})
	if e == nil || err != nil {
		return nil, 0, err
	}
	if game == 0 {
		score, err := a.screen.Evaluate(l.Problem.Program, l.plan)
		if err != nil {
			return nil, 0, err
		}
		l.best = (e.slowS - score.TotalS) / e.spanS
	}
	script, err := newScriptWalk(a, e.base)
	if err != nil {
		return nil, 0, err
	}
	wishes := script.write(l.plan)
	start := e.game.Mark()
	switch {
	case game == 0:
		e.believe(func(g *guide) { g.learn(l.plan) })
	case game%2 == 1:
		e.believe(func(g *guide) { g.learn(l.weak) })
	default:
		e.believe(openings[rng.IntN(len(openings))])
	}
	e.begin(start, everything(e))
	noise := noises[game%len(noises)]
	var out []network.Sample
	for {
		d, ok := e.settle()
		if e.err != nil {
			return nil, 0, e.err
		}
		if !ok {
			break
		}
		pick := e.nearest(wishes.wish[script.touchFrom[d.Buf]+int32(d.Touch)], e.learned.features.buffers[d.Buf].touches[d.Touch].home)
		wanted := make([]float64, len(e.legal))
		wanted[pick] = 1
		out = append(out, e.learned.sample(e, d, wanted))
		if rng.Float64() < noise {
			pick = rng.IntN(len(e.legal))
		}
		e.play(e.legal[pick])
	}
	value := e.score()
	for i := range out {
		out[i].Value = within(value)
	}
	return thin(out, mostDecisions), value, e.err
}

// nearest is the legal move that does what a wish does, or the most similar one: of
// copies rather an early than a late one, and where the executor reaches home none at
// all rather than a very late one, which everything would wait for.
func (e *environment) nearest(wish malloc.Action, reachable bool) int {
	wished := wish.Back
	if wish.Kind == malloc.CopyIn && wished < 0 {
		wished = 0
	}
	best, distance := 0, math.Inf(1)
	for i, a := range e.legal {
		far := 0.0
		switch {
		case a.Kind == malloc.CopyIn && wish.Kind == malloc.CopyIn:
			far = math.Log2(float64(e.backs[i]+1)) - math.Log2(float64(wished+1))
			if far < 0 {
				far *= -2
			}
		case a.Kind == wish.Kind:
		case a.Kind == malloc.Drop && reachable:
			far = 3
		case a.Kind == malloc.Drop:
			far = 100
		case wish.Kind == malloc.Drop:
			far = 100
		default:
			far = 10 // stays in place of a copy, or the reverse
		}
		if a.Kind != malloc.Drop && wish.Kind != malloc.Drop && a.Tier != wish.Tier {
			far += 20
		}
		if far < distance {
			best, distance = i, far
		}
	}
	return best
}

// within bounds a return to learn: how much slower than all at home a bad game is
// teaches nothing.
func within(value float64) float64 { return min(1, max(-1, value)) }

// thin keeps at most n samples, evenly.
func thin(list []network.Sample, n int) []network.Sample {
	if len(list) <= n {
		return list
	}
	out := make([]network.Sample, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

// selfPlay lets the agent search a problem with the network and returns its
// searches: the improved policy of each decision, and the return of the game.
func (t *training) selfPlay(l *lesson, n *network.Network, round uint64) ([]network.Sample, error) {
	problem := *l.Problem
	problem.Seed = t.opt.Seed*1000 + round
	a, err := begin(t.ctx, &problem, Budget{Evaluations: t.opt.SelfEvaluations}, nil, "train")
	if err != nil {
		return nil, err
	}
	s := NewAgent(AgentOptions{Prior: LearnedPrior, Network: n, Window: 8}).(agent)
	var out []network.Sample
	_, err = s.play(a, func(game []network.Sample, value float64) {
		for i := range game {
			game[i].Value = within(value)
		}
		out = append(out, game...)
	})
	return thin(out, mostDecisions), err
}

// returns are the mean returns of the network's and of the guide's first games.
func (t *training) returns(n *network.Network, heldOut bool) (network, guide float64, err error) {
	count := 0.0
	for i := range t.lessons {
		l := &t.lessons[i]
		if l.HeldOut != heldOut {
			continue
		}
		_, e, openings, err := t.sit(&l.TrainingProblem, AgentOptions{Prior: LearnedPrior, Network: n})
		if err != nil {
			return 0, 0, err
		}
		best, opening := math.Inf(1), 0
		start := e.game.Mark()
		for k, open := range openings {
			e.believe(open)
			total, err := agent{}.opening(e, start)
			if err != nil {
				return 0, 0, err
			}
			if total < best {
				best, opening = total, k
			}
		}
		e.believe(openings[opening])
		value, err := e.learned.play(e, start, false, nil)
		if err != nil {
			return 0, 0, err
		}
		network += within(value)
		guide += within((e.slowS - best) / e.spanS)
		count++
	}
	return network / max(count, 1), guide / max(count, 1), nil
}
