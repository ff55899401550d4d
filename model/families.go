package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// family is one row of the table of decoder-only transformers: how a variant
// differs from the plain Llama block. A new variant is a new row.
type family struct {
	Name string
	GGUF []string // values of general.architecture
	HF   []string // class names in config.json

	QKVBias    bool // q, k and v add a bias
	QKNorm     bool // RMS norm of every q and k head
	PostNorm   bool // norms after attention and FFN, before the residual
	Activation string
	EmbedScale bool    // embedding × √width
	NormOffset float64 // added to norm weights as stored by HF; GGUF stores the sum
	RopeNeox   bool    // rotate halves; Llama's GGUF files permute q and k to adjacent pairs
	RopeBase   float64 // default, 10000 when 0
	TiedOutput bool    // default of tie_word_embeddings

	// Sliding window: of every WindowPattern layers the last attends to the
	// full context (1 or 0 with WindowAll: all layers slide).
	WindowPattern  int64
	WindowAll      bool
	WindowHFOnly   bool    // llama.cpp runs the variant with full context
	WindowGate     string  // config.json field that must be true for the window to be used
	WindowDefault  int64   // window in positions when the file does not say; 0: it must
	WindowRopeBase float64 // rope base of the layers with a window

	AttnScale func(Hyper) float64 // default 1/√head_dim
	HFNames   map[slot]string     // names that differ from Llama's in safetensors

	// HFDefaults are the class's values of fields that published config.json
	// files leave out.
	HFDefaults map[string]any
}

func (f *family) ropeBase() float64 {
	if f.RopeBase == 0 {
		return 10000
	}
	return f.RopeBase
}

// families is the table. Sources: the model classes of Hugging Face
// transformers and the model graphs of llama.cpp.
var families = []family{
	{Name: "llama", GGUF: []string{"llama"}, HF: []string{"LlamaForCausalLM"}, Activation: "silu"},
	{Name: "mistral", GGUF: []string{"mistral3"}, HF: []string{"MistralForCausalLM"}, Activation: "silu",
		WindowAll: true, WindowHFOnly: true},
	{Name: "mixtral", HF: []string{"MixtralForCausalLM"}, Activation: "silu", RopeBase: 1e6,
		WindowAll: true, WindowHFOnly: true, HFNames: map[slot]string{
			slotRouter:     "block_sparse_moe.gate.weight",
			slotExpertGate: "block_sparse_moe.experts.%d.w1.weight",
			slotExpertUp:   "block_sparse_moe.experts.%d.w3.weight",
			slotExpertDown: "block_sparse_moe.experts.%d.w2.weight"}},
	{Name: "qwen2", GGUF: []string{"qwen2"}, HF: []string{"Qwen2ForCausalLM"}, Activation: "silu", RopeNeox: true,
		QKVBias: true, WindowAll: true, WindowHFOnly: true, WindowGate: "use_sliding_window"},
	{Name: "qwen3", GGUF: []string{"qwen3"}, HF: []string{"Qwen3ForCausalLM"}, Activation: "silu", RopeNeox: true,
		QKNorm: true, WindowAll: true, WindowHFOnly: true, WindowGate: "use_sliding_window"},
	{Name: "qwen3moe", GGUF: []string{"qwen3moe"}, HF: []string{"Qwen3MoeForCausalLM"}, Activation: "silu", RopeNeox: true,
		QKNorm: true, WindowAll: true, WindowHFOnly: true, WindowGate: "use_sliding_window"},
	{Name: "gemma2", GGUF: []string{"gemma2"}, HF: []string{"Gemma2ForCausalLM"}, Activation: "gelu", RopeNeox: true,
		PostNorm: true, EmbedScale: true, NormOffset: 1, TiedOutput: true,
		WindowPattern: 2, WindowDefault: 4096, AttnScale: gemma2Scale, HFNames: gemmaNames},
	{Name: "gemma3", GGUF: []string{"gemma3"}, HF: []string{"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"},
		Activation: "gelu", RopeNeox: true, QKNorm: true, PostNorm: true, EmbedScale: true, NormOffset: 1, TiedOutput: true,
		RopeBase: 1e6, WindowPattern: 6, WindowRopeBase: 10000, AttnScale: gemma3Scale, HFNames: gemmaNames,
		HFDefaults: map[string]any{"vocab_size": 262208.0, "num_attention_heads": 8.0, "num_key_value_heads": 4.0, "head_dim": 256.0,
			"max_position_embeddings": 131072.0, "query_pre_attn_scalar": 256.0, "sliding_window": 4096.0}},
}

var gemmaNames = map[slot]string{
	slotPostAttnNorm: "post_attention_layernorm.weight",
	slotFFNNorm:      "pre_feedforward_layernorm.weight",
	slotPostFFNNorm:  "post_feedforward_layernorm.weight",
}

