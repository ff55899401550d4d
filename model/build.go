package model

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
)

// BuildOptions says how a graph is built.
type BuildOptions struct {
	KType, VType DType // of cached keys and values; the zero value is F32
	AllowAssumed bool  // an unknown architecture is estimated as a plain decoder
}

// Build makes the graph of a model. An architecture that the table does not know
// is an *UnknownArchitectureError, unless opts allow an estimate; the graph then
// says so in Assumed.
func Build(src *Source, opts BuildOptions) (*Graph, error) {
	fam := findFamily(src)
	g := &Graph{Arch: src.Arch, Shards: src.Shards}
	if fam == nil {
		if !opts.AllowAssumed {
			return nil, &UnknownArchitectureError{Path: src.Path, Arch: src.Arch, Known: KnownArchitectures()}
		}
		fam = &assumedFamily
		g.Assumed = append(g.Assumed, fmt.Sprintf("architecture %q as a plain decoder", src.Arch))
	}
	src = src.withDefaults(fam)
	var err error
	if g.Hyper, err = readHyper(src, fam); err != nil {
		return nil, err
	}
	if g.Name, _, err = src.meta.text(keyName); err != nil {
		return nil, err
	}
	if g.Name == "" {
		g.Name = strings.TrimSuffix(filepath.Base(src.Path), filepath.Ext(src.Path))
	}
	w, err := newWeights(src, fam, g)
	if err != nil {
		return nil, err
	}
	w.loose = fam == &assumedFamily
	if method, found, err := src.meta.text(keyQuantMethod); err != nil {
		return nil, err
	} else if found && w.planned() {
		g.Assumed = append(g.Assumed, fmt.Sprintf("weights of type %s, though quantization_config says %s", w.dtype, method))
	}
	b := &builder{g: g, w: w, fam: fam, opts: opts, src: src, f: &fields{src: src}}
	if err := b.build(); err != nil {
		return nil, err
	}
	g.Executable = b.notExecutable()
	return g, nil
}

// builder appends the stages of a decoder-only transformer. Its first error
// sticks, so that the layout of a block reads as one piece.
type builder struct {
	g    *Graph
	w    *weights
	fam  *family
	opts BuildOptions
	src  *Source
	f    *fields // metadata that is not a hyper-parameter
	err  error

	x        TensorID // residual stream
	layer    int
	windowed []bool
	normPlus float64
	neox     bool
	scale    float64
	attnCap  float64
	freqs    TensorID
}

func (b *builder) build() error {
	g, h := b.g, &b.g.Hyper
	if err := b.vocabulary(); err != nil {
		return err
	}
	b.neox = b.fam.RopeNeox || b.src.Format != "gguf"
	if b.src.Format != "gguf" {
		b.normPlus = b.fam.NormOffset
	}
	b.scale = 1 / math.Sqrt(float64(h.HeadDim))
	if b.fam.AttnScale != nil {
		b.scale = b.fam.AttnScale(*h)
	}
	if q := b.f.real(keyAttnScalar, 0); q > 0 {
		b.scale = 1 / math.Sqrt(q)
	}
	b.attnCap = b.f.real(keyAttnCap, 0)
	logitCap := b.f.real(keyLogitCap, 0)
	if b.f.err != nil {
		return b.f.err
	}
	var err error
	if b.windowed, err = b.windowLayers(); err != nil {
		return err
	}

	b.layer = -1
	tokens := g.add(Tensor{Name: "tokens", Role: RoleTokens, DType: I32, Shape: []Dim{{1, AxisTokens}}, Layer: -1})
	embed := b.weight(slotEmbed, h.Vocab, h.Width)
	output := embed
	if !h.TiedOutput {
		output = b.weight(slotOutput, h.Vocab, h.Width)
	}
	b.freqs = b.maybe(slotRopeFreqs, false, h.RopeDim/2)
	b.x = b.value(RoleActivation, "x", h.Width, AxisTokens)

	b.stage("embed", false, false)
	var scale float64
	if b.fam.EmbedScale {
		scale = math.Sqrt(float64(h.Width))
	}
	b.op(OpEmbed, "embed", ids(tokens, embed), b.x, Attr{Scale: scale})
	for l := range int(h.Layers) {
		b.layer = l
		b.attention()
		b.feedForward()
		if b.err != nil {
			return b.err
		}
		b.extras(l)
		if len(g.Ops)+len(g.Tensors) > maxGraph {
			return fmt.Errorf("%s: the graph has more than %d ops and tensors at layer %d", b.src.Path, maxGraph, l)
		}
	}
	b.layer = -1
	b.stage("norm", false, true)
	final := b.value(RoleActivation, "final", h.Width, AxisOutputs)
	b.op(OpNorm, "norm", ids(b.x, b.weight(slotOutputNorm, h.Width)), final, b.normAttr())
	b.extras(-1)
	b.stage("output", true, true)
	logits := b.value(RoleLogits, "logits", h.Vocab, AxisOutputs)
	b.op(OpMatMul, "output", ids(final, output), logits, Attr{SoftCap: logitCap})
	b.stage("sample", false, true)
	next := g.add(Tensor{Name: "next", Role: RoleTokens, DType: I32, Shape: []Dim{{1, AxisOutputs}}, Layer: -1})
	b.op(OpSample, "sample", ids(logits), next, Attr{})
	b.ignored()
	return b.totalWeights()
}

