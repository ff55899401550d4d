package planner

import (
	"context"
	"fmt"
	"slices"

	"strata/malloc"
)

// Wish is where a user wants a buffer in the periodic loop: kept in Tier, or, if
// Tier is the buffer's home, not kept anywhere but used from home or copied in
// for each use.
type Wish struct{ Buf, Tier int }

// Revise plays the game again as plan did, but with the wishes. Wished buffers
// and those of keep, which stay as they are in plan, get room before all others;
// others may have to give up theirs. The error says which wish has no way or no
// room. The plan returned passed malloc.Check and carries its times.
func Revise(p *malloc.Program, plan *malloc.Plan, wishes []Wish, keep []int) (*malloc.Plan, error) {
	for _, w := range wishes {
		if w.Buf < 0 || w.Buf >= len(p.Buffers) || w.Tier < 0 || w.Tier >= len(p.Tiers) {
			return nil, fmt.Errorf("planner: no buffer %d or no tier %d", w.Buf, w.Tier)
		}
		b := &p.Buffers[w.Buf]
		if w.Tier != b.Home && directEngine(p, b.Home, w.Tier) < 0 {
			return nil, fmt.Errorf("%s cannot go to %s: nothing copies there from %s", b.Name, p.Tiers[w.Tier].Name, p.Tiers[b.Home].Name)
		}
	}
	a, err := begin(context.Background(), &Problem{Program: p}, Budget{}, nil, "revise")
	if err != nil {
		return nil, err
	}
	base, err := demandPlan(p)
	if err != nil {
		return nil, err
	}
	g := newGuide(p, base)
	g.learn(plan)
	first := make([]bool, len(p.Buffers))
	for _, w := range wishes {
		first[w.Buf] = true
		if w.Tier == p.Buffers[w.Buf].Home {
			g.stay[w.Buf], g.back[w.Buf] = false, -1
		} else {
			g.stay[w.Buf], g.tier[w.Buf] = true, w.Tier
		}
	}
	for _, b := range keep {
		if b >= 0 && b < len(first) {
			first[b] = true
		}
	}
	game, err := malloc.NewGame(p, a.screen, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		return nil, err
	}
	e := &environment{game: game, guide: g, a: a, free: true, body: game.InBody() && p.PeriodicLoop() != nil, slowS: 1, spanS: 1, residents: make([]int64, len(p.Buffers))}
	e.begin(game.Mark(), make([]bool, len(p.Buffers)))
	slices.SortStableFunc(e.order, func(x, y int) int { return rankOf(first[x] && g.stay[x]) - rankOf(first[y] && g.stay[y]) })
	e.settle()
	if e.err != nil {
		return nil, e.err
	}
	if !game.Done() {
		if err := game.FinishStraight(nil); err != nil {
			return nil, err
		}
	}
	out := game.Plan()
	out.Solver = "revised"
	a.checker.Stamp(out)
	score, err := a.exact.Evaluate(p, out)
	if err != nil {
		return nil, err
	}
	out.ClaimedS, out.PeriodS = score.TotalS, score.PeriodS
	out.Traffic = trafficOf(p, out)
	report, err := a.checker.Check(out, nil)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return nil, err
	}
	stays := staying(p, out)
	before := staying(p, plan)
	for _, w := range wishes {
		b := &p.Buffers[w.Buf]
		switch {
		case w.Tier != b.Home && stays[w.Buf] != w.Tier:
			return nil, fmt.Errorf("%s finds no room in %s: it needs %d bytes beside what else must be there", b.Name, p.Tiers[w.Tier].Name, blockBytes(p, w.Buf, w.Tier))
		case w.Tier == b.Home && stays[w.Buf] >= 0:
			return nil, fmt.Errorf("%s has to stay in %s: nothing could bring it back in time", b.Name, p.Tiers[stays[w.Buf]].Name)
		}
	}
	for _, b := range keep {
		if b >= 0 && b < len(stays) && before[b] >= 0 && stays[b] != before[b] {
			return nil, fmt.Errorf("%s, which is locked in %s, would lose its room", p.Buffers[b].Name, p.Tiers[before[b]].Name)
		}
	}
	return out, nil
}

func rankOf(first bool) int {
	if first {
		return 0
	}
	return 1
}

// staying is the tier other than home where each buffer stays for the whole
// loop (without one: for more than an instruction), -1: none.
func staying(p *malloc.Program, plan *malloc.Plan) []int {
	out := make([]int, len(p.Buffers))
	for b := range out {
		out[b] = -1
	}
	loop := p.PeriodicLoop()
	for _, b := range plan.Blocks {
		if b.Buf < 0 || p.Buffers[b.Buf].Home == b.Tier {
			continue
		}
		if loop != nil && b.Start >= loop.Begin && b.Start < loop.End && b.End-b.Start == loop.End-loop.Begin || loop == nil && b.End-b.Start > 1 {
			out[b.Buf] = b.Tier
		}
	}
	return out
}
