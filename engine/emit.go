package engine

import (
	"fmt"

	"strata/costmodel"
	"strata/kernels/op"
	"strata/malloc"
	"strata/model"
)

// emitter turns one instruction's graph ops into kernel ops.
type emitter struct {
	b  *binding
	at int
	in *malloc.Instruction
	g  *model.Graph

	tensors   map[model.TensorID]uintptr // f32 values, weights, caches
	quantized map[model.TensorID]uintptr // int8 blocks
	scores    uintptr
	scoresPer int64
	rope      uintptr
}

// emit maps operands to addresses, then translates op by op. Kernels that do not
// depend on each other (q, k and v) flow on without a barrier.
func (e *emitter) emit() error {
	if err := e.places(); err != nil {
		return err
	}
	st := &e.g.Stages[e.in.Ref.Stage]
	barriers := costmodel.Barriers(e.g, st)
	table := e.ropeTableAt(st, barriers)
	for i := st.FirstOp; i < st.FirstOp+st.Ops; i++ {
		if costmodel.NoKernel(e.g, i) {
			continue
		}
		if barriers[i-st.FirstOp] {
			e.barrier()
		}
		if i == table {
			e.ropeTable(st)
		}
		if err := e.one(i, st); err != nil {
			return fmt.Errorf("op %s: %w", e.g.Ops[i].Name, err)
		}
	}
	return nil
}

// places finds where the instruction's buffers and scratch slots are.
func (e *emitter) places() error {
	for _, list := range [][]malloc.Operand{e.in.Reads, e.in.Writes} {
		for _, o := range list {
			if e.b.l.Program.Buffers[o.Buf].Select != nil {
				if err := e.embedRow(o.Buf); err != nil {
					return err
				}
				continue
			}
			addr, err := e.b.address(o.Buf, e.at)
			if err != nil {
				return err
			}
			if t := e.b.l.Origins[o.Buf].Tensor; costmodel.StoredQuantized(e.g, t, e.b.l.Work.Mode) {
				e.quantized[t] = addr
			} else {
				e.tensors[t] = addr
			}
		}
	}
	slots := e.b.l.Scratch[e.at]
	if len(slots) == 0 {
		return nil
	}
	k := e.b.scratchOf[e.at]
	if k < 0 {
		return fmt.Errorf("the plan has no scratch block")
	}
	base := e.b.plan.Blocks[k].Offset
	if _, err := e.b.dram.slice(base, e.b.blockBytes(k)); err != nil {
		return err
	}
	for _, s := range slots {
		addr := e.b.dram.at(base + s.Offset)
		switch s.Kind {
		case costmodel.SlotTensor:
			e.tensors[s.Tensor] = addr
		case costmodel.SlotQuantized:
			e.quantized[s.Tensor] = addr
		case costmodel.SlotScores:
			e.scores, e.scoresPer = addr, s.Bytes/int64(e.b.l.Work.Threads)
		case costmodel.SlotRope:
			e.rope = addr
		}
	}
	return nil
}

// embedRow registers a row of the embedding table that is known when the token is.
func (e *emitter) embedRow(buf int) error {
	o := e.b.l.Origins[buf]
	r := embedRow{instr: e.at, buf: buf, token: int(o.Token), ubatch: o.Ubatch, block: e.b.blockAt(buf, e.at), entry: len(e.b.embeds)}
	if r.block < 0 {
		for _, part := range e.b.l.Program.Buffers[buf].Select.Of {
			if e.b.blockAt(part, e.at) < 0 {
				return fmt.Errorf("row %q has neither a block of its own nor a resident table (%q is not in memory)",
					e.b.l.Program.Buffers[buf].Name, e.b.l.Program.Buffers[part].Name)
			}
		}
	}
	e.b.embeds = append(e.b.embeds, r)
	return nil
}

func (e *emitter) barrier() {
	if n := len(e.b.ops); n > int(e.b.first[e.at]) {
		e.b.ops[n-1] = e.b.ops[n-1].WithBarrier()
	}
}

func (e *emitter) add(o op.Op) { e.b.ops = append(e.b.ops, o) }

