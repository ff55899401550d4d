package costmodel

import (
	"fmt"
	"slices"

	"strata/malloc"
	"strata/model"
)

// costs fills compute times and takes traffic that a cache serves out of the
// operands' bytes.
//
// A stage is a list of kernels with barriers between them, so its time is a sum
// over kernels of max(compute, bytes / bandwidth of where they are served),
// which a single max over the whole instruction would underestimate. An executor
// that reaches one tier only therefore carries that whole sum in compute_s;
// the bytes stay declared, so that copies which steal bandwidth stretch the
// instruction. Where an executor reaches several tiers the placement decides
// the memory time, and compute_s holds computation and cached operands alone.
func (l *lowering) costs() error {
	served := make([][]bool, len(l.hw.Executors))
	for x := range l.hw.Executors {
		var err error
		if served[x], err = l.servedByCache(&l.hw.Executors[x]); err != nil {
			return err
		}
	}
	at := 0 // index of the instruction's first operand in the touch sequence
	for i := range l.p.Instructions {
		in := &l.p.Instructions[i]
		n := len(in.Reads) + len(in.Writes)
		for x := range l.hw.Executors {
			s, err := l.stageS(&l.hw.Executors[x], in, served[x][at:at+n])
			if err != nil {
				return fmt.Errorf("instruction %s on %s: %w", in.Name, l.hw.Executors[x].Name, err)
			}
			if len(l.hw.Executors) > 1 {
				in.RunsOn = append(in.RunsOn, malloc.RunsOn{Executor: x, ComputeS: s})
			}
			if x == 0 {
				in.ComputeS = s
			}
		}
		in.FLOPs = l.flops(in)
		l.dropCached(in, served[0][at:at+n])
		at += n
	}
	return nil
}

// servedByCache tells for every operand, in program order with reads before
// writes, whether the executor's last-level cache serves it: in the straight part
// as it runs once, in the loop body in its steady state.
func (l *lowering) servedByCache(x *Executor) ([]bool, error) {
	straight := len(l.p.Instructions)
	if loop := l.p.PeriodicLoop(); loop != nil {
		straight = loop.Begin
	}
	var seq [2][]CacheTouch
	for i := range l.p.Instructions {
		in, part := &l.p.Instructions[i], 0
		if i >= straight {
			part = 1
		}
		for _, o := range in.Reads {
			seq[part] = append(seq[part], CacheTouch{Buf: o.Buf, Bytes: o.Bytes})
		}
		for _, o := range in.Writes {
			seq[part] = append(seq[part], CacheTouch{Buf: o.Buf, Bytes: o.Bytes})
		}
	}
	c := x.LastLevelCache()
	if c == nil {
		return make([]bool, len(seq[0])+len(seq[1])), nil
	}
	var out []bool
	for part := range seq {
		hits, err := CacheHits(seq[part], len(l.p.Buffers), part == 1, c.ReuseBytes(l.w.Threads))
		if err != nil {
			return nil, err
		}
		out = append(out, hits...)
	}
	return out, nil
}

// dropCached zeroes the traffic of reads the cache serves and declares how the
// KV reads grow in the loop. Writes keep their bytes: they say what a write-back
// has to move.
func (l *lowering) dropCached(in *malloc.Instruction, served []bool) {
	for k := range in.Reads {
		if served[k] {
			in.Reads[k].Bytes = 0
		}
	}
	if in.Ref.Ubatch != decode || len(l.p.Loops) == 0 {
		return
	}
	loop := &l.p.Loops[0]
	for _, o := range in.Reads {
		if k := l.kv[l.out.Origins[o.Buf].Tensor]; l.p.Buffers[o.Buf].Kind == malloc.KindKV && o.Bytes > 0 {
			full := int64(l.w.Prompt+l.w.Gen) * int64(l.w.Parallel)
			if full <= k.Rows { // a full window no longer grows
				loop.Growth = append(loop.Growth, malloc.Growth{Buf: o.Buf, Slope: float64(int64(l.w.Parallel) * (k.KRow + k.VRow))})
			}
		}
	}
}

