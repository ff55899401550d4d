package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// windowLayers says which layers attend to a sliding window only.
func (b *builder) windowLayers() ([]bool, error) {
	h := &b.g.Hyper
	out := make([]bool, h.Layers)
	off := b.fam.WindowHFOnly && b.src.Format == "gguf"
	if b.fam.WindowGate != "" && !b.f.truth(key{"", b.fam.WindowGate}, false) {
		off = true
	}
	if b.fam.WindowPattern == 0 && !b.fam.WindowAll || off {
		h.Window = 0
	}
	if h.Window == 0 {
		return out, b.f.err
	}
	if f := b.src.GGUF; f != nil && f.Len(b.src.meta.where(keyWindowPattern)) > 1 { // one truth value a layer
		flags, err := f.Ints(b.src.meta.where(keyWindowPattern))
		if err != nil {
			return nil, err
		}
		if int64(len(flags)) != h.Layers {
			return nil, fmt.Errorf("%s: %s has %d entries for %d layers", b.src.Path, b.src.meta.where(keyWindowPattern), len(flags), h.Layers)
		}
		for i := range out {
			out[i] = flags[i] != 0
		}
		return out, nil
	}
	kinds, found, err := b.src.meta.list(key{"", "layer_types"})
	if err != nil {
		return nil, err
	}
	if found {
		if int64(len(kinds)) != h.Layers {
			return nil, fmt.Errorf("%s: layer_types has %d entries for %d layers", b.src.Path, len(kinds), h.Layers)
		}
		for i, kind := range kinds {
			switch kind {
			case "sliding_attention":
				out[i] = true
			case "full_attention":
			default:
				return nil, fmt.Errorf("%s: layer_types of layer %d is %q, expected sliding_attention or full_attention", b.src.Path, i, kind)
			}
		}
		return out, nil
	}
	pattern := b.f.integer(keyWindowPattern, b.fam.WindowPattern, 0, maxLayers)
	first := int64(0)
	if b.fam.WindowGate != "" {
		first = b.f.integer(key{"", "max_window_layers"}, 0, 0, maxLayers)
	}
	for i := range out {
		l := int64(i)
		out[i] = l >= first && (pattern == 0 || (l+1)%pattern != 0)
	}
	return out, b.f.err
}

// expertLayer says whether the block has a mixture of experts. Files say it by
// their tensors, a config by its fields.
func (b *builder) expertLayer() bool {
	h := &b.g.Hyper
	if h.Experts == 0 {
		return false
	}
	if !b.w.planned() {
		return b.w.has(slotRouter, b.layer)
	}
	if step := b.f.integer(key{"", "decoder_sparse_step"}, 1, 1, maxLayers); step > 0 && (int64(b.layer)+1)%step != 0 {
		return false
	}
	dense, _, err := b.src.meta.list(key{"", "mlp_only_layers"})
	if err != nil && b.err == nil {
		b.err = err
	}
	return !slices.Contains(dense, fmt.Sprint(b.layer))
}

// extras adds the tensors of a layer (-1: of none) that no op of an assumed
// architecture asked for. Each is read as one matrix product, so that no stored
// byte is forgotten and none is needed earlier than its layer.
func (b *builder) extras(layer int) {
	if !b.w.loose || b.err != nil {
		return
	}
	for _, i := range b.w.unused() {
		r := &b.src.Tensors[i]
		if l := layerInName(r.Name); l != layer && !(layer < 0 && int64(l) >= b.g.Hyper.Layers) {
			continue
		}
		w := b.w.use(i, layer)
		axis := AxisTokens
		if layer < 0 {
			axis = AxisOutputs
		}
		out := b.value(RoleScratch, r.Name+".out", r.Rows(), axis)
		b.op(OpMatMul, r.Name, ids(b.x, w), out, Attr{})
	}
}

// layerInName is the first number that stands alone in a dotted name, -1 when
// there is none.
func layerInName(name string) int {
	for part := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 {
			return n
		}
	}
	return -1
}

// ignored lists what the ops of a known architecture leave unread, and says what
// else an unknown one was assumed to do.
func (b *builder) ignored() {
	if b.w.loose {
		b.g.Assumed = append(b.g.Assumed, "order of the ops", "KV cache of every layer")
		return
	}
	for _, i := range b.w.unused() {
		b.g.Ignored = append(b.g.Ignored, b.src.Tensors[i].Name)
	}
}

// executableTypes are the weight types the engine has kernels for.
var executableTypes = []DType{F32, F16, Q4_1, Q8_0}

// notExecutable says why the engine cannot run the graph, "" when it can.
func (b *builder) notExecutable() string {
	g, h := b.g, &b.g.Hyper
	scaling, _, _ := b.src.meta.text(keyRopeScaling)
	switch {
	case len(g.Assumed) > 0:
		return "planned only: assumed " + g.Assumed[0]
	case b.fam.Name != "llama":
		return fmt.Sprintf("planned only: the engine runs the llama architecture, this is %s", b.fam.Name)
	case b.src.Format != "gguf":
		return "planned only: the engine reads weights from GGUF files"
	case h.Experts > 0:
		return "planned only: the engine does not run mixtures of experts yet"
	case len(g.Ignored) > 0:
		return fmt.Sprintf("planned only: the file has %d tensors the engine does not know, the first is %q", len(g.Ignored), g.Ignored[0])
	case b.freqs != NoTensor || scaling != "" && scaling != "none":
		return "planned only: the engine does not scale rotary positions yet"
	case h.HeadDimV != h.HeadDim || h.RopeDim != h.HeadDim:
		return fmt.Sprintf("planned only: the engine needs value heads and rotary width of the head's width %d, found %d and %d", h.HeadDim, h.HeadDimV, h.RopeDim)
	}
	for i := range g.Ops {
		op := &g.Ops[i]
		if op.Kind != OpMatMul && op.Kind != OpEmbed && op.Kind != OpNorm {
			continue
		}
		if op.Kind == OpMatMul && len(op.In) > 2 {
			return fmt.Sprintf("planned only: the engine does not add biases yet (%s)", g.Tensors[op.In[2]].Name)
		}
		w := &g.Tensors[op.In[1]]
		if op.Kind == OpNorm && w.DType != F32 {
			return fmt.Sprintf("planned only: %s is %s, norms must be F32", w.Name, w.DType)
		}
		if !slices.Contains(executableTypes, w.DType) {
			return fmt.Sprintf("planned only: %s is %s, the engine has kernels for F32, F16, Q4_1 and Q8_0", w.Name, w.DType)
		}
	}
	return ""
}
