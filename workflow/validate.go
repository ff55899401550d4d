package workflow

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"unsafe"

	"strata/engine"
	"strata/engine/file"
	"strata/malloc"
	"strata/planner"
	"strata/simulate"
	"strata/trace"
)

// ValidateRequest says how a plan is to be proved.
type ValidateRequest struct {
	PlanPath     string
	HW           string
	PromptText   string  // "": the built-in text, cut to the planned length
	Repeat       int     // measured runs, at least 1
	MaxTimeError float64 // percent; 0: time never fails a validation
	// OnMeters sees the running work a few times a second, from a goroutine of its
	// own: the measured run does not wait for it. nil: nobody looks.
	OnMeters func(Meters)
	// NewReader replaces the engine's reader of model files (tests put a faulty
	// one in its place); nil: the real one.
	NewReader func(context.Context, file.Options) (engine.Reader, error)
}

// TierPeak is one arena, predicted beside measured.
type TierPeak struct {
	Name               string `json:"name"`
	PredictedPeakBytes int64  `json:"predicted_peak_bytes"`
	MeasuredPeakBytes  int64  `json:"measured_peak_bytes"`
}

// FileTraffic is the model file's traffic, predicted beside measured.
type FileTraffic struct {
	PredictedBytes    int64 `json:"predicted_bytes"`
	MeasuredBytes     int64 `json:"measured_bytes"`
	OSBytes           int64 `json:"os_bytes"` // -1: not known
	PredictedRequests int64 `json:"predicted_requests"`
	MeasuredRequests  int64 `json:"measured_requests"`
}

// PrefillTime is the time to the first token.
type PrefillTime struct {
	PredictedS float64 `json:"predicted_s"`
	MeasuredS  float64 `json:"measured_s"`
}

// TimeCheck is the time per decoded token, predicted beside measured.
type TimeCheck struct {
	PredictedSPerToken float64     `json:"predicted_s_per_token"`
	MeasuredSPerToken  float64     `json:"measured_s_per_token"`
	RelError           float64     `json:"rel_error"` // (predicted − measured) / measured
	Spread             float64     `json:"spread"`    // (largest − smallest) / median of the runs
	Within             *bool       `json:"within"`    // null: cached or unsteady, not counted
	Prefill            PrefillTime `json:"prefill"`
}

// ValidateResult puts a plan's predictions beside what the engine measured.
type ValidateResult struct {
	Passed           bool        `json:"passed"`
	Failures         []string    `json:"failures"`
	Tiers            []TierPeak  `json:"tiers"`
	File             FileTraffic `json:"file"`
	OutputsIdentical bool        `json:"outputs_identical"`
	Time             TimeCheck   `json:"time"`
	State            string      `json:"state"`
	StateReason      string      `json:"state_reason,omitempty"`
	DiskProbes       []float64   `json:"disk_probes_bytes_per_s"`   // before, between and after the runs
	MemoryProbes     []float64   `json:"memory_probes_bytes_per_s"` // likewise, when nothing is streamed
	SteadyRuns       int         `json:"steady_runs"`               // runs whose time counts
	OverheadBytes    int64       `json:"overhead_bytes"`
	Repeats          int         `json:"repeats"`
	Tokens           []int32     `json:"tokens"`

	Job       *Job            `json:"-"`
	Plan      *malloc.Plan    `json:"-"`
	Predicted *trace.Timeline `json:"-"`
	Measured  *trace.Timeline `json:"-"`
}

// Largest relative errors of the time per token that count as agreement, and of
// disk probes that count as steady.
const (
	residentTolerance = 0.15
	streamTolerance   = 0.20
	steadyTolerance   = 0.10
)

