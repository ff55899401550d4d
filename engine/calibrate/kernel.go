package calibrate

import (
	"context"
	"encoding/binary"
	"fmt"

	"strata/costmodel"
	"strata/kernels/op"
)

// Shape is a model's sizes; kernels are measured near them.
type Shape struct {
	Widths                  []int64 // reduction lengths of matmuls and widths of rows
	Heads, KVHeads, HeadDim int64
	Vocabulary              int64
}

// DefaultShape covers models from a hundred million parameters up.
func DefaultShape() Shape {
	return Shape{Widths: []int64{576, 1536, 4096}, Heads: 9, KVHeads: 3, HeadDim: 64, Vocabulary: 49152}
}

var tokenCounts = []int64{1, 8, 64, 512}

// weightTypes in the order they are measured.
var weightTypes = []op.Type{op.Q4_1, op.Q8_0, op.Q4_0, op.F16, op.BF16, op.F32}

// kernelCase is one shape of one kernel: the ops of one execution, all of which
// may run at once, and what they compute.
type kernelCase struct {
	ops       []op.Op
	tokens, k int64
	units     float64
}

// kernels measures every rate, operands in the caches.
func (r *run) kernels(ctx context.Context) error {
	for _, threads := range r.threads {
		for _, plan := range r.kernelPlan(threads) {
			rate := costmodel.KernelRate{Kernel: plan.kernel, DType: plan.dtype, Mode: plan.mode, Threads: threads, Unit: costmodel.KernelUnit(plan.kernel)}
			for _, build := range plan.cases {
				r.buf.reset()
				c, err := build()
				if err != nil {
					return fmt.Errorf("%s %s: %w", plan.kernel, plan.dtype, err)
				}
				m, err := r.kernelRate(ctx, threads, c)
				if err != nil {
					return fmt.Errorf("%s %s, %d tokens, k %d: %w", plan.kernel, plan.dtype, c.tokens, c.k, err)
				}
				rate.Points = append(rate.Points, costmodel.RatePoint{Tokens: c.tokens, K: c.k, Rate: m.value(sourceKernels)})
				r.step()
			}
			if measured, ok := r.streamed[streamKey{threads, plan.dtype, plan.mode}]; ok {
				bw, start := measured.bw.value(sourceStream), measured.start.value(sourceStream)
				rate.StreamBW, rate.StreamStartS = &bw, &start
			}
			r.cpu.Kernels = append(r.cpu.Kernels, rate)
		}
	}
	return nil
}

// kernelRate repeats a case for about a millisecond, with a barrier after each
// execution, and takes the barriers out of the time again: the cost model adds
// them per kernel.
func (r *run) kernelRate(ctx context.Context, threads int, c kernelCase) (measurement, error) {
	p := r.pools[threads]
	list := func(repeat int) []op.Op {
		ops := make([]op.Op, 0, repeat*len(c.ops))
		for range repeat {
			ops = append(ops, c.ops...)
			ops[len(ops)-1].Flags |= op.Barrier
		}
		return ops
	}
	s, err := timedRun(p, list(2))
	if err != nil {
		return measurement{}, err
	}
	span := 1e-3
	if r.pace.late() > 1.5 {
		span /= 4
	}
	repeat := int(min(max(span/(s/2), 1), 2000))
	ops := list(repeat)
	barrier := r.cpu.Barrier(threads)
	return r.pace.rates(ctx, func() (float64, error) {
		s, err := timedRun(p, ops)
		one := s / float64(repeat)
		return c.units / max(one-barrier, one/10), err
	})
}

type kernelPlan struct {
	kernel, dtype, mode string
	weights             op.Type // matmul
	cases               []func() (kernelCase, error)
}

// matmulPlans lists the matmuls to measure.
func (r *run) matmulPlans(threads int) []kernelPlan {
	var plans []kernelPlan
	for _, t := range weightTypes {
		modes := []string{costmodel.Any}
		if op.RowBytes(t, 1) == 0 { // quantised: fast mode multiplies int8
			modes = []string{costmodel.ModeFast, costmodel.ModeReference}
		}
		for _, mode := range modes {
			p := kernelPlan{kernel: costmodel.KernelMatMul, dtype: t.String(), mode: mode, weights: t}
			for _, tokens := range tokenCounts {
				for _, k := range r.opt.Shape.Widths {
					p.cases = append(p.cases, func() (kernelCase, error) { return r.matmul(t, mode, threads, tokens, k) })
				}
			}
			plans = append(plans, p)
		}
	}
	return plans
}

