package rope_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

// Rotation by float64 angles, also far into the context, from a position read when the op runs.
func TestRopeEqualsFloat64(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for _, headDim := range []int64{2, 34, 64, 128} {
			const tokens, heads, base = 5, 3, 1e5
			arena := kerneltest.NewArena(t, 1<<20)
			x, table, pos := arena.Floats(tokens*heads*headDim), arena.Floats(tokens*headDim), arena.Int32s(1)
			before := make([]float32, len(x))
			list := []op.Op{
				op.RopeTable(tokens, headDim, base, kerneltest.Addr(pos), kerneltest.Addr(table)),
				op.Rope(tokens, heads, headDim, kerneltest.Addr(x), kerneltest.Addr(table)),
			}
			for _, pos[0] = range []int32{0, 1, 8191, 1 << 20} {
				kerneltest.Normal(rand.New(rand.NewPCG(1, uint64(headDim))), x, 1)
				copy(before, x)
				kerneltest.Run(t, p, list...)
				want := make([]float64, len(x))
				for i := 0; i < len(x); i += 2 {
					token, column := int64(i)/(heads*headDim), int64(i)%headDim
					angle := float64(int64(pos[0])+token) * math.Pow(base, -float64(column)/float64(headDim))
					a, b := float64(before[i]), float64(before[i+1])
					want[i], want[i+1] = a*math.Cos(angle)-b*math.Sin(angle), a*math.Sin(angle)+b*math.Cos(angle)
				}
				kerneltest.Near(t, fmt.Sprintf("head dimension %d, position %d", headDim, pos[0]), x, want, 1e-6)
			}
		}
	})
}

func BenchmarkRope(b *testing.B) {
	const tokens, heads, headDim = 512, 9, 64
	arena := kerneltest.NewArena(b, 64<<20)
	x, table := arena.Floats(tokens*heads*headDim), arena.Floats(tokens*headDim)
	list := []op.Op{op.Rope(tokens, heads, headDim, kerneltest.Addr(x), kerneltest.Addr(table))}
	kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), list, 8*tokens*heads*headDim, kerneltest.NewMemory(b, 96<<20))
}