// stageS is the time of an instruction's kernels on x in seconds.
func (l *lowering) stageS(x *Executor, in *malloc.Instruction, served []bool) (float64, error) {
	st := &l.g.Stages[in.Ref.Stage]
	total := x.Barrier(l.w.Threads) // at its end
	if in.Ref.Rows > 0 {
		total = 0 // panels flow on into each other
	}
	memory, err := l.operandS(x, in, served)
	if err != nil {
		return 0, err
	}
	barriers := Barriers(l.g, st)
	quantized := map[int32]bool{}
	for i := st.FirstOp; i < st.FirstOp+st.Ops; i++ {
		op := &l.g.Ops[i]
		w := l.work(op, in)
		if l.quantizedApart(st, op) && !quantized[op.In[0]] {
			quantized[op.In[0]] = true
			q, err := x.ComputeS(Work{Kernel: KernelQuantize, DType: "f32", Mode: l.w.Mode, Threads: l.w.Threads, Rows: 1, Cols: w.Cols, Tokens: w.Tokens})
			if err != nil {
				return 0, err
			}
			total += q + x.Barrier(l.w.Threads)
		}
		if barriers[i-st.FirstOp] {
			total += x.Barrier(l.w.Threads)
		}
		if NoKernel(l.g, i) && op.Kind == model.OpAdd {
			continue
		}
		c, err := x.ComputeS(w)
		if err != nil {
			return 0, err
		}
		if op.Kind == model.OpExperts {
			c *= 3 * float64(op.Attr.ExpertsUsed)
		}
		total += max(c, memory[i-st.FirstOp])
	}
	return total, nil
}

// quantizedApart tells whether a matmul's input needs a kernel of its own to
// become int8 blocks: it is kept in f32, or comes from a kernel that cannot emit
// them.
func (l *lowering) quantizedApart(st *model.Stage, matmul *model.Op) bool {
	if !QuantizesInput(l.g, matmul, l.w.Mode) || StoredQuantized(l.g, matmul.In[0], l.w.Mode) {
		return false
	}
	for _, o := range l.g.Ops[st.FirstOp : st.FirstOp+st.Ops] {
		if o.Out[0] == matmul.In[0] {
			return !EmitsQuantized(&o)
		}
	}
	return true
}

// operandS is, per op of the stage, the time to bring its weights or cache rows
// from where they are served: the cache, or the executor's one tier. Zero where
// the simulator has to add memory time itself.
func (l *lowering) operandS(x *Executor, in *malloc.Instruction, served []bool) ([]float64, error) {
	st := &l.g.Stages[in.Ref.Stage]
	out := make([]float64, st.Ops)
	threads := l.w.Threads
	single := len(x.Access) == 1
	for k, o := range in.Reads {
		buf := &l.p.Buffers[o.Buf]
		if buf.Kind != malloc.KindParam && buf.Kind != malloc.KindKV || !served[k] && !single {
			continue
		}
		bytes := float64(o.Bytes)
		if in.Ref.Ubatch == decode && buf.Kind == malloc.KindKV {
			c := l.kv[l.out.Origins[o.Buf].Tensor]
			bytes = float64(min(l.meanKV(), c.Rows) * (c.KRow + c.VRow))
		}
		tensor := l.out.Origins[o.Buf].Tensor
		for i := range out {
			op := &l.g.Ops[st.FirstOp+int32(i)]
			if !slices.Contains(op.In, tensor) || op.Kind == model.OpStoreKV {
				continue
			}
			if !served[k] {
				s, err := x.StreamS(l.work(op, in), x.Access[0].Tier, bytes, l.modelBytes())
				if err != nil {
					return nil, err
				}
				out[i] += s
			} else if c := x.LastLevelCache(); c != nil && c.BW(threads) > 0 {
				out[i] += bytes / c.BW(threads)
			}
		}
	}
	return out, nil
}

