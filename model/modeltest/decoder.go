package modeltest

import (
	"fmt"

	"strata/model"
)

// Decoder is the shape of a decoder-only model. Arch is a GGUF architecture:
// llama, qwen2, qwen3, qwen3moe, gemma2 or gemma3; another name gives a plain
// Llama block under that name.
type Decoder struct {
	Arch                                 string
	Layers, Width, Heads, KVHeads        int64
	HeadDim, FFN, Vocab, Context, Window int64
	HeadDimV                             int64 // of a value head; 0: HeadDim
	Experts, ExpertsUsed, ExpertFFN      int64
	Type                                 model.DType // of the matrices
	Tied                                 bool
}

// GGUF makes the file: metadata and all tensors of the architecture.
func (d Decoder) GGUF() *GGUF {
	if d.HeadDimV == 0 {
		d.HeadDimV = d.HeadDim
	}
	g := New(d.Arch)
	set := func(key string, v any) { g.Set(d.Arch+"."+key, v) }
	g.Set("general.name", "test "+d.Arch)
	set("block_count", uint32(d.Layers))
	set("embedding_length", uint32(d.Width))
	set("context_length", uint32(d.Context))
	set("feed_forward_length", uint32(d.FFN))
	set("attention.head_count", uint32(d.Heads))
	set("attention.head_count_kv", uint32(d.KVHeads))
	set("attention.key_length", uint32(d.HeadDim))
	set("attention.value_length", uint32(d.HeadDimV))
	set("attention.layer_norm_rms_epsilon", float32(1e-6))
	set("rope.freq_base", float32(10000))
	set("rope.dimension_count", uint32(d.HeadDim))
	set("vocab_size", uint32(d.Vocab))
	if d.Window > 0 {
		set("attention.sliding_window", uint32(d.Window))
	}
	if d.Experts > 0 {
		set("expert_count", uint32(d.Experts))
		set("expert_used_count", uint32(d.ExpertsUsed))
		set("expert_feed_forward_length", uint32(d.ExpertFFN))
	}
	d.tensors(g)
	return g
}

func (d Decoder) tensors(g *GGUF) {
	q, kv, v, out := d.Heads*d.HeadDim, d.KVHeads*d.HeadDim, d.KVHeads*d.HeadDimV, d.Heads*d.HeadDimV
	g.Add("token_embd.weight", d.Type, d.Vocab, d.Width)
	g.Add("output_norm.weight", model.F32, d.Width)
	if !d.Tied {
		g.Add("output.weight", d.Type, d.Vocab, d.Width)
	}
	for l := range d.Layers {
		add := func(name string, t model.DType, shape ...int64) {
			g.Add(fmt.Sprintf("blk.%d.%s", l, name), t, shape...)
		}
		add("attn_norm.weight", model.F32, d.Width)
		add("attn_q.weight", d.Type, q, d.Width)
		add("attn_k.weight", d.Type, kv, d.Width)
		add("attn_v.weight", d.Type, v, d.Width)
		add("attn_output.weight", d.Type, d.Width, out)
		switch d.Arch {
		case "qwen2":
			add("attn_q.bias", model.F32, q)
			add("attn_k.bias", model.F32, kv)
			add("attn_v.bias", model.F32, v)
		case "qwen3", "qwen3moe", "gemma3":
			add("attn_q_norm.weight", model.F32, d.HeadDim)
			add("attn_k_norm.weight", model.F32, d.HeadDim)
		}
		add("ffn_norm.weight", model.F32, d.Width)
		if d.Arch == "gemma2" || d.Arch == "gemma3" {
			add("post_attention_norm.weight", model.F32, d.Width)
			add("post_ffw_norm.weight", model.F32, d.Width)
		}
		if d.Experts > 0 {
			add("ffn_gate_inp.weight", model.F32, d.Experts, d.Width)
			add("ffn_gate_exps.weight", d.Type, d.Experts, d.ExpertFFN, d.Width)
			add("ffn_up_exps.weight", d.Type, d.Experts, d.ExpertFFN, d.Width)
			add("ffn_down_exps.weight", d.Type, d.Experts, d.Width, d.ExpertFFN)
			continue
		}
		add("ffn_gate.weight", d.Type, d.FFN, d.Width)
		add("ffn_up.weight", d.Type, d.FFN, d.Width)
		add("ffn_down.weight", d.Type, d.Width, d.FFN)
	}
}

// Small gives one small model of each architecture the table of families knows.
func Small() []Decoder {
	base := Decoder{Layers: 7, Width: 256, Heads: 4, KVHeads: 2, HeadDim: 64, FFN: 512, Vocab: 1000, Context: 4096, Type: model.Q8_0}
	var out []Decoder
	for _, arch := range []string{"llama", "qwen2", "qwen3", "qwen3moe", "gemma2", "gemma3"} {
		d := base
		d.Arch = arch
		switch arch {
		case "qwen3":
			d.HeadDim = 128
		case "qwen3moe":
			d.Experts, d.ExpertsUsed, d.ExpertFFN = 8, 2, 96
		case "gemma2", "gemma3":
			d.Window, d.Tied, d.HeadDim = 512, true, 128
		}
		out = append(out, d)
	}
	return out
}
