package pool_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

// decoder is SmolLM2-135M's forward pass with random weights: every op of a call, 96 MB of weights.
type decoder struct {
	list         []op.Op
	weights      []byte
	weightBytes  int64 // read by one call
	multiplyAdds int64 // in matmuls, of one call
}

const (
	blocks, width, heads, kvHeads, headDim, hidden, vocabulary = 30, 576, 9, 3, 64, 1536, 49152
	cacheRows                                                  = 1024
)

// newDecoder builds the op list for tokens tokens at position pos, logits for the last one. In fast mode
// activations are int8 and the cache f16, in reference mode all are f32.
func newDecoder(tb testing.TB, threads int, tokens int64, pos int32, fast bool) *decoder {
	r := rand.New(rand.NewPCG(1, 1))
	arena := kerneltest.NewArena(tb, 448<<20)
	d := &decoder{}
	kv := int64(kvHeads * headDim)
	blockBytes := op.RowBytes(op.Q4_1, width)*(width+2*kv+width+2*hidden) + op.RowBytes(op.Q4_1, hidden)*width
	d.weights = arena.Bytes(blocks*blockBytes + vocabulary*op.RowBytes(op.Q8_0, width))
	rest := d.weights
	weight := func(t op.Type, n, k int64) uintptr {
		w := rest[:n*op.RowBytes(t, k)]
		rest = rest[len(w):]
		kerneltest.Weights(r, t, k, w)
		return kerneltest.Addr(w)
	}
	floats := func(n int64) uintptr { return kerneltest.Addr(arena.Floats(n)) }
	norm := arena.Floats(width)
	for i := range norm {
		norm[i] = 0.05
	}
	w := kerneltest.Addr(norm)
	cache, atype := op.F32, op.F32
	if fast {
		cache, atype = op.F16, op.Q8Pair
	}
	x, q, k, v, g, u := floats(tokens*width), floats(tokens*width), floats(tokens*kv), floats(tokens*kv), floats(tokens*hidden), floats(tokens*hidden)
	table, logits := floats(tokens*headDim), floats(vocabulary)
	a, ah := kerneltest.Addr(arena.Bytes(tokens*op.RowBytes(atype, width))), kerneltest.Addr(arena.Bytes(tokens*op.RowBytes(atype, hidden)))
	scratchBytes := op.AttentionGroupScratchBytes(cacheRows, headDim, heads, kvHeads)
	scratch := kerneltest.Addr(arena.Bytes(scratchBytes * int64(threads)))
	position, id := arena.Int32s(1), arena.Int32s(1)
	position[0] = pos
	rows := arena.Uint64s(tokens)
	embedding := weight(op.Q8_0, vocabulary, width)
	for t := range rows {
		rows[t] = uint64(embedding) + uint64((t*7919)%vocabulary)*uint64(op.RowBytes(op.Q8_0, width))
	}
	add := func(o op.Op) { d.list = append(d.list, o) }
	// Outputs of ops that feed a matmul: f32 in reference mode, int8 in fast mode.
	outputs := func(at uintptr) (f32, quantised uintptr) {
		if fast {
			return 0, at
		}
		return at, 0
	}
	matmul := func(t op.Type, n, k int64, w, x, dst uintptr, tokens int64) op.Op {
		d.weightBytes += n * op.RowBytes(t, k)
		d.multiplyAdds += n * k * tokens
		return op.Matmul(t, atype, tokens, n, k, w, x, dst, 4*n)
	}
	normalised, normalisedQ := outputs(a)
	attended, attendedQ := outputs(a)
	add(op.Embed(op.Q8_0, tokens, width, kerneltest.Addr(rows), x))
	add(op.RopeTable(tokens, headDim, 1e5, kerneltest.Addr(position), table).WithBarrier())
	for range blocks {
		kc, vc := kerneltest.Addr(arena.Bytes(cacheRows*op.RowBytes(cache, kv))), kerneltest.Addr(arena.Bytes(cacheRows*op.RowBytes(cache, kv)))
		add(op.RMSNorm(tokens, width, 1e-5, x, w, normalised, normalisedQ).WithBarrier())
		add(matmul(op.Q4_1, width, width, weight(op.Q4_1, width, width), a, q, tokens))
		add(matmul(op.Q4_1, kv, width, weight(op.Q4_1, kv, width), a, k, tokens))
		add(matmul(op.Q4_1, kv, width, weight(op.Q4_1, kv, width), a, v, tokens).WithBarrier())
		add(op.Rope(tokens, heads, headDim, q, table))
		add(op.StoreKV(cache, tokens, kvHeads, headDim, cacheRows, k, v, kc, vc, kerneltest.Addr(position), table).WithBarrier())
		add(op.Attention(cache, tokens, heads, kvHeads, headDim, cacheRows, q, kc, vc, attended, attendedQ, kerneltest.Addr(position), scratch, scratchBytes).WithBarrier())
		o := matmul(op.Q4_1, width, width, weight(op.Q4_1, width, width), a, x, tokens).WithBarrier()
		o.Flags |= op.AddTo
		add(o)
		add(op.RMSNorm(tokens, width, 1e-5, x, w, normalised, normalisedQ).WithBarrier())
		add(matmul(op.Q4_1, hidden, width, weight(op.Q4_1, hidden, width), a, g, tokens))
		add(matmul(op.Q4_1, hidden, width, weight(op.Q4_1, hidden, width), a, u, tokens).WithBarrier())
		if fast {
			add(op.SwiGLU(tokens, hidden, g, u, g, ah).WithBarrier())
		} else {
			add(op.SwiGLU(tokens, hidden, g, u, ah, 0).WithBarrier())
		}
		o = matmul(op.Q4_1, width, hidden, weight(op.Q4_1, width, hidden), ah, x, tokens).WithBarrier()
		o.Flags |= op.AddTo
		add(o)
	}
	last := x + uintptr(4*width*(tokens-1))
	add(op.RMSNorm(1, width, 1e-5, last, w, normalised, normalisedQ).WithBarrier())
	add(matmul(op.Q8_0, vocabulary, width, embedding, a, logits, 1).WithBarrier())
	add(op.Argmax(1, vocabulary, logits, kerneltest.Addr(id)))
	return d
}

// BenchmarkDecodeToken is the headline: one token, all of the model's bytes read once.
func BenchmarkDecodeToken(b *testing.B) {
	for _, fast := range []bool{true, false} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("fast=%v/threads=%d", fast, threads), func(b *testing.B) {
				d := newDecoder(b, threads, 1, 64, fast)
				best := kerneltest.ReportBest(b, kerneltest.NewPool(b, threads), d.list, d.weightBytes, d.weights)
				b.ReportMetric(1/best.Seconds(), "tok/s")
			})
		}
	}
}

func BenchmarkPrefill(b *testing.B) {
	for _, fast := range []bool{true, false} {
		for _, threads := range []int{1, 2} {
			for _, tokens := range []int64{64, 512} {
				b.Run(fmt.Sprintf("fast=%v/threads=%d/tokens=%d", fast, threads, tokens), func(b *testing.B) {
					d := newDecoder(b, threads, tokens, 0, fast)
					best := kerneltest.ReportBest(b, kerneltest.NewPool(b, threads), d.list, d.weightBytes, d.weights)
					b.ReportMetric(float64(tokens)/best.Seconds(), "tok/s")
					b.ReportMetric(2*float64(d.multiplyAdds)/best.Seconds()/1e9, "GOP/s")
				})
			}
		}
	}
}
