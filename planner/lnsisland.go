package planner

import (
	"math"
	"math/rand/v2"

	"strata/malloc"
)

// island is one walk of the search: a present plan, the operators that change
// it and what each has been worth.
type island struct {
	a    *attempt // its own evaluators and checker; evaluations are its own too
	land landscape
	rng  *rand.Rand

	nowS   float64 // screened time of the present plan
	heat   float64 // temperature as a share of the best time
	worth  []float64
	names  []string
	ready  bool
	epochs int

	keptS  float64 // time of the plan that a residenceWalk keeps
	keptBy string

	counted int64 // evaluations already taken over by the solver
	err     error
}

func newIsland(a *attempt, index uint64) (*island, error) {
	own, err := begin(a.ctx, a.p, Budget{}, nil, "lns")
	if err != nil {
		return nil, err
	}
	own.started = a.started
	own.budget.Time = a.budget.Time
	own.best.Score = a.best.Score
	return &island{a: own, rng: rand.New(rand.NewPCG(a.p.Seed, 0x6c6e73<<8|index)), nowS: math.Inf(1), heat: lnsStartHeat}, nil
}

// begin takes over the landscape's operators.
func (x *island) begin() {
	x.names = x.land.operators()
	x.worth = make([]float64, len(x.names))
	for i := range x.worth {
		x.worth[i] = 1
	}
}

// settleOn makes a plan from elsewhere the present one.
func (x *island) settleOn(plan *malloc.Plan) bool {
	held := x.land.adopt(plan)
	if held == nil {
		return false
	}
	x.a.component = "lns"
	score, err := x.a.offer(held)
	if err != nil {
		return false
	}
	x.nowS, x.keptS, x.ready = score.TotalS, score.TotalS, true
	x.a.bestScreen = min(x.a.bestScreen, score.TotalS)
	return true
}

// Operators are drawn in proportion to their worth, the mean relative gain of an
// evaluation, but none falls below leastWorth of the mean.
const (
	leastWorth = 0.2
	worthDecay = 0.98
)

func (x *island) draw() int {
	sum := 0.0
	for _, w := range x.worth {
		sum += w
	}
	floor := leastWorth * sum / float64(len(x.worth))
	total := 0.0
	for _, w := range x.worth {
		total += max(w, floor)
	}
	at := x.rng.Float64() * total
	for i, w := range x.worth {
		if at -= max(w, floor); at < 0 {
			return i
		}
	}
	return len(x.worth) - 1
}

// run spends a number of evaluations; progress is the share of the whole budget
// that is spent, for the temperature.
func (x *island) run(evaluations int64, progress float64) {
	x.heat = lnsStartHeat * math.Pow(lnsEndHeat/lnsStartHeat, progress)
	until := x.a.evaluations + evaluations
	// What comes to nothing costs no evaluation, but must not go on for ever.
	for tries := 20 * evaluations; x.a.evaluations < until && tries > 0 && !x.a.late(); tries-- {
		op := x.draw()
		if walk, ok := x.land.(*residenceWalk); ok {
			if !x.step(walk, op) {
				return
			}
			continue
		}
		before := x.a.evaluations
		plan := x.land.propose(op, x.rng)
		if plan == nil {
			x.land.settle(false)
			x.learn(op, 0)
			continue
		}
		x.a.component = "lns " + x.names[op]
		score, err := x.a.offer(plan)
		if err != nil {
			x.err = err
			return
		}
		gain := x.nowS - score.TotalS
		accepted := gain >= 0 || x.rng.Float64() < math.Exp(gain/(x.heat*x.nowS))
		x.land.settle(accepted)
		if accepted {
			x.nowS = score.TotalS
		}
		x.learn(op, max(0, gain)/x.a.best.Score.TotalS/float64(x.a.evaluations-before))
	}
	if walk, ok := x.land.(*residenceWalk); ok && x.err == nil {
		x.harvest(walk)
	}
}

// step is one try of a walk that simulates by itself; false ends the run.
func (x *island) step(walk *residenceWalk, op int) bool {
	seconds, ok := walk.try(op, x.rng)
	if x.err = walk.err; x.err != nil {
		return false
	}
	if !ok {
		walk.settle(false)
		x.learn(op, 0)
		return true
	}
	x.a.evaluations++
	gain := x.nowS - seconds
	accepted := gain >= 0 || x.rng.Float64() < math.Exp(gain/(x.heat*x.nowS))
	walk.settle(accepted)
	if accepted {
		x.nowS = seconds
		if seconds < x.keptS {
			x.keptS, x.keptBy = seconds, x.names[op]
			walk.keep()
		}
	}
	x.learn(op, max(0, gain)/x.a.best.Score.TotalS)
	return true
}

// harvest offers the best plan that the walk has kept since the last time.
func (x *island) harvest(walk *residenceWalk) {
	if !(x.keptS < x.a.best.Score.TotalS) {
		x.keptS = min(x.keptS, x.a.best.Score.TotalS)
		return
	}
	x.a.component = "lns " + x.keptBy
	_, x.err = x.a.offer(walk.take())
	x.a.evaluations-- // counted when it was tried
	x.keptS = x.a.best.Score.TotalS
}

// learn moves an operator's worth towards the gain it just had, in units of the
// temperature: a gain that is large by then is worth much.
func (x *island) learn(op int, gain float64) {
	x.worth[op] = worthDecay*x.worth[op] + (1-worthDecay)*min(gain/x.heat, 20)
}
