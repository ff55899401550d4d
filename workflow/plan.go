package workflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/planner"
	"strata/planner/network"
	"strata/simulate"
)

// SearchOptions limits a search.
type SearchOptions struct {
	Solver      string // "" : auto
	Time        time.Duration
	Evaluations int64
	Seed        uint64
	OnIncumbent func(planner.Incumbent)
	Locks       planner.Locks // buffers that stay as they are
	Agent       AgentChoice   // solver mcts only
}

// AgentChoice says what the agent asks before it searches and at a leaf; empty
// fields mean what is on by default.
type AgentChoice struct {
	Prior, Value string
	Weights      string // a file of strata train; "": the network that is shipped
}

// solver makes the solver mcts with these choices.
func (c AgentChoice) solver() (planner.Solver, error) {
	opt := planner.AgentOptions{Prior: c.Prior, Value: c.Value}
	if !slices.Contains(planner.Priors, c.Prior) && c.Prior != "" {
		return nil, Badf("--prior %q: one of %s is expected", c.Prior, strings.Join(planner.Priors, ", "))
	}
	if !slices.Contains(planner.Values, c.Value) && c.Value != "" {
		return nil, Badf("--value %q: one of %s is expected", c.Value, strings.Join(planner.Values, ", "))
	}
	if c.Weights != "" {
		if c.Prior != planner.LearnedPrior && c.Value != planner.LearnedValue {
			return nil, Badf("--weights needs --prior %s or --value %s", planner.LearnedPrior, planner.LearnedValue)
		}
		f, err := os.Open(c.Weights)
		if err != nil {
			return nil, bad(err)
		}
		defer f.Close()
		if opt.Network, _, err = network.Read(f); err == nil {
			err = planner.CheckNetwork(opt.Network)
		}
		if err != nil {
			return nil, Badf("%s: %w", c.Weights, err)
		}
	}
	return planner.NewAgent(opt), nil
}

// BaselineTime is what one baseline reached.
type BaselineTime struct {
	Name       string   `json:"name"`
	PredictedS *float64 `json:"predicted_s"` // null when it does not apply
	Reason     string   `json:"reason,omitempty"`
}

// PlanResult is a plan with what is predicted of it.
type PlanResult struct {
	Solver             string         `json:"solver"`
	Component          string         `json:"component"` // what found the plan
	PredictedS         float64        `json:"predicted_s"`
	PrefillS           float64        `json:"prefill_s"`
	PredictedSPerToken float64        `json:"predicted_s_per_token"`
	LowerBoundS        float64        `json:"lower_bound_s"`
	LowerBoundMethod   string         `json:"lower_bound_method"` // what bounds the whole run: periodic/2, lagrangian/1
	Gap                float64        `json:"gap"`
	LowerBoundSPerTok  float64        `json:"lower_bound_s_per_token"`
	GapPerToken        float64        `json:"gap_per_token"`
	Evaluations        int64          `json:"evaluations"`
	WallS              float64        `json:"wall_s"`
	Seed               uint64         `json:"seed"`
	Stopped            string         `json:"stopped"`
	AgentAloneS        *float64       `json:"agent_alone_s"` // best of mcts without a baseline's help
	Tiers              []TierUse      `json:"tiers"`
	Baselines          []BaselineTime `json:"baselines"`
	Assumed            []string       `json:"assumed"`
	Executable         string         `json:"executable"`

	Plan    *malloc.Plan     `json:"-"`
	Job     *Job             `json:"-"`
	Program *malloc.Program  `json:"-"`
	Episode *planner.Episode `json:"-"`
}

// MakePlan lowers a request and searches a plan for it.
func MakePlan(ctx context.Context, m *Model, r Request, opt SearchOptions, progress Progress) (*PlanResult, error) {
	j, err := Lower(m, r)
	if err != nil {
		return nil, err
	}
	ref, err := m.Ref(ctx, progress)
	if err != nil {
		return nil, err
	}
	res, err := Search(ctx, j.Program(), opt)
	if err != nil {
		return nil, j.advise(err)
	}
	res.Job, res.Assumed, res.Executable = j, nonNil(j.Assumed), j.plannedOnly()
	j.Label(res.Plan, ref, res.Baselines)
	return res, nil
}

// Label writes into a plan what it was made from and what it was compared with.
func (j *Job) Label(plan *malloc.Plan, ref *malloc.ModelRef, baselines []BaselineTime) {
	j.label(plan, ref)
	plan.Ext.Baselines = map[string]float64{}
	for _, b := range baselines {
		if b.PredictedS != nil {
			plan.Ext.Baselines[b.Name] = *b.PredictedS
		}
	}
}

func (j *Job) label(plan *malloc.Plan, ref *malloc.ModelRef) {
	plan.Model, plan.Lowering = ref, j.loweringRef()
	plan.Ext = &malloc.PlanExt{Profile: j.Machine.Name, Capacities: j.Capacities, Pins: j.Request.Pins, AllowAssumed: j.Request.AllowAssumed}
}

