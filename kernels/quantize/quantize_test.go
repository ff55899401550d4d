package quantize_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

func inputs(r *rand.Rand, x []float32, width int64) {
	kerneltest.Normal(r, x, 1)
	for i := range x[:32] {
		x[i] = 0 // a block of zeros
	}
	if width >= 96 {
		for i := range x[64:96] {
			x[64+i] *= 1e-30
		}
		x[40] = 1e6
	}
}

// Each value is within half a step of its block, the scale is exactly max|x| / 127, the sum exactly d * sum(q).
func TestQuantizeStaysWithinHalfAStep(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for _, width := range []int64{32, 64, 96, 576, 1536} {
			const tokens = 3
			arena := kerneltest.NewArena(t, 1<<20)
			x, q := arena.Floats(tokens*width), arena.Bytes(tokens*op.QuantizedRowBytes(width))
			inputs(rand.New(rand.NewPCG(1, uint64(width))), x, width)
			for i := range q {
				q[i] = 0xee
			}
			kerneltest.Run(t, p, op.Quantize(tokens, width, kerneltest.Addr(x), kerneltest.Addr(q)))
			for token := range int64(tokens) {
				row := q[token*op.QuantizedRowBytes(width):][:op.QuantizedRowBytes(width)]
				values := kerneltest.DecodeQ8Pair(row, width)
				for b := int64(0); b < width; b += 32 {
					largest, sum := float32(0), 0.0
					for _, v := range x[token*width+b:][:32] {
						largest = max(largest, float32(math.Abs(float64(v))))
					}
					d := float32At(row, b/64*80+b/32%2*8)
					if d != largest/127 {
						t.Fatalf("width %d block %d: scale %v, want %v", width, b/32, d, largest/127)
					}
					for i, v := range values[b : b+32] {
						sum += v
						if off := math.Abs(v - float64(x[token*width+b+int64(i)])); off > float64(d)*0.50001 {
							t.Fatalf("width %d value %d: off by %g with a step of %g", width, b+int64(i), off, d)
						}
					}
					if s := float32At(row, b/64*80+b/32%2*8+4); s != float32(sum) {
						t.Fatalf("width %d block %d: sum %v, want %v", width, b/32, s, sum)
					}
				}
				if width%64 == 32 {
					for _, b := range [][]byte{row[len(row)-80+8 : len(row)-80+16], row[len(row)-48 : len(row)-32], row[len(row)-16:]} {
						for _, v := range b {
							if v != 0 {
								t.Fatalf("width %d: the block after an odd number of blocks is not zero", width)
							}
						}
					}
				}
			}
		}
	})
}

// All versions give the same bits.
func TestQuantizeIsTheSameEverywhere(t *testing.T) {
	const tokens, width = 4, 608
	var want []byte
	kerneltest.EachISA(t, func(t *testing.T) {
		arena := kerneltest.NewArena(t, 1<<20)
		x, q := arena.Floats(tokens*width), arena.Bytes(tokens*op.QuantizedRowBytes(width))
		inputs(rand.New(rand.NewPCG(3, 3)), x, width)
		kerneltest.Run(t, kerneltest.NewPool(t, 1), op.Quantize(tokens, width, kerneltest.Addr(x), kerneltest.Addr(q)))
		if want == nil {
			want = append(want, q...)
		}
		if string(q) != string(want) {
			t.Error("differs from the plain reference")
		}
	})
}

func float32At(b []byte, i int64) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
}

func BenchmarkQuantize(b *testing.B) {
	const tokens, width = 512, 1536
	arena := kerneltest.NewArena(b, 64<<20)
	x, out := arena.Floats(tokens*width), arena.Bytes(tokens*op.QuantizedRowBytes(width))
	list := []op.Op{op.Quantize(tokens, width, kerneltest.Addr(x), kerneltest.Addr(out))}
	kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), list, 4*tokens*width+int64(len(out)), kerneltest.NewMemory(b, 96<<20))
}
