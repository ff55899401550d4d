package model

import (
	"fmt"
	"math"
)

// Fields of the metadata, by their two names.
var (
	keyName          = key{"/general.name", "_name_or_path"}
	keyLayers        = key{"block_count", "num_hidden_layers"}
	keyWidth         = key{"embedding_length", "hidden_size"}
	keyHeads         = key{"attention.head_count", "num_attention_heads"}
	keyKVHeads       = key{"attention.head_count_kv", "num_key_value_heads"}
	keyHeadDim       = key{"attention.key_length", "head_dim"}
	keyHeadDimV      = key{"attention.value_length", ""}
	keyFFN           = key{"feed_forward_length", "intermediate_size"}
	keyVocab         = key{"vocab_size", "vocab_size"}
	keyContext       = key{"context_length", "max_position_embeddings"}
	keyExperts       = key{"expert_count", "num_experts|num_local_experts"}
	keyExpertsUsed   = key{"expert_used_count", "num_experts_per_tok"}
	keyExpertFFN     = key{"expert_feed_forward_length", "moe_intermediate_size"}
	keyNormEps       = key{"attention.layer_norm_rms_epsilon", "rms_norm_eps"}
	keyRopeBase      = key{"rope.freq_base", "rope_theta"}
	keyRopeDim       = key{"rope.dimension_count", ""}
	keyRopePartial   = key{"", "partial_rotary_factor"}
	keyRopeScaling   = key{"rope.scaling.type", "rope_scaling.rope_type|rope_scaling.type|rope_parameters.rope_type"}
	keyTied          = key{"", "tie_word_embeddings"}
	keyWindow        = key{"attention.sliding_window", "sliding_window"}
	keyWindowPattern = key{"attention.sliding_window_pattern", "sliding_window_pattern|_sliding_window_pattern"}
	keyWindowRope    = key{"rope.freq_base_swa", "rope_local_base_freq|rope_parameters.sliding_attention.rope_theta"}
	keyBOS           = key{"/tokenizer.ggml.bos_token_id", "bos_token_id"}
	keyEOS           = key{"/tokenizer.ggml.eos_token_id", "eos_token_id"}
	keyAddBOS        = key{"/tokenizer.ggml.add_bos_token", ""}
	keyAttnCap       = key{"attn_logit_softcapping", "attn_logit_softcapping"}
	keyLogitCap      = key{"final_logit_softcapping", "final_logit_softcapping"}
	keyAttnScalar    = key{"", "query_pre_attn_scalar"}
	keyQuantMethod   = key{"", "quantization_config.quant_method"}
	keyTorchDType    = key{"", "torch_dtype|dtype"}
)

// Bounds on hyper-parameters. They keep the arithmetic on shapes far from
// overflow and a hostile config.json from asking for a graph of any size.
const (
	maxLayers  = 1 << 12
	maxWidth   = 1 << 24
	maxExperts = 1 << 12
	maxVocab   = 1 << 28
	maxGraph   = 1 << 18 // ops and tensors of a graph
)

// fields collects the first error of a run of reads.
type fields struct {
	src *Source
	err error
}

func (f *fields) fail(k key, format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%s: %s %s", f.src.Path, f.src.meta.where(k), fmt.Sprintf(format, args...))
	}
}

// integer reads a whole number in [least, most]; absent gives fallback, and is
// an error when fallback is negative.
func (f *fields) integer(k key, fallback, least, most int64) int64 {
	x, found, err := f.src.meta.number(k)
	switch {
	case f.err != nil:
		return 0
	case err != nil:
		f.err = err
		return 0
	case !found && fallback < 0:
		f.fail(k, "is missing")
		return 0
	case !found:
		return fallback
	case x != math.Trunc(x) || x < float64(least) || x > float64(most):
		f.fail(k, "is %g, expected a whole number from %d to %d", x, least, most)
		return 0
	}
	return int64(x)
}

func (f *fields) real(k key, fallback float64) float64 {
	x, found, err := f.src.meta.number(k)
	switch {
	case f.err != nil:
		return 0
	case err != nil:
		f.err = err
		return 0
	case !found:
		return fallback
	case math.IsNaN(x) || math.IsInf(x, 0) || x < 0:
		f.fail(k, "is %g, expected a positive number", x)
		return 0
	}
	return x
}

func (f *fields) truth(k key, fallback bool) bool {
	b, found, err := f.src.meta.truth(k)
	if f.err == nil {
		f.err = err
	}
	if err != nil || !found {
		return fallback
	}
	return b
}

// required gives the fallback of a field that a known architecture must have.
func (fam *family) required(assumed int64) int64 {
	if fam == &assumedFamily {
		return assumed
	}
	return -1
}

// readHyper takes the hyper-parameters from the metadata, with the family's
// defaults where its files leave a field out.
func readHyper(src *Source, fam *family) (Hyper, error) {
	f := &fields{src: src}
	h := Hyper{
		Layers: f.integer(keyLayers, -1, 1, maxLayers),
		Width:  f.integer(keyWidth, -1, 1, maxWidth),
		Heads:  f.integer(keyHeads, -1, 1, maxWidth),
	}
	if f.err != nil {
		return h, f.err
	}
	h.KVHeads = f.integer(keyKVHeads, h.Heads, 1, h.Heads)
	h.HeadDim = f.integer(keyHeadDim, h.Width/h.Heads, 1, maxWidth)
	h.HeadDimV = f.integer(keyHeadDimV, h.HeadDim, 1, maxWidth)
	h.FFN = f.integer(keyFFN, 0, 0, maxWidth)
	h.ContextTrained = f.integer(keyContext, fam.required(0), 1, 1<<40)
	h.Experts = f.integer(keyExperts, 0, 0, maxExperts)
	h.ExpertsUsed = f.integer(keyExpertsUsed, 0, 0, max(h.Experts, 1))
	h.ExpertFFN = f.integer(keyExpertFFN, h.FFN, 0, maxWidth)
	h.NormEps = f.real(keyNormEps, 1e-6)
	if _, found, _ := src.meta.number(keyNormEps); !found && src.Format == "gguf" && fam != &assumedFamily {
		f.fail(keyNormEps, "is missing")
	}
	h.RopeBase = f.real(keyRopeBase, fam.ropeBase())
	window := fam.WindowDefault
	if fam.WindowPattern > 0 && window == 0 {
		window = -1
	}
	h.Window = f.integer(keyWindow, window, 0, 1<<40)
	h.BOS = int32(f.integer(keyBOS, math.MaxInt32, 0, maxVocab))
	h.EOS = int32(f.integer(keyEOS, math.MaxInt32, 0, maxVocab))
	if h.BOS == math.MaxInt32 {
		h.BOS = -1
	}
	if h.EOS == math.MaxInt32 {
		h.EOS = -1
	}
	h.AddBOS = f.truth(keyAddBOS, false)
	h.RopeDim = f.integer(keyRopeDim, int64(float64(h.HeadDim)*f.real(keyRopePartial, 1)), 0, h.HeadDim)
	if f.err != nil {
		return h, f.err
	}
	if h.Heads%h.KVHeads != 0 {
		f.fail(keyKVHeads, "is %d, which does not divide the %d heads", h.KVHeads, h.Heads)
	}
	if h.Experts > 0 && h.ExpertsUsed == 0 {
		f.fail(keyExpertsUsed, "is missing or 0, but there are %d experts", h.Experts)
	}
	return h, f.err
}