// Search runs a solver on an instance. When ctx ends, the best checked plan so
// far is the result.
func Search(ctx context.Context, p *malloc.Program, opt SearchOptions) (*PlanResult, error) {
	name := opt.Solver
	if name == "" {
		name = "auto"
	}
	solver, err := planner.New(name)
	if err != nil {
		return nil, bad(err)
	}
	if opt.Agent != (AgentChoice{}) {
		if name != "mcts" {
			return nil, Badf("--prior, --value and --weights are the agent's: use them with --solver mcts, not %s", name)
		}
		if solver, err = opt.Agent.solver(); err != nil {
			return nil, err
		}
	}
	lower := costmodel.BestBound
	if opt.Time > 0 && opt.Time < time.Second {
		lower = costmodel.LowerBound // a short search must not wait for its bound
	}
	bound, err := lower(p)
	if err != nil {
		return nil, err
	}
	problem := &planner.Problem{Program: p, LowerS: bound.TotalS, LowerPeriodS: bound.PerIterationS, Seed: opt.Seed, Locks: opt.Locks}
	found, err := solver.Solve(ctx, problem, planner.Budget{Time: opt.Time, Evaluations: opt.Evaluations}, opt.OnIncumbent)
	var tooSmall *malloc.InfeasibleError
	switch {
	case errors.As(err, &tooSmall):
		return nil, noRoom(p, tooSmall, name)
	case errors.Is(err, planner.ErrNotApplicable):
		return nil, bad(err)
	case err != nil:
		return nil, err
	}
	return resultOf(p, compact(p, found.Plan), found, bound, opt.Seed)
}

// resultOf says what is predicted of a plan that a solver found.
func resultOf(p *malloc.Program, plan *malloc.Plan, found *planner.Result, bound costmodel.Bound, seed uint64) (*PlanResult, error) {
	report, err := simulate.New().Report(p, plan)
	if err != nil {
		return nil, err
	}
	res := &PlanResult{Solver: found.Solver, Component: found.Component, PredictedS: report.TotalS, PrefillS: report.BeforeS,
		LowerBoundS: bound.TotalS, LowerBoundMethod: bound.Method, Gap: found.Gap(), LowerBoundSPerTok: bound.MeanS, Evaluations: found.Evaluations,
		WallS: found.WallS, Seed: seed, Stopped: string(found.Stopped), Assumed: []string{}, Baselines: []BaselineTime{},
		Plan: plan, Program: p, Episode: found.Episode}
	if loop := p.PeriodicLoop(); loop != nil {
		res.PredictedSPerToken = report.LoopS / float64(loop.Trip)
		res.GapPerToken = res.PredictedSPerToken/bound.MeanS - 1
	}
	if found.Alone != nil {
		s := found.Alone.Score.TotalS
		res.AgentAloneS = &s
	}
	for _, b := range found.Baselines {
		line := BaselineTime{Name: b.Name}
		if b.Err != nil {
			line.Reason = strings.TrimSuffix(strings.TrimPrefix(b.Err.Error(), "planner: "+b.Name+": "), ": "+planner.ErrNotApplicable.Error())
		} else {
			s := b.Score.TotalS
			line.PredictedS = &s
		}
		res.Baselines = append(res.Baselines, line)
	}
	for t, used := range peaksOf(p, plan) {
		res.Tiers = append(res.Tiers, TierUse{p.Tiers[t].Name, p.Tiers[t].Capacity, used})
	}
	return res, nil
}

// NoRoomError says which tier is too small, and what would do.
type NoRoomError struct {
	Tier       string
	Index      int
	LeastBytes int64 // least capacity for which a plan is known
	cause      *malloc.InfeasibleError
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("%d bytes of %s are too few: instruction %d (%s) alone needs %d; the least that works is %d (%s)",
		e.cause.CapacityBytes, e.Tier, e.cause.Instr, e.cause.InstrName, e.cause.NeedBytes, e.LeastBytes, FormatBytes(e.LeastBytes))
}
func (e *NoRoomError) Unwrap() error { return e.cause }

// compact packs a plan's blocks anew where that lowers a peak: a plan for a large
// tier may lie scattered over it, and an arena has all bytes up to its peak.
// Placement changes no time.
func compact(p *malloc.Program, plan *malloc.Plan) *malloc.Plan {
	packed, err := malloc.Repack(p, plan)
	if err != nil {
		return plan
	}
	before, after := peaksOf(p, plan), peaksOf(p, packed)
	lower := false
	for t := range after {
		if after[t] > before[t] {
			return plan
		}
		lower = lower || after[t] < before[t]
	}
	if !lower || CheckPlan("the packed plan", p, packed) != nil {
		return plan
	}
	return packed
}

// noRoom finds what would do: more room or, where a plan is known to fit, another
// solver.
func noRoom(p *malloc.Program, e *malloc.InfeasibleError, solver string) error {
	least := e.NeedBytes
	if plan, _, _, err := planner.MinCapacity(p, e.Tier); err == nil {
		least = plan
	}
	if least <= p.Tiers[e.Tier].Capacity {
		return Refusedf("solver %s finds no room in %d bytes of %s, though a plan fits: use --solver pin-stream or demand, or a little more room",
			solver, p.Tiers[e.Tier].Capacity, p.Tiers[e.Tier].Name)
	}
	return &Fault{NoFit, &NoRoomError{Tier: p.Tiers[e.Tier].Name, Index: e.Tier, LeastBytes: least, cause: e}}
}

// advise adds the option that gives a tier its size.
func (j *Job) advise(err error) error {
	var e *NoRoomError
	switch {
	case !errors.As(err, &e):
		return err
	case e.Index == j.Lowered.HomeTier:
		return fmt.Errorf("%w: use --dram %d, or a smaller --ctx-size or --ubatch-size", err, e.LeastBytes)
	}
	return fmt.Errorf("%w: use --tier %s=%d", err, e.Tier, e.LeastBytes)
}
