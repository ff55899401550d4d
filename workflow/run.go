package workflow

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"sort"
	"strings"

	"strata/costmodel"
	"strata/engine"
	"strata/kernels/pool"
	"strata/malloc"
	"strata/planner"
	"strata/simulate"
)

// RunRequest is one execution.
type RunRequest struct {
	Request
	PromptText string
	Predict    int
	PlanPath   string  // "" : all resident, or streaming when --dram asks for it
	Force      []int32 // token ids to feed instead of the sampled ones
	OnText     func(string)
	OnLogits   func(i int, row []float32) error
}

// TopLogit is a token id with its logit.
type TopLogit [2]float64

// RunResult is what a run gave.
type RunResult struct {
	PromptTokens []int32 `json:"prompt_tokens"`
	Tokens       []int32 `json:"tokens"`
	Text         string  `json:"text"`
	PromptEnd    struct {
		Top10 []TopLogit `json:"top10"`
	} `json:"prompt_end"`
	DecodeTokS   float64 `json:"decode_tok_s"`
	PrefillTokS  float64 `json:"prefill_tok_s"`
	PeakRSSBytes int64   `json:"peak_rss_bytes"`
	ArenaBytes   int64   `json:"arena_bytes"`
	FileBytes    int64   `json:"file_bytes"`
	State        string  `json:"state"`
}

// Run executes a model on this host.
func Run(ctx context.Context, m *Model, r RunRequest, progress Progress) (*RunResult, error) {
	tok, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	prompt, err := tok.Prompt(r.PromptText)
	if err != nil {
		return nil, bad(err)
	}
	if len(prompt) == 0 {
		return nil, Badf("the prompt is empty: the model needs at least one token")
	}
	if len(r.Force) > 0 {
		r.Predict = len(r.Force)
	}
	j, plan, err := planRun(ctx, m, r, len(prompt), progress)
	if err != nil {
		return nil, err
	}
	for i, id := range r.Force {
		if vocab := j.Lowered.Graph.Hyper.Vocab; id < 0 || int64(id) >= vocab {
			return nil, Badf("forced token %d is id %d, the vocabulary of %s has ids 0 to %d", i, id, j.Lowered.Graph.Name, vocab-1)
		}
	}
	res := &RunResult{PromptTokens: prompt}
	var text strings.Builder
	stream := tok.Stream(false)
	in := engine.Input{Prompt: prompt, Force: r.Force, OnToken: func(_ int, id int32) error {
		s, err := stream.Next(id)
		text.WriteString(s)
		if r.OnText != nil {
			r.OnText(s)
		}
		return err
	}, OnLogits: func(i int, row []float32) error {
		if i == 0 {
			res.PromptEnd.Top10 = topLogits(row, 10)
		}
		if r.OnLogits != nil {
			return r.OnLogits(i, row)
		}
		return nil
	}}
	measured, err := j.execute(ctx, plan, in, engine.Options{})
	if err != nil {
		return nil, err
	}
	tail := stream.Flush()
	text.WriteString(tail)
	if r.OnText != nil {
		r.OnText(tail)
	}
	res.Tokens, res.Text = measured.Tokens, text.String()
	res.PrefillTokS = float64(len(prompt)) / measured.PrefillS
	if n := len(measured.IterationS); n > 0 {
		res.DecodeTokS = float64(n) / sum(measured.IterationS)
	}
	res.PeakRSSBytes, res.ArenaBytes, res.FileBytes = peakRSS(), measured.ArenaBytes, measured.File.Bytes
	res.State = stateOf(j.Program(), plan, measured)
	return res, nil
}

