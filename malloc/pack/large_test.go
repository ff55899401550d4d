package pack

import (
	"context"
	"testing"
)

// Problems beyond the exact search get a packing at once, in memory linear in
// their items, and a lower one later.
func TestLarge(t *testing.T) {
	p := Generate(8_000, 1)
	var peaks []int64
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a, err := Minimize(ctx, p, Options{Progress: func(peak, bound int64) {
		if peaks = append(peaks, peak); len(peaks) == 3 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(p, a.Offsets); err != nil {
		t.Fatal(err)
	}
	if a.Bound != Load(p) || float64(a.Peak) > 1.15*float64(a.Bound) {
		t.Errorf("peaks %v, bound %d", peaks, a.Bound)
	}
	p.Capacity = a.Bound * 5 / 4
	if a := solve(t, p, Options{}); a.Status != Solved {
		t.Errorf("a quarter above the load: %s at %d of %d", a.Status, a.Peak, p.Capacity)
	}
	p.Capacity = a.Bound - 1
	if a := solve(t, p, Options{}); a.Status != Infeasible {
		t.Errorf("below the load: %s", a.Status)
	}
	for _, fit := range []Fit{BestFit, FirstFit} {
		r := sweep(p, fit)
		if err := Check(&Problem{Items: p.Items}, r.Offsets); err != nil {
			t.Fatal(err)
		}
	}
}

// A hundred thousand buffers: time to the first answer and what it is.
func BenchmarkFirstAnswer(b *testing.B) {
	p := Generate(100_000, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b.ReportAllocs()
	for b.Loop() {
		a, err := Minimize(ctx, p, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(a.Peak)/float64(a.Bound), "peak/load")
	}
}