// vocabulary settles the size of the vocabulary and whether the output is tied.
func (b *builder) vocabulary() error {
	h := &b.g.Hyper
	tied := b.f.truth(keyTied, b.fam.TiedOutput)
	if b.w.planned() {
		h.Vocab = b.f.integer(keyVocab, -1, 1, maxVocab)
		h.TiedOutput = tied
		return b.f.err
	}
	name := b.w.name(slotEmbed, -1, 0)
	i, ok := b.w.byName[name]
	if !ok {
		return fmt.Errorf("%s: tensor %q is missing, the %s architecture needs it", b.src.Path, name, b.src.Arch)
	}
	h.Vocab = b.src.Tensors[i].Rows()
	h.TiedOutput = !b.w.has(slotOutput, -1)
	if h.TiedOutput && b.src.Format == "safetensors" && !tied {
		return fmt.Errorf("%s: tensor %q is missing, but tie_word_embeddings is false: a shard may be missing", b.src.Path, b.w.name(slotOutput, -1, 0))
	}
	if h.Vocab > maxVocab {
		return fmt.Errorf("%s: tensor %q has %d rows, at most %d are accepted", b.src.Path, name, h.Vocab, maxVocab)
	}
	return b.f.err
}

// attention adds the stages qkv and attn of a block.
func (b *builder) attention() {
	h := &b.g.Hyper
	qDim, kDim, vDim, aDim := h.Heads*h.HeadDim, h.KVHeads*h.HeadDim, h.KVHeads*h.HeadDimV, h.Heads*h.HeadDimV
	attr := Attr{Heads: h.Heads, KVHeads: h.KVHeads, HeadDim: h.HeadDim, HeadDimV: h.HeadDimV}
	rope := Attr{HeadDim: h.HeadDim, RopeBase: h.RopeBase, RopeDim: h.RopeDim, RopeNeox: b.neox}
	window := int64(0)
	if b.windowed[b.layer] {
		window = h.Window
		if base := b.f.real(keyWindowRope, b.fam.WindowRopeBase); base > 0 {
			rope.RopeBase = base
		}
	}

	b.stage("qkv", false, false)
	xn := b.value(RoleScratch, "attn_norm", h.Width, AxisTokens)
	b.op(OpNorm, "attn_norm", ids(b.x, b.weight(slotAttnNorm, h.Width)), xn, b.normAttr())
	q := b.value(RoleActivation, "q", qDim, AxisTokens)
	k := b.value(RoleScratch, "k", kDim, AxisTokens)
	v := b.value(RoleScratch, "v", vDim, AxisTokens)
	bias := b.fam.QKVBias || b.w.planned() && b.f.truth(key{"", "attention_bias"}, false)
	b.op(OpMatMul, "q", ids(xn, b.weight(slotQ, qDim, h.Width), b.maybe(slotQBias, bias, qDim)), q, Attr{})
	b.op(OpMatMul, "k", ids(xn, b.weight(slotK, kDim, h.Width), b.maybe(slotKBias, bias, kDim)), k, Attr{})
	b.op(OpMatMul, "v", ids(xn, b.weight(slotV, vDim, h.Width), b.maybe(slotVBias, bias, vDim)), v, Attr{})
	if w := b.maybe(slotQNorm, b.fam.QKNorm, h.HeadDim); w != NoTensor {
		norm := b.normAttr()
		norm.Heads, norm.HeadDim = h.Heads, h.HeadDim
		b.op(OpNorm, "q_norm", ids(q, w), q, norm)
	}
	if w := b.maybe(slotKNorm, b.fam.QKNorm, h.HeadDim); w != NoTensor {
		norm := b.normAttr()
		norm.Heads, norm.HeadDim = h.KVHeads, h.HeadDim
		b.op(OpNorm, "k_norm", ids(k, w), k, norm)
	}
	rope.Heads = h.Heads
	b.op(OpRope, "rope_q", b.withFreqs(q), q, rope)
	rope.Heads = h.KVHeads
	b.op(OpRope, "rope_k", b.withFreqs(k), k, rope)
	kv := b.g.add(Tensor{Name: b.local("kv"), Role: RoleKV, DType: b.opts.KType, Layer: b.layer, Window: window,
		Shape: []Dim{{1, AxisContext}, {kDim + vDim, AxisOne}},
		KV:    KVRow{KCols: kDim, VCols: vDim, KType: b.opts.KType, VType: b.opts.VType}})
	store := attr
	store.Window = window
	b.op(OpStoreKV, "store_kv", ids(k, v, kv), kv, store)

	b.stage("attn", false, false)
	a := b.value(RoleScratch, "attn", aDim, AxisTokens)
	attr.Scale, attr.Window, attr.SoftCap = b.scale, window, b.attnCap
	b.op(OpAttention, "attention", ids(q, kv), a, attr)
	y := b.value(RoleScratch, "attn_out", h.Width, AxisTokens)
	oBias := b.w.planned() && b.f.truth(key{"", "attention_bias"}, false) && !b.fam.QKVBias
	b.op(OpMatMul, "o", ids(a, b.weight(slotO, h.Width, aDim), b.maybe(slotOBias, oBias, h.Width)), y, Attr{})
	b.postNorm("attn_post_norm", slotPostAttnNorm, y)
	b.op(OpAdd, "attn_add", ids(b.x, y), b.x, Attr{})
}

