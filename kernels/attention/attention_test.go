package attention_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

type layer struct {
	cache                           op.Type
	tokens, heads, kvHeads, headDim int64
	room                            int64 // positions of the cache
	k, v, q, out                    []float32
	kCache, vCache, scratch         []byte
	pos                             []int32
	scratchBytes                    int64
}

// newLayer has room for rows positions, all filled with random keys and values by StoreKV.
func newLayer(t testing.TB, cache op.Type, tokens, heads, kvHeads, headDim, rows int64, threads int64, scale float64) layer {
	arena := kerneltest.NewArena(t, 16<<20)
	l := layer{cache: cache, tokens: tokens, heads: heads, kvHeads: kvHeads, headDim: headDim, room: rows}
	width := kvHeads * headDim
	l.k, l.v, l.q, l.out = arena.Floats(rows*width), arena.Floats(rows*width), arena.Floats(tokens*heads*headDim), arena.Floats(tokens*heads*headDim)
	r := rand.New(rand.NewPCG(uint64(rows), uint64(headDim)))
	kerneltest.Normal(r, l.k, scale)
	kerneltest.Normal(r, l.v, 1)
	kerneltest.Normal(r, l.q, scale)
	l.kCache, l.vCache = arena.Bytes(rows*op.RowBytes(cache, width)), arena.Bytes(rows*op.RowBytes(cache, width))
	l.scratchBytes = op.AttentionGroupScratchBytes(rows, headDim, heads, kvHeads)
	l.scratch = arena.Bytes(threads * l.scratchBytes)
	l.pos = arena.Int32s(1)
	return l
}

func (l layer) store(rows int64) op.Op {
	return op.StoreKV(l.cache, rows, l.kvHeads, l.headDim, l.room, kerneltest.Addr(l.k), kerneltest.Addr(l.v), kerneltest.Addr(l.kCache), kerneltest.Addr(l.vCache), kerneltest.Addr(l.pos), 0)
}

func (l layer) attend() op.Op {
	return op.Attention(l.cache, l.tokens, l.heads, l.kvHeads, l.headDim, l.room, kerneltest.Addr(l.q), kerneltest.Addr(l.kCache), kerneltest.Addr(l.vCache),
		kerneltest.Addr(l.out), 0, kerneltest.Addr(l.pos), kerneltest.Addr(l.scratch), l.scratchBytes)
}

// cached is what the cache holds of a value.
func (l layer) cached(v float32) float64 {
	if l.cache == op.F16 {
		return kerneltest.FromF16(kerneltest.ToF16(v))
	}
	return float64(v)
}

func (l layer) truth(pos int64) []float64 {
	out := make([]float64, len(l.out))
	for token := range l.tokens {
		for h := range l.heads {
			column, length := h/(l.heads/l.kvHeads)*l.headDim, pos+token+1
			weights, largest, sum := make([]float64, length), math.Inf(-1), 0.0
			at := (token*l.heads + h) * l.headDim
			for j := range length {
				for i := range l.headDim {
					weights[j] += float64(l.q[at+i]) * l.cached(l.k[j*l.kvHeads*l.headDim+column+i])
				}
				weights[j] /= math.Sqrt(float64(l.headDim))
				largest = max(largest, weights[j])
			}
			for j := range weights {
				weights[j] = math.Exp(weights[j] - largest)
				sum += weights[j]
			}
			for j, w := range weights {
				for i := range l.headDim {
					out[at+i] += w / sum * l.cached(l.v[int64(j)*l.kvHeads*l.headDim+column+i])
				}
			}
		}
	}
	return out
}

