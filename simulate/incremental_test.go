package simulate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"strata/malloc"
)

// drawEdit makes one change, or tries one that is refused.
func drawEdit(t *rapid.T, x *Incremental, p *malloc.Program) {
	switch rapid.IntRange(0, 3).Draw(t, "edit") {
	case 0:
		i := rapid.IntRange(0, len(p.Instructions)-1).Draw(t, "instruction")
		_ = x.SetSite(i, rapid.IntRange(0, 2).Draw(t, "operand"), rapid.IntRange(0, len(p.Tiers)-1).Draw(t, "tier"))
	case 1:
		if n := len(x.plan.Copies); n > 0 {
			i := rapid.IntRange(0, n-1).Draw(t, "copy")
			c := x.plan.Copies[i]
			c.Start = max(0, c.Start+rapid.IntRange(-3, 3).Draw(t, "shift"))
			c.Before = max(c.Start, c.Before+rapid.IntRange(-2, 2).Draw(t, "until"))
			c.Bytes = int64(rapid.IntRange(0, 20).Draw(t, "bytes"))
			_ = x.SetCopy(i, c)
		}
	case 2:
		if n := len(x.plan.Copies); n > 0 {
			_ = x.RemoveCopy(rapid.IntRange(0, n-1).Draw(t, "removed"))
		}
	case 3:
		add := &malloc.Plan{}
		shape{}.drawCopy(t, p, add)
		add.Copies[0].After = -1
		_, _ = x.AddCopy(add.Copies[0])
	}
}

// After any edits, kept or taken back, the time is that of a full simulation.
func TestIncrementalAgreesWithFull(t *testing.T) {
	full := map[bool]*Simulator{false: New(), true: NewSteady()}
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		p, plan := shape{growth: true, copies: true, overlaps: both}.draw(t)
		steady := rapid.Bool().Draw(t, "steady")
		x := &Incremental{sim: Simulator{fixedGrow: steady}, length: rapid.IntRange(1, 3).Draw(t, "length")}
		if err := x.Load(p, plan); err != nil {
			t.Fatal(err)
		}
		agree := func() {
			got, err := x.Score()
			want, wantErr := full[steady].Evaluate(p, x.Plan())
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("incremental: %v, full: %v", err, wantErr)
			}
			if err == nil && (!near(got.TotalS, want.TotalS) || !near(got.PeriodS, want.PeriodS)) {
				t.Fatalf("incremental %v, full %v", got, want)
			}
			compared++
			if err != nil {
				x.Undo()
			}
		}
		agree()
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			before := x.scoreS
			x.Commit()
			for range rapid.IntRange(1, 3).Draw(t, "edits") {
				drawEdit(t, x, p)
			}
			agree()
			if rapid.Bool().Draw(t, "undo") {
				x.Undo()
				if again, _ := x.Score(); !near(again.TotalS, before.TotalS) {
					t.Fatalf("%v after undo, %v before", again, before)
				}
				agree()
			}
		}
	})
	if compared < 1000 {
		t.Fatalf("only %d comparisons", compared)
	}
}

