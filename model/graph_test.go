package model_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"strata/model"
	"strata/model/modeltest"
)

func build(t testing.TB, g *modeltest.GGUF, opts model.BuildOptions) *model.Graph {
	t.Helper()
	graph, err := tryBuild(g, opts)
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func tryBuild(g *modeltest.GGUF, opts model.BuildOptions) (*model.Graph, error) {
	head := g.Header()
	f, err := model.ReadGGUF(bytes.NewReader(head), int64(len(head))+g.DataBytes(), "test.gguf")
	if err != nil {
		return nil, err
	}
	src, err := model.FromGGUF(f, "test.gguf")
	if err != nil {
		return nil, err
	}
	return model.Build(src, opts)
}

// checkGraph checks what every graph promises its readers.
func checkGraph(t testing.TB, g *model.Graph) {
	t.Helper()
	defined := make([]bool, len(g.Tensors))
	stage := make([]int, len(g.Tensors)) // of the definition
	for i := range g.Tensors {
		switch x := &g.Tensors[i]; x.Role {
		case model.RoleWeight:
			defined[i] = true
			if x.Bytes < 0 || x.Shard < 0 || x.Shard >= max(1, len(g.Shards)) {
				t.Fatalf("weight %+v", x)
			}
		case model.RoleKV:
			defined[i] = true
			if x.Layer < 0 || x.KV.KCols <= 0 || x.KV.VCols <= 0 {
				t.Fatalf("cache %+v", x)
			}
		}
	}
	defined[slices.IndexFunc(g.Tensors, func(x model.Tensor) bool { return x.Name == "tokens" })] = true
	next := int32(0)
	for s, st := range g.Stages {
		if st.FirstOp != next || st.Ops < 0 {
			t.Fatalf("stage %s begins at op %d, expected %d", st.Name, st.FirstOp, next)
		}
		next += st.Ops
		for _, op := range g.Ops[st.FirstOp:next] {
			if op.Stage != int32(s) {
				t.Fatalf("op %s is of stage %d, found in %d", op.Name, op.Stage, s)
			}
			for _, id := range op.In {
				switch {
				case id == model.NoTensor && len(g.Assumed) > 0:
				case id < 0 || int(id) >= len(g.Tensors):
					t.Fatalf("op %s reads tensor %d", op.Name, id)
				case !defined[id]:
					t.Fatalf("op %s reads %s before it is computed", op.Name, g.Tensors[id].Name)
				case g.Tensors[id].Role == model.RoleScratch && stage[id] != s:
					t.Fatalf("scratch %s crosses from stage %d to %d", g.Tensors[id].Name, stage[id], s)
				}
			}
			for _, id := range op.Out {
				defined[id], stage[id] = true, s
				if r := g.Tensors[id].Role; r == model.RoleWeight {
					t.Fatalf("op %s writes weight %s", op.Name, g.Tensors[id].Name)
				}
			}
		}
	}
	if int(next) != len(g.Ops) {
		t.Fatalf("stages cover %d of %d ops", next, len(g.Ops))
	}
	for i := range g.Tensors {
		if !defined[i] {
			t.Fatalf("%s is never computed", g.Tensors[i].Name)
		}
	}
}

func TestFamilies(t *testing.T) {
	for _, d := range modeltest.Small() {
		t.Run(d.Arch, func(t *testing.T) {
			file := d.GGUF()
			g := build(t, file, model.BuildOptions{KType: model.F16, VType: model.F16})
			checkGraph(t, g)
			if len(g.Ignored) > 0 || len(g.Assumed) > 0 {
				t.Errorf("ignored %v, assumed %v", g.Ignored, g.Assumed)
			}
			if (g.Executable == "") != (d.Arch == "llama") {
				t.Errorf("executable: %q", g.Executable)
			}
			var stored int64
			for _, x := range file.Tensors {
				stored += x.Bytes
			}
			if g.WeightBytes() != stored || len(g.Weights()) != len(file.Tensors) {
				t.Errorf("%d weights of %d bytes, the file holds %d of %d", len(g.Weights()), g.WeightBytes(), len(file.Tensors), stored)
			}
			if got, want := stageNames(g), wantStages(d); got != want {
				t.Errorf("stages\n got %s\nwant %s", got, want)
			}
		})
	}
}

// stageNames lists the stages of the first layer and outside the layers.
func stageNames(g *model.Graph) string {
	var out []string
	for _, s := range g.Stages {
		if s.Layer <= 0 {
			out = append(out, s.Name)
		}
	}
	return strings.Join(out, " ")
}

func wantStages(d modeltest.Decoder) string {
	if d.Experts > 0 {
		return "embed qkv.0 attn.0 router.0 experts.0 norm output sample"
	}
	return "embed qkv.0 attn.0 ffn_up.0 ffn_down.0 norm output sample"
}

// ops lists the kinds of a layer's ops by name.
func ops(g *model.Graph, layer int) string {
	var out []string
	for _, op := range g.Ops {
		if op.Layer == layer {
			out = append(out, strings.TrimSuffix(op.Name, fmt.Sprintf(".%d", layer)))
		}
	}
	return strings.Join(out, " ")
}

func op(t *testing.T, g *model.Graph, name string) model.Op {
	t.Helper()
	i := slices.IndexFunc(g.Ops, func(o model.Op) bool { return o.Name == name })
	if i < 0 {
		t.Fatalf("no op %s in %s", name, g.Arch)
	}
	return g.Ops[i]
}

func TestBlockOfEachFamily(t *testing.T) {
	dense := "attn_norm q k v rope_q rope_k store_kv attention o attn_add ffn_norm gate up glu down ffn_add"
	normed := "attn_norm q k v q_norm k_norm rope_q rope_k store_kv attention o attn_add ffn_norm gate up glu down ffn_add"
	for arch, want := range map[string]string{
		"llama":    dense,
		"qwen2":    dense,
		"qwen3":    normed,
		"qwen3moe": "attn_norm q k v q_norm k_norm rope_q rope_k store_kv attention o attn_add ffn_norm scores router experts ffn_add",
		"gemma2":   "attn_norm q k v rope_q rope_k store_kv attention o attn_post_norm attn_add ffn_norm gate up glu down ffn_post_norm ffn_add",
		"gemma3":   "attn_norm q k v q_norm k_norm rope_q rope_k store_kv attention o attn_post_norm attn_add ffn_norm gate up glu down ffn_post_norm ffn_add",
	} {
		i := slices.IndexFunc(modeltest.Small(), func(d modeltest.Decoder) bool { return d.Arch == arch })
		g := build(t, modeltest.Small()[i].GGUF(), model.BuildOptions{})
		if got := ops(g, 3); got != want {
			t.Errorf("%s\n got %s\nwant %s", arch, got, want)
		}
		rope := op(t, g, "rope_q.0").Attr
		if rope.RopeNeox != (arch != "llama") {
			t.Errorf("%s: rotate halves is %v", arch, rope.RopeNeox)
		}
		if n := len(op(t, g, "q.0").In); (n == 3) != (arch == "qwen2") {
			t.Errorf("%s: q has %d operands", arch, n)
		}
		gemma := strings.HasPrefix(arch, "gemma")
		if scale := op(t, g, "embed").Attr.Scale; (scale == 16) != gemma {
			t.Errorf("%s: embedding scaled by %g", arch, scale)
		}
		if offset := op(t, g, "attn_norm.0").Attr.NormOffset; offset != 0 {
			t.Errorf("%s: norm offset %g, but GGUF stores the sum", arch, offset)
		}
		if act := op(t, g, map[bool]string{true: "experts.0", false: "glu.0"}[arch == "qwen3moe"]).Attr.Activation; (act == "gelu") != gemma {
			t.Errorf("%s: activation %s", arch, act)
		}
	}
}

func TestWindowPattern(t *testing.T) {
	for arch, want := range map[string][]int64{
		"llama":  {0, 0, 0, 0, 0, 0, 0},
		"gemma2": {512, 0, 512, 0, 512, 0, 512},
		"gemma3": {512, 512, 512, 512, 512, 0, 512},
	} {
		i := slices.IndexFunc(modeltest.Small(), func(d modeltest.Decoder) bool { return d.Arch == arch })
		file := modeltest.Small()[i].GGUF()
		if got := windows(build(t, file, model.BuildOptions{})); !slices.Equal(got, want) {
			t.Errorf("%s: windows %v, want %v", arch, got, want)
		}
		if arch != "gemma3" {
			continue
		}
		g := build(t, file, model.BuildOptions{})
		if local, global := op(t, g, "rope_q.0").Attr.RopeBase, op(t, g, "rope_q.5").Attr.RopeBase; local != 10000 || global != 10000 {
			t.Errorf("rope bases %g and %g", local, global) // the file says 10000 for both
		}
		file.Set("gemma3.rope.freq_base", float32(1e6))
		g = build(t, file, model.BuildOptions{})
		if local, global := op(t, g, "rope_q.0").Attr.RopeBase, op(t, g, "rope_q.5").Attr.RopeBase; local != 10000 || global != 1e6 {
			t.Errorf("rope bases %g and %g", local, global)
		}
		file.Set("gemma3.attention.sliding_window_pattern", []bool{true, false, false, true, true, true, true})
		if got := windows(build(t, file, model.BuildOptions{})); !slices.Equal(got, []int64{512, 0, 0, 512, 512, 512, 512}) {
			t.Errorf("windows by layer: %v", got)
		}
		file.Set("gemma3.attention.sliding_window_pattern", []bool{true, false})
		if _, err := tryBuild(file, model.BuildOptions{}); err == nil || !strings.Contains(err.Error(), "2 entries for 7 layers") {
			t.Errorf("got %v", err)
		}
	}
}

func windows(g *model.Graph) []int64 {
	out := make([]int64, g.Hyper.Layers)
	for _, x := range g.Tensors {
		if x.Role == model.RoleKV {
			out[x.Layer] = x.Window
		}
	}
	return out
}

func TestRefusedModels(t *testing.T) {
	base := modeltest.Small()[0]
	for _, c := range []struct {
		name   string
		change func(*modeltest.GGUF)
		want   string
	}{
		{"unknown architecture", func(g *modeltest.GGUF) { g.Set("general.architecture", "hyena") }, `unknown architecture "hyena"; known: llama, `},
		{"no architecture", func(g *modeltest.GGUF) { g.Set("general.architecture", nil) }, "general.architecture is missing"},
		{"no layers", func(g *modeltest.GGUF) { g.Set("llama.block_count", nil) }, "llama.block_count is missing"},
		{"too many layers", func(g *modeltest.GGUF) { g.Set("llama.block_count", uint32(1<<31)) }, "llama.block_count is 2.147483648e+09, expected a whole number"},
		{"another layer", func(g *modeltest.GGUF) { g.Set("llama.block_count", uint32(8)) }, `tensor "blk.7.attn_norm.weight" is missing`},
		{"no heads", func(g *modeltest.GGUF) { g.Set("llama.attention.head_count", uint32(0)) }, "head_count is 0"},
		{"heads of layers", func(g *modeltest.GGUF) {
			g.Set("llama.attention.head_count_kv", []uint32{2, 2, 0, 2, 2, 2, 2})
		}, "differs between layers"},
		{"kv heads", func(g *modeltest.GGUF) { g.Set("llama.attention.head_count_kv", uint32(3)) }, "does not divide the 4 heads"},
		{"shape", func(g *modeltest.GGUF) { g.Set("llama.feed_forward_length", uint32(511)) }, `"blk.0.ffn_gate.weight" has shape [512 256], but the metadata says [511 256]`},
		{"no window", func(g *modeltest.GGUF) {
			g.Set("general.architecture", "gemma3")
			for _, k := range []string{"block_count", "embedding_length", "attention.head_count", "context_length"} {
				g.Set("gemma3."+k, uint32(4))
			}
			g.Set("gemma3.attention.layer_norm_rms_epsilon", float32(1e-6))
		}, "gemma3.attention.sliding_window is missing"},
		{"no epsilon", func(g *modeltest.GGUF) { g.Set("llama.attention.layer_norm_rms_epsilon", nil) }, "layer_norm_rms_epsilon is missing"},
		{"no context", func(g *modeltest.GGUF) { g.Set("llama.context_length", nil) }, "context_length is missing"},
		{"text for a number", func(g *modeltest.GGUF) { g.Set("llama.block_count", "7") }, "llama.block_count is of type string"},
		{"not a number", func(g *modeltest.GGUF) { g.Set("llama.rope.freq_base", float32(-1)) }, "rope.freq_base is -1"},
	} {
		g := base.GGUF()
		c.change(g)
		if _, err := tryBuild(g, model.BuildOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestNotExecutable(t *testing.T) {
	base := modeltest.Small()[0]
	for _, c := range []struct {
		change func(*modeltest.Decoder)
		extra  func(*modeltest.GGUF)
		want   string
	}{
		{func(d *modeltest.Decoder) { d.Type = model.Q6_K }, nil, "is Q6_K, the engine has kernels for"},
		{func(d *modeltest.Decoder) { d.Experts, d.ExpertsUsed, d.ExpertFFN = 4, 2, 64 }, nil, "mixtures of experts"},
		{func(d *modeltest.Decoder) {}, func(g *modeltest.GGUF) { g.Add("blk.2.mystery.weight", model.F32, 8) }, `the first is "blk.2.mystery.weight"`},
		{func(d *modeltest.Decoder) {}, func(g *modeltest.GGUF) { g.Add("rope_freqs.weight", model.F32, 32) }, "rotary positions"},
		{func(d *modeltest.Decoder) {}, func(g *modeltest.GGUF) { g.Set("llama.rope.scaling.type", "yarn") }, "rotary positions"},
		{func(d *modeltest.Decoder) {}, func(g *modeltest.GGUF) {
			for l := range 7 {
				g.Add(fmt.Sprintf("blk.%d.attn_q.bias", l), model.F32, 256)
			}
		}, "biases"},
	} {
		d := base
		c.change(&d)
		file := d.GGUF()
		if c.extra != nil {
			c.extra(file)
		}
		g := build(t, file, model.BuildOptions{})
		checkGraph(t, g)
		if !strings.HasPrefix(g.Executable, "planned only: ") || !strings.Contains(g.Executable, c.want) {
			t.Errorf("got %q, want %q in it", g.Executable, c.want)
		}
	}
}

func TestAssumedArchitecture(t *testing.T) {
	d := modeltest.Small()[0]
	d.Arch = "hyena"
	file := d.GGUF()
	file.Add("blk.4.ssm_conv.weight", model.F32, 16, 4)
	file.Add("extra.weight", model.F32, 4)
	g := build(t, file, model.BuildOptions{AllowAssumed: true})
	checkGraph(t, g)
	if len(g.Assumed) == 0 || g.Assumed[0] != `architecture "hyena" as a plain decoder` || !strings.Contains(g.Executable, "assumed") {
		t.Errorf("assumed %q, executable %q", g.Assumed, g.Executable)
	}
	if n := len(g.Weights()); n != len(file.Tensors) {
		t.Errorf("%d of %d tensors are read", n, len(file.Tensors))
	}
	if got := op(t, g, "blk.4.ssm_conv.weight.4").Layer; got != 4 {
		t.Errorf("an unknown tensor of layer 4 is read in layer %d", got)
	}
}

func TestExtents(t *testing.T) {
	g := build(t, modeltest.Small()[5].GGUF(), model.BuildOptions{KType: model.F16, VType: model.Q8_0})
	e := model.Extent{Tokens: 64, Context: 2048, Sequences: 1, Outputs: 1, Ubatch: 64}
	for name, want := range map[string]int64{
		"x": 64 * 256 * 4, "q.0": 64 * 512 * 4, "h.0": 64 * 512 * 4, "final": 256 * 4, "logits": 1000 * 4,
		"tokens": 64 * 4, "next": 4,
		"kv.0": (512 + 64) * (256*2 + 256/32*34), // window + micro-batch
		"kv.5": 2048 * (256*2 + 256/32*34),
	} {
		i := slices.IndexFunc(g.Tensors, func(x model.Tensor) bool { return x.Name == name })
		if got, err := g.Tensors[i].SizeBytes(e); err != nil || got != want {
			t.Errorf("%s: %d bytes, %v, want %d", name, got, err, want)
		}
	}
}