// kernelPlan lists what to measure, in the order of the profile.
func (r *run) kernelPlan(threads int) []kernelPlan {
	plans := r.matmulPlans(threads)
	for _, t := range []op.Type{op.F16, op.F32} {
		p := kernelPlan{kernel: costmodel.KernelAttention, dtype: t.String(), mode: costmodel.Any}
		for _, shape := range [][2]int64{{1, 64}, {1, 256}, {1, 1024}, {1, 4096}, {64, 64}, {64, 256}, {64, 1024}, {512, 512}, {512, 1024}} {
			p.cases = append(p.cases, func() (kernelCase, error) { return r.attention(t, threads, shape[0], shape[1]) })
		}
		plans = append(plans, p)
	}
	row := func(kernel, dtype, mode string, widths []int64, build func(tokens, width int64) (kernelCase, error)) {
		p := kernelPlan{kernel: kernel, dtype: dtype, mode: mode}
		for _, tokens := range []int64{1, 64, 512} {
			for _, width := range widths {
				p.cases = append(p.cases, func() (kernelCase, error) { return build(tokens, width) })
			}
		}
		plans = append(plans, p)
	}
	widths := r.opt.Shape.Widths
	row(costmodel.KernelNorm, "f32", costmodel.ModeFast, widths, func(t, w int64) (kernelCase, error) { return r.norm(t, w, true) })
	row(costmodel.KernelNorm, "f32", costmodel.ModeReference, widths, func(t, w int64) (kernelCase, error) { return r.norm(t, w, false) })
	row(costmodel.KernelQuantize, "f32", costmodel.Any, widths, r.quantize)
	row(costmodel.KernelGLU, "f32", costmodel.Any, widths, func(t, w int64) (kernelCase, error) { return r.pairwise(t, w, swiglu) })
	row(costmodel.KernelAdd, "f32", costmodel.Any, widths, func(t, w int64) (kernelCase, error) { return r.pairwise(t, w, op.Add) })
	row(costmodel.KernelRope, "f32", costmodel.Any, []int64{r.opt.Shape.HeadDim}, r.rope)
	for _, t := range []op.Type{op.F16, op.F32} {
		row(costmodel.KernelStoreKV, t.String(), costmodel.Any, []int64{r.opt.Shape.HeadDim}, func(tokens, dim int64) (kernelCase, error) { return r.storeKV(t, tokens, dim) })
	}
	for _, t := range weightTypes {
		row(costmodel.KernelEmbed, t.String(), costmodel.Any, widths[:1], func(tokens, width int64) (kernelCase, error) { return r.embed(t, tokens, width) })
	}
	plans = append(plans, kernelPlan{kernel: costmodel.KernelSample, dtype: "f32", mode: costmodel.Any, cases: []func() (kernelCase, error){
		func() (kernelCase, error) { return r.sample(r.opt.Shape.Vocabulary) },
	}})
	return plans
}

// matmul takes as many rows as fit the cores' own caches, so that the rate is
// the computation's; at many tokens fewer rows are enough.
func (r *run) matmul(t op.Type, mode string, threads int, tokens, k int64) (kernelCase, error) {
	n := (192 << 10) * int64(threads) / op.RowBytes(t, k)
	if tokens >= 64 {
		n = min(n, 64*int64(threads))
	}
	n = max(n/16*16, 16)
	atype := op.F32
	if mode == costmodel.ModeFast {
		atype = op.Q8Pair
	}
	w, err := r.weights(t, n, k)
	if err != nil {
		return kernelCase{}, err
	}
	x, err := r.activations(atype, tokens, k)
	if err != nil {
		return kernelCase{}, err
	}
	dst, err := r.buf.take(4 * n * tokens)
	if err != nil {
		return kernelCase{}, err
	}
	return kernelCase{[]op.Op{op.Matmul(t, atype, tokens, n, k, addr(w), addr(x), addr(dst), 4*n)}, tokens, k, float64(n) * float64(k) * float64(tokens)}, nil
}

