package embed_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

// Rows come from two far places, in any order, twice if asked; every value is the format's own.
func TestEmbedGathersRows(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for _, wtype := range kerneltest.WeightTypes {
			for _, width := range []int64{32, 96, 576} {
				arena := kerneltest.NewArena(t, 1<<20)
				size := op.RowBytes(wtype, width)
				near, far := arena.Bytes(4*size), kerneltest.NewArena(t, 1<<16).Bytes(2*size)
				r := rand.New(rand.NewPCG(1, uint64(width)))
				kerneltest.Weights(r, wtype, width, near)
				kerneltest.Weights(r, wtype, width, far)
				rows := [][]byte{near[2*size:], far, near, near[2*size:], far[size:]}
				table, out := arena.Uint64s(int64(len(rows))), arena.Floats(int64(len(rows))*width)
				for i, row := range rows {
					table[i] = uint64(kerneltest.Addr(row))
				}
				kerneltest.Run(t, p, op.Embed(wtype, int64(len(rows)), width, kerneltest.Addr(table), kerneltest.Addr(out)))
				for i, row := range rows {
					want := kerneltest.Decode(wtype, row, width)
					kerneltest.Near(t, fmt.Sprintf("%v, row %d", wtype, i), out[int64(i)*width:int64(i+1)*width], want, 3e-7)
				}
			}
		}
	})
}

func BenchmarkEmbed(b *testing.B) {
	const tokens, width = 512, 576
	arena := kerneltest.NewArena(b, 40<<20)
	weights := arena.Bytes(49152 * op.RowBytes(op.Q8_0, width))
	table, out := arena.Uint64s(tokens), arena.Floats(tokens*width)
	for i := range table {
		table[i] = uint64(kerneltest.Addr(weights)) + uint64(i*7919%49152)*uint64(op.RowBytes(op.Q8_0, width))
	}
	list := []op.Op{op.Embed(op.Q8_0, tokens, width, kerneltest.Addr(table), kerneltest.Addr(out))}
	kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), list, tokens*(op.RowBytes(op.Q8_0, width)+4*width), kerneltest.NewMemory(b, 96<<20))
}