// Validate runs a plan on this host and compares.
func Validate(ctx context.Context, m *Model, r ValidateRequest, progress Progress) (*ValidateResult, error) {
	j, plan, err := LoadPlan(ctx, r.PlanPath, m, r.HW, progress)
	if err != nil {
		return nil, err
	}
	if err := engine.CanRun(j.Lowered); err != nil {
		return nil, bad(err)
	}
	prompt, err := promptOf(m, r.PromptText, j.Request.Prompt)
	if err != nil {
		return nil, err
	}
	sim := simulate.New()
	predicted, err := sim.Report(j.Program(), plan)
	if err != nil {
		return nil, err
	}
	res := &ValidateResult{Job: j, Plan: plan, Repeats: max(1, r.Repeat), Failures: []string{}, DiskProbes: []float64{}, MemoryProbes: []float64{}}
	if res.Predicted, err = sim.Timeline(j.Program(), plan, simulate.TimelineOptions{MaxIterations: traceIterations}); err != nil {
		return nil, err
	}

	expected := Meters{OfTokens: j.Request.Gen, OfArenaBytes: peaksOf(j.Program(), plan)[j.Lowered.HomeTier]}
	expected.OfFileBytes, _ = j.fileTraffic(predicted)
	w := newWatch(r.OnMeters, res.Repeats, predicted.TotalS)
	defer w.end()
	progress.report(StageResident, 0, int64(res.Repeats+1))
	want, err := j.residentOutputs(ctx, prompt, w)
	if err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	resetPeakRSS()

	weights, _ := j.streamed(plan)
	probe := func(after int) error {
		w.stage(Meters{Stage: StageProbe, Run: after}, 0)
		if len(weights) > 0 {
			bw, err := j.probeDisk(ctx, plan)
			res.DiskProbes = append(res.DiskProbes, bw)
			return err
		}
		bw, err := j.probeMemory(ctx)
		if bw > 0 {
			res.MemoryProbes = append(res.MemoryProbes, bw)
		}
		return err
	}
	if err := probe(0); err != nil {
		return nil, err
	}
	var runs []*engine.Result
	same := true
	for k := range res.Repeats {
		progress.report(StageMeasured, int64(k+1), int64(res.Repeats+1))
		got := newFingerprint()
		expected.Stage, expected.Run = StageMeasured, k+1
		onMeters := w.stage(expected, predicted.TotalS)
		run, err := j.execute(ctx, plan, engine.Input{Prompt: prompt, OnLogits: got.add, OnMeters: onMeters}, engine.Options{TraceIterations: traceIterations, NewReader: r.NewReader})
		if err != nil {
			return nil, err
		}
		same = same && slices.Equal(run.Tokens, want.tokens) && slices.Equal(got.sums, want.sums)
		runs = append(runs, run)
		if err := probe(k + 1); err != nil {
			return nil, err
		}
	}
	res.compare(j, plan, predicted, runs, same, r)
	return res, nil
}

// traceIterations is how many decode iterations a timeline keeps.
const traceIterations = 12

// fingerprint condenses logits so that runs compare bit by bit. It is taken while
// the clock runs, so it hashes at memory speed: 64 bits under a random key.
type fingerprint struct {
	sums   []uint64
	tokens []int32
}

var fingerprintSeed = maphash.MakeSeed()

func newFingerprint() *fingerprint { return &fingerprint{} }

func (f *fingerprint) add(_ int, row []float32) error {
	f.sums = append(f.sums, maphash.Bytes(fingerprintSeed, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), 4*len(row))))
	return nil
}

// residentOutputs runs the same work with everything in memory.
func (j *Job) residentOutputs(ctx context.Context, prompt []int32, w *watch) (*fingerprint, error) {
	r := j.Request
	home := j.Program().Tiers[j.Lowered.HomeTier].Name
	r.Dram, r.Tiers, r.Pins = Size{Bytes: roomy, Set: true}, map[string]Size{home: {Bytes: roomy, Set: true}}, nil
	all, err := lowerOn(j.Model, j.Machine, r)
	if err != nil {
		return nil, err
	}
	plan, err := planner.Resident(all.Program())
	if err != nil {
		return nil, err
	}
	report, err := simulate.New().Report(all.Program(), plan)
	if err != nil {
		return nil, err
	}
	f := newFingerprint()
	onMeters := w.stage(Meters{Stage: StageResident, OfTokens: r.Gen, OfArenaBytes: peaksOf(all.Program(), plan)[all.Lowered.HomeTier]}, report.TotalS)
	run, err := all.execute(ctx, plan, engine.Input{Prompt: prompt, OnLogits: f.add, OnMeters: onMeters}, engine.Options{})
	if err != nil {
		return nil, fmt.Errorf("the all-resident run to compare with: %w", err)
	}
	f.tokens = run.Tokens
	return f, nil
}

