package model

import (
	"os"
	"path/filepath"
	"testing"
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
