package rmsnorm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

func TestRMSNormEqualsFloat64(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for _, width := range []int64{1, 7, 32, 33, 576, 1536, 4096} {
			for _, scale := range []float64{1e-6, 1, 1e4} {
				const tokens, eps = 3, 1e-5
				arena := kerneltest.NewArena(t, 1<<20)
				r := rand.New(rand.NewPCG(1, uint64(width)))
				x, w, out := arena.Floats(tokens*width), arena.Floats(width), arena.Floats(tokens*width)
				kerneltest.Normal(r, x, scale)
				kerneltest.Normal(r, w, 1)
				kerneltest.Run(t, p, op.RMSNorm(tokens, width, eps, kerneltest.Addr(x), kerneltest.Addr(w), kerneltest.Addr(out), 0))
				for token := range tokens {
					row := x[int64(token)*width:][:width]
					squares := 0.0
					for _, v := range row {
						squares += float64(v) * float64(v)
					}
					s := 1 / math.Sqrt(squares/float64(width)+float64(float32(eps)))
					for i, v := range row {
						want := float64(v) * s * float64(w[i])
						if got := float64(out[int64(token)*width+int64(i)]); math.Abs(got-want) > 4e-7*math.Abs(want)+1e-30 {
							t.Fatalf("width %d, scale %g: value %d is %v, want %v", width, scale, i, got, want)
						}
					}
				}
			}
		}
	})
}

// The int8 output is that of a Quantize of the f32 output, bit for bit, with or without the latter.
func TestRMSNormQuantisesItsResult(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 1)
		for _, width := range []int64{32, 64, 96, 576} {
			const tokens = 3
			arena := kerneltest.NewArena(t, 1<<20)
			r := rand.New(rand.NewPCG(2, uint64(width)))
			x, w, out := arena.Floats(tokens*width), arena.Floats(width), arena.Floats(tokens*width)
			kerneltest.Normal(r, x, 1)
			kerneltest.Normal(r, w, 1)
			size := tokens * op.QuantizedRowBytes(width)
			both, alone, want := arena.Bytes(size), arena.Bytes(size), arena.Bytes(size)
			for i := range both {
				both[i], alone[i], want[i] = 1, 2, 3
			}
			a := kerneltest.Addr[float32]
			kerneltest.Run(t, p,
				op.RMSNorm(tokens, width, 1e-5, a(x), a(w), a(out), kerneltest.Addr(both)),
				op.RMSNorm(tokens, width, 1e-5, a(x), a(w), 0, kerneltest.Addr(alone)),
				op.Quantize(tokens, width, a(out), kerneltest.Addr(want)))
			if string(both) != string(want) || string(alone) != string(want) {
				t.Errorf("%s: int8 output differs from quantised f32 output", fmt.Sprint("width ", width))
			}
		}
	})
}

func BenchmarkRMSNorm(b *testing.B) {
	const tokens, width = 512, 576
	arena := kerneltest.NewArena(b, 64<<20)
	x, w, out := arena.Floats(tokens*width), arena.Floats(width), arena.Bytes(tokens*op.QuantizedRowBytes(width))
	list := []op.Op{op.RMSNorm(tokens, width, 1e-5, kerneltest.Addr(x), kerneltest.Addr(w), 0, kerneltest.Addr(out))}
	kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), list, 4*tokens*width+int64(len(out)), kerneltest.NewMemory(b, 96<<20))
}
