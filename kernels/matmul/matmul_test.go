package matmul_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

type operands struct {
	wtype, atype op.Type
	tokens, n, k int64
	w, x, xq     []byte
	xf, out      []float32
}

func random(arena *kerneltest.Arena, seed uint64, wtype, atype op.Type, tokens, n, k int64) operands {
	r := rand.New(rand.NewPCG(seed, uint64(k)))
	o := operands{wtype: wtype, atype: atype, tokens: tokens, n: n, k: k}
	o.w = arena.Bytes(n * op.RowBytes(wtype, k))
	kerneltest.Weights(r, wtype, k, o.w)
	o.xf = arena.Floats(tokens * k)
	kerneltest.Normal(r, o.xf, 1)
	if atype == op.Q8Pair {
		o.xq = arena.Bytes(tokens * op.QuantizedRowBytes(k))
	}
	o.out = arena.Floats(tokens * n)
	return o
}

// ops quantises the activations if needed and multiplies rows first ... first+n-1.
func (o operands) ops(first, n int64) []op.Op {
	x, list := kerneltest.Addr(o.xf), []op.Op(nil)
	if o.atype == op.Q8Pair {
		x = kerneltest.Addr(o.xq)
		list = append(list, op.Quantize(o.tokens, o.k, kerneltest.Addr(o.xf), x).WithBarrier())
	}
	m := op.Matmul(o.wtype, o.atype, o.tokens, n, o.k, kerneltest.Addr(o.w)+uintptr(first*op.RowBytes(o.wtype, o.k)), x,
		kerneltest.Addr(o.out)+uintptr(4*first), 4*o.n)
	return append(list, m)
}

// truth is the product in float64 and, for each output, the sum of magnitudes that bounds rounding.
func (o operands) truth() (want, magnitude []float64) {
	want, magnitude = make([]float64, len(o.out)), make([]float64, len(o.out))
	rowBytes := op.RowBytes(o.wtype, o.k)
	for i := range o.n {
		w := kerneltest.Decode(o.wtype, o.w[i*rowBytes:(i+1)*rowBytes], o.k)
		for t := range o.tokens {
			x := make([]float64, o.k)
			if o.atype == op.Q8Pair {
				x = kerneltest.DecodeQ8Pair(o.xq[t*op.QuantizedRowBytes(o.k):], o.k)
			} else {
				for j := range x {
					x[j] = float64(o.xf[t*o.k+int64(j)])
				}
			}
			for j := range x {
				want[t*o.n+i] += w[j] * x[j]
				magnitude[t*o.n+i] += math.Abs(w[j] * x[j])
			}
		}
	}
	return want, magnitude
}

func pairs() [][2]op.Type {
	var list [][2]op.Type
	for _, w := range kerneltest.WeightTypes {
		list = append(list, [2]op.Type{w, op.F32})
	}
	return append(list, [2]op.Type{op.Q4_1, op.Q8Pair}, [2]op.Type{op.Q4_0, op.Q8Pair}, [2]op.Type{op.Q8_0, op.Q8Pair})
}

// Every version against float64 with exactly decoded weights (and, for int8, exactly decoded activations).
func TestMatmulEqualsFloat64(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for _, types := range pairs() {
			for _, shape := range [][3]int64{{1, 1, 32}, {1, 7, 64}, {3, 5, 96}, {1, 33, 576}, {9, 12, 576}, {5, 6, 1536}, {1, 3, 4096}, {13, 9, 224}} {
				name := fmt.Sprintf("%v x %v, %d tokens, %d rows of %d", types[0], types[1], shape[0], shape[1], shape[2])
				o := random(kerneltest.NewArena(t, 1<<20), 1, types[0], types[1], shape[0], shape[1], shape[2])
				kerneltest.Run(t, p, o.ops(0, o.n)...)
				want, magnitude := o.truth()
				// The terms' order of addition differs: a few units of the last place per partial sum.
				for i := range o.out {
					if d := math.Abs(float64(o.out[i]) - want[i]); d > 3e-6*magnitude[i]+1e-6 {
						t.Fatalf("%s: output %d is %v, want %v, off by %g of a magnitude of %g", name, i, o.out[i], want[i], d, magnitude[i])
					}
				}
			}
		}
	})
}