// ropeTableAt is the op beside which the stage's angles are computed: the first of
// those between the last two barriers before a rotation, which are the long
// matmuls whose results it rotates. -1: the stage rotates nothing.
func (e *emitter) ropeTableAt(st *model.Stage, barriers []bool) int32 {
	before, after := st.FirstOp, st.FirstOp
	for i := st.FirstOp; i < st.FirstOp+st.Ops; i++ {
		if barriers[i-st.FirstOp] {
			before, after = after, i
		}
		if e.g.Ops[i].Kind == model.OpRope {
			return before
		}
	}
	return -1
}

// ropeTable computes the angles of the micro-batch once for all rotations of the
// stage.
func (e *emitter) ropeTable(st *model.Stage) {
	for i := st.FirstOp; i < st.FirstOp+st.Ops; i++ {
		if o := &e.g.Ops[i]; o.Kind == model.OpRope {
			e.add(op.RopeTable(int64(e.in.Ref.Tokens), o.Attr.HeadDim, o.Attr.RopeBase, e.b.ctl.position(e.in.Ref), e.rope))
			return
		}
	}
}

// where returns the address of a tensor's f32 values.
func (e *emitter) where(t model.TensorID) (uintptr, error) {
	if a, ok := e.tensors[t]; ok {
		return a, nil
	}
	return 0, fmt.Errorf("tensor %q has no place", e.g.Tensors[t].Name)
}

// one translates graph op i.
func (e *emitter) one(i int32, st *model.Stage) error {
	o := &e.g.Ops[i]
	tokens := int64(e.in.Ref.Tokens)
	if st.OutputOnly {
		tokens = int64(e.b.l.Work.Parallel)
	}
	pos := e.b.ctl.position(e.in.Ref)
	a := o.Attr
	switch o.Kind {
	case model.OpEmbed:
		dst, err := e.where(o.Out[0])
		if err != nil {
			return err
		}
		first := len(e.b.embeds) - int(tokens)
		e.add(op.Embed(op.Type(e.g.Tensors[o.In[1]].DType), tokens, e.cols(o.Out[0]), e.b.ctl.rowEntry(first), dst))
		return nil

	case model.OpNorm:
		// Each position's norm reads what earlier instructions wrote; where logits
		// are wanted it starts at the last position.
		x, err := e.where(o.In[0])
		if err != nil {
			return err
		}
		w, err := e.where(o.In[1])
		if err != nil {
			return err
		}
		width := e.cols(o.In[0])
		if st.OutputOnly {
			x += uintptr(4 * width * (int64(e.in.Ref.Tokens) - tokens))
		}
		e.add(op.RMSNorm(tokens, width, float32(a.Eps), x, w, e.tensors[o.Out[0]], e.quantized[o.Out[0]]))
		return nil

	case model.OpMatMul:
		return e.matmul(i, o, tokens)

	case model.OpRope:
		x, err := e.where(o.In[0])
		if err != nil {
			return err
		}
		e.add(op.Rope(tokens, a.Heads, a.HeadDim, x, e.rope))
		return nil

	case model.OpStoreKV:
		k, err := e.where(o.In[0])
		if err != nil {
			return err
		}
		v, err := e.where(o.In[1])
		if err != nil {
			return err
		}
		kv, err := e.where(o.Out[0])
		if err != nil {
			return err
		}
		layout, table := e.b.l.KV[o.Out[0]], uintptr(0)
		if costmodel.RotatedByStore(e.g, i-1) {
			table = e.rope
		}
		e.add(op.StoreKV(op.Type(e.g.Tensors[o.Out[0]].KV.KType), tokens, a.KVHeads, a.HeadDim, layout.Rows, k, v, kv, kv+uintptr(layout.VOffset), pos, table))
		return nil

	case model.OpAttention:
		q, err := e.where(o.In[0])
		if err != nil {
			return err
		}
		kv, err := e.where(o.In[1])
		if err != nil {
			return err
		}
		layout := e.b.l.KV[o.In[1]]
		quantized := e.quantized[o.Out[0]]
		if !costmodel.EmitsQuantized(o) {
			quantized = 0
		}
		e.add(op.Attention(op.Type(e.g.Tensors[o.In[1]].KV.KType), tokens, a.Heads, a.KVHeads, a.HeadDim, layout.Rows, q, kv, kv+uintptr(layout.VOffset),
			e.tensors[o.Out[0]], quantized, pos, e.scores, e.scoresPer))
		return nil

	case model.OpGLU:
		gate, err := e.where(o.In[0])
		if err != nil {
			return err
		}
		up, err := e.where(o.In[1])
		if err != nil {
			return err
		}
		// The kernel needs a place for f32 values even where only blocks are kept.
		dst, kept := e.tensors[o.Out[0]]
		if !kept {
			dst = gate
		}
		e.add(op.SwiGLU(tokens, e.cols(o.Out[0]), gate, up, dst, e.quantized[o.Out[0]]))
		return nil

	case model.OpAdd:
		x, err := e.where(o.In[0])
		if err != nil {
			return err
		}
		y, err := e.where(o.In[1])
		if err != nil {
			return err
		}
		dst, err := e.where(o.Out[0])
		if err != nil {
			return err
		}
		e.add(op.Add(tokens, e.cols(o.Out[0]), x, y, dst))
		return nil

	case model.OpSample:
		x, err := e.where(o.In[0])
		if err != nil {
			return err
		}
		dst, err := e.where(o.Out[0])
		if err != nil {
			return err
		}
		e.add(op.Argmax(tokens, e.cols(o.In[0]), x, dst))
		return nil
	}
	return fmt.Errorf("the engine has no kernel for it yet")
}