// meanKV is the mean attention length over the decode loop.
func (l *lowering) meanKV() int64 {
	return (int64(2*l.w.Prompt) + int64(l.w.Gen)) / 2 * int64(l.w.Parallel)
}

// work describes an op of an instruction as a kernel call.
func (l *lowering) work(op *model.Op, in *malloc.Instruction) Work {
	w := Work{DType: "f32", Mode: l.w.Mode, Threads: l.w.Threads, Rows: 1, Cols: l.g.Hyper.Width, Tokens: int64(in.Ref.Tokens)}
	outputs := int64(l.w.Parallel)
	st := &l.g.Stages[in.Ref.Stage]
	if st.OutputOnly {
		w.Tokens = outputs
	}
	switch op.Kind {
	case model.OpEmbed:
		w.Kernel, w.DType = KernelEmbed, l.g.Tensors[op.In[1]].DType.String()
	case model.OpNorm:
		w.Kernel = KernelNorm
		x := l.g.Tensors[op.In[0]].Shape
		w.Cols = x[len(x)-1].N
	case model.OpMatMul:
		m := l.g.Tensors[op.In[1]]
		w.Kernel, w.DType = KernelMatMul, m.DType.String()
		w.Rows, w.Cols = m.Shape[0].N, m.Shape[1].N
		if in.Ref.Rows > 0 {
			w.Rows = in.Ref.Rows
		}
	case model.OpExperts:
		m := l.g.Tensors[op.In[len(op.In)-1]]
		w.Kernel, w.DType = KernelMatMul, m.DType.String()
		w.Rows, w.Cols = m.Shape[len(m.Shape)-2].N, m.Shape[len(m.Shape)-1].N
	case model.OpRope:
		w.Kernel, w.Rows, w.Cols = KernelRope, op.Attr.Heads, op.Attr.HeadDim
	case model.OpStoreKV:
		w.Kernel, w.DType, w.Rows, w.Cols = KernelStoreKV, l.cacheType(op), 2*op.Attr.KVHeads, op.Attr.HeadDim
	case model.OpAttention:
		w.Kernel, w.DType, w.Rows, w.Cols = KernelAttention, l.cacheType(op), op.Attr.Heads, op.Attr.HeadDim
		if in.Ref.Ubatch == decode {
			w.KV = l.meanKV() / int64(l.w.Parallel)
		} else { // causal: token i of the micro-batch sees token0 + i + 1
			w.KV = int64(in.Ref.Token0) + int64(in.Ref.Tokens+1)/2
		}
		if op.Attr.Window > 0 {
			w.KV = min(w.KV, op.Attr.Window)
		}
	case model.OpGLU:
		w.Kernel, w.Cols = KernelGLU, l.g.Hyper.FFN
	case model.OpSample:
		w.Kernel, w.Cols, w.Tokens = KernelSample, l.g.Hyper.Vocab, outputs
	case model.OpRouter:
		w.Kernel, w.Cols = KernelOther, l.g.Hyper.Experts
	default:
		w.Kernel = KernelAdd
	}
	return w
}

// cacheType is the K type of the cache an op stores to or reads.
func (l *lowering) cacheType(op *model.Op) string {
	for _, t := range op.In {
		if l.g.Tensors[t].Role == model.RoleKV {
			return l.g.Tensors[t].KV.KType.String()
		}
	}
	return "f32"
}

// flops counts two per multiply-accumulate of the matmuls and attention.
func (l *lowering) flops(in *malloc.Instruction) float64 {
	st := &l.g.Stages[in.Ref.Stage]
	f := 0.0
	for i := st.FirstOp; i < st.FirstOp+st.Ops; i++ {
		op := &l.g.Ops[i]
		w := l.work(op, in)
		switch op.Kind {
		case model.OpMatMul, model.OpAttention:
			f += 2 * w.Units()
		case model.OpExperts:
			f += 2 * w.Units() * 3 * float64(op.Attr.ExpertsUsed)
		}
	}
	return f
}
