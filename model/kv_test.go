package model_test

import (
	"path/filepath"
	"strings"
	"testing"

	gguf "github.com/gpustack/gguf-parser-go"
	"pgregory.net/rapid"

	"strata/model"
	"strata/model/modeltest"
)

// TestDTypesAgainstPeer holds the type table to gguf-parser-go's.
func TestDTypesAgainstPeer(t *testing.T) {
	seen := map[model.DType]bool{}
	for _, dt := range model.DTypes() {
		seen[dt] = true
		if dt >= model.U8 {
			continue // safetensors only
		}
		trait, ok := gguf.GGMLType(dt).Trait()
		values, bytes := dt.Block()
		if !ok || uint64(values) != trait.BlockSize || uint64(bytes) != trait.TypeSize {
			t.Errorf("%s: %d bytes for %d values, the peer says %+v", dt, bytes, values, trait)
		}
		if name := gguf.GGMLType(dt).String(); name != dt.String() {
			t.Errorf("type %d is %s, the peer says %s", uint32(dt), dt, name)
		}
		if back, err := model.ParseDType(dt.String()); err != nil || back != dt {
			t.Errorf("%s parses as %s, %v", dt, back, err)
		}
	}
	for n := range model.DType(64) {
		trait, ok := gguf.GGMLType(n).Trait()
		gone := trait.BlockSize == 0 || n >= 31 && n <= 33 || n >= 36 && n <= 38
		if ok && !gone && !seen[n] {
			t.Errorf("type %d (%s) is not in the table", n, gguf.GGMLType(n))
		}
	}
}

// peerKV asks gguf-parser-go for the KV cache of a file.
func peerKV(t *testing.T, path string, context, ubatch, batch int32, parallel int32, kt, vt model.DType, full bool) int64 {
	t.Helper()
	f, err := gguf.ParseGGUFFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opts := []gguf.GGUFRunEstimateOption{
		gguf.WithFlashAttention(), gguf.WithParallelSize(parallel),
		gguf.WithLLaMACppContextSize(context), gguf.WithLLaMACppPhysicalBatchSize(ubatch), gguf.WithLLaMACppLogicalBatchSize(batch),
		gguf.WithLLaMACppCacheKeyType(gguf.GGMLType(kt)), gguf.WithLLaMACppCacheValueType(gguf.GGMLType(vt)),
	}
	if full {
		opts = append(opts, gguf.WithLLaMACppFullSizeSWACache())
	}
	e := f.EstimateLLaMACppRun(opts...)
	var sum int64
	for _, d := range e.Devices {
		sum += int64(d.KVCache.Sum())
	}
	return sum
}

func TestKVAgainstPeer(t *testing.T) {
	dir := t.TempDir()
	for _, d := range modeltest.Small() {
		file := d.GGUF()
		path := filepath.Join(dir, d.Arch+".gguf")
		if err := file.Write(path); err != nil {
			t.Fatal(err)
		}
		for _, types := range [][2]model.DType{{model.F16, model.F16}, {model.F32, model.F32}, {model.Q8_0, model.Q4_0}} {
			g := build(t, file, model.BuildOptions{KType: types[0], VType: types[1]})
			for _, c := range []struct {
				context, ubatch int32
				sequences       int32
				full            bool
			}{{4096, 512, 1, false}, {1000, 512, 1, false}, {512, 64, 1, false}, {4096, 256, 4, false}, {4096, 512, 2, true}} {
				cfg := model.KVConfig{Context: int64(c.context), Sequences: int64(c.sequences), Ubatch: int64(c.ubatch),
					Unified: true, Padding: model.LlamaCppPadding, FullSWA: c.full}
				_, ours, err := g.KVBytes(cfg)
				if err != nil {
					t.Fatal(err)
				}
				peer := peerKV(t, path, c.context, c.ubatch, c.ubatch, c.sequences, types[0], types[1], c.full)
				if ours != peer {
					t.Errorf("%s %v %+v: %d bytes, the peer says %d", d.Arch, types, c, ours, peer)
				}
			}
		}
	}
}

// Keys and values of different widths and types, each exact.
func TestKVOfNarrowValues(t *testing.T) {
	d := modeltest.Small()[0]
	d.HeadDimV = 32
	file := d.GGUF()
	path := filepath.Join(t.TempDir(), "narrow.gguf")
	if err := file.Write(path); err != nil {
		t.Fatal(err)
	}
	g := build(t, file, model.BuildOptions{KType: model.Q8_0, VType: model.F16})
	_, ours, err := g.KVBytes(model.KVConfig{Context: 1024, Ubatch: 512, Padding: model.LlamaCppPadding})
	if want := int64(7 * 1024 * (2*64/32*34 + 2*32*2)); err != nil || ours != want {
		t.Errorf("%d bytes, %v, want %d", ours, err, want)
	}
	if peer := peerKV(t, path, 1024, 512, 512, 1, model.Q8_0, model.F16, false); ours != peer {
		t.Errorf("%d bytes, the peer says %d", ours, peer)
	}
	if !strings.Contains(g.Executable, "value heads") {
		t.Errorf("executable: %q", g.Executable)
	}
}

