package hlo

import (
	"math"

	"strata/costmodel"
)

// work is what one instruction computes, by opcode: products as multiply-
// accumulates, everything else as elements.
type work struct {
	kernels  []costmodel.Work
	elements int64
	flops    float64
}

func (w *work) add(o work) {
	w.kernels = append(w.kernels, o.kernels...)
	w.elements = clamp(float64(w.elements) + float64(o.elements))
	w.flops = min(w.flops+o.flops, maxFLOPs)
}

// list is the work as kernels, elements last.
func (w *work) list() []costmodel.Work {
	out := w.kernels
	if w.elements > 0 {
		out = append(out[:len(out):len(out)], costmodel.Work{Kernel: "elementwise", DType: "f32", Cols: w.elements, Tokens: 1})
	}
	return out
}

// maxFLOPs keeps sums over hostile text finite.
const maxFLOPs = 1e300

func clamp(v float64) int64 { return int64(min(v, math.MaxInt64/4)) }

// meter computes the work of instructions, once for each computation.
type meter map[*Computation]work

func (m meter) of(in *Instruction) work {
	switch in.Opcode {
	case "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "reshape", "broadcast", "iota", "after-all",
		"optimization-barrier", "partition-id", "replica-id", "copy", "copy-start", "copy-done", "transpose", "slice", "dynamic-slice",
		"concatenate", "pad", "reverse", "gather":
		return work{} // moves bytes only
	case "dot":
		return in.dot()
	case "convolution":
		return in.convolution()
	case "fusion", "call":
		return m.computation(in.Called[0])
	case "conditional":
		var most work
		for _, c := range in.Called {
			if w := m.computation(c); w.flops+float64(w.elements) >= most.flops+float64(most.elements) {
				most = w
			}
		}
		return most
	}
	var n float64
	for _, s := range in.Shape.leaves(nil) {
		n += float64(s.elements())
	}
	var read float64
	for _, o := range in.Operands {
		if !o.Shape.IsTup {
			read = max(read, float64(o.Shape.elements()))
		}
	}
	switch in.Opcode {
	case "reduce", "reduce-window", "select-and-scatter", "sort", "batch-norm-training", "batch-norm-grad", "batch-norm-inference":
		n = max(n, read) // they pass over their input
	case "dynamic-update-slice":
		n = float64(in.Operands[1].Shape.elements())
	}
	return work{elements: clamp(n), flops: n}
}

func (m meter) computation(c *Computation) work {
	if w, ok := m[c]; ok {
		return w
	}
	var w work
	for _, in := range c.Instrs {
		w.add(m.of(in))
	}
	if len(w.kernels) > 64 { // a long body in one step: one product of the same size
		var macs float64
		for _, k := range w.kernels {
			macs += k.Units()
		}
		k := w.kernels[0]
		k.Rows, k.Cols, k.Tokens = 1, clamp(macs/512), 512
		w.kernels = []costmodel.Work{k}
	}
	m[c] = w
	return w
}

// dot: one product of [tokens, k] × [k, rows] for each index of the batch.
func (in *Instruction) dot() work {
	lhs, rhs := &in.Operands[0].Shape, &in.Operands[1].Shape
	product := func(s *Shape, dims []int64) float64 {
		n := 1.0
		for _, d := range dims {
			n *= float64(s.at(d))
		}
		return n
	}
	k := product(lhs, in.Dot.LHSContract)
	batch := product(lhs, in.Dot.LHSBatch)
	tokens := float64(lhs.elements()) / max(1, k*batch)
	rows := float64(rhs.elements()) / max(1, product(rhs, in.Dot.RHSContract)*product(rhs, in.Dot.RHSBatch)) * batch
	return product3(rhs.Type, rows, k, tokens)
}

func product3(dtype string, rows, k, tokens float64) work {
	return work{flops: 2 * rows * k * tokens,
		kernels: []costmodel.Work{{Kernel: costmodel.KernelMatMul, DType: dtype, Rows: clamp(rows), Cols: clamp(k), Tokens: clamp(tokens)}}}
}

// convolution: output positions × output features × the part of the window that
// lies on the input (neither on padding nor between dilated elements).
func (in *Instruction) convolution() work {
	c := &in.Conv
	lhs, rhs, out := &in.Operands[0].Shape, &in.Operands[1].Shape, &in.Shape
	valid := 1.0
	var positions float64 = 1
	for i, w := range in.Window {
		if i >= len(c.InSpatial) || i >= len(c.OutSpatial) {
			break
		}
		n := out.at(c.OutSpatial[i])
		positions *= float64(n)
		valid *= validPairs(lhs.at(c.InSpatial[i]), n, w)
	}
	tokens := float64(out.at(c.OutBatch)) * positions
	k := float64(rhs.at(c.KernelIn)) * valid / max(1, positions)
	return product3(rhs.Type, float64(out.at(c.OutFeature)), math.Ceil(k), tokens)
}

// validPairs counts (output, window) pairs that meet an input element.
func validPairs(input, output int64, w WindowDim) float64 {
	if float64(output)*float64(w.Size) > 1e7 {
		return float64(output) * float64(w.Size) / float64(w.BaseDilation)
	}
	var n int64
	for k := range w.Size {
		for o := range output {
			at := o*w.Stride + k*w.WindowDilation - w.PadLow
			if at >= 0 && at%w.BaseDilation == 0 && at/w.BaseDilation < input {
				n++
			}
		}
	}
	return float64(n)
}