func TestAttentionEqualsFloat64(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 2)
		for _, cache := range []op.Type{op.F32, op.F16} {
			for _, c := range []struct {
				tokens, heads, kvHeads, headDim, pos int64
				scale                                float64
			}{
				{1, 9, 3, 64, 0, 1}, {1, 9, 3, 64, 2, 1}, {1, 9, 3, 64, 300, 1}, {7, 9, 3, 64, 5, 1}, {4, 4, 1, 128, 30, 1},
				{3, 2, 2, 72, 9, 1}, {2, 2, 1, 20, 17, 1},
				{2, 3, 1, 64, 40, 12}, // scores in the hundreds: e^x overflows unless shifted
			} {
				l := newLayer(t, cache, c.tokens, c.heads, c.kvHeads, c.headDim, c.pos+c.tokens, 2, c.scale)
				kerneltest.Run(t, p, l.store(c.pos+c.tokens))
				l.pos[0] = int32(c.pos)
				kerneltest.Run(t, p, l.attend())
				tolerance := 3e-6
				if c.scale > 1 {
					tolerance = 1e-3 // an f32 score of 1000 is known to 6e-5 only
				}
				kerneltest.Near(t, fmt.Sprintf("%v %+v", cache, c), l.out, l.truth(c.pos), tolerance)
			}
		}
	})
}

// A token's bits depend neither on the tokens computed with it nor on threads; rows after it do not count.
func TestAttentionBitsDependOnNothingElse(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		for _, cache := range []op.Type{op.F32, op.F16} {
			const tokens, pos = 6, 11
			l := newLayer(t, cache, tokens, 9, 3, 64, 64, 3, 1)
			kerneltest.Run(t, kerneltest.NewPool(t, 1), l.store(64))
			l.pos[0] = pos
			kerneltest.Run(t, kerneltest.NewPool(t, 1), l.attend())
			want := append([]float32(nil), l.out...)
			clear(l.out)
			kerneltest.Run(t, kerneltest.NewPool(t, 3), l.attend())
			kerneltest.SameBits(t, fmt.Sprint(cache, " 3 threads"), l.out, want)
			clear(l.out)
			narrow := l
			narrow.scratchBytes = op.AttentionScratchBytes(64, 64)
			kerneltest.Run(t, kerneltest.NewPool(t, 3), narrow.attend())
			kerneltest.SameBits(t, fmt.Sprint(cache, " head by head"), l.out, want)
			clear(l.out)
			p := kerneltest.NewPool(t, 2)
			for token := range tokens {
				one := l
				one.tokens, one.q, one.out = 1, l.q[token*9*64:], l.out[token*9*64:]
				l.pos[0] = int32(pos + token)
				kerneltest.Run(t, p, one.attend())
			}
			kerneltest.SameBits(t, fmt.Sprint(cache, " token by token"), l.out, want)

			quantised, wantQ := kerneltest.NewArena(t, 1<<16).Bytes(tokens*op.QuantizedRowBytes(576)), kerneltest.NewArena(t, 1<<16).Bytes(tokens*op.QuantizedRowBytes(576))
			l.pos[0] = pos
			alone := l.attend()
			alone.Dst, alone.Z = 0, kerneltest.Addr(quantised)
			kerneltest.Run(t, p, alone, op.Quantize(tokens, 576, kerneltest.Addr(l.out), kerneltest.Addr(wantQ)))
			if string(quantised) != string(wantQ) {
				t.Errorf("%v: int8 output differs from the quantised f32 output", cache)
			}
		}
	})
}

// StoreKV rounds to nearest even, writes only its rows, and rotates keys exactly as Rope does.
func TestStoreKV(t *testing.T) { kerneltest.EachISA(t, testStoreKV) }

