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
	w, xq        []byte
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

// An output's bits depend on its row and its token alone: not on threads, panels, tokens beside it, or
// the instruction set among the vector versions.
func TestMatmulBitsDependOnNothingElse(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		for _, types := range pairs() {
			const tokens, n, k = 7, 75, 608 // 19 blocks: an odd tail
			o := random(kerneltest.NewArena(t, 1<<20), 2, types[0], types[1], tokens, n, k)
			whole := append([]float32(nil), o.out...)
			kerneltest.Run(t, kerneltest.NewPool(t, 1), o.ops(0, n)...)
			copy(whole, o.out)
			for _, threads := range []int{1, 2, 3} {
				p := kerneltest.NewPool(t, threads)
				for _, panel := range []int64{n, 32, 10, 1} {
					clear(o.out)
					for first := int64(0); first < n; first += panel {
						kerneltest.Run(t, p, o.ops(first, min(panel, n-first))...)
					}
					kerneltest.SameBits(t, fmt.Sprintf("%v x %v, %d threads, panels of %d", types[0], types[1], threads, panel), o.out, whole)
				}
			}
			clear(o.out)
			for token := range int64(tokens) {
				one := o
				one.tokens, one.xf, one.out = 1, o.xf[token*k:], o.out[token*n:]
				if o.atype == op.Q8Pair {
					one.xq = o.xq[token*op.QuantizedRowBytes(k):]
				}
				kerneltest.Run(t, kerneltest.NewPool(t, 2), one.ops(0, n)...)
			}
			kerneltest.SameBits(t, fmt.Sprintf("%v x %v, token by token", types[0], types[1]), o.out, whole)
		}
	})
}

// The last weight ends against a page without access: prefetching aside, nothing past it is read.
func TestMatmulReadsNothingPastTheEnd(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		for _, types := range pairs() {
			for _, k := range []int64{32, 96, 576} {
				o := random(kerneltest.NewArena(t, 1<<20), 3, types[0], types[1], 5, 6, k)
				kerneltest.Run(t, kerneltest.NewPool(t, 1), o.ops(0, o.n)...)
				want := append([]float32(nil), o.out...)
				o.w = kerneltest.NewArena(t, 1<<16).End(o.w)
				kerneltest.Run(t, kerneltest.NewPool(t, 1), o.ops(0, o.n)...)
				kerneltest.SameBits(t, fmt.Sprintf("%v x %v, k %d", types[0], types[1], k), o.out, want)
			}
		}
	})
}

func TestMatmulAddsTo(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		o := random(kerneltest.NewArena(t, 1<<20), 4, op.Q4_1, op.Q8Pair, 3, 21, 192)
		p := kerneltest.NewPool(t, 2)
		kerneltest.Run(t, p, o.ops(0, o.n)...)
		want := make([]float32, len(o.out))
		for i, v := range o.out {
			o.out[i] = float32(i)
			want[i] = float32(i) + v
		}
		list := o.ops(0, o.n)
		list[1].Flags |= op.AddTo
		kerneltest.Run(t, p, list...)
		kerneltest.SameBits(t, "residual", o.out, want)
	})
}

func TestMatmulRefuses(t *testing.T) {
	o := random(kerneltest.NewArena(t, 1<<20), 5, op.Q4_1, op.F32, 1, 4, 64)
	p := kerneltest.NewPool(t, 1)
	good := o.ops(0, 4)[0]
	for name, spoil := range map[string]func(*op.Op){
		"k not a multiple of 32":      func(m *op.Op) { m.K = 63 },
		"float weights, int8 tokens":  func(m *op.Op) { m.WType, m.AType = op.F16, op.Q8Pair },
		"unknown weight type":         func(m *op.Op) { m.WType = 12 },
		"no weights":                  func(m *op.Op) { m.W = 0 },
		"no activations":              func(m *op.Op) { m.X = 0 },
		"f16 activations":             func(m *op.Op) { m.AType = op.F16 },
		"negative number of tokens":   func(m *op.Op) { m.Tokens = -1 },
		"activations where w belongs": func(m *op.Op) { m.WType = op.Q8Pair },
	} {
		bad := good
		spoil(&bad)
		if err := p.Run([]op.Op{bad}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := p.Run([]op.Op{good}); err != nil {
		t.Error(err)
	}
}