// attention over a mean length of kv positions.
func (r *run) attention(t op.Type, threads int, tokens, kv int64) (kernelCase, error) {
	s := r.opt.Shape
	pos := kv - (tokens+1)/2
	row := op.RowBytes(t, s.KVHeads*s.HeadDim)
	per := op.AttentionScratchBytes(pos+tokens, s.HeadDim)
	q, err := r.activations(op.F32, tokens, s.Heads*s.HeadDim)
	if err != nil {
		return kernelCase{}, err
	}
	mem, err := r.takeAll((pos+tokens)*row, (pos+tokens)*row, 4*tokens*s.Heads*s.HeadDim, tokens*op.QuantizedRowBytes(s.Heads*s.HeadDim), per*int64(threads), 4)
	if err != nil {
		return kernelCase{}, err
	}
	fillWeights(t, mem[0], row, s.KVHeads*s.HeadDim)
	fillWeights(t, mem[1], row, s.KVHeads*s.HeadDim)
	binary.NativeEndian.PutUint32(mem[5], uint32(pos))
	quantised := addr(mem[3])
	if t == op.F32 || s.HeadDim%64 != 0 {
		quantised = 0
	}
	return kernelCase{[]op.Op{op.Attention(t, tokens, s.Heads, s.KVHeads, s.HeadDim, pos+tokens, addr(q), addr(mem[0]), addr(mem[1]), addr(mem[2]), quantised, addr(mem[5]), addr(mem[4]), per)},
		tokens, kv, 2 * float64(s.Heads*s.HeadDim) * float64(kv) * float64(tokens)}, nil
}

func (r *run) norm(tokens, width int64, quantised bool) (kernelCase, error) {
	x, err := r.activations(op.F32, tokens, width)
	if err != nil {
		return kernelCase{}, err
	}
	w, err := r.activations(op.F32, 1, width)
	if err != nil {
		return kernelCase{}, err
	}
	mem, err := r.takeAll(4*tokens*width, tokens*op.QuantizedRowBytes(width))
	if err != nil {
		return kernelCase{}, err
	}
	dst, q := addr(mem[0]), uintptr(0)
	if quantised {
		dst, q = 0, addr(mem[1])
	}
	return rowCase(op.RMSNorm(tokens, width, 1e-5, addr(x), addr(w), dst, q), tokens, width), nil
}

func (r *run) quantize(tokens, width int64) (kernelCase, error) {
	x, err := r.activations(op.F32, tokens, width)
	if err != nil {
		return kernelCase{}, err
	}
	dst, err := r.buf.take(tokens * op.QuantizedRowBytes(width))
	if err != nil {
		return kernelCase{}, err
	}
	return rowCase(op.Quantize(tokens, width, addr(x), addr(dst)), tokens, width), nil
}

func (r *run) pairwise(tokens, width int64, build func(tokens, width int64, x, y, dst uintptr) op.Op) (kernelCase, error) {
	x, err := r.activations(op.F32, tokens, width)
	if err != nil {
		return kernelCase{}, err
	}
	y, err := r.activations(op.F32, tokens, width)
	if err != nil {
		return kernelCase{}, err
	}
	dst, err := r.buf.take(4 * tokens * width)
	if err != nil {
		return kernelCase{}, err
	}
	return rowCase(build(tokens, width, addr(x), addr(y), addr(dst)), tokens, width), nil
}

// rope measures the rotation of the query heads; the table of angles is shared
// by a stage and cheap beside it.
func (r *run) rope(tokens, dim int64) (kernelCase, error) {
	s := r.opt.Shape
	x, err := r.activations(op.F32, tokens, s.Heads*dim)
	if err != nil {
		return kernelCase{}, err
	}
	mem, err := r.takeAll(op.RopeTableBytes(tokens, dim), 4)
	if err != nil {
		return kernelCase{}, err
	}
	binary.NativeEndian.PutUint32(mem[1], 0)
	if err := r.pools[r.threads[0]].Run([]op.Op{op.RopeTable(tokens, dim, 1e5, addr(mem[1]), addr(mem[0]))}); err != nil {
		return kernelCase{}, err
	}
	return kernelCase{[]op.Op{op.Rope(tokens, s.Heads, dim, addr(x), addr(mem[0]))}, tokens, dim, float64(s.Heads * dim * tokens)}, nil
}

func (r *run) storeKV(t op.Type, tokens, dim int64) (kernelCase, error) {
	s := r.opt.Shape
	x, err := r.activations(op.F32, tokens, s.KVHeads*dim)
	if err != nil {
		return kernelCase{}, err
	}
	row := op.RowBytes(t, s.KVHeads*dim)
	mem, err := r.takeAll(tokens*row, tokens*row, 4)
	if err != nil {
		return kernelCase{}, err
	}
	binary.NativeEndian.PutUint32(mem[2], 0)
	return kernelCase{[]op.Op{op.StoreKV(t, tokens, s.KVHeads, dim, tokens, addr(x), addr(x), addr(mem[0]), addr(mem[1]), addr(mem[2]), 0)},
		tokens, dim, float64(2 * s.KVHeads * dim * tokens)}, nil
}