func testStoreKV(t *testing.T) {
	for _, cache := range []op.Type{op.F32, op.F16} {
		const tokens, heads, headDim, rows, pos = 3, 2, 8, 8, 4
		const width = heads * headDim
		arena := kerneltest.NewArena(t, 1<<16)
		k, v, table, at := arena.Floats(tokens*width), arena.Floats(tokens*width), arena.Floats(tokens*headDim), arena.Int32s(1)
		at[0] = pos
		r := rand.New(rand.NewPCG(1, 1))
		kerneltest.Normal(r, k, 3)
		kerneltest.Normal(r, v, 3)
		// Rounding's edges in f16: ties, subnormals, overflow, infinity, signed zero.
		copy(v, []float32{1 + 1.0/2048, 1 + 3.0/2048, 6e-8, 2.9e-8, 65519, 65520, float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 6.1e-5, 5.96e-8, -1e-10})
		size := op.RowBytes(cache, headDim)
		kc, vc := arena.Bytes(heads*rows*size), arena.Bytes(heads*rows*size)
		for i := range kc {
			kc[i], vc[i] = 0x55, 0x55
		}
		rotated := append([]float32(nil), k...)
		p := kerneltest.NewPool(t, 1)
		kerneltest.Run(t, p, op.RopeTable(tokens, headDim, 1e4, kerneltest.Addr(at), kerneltest.Addr(table)),
			op.StoreKV(cache, tokens, heads, headDim, rows, kerneltest.Addr(k), kerneltest.Addr(v), kerneltest.Addr(kc), kerneltest.Addr(vc), kerneltest.Addr(at), kerneltest.Addr(table)))
		kerneltest.SameBits(t, "k is left alone", k, rotated)
		kerneltest.Run(t, p, op.Rope(tokens, heads, headDim, kerneltest.Addr(k), kerneltest.Addr(table)))
		for name, c := range map[string]struct {
			cache []byte
			want  []float32
		}{"k": {kc, k}, "v": {vc, v}} {
			stored := make([]float64, tokens*width)
			for h := range int64(heads) {
				part := c.cache[h*rows*size : (h+1)*rows*size]
				for i, b := range part {
					if at := int64(i) / size; b != 0x55 && (at < pos || at >= pos+tokens) {
						t.Fatalf("%v %s: byte %d of head %d, outside the stored positions, was written", cache, name, i, h)
					}
				}
				for token := range int64(tokens) {
					copy(stored[token*width+h*headDim:], kerneltest.Decode(cache, part[(pos+token)*size:(pos+token+1)*size], headDim))
				}
			}
			for i, want := range c.want {
				w := float64(want)
				if cache == op.F16 {
					w = kerneltest.FromF16(kerneltest.ToF16(want))
				}
				if stored[i] != w || math.Signbit(stored[i]) != math.Signbit(w) {
					t.Errorf("%v %s: value %d is stored as %v, want %v", cache, name, i, stored[i], w)
				}
			}
		}
	}
}

func TestAttentionRefusesTooLittleScratch(t *testing.T) {
	l := newLayer(t, op.F32, 1, 2, 1, 64, 100, 1, 1)
	l.scratchBytes = op.AttentionScratchBytes(100, 64)
	p := kerneltest.NewPool(t, 1)
	l.pos[0] = 99
	if err := p.Run([]op.Op{l.attend()}); err != nil {
		t.Error(err)
	}
	l.room, l.pos[0] = 300, 200
	if err := p.Run([]op.Op{l.attend()}); err == nil {
		t.Error("scratch for 100 positions was accepted for 201")
	}
}

func TestPositionsBeyondTheCacheAreRefused(t *testing.T) {
	l := newLayer(t, op.F32, 1, 2, 1, 64, 100, 1, 1)
	p := kerneltest.NewPool(t, 1)
	for _, pos := range []int32{100, -1} {
		l.pos[0] = pos
		if p.Run([]op.Op{l.attend()}) == nil {
			t.Errorf("attention at position %d of 100 was accepted", pos)
		}
		if p.Run([]op.Op{l.store(1)}) == nil {
			t.Errorf("storing at position %d of 100 was accepted", pos)
		}
	}
}

func BenchmarkAttention(b *testing.B) {
	for _, cache := range []op.Type{op.F32, op.F16} {
		for _, tokens := range []int64{1, 256} {
			b.Run(fmt.Sprintf("cache=%v/tokens=%d", cache, tokens), func(b *testing.B) {
				l := newLayer(b, cache, tokens, 9, 3, 64, 1024, 1, 1)
				l.pos[0] = int32(1024 - tokens)
				best := kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), []op.Op{l.attend()}, int64(len(l.kCache)+len(l.vCache)), kerneltest.NewMemory(b, 96<<20))
				b.ReportMetric(4*9*64*float64(tokens)*float64(1024-tokens/2)/best.Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
