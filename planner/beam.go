package planner

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"strata/malloc"
)

// beam is a beam search over the game: buffers are decided in the order of their
// benefit a byte, each in a few ways of the greedy's, and of all games so far the
// beamWidth that score best go on, undecided touches counting as DROP. When its
// budget ends early the best game's other buffers are decided as the greedy does.
type beam struct{}

func (beam) Name() string { return "beam" }

const beamWidth = 64

// beamWays are the ways in which a buffer is decided: stay as long as there is
// room, stay over short gaps, a copy for each use, or home.
var beamWays = []xlaKnobs{{key: 1, lead: 2, gap: math.Inf(1)}, {key: 1, lead: 3, gap: 2}, {key: 1, lead: 1, gap: 0}, {key: -1}}

// beamState is a game in the beam.
type beamState struct {
	g       *malloc.Game
	seconds float64
}

func (s beam) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	t, err := newGreedyTable(a)
	if err != nil {
		return nil, err
	}
	for t.g.Next().RunOn && !t.g.Done() {
		if _, err := t.g.Step(t.guide.greedy(t.g, t.g.Next())); err != nil {
			return nil, err
		}
	}
	body := t.g.InBody()
	states := []beamState{{t.g, math.Inf(1)}}
	order := xlaOrder(t.g, t.guide, beamWays[0].key)
	for len(order) > 0 && !a.done() {
		if states, err = t.widen(states, order[0], body); err != nil {
			return nil, err
		}
		order = order[1:]
	}
	if ctx.Err() != nil {
		return a.result(s.Name())
	}
	if len(order) > 0 {
		states = states[:1]
	}
	for _, state := range states {
		for _, b := range order {
			if err := t.decide(state.g, b, beamWays[0], body); err != nil {
				return nil, err
			}
		}
		if body {
			if err := a.straight(state.g); errors.Is(err, errStopped) {
				break
			} else if err != nil {
				return nil, err
			}
		}
		if _, err := a.offer(state.g.Plan()); err != nil {
			return nil, err
		}
		if a.done() {
			break
		}
	}
	return a.result(s.Name())
}

// widen decides a buffer in every state and way and keeps the best states, of equal
// ones the first.
func (t *greedyTable) widen(states []beamState, b int, body bool) ([]beamState, error) {
	var next []beamState
	seen := map[uint64]bool{}
	for _, state := range states {
		for _, way := range beamWays {
			if t.a.done() && len(next) > 0 {
				break
			}
			child := state.g.Clone(nil)
			if err := t.decide(child, b, way, body); err != nil {
				return nil, err
			}
			if key := child.Key(); seen[key] {
				continue
			} else {
				seen[key] = true
			}
			score, err := t.a.offer(child.Plan())
			if err != nil {
				return nil, err
			}
			next = append(next, beamState{child, score.TotalS})
		}
	}
	slices.SortStableFunc(next, func(x, y beamState) int { return cmp.Compare(x.seconds, y.seconds) })
	return next[:min(len(next), beamWidth)], nil
}

// decide plays one buffer's touches of the present part in a way.
func (t *greedyTable) decide(g *malloc.Game, b int, way xlaKnobs, body bool) error {
	if g.Done() || g.InBody() != body || g.Choose(b) != nil {
		return nil // forced already
	}
	p, touches, tier := g.Program(), g.Touches(b), t.guide.tier[b]
	for !g.Done() {
		d := g.Next()
		if d.RunOn || d.Buf != b || g.InBody() != body {
			break
		}
		move := malloc.Action{Kind: malloc.Drop}
		if tier >= 0 && way.key >= 0 {
			move = cascade(g, t.guide, d, touches, way, tier, 0, p.Tiers[tier].Capacity)
		}
		if move.Kind == malloc.Drop {
			move = t.guide.dropOrFirst(g)
		}
		if _, err := g.Step(move); err != nil {
			return err
		}
	}
	return nil
}
