package planner

import (
	"context"
	"testing"
	"time"

	"strata/costmodel"
	"strata/malloc"
	"strata/simulate"
)

func handBase(p *malloc.Program) *malloc.Plan {
	plan := &malloc.Plan{Format: malloc.PlanFormat}
	l := p.PeriodicLoop()
	at := int64(0)
	for b := range p.Buffers {
		if p.Buffers[b].Home != 0 {
			continue
		}
		first, last := -1, -1
		for t, in := range p.Instructions {
			for _, o := range append(in.Reads[:len(in.Reads):len(in.Reads)], in.Writes...) {
				if o.Buf == b {
					if first < 0 {
						first = t
					}
					last = t
				}
			}
		}
		z := blockBytes(p, b, 0)
		if first < l.Begin && last >= l.Begin {
			plan.Blocks = append(plan.Blocks, malloc.Block{Buf: b, Tier: 0, Start: first, End: l.Begin, Offset: at},
				malloc.Block{Buf: b, Tier: 0, Start: l.Begin, End: l.End, Offset: at})
		} else {
			plan.Blocks = append(plan.Blocks, malloc.Block{Buf: b, Tier: 0, Start: first, End: last + 1, Offset: at})
		}
		at += z
	}
	for t, in := range p.Instructions {
		for i, o := range in.Reads {
			plan.Sites = append(plan.Sites, malloc.Site{Instr: t, Arg: argName('r', i), Tier: 0})
			if p.Buffers[o.Buf].Home == 1 {
				plan.Blocks = append(plan.Blocks, malloc.Block{Buf: o.Buf, Tier: 0, Start: t, End: t + 1, Offset: at})
				plan.Copies = append(plan.Copies, malloc.Copy{Buf: o.Buf, Block: len(plan.Blocks) - 1, Engine: 0, Start: t, Before: t, Bytes: blockBytes(p, o.Buf, 0), After: -1})
			}
		}
		for i := range in.Writes {
			plan.Sites = append(plan.Sites, malloc.Site{Instr: t, Arg: argName('w', i), Tier: 0})
		}
	}
	return plan
}

func TestEarlyReal(t *testing.T) {
	p, err := malloc.ReadProgram("../testdata/instances/smollm2-decode.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	early(t, p)
}

func TestEarlyRing(t *testing.T) {
	for _, share := range []float64{0.35, 0.5, 0.75} {
		p := sampleDecode(share).build()
		early(t, p)
	}
}
func early(t *testing.T, p *malloc.Program) {
	if err := malloc.Validate(p); err != nil {
		t.Fatal(err)
	}
	b, err := costmodel.LowerBound(p)
	if err != nil {
		t.Fatal(err)
	}
	base, err := demandPlan(p)
	if err != nil {
		t.Fatal(err)
	}
	spec, ok := newRingSpec(p, base)
	if !ok {
		t.Fatal("no spec")
	}
	pr := &Problem{Program: p, NewEvaluator: func() malloc.Evaluator { return simulate.NewSteady() }}
	t0 := time.Now()
	a, err := begin(context.Background(), pr, Budget{}, nil, "x")
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.offer(base)
	t.Log(s, err, b)
	best, ok := spec.sweep(a)
	t.Log(ok, best.score, best.score.PeriodS/b.PerIterationS, a.evaluations, time.Since(t0), best.bestFit)
	n := 0
	z := int64(0)
	for i, x := range best.pinned {
		if !x && spec.weight(i) > 0 {
			n++
			z += spec.streams[i].block
		}
	}
	t.Log("streamed", n, z)
}
