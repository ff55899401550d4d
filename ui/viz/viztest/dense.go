package viztest

import (
	"math/rand/v2"

	"strata/ui/viz"
)

// Dense returns n rectangles that do not overlap, as a first-fit allocator
// leaves them: many small, short blocks low down, few large ones above.
func Dense(n int, seed uint64) []viz.Rect {
	rng := rand.New(rand.NewPCG(seed, 2))
	rects := make([]viz.Rect, 0, n)
	base := 0.0
	for len(rects) < n {
		height := float64(int(4) << rng.IntN(9))
		for t := 0.0; t < 20000 && len(rects) < n; {
			life := 1 + rng.ExpFloat64()*40
			if rng.IntN(20) == 0 {
				life *= 30
			}
			rects = append(rects, viz.Rect{T0: t, T1: min(t+life, 20000), A0: base, A1: base + height*(0.5+rng.Float64()/2),
				Class: viz.Class(rng.IntN(5)), Pattern: viz.Pattern(rng.IntN(20) / 19), Ref: int32(len(rects)), Label: "blk.7.ffn_up"})
			t += life + rng.ExpFloat64()*3
		}
		base += height
	}
	return rects
}