func (j *Job) fileLink() *malloc.Engine {
	p := j.Program()
	for i := range p.Engines {
		if p.Engines[i].From == j.Lowered.FileTier {
			return &p.Engines[i]
		}
	}
	return &malloc.Engine{}
}

// fileTraffic is the predicted traffic out of the model's files.
func (j *Job) fileTraffic(predicted simulate.Report) (bytes, requests int64) {
	for _, t := range predicted.Traffic {
		if j.Program().Engines[t.Engine].From == j.Lowered.FileTier {
			bytes += t.Bytes
			requests += t.Requests
		}
	}
	return bytes, requests
}

// compare fills the verdict.
func (res *ValidateResult) compare(j *Job, plan *malloc.Plan, predicted simulate.Report, runs []*engine.Result, same bool, r ValidateRequest) {
	last := runs[len(runs)-1]
	res.Measured, res.Tokens = last.Timeline, last.Tokens
	res.OverheadBytes = max(0, peakRSS()-last.ArenaBytes)
	fail := func(format string, args ...any) { res.Failures = append(res.Failures, fmt.Sprintf(format, args...)) }

	home := j.Lowered.HomeTier
	peak := TierPeak{Name: j.Program().Tiers[home].Name}
	for _, t := range res.Predicted.Tiers {
		if t.Tier == home {
			peak.PredictedPeakBytes = t.PeakBytes
		}
	}
	for _, run := range runs {
		peak.MeasuredPeakBytes = max(peak.MeasuredPeakBytes, run.PeakBytes)
	}
	res.Tiers = []TierPeak{peak}
	if peak.MeasuredPeakBytes != peak.PredictedPeakBytes {
		fail("arena: %d bytes measured, %d predicted", peak.MeasuredPeakBytes, peak.PredictedPeakBytes)
	}

	f := &res.File
	f.PredictedBytes, f.PredictedRequests = j.fileTraffic(predicted)
	res.State = stateOf(j.Program(), plan, last)
	for _, run := range runs {
		f.MeasuredBytes, f.MeasuredRequests, f.OSBytes = run.File.Bytes, run.File.Requests, run.OSBytes
		if f.MeasuredBytes != f.PredictedBytes {
			fail("file: %d bytes read, %d predicted", f.MeasuredBytes, f.PredictedBytes)
		}
		if f.MeasuredRequests != f.PredictedRequests {
			fail("file: %d requests, %d predicted", f.MeasuredRequests, f.PredictedRequests)
		}
		switch {
		case !run.Direct:
			res.StateReason = run.Reason
		case run.OSBytes < 0:
			res.StateReason = "the operating system does not count this process's reads"
		case run.OSBytes < run.File.DataBytes:
			res.StateReason = "the operating system counted fewer bytes than were read: a cache answered"
		case run.OSBytes > run.File.Bytes:
			fail("file: the operating system counted %d bytes, the engine %d", run.OSBytes, run.File.Bytes)
		}
		if len(res.Failures) > 0 {
			break
		}
	}
	res.OutputsIdentical = same
	if !same {
		fail("outputs: tokens or logits differ from the all-resident run")
	}
	res.timing(j, plan, predicted, runs)
	if r.MaxTimeError > 0 && math.Abs(res.Time.RelError)*100 > r.MaxTimeError {
		fail("time: %.1f %% off, at most %.1f %% is allowed", 100*res.Time.RelError, r.MaxTimeError)
	}
	res.Passed = len(res.Failures) == 0
}

