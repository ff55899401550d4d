package argmax_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

func TestArgmax(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	cases := map[string]struct {
		x    []float32
		want int32
	}{
		"one value":          {[]float32{-3}, 0},
		"lowest index wins":  {[]float32{1, 5, 2, 5, 5}, 1},
		"tie across vectors": {append(append(make([]float32, 17), 3), append(make([]float32, 30), 3)...), 17},
		"in the tail":        {append(make([]float32, 16), 0, 0, 1), 18},
		"NaN is no maximum":  {[]float32{nan, 1, nan, 2, nan, nan, nan, nan, nan, nan, 2, nan, nan, nan, nan, nan, nan}, 3},
		"only NaN":           {[]float32{nan, nan}, 0},
		"only -Inf":          {[]float32{-inf, -inf, -inf}, 0},
		"+Inf":               {[]float32{1, -inf, inf, inf}, 2},
		"all negative":       {[]float32{-9, -8, -7, -8, -9, -9, -9, -9, -9, -9}, 2},
	}
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for name, c := range cases {
			arena := kerneltest.NewArena(t, 1<<16)
			x, out := arena.Floats(int64(len(c.x))), arena.Int32s(1)
			copy(x, c.x)
			kerneltest.Run(t, p, op.Argmax(1, int64(len(x)), kerneltest.Addr(x), kerneltest.Addr(out)))
			if out[0] != c.want {
				t.Errorf("%s: %d, want %d", name, out[0], c.want)
			}
		}
		const tokens, width = 5, 1003
		arena := kerneltest.NewArena(t, 1<<20)
		x, out := arena.Floats(tokens*width), arena.Int32s(tokens)
		r := rand.New(rand.NewPCG(1, 1))
		for round := range 20 {
			for i := range x {
				x[i] = float32(r.IntN(40 * (round + 1)))
			}
			kerneltest.Run(t, p, op.Argmax(tokens, width, kerneltest.Addr(x), kerneltest.Addr(out)))
			for token, got := range out {
				row, want := x[token*width:][:width], 0
				for i, v := range row {
					if v > row[want] {
						want = i
					}
				}
				if got != int32(want) {
					t.Fatalf("token %d: %d, want %d", token, got, want)
				}
			}
		}
	})
}

func BenchmarkArgmax(b *testing.B) {
	const width = 49152
	arena := kerneltest.NewArena(b, 64<<20)
	x, out := arena.Floats(width), arena.Int32s(1)
	kerneltest.Normal(rand.New(rand.NewPCG(1, 1)), x, 1)
	list := []op.Op{op.Argmax(1, width, kerneltest.Addr(x), kerneltest.Addr(out))}
	kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), list, 4*width, kerneltest.NewMemory(b, 96<<20))
}