// longShape is a straight plan of n instructions whose copies hide behind
// computing most of the time, as in a good plan of a compiled graph.
func longShape(n int) (*malloc.Program, *malloc.Plan) {
	r := rand.New(rand.NewPCG(1, 2))
	p := &malloc.Program{
		Tiers: []malloc.Tier{{ID: 0, Name: "fast", Capacity: 1 << 40, ReadBW: 3e12, WriteBW: 3e12, Align: 1}, {ID: 1, Name: "slow", Capacity: malloc.Unlimited, ReadBW: 6e11, WriteBW: 6e11, Align: 1}},
		Engines: []malloc.Engine{{ID: 0, From: 1, To: 0, BW: 6e11, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{1}},
			{ID: 1, From: 0, To: 1, BW: 6e11, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{1}}},
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: overlapIdle},
	}
	plan := &malloc.Plan{}
	for t := range n {
		size := int64(1+r.IntN(40)) << 14
		p.Buffers = append(p.Buffers, malloc.Buffer{ID: t, Name: fmt.Sprint("b", t), Size: size, Kind: malloc.KindParam, Home: 1})
		p.Instructions = append(p.Instructions, malloc.Instruction{ID: t, ComputeS: float64(r.IntN(2000)) * 1e-9,
			Reads: []malloc.Operand{{Buf: t, Bytes: size}}, Writes: []malloc.Operand{{Buf: t, Bytes: size / 2}}})
		plan.Sites = append(plan.Sites, malloc.Site{Instr: t, Arg: "r0", Tier: r.IntN(2)}, malloc.Site{Instr: t, Arg: "w0", Tier: r.IntN(2)})
		if plan.Sites[2*t].Tier == 0 {
			plan.Copies = append(plan.Copies, malloc.Copy{Buf: t, Engine: 0, Start: max(0, t-1-r.IntN(6)), Before: t, Bytes: size, After: -1})
		} else if t+6 < n && plan.Sites[2*t+1].Tier == 0 {
			plan.Copies = append(plan.Copies, malloc.Copy{Buf: t, Engine: 1, Start: t + 1, Before: t + 5, Bytes: size, After: -1})
		}
	}
	return p, plan
}

// localEdit moves the start of one copy and the site of one operand near it.
func localEdit(x *Incremental, r *rand.Rand) error {
	i := r.IntN(len(x.plan.Copies))
	c := x.plan.Copies[i]
	if back := x.sim.isBack[i]; back {
		c.Before = c.Start + 1 + r.IntN(5)
	} else {
		c.Start = max(0, c.Before-1-r.IntN(6))
	}
	if err := x.SetCopy(i, c); err != nil {
		return err
	}
	return x.SetSite(min(c.Start, len(x.segOf)-1), 1, r.IntN(2))
}

// On a long plan a local change touches a small part of it: what is simulated is
// counted, since no test asserts a wall time.
func TestIncrementalTouchesLittle(t *testing.T) {
	p, plan := longShape(5000)
	x, err := NewIncremental(p, plan, false)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	full, segments := New(), 0
	const rounds = 200
	for k := range rounds {
		if err := localEdit(x, r); err != nil {
			t.Fatal(err)
		}
		got, err := x.Score()
		if err != nil {
			t.Fatal(err)
		}
		segments += len(x.redone)
		if k%20 == 0 {
			if want, err := full.Evaluate(p, x.Plan()); err != nil || !near(got.TotalS, want.TotalS) {
				t.Fatalf("incremental %v, full %v (%v)", got, want, err)
			}
		}
		if k%2 == 0 {
			x.Commit()
		} else {
			x.Undo()
		}
	}
	if mean := float64(segments) / rounds; mean > float64(len(x.segs))/20 {
		t.Errorf("%g of %d segments simulated for a local change", mean, len(x.segs))
	}
	if n := testing.AllocsPerRun(50, func() {
		_ = localEdit(x, r)
		_, _ = x.Score()
		x.Undo()
	}); n > 1 {
		t.Errorf("%g allocations an evaluation", n)
	}
}

// BenchmarkIncremental compares evaluations of local changes to a plan of 5,000
// instructions: full and incremental.
func BenchmarkIncremental(b *testing.B) {
	p, plan := longShape(5000)
	b.Run("full", func(b *testing.B) {
		s := New()
		for b.Loop() {
			if _, err := s.Evaluate(p, plan); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
	})
	b.Run("incremental", func(b *testing.B) {
		x, err := NewIncremental(p, plan, false)
		if err != nil {
			b.Fatal(err)
		}
		r := rand.New(rand.NewPCG(3, 4))
		for b.Loop() {
			if err := localEdit(x, r); err != nil {
				b.Fatal(err)
			}
			if _, err := x.Score(); err != nil {
				b.Fatal(err)
			}
			x.Undo()
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
	})
}
