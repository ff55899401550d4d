package elementwise_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

func TestElementwiseEqualsFloat64(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 3)
		for _, width := range []int64{1, 9, 511, 512, 513, 1536, 1539} {
			const tokens = 3
			arena := kerneltest.NewArena(t, 1<<20)
			r := rand.New(rand.NewPCG(1, uint64(width)))
			x, y, out := arena.Floats(tokens*width), arena.Floats(tokens*width), arena.Floats(tokens*width)
			kerneltest.Normal(r, x, 20)
			kerneltest.Normal(r, y, 3)
			copy(x, []float32{-200, 200, 0, -88, 88, -1e-20, 90, -90, 5e4}) // far ends of the exponential
			a := kerneltest.Addr[float32]
			want := make([]float64, len(x))
			check := func(name string, tolerance float64) {
				for i := range want {
					if d := math.Abs(float64(out[i]) - want[i]); !(d <= tolerance*math.Abs(want[i])+1e-30) {
						t.Fatalf("%s, width %d: value %d is %v, want %v (x %v, y %v)", name, width, i, out[i], want[i], x[i], y[i])
					}
				}
			}

			kerneltest.Run(t, p, op.SwiGLU(tokens, width, a(x), a(y), a(out), 0))
			for i := range want {
				want[i] = float64(x[i]) / (1 + math.Exp(-float64(x[i]))) * float64(y[i])
				if math.Abs(want[i]) < 1e-30 {
					want[i], out[i] = 0, float32(math.Floor(math.Abs(float64(out[i]))*1e30)) // below: only that it is as small
				}
			}
			check("swiglu", 1e-6)

			kerneltest.Run(t, p, op.Add(tokens, width, a(x), a(y), a(out)))
			for i := range want {
				want[i] = float64(x[i] + y[i])
			}
			check("add", 0)

			kerneltest.Run(t, p, op.Copy(tokens, width, a(x), a(out)))
			kerneltest.SameBits(t, "copy", out, x)
			kerneltest.Run(t, p, op.Zero(tokens, width, a(out)))
			kerneltest.SameBits(t, "zero", out, make([]float32, len(out)))

			// In place, and the same bits with another number of threads.
			kerneltest.Run(t, p, op.SwiGLU(tokens, width, a(x), a(y), a(out), 0))
			kerneltest.Run(t, kerneltest.NewPool(t, 1), op.SwiGLU(tokens, width, a(x), a(y), a(x), 0))
			kerneltest.SameBits(t, "swiglu in place", x, out)
		}
	})
}

func TestSwiGLUQuantisesItsResult(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for _, width := range []int64{32, 96, 1536, 1568} {
			const tokens = 2
			arena := kerneltest.NewArena(t, 1<<20)
			r := rand.New(rand.NewPCG(1, uint64(width)))
			x, y, out := arena.Floats(tokens*width), arena.Floats(tokens*width), arena.Floats(tokens*width)
			kerneltest.Normal(r, x, 2)
			kerneltest.Normal(r, y, 2)
			got, want := arena.Bytes(tokens*op.QuantizedRowBytes(width)), arena.Bytes(tokens*op.QuantizedRowBytes(width))
			kerneltest.Run(t, p, op.SwiGLU(tokens, width, kerneltest.Addr(x), kerneltest.Addr(y), kerneltest.Addr(out), kerneltest.Addr(got)),
				op.Quantize(tokens, width, kerneltest.Addr(out), kerneltest.Addr(want)))
			if string(got) != string(want) {
				t.Errorf("width %d: int8 output differs from the quantised f32 output", width)
			}
		}
	})
}

func BenchmarkElementwise(b *testing.B) {
	const tokens, width = 512, 1536
	arena := kerneltest.NewArena(b, 64<<20)
	x, y, out := kerneltest.Addr(arena.Floats(tokens*width)), kerneltest.Addr(arena.Floats(tokens*width)), kerneltest.Addr(arena.Floats(tokens*width))
	memory := kerneltest.NewMemory(b, 96<<20)
	for _, c := range []struct {
		list  op.Op
		bytes int64
	}{
		{op.SwiGLU(tokens, width, x, y, out, 0), 12}, {op.Add(tokens, width, x, y, out), 12}, {op.Copy(tokens, width, x, out), 8}, {op.Zero(tokens, width, out), 4},
	} {
		b.Run(fmt.Sprint(c.list.Kind), func(b *testing.B) {
			kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), []op.Op{c.list}, c.bytes*tokens*width, memory)
		})
	}
}
