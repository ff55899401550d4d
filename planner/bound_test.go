package planner

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"strata/costmodel"
	"strata/malloc"
	"strata/simulate"
)

// tinyProgram draws a program of a few buffers: two tiers or three, one executor
// or two, home reached or not, with a loop or without, under either rule of
// overlap.
func tinyProgram(seed uint64) *malloc.Program {
	r := rand.New(rand.NewPCG(seed, 0x74696e79))
	const slow = 0
	p := &malloc.Program{Format: malloc.InstanceFormat, Name: fmt.Sprintf("tiny-%d", seed),
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: []string{"idle_bw", "steal"}[r.IntN(2)]},
		Tiers: []malloc.Tier{{ID: slow, Name: "slow", Capacity: malloc.Unlimited, ReadBW: 10, WriteBW: 10, Align: 1}}}
	fasts := 1 + r.IntN(2)
	for i := range fasts {
		p.Tiers = append(p.Tiers, malloc.Tier{ID: 1 + i, Name: fmt.Sprint("fast", i), Capacity: int64(10 + r.IntN(25)), ReadBW: 40 + float64(40*i), WriteBW: 40, Align: int64(1 + r.IntN(2))})
	}
	reached := r.IntN(2) == 0
	for x := range 1 + r.IntN(2) {
		e := malloc.Executor{ID: x, Name: fmt.Sprint("x", x)}
		for t := range p.Tiers {
			if t > 0 && (t == 1 || x == 0 || r.IntN(2) == 0) || t == 0 && reached {
				e.Access = append(e.Access, malloc.Access{Tier: t, ReadBW: p.Tiers[t].ReadBW, WriteBW: p.Tiers[t].WriteBW})
			}
		}
		p.Executors = append(p.Executors, e)
	}
	link := func(from, to int) {
		e := malloc.Engine{ID: len(p.Engines), From: from, To: to, BW: float64(5 + r.IntN(8)), IOAlign: int64(1 + r.IntN(2)), MaxOutstanding: -1, Order: "fifo"}
		if r.IntN(2) == 0 {
			e.Shares = []int{from, to}
		}
		if r.IntN(3) == 0 {
			e.LatencyS, e.RequestBytes, e.MaxOutstanding = 0.1, 4, 1+r.IntN(2)
		}
		p.Engines = append(p.Engines, e)
	}
	for i := range fasts {
		link(slow, 1+i)
		link(1+i, slow)
	}
	params := 1 + r.IntN(3)
	for range params {
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: len(p.Buffers), Name: fmt.Sprint("w", len(p.Buffers)), Size: int64(3 + r.IntN(10)), Kind: malloc.KindParam, Home: slow, End: malloc.EndKeep})
	}
	n := 3 + r.IntN(4)
	loop := r.IntN(3) > 0
	begin := 0
	if loop {
		begin = r.IntN(2)
	}
	last := -1
	for t := range n {
		in := malloc.Instruction{ID: t, Name: fmt.Sprint("i", t), ComputeS: float64(r.IntN(5)) / 4}
		if len(p.Executors) == 2 && r.IntN(2) == 0 {
			in.RunsOn = []malloc.RunsOn{{Executor: 0, ComputeS: in.ComputeS}, {Executor: 1, ComputeS: in.ComputeS / 2}}
		}
		w := r.IntN(params)
		in.Reads = append(in.Reads, malloc.Operand{Buf: w, Bytes: p.Buffers[w].Size})
		if last >= 0 && t != begin {
			in.Reads = append(in.Reads, malloc.Operand{Buf: last, Bytes: p.Buffers[last].Size})
		}
		last = -1
		if t < n-1 && t+1 != begin && r.IntN(2) == 0 {
			last = len(p.Buffers)
			p.Buffers = append(p.Buffers, malloc.Buffer{ID: last, Name: fmt.Sprint("a", t), Size: int64(1 + r.IntN(6)), Kind: malloc.KindActivation, Home: slow, End: malloc.EndDead})
			in.Writes = []malloc.Operand{{Buf: last, Bytes: p.Buffers[last].Size}}
		}
		p.Instructions = append(p.Instructions, in)
	}
	if loop {
		l := malloc.Loop{Begin: begin, End: n, Trip: int64(1 + r.IntN(6)), Periodic: true}
		if r.IntN(3) == 0 {
			l.Growth = []malloc.Growth{{Buf: 0, Slope: float64(r.IntN(3)) / 4}}
			p.Buffers[0].Size += 2 * l.Trip
		}
		p.Loops = []malloc.Loop{l}
	}
	return p
}