// feedForward adds ffn_up and ffn_down, or router and experts.
func (b *builder) feedForward() {
	h := &b.g.Hyper
	if b.expertLayer() {
		b.mixture()
		return
	}
	if h.FFN == 0 && b.w.loose {
		b.stage("ffn", false, false)
		return
	}
	if h.FFN == 0 && b.err == nil {
		b.err = fmt.Errorf("%s: %s is missing, layer %d is a dense one", b.src.Path, b.src.meta.where(keyFFN), b.layer)
	}
	b.stage("ffn_up", false, false)
	xn := b.value(RoleScratch, "ffn_norm", h.Width, AxisTokens)
	b.op(OpNorm, "ffn_norm", ids(b.x, b.weight(slotFFNNorm, h.Width)), xn, b.normAttr())
	gate := b.value(RoleScratch, "gate", h.FFN, AxisTokens)
	up := b.value(RoleScratch, "up", h.FFN, AxisTokens)
	b.op(OpMatMul, "gate", ids(xn, b.weight(slotGate, h.FFN, h.Width)), gate, Attr{})
	b.op(OpMatMul, "up", ids(xn, b.weight(slotUp, h.FFN, h.Width)), up, Attr{})
	hidden := b.value(RoleActivation, "h", h.FFN, AxisTokens)
	b.op(OpGLU, "glu", ids(gate, up), hidden, Attr{Activation: b.fam.Activation})

	b.stage("ffn_down", false, false)
	y := b.value(RoleScratch, "ffn_out", h.Width, AxisTokens)
	b.op(OpMatMul, "down", ids(hidden, b.weight(slotDown, h.Width, h.FFN)), y, Attr{})
	b.postNorm("ffn_post_norm", slotPostFFNNorm, y)
	b.op(OpAdd, "ffn_add", ids(b.x, y), b.x, Attr{})
}

