package engine

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"strata/costmodel"
	"strata/engine/file"
	"strata/kernels/pool"
	"strata/malloc"
	"strata/model"
	"strata/model/modeltest"
)

type golden struct {
	Prompt    string  `json:"prompt"`
	Tokens    []int32 `json:"tokens"`
	Reference struct {
		PromptEnd struct {
			Top10 [][2]float64 `json:"top10"`
			Probe []float64    `json:"probe_every_768th_id"`
		} `json:"prompt_end"`
		Greedy []int32   `json:"greedy"`
		Margin []float64 `json:"margin_top1_top2"`
	} `json:"reference"`
}

func readGolden(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile("../testdata/golden/smollm2/chat-english.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// lowerSample lowers the sample model on the test profile.
func lowerSample(t testing.TB, mode string, prompt, gen, threads int) *costmodel.Lowered {
	t.Helper()
	src, err := model.Load(modeltest.Sample(t))
	if err != nil {
		t.Fatal(err)
	}
	kv := model.F16
	if mode == costmodel.ModeReference {
		kv = model.F32
	}
	g, err := model.Build(src, model.BuildOptions{KType: kv, VType: kv})
	if err != nil {
		t.Fatal(err)
	}
	hw, err := costmodel.Shipped("test-periodic")
	if err != nil {
		t.Fatal(err)
	}
	l, err := costmodel.Lower(g, hw, costmodel.Workload{Prompt: prompt, Gen: gen, Context: prompt + gen, Parallel: 1, Ubatch: 512,
		Mode: mode, Threads: threads, PanelBytes: costmodel.DefaultPanelBytes}, map[string]int64{"dram": 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// everythingResident is the plainest plan there is: every buffer has a place of
// its own, weights are read once before anything runs.
func everythingResident(l *costmodel.Lowered) *malloc.Plan {
	p := l.Program
	n := len(p.Instructions)
	begin, end := n, n
	if loop := p.PeriodicLoop(); loop != nil {
		begin, end = loop.Begin, loop.End
	}
	first, last := make([]int, len(p.Buffers)), make([]int, len(p.Buffers))
	for b := range first {
		first[b], last[b] = n, -1
	}
	for t := range p.Instructions {
		in := &p.Instructions[t]
		for _, list := range [][]malloc.Operand{in.Reads, in.Writes} {
			for _, o := range list {
				first[o.Buf], last[o.Buf] = min(first[o.Buf], t), t
			}
		}
	}
	plan := &malloc.Plan{Format: malloc.PlanFormat, Solver: "test"}
	var at int64
	block := func(buf, s, e int) int {
		plan.Blocks = append(plan.Blocks, malloc.Block{Buf: buf, Tier: l.HomeTier, Start: s, End: e, Offset: at})
		return len(plan.Blocks) - 1
	}
	for b := range p.Buffers {
		if last[b] < 0 {
			continue
		}
		carried := first[b] < begin && last[b] >= begin
		k := -1
		if first[b] < begin {
			e := last[b] + 1
			if carried {
				e = begin
			}
			s := first[b]
			if p.Buffers[b].Kind == malloc.KindParam && p.Buffers[b].Select == nil {
				s = 0
			}
			k = block(b, s, e)
		}
		if last[b] >= begin {
			if carried {
				block(b, begin, end)
			} else {
				k = block(b, first[b], last[b]+1)
			}
		}
		if p.Buffers[b].Kind == malloc.KindParam {
			plan.Copies = append(plan.Copies, malloc.Copy{Buf: b, Block: k, Start: plan.Blocks[k].Start, Before: first[b], Bytes: planBlockBytes(l, plan, int32(k)), After: -1})
		}
		at += planBlockBytes(l, plan, int32(k))
	}
	for t := range p.Instructions {
		if len(p.Instructions[t].Scratch) > 0 {
			at += planBlockBytes(l, plan, int32(block(malloc.ScratchBuf, t, t+1)))
		}
	}
	return plan
}

// play runs a plan on the sample model and returns all logits.
func play(t testing.TB, l *costmodel.Lowered, plan *malloc.Plan, in Input) (*Result, [][]float32) {
	t.Helper()
	f, err := file.Open(modeltest.Sample(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	threads, err := pool.New(l.Work.Threads)
	if err != nil {
		t.Fatal(err)
	}
	defer threads.Close()
	var logits [][]float32
	in.OnLogits = func(_ int, row []float32) error {
		logits = append(logits, append([]float32(nil), row...))
		return nil
	}
	res, err := Run(context.Background(), l, plan, in, Options{Pool: threads, Files: []*file.File{f}, TraceIterations: 8})
	if err != nil {
		t.Fatal(err)
	}
	return res, logits
}

func TestReferenceModeEqualsGolden(t *testing.T) {
	g := readGolden(t)
	l := lowerSample(t, costmodel.ModeReference, len(g.Tokens), len(g.Reference.Greedy), 2)
	res, logits := play(t, l, everythingResident(l), Input{Prompt: g.Tokens})
	for i, id := range g.Reference.Greedy {
		if res.Tokens[i] != id {
			t.Fatalf("greedy token %d is %d, golden %d (margin %.3f)", i, res.Tokens[i], id, g.Reference.Margin[i])
		}
	}
	worst := 0.0
	for i, want := range g.Reference.PromptEnd.Probe {
		worst = math.Max(worst, math.Abs(float64(logits[0][768*i])-want))
	}
	for _, pair := range g.Reference.PromptEnd.Top10 {
		worst = math.Max(worst, math.Abs(float64(logits[0][int(pair[0])])-pair[1]))
	}
	if worst > 1e-3 {
		t.Errorf("logits differ from the float64 reference by %.2g, at most 1e-3 is allowed", worst)
	}
	t.Logf("largest difference to the float64 reference: %.2g", worst)
}