// bruteForce plays every game over every order of the buffers, and returns the
// best time met; complete is false when it gave up after most plans. Games with
// equal keys must have equal times.
func bruteForce(t testing.TB, p *malloc.Program, most int) (bestS, bestPeriodS float64, complete bool) {
	t.Helper()
	ev := simulate.New()
	g, err := malloc.NewGame(p, nil, malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		return math.Inf(1), math.Inf(1), false
	}
	bestS, bestPeriodS = math.Inf(1), math.Inf(1)
	plans := 0
	times := map[uint64]float64{}
	var deeper func(chosen int) bool
	deeper = func(chosen int) bool {
		if g.Done() {
			plans++
			s, err := ev.Evaluate(p, g.Plan())
			if err != nil {
				t.Fatal(err)
			}
			if was, ok := times[g.Key()]; ok && math.Abs(was-s.TotalS) > 1e-9*was {
				t.Errorf("%s: games with one key take %g s and %g s", p.Name, was, s.TotalS)
			}
			times[g.Key()] = s.TotalS
			bestS, bestPeriodS = min(bestS, s.TotalS), min(bestPeriodS, s.PeriodS)
			return plans < most
		}
		d := g.Next()
		if !d.RunOn && d.Buf != chosen {
			for _, b := range slices.Clone(g.Undecided()) {
				m := g.Mark()
				if g.Choose(b) == nil && !deeper(b) {
					return false
				}
				g.Rewind(m)
			}
			return true
		}
		key := g.Key()
		for _, a := range g.Actions(nil) {
			m := g.Mark()
			if _, err := g.Step(a); err != nil {
				t.Fatal(err)
			}
			if !deeper(chosen) {
				return false
			}
			if g.Rewind(m); g.Key() != key {
				t.Fatalf("%s: another key after Rewind", p.Name)
			}
		}
		return true
	}
	complete = deeper(-1)
	return bestS, bestPeriodS, complete
}

// No bound is above the best plan that brute force finds, nor above any solver's.
func TestBoundIsBelowEveryPlan(t *testing.T) {
	tried, solved, tight := 0, 0, 0
	for seed := range uint64(200) {
		p := tinyProgram(seed)
		if malloc.Validate(p) != nil {
			t.Fatalf("seed %d: %v", seed, malloc.Validate(p))
		}
		b, err := costmodel.BestBound(p)
		if err != nil {
			continue // an instruction that no executor can run
		}
		total, period, complete := bruteForce(t, p, 700)
		if math.IsInf(total, 1) {
			continue
		}
		tried++
		if complete {
			solved++
		}
		if b.TotalS > total*(1+1e-9) || b.PerIterationS > period*(1+1e-9) && p.PeriodicLoop() != nil {
			t.Errorf("seed %d: bound %v, but a plan has %g s, period %g", seed, b, total, period)
		}
		if total < b.TotalS*1.1 {
			tight++
		}
		if seed%4 == 0 {
			r := solve(t, context.Background(), "lns", &Problem{Program: p, LowerS: b.TotalS, LowerPeriodS: b.PerIterationS}, Budget{Evaluations: 250})
			if complete && r.Score.TotalS > total*1.25 {
				t.Errorf("seed %d: lns found %g s, the best plan has %g s", seed, r.Score.TotalS, total)
			}
		}
	}
	t.Logf("%d programs, %d searched completely, %d with the best plan within 10 %% of the bound", tried, solved, tight)
	if tried < 90 || solved < 12 {
		t.Errorf("only %d programs, %d searched completely", tried, solved)
	}
}