// The 27B models of both generations scale by width/heads instead of the head's
// own width; GGUF files do not say so, llama.cpp tells them by their layers.
func gemma2Scale(h Hyper) float64 { return gemmaScale(h, 46) }
func gemma3Scale(h Hyper) float64 { return gemmaScale(h, 62) }

func gemmaScale(h Hyper, layersOf27B int64) float64 {
	if h.Layers == layersOf27B {
		return 1 / math.Sqrt(float64(h.Width/h.Heads))
	}
	return 1 / math.Sqrt(float64(h.HeadDim))
}

// assumedFamily stands in for an architecture nobody described: a plain decoder.
var assumedFamily = family{Name: "generic decoder", Activation: "silu", RopeNeox: true}

// KnownArchitectures lists the names the table knows, GGUF's before Hugging
// Face's.
func KnownArchitectures() []string {
	var gguf, hf []string
	for i := range families {
		gguf = append(gguf, families[i].GGUF...)
		hf = append(hf, families[i].HF...)
	}
	return append(gguf, hf...)
}

// UnknownArchitectureError says that no row of the table has this name.
type UnknownArchitectureError struct {
	Path, Arch string
	Known      []string
}

func (e *UnknownArchitectureError) Error() string {
	return fmt.Sprintf("%s: unknown architecture %q; known: %s; an estimate as a plain decoder can be asked for",
		e.Path, e.Arch, strings.Join(e.Known, ", "))
}

func findFamily(src *Source) *family {
	for i := range families {
		names := families[i].HF
		if src.Format == "gguf" {
			names = families[i].GGUF
		}
		if slices.Contains(names, src.Arch) {
			return &families[i]
		}
	}
	return nil
}

// slot is a weight's place in the block, whatever the file calls it.
type slot uint8

const (
	slotEmbed slot = iota
	slotOutputNorm
	slotOutput
	slotRopeFreqs
	slotAttnNorm
	slotQ
	slotK
	slotV
	slotO
	slotQBias
	slotKBias
	slotVBias
	slotOBias
	slotQNorm
	slotKNorm
	slotPostAttnNorm
	slotFFNNorm
	slotGate
	slotUp
	slotDown
	slotPostFFNNorm
	slotRouter
	slotExpertGate
	slotExpertUp
	slotExpertDown
	slotCount
)

// ggufNames and hfNames are the two vocabularies of weight names. Names of a
// block are below "blk.N." and "model.layers.N."; a "%d" is the expert's index.
var ggufNames = [slotCount]string{
	slotEmbed: "token_embd.weight", slotOutputNorm: "output_norm.weight", slotOutput: "output.weight", slotRopeFreqs: "rope_freqs.weight",
	slotAttnNorm: "attn_norm.weight", slotQ: "attn_q.weight", slotK: "attn_k.weight", slotV: "attn_v.weight", slotO: "attn_output.weight",
	slotQBias: "attn_q.bias", slotKBias: "attn_k.bias", slotVBias: "attn_v.bias", slotOBias: "attn_output.bias",
	slotQNorm: "attn_q_norm.weight", slotKNorm: "attn_k_norm.weight",
	slotPostAttnNorm: "post_attention_norm.weight", slotFFNNorm: "ffn_norm.weight", slotPostFFNNorm: "post_ffw_norm.weight",
	slotGate: "ffn_gate.weight", slotUp: "ffn_up.weight", slotDown: "ffn_down.weight",
	slotRouter: "ffn_gate_inp.weight", slotExpertGate: "ffn_gate_exps.weight", slotExpertUp: "ffn_up_exps.weight", slotExpertDown: "ffn_down_exps.weight",
}

var hfNames = [slotCount]string{
	slotEmbed: "model.embed_tokens.weight", slotOutputNorm: "model.norm.weight", slotOutput: "lm_head.weight",
	slotAttnNorm: "input_layernorm.weight", slotQ: "self_attn.q_proj.weight", slotK: "self_attn.k_proj.weight", slotV: "self_attn.v_proj.weight", slotO: "self_attn.o_proj.weight",
	slotQBias: "self_attn.q_proj.bias", slotKBias: "self_attn.k_proj.bias", slotVBias: "self_attn.v_proj.bias", slotOBias: "self_attn.o_proj.bias",
	slotQNorm: "self_attn.q_norm.weight", slotKNorm: "self_attn.k_norm.weight",
	slotFFNNorm: "post_attention_layernorm.weight",
	slotGate:    "mlp.gate_proj.weight", slotUp: "mlp.up_proj.weight", slotDown: "mlp.down_proj.weight",
	slotRouter: "mlp.gate.weight", slotExpertGate: "mlp.experts.%d.gate_proj.weight", slotExpertUp: "mlp.experts.%d.up_proj.weight", slotExpertDown: "mlp.experts.%d.down_proj.weight",
}
