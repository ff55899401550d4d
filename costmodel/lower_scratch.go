package costmodel

import (
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
		if QuantizesInput(l.g, o, l.w.Mode) && !StoredQuantized(l.g, o.In[0], l.w.Mode) {
			put(SlotQuantized, o.In[0], quantizedBytes(&l.g.Tensors[o.In[0]], e))
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
			if ten := &l.g.Tensors[t]; ten.Role == model.RoleScratch && readAsFloat(l.g, ops, t, l.w.Mode) {
				put(SlotTensor, t, floatBytes(ten, e))
			}
		}
	}
	return slots, end
}

// quantizedBytes is a tensor's size as rows of int8 blocks.
func quantizedBytes(t *model.Tensor, e model.Extent) int64 {
	k := t.Shape[len(t.Shape)-1].N
	return floatBytes(t, e) / (4 * k) * op.QuantizedRowBytes(k)
}
