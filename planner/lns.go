package planner

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"strata/malloc"
)

// lnsSolver is a large-neighbourhood search: destroy a part of the plan, repair
// it greedily with noise, keep the outcome by simulated annealing. It begins from
// the best of the baselines and runs as islands, each with its own random
// numbers, evaluators and present plan. Islands meet after equal numbers of
// evaluations and exchange plans in a fixed order, so that with a budget of
// evaluations the result depends on the seed alone, not on the number of
// threads. With a budget of time it is as good as the clock.
//
// There are two ways to hold a plan, each with operators of its own (see
// landscape): as a script of the mallocGame, which knows every kind of instance,
// and as a ring of streamed buffers, for loops that stream read-only ones.
type lnsSolver struct {
	starts []*malloc.Plan // plans to begin from; none: the baselines make them
}

func (lnsSolver) Name() string { return "lns" }

// Sizes of the search.
const (
	lnsIslands     = 4    // whatever the number of threads: the result must not depend on it
	lnsEpoch       = 100  // evaluations of an island between two exchanges
	lnsUnlimited   = 2000 // evaluations of a Solve without limits
	lnsElite       = 6    // plans kept for exchange
	lnsStartHeat   = 2e-4 // temperature at the start, as a share of the best time
	lnsEndHeat     = 2e-7 // and at the end
	lnsStartsShare = 0.35 // of the budget for the baselines it begins from
)

// lnsBaselines are the solvers whose plans begin the search.
var lnsBaselines = []string{"pin-stream", "layers", "llamacpp-fit", "kv-resident", "xla-greedy"}

// landscape is a way to hold a plan and to change it.
type landscape interface {
	// operators names the ways to change it.
	operators() []string
	// propose makes a changed plan with an operator; nil when nothing came of it.
	propose(op int, rng *rand.Rand) *malloc.Plan
	// settle ends a proposal: the changed plan becomes the present one, or not.
	settle(accepted bool)
	// adopt makes a plan from elsewhere the present one, as nearly as the
	// landscape can hold it, and returns the plan it holds; nil when it cannot.
	adopt(plan *malloc.Plan) *malloc.Plan
}

func (s lnsSolver) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	a.component = "demand"
	base, err := demandPlan(p.Program)
	if err != nil {
		return nil, err
	}
	if _, err := a.offer(base); err != nil {
		return nil, err
	}
	elite := []eliteMember{{a.best.Plan, a.best.Score.TotalS}}
	if len(s.starts) > 0 {
		a.component = s.Name()
		for _, plan := range s.starts {
			before := a.best.Plan
			if score, err := a.offer(plan); err == nil && (a.best.Plan != before || score.TotalS > a.best.Score.TotalS*nearBest) {
				elite = addElite(elite, plan, score.TotalS)
			}
		}
	} else if elite, err = s.baselines(a, elite); err != nil {
		return nil, err
	}
	if a.done() {
		a.ease()
		return a.result(s.Name())
	}
	a.component = s.Name()
	islands, err := s.populate(a, base, elite)
	if err != nil {
		return nil, err
	}
	for !a.done() && len(islands) > 0 {
		if a.budget == (Budget{}) && a.evaluations >= lnsUnlimited {
			break
		}
		if err := s.epoch(a, islands); err != nil {
			return nil, err
		}
		elite = exchange(a, islands, elite)
	}
	a.ease()
	return a.result(s.Name())
}

