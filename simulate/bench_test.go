package simulate

import (
	"fmt"
	"testing"

	"strata/malloc"
)

// BenchmarkDecode is the inner loop of the search: one evaluation of a lowered
// decode's shape, 31 iterations of 170 instructions after a prefill of 170.
func BenchmarkDecode(b *testing.B) {
	for _, slope := range []float64{0, 768} {
		p, plan := decodeShape(170, 80, 3, 31, slope)
		for _, c := range []struct {
			name string
			run  func(*Simulator) (malloc.Score, error)
			sim  *Simulator
		}{
			{"exact", func(s *Simulator) (malloc.Score, error) { return s.Evaluate(p, plan) }, New()},
			{"steady", func(s *Simulator) (malloc.Score, error) { return s.Evaluate(p, plan) }, NewSteady()},
			{"direct", func(s *Simulator) (malloc.Score, error) { return s.Direct(p, plan) }, New()},
		} {
			b.Run(fmt.Sprintf("slope=%g/%s", slope, c.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.run(c.sim); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkLong is one pass over 10^5 straight and 10^5 periodic instructions.
func BenchmarkLong(b *testing.B) {
	p, plan := decodeShape(100_000, 1000, 5, 1, 0)
	sim := New()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sim.Direct(p, plan); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInstance evaluates a game's plan of the committed decode instance.
func BenchmarkInstance(b *testing.B) {
	p, err := malloc.ReadProgram("../testdata/instances/smollm2-decode.json.gz")
	if err != nil {
		b.Fatal(err)
	}
	g, err := malloc.NewGame(p, New(), malloc.Options{Order: malloc.FreeOrder, NoReward: true})
	if err != nil {
		b.Fatal(err)
	}
	if err := g.Finish(nil, true); err != nil {
		b.Fatal(err)
	}
	plan := g.Plan()
	for name, sim := range map[string]*Simulator{"exact": New(), "steady": NewSteady()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sim.Evaluate(p, plan); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
