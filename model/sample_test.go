package model

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	gguf "github.com/gpustack/gguf-parser-go"
)

const sampleFile = "SmolLM2-135M-Instruct.Q4_1.gguf"

// samplePath finds the sample model where the program keeps it.
func samplePath(t testing.TB) string {
	path := os.Getenv("STRATA_MODEL")
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("no cache folder to look for the sample model in: %v", err)
		}
		path = filepath.Join(cache, "strata", "models", sampleFile)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("sample model not found (make model fetches it): %v", err)
	}
	return path
}

func sampleGraph(t testing.TB) *Graph {
	src, err := Load(samplePath(t))
	if err != nil {
		t.Fatal(err)
	}
	g, err := Build(src, BuildOptions{KType: F16, VType: F16})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSampleModel(t *testing.T) {
	g := sampleGraph(t)
	want := Hyper{
		Layers: 30, Width: 576, Heads: 9, KVHeads: 3, HeadDim: 64, HeadDimV: 64, FFN: 1536, Vocab: 49152,
		ContextTrained: 8192, ExpertFFN: 1536, NormEps: 1e-5, RopeBase: 1e5, RopeDim: 64, TiedOutput: true, BOS: 1, EOS: 2,
	}
	if got := g.Hyper; float32(got.NormEps) != 1e-5 {
		t.Errorf("epsilon %g", got.NormEps)
	}
	want.NormEps = g.Hyper.NormEps
	if g.Hyper != want {
		t.Errorf("hyper-parameters\n got %+v\nwant %+v", g.Hyper, want)
	}
	if g.Executable != "" {
		t.Errorf("not executable: %s", g.Executable)
	}
	if len(g.Ignored) > 0 {
		t.Errorf("ignored tensors %v", g.Ignored)
	}
	sum := map[DType]int64{}
	count := map[DType]int{}
	for _, w := range g.Tensors {
		if w.Role == RoleWeight {
			sum[w.DType] += w.Bytes
			count[w.DType]++
		}
	}
	if sum[Q4_1] != 66_355_200 || sum[Q8_0] != 30_081_024 || sum[F32] != 140_544 {
		t.Errorf("weight bytes %v", sum)
	}
	if count[Q4_1] != 210 || count[Q8_0] != 1 || count[F32] != 61 {
		t.Errorf("weights %v", count)
	}
	if len(g.Stages) != 1+30*4+3 {
		t.Errorf("%d stages", len(g.Stages))
	}
}

func TestDigest(t *testing.T) {
	path := samplePath(t)
	var last, total int64
	got, err := Digest(t.Context(), path, func(done, all int64) {
		if done <= last {
			t.Errorf("progress went from %d to %d", last, done)
		}
		last, total = done, all
	})
	if err != nil || got != "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53" {
		t.Errorf("digest %s, %v", got, err)
	}
	if last != 98_362_432 || last != total {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Digest(ctx, path, nil); err == nil {
		t.Error("a cancelled digest gave no error")
	}
}

// TestSampleOffsets compares where tensors lie with what gguf-parser-go reads.
func TestSampleOffsets(t *testing.T) {
	path := samplePath(t)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := gguf.ParseGGUFFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors) != len(peer.TensorInfos) || len(f.Tensors) != 272 {
		t.Fatalf("%d tensors, the peer reads %d", len(f.Tensors), len(peer.TensorInfos))
	}
	for i, r := range f.Tensors {
		p := peer.TensorInfos[i]
		if r.Name != p.Name || r.Offset != peer.TensorDataStartOffset+int64(p.Offset) || uint64(r.Bytes) != p.Bytes() || uint32(r.DType) != uint32(p.Type) {
			t.Errorf("%+v, the peer reads %+v from %d", r, p, peer.TensorDataStartOffset)
		}
	}
	last := f.Tensors[len(f.Tensors)-1]
	if end := last.Offset + last.Bytes; end > f.Shards[0].Bytes || f.Shards[0].Bytes-end >= 32 {
		t.Errorf("the last tensor ends at %d of %d", end, f.Shards[0].Bytes)
	}
}