// baselines makes the plans to begin from, with a share of the budget.
func (lnsSolver) baselines(a *attempt, elite []eliteMember) ([]eliteMember, error) {
	total := a.rest(lnsStartsShare)
	if a.budget == (Budget{}) {
		total.Evaluations = lnsUnlimited / 4
	}
	for i, name := range lnsBaselines {
		if a.done() {
			break
		}
		solver, err := New(name)
		if err != nil {
			return nil, err
		}
		part := Budget{Evaluations: total.Evaluations / int64(len(lnsBaselines)-i), Time: total.Time / time.Duration(len(lnsBaselines)-i)}
		if name == "pin-stream" {
			part = Budget{Evaluations: total.Evaluations / 2, Time: total.Time / 2}
		}
		if total.Evaluations > 0 {
			part.Evaluations = max(part.Evaluations, 1)
		}
		r, err := solver.Solve(a.ctx, a.p, part, nil)
		if errors.Is(err, ErrNotApplicable) || err != nil && tooSmall(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		a.evaluations += r.Evaluations
		total.Evaluations -= min(total.Evaluations, r.Evaluations)
		total.Time = max(0, total.Time-time.Duration(r.WallS*float64(time.Second)))
		a.rejected += r.Rejected
		if a.rejection == nil {
			a.rejection = r.FirstRejection
		}
		found := r.Incumbent
		found.Evaluations = a.evaluations
		a.adopt(found)
		if r.Component != "demand" {
			elite = addElite(elite, r.Plan, r.Score.TotalS)
		}
	}
	return elite, nil
}

// populate makes the islands. Where a ring can hold the plans, three of four
// islands walk on rings: a ring is a hundred times quicker to change than a game.
func (lnsSolver) populate(a *attempt, base *malloc.Plan, elite []eliteMember) ([]*island, error) {
	spec, streams := newRingSpec(a.p.Program, base)
	if streams {
		spec.lock(a)
	}
	streams = streams && spec.end > spec.begin
	lives := newResidenceSpec(a, base)
	var list []*island
	for i := range lnsIslands {
		x, err := newIsland(a, uint64(i))
		if err != nil {
			return nil, err
		}
		if lives != nil {
			x.land = newResidenceWalk(x.a, lives)
		} else if streams && i%4 != 3 {
			x.land = newRingWalk(spec)
		} else if x.land, err = newScriptWalk(x.a, base); err != nil {
			var infeasible *malloc.InfeasibleError
			if errors.As(err, &infeasible) {
				continue // the game refuses what only fits repacked
			}
			return nil, err
		}
		x.begin()
		for k := range elite {
			if x.settleOn(elite[(k+i)%len(elite)].plan) {
				break
			}
		}
		if x.ready {
			list = append(list, x)
		}
	}
	return list, nil
}

// epoch lets every island run on its own for an equal number of evaluations.
func (lnsSolver) epoch(a *attempt, islands []*island) error {
	share := int64(lnsEpoch)
	if a.budget.Evaluations > 0 {
		left := a.budget.Evaluations - a.evaluations
		share = min(share, max(1, left/int64(len(islands))))
	}
	progress := a.progress()
	next := make(chan *island, len(islands))
	for _, x := range islands {
		next <- x
	}
	close(next)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(islands)) {
		wait.Go(func() {
			for x := range next {
				x.run(share, progress)
			}
		})
	}
	wait.Wait()
	for _, x := range islands {
		if x.err != nil {
			return x.err
		}
	}
	return nil
}

// progress is the share of the budget that is spent.
func (a *attempt) progress() float64 {
	done := 0.0
	if a.budget.Evaluations > 0 {
		done = float64(a.evaluations) / float64(a.budget.Evaluations)
	}
	if a.budget.Time > 0 {
		done = max(done, float64(time.Since(a.started))/float64(a.budget.Time))
	}
	if a.budget == (Budget{}) {
		done = float64(a.evaluations) / lnsUnlimited
	}
	return min(1, done)
}

// eliteMember is a plan kept for exchange and its time.
type eliteMember struct {
	plan   *malloc.Plan
	totalS float64
}

// addElite keeps the best distinct plans, best first.
func addElite(list []eliteMember, plan *malloc.Plan, totalS float64) []eliteMember {
	at := len(list)
	for at > 0 && list[at-1].totalS > totalS {
		at--
	}
	if at > 0 && list[at-1].totalS == totalS {
		return list
	}
	list = append(list, eliteMember{})
	copy(list[at+1:], list[at:])
	list[at] = eliteMember{plan, totalS}
	return list[:min(len(list), lnsElite)]
}

// exchange gathers what the islands found, in their order, and lets those that
// are behind begin anew from the elite.
func exchange(a *attempt, islands []*island, elite []eliteMember) []eliteMember {
	spent := int64(0)
	for _, x := range islands {
		spent += x.a.evaluations - x.counted
		x.counted = x.a.evaluations
	}
	a.evaluations += spent
	for _, x := range islands {
		a.rejected += x.a.rejected
		x.a.rejected = 0
		if a.rejection == nil {
			a.rejection = x.a.rejection
		}
		found := x.a.best
		if found.Plan == nil {
			continue
		}
		found.Evaluations = a.evaluations
		a.adopt(found)
		elite = addElite(elite, found.Plan, found.Score.TotalS)
	}
	for _, x := range islands {
		a.bestScreen = min(a.bestScreen, x.a.bestScreen)
	}
	for _, x := range islands {
		// What an island finds from now on must be better than all.
		x.a.best, x.a.bestScreen = Incumbent{Score: a.best.Score}, a.bestScreen
		x.epochs++
		behind := x.nowS > a.best.Score.TotalS*(1+50*x.heat) || math.IsInf(x.nowS, 1)
		if behind && x.epochs%4 == 0 {
			x.settleOn(elite[x.rng.IntN(min(3, len(elite)))].plan)
		}
	}
	return elite
}