// matmul picks the input's form, and the place of a panel's rows in the output.
func (e *emitter) matmul(i int32, o *model.Op, tokens int64) error {
	w := &e.g.Tensors[o.In[1]]
	weights, err := e.where(o.In[1])
	if err != nil {
		return err
	}
	rows, cols := w.Shape[0].N, w.Shape[1].N
	into, fused := costmodel.AddsInto(e.g, i)
	if !fused {
		into = o.Out[0]
	}
	dst, err := e.where(into)
	if err != nil {
		return err
	}
	stride := 4 * rows
	if e.in.Ref.Rows > 0 {
		dst += uintptr(4 * e.in.Ref.Row0)
		rows = e.in.Ref.Rows
	}
	x, atype := uintptr(0), op.F32
	if costmodel.QuantizesInput(e.g, o, e.b.l.Work.Mode) {
		x, atype = e.quantized[o.In[0]], op.Q8Pair
		if !costmodel.StoredQuantized(e.g, o.In[0], e.b.l.Work.Mode) && !e.emitsQuantized(o.In[0]) && !e.done(x) {
			src, err := e.where(o.In[0])
			if err != nil {
				return err
			}
			e.barrier()
			e.add(op.Quantize(tokens, cols, src, x))
			e.barrier()
		}
	} else if x, err = e.where(o.In[0]); err != nil {
		return err
	}
	m := op.Matmul(op.Type(w.DType), atype, tokens, rows, cols, weights, x, dst, stride)
	if fused {
		m.Flags |= op.AddTo
	}
	e.add(m)
	return nil
}

// emitsQuantized tells whether a kernel of this stage already left int8 blocks of t.
func (e *emitter) emitsQuantized(t model.TensorID) bool {
	st := &e.g.Stages[e.in.Ref.Stage]
	for i := st.FirstOp; i < st.FirstOp+st.Ops; i++ {
		if e.g.Ops[i].Out[0] == t {
			return costmodel.EmitsQuantized(&e.g.Ops[i])
		}
	}
	return false
}

// done tells whether an op of this instruction already quantised into x.
func (e *emitter) done(x uintptr) bool {
	for i := int(e.b.first[e.at]); i < len(e.b.ops); i++ {
		if e.b.ops[i].Kind == op.KindQuantize && e.b.ops[i].Dst == x {
			return true
		}
	}
	return false
}

// cols is the last dimension of a tensor.
func (e *emitter) cols(t model.TensorID) int64 {
	s := e.g.Tensors[t].Shape
	return s[len(s)-1].N
}