// The peer adds the logical batch (-b, 2048) to a window where llama.cpp adds
// the micro-batch (-ub, 512). That is the only gap, and exactly this large.
func TestKVGapLogicalBatch(t *testing.T) {
	d := modeltest.Small()[5]
	d.Context = 32768
	file := d.GGUF()
	path := filepath.Join(t.TempDir(), "gemma3.gguf")
	if err := file.Write(path); err != nil {
		t.Fatal(err)
	}
	g := build(t, file, model.BuildOptions{KType: model.F16, VType: model.F16})
	_, ours, err := g.KVBytes(model.KVConfig{Context: 8192, Ubatch: 512, Unified: true, Padding: model.LlamaCppPadding})
	if err != nil {
		t.Fatal(err)
	}
	peer := peerKV(t, path, 8192, 512, 2048, 1, model.F16, model.F16, false)
	row := int64(2 * 256 * 2)                                              // keys and values of 256 columns, 2 bytes each
	if gap, want := peer-ours, 6*(2048-512)*row; gap != want || gap == 0 { // six layers of seven have a window
		t.Errorf("gap %d, explained %d", gap, want)
	}
}

// TestKVOfSampleShape holds the caches to what llama.cpp allocated for the
// sample model: 45 and 90 MiB at 2048 positions, 180 and 360 MiB at 8192.
func TestKVOfSampleShape(t *testing.T) {
	d := modeltest.Decoder{Arch: "llama", Layers: 30, Width: 576, Heads: 9, KVHeads: 3, HeadDim: 64, FFN: 1536, Vocab: 1024, Context: 8192, Type: model.Q4_1, Tied: true}
	for _, c := range []struct {
		t       model.DType
		context int64
		mib     int64
	}{{model.F16, 2048, 45}, {model.F32, 2048, 90}, {model.F16, 8192, 180}, {model.F32, 8192, 360}} {
		g := build(t, d.GGUF(), model.BuildOptions{KType: c.t, VType: c.t})
		for _, pad := range []int64{1, model.LlamaCppPadding} {
			layers, total, err := g.KVBytes(model.KVConfig{Context: c.context, Ubatch: 512, Padding: pad})
			if err != nil || total != c.mib<<20 || len(layers) != 30 || layers[29] != total/30 {
				t.Errorf("%s at %d: %d bytes, %v, want %d MiB", c.t, c.context, total, err, c.mib)
			}
		}
	}
}

func TestKVTypeThatDoesNotDivide(t *testing.T) {
	d := modeltest.Small()[0]
	g := build(t, d.GGUF(), model.BuildOptions{KType: model.Q4_K, VType: model.F16})
	if _, _, err := g.KVBytes(model.KVConfig{Context: 128}); err == nil {
		t.Error("128 columns of Q4_K were accepted")
	}
}

// Cells never shrink when anything grows, hold at least what attention needs,
// and padding adds less than one step for each stream.
func TestCellsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := model.KVConfig{
			Context: rapid.Int64Range(1, 1<<20).Draw(t, "context"), Sequences: rapid.Int64Range(1, 16).Draw(t, "sequences"),
			Ubatch: rapid.Int64Range(1, 4096).Draw(t, "ubatch"), Unified: rapid.Bool().Draw(t, "unified"), Padding: 1,
		}
		window := rapid.Int64Range(0, 1<<16).Draw(t, "window")
		exact, err := c.Cells(window)
		if err != nil {
			t.Fatal(err)
		}
		full, _ := c.Cells(0)
		if full < c.Context || exact > full {
			t.Fatalf("%d cells, %d without a window, context %d", exact, full, c.Context)
		}
		if window > 0 && exact < min(c.Context, window+1) {
			t.Fatalf("%d cells cannot hold a window of %d", exact, window)
		}
		more := c
		more.Context++
		more.Ubatch++
		if n, _ := more.Cells(window); n < exact {
			t.Fatalf("%d cells, fewer than %d", n, exact)
		}
		padded := c
		padded.Padding = 256
		streams := c.Sequences
		if c.Unified {
			streams = 1
		}
		if n, _ := padded.Cells(window); n < exact || n%256 != 0 || n >= exact+512*streams {
			t.Fatalf("%d cells padded, %d exact", n, exact)
		}
	})
}
