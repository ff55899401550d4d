package kerneltest

import (
	"math"
	"testing"

	"strata/kernels/op"
	"strata/kernels/pool"
)

// ISAs are all instruction sets that kernels are written for.
var ISAs = []string{"portable", "avx2", "avx512"}

// EachISA runs f as a subtest on every instruction set. One that this processor lacks is a skipped
// subtest that says so.
func EachISA(t *testing.T, f func(t *testing.T)) {
	before := pool.ISA()
	t.Cleanup(func() { _ = pool.SetISA(before) })
	for _, name := range ISAs {
		t.Run(name, func(t *testing.T) {
			if err := pool.SetISA(name); err != nil {
				t.Skipf("not run: %v", err)
			}
			f(t)
		})
	}
}

// NewPool starts a pool that ends with the test.
func NewPool(tb testing.TB, threads int) *pool.Pool {
	tb.Helper()
	p, err := pool.New(threads)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Run executes ops with a barrier after each.
func Run(tb testing.TB, p *pool.Pool, ops ...op.Op) {
	tb.Helper()
	for i := range ops {
		ops[i].Flags |= op.Barrier
	}
	if err := p.Run(ops); err != nil {
		tb.Fatal(err)
	}
}

// SameBits fails when two slices differ in any bit.
func SameBits(tb testing.TB, what string, got, want []float32) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			tb.Fatalf("%s: value %d is %v, want the bits of %v", what, i, got[i], want[i])
		}
	}
}

// Near fails when a value is further than tolerance from its reference.
func Near(tb testing.TB, what string, got []float32, want []float64, tolerance float64) {
	tb.Helper()
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tolerance) {
			tb.Fatalf("%s: value %d is %v, want %v within %g", what, i, got[i], want[i], tolerance)
		}
	}
}
