package planner

import (
	"context"
	"errors"
	"fmt"

	"strata/malloc"
)

// demandSolver is the all-DROP plan: everything stays at home, what an
// instruction cannot reach is copied in for it and given up after it.
type demandSolver struct{}

func (demandSolver) Name() string { return "demand" }

func (s demandSolver) Solve(ctx context.Context, p *Problem, budget Budget, report func(Incumbent)) (*Result, error) {
	a, err := begin(ctx, p, budget, report, s.Name())
	if err != nil {
		return nil, err
	}
	plan, err := demandPlan(p.Program)
	if err != nil {
		return nil, err
	}
	if _, err := a.offer(plan); err != nil {
		return nil, err
	}
	return a.result(s.Name())
}

func errNoPlan(solver string) error {
	return fmt.Errorf("planner: %s found no plan", solver)
}

// roomy is the capacity that stands for "as much as it takes" in a limited tier.
const roomy = int64(1) << 50

// demandPlan returns the all-DROP plan. Where the game refuses the instance, for
// its offset rule fragments a tight tier, it is built with room to spare and
// packed anew; a *malloc.InfeasibleError says what it still needs.
func demandPlan(p *malloc.Program) (*malloc.Plan, error) {
	g, err := malloc.NewGame(p, nil, malloc.Options{NoReward: true})
	if err == nil {
		return g.Plan(), nil
	}
	var infeasible *malloc.InfeasibleError
	if !errors.As(err, &infeasible) {
		return nil, err
	}
	wide := *p
	wide.Tiers = append([]malloc.Tier(nil), p.Tiers...)
	for i := range wide.Tiers {
		if wide.Tiers[i].Capacity != malloc.Unlimited {
			wide.Tiers[i].Capacity = roomy
		}
	}
	g, werr := malloc.NewGame(&wide, nil, malloc.Options{NoReward: true})
	if werr != nil {
		return nil, err
	}
	plan, werr := malloc.Repack(&wide, g.Plan())
	if werr != nil {
		return nil, err
	}
	for tier, peak := range peaks(p, plan) {
		if c := p.Tiers[tier].Capacity; c != malloc.Unlimited && peak > c {
			infeasible.NeedBytes, infeasible.CapacityBytes = peak, c
			infeasible.Tier, infeasible.TierName = tier, p.Tiers[tier].Name
			if t := fullest(p, plan, tier); t >= 0 {
				infeasible.Instr, infeasible.InstrName, infeasible.Buf = t, p.Instructions[t].Name, malloc.ScratchBuf
			}
			return nil, infeasible
		}
	}
	return plan, nil
}

// peaks returns per tier the highest address a plan uses.
func peaks(p *malloc.Program, plan *malloc.Plan) []int64 {
	size := newSizes(p)
	top := make([]int64, len(p.Tiers))
	for _, b := range plan.Blocks {
		top[b.Tier] = max(top[b.Tier], b.Offset+size.of(b))
	}
	return top
}

// fullest is the instruction at which a plan's blocks in a tier hold the most
// bytes; -1 for an empty program.
func fullest(p *malloc.Program, plan *malloc.Plan, tier int) int {
	size := newSizes(p)
	load := make([]int64, len(p.Instructions)+1)
	begin, end := 0, len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		begin, end = l.Begin, l.End
	}
	for _, b := range plan.Blocks {
		if b.Tier != tier {
			continue
		}
		z := size.of(b)
		load[b.Start] += z
		if b.Start >= begin && b.Start < end && b.End > end {
			load[end] -= z
			load[begin] += z
			load[b.End-(end-begin)] -= z
		} else {
			load[b.End] -= z
		}
	}
	best, sum, most := -1, int64(0), int64(-1)
	for t := range p.Instructions {
		sum += load[t]
		if sum > most {
			best, most = t, sum
		}
	}
	return best
}

// MinCapacity returns the least capacity of a limited tier for which a checked
// plan was found (planBytes, with that plan) and a bound below which there is
// none: the most bytes that any plan keeps in the tier at one instruction. Other
// tiers keep their capacities. It is deterministic and runs no search: the plan
// is the all-DROP plan, packed anew.
func MinCapacity(p *malloc.Program, tier int) (planBytes, boundBytes int64, plan *malloc.Plan, err error) {
	if tier < 0 || tier >= len(p.Tiers) || p.Tiers[tier].Capacity == malloc.Unlimited {
		return 0, 0, nil, fmt.Errorf("planner: tier %d is not a limited tier of the %d tiers", tier, len(p.Tiers))
	}
	at := *p
	at.Tiers = append([]malloc.Tier(nil), p.Tiers...)
	at.Tiers[tier].Capacity = roomy
	plan, err = demandPlan(&at)
	if err != nil {
		return 0, 0, nil, err
	}
	best := plan
	planBytes = peaks(p, plan)[tier]
	if packed, err := malloc.Repack(&at, plan); err == nil {
		if peak := peaks(p, packed)[tier]; peak < planBytes {
			best, planBytes = packed, peak
		}
	}
	align := max(p.Tiers[tier].Align, 1)
	planBytes = (planBytes + align - 1) / align * align
	at.Tiers[tier].Capacity = planBytes
	report, err := malloc.Check(&at, best, nil)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return 0, 0, nil, fmt.Errorf("planner: the all-DROP plan of %q at %d bytes: %w", p.Name, planBytes, err)
	}
	return planBytes, min(leastLive(p, tier), planBytes), best, nil
}

// leastLive is the most bytes that every plan must hold in a tier at one
// instruction: home blocks, scratch, and operands that no executor of the
// instruction can use anywhere else.
func leastLive(p *malloc.Program, tier int) int64 {
	home := newHomes(p, tier)
	size := newSizes(p)
	most, sum := int64(0), int64(0)
	at := make([]int64, len(p.Buffers))
	for t := range p.Instructions {
		sum += home.change[t]
		need := sum + scratchBytes(p, t, tier)
		var seen []int
		operand := func(o malloc.Operand, write bool) {
			b := &p.Buffers[o.Buf]
			root := home.root[o.Buf]
			if b.Home == tier || !onlyIn(p, t, b.Home, tier, write) || at[root] > 0 {
				return
			}
			if b.Select != nil { // may be read where its parts lie
				for _, of := range b.Select.Of {
					if p.Buffers[of].Home == tier || at[home.root[of]] > 0 {
						return
					}
				}
			}
			at[root] = size.block(o.Buf, tier)
			need += at[root]
			seen = append(seen, root)
		}
		for _, o := range p.Instructions[t].Reads {
			operand(o, false)
		}
		for _, o := range p.Instructions[t].Writes {
			operand(o, true)
		}
		for _, b := range seen {
			at[b] = 0
		}
		most = max(most, need)
	}
	return most
}

// onlyIn says whether every executor that can run t must find a buffer of that
// home in the tier: it reaches the tier, and no other one.
func onlyIn(p *malloc.Program, t, home, tier int, write bool) bool {
	executors := []int{0}
	if on := p.Instructions[t].RunsOn; len(on) > 0 {
		executors = executors[:0]
		for _, r := range on {
			executors = append(executors, r.Executor)
		}
	}
	if len(p.Executors) == 0 {
		return false
	}
	for _, x := range executors {
		for _, a := range p.Executors[x].Access {
			if a.Tier != tier && (!write && a.ReadBW > 0 || write && a.WriteBW > 0) {
				return false
			}
		}
	}
	return home != tier
}