// mixture adds router and experts. The routing of a token is ExpertsUsed expert
// ids (as 32-bit integers) followed by as many weights.
func (b *builder) mixture() {
	h := &b.g.Hyper
	attr := Attr{Experts: h.Experts, ExpertsUsed: h.ExpertsUsed, Activation: b.fam.Activation}
	b.stage("router", false, false)
	xn := b.value(RoleActivation, "ffn_norm", h.Width, AxisTokens)
	b.op(OpNorm, "ffn_norm", ids(b.x, b.weight(slotFFNNorm, h.Width)), xn, b.normAttr())
	scores := b.value(RoleScratch, "scores", h.Experts, AxisTokens)
	b.op(OpMatMul, "scores", ids(xn, b.weight(slotRouter, h.Experts, h.Width)), scores, Attr{})
	route := b.value(RoleActivation, "route", 2*h.ExpertsUsed, AxisTokens)
	b.op(OpRouter, "router", ids(scores), route, attr)

	b.stage("experts", false, false)
	in := ids(xn, route)
	in = append(in, b.experts(slotExpertGate, h.ExpertFFN, h.Width)...)
	in = append(in, b.experts(slotExpertUp, h.ExpertFFN, h.Width)...)
	in = append(in, b.experts(slotExpertDown, h.Width, h.ExpertFFN)...)
	y := b.value(RoleScratch, "ffn_out", h.Width, AxisTokens)
	b.op(OpExperts, "experts", in, y, attr)
	b.postNorm("ffn_post_norm", slotPostFFNNorm, y)
	b.op(OpAdd, "ffn_add", ids(b.x, y), b.x, Attr{})
}

// experts gives one stack (GGUF) or one matrix for each expert (safetensors).
func (b *builder) experts(s slot, rows, cols int64) []TensorID {
	n := b.g.Hyper.Experts
	if b.src.Format == "gguf" {
		return ids(b.weight(s, n, rows, cols))
	}
	out := make([]TensorID, n)
	for e := range out {
		if b.err != nil {
			break
		}
		out[e], b.err = b.w.findExpert(s, b.layer, int64(e), rows, cols)
	}
	return out
}

func (b *builder) postNorm(name string, s slot, y TensorID) {
	if w := b.maybe(s, b.fam.PostNorm, b.g.Hyper.Width); w != NoTensor {
		b.op(OpNorm, name, ids(y, w), y, b.normAttr())
	}
}

func (b *builder) normAttr() Attr { return Attr{Eps: b.g.Hyper.NormEps, NormOffset: b.normPlus} }

func (b *builder) weight(s slot, shape ...int64) TensorID {
	if b.err != nil {
		return NoTensor
	}
	var id TensorID
	id, b.err = b.w.find(s, b.layer, shape...)
	return id
}

func (b *builder) maybe(s slot, expected bool, shape ...int64) TensorID {
	if b.err != nil || b.w.name(s, b.layer, 0) == "" {
		return NoTensor
	}
	var id TensorID
	id, b.err = b.w.optional(s, b.layer, expected, shape...)
	return id
}

func (b *builder) local(name string) string {
	if b.layer < 0 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, b.layer)
}

// value adds a computed tensor of cols 32-bit values per token or output.
func (b *builder) value(role Role, name string, cols int64, rows Axis) TensorID {
	return b.g.add(Tensor{Name: b.local(name), Role: role, DType: F32, Shape: []Dim{{1, rows}, {cols, AxisOne}}, Layer: b.layer})
}

func (b *builder) stage(name string, panelled, outputOnly bool) {
	b.g.Stages = append(b.g.Stages, Stage{Name: b.local(name), Layer: b.layer, FirstOp: int32(len(b.g.Ops)), Panelled: panelled, OutputOnly: outputOnly})
}

// op appends an op to the current stage. Optional operands (from the third on)
// that are absent are left out.
func (b *builder) op(kind OpKind, name string, in []TensorID, out TensorID, attr Attr) {
	for len(in) > 2 && in[len(in)-1] == NoTensor {
		in = in[:len(in)-1]
	}
	s := len(b.g.Stages) - 1
	b.g.Stages[s].Ops++
	b.g.Ops = append(b.g.Ops, Op{Kind: kind, Name: b.local(name), Layer: b.layer, Stage: int32(s), In: in, Out: ids(out), Attr: attr})
}

func (b *builder) withFreqs(t TensorID) []TensorID {
	if b.freqs == NoTensor {
		return ids(t)
	}
	return ids(t, b.freqs)
}

// totalWeights refuses shapes whose sum is out of range.
func (b *builder) totalWeights() error {
	var sum int64
	for i := range b.g.Tensors {
		if t := &b.g.Tensors[i]; t.Role == RoleWeight && b.err == nil {
			if sum += t.Bytes; sum > 1<<60 {
				b.err = fmt.Errorf("%s: the weights are beyond 2^60 bytes", b.src.Path)
			}
		}
	}
	return b.err
}

func ids(t ...TensorID) []TensorID { return t }
