package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type goldenOutput struct {
	Prompt    string  `json:"prompt"`
	Tokens    []int32 `json:"tokens"`
	Reference struct {
		PromptEnd struct {
			Top10 [][2]float64 `json:"top10"`
		} `json:"prompt_end"`
		Greedy []int32 `json:"greedy"`
	} `json:"reference"`
}

func readGolden(t testing.TB) (g goldenOutput, promptFile string) {
	t.Helper()
	if err := json.Unmarshal([]byte(readText(t, filepath.Join("..", "testdata", "golden", "smollm2", "chat-english.json"))), &g); err != nil {
		t.Fatal(err)
	}
	promptFile = filepath.Join(t.TempDir(), "prompt.txt")
	writeText(t, promptFile, g.Prompt)
	return g, promptFile
}

func writeText(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const vocabulary = 49152 // of the sample model

// TestRunGolden runs the sample model in reference mode: without a plan, then by
// a plan that streams half the weights, teacher-forced on the golden tokens.
func TestRunGolden(t *testing.T) {
	m := sampleModel(t)
	g, prompt := readGolden(t)
	dir := t.TempDir()
	all, some := filepath.Join(dir, "all.f32"), filepath.Join(dir, "some.f32")
	common := []string{"run", m, "--hw", "test-periodic", "-t", "2", "--mode", "reference", "--prompt-file", prompt}
	run := func(more ...string) runReply {
		t.Helper()
		return decode[runReply](t, exitOK, append(slices.Clone(common), more...)...)
	}

	r := run("-c", "128", "--predict", "64", "--logits-out", all)
	if !slices.Equal(r.PromptTokens, g.Tokens) {
		t.Errorf("prompt tokens %v, golden %v", r.PromptTokens, g.Tokens)
	}
	if !slices.Equal(r.Tokens, g.Reference.Greedy) {
		t.Errorf("tokens %v, golden %v", r.Tokens, g.Reference.Greedy)
	}
	if r.State != "resident" {
		t.Errorf("without a plan the run is %s", r.State)
	}
	want := g.Reference.PromptEnd.Top10
	if len(r.PromptEnd.Top10) != 10 {
		t.Fatalf("%d logits after the prompt", len(r.PromptEnd.Top10))
	}
	for i, got := range r.PromptEnd.Top10 {
		if got[0] != want[i][0] || math.Abs(got[1]-want[i][1]) > 1e-3 {
			t.Errorf("logit %d after the prompt: %v, golden %v", i, got, want[i])
		}
	}
	logits := readText(t, all)
	if len(logits) != 64*vocabulary*4 {
		t.Fatalf("%d bytes of logits, 64 positions of %d are %d", len(logits), vocabulary, 64*vocabulary*4)
	}

	const gen = 8
	plan, force := filepath.Join(dir, "plan.json"), filepath.Join(dir, "force.json")
	ok(t, "plan", m, "--hw", "test-periodic", "--dram", "50%", "-t", "2", "--mode", "reference", "--prompt", strconv.Itoa(len(g.Tokens)),
		"--gen", strconv.Itoa(gen), "--solver", "pin-stream", "--evaluations", "5", "-o", plan)
	ids, err := json.Marshal(g.Reference.Greedy[:gen])
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, force, string(ids))
	planned := run("--plan", plan, "--force-tokens", force, "--logits-out", some)
	if !slices.Equal(planned.Tokens, g.Reference.Greedy[:gen]) {
		t.Errorf("forced tokens come back as %v", planned.Tokens)
	}
	if planned.State == "resident" || planned.FileBytes <= r.FileBytes || planned.ArenaBytes >= r.ArenaBytes {
		t.Errorf("the plan streams, but the run is %s with %d bytes of the file in an arena of %d (all resident: %d, %d)",
			planned.State, planned.FileBytes, planned.ArenaBytes, r.FileBytes, r.ArenaBytes)
	}
	if readText(t, some) != logits[:gen*vocabulary*4] {
		t.Error("logits by the plan differ from those without one")
	}

	// Forcing other tokens than the model's own changes what follows, not the first.
	writeText(t, force, "[10, 20, 30]")
	other := run("-c", "128", "--force-tokens", force, "--logits-out", some)
	if !slices.Equal(other.Tokens, []int32{10, 20, 30}) {
		t.Errorf("forced tokens come back as %v", other.Tokens)
	}
	row := vocabulary * 4
	if s := readText(t, some); len(s) != 3*row || s[:row] != logits[:row] || s[row:2*row] == logits[row:2*row] {
		t.Error("only the first position may agree when other tokens are fed")
	}

	refused(t, exitInput, []string{plan, "8 generated", "this run has 40 and 9", "--predict 8"}, append(slices.Clone(common), "--plan", plan, "-n", "9")...)
	refused(t, exitInput, []string{plan, "reference mode", "fast"}, "run", m, "--hw", "test-periodic", "-f", prompt, "-n", "8", "--plan", plan, "--mode", "fast")
	for name, text := range map[string]string{"no JSON": "1 2 3", "empty": "[]", "not numbers": `["a"]`, "object": "{}"} {
		writeText(t, force, text)
		t.Run(name, func(t *testing.T) {
			refused(t, exitInput, []string{force, "JSON array"}, append(slices.Clone(common), "-c", "128", "--force-tokens", force)...)
		})
	}
	writeText(t, force, "[1, 49152]")
	refused(t, exitInput, []string{"49152", "49151"}, append(slices.Clone(common), "-c", "128", "--force-tokens", force)...)
}

