package workflow

import (
	"context"
	"errors"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
)

// Game is a mallocGame that a person, the agent or both play.
type Game struct {
	*planner.Match
	Program *malloc.Program
	Bound   costmodel.Bound

	seed uint64
	job  *Job             // nil: a bare instance
	ref  *malloc.ModelRef // nil: a bare instance
}

// ModelGame starts a game on a model and a machine.
func ModelGame(ctx context.Context, m *Model, r Request, simulations int, seed uint64, progress Progress) (*Game, error) {
	j, err := Lower(m, r)
	if err != nil {
		return nil, err
	}
	ref, err := m.Ref(ctx, progress)
	if err != nil {
		return nil, err
	}
	g, err := InstanceGame(ctx, j.Program(), simulations, seed)
	if err != nil {
		return nil, j.advise(err)
	}
	g.job, g.ref = j, ref
	return g, nil
}

// InstanceGame starts a game on an instance.
func InstanceGame(ctx context.Context, p *malloc.Program, simulations int, seed uint64) (*Game, error) {
	bound, err := costmodel.BestBound(p)
	if err != nil {
		return nil, err
	}
	g := &Game{Program: p, Bound: bound, seed: seed}
	g.Match, err = planner.NewMatch(ctx, &planner.Problem{Program: p, LowerS: bound.TotalS, LowerPeriodS: bound.PerIterationS, Seed: seed}, simulations)
	var tooSmall *malloc.InfeasibleError
	if errors.As(err, &tooSmall) {
		return nil, noRoom(p, tooSmall, "game")
	}
	return g, err
}

// Result is the checked plan of the game as it stands, undecided touches at home.
func (g *Game) Result() (*PlanResult, error) {
	found, err := g.Match.Result()
	if err != nil {
		return nil, err
	}
	res, err := resultOf(g.Program, found.Plan, found, g.Bound, g.seed)
	if err != nil || g.job == nil {
		return res, err
	}
	res.Job, res.Assumed, res.Executable = g.job, nonNil(g.job.Assumed), g.job.plannedOnly()
	g.job.Label(res.Plan, g.ref, res.Baselines)
	return res, nil
}
