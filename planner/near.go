package planner

import (
	"cmp"
	"slices"

	"strata/malloc"
)

// This file places what a machine with several executors keeps next to the one
// that works on it: caches and activations whose home (the host's memory) the
// executor does not reach, or reaches more slowly than memory of its own.

// nearTiers lists the limited tiers that an executor both reads and writes and
// that are not slower than a buffer's home, fastest first; the home ends the
// list where the executor reaches it.
func nearTiers(p *malloc.Program, executor, home int) []int {
	access := slices.Clone(p.Executors[executor].Access)
	slices.SortStableFunc(access, func(a, b malloc.Access) int { return cmp.Compare(b.ReadBW, a.ReadBW) })
	var list []int
	for _, a := range access {
		if a.ReadBW <= 0 {
			continue
		}
		if a.Tier == home {
			break
		}
		if p.Tiers[a.Tier].Capacity != malloc.Unlimited && joined(p, home, a.Tier) {
			list = append(list, a.Tier)
		}
	}
	return list
}

// executorAt is the executor an instruction runs on when runs names it, else the
// first listed.
func executorAt(p *malloc.Program, runs []int, t int) int {
	on := p.Instructions[t].RunsOn
	if len(on) == 0 {
		return 0
	}
	for _, r := range on {
		if r.Executor == runs[t] {
			return runs[t]
		}
	}
	return on[0].Executor
}

// stayNear makes a buffer of the body always resident in the fastest tier with
// room, if one executor alone works on it.
func stayNear(g *malloc.Game, b int, runs []int) bool {
	p := g.Program()
	x := -1
	for _, t := range g.Touches(b) {
		if !t.Body {
			continue
		}
		on := executorAt(p, runs, t.Instr)
		if x >= 0 && x != on {
			return false
		}
		x = on
	}
	if x < 0 {
		return false
	}
	for _, tier := range nearTiers(p, x, p.Buffers[b].Home) {
		if g.Resident(b, tier) {
			return true
		}
	}
	return false
}

// playNear plays what is left of the present part, buffer by buffer in order of
// the first touch: stay in the fastest tier of the instruction's executor, else
// a copy for the touch, else home. It ends with errStopped when late says so.
func playNear(g *malloc.Game, runs []int, late func() bool) error {
	p, body := g.Program(), g.InBody()
	first := make([]int, len(p.Buffers))
	order := slices.Clone(g.Undecided())
	for _, b := range order {
		for _, t := range g.Touches(b) {
			if t.Body == body {
				first[b] = t.Instr
				break
			}
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return first[x] - first[y] })
	for _, b := range order {
		if late != nil && late() {
			return errStopped
		}
		if g.Choose(b) != nil {
			continue
		}
		home := p.Buffers[b].Home
		start := true
		for !g.Done() && g.InBody() == body && !g.Next().RunOn && g.Next().Buf == b {
			d := g.Next()
			move := malloc.Action{Kind: malloc.Drop}
			x := executorAt(p, runs, d.Instr)
			moves := []malloc.Action{{Kind: malloc.NoCopy}, {Kind: malloc.CopyIn, Lead: 1, Back: -1}, {Kind: malloc.CopyIn, Back: 0}}
			if body && start && !d.Def && p.Buffers[b].Select == nil {
				moves = moves[1:] // a promise that a later touch may not keep
			}
			start = false
		search:
			for _, m := range moves {
				for _, m.Tier = range nearTiers(p, x, home) {
					if g.Legal(m) {
						move = m
						break search
					}
				}
			}
			if _, err := g.Step(move); err != nil {
				return err
			}
		}
	}
	return nil
}

// playResident plays a game in which every instruction runs on the first
// executor it lists, and every buffer of the body stays in the fastest of that
// executor's tiers with room for it: what costs most a byte where it would be
// otherwise comes first. What finds no room is copied for its touches. nil: late
// said that nobody waits any more.
func playResident(p *malloc.Program, late func() bool) (*malloc.Plan, error) {
	g, err := malloc.NewGame(p, nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		return nil, err
	}
	runs := make([]int, len(p.Instructions))
	for t := range p.Instructions {
		if on := p.Instructions[t].RunsOn; len(on) > 0 {
			runs[t] = on[0].Executor
		}
	}
	for !g.Done() {
		for g.Next().RunOn {
			if err := runOn(g, runs); err != nil {
				return nil, err
			}
		}
		if g.InBody() {
			order := slices.Clone(g.Undecided())
			saved := make(map[int]float64, len(order))
			for _, b := range order {
				saved[b] = savedPerByte(g, b, runs)
			}
			slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(saved[y], saved[x]) })
			for _, b := range order {
				if late != nil && late() {
					return nil, nil
				}
				if p.Buffers[b].Select == nil {
					stayNear(g, b, runs)
				}
			}
			if g.Done() || !g.InBody() {
				continue
			}
		}
		if err := playNear(g, runs, late); err == errStopped {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	return g.Plan(), nil
}

// savedPerByte is the time of an iteration, in seconds a byte held, that a buffer
// costs as demand copies: the latencies and transfers of its touches.
func savedPerByte(g *malloc.Game, b int, runs []int) float64 {
	p := g.Program()
	f := &p.Buffers[b]
	cost := func(from, to int) float64 {
		if e := directEngine(p, from, to); e >= 0 {
			return p.Engines[e].LatencyS + float64(f.Size)/p.Engines[e].BW
		}
		for via := range p.Tiers {
			e1, e2 := directEngine(p, from, via), directEngine(p, via, to)
			if e1 >= 0 && e2 >= 0 {
				return p.Engines[e1].LatencyS + p.Engines[e2].LatencyS + float64(f.Size)*(1/p.Engines[e1].BW+1/p.Engines[e2].BW)
			}
		}
		return 0
	}
	sum := 0.0
	for _, t := range g.Touches(b) {
		if !t.Body {
			continue
		}
		x := executorAt(p, runs, t.Instr)
		near := nearTiers(p, x, f.Home)
		if len(near) == 0 {
			continue
		}
		reached := false
		for _, a := range p.Executors[x].Access {
			if a.Tier == f.Home && a.ReadBW > 0 {
				reached = true
				for _, n := range p.Executors[x].Access {
					if n.Tier == near[0] {
						sum += float64(t.ReadBytes+t.WriteBytes) * (1/a.ReadBW - 1/n.ReadBW)
					}
				}
			}
		}
		if reached {
			continue
		}
		if t.Read || !t.Def {
			sum += cost(f.Home, near[0])
		}
		if t.Write {
			sum += cost(near[0], f.Home)
		}
	}
	return sum / float64(max(f.Size, 1))
}
