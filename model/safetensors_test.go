package model_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strata/model"
)

// config is the config.json of a small model of each family.
func config(class string) map[string]any {
	c := map[string]any{
		"architectures": []string{class}, "num_hidden_layers": 6, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
		"head_dim": 16, "intermediate_size": 128, "vocab_size": 100, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6,
		"rope_theta": 10000, "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": []int{2, 3},
	}
	switch {
	case strings.HasPrefix(class, "Qwen3Moe"):
		maps.Copy(c, map[string]any{"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "decoder_sparse_step": 1, "mlp_only_layers": []int{1}})
	case strings.HasPrefix(class, "Mixtral"):
		maps.Copy(c, map[string]any{"num_local_experts": 4, "num_experts_per_tok": 2})
	case strings.HasPrefix(class, "Gemma"):
		maps.Copy(c, map[string]any{"sliding_window": 256, "query_pre_attn_scalar": 64})
	}
	return c
}

func write(t testing.TB, path string, v any) string {
	t.Helper()
	raw, ok := v.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func plan(t testing.TB, c map[string]any) (*model.Graph, error) {
	t.Helper()
	src, err := model.Load(write(t, filepath.Join(t.TempDir(), "config.json"), c))
	if err != nil {
		return nil, err
	}
	return model.Build(src, model.BuildOptions{KType: model.F16, VType: model.F16})
}

// entry is one tensor of a safetensors header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// safetensors makes a file of these tensors in name order, with a hole for data.
func safetensors(tensors map[string]entry) (head []byte, size int64) {
	at := int64(0)
	all := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		e := tensors[name]
		n := int64(map[string]int{"F32": 4, "BF16": 2, "F16": 2, "U8": 1}[e.DType])
		for _, d := range e.Shape {
			n *= d
		}
		e.Offsets = [2]int64{at, at + n}
		at += n
		all[name] = e
	}
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return framed(raw), 8 + int64(len(raw)) + at
}

func framed(header []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
}

func TestPlanFromConfig(t *testing.T) {
	for _, class := range []string{"LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM"} {
		t.Run(class, func(t *testing.T) {
			g, err := plan(t, config(class))
			if err != nil {
				t.Fatal(err)
			}
			checkGraph(t, g)
			if g.Executable == "" || g.Hyper.EOS != 2 || g.Hyper.Vocab != 100 {
				t.Errorf("executable %q, %+v", g.Executable, g.Hyper)
			}
			for _, x := range g.Tensors {
				if x.Role == model.RoleWeight && (x.Offset != -1 || x.DType != model.BF16 || x.Bytes == 0) {
					t.Errorf("planned weight %+v", x)
				}
			}
			gemma := strings.HasPrefix(class, "Gemma")
			if offset := op(t, g, "attn_norm.0").Attr.NormOffset; (offset == 1) != gemma {
				t.Errorf("norm offset %g", offset)
			}
			if g.Hyper.TiedOutput != gemma {
				t.Errorf("tied output %v", g.Hyper.TiedOutput)
			}
			if gemma && op(t, g, "attention.0").Attr.Scale != 0.125 {
				t.Errorf("attention scale %g", op(t, g, "attention.0").Attr.Scale)
			}
			if !op(t, g, "rope_q.0").Attr.RopeNeox {
				t.Error("Hugging Face weights are not permuted, all of them rotate halves")
			}
			// The same tensors as files: what is planned is what is found.
			dir := t.TempDir()
			write(t, filepath.Join(dir, "config.json"), config(class))
			writeShards(t, dir, g, 2, "")
			src, err := model.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			found, err := model.Build(src, model.BuildOptions{KType: model.F16, VType: model.F16})
			if err != nil {
				t.Fatal(err)
			}
			checkGraph(t, found)
			if found.WeightBytes() != g.WeightBytes() || len(found.Ops) != len(g.Ops) || len(found.Ignored) > 0 || len(found.Shards) != 2 {
				t.Errorf("found %d bytes, %d ops, ignored %v; planned %d bytes, %d ops", found.WeightBytes(), len(found.Ops), found.Ignored, g.WeightBytes(), len(g.Ops))
			}
		})
	}
}

// writeShards writes the weights of a graph as safetensors with an index, under
// names that begin with prefix.
func writeShards(t testing.TB, dir string, g *model.Graph, count int, prefix string) {
	t.Helper()
	parts := make([]map[string]entry, count)
	index := map[string]string{}
	for i, id := range g.Weights() {
		x := &g.Tensors[id]
		s := i % count
		if parts[s] == nil {
			parts[s] = map[string]entry{}
		}
		parts[s][prefix+x.Name] = entry{DType: "BF16", Shape: x.Elements(model.Extent{})}
		index[prefix+x.Name] = fmt.Sprintf("model-%05d-of-%05d.safetensors", s+1, count)
	}
	for s, part := range parts {
		head, size := safetensors(part)
		path := write(t, filepath.Join(dir, fmt.Sprintf("model-%05d-of-%05d.safetensors", s+1, count)), head)
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "model.safetensors.index.json"), map[string]any{"metadata": map[string]any{}, "weight_map": index})
}

func TestMultimodalFile(t *testing.T) {
	inner := config("Gemma3ForCausalLM")
	delete(inner, "architectures")
	delete(inner, "torch_dtype")
	c := map[string]any{"architectures": []string{"Gemma3ForConditionalGeneration"}, "text_config": inner, "torch_dtype": "bfloat16", "vision_config": map[string]any{"hidden_size": 7}}
	g, err := plan(t, c)
	if err != nil || g.Hyper.Width != 64 {
		t.Fatalf("%v", err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.json"), c)
	writeShards(t, dir, g, 1, "language_model.")
	src, err := model.Load(filepath.Join(dir, "model-00001-of-00001.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := model.Build(src, model.BuildOptions{})
	if err != nil || found.WeightBytes() != g.WeightBytes() {
		t.Errorf("found %v, %v", found, err)
	}
}

// Parameters of published models, as their model cards and weight files count
// them, from the numbers in their config.json alone.
func TestPublishedParameterCounts(t *testing.T) {
	for _, c := range []struct {
		name, class                                string
		layers, width, heads, kv, head, ffn, vocab int
		tied                                       bool
		more                                       map[string]any
		want                                       int64
	}{
		{"SmolLM2-135M", "LlamaForCausalLM", 30, 576, 9, 3, 64, 1536, 49152, true, nil, 134_515_008},
		{"Llama-3.2-1B", "LlamaForCausalLM", 16, 2048, 32, 8, 64, 8192, 128256, true, nil, 1_235_814_400},
		{"Mistral-7B-v0.1", "MistralForCausalLM", 32, 4096, 32, 8, 128, 14336, 32000, false, nil, 7_241_732_096},
		{"Mixtral-8x7B-v0.1", "MixtralForCausalLM", 32, 4096, 32, 8, 128, 14336, 32000, false,
			map[string]any{"num_local_experts": 8, "num_experts_per_tok": 2}, 46_702_792_704},
		{"Qwen2.5-0.5B", "Qwen2ForCausalLM", 24, 896, 14, 2, 64, 4864, 151936, true, nil, 494_032_768},
		{"Qwen2.5-7B", "Qwen2ForCausalLM", 28, 3584, 28, 4, 128, 18944, 152064, false, nil, 7_615_616_512},
		{"Qwen3-0.6B", "Qwen3ForCausalLM", 28, 1024, 16, 8, 128, 3072, 151936, true, nil, 596_049_920},
		{"Qwen3-30B-A3B", "Qwen3MoeForCausalLM", 48, 2048, 32, 4, 128, 6144, 151936, false,
			map[string]any{"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768}, 30_532_122_624},
		{"gemma-2-2b", "Gemma2ForCausalLM", 26, 2304, 8, 4, 256, 9216, 256000, true, nil, 2_614_341_888},
		{"gemma-3-1b", "Gemma3ForCausalLM", 26, 1152, 4, 1, 256, 6912, 262144, true, map[string]any{"sliding_window": 512}, 999_885_952},
	} {
		cfg := map[string]any{"architectures": []string{c.class}, "num_hidden_layers": c.layers, "hidden_size": c.width, "num_attention_heads": c.heads,
			"num_key_value_heads": c.kv, "head_dim": c.head, "intermediate_size": c.ffn, "vocab_size": c.vocab, "max_position_embeddings": 4096,
			"torch_dtype": "bfloat16", "tie_word_embeddings": c.tied}
		maps.Copy(cfg, c.more)
		g, err := plan(t, cfg)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := g.WeightBytes() / 2; got != c.want {
			t.Errorf("%s: %d parameters, published %d", c.name, got, c.want)
		}
	}
}

// The published config.json of Gemma 3 4B leaves out what its class sets.
func TestGemma3ConfigWithoutDefaults(t *testing.T) {
	c := map[string]any{"architectures": []string{"Gemma3ForConditionalGeneration"}, "torch_dtype": "bfloat16", "text_config": map[string]any{
		"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024,
		"rope_scaling": map[string]any{"factor": 8.0, "rope_type": "linear"}}}
	g, err := plan(t, c)
	if err != nil {
		t.Fatal(err)
	}
	h := g.Hyper
	if h.Heads != 8 || h.KVHeads != 4 || h.HeadDim != 256 || h.Vocab != 262208 || h.Window != 1024 || h.ContextTrained != 131072 {
		t.Errorf("%+v", h)
	}
	if n := g.WeightBytes() / 2; n < 3_870_000_000 || n > 3_890_000_000 {
		t.Errorf("%d parameters of the text model, published as 3.88 billion", n)
	}
}

func TestAssumedConfig(t *testing.T) {
	src, err := model.Load(write(t, filepath.Join(t.TempDir(), "config.json"), config("HyenaForCausalLM")))
	if err != nil {
		t.Fatal(err)
	}
	g, err := model.Build(src, model.BuildOptions{AllowAssumed: true})
	if err != nil {
		t.Fatal(err)
	}
	checkGraph(t, g)
	known, err := plan(t, config("LlamaForCausalLM"))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Assumed) == 0 || g.WeightBytes() != known.WeightBytes() {
		t.Errorf("assumed %v, %d bytes, a Llama of this shape has %d", g.Assumed, g.WeightBytes(), known.WeightBytes())
	}
}

func TestQuantizedConfigIsAssumed(t *testing.T) {
	c := config("LlamaForCausalLM")
	c["quantization_config"] = map[string]any{"quant_method": "gptq"}
	g, err := plan(t, c)
	if err != nil || len(g.Assumed) != 1 || !strings.Contains(g.Assumed[0], "gptq") || !strings.Contains(g.Executable, "gptq") {
		t.Errorf("%v, %+v", err, g)
	}
}

func TestConfigWindows(t *testing.T) {
	c := config("Qwen2ForCausalLM")
	maps.Copy(c, map[string]any{"sliding_window": 128, "use_sliding_window": false, "max_window_layers": 2})
	expect := func(want ...int64) {
		t.Helper()
		g, err := plan(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := windows(g); !slices.Equal(got, want) {
			t.Errorf("windows %v, want %v", got, want)
		}
	}
	expect(0, 0, 0, 0, 0, 0)
	c["use_sliding_window"] = true
	expect(0, 0, 128, 128, 128, 128)
	c["layer_types"] = []string{"sliding_attention", "full_attention", "full_attention", "full_attention", "full_attention", "sliding_attention"}
	expect(128, 0, 0, 0, 0, 128)

	c = config("MistralForCausalLM")
	expect(0, 0, 0, 0, 0, 0)
	c["sliding_window"] = nil
	expect(0, 0, 0, 0, 0, 0)
	c["sliding_window"] = 64
	expect(64, 64, 64, 64, 64, 64)
	c = config("Gemma3ForCausalLM")
	expect(256, 256, 256, 256, 256, 0)
}

func TestDenseLayersAmongExperts(t *testing.T) {
	c := config("Qwen3MoeForCausalLM")
	g, err := plan(t, c)
	if err != nil {
		t.Fatal(err)
	}
	for layer := range 6 {
		if dense := strings.Contains(ops(g, layer), "glu"); dense != (layer == 1) {
			t.Errorf("layer %d: dense is %v", layer, dense)
		}
	}
	if n := len(op(t, g, "experts.0").In); n != 2+3*4 {
		t.Errorf("experts read %d tensors", n)
	}
}

func TestRefusedConfigs(t *testing.T) {
	for _, c := range []struct {
		field string
		value any
		want  string
	}{
		{"architectures", nil, "architectures is missing"},
		{"architectures", []int{1}, "architectures[0] is float64"},
		{"architectures", []string{"HyenaForCausalLM"}, `unknown architecture "HyenaForCausalLM"`},
		{"num_hidden_layers", nil, "num_hidden_layers is missing"},
		{"num_hidden_layers", "six", `num_hidden_layers is "six", expected a number`},
		{"num_hidden_layers", 2.5, "num_hidden_layers is 2.5, expected a whole number"},
		{"num_hidden_layers", 1e300, "num_hidden_layers is 1e+300"},
		{"hidden_size", -64, "hidden_size is -64"},
		{"torch_dtype", nil, "torch_dtype is missing"},
		{"torch_dtype", "int4", `torch_dtype is "int4"`},
		{"torch_dtype", map[string]int{}, "torch_dtype or dtype is an object"},
		{"vocab_size", 1e9, "vocab_size is 1e+09"},
		{"tie_word_embeddings", "yes", `tie_word_embeddings is "yes", expected true or false`},
	} {
		cfg := config("LlamaForCausalLM")
		cfg[c.field] = c.value
		if _, err := plan(t, cfg); err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(c.want, "torch_dtype or dtype", "torch_dtype")) {
			t.Errorf("%s = %v: got %v, want %q in it", c.field, c.value, err, c.want)
		}
	}
	huge := config("Qwen3MoeForCausalLM")
	maps.Copy(huge, map[string]any{"num_hidden_layers": 4096, "num_experts": 4096, "num_experts_per_tok": 8})
	if _, err := plan(t, huge); err == nil || !strings.Contains(err.Error(), "ops and tensors at layer") {
		t.Errorf("a graph without end: %v", err)
	}
}

func TestHostileSafetensors(t *testing.T) {
	one := func(body string) []byte { return append(framed([]byte(body)), make([]byte, 64)...) }
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"empty", nil, "too short"},
		{"length", binary.LittleEndian.AppendUint64(nil, 1<<63), "header length is 9223372036854775808"},
		{"length past the end", binary.LittleEndian.AppendUint64(nil, 50), "header length is 50"},
		{"not JSON", one("hello"), "header: invalid character"},
		{"a list", one("[]"), "found [, expected {"},
		{"cut", one(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`), "header: "},
		{"twice", one(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}`), `tensor "a" appears twice`},
		{"no name", one(`{"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`), "name of 0 bytes"},
		{"overlap", one(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`), `"a" and "b" overlap`},
		{"outside", one(`{"a":{"dtype":"F32","shape":[17],"data_offsets":[0,68]}}`), "outside the 64 bytes"},
		{"backwards", one(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`), "outside"},
		{"negative", one(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}`), "outside"},
		{"wrong size", one(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`), "span 8 bytes, but F32 [3] takes 12"},
		{"negative shape", one(`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`), "-2 columns"},
		{"overflow", one(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}}`), "beyond 2^62"},
		{"dimensions", one(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}`), "9 dimensions"},
		{"type", one(`{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}`), `dtype is "Q4"`},
		{"long shape", one(`{"a":{"dtype":"F32","shape":[` + strings.Repeat("1,", 5000) + `1],"data_offsets":[0,8]}}`), "shape takes 10003 bytes"},
		{"shape of text", one(`{"a":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}`), "shape: "},
		{"no shape", one(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`), "shape: "},
		{"nested", one(`{"a":` + strings.Repeat(`[`, 20000) + `}`), `tensor "a"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			grown := allocated(func() {
				_, err = model.ReadSafetensors(bytes.NewReader(c.raw), int64(len(c.raw)), "test.safetensors")
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "test.safetensors: ") {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			// The JSON reader keeps a stack of up to 10,000 levels.
			if most := uint64(len(c.raw)) + 2*allocationConstant; grown > most {
				t.Errorf("allocated %d bytes for a file of %d", grown, len(c.raw))
			}
		})
	}
}

// An entry of any length costs a bounded amount of memory.
func TestEndlessSafetensorsEntry(t *testing.T) {
	raw := framed(append([]byte(`{"a":{"dtype":"`), bytes.Repeat([]byte("x"), 64<<20)...))
	var err error
	grown := allocated(func() { _, err = model.ReadSafetensors(bytes.NewReader(raw), int64(len(raw)), "f") })
	if err == nil || !strings.Contains(err.Error(), "longer than 8388608 bytes") {
		t.Errorf("got %v", err)
	}
	if grown > 48<<20 {
		t.Errorf("allocated %d bytes", grown)
	}
}

func TestRefusedIndex(t *testing.T) {
	g, err := plan(t, config("LlamaForCausalLM"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(dir string, index map[string]string)
		want   string
	}{
		"escape": {func(_ string, m map[string]string) { m["lm_head.weight"] = "../model.safetensors" }, "expected the name of a file beside the index"},
		"missing shard": {func(dir string, _ map[string]string) {
			os.Remove(filepath.Join(dir, "model-00002-of-00002.safetensors"))
		}, "model-00002-of-00002.safetensors"},
		"missing":   {func(_ string, m map[string]string) { m["more.weight"] = "model-00001-of-00002.safetensors" }, `"more.weight" is missing`},
		"elsewhere": {func(_ string, m map[string]string) { delete(m, "lm_head.weight") }, "but the index places it"},
		"empty":     {func(_ string, m map[string]string) { clear(m) }, "weight_map is missing or empty"},
		"no config": {func(dir string, _ map[string]string) { os.Remove(filepath.Join(dir, "config.json")) }, "its config.json is needed"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "config.json"), config("LlamaForCausalLM"))
		writeShards(t, dir, g, 2, "")
		path := filepath.Join(dir, "model.safetensors.index.json")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var index struct {
			Map map[string]string `json:"weight_map"`
		}
		if err := json.Unmarshal(raw, &index); err != nil {
			t.Fatal(err)
		}
		c.change(dir, index.Map)
		write(t, path, index)
		if _, err := model.Load(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
	if _, err := model.Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no model") {
		t.Errorf("an empty folder: %v", err)
	}
}

func FuzzSafetensors(f *testing.F) {
	head, size := safetensors(map[string]entry{"a": {DType: "F32", Shape: []int64{2, 3}}, "b": {DType: "U8", Shape: []int64{5}}})
	f.Add(append(head, make([]byte, size-int64(len(head)))...))
	f.Add(framed([]byte(`{"__metadata__":{},"a":{"dtype":"F16","shape":[],"data_offsets":[0,2]}}`)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		records, err := model.ReadSafetensors(bytes.NewReader(raw), int64(len(raw)), "f")
		if err != nil {
			return
		}
		for _, r := range records {
			if r.Offset < 0 || r.Bytes < 0 || r.Offset+r.Bytes > int64(len(raw)) {
				t.Fatalf("%v is outside the %d bytes", r, len(raw))
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	for _, class := range []string{"LlamaForCausalLM", "Qwen3MoeForCausalLM", "Gemma3ForConditionalGeneration"} {
		raw, err := json.Marshal(config(class))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"architectures":["X"],"text_config":{"num_hidden_layers":[]}}`))
	path := filepath.Join(f.TempDir(), "config.json")
	f.Fuzz(func(t *testing.T, raw []byte) {
		src, err := model.Load(write(t, path, raw))
		if err != nil {
			return
		}
		for _, assumed := range []bool{false, true} {
			if g, err := model.Build(src, model.BuildOptions{AllowAssumed: assumed}); err == nil {
				checkGraph(t, g)
			}
		}
	})
}