// planRun finds the plan of a run: the one named, or all resident, or the best
// quick one under a budget.
func planRun(ctx context.Context, m *Model, r RunRequest, prompt int, progress Progress) (*Job, *malloc.Plan, error) {
	if r.PlanPath != "" {
		j, plan, err := LoadPlan(ctx, r.PlanPath, m, r.HW, progress)
		if err != nil {
			return nil, nil, err
		}
		if plan.Lowering.Prompt != prompt || plan.Lowering.Gen != r.Predict {
			return nil, nil, Badf("%s is a plan for a prompt of %d tokens and %d generated; this run has %d and %d: plan again, or use --predict %d with a prompt of that length",
				r.PlanPath, plan.Lowering.Prompt, plan.Lowering.Gen, prompt, r.Predict, plan.Lowering.Gen)
		}
		if r.Mode != "" && r.Mode != plan.Lowering.Mode {
			return nil, nil, Badf("%s is a plan for %s mode, not %s", r.PlanPath, plan.Lowering.Mode, r.Mode)
		}
		return j, plan, nil
	}
	hw, err := runMachine(r.HW)
	if err != nil {
		return nil, nil, err
	}
	if r.Context == 0 {
		if r.Context, err = trainedContext(m, r.Request); err != nil {
			return nil, nil, err
		}
	}
	r.Prompt, r.Gen = prompt, r.Predict
	if prompt+r.Predict-1 > r.Context {
		return nil, nil, Badf("a prompt of %d tokens and %d generated need a context of %d, it is %d: use --ctx-size %d or --predict %d",
			prompt, r.Predict, prompt+r.Predict-1, r.Context, prompt+r.Predict-1, max(0, r.Context-prompt+1))
	}
	if r.Dram.Set {
		// A budget reserves for the whole context, whatever this prompt needs.
		most, err := reserve(m, hw, r.Request)
		if err != nil {
			return nil, nil, err
		}
		f, err := fitOf(most)
		if err != nil {
			return nil, nil, err
		}
		budget := most.Capacities[most.Program().Tiers[most.Lowered.HomeTier].Name]
		if f.verdict != Fits {
			return nil, nil, Refusedf("--dram %d is too small for a context of %d: the least that works is --dram %d (%s), or choose a smaller --ctx-size",
				budget, r.Context, f.planBytes, FormatBytes(f.planBytes))
		}
		if err := fitsMemory(budget); err != nil {
			return nil, nil, err
		}
		r.Dram = Size{Bytes: budget, Set: true}
	} else {
		r.Dram = Size{Bytes: roomy, Set: true}
	}
	j, err := lowerOn(m, hw, r.Request)
	if err != nil {
		return nil, nil, err
	}
	plan, err := planner.Resident(j.Program())
	if err != nil && r.Dram.Bytes != roomy {
		var res *PlanResult
		if res, err = Search(ctx, j.Program(), SearchOptions{Solver: "pin-stream"}); err != nil {
			res, err = Search(ctx, j.Program(), SearchOptions{Solver: "demand"})
		}
		if err == nil {
			plan = res.Plan
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return j, plan, nil
}

// runMachine is the profile a run without a plan is lowered on. Which numbers it
// has does not change what is computed, so an uncalibrated host runs too.
func runMachine(hw string) (*costmodel.Profile, error) {
	machine, err := LoadMachine(hw)
	if err != nil && hw == "" {
		return LoadMachine(uncalibrated)
	}
	return machine, err
}

// uncalibrated is the shipped profile whose tiers are a host's: memory and a file.
const uncalibrated = "laptop"

// execute runs a plan on this host; it adds threads and files to the options.
func (j *Job) execute(ctx context.Context, plan *malloc.Plan, in engine.Input, opt engine.Options) (*engine.Result, error) {
	if err := engine.CanRun(j.Lowered); err != nil {
		return nil, bad(err)
	}
	if err := fitsMemory(peaksOf(j.Program(), plan)[j.Lowered.HomeTier]); err != nil {
		return nil, err
	}
	files, err := j.Model.OpenFiles()
	if err != nil {
		return nil, err
	}
	defer closeFiles(files)
	threads, err := pool.New(j.Request.Threads)
	if err != nil {
		return nil, err
	}
	defer threads.Close()
	opt.Pool, opt.Files = threads, files
	return engine.Run(ctx, j.Lowered, plan, in, opt)
}

// heapLimit bounds the Go heap: everything that is not an arena.
const heapLimit = 512 << 20

// LimitHeap keeps the program's own memory apart from arenas bounded.
func LimitHeap() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
}

// States of a run.
const (
	StateCold     = "cold"     // streamed, past the page cache
	StateCached   = "cached"   // streamed, but the page cache may have answered
	StateResident = "resident" // nothing streamed in the loop
	StateUnsteady = "unsteady" // the disk or the memory changed its speed meanwhile
)

// stateOf labels a run; unsteady is for whoever probes.
func stateOf(p *malloc.Program, plan *malloc.Plan, r *engine.Result) string {
	switch {
	case !planner.Streams(p, plan):
		return StateResident
	case !r.Direct || r.OSBytes >= 0 && r.OSBytes < r.File.DataBytes:
		return StateCached
	}
	return StateCold
}

func topLogits(row []float32, n int) []TopLogit {
	ids := make([]int, len(row))
	for i := range ids {
		ids[i] = i
	}
	sort.SliceStable(ids, func(a, b int) bool { return row[ids[a]] > row[ids[b]] })
	var top []TopLogit
	for _, id := range ids[:min(n, len(ids))] {
		v := float64(row[id])
		if math.IsNaN(v) || math.IsInf(v, 0) {
			v = 0
		}
		top = append(top, TopLogit{float64(id), v})
	}
	return top
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// peakRSS is the process's largest resident set, 0 where the system hides it.
func peakRSS() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kb int64
	for line := range strings.SplitSeq(string(data), "\n") {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(v, &kb)
		}
	}
	return kb << 10
}