func (r *run) embed(t op.Type, tokens, width int64) (kernelCase, error) {
	row, err := r.weights(t, 1, width)
	if err != nil {
		return kernelCase{}, err
	}
	mem, err := r.takeAll(8*tokens, 4*tokens*width)
	if err != nil {
		return kernelCase{}, err
	}
	for i := range tokens {
		binary.NativeEndian.PutUint64(mem[0][8*i:], uint64(addr(row)))
	}
	return rowCase(op.Embed(t, tokens, width, addr(mem[0]), addr(mem[1])), tokens, width), nil
}

func (r *run) sample(vocabulary int64) (kernelCase, error) {
	x, err := r.activations(op.F32, 1, vocabulary)
	if err != nil {
		return kernelCase{}, err
	}
	dst, err := r.buf.take(4)
	if err != nil {
		return kernelCase{}, err
	}
	return rowCase(op.Argmax(1, vocabulary, addr(x), addr(dst)), 1, vocabulary), nil
}

func rowCase(o op.Op, tokens, width int64) kernelCase {
	return kernelCase{[]op.Op{o}, tokens, width, float64(tokens) * float64(width)}
}

func (r *run) takeAll(sizes ...int64) ([][]byte, error) {
	out := make([][]byte, len(sizes))
	for i, n := range sizes {
		var err error
		if out[i], err = r.buf.take(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *run) weights(t op.Type, rows, k int64) ([]byte, error) {
	row := op.RowBytes(t, k)
	if row == 0 {
		return nil, fmt.Errorf("rows of %d values cannot be %s", k, t)
	}
	w, err := r.buf.take(rows * row)
	if err != nil {
		return nil, err
	}
	fillWeights(t, w[:rows*row], row, k)
	return w, nil
}

// activations are values around one, quantised through the kernel if wanted.
func (r *run) activations(t op.Type, tokens, k int64) ([]byte, error) {
	x, err := r.buf.take(4 * tokens * k)
	if err != nil {
		return nil, err
	}
	fillWeights(op.F32, x[:4*tokens*k], 4*k, k)
	if t == op.F32 {
		return x, nil
	}
	q, err := r.buf.take(tokens * op.QuantizedRowBytes(k))
	if err != nil {
		return nil, err
	}
	return q, r.pools[r.threads[0]].Run([]op.Op{op.Quantize(tokens, k, addr(x), addr(q))})
}

// fillWeights writes ordinary numbers: no zeros, infinities or denormals, which
// some processors treat at another speed. A few rows are made, the rest copied.
func fillWeights(t op.Type, all []byte, rowBytes, k int64) {
	w := all[:min(int64(len(all)), 16*rowBytes)]
	defer func() {
		for n := len(w); n < len(all); n *= 2 {
			copy(all[n:], all[:n])
		}
	}()
	state := uint32(1)
	next := func() uint32 { state = state*1664525 + 1013904223; return state >> 8 }
	switch t {
	case op.F32:
		for i := 0; i+4 <= len(w); i += 4 {
			binary.LittleEndian.PutUint32(w[i:], 0x3c000000|next()&0x807fffff) // ± 0.008 to 0.016
		}
	case op.F16:
		for i := 0; i+2 <= len(w); i += 2 {
			binary.LittleEndian.PutUint16(w[i:], uint16(0x2000|next()&0x83ff))
		}
	case op.BF16:
		for i := 0; i+2 <= len(w); i += 2 {
			binary.LittleEndian.PutUint16(w[i:], uint16(0x3c00|next()&0x807f))
		}
	default:
		for i := range w {
			w[i] = byte(next())
		}
		block := int(rowBytes / (k / 32))
		for i := 0; i+block <= len(w); i += block {
			binary.LittleEndian.PutUint16(w[i:], 0x2000) // scale 2⁻⁷
			if t == op.Q4_1 {
				binary.LittleEndian.PutUint16(w[i+2:], 0xac00) // minimum −2⁻⁴
			}
		}
	}
}

func swiglu(tokens, width int64, gate, up, dst uintptr) op.Op {
	return op.SwiGLU(tokens, width, gate, up, dst, 0)
}