// timing compares the time per decoded token over the runs that count: those
// between probes that agree, of the disk for a streaming plan, of memory for a
// resident one.
func (res *ValidateResult) timing(j *Job, plan *malloc.Plan, predicted simulate.Report, runs []*engine.Result) {
	t := &res.Time
	why := ""
	steady := runs
	probed, probes, calibrated := "disk", res.DiskProbes, 0.0
	switch {
	case res.State == StateCold:
		calibrated = j.expectedDisk(plan)
	case res.State == StateResident && len(res.MemoryProbes) > 0:
		probed, probes, calibrated = "memory", res.MemoryProbes, j.expectedMemory()
	}
	if calibrated > 0 && len(probes) > 0 {
		steady = nil
		for k, run := range runs {
			if reason := unsteady(probed, probes[k], probes[k+1], calibrated); reason != "" {
				why = reason
			} else {
				steady = append(steady, run)
			}
		}
	}
	res.SteadyRuns = len(steady)
	if len(steady) == 0 {
		res.State, res.StateReason, steady = StateUnsteady, why, runs
	}
	var tokens, prefills []float64
	for _, run := range steady {
		if n := len(run.IterationS); n > 0 {
			tokens = append(tokens, sum(run.IterationS)/float64(n))
		}
		prefills = append(prefills, run.PrefillS)
	}
	t.Prefill = PrefillTime{PredictedS: predicted.BeforeS, MeasuredS: median(prefills)}
	loop := j.Program().PeriodicLoop()
	if loop == nil {
		return
	}
	t.PredictedSPerToken, t.MeasuredSPerToken = predicted.LoopS/float64(loop.Trip), median(tokens)
	t.RelError = (t.PredictedSPerToken - t.MeasuredSPerToken) / t.MeasuredSPerToken
	t.Spread = (slices.Max(tokens) - slices.Min(tokens)) / median(tokens)
	tolerance := streamTolerance
	switch res.State {
	case StateCached, StateUnsteady:
		return
	case StateResident:
		tolerance = residentTolerance
	}
	within := math.Abs(t.RelError) <= tolerance
	t.Within = &within
}

// unsteady says why a disk or a memory that was probed before and after a run did
// not keep the speed it was planned with.
func unsteady(probed string, before, after, calibrated float64) string {
	low, high := min(before, after), max(before, after)
	switch {
	case high > low*(1+steadyTolerance):
		return fmt.Sprintf("%s probes of %.2f and %.2f GB/s around a run differ by more than 10 %%", probed, before/1e9, after/1e9)
	case math.Abs(low-calibrated) > steadyTolerance*calibrated, math.Abs(high-calibrated) > steadyTolerance*calibrated:
		return fmt.Sprintf("%s probes of %.2f and %.2f GB/s around a run are more than 10 %% from the calibrated %.2f GB/s: calibrate again for this machine's present speed", probed, before/1e9, after/1e9, calibrated/1e9)
	}
	return ""
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	s := slices.Clone(x)
	slices.Sort(s)
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// resetPeakRSS lets VmHWM start anew, so that the comparison run is not in it.
func resetPeakRSS() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// promptOf gives the planned number of tokens: from the user's text, which must
// have exactly that many, or from the built-in one.
func promptOf(m *Model, text string, n int) ([]int32, error) {
	tok, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	if text != "" {
		ids, err := tok.Prompt(text)
		if err != nil {
			return nil, bad(err)
		}
		if len(ids) != n {
			return nil, Badf("the prompt has %d tokens, the plan was made for %d: plan with --prompt %d, or use a text of that length", len(ids), n, len(ids))
		}
		return ids, nil
	}
	var ids []int32
	for len(ids) < n {
		more, err := tok.Encode(builtInText, false)
		if err != nil {
			return nil, bad(err)
		}
		ids = append(ids, more...)
	}
	return ids[:n], nil
}

// builtInText is what validation feeds when no prompt is given.
const builtInText = `A program that computes with large arrays spends most of its time waiting for them to arrive. The arithmetic itself is quick: a small core can multiply and add billions of numbers in a second, but only when the numbers stand ready beside it. So the question of where each array lies, in which memory, at which address and at what moment, decides how fast the whole runs. Fast memory is small and dear, slow memory is large and cheap, and between them lies a road of limited width. A good plan keeps near what is needed often, sends away what will not be needed soon, and starts every journey early enough that nobody has to stand and wait for it. `