// LoadPlan reads a plan, makes sure that it is for this model, lowers the model
// again and checks the plan.
func LoadPlan(ctx context.Context, path string, m *Model, hw string, progress Progress) (*Job, *malloc.Plan, error) {
	plan, err := malloc.ReadPlan(path)
	if err != nil {
		return nil, nil, bad(err)
	}
	r, err := requestOf(plan, hw)
	if err != nil {
		return nil, nil, err
	}
	ref, err := m.Ref(ctx, progress)
	if err != nil {
		return nil, nil, err
	}
	if want := plan.Model; want != nil && (want.SHA256 != ref.SHA256 || want.Bytes != ref.Bytes) {
		if want.Name == ref.Name {
			return nil, nil, Badf("%s changed since it was planned: it has %d bytes and digest %.12s…, the plan was made for %d bytes and %.12s…: plan again",
				m.Path, ref.Bytes, ref.SHA256, want.Bytes, want.SHA256)
		}
		return nil, nil, Badf("%s is a plan for another model: %s (%d bytes, digest %.12s…), not %s (%d bytes, %.12s…): name that model, or plan this one",
			path, want.Name, want.Bytes, want.SHA256, ref.Name, ref.Bytes, ref.SHA256)
	}
	if r.HW == "" && plan.Ext != nil && plan.Ext.Profile != "" {
		if _, err := LoadMachine(""); err != nil {
			r.HW = plan.Ext.Profile // a plan on a shipped profile, on an uncalibrated host
		}
	}
	j, err := Lower(m, r)
	if err != nil {
		return nil, nil, err
	}
	return j, plan, CheckPlan(path, j.Program(), plan)
}

// CheckPlan lets the independent checker decide about a plan.
func CheckPlan(path string, p *malloc.Program, plan *malloc.Plan) error {
	structure, err := malloc.StructureHash(p)
	if err != nil {
		return err
	}
	if plan.StructureSHA256 != structure {
		return Refusedf("%s was made for another instance (structure %.12s…, this one has %.12s…): other capacities, tiers or workload; use the same --hw, or plan again",
			path, plan.StructureSHA256, structure)
	}
	report, err := malloc.Check(p, plan, simulate.New())
	if err != nil {
		return err
	}
	if err := report.Err(); err != nil {
		return Refusedf("%s: %w", path, err)
	}
	return nil
}