// TestRunText streams text, also where no terminal is.
func TestRunText(t *testing.T) {
	m := sampleModel(t)
	code, out, errs := strata("run", m, "--hw", "test-periodic", "-c", "64", "-ub", "16", "-p", "The capital of France is", "-n", "4", "--dram", "32MiB")
	if code != exitOK || !strings.Contains(out, "Paris") {
		t.Errorf("exit code %d, text %q: %s", code, out, errs)
	}
	if strings.ContainsAny(out+errs, "\r\x1b") {
		t.Errorf("a progress bar off terminals: %q %q", out, errs)
	}
	if strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "4 generated") || !strings.Contains(errs, "32.0 MiB") {
		t.Errorf("summary: %q", errs)
	}
	refused(t, exitInput, []string{"empty"}, "run", m, "--hw", "test-periodic", "-c", "64", "-p", "", "-n", "4")
	refused(t, exitInput, []string{"context of 70", "64", "--ctx-size 70"}, "run", m, "--hw", "test-periodic", "-c", "64", "-p", "Hi", "-n", "70")
	refused(t, exitInput, []string{"planned only", "2"}, "run", m, "--hw", "test-periodic", "-c", "64", "-np", "2", "-p", "Hi", "-n", "2")
	refused(t, exitInput, []string{"planned only", "Q8_0"}, "run", m, "--hw", "test-periodic", "-c", "64", "-ctk", "q8_0", "-p", "Hi", "-n", "2")
	refused(t, exitNoFit, []string{"64.0 TiB", "available", "--dram"}, "run", m, "--hw", "test-periodic", "-c", "64", "--dram", "64TiB", "-p", "Hi", "-n", "2")
}

// TestValidate proves a plan by running it, in both forms of output.
func TestValidate(t *testing.T) {
	m := sampleModel(t)
	dir := t.TempDir()
	plan, prompt, report := filepath.Join(dir, "plan.json"), filepath.Join(dir, "prompt.txt"), filepath.Join(dir, "report.html")
	ok(t, "plan", m, "--hw", "test-periodic", "--dram", "40%", "-t", "2", "--prompt", "5", "--gen", "4", "--solver", "pin-stream", "--evaluations", "5", "-o", plan)
	writeText(t, prompt, "The capital of France is")
	r := decode[validateReply](t, exitOK, "validate", plan, "--model", m, "--hw", "test-periodic", "--prompt-file", prompt, "--repeat", "1", "--report", report)
	if !r.Passed || !r.OutputsIdentical || len(r.Tokens) != 4 || len(r.Failures) > 0 {
		t.Errorf("%+v", r)
	}
	if (r.State == "cached" || r.State == "unsteady") != (r.Time.Within == nil) {
		t.Errorf("within %v of a run that is %s", r.Time.Within, r.State)
	}
	if html := readText(t, report); !strings.Contains(html, "The plan holds") {
		t.Errorf("report: %.300s", html)
	}

	// Without a prompt the built-in text has the planned length. A limit on the time
	// that nothing meets fails the validation, and says so.
	code, out, _ := strata("validate", plan, "--model", m, "--hw", "test-periodic", "--repeat", "1", "--max-time-error", "0.0000001")
	if code != exitNoFit || !strings.HasPrefix(out, "The plan failed") || !strings.Contains(out, "time:") {
		t.Errorf("exit code %d: %s", code, out)
	}
	writeText(t, prompt, "The capital of France is not")
	refused(t, exitInput, []string{"6 tokens", "made for 5", "--prompt 6"}, "validate", plan, "--model", m, "--hw", "test-periodic", "--prompt-file", prompt)
	writeText(t, prompt, "")
	refused(t, exitInput, []string{"is empty", prompt}, "validate", plan, "--model", m, "--hw", "test-periodic", "--prompt-file", prompt)
	refused(t, exitInput, []string{"nowhere.txt"}, "validate", plan, "--model", m, "--hw", "test-periodic", "--prompt-file", filepath.Join(dir, "nowhere.txt"))
	refused(t, exitInput, []string{"--max-time-error"}, "validate", plan, "--model", m, "--hw", "test-periodic", "--max-time-error", "-1")
	refused(t, exitInput, []string{"--repeat"}, "validate", plan, "--model", m, "--hw", "test-periodic", "--repeat", "-1")
}
