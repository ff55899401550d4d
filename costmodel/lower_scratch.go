package costmodel

import (
	"slices"

	"strata/kernels/op"
	"strata/model"
)

// SlotKind says what a piece of scratch is for.
type SlotKind uint8

const (
	SlotTensor    SlotKind = iota // a tensor that lives inside the stage, f32
	SlotQuantized                 // int8 blocks of a matmul's input (fast mode)
	SlotScores                    // attention scores, Bytes for each thread
	SlotRope                      // sines and cosines of the micro-batch
)

// Slot is a piece of an instruction's scratch block.
type Slot struct {
	Kind   SlotKind
	Tensor int32 // whose values or blocks, or -1
	Offset int64
	Bytes  int64 // in all, threads included
}

// QuantizesInput tells whether a matmul takes its input as int8 blocks: block
// quantised weights in fast mode.
func QuantizesInput(g *model.Graph, o *model.Op, mode string) bool {
	return mode == ModeFast && o.Kind == model.OpMatMul && g.Tensors[o.In[1]].DType.Quantized()
}

// AddsInto returns the tensor that a matmul may add its result into, and true,
// when its result has no other reader than the residual addition that follows in
// the stage: no storage is then needed for it.
func AddsInto(g *model.Graph, i int32) (model.TensorID, bool) {
	o := &g.Ops[i]
	if o.Kind != model.OpMatMul || int(i)+1 >= len(g.Ops) {
		return model.NoTensor, false
	}
	next := &g.Ops[i+1]
	if next.Kind != model.OpAdd || next.Stage != o.Stage || next.In[1] != o.Out[0] || next.In[0] != next.Out[0] {
		return model.NoTensor, false
	}
	return next.Out[0], true
}

// scratch lays out what lives inside one stage, side by side.
func (l *lowering) scratch(st *model.Stage, e model.Extent) ([]Slot, int64) {
	var slots []Slot
	var end int64
	put := func(kind SlotKind, t int32, bytes int64) {
		for _, s := range slots {
			if s.Kind == kind && s.Tensor == t {
				return
			}
		}
		slots = append(slots, Slot{Kind: kind, Tensor: t, Offset: end, Bytes: bytes})
		end = alignUp(end+bytes, slotAlign)
	}
	ops := l.g.Ops[st.FirstOp : st.FirstOp+st.Ops]
	for i := range ops {
		o := &ops[i]
		if QuantizesInput(l.g, o, l.w.Mode) {
			x := &l.g.Tensors[o.In[0]]
			k := x.Shape[len(x.Shape)-1].N
			put(SlotQuantized, o.In[0], activationBytes(x, e)/(4*k)*op.QuantizedRowBytes(k))
		}
		switch o.Kind {
		case model.OpAttention:
			put(SlotScores, -1, int64(l.w.Threads)*op.AttentionGroupScratchBytes(int64(l.w.Context), o.Attr.HeadDim, o.Attr.Heads, o.Attr.KVHeads))
		case model.OpRope:
			put(SlotRope, -1, op.RopeTableBytes(e.Tokens, o.Attr.HeadDim))
		}
		if _, fused := AddsInto(l.g, st.FirstOp+int32(i)); fused {
			continue
		}
		for _, t := range o.Out {
			if ten := &l.g.Tensors[t]; ten.Role == model.RoleScratch && ReadAsFloat(l.g, ops, t, l.w.Mode) {
				put(SlotTensor, t, activationBytes(ten, e))
			}
		}
	}
	return slots, end
}

// EmitsQuantized tells whether an op's kernel can leave its result as int8 blocks
// itself; another's result is quantised from its f32 values.
func EmitsQuantized(o *model.Op) bool {
	return o.Kind == model.OpNorm || o.Kind == model.OpAttention && o.Attr.HeadDim%64 == 0
}

// ReadAsFloat tells whether some op of the stage reads tensor t in f32, or writes
// it in place, so that its f32 values need storage.
func ReadAsFloat(g *model.Graph, ops []model.Op, t model.TensorID, mode string) bool {
	quantized := false
	for i := range ops {
		o := &ops[i]
		if slices.Contains(o.Out, t) && !EmitsQuantized(o) {
			return true
		}
		for k, in := range o.In {
			if in != t {
				continue
			}
			if k == 0 && QuantizesInput(g, o, mode) {
				quantized = true
				continue
			}
			return true
		}
	}
	return !quantized
}
