package costmodel

import (
	"slices"

	"strata/model"
)

// How the ops of a stage become kernels. Lowering sizes scratch by these rules,
// the cost model counts barriers by them, and the engine emits by them.

// QuantizesInput tells whether a matmul takes its input as int8 blocks: block
// quantised weights in fast mode.
func QuantizesInput(g *model.Graph, o *model.Op, mode string) bool {
	return mode == ModeFast && o.Kind == model.OpMatMul && g.Tensors[o.In[1]].DType.Quantized()
}

// EmitsQuantized tells whether an op's kernel can leave its result as int8 blocks
// itself; another's result is quantised from its f32 values.
func EmitsQuantized(o *model.Op) bool {
	return o.Kind == model.OpNorm || o.Kind == model.OpGLU || o.Kind == model.OpAttention && o.Attr.HeadDim%64 == 0
}

// StoredQuantized tells whether a tensor that crosses stages is kept as int8
// blocks: its kernel emits them and every reader wants nothing else.
func StoredQuantized(g *model.Graph, t model.TensorID, mode string) bool {
	if g.Tensors[t].Role != model.RoleActivation {
		return false
	}
	read := false
	for i := range g.Ops {
		o := &g.Ops[i]
		if slices.Contains(o.Out, t) && !EmitsQuantized(o) {
			return false
		}
		for k, in := range o.In {
			if in == t {
				if k != 0 || !QuantizesInput(g, o, mode) {
					return false
				}
				read = true
			}
		}
	}
	return read
}

// AddsInto returns the tensor that matmul i may add its result into, and true,
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

// RotatedByStore tells whether rotation i needs no kernel of its own: the store of
// the same stage rotates the keys it writes.
func RotatedByStore(g *model.Graph, i int32) bool {
	o := &g.Ops[i]
	if o.Kind != model.OpRope {
		return false
	}
	for k := i + 1; int(k) < len(g.Ops) && g.Ops[k].Stage == o.Stage; k++ {
		if g.Ops[k].Kind == model.OpStoreKV {
			return g.Ops[k].In[0] == o.Out[0]
		}
	}
	return false
}

// NoKernel tells whether op i is done by another's kernel.
func NoKernel(g *model.Graph, i int32) bool {
	if RotatedByStore(g, i) {
		return true
	}
	if i > 0 && g.Ops[i].Kind == model.OpAdd {
		_, fused := AddsInto(g, i-1)
		return fused
	}
	return false
}

// Barriers tells, for each op of a stage, whether it has to wait for all ops
// before it: it reads or overwrites what one of them wrote since the last
// barrier. Ops that do not depend on each other (q, k and v) flow on.
func Barriers(g *model.Graph, st *model.Stage) []bool {
	out := make([]bool, st.Ops)
	var written []model.TensorID
	for k := range out {
		i := st.FirstOp + int32(k)
		if NoKernel(g, i) {
			continue
		}
		o := &g.Ops[i]
		for _, t := range slices.Concat(o.In, o.Out) {
			out[k] = out[k] || slices.Contains(written, t)
		}
		if out[k] {
			written = written[:0]
		}
		written = append(written, o.Out...)
		if into, fused := AddsInto(g, i); fused {
			written = append(written, into)
		}
	}
	return out
}

// readAsFloat tells whether tensor t, which lives inside the stage, needs storage
// for f32 values: some op of the stage reads them, or its kernel cannot emit int8
// blocks.
func readAsFloat(g *model.Graph, ops []model.Op, t model.TensorID, mode string) bool {
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
			if k != 0 || !QuantizesInput(g, o, mode) {
				return true
			}
			quantized = true
		}
	}
	return !quantized
}
