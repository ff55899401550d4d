package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"strata/malloc"
)

// wallTimes are the only parts of a plan that differ between equal searches.
var wallTimes = regexp.MustCompile(`(?s)"wall_s": [^\n]*\n|"trace": \[.*?\]\],?\n`)

func readText(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPlanTravels takes a plan through every command that reads one, first with
// its model, then with nothing but the exported instance.
func TestPlanTravels(t *testing.T) {
	m := smallModel(t, nil)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	made := decode[planReply](t, exitOK, "plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "12", "--gen", "5", "--evaluations", "30", "--seed", "7", "-o", at("plan.json"))
	if made.PredictedS < made.LowerBoundS || made.PredictedSPerToken <= 0 || len(made.Baselines) < 3 || made.Evaluations == 0 {
		t.Errorf("%+v", made)
	}
	for _, b := range made.Baselines {
		if b.PredictedS != nil && made.PredictedS > *b.PredictedS*(1+1e-12) {
			t.Errorf("predicted %g s, worse than %g s of baseline %s", made.PredictedS, *b.PredictedS, b.Name)
		}
	}
	matches(t, "mmap-plan", []byte(readText(t, at("plan.json"))))

	simulated := decode[simulateReply](t, exitOK, "simulate", at("plan.json"), "--model", m, "--hw", "test-periodic")
	if simulated.PredictedS != made.PredictedS || simulated.ClaimedS != made.PredictedS {
		t.Errorf("simulated %g s, claimed %g s, planned %g s", simulated.PredictedS, simulated.ClaimedS, made.PredictedS)
	}

	export := func(from []string, to, name string) string {
		t.Helper()
		ok(t, append(append([]string{"export", at("plan.json")}, from...), "--to", to, "-o", at(name))...)
		return readText(t, at(name))
	}
	model := []string{"--model", m, "--hw", "test-periodic"}
	if s := export(model, "llamacpp", "command.txt"); !strings.HasPrefix(s, "llama-server -m "+m) || !strings.Contains(s, " -c 17 ") {
		t.Errorf("llama.cpp: %s", s)
	}
	instance := export(model, "mmap-instance", "instance.json")
	matches(t, "mmap-instance", []byte(instance))
	bare := []string{"--instance", at("instance.json")}
	for name, from := range map[string][]string{"model": model, "instance": bare} {
		t.Run(name, func(t *testing.T) {
			var trace struct {
				TraceEvents []json.RawMessage `json:"traceEvents"`
			}
			if err := json.Unmarshal([]byte(export(from, "chrome-trace", "trace.json")), &trace); err != nil || len(trace.TraceEvents) < 20 {
				t.Errorf("trace: %v, %d events", err, len(trace.TraceEvents))
			}
			if s := export(from, "html", "report.html"); !strings.HasPrefix(s, "<!doctype html>") && !strings.HasPrefix(s, "<!DOCTYPE html>") || !strings.Contains(s, "<svg") || strings.Contains(s, "http://") && strings.Contains(s, "src=\"http") {
				t.Errorf("report: %.200s", s)
			}
		})
	}
	if s := export(bare, "mmap-instance", "again.json"); s != instance {
		t.Error("an instance exported again has changed")
	}
	if s := ok(t, append([]string{"export", at("plan.json"), "--to", "mmap-instance"}, bare...)...); s != instance {
		t.Error("without -o the instance on standard output is another one")
	}
	if r := decode[simulateReply](t, exitOK, "simulate", at("plan.json"), "--instance", at("instance.json")); r != simulated {
		t.Errorf("without the model %+v, with it %+v", r, simulated)
	}

	// The instance is planned anew, compressed and plain.
	ok(t, "export", at("plan.json"), "--instance", at("instance.json"), "--to", "mmap-instance", "-o", at("instance.json.gz"))
	if readText(t, at("instance.json.gz"))[:2] != "\x1f\x8b" {
		t.Error("a name ending in .gz was not compressed")
	}
	for _, from := range []string{"instance.json", "instance.json.gz"} {
		again := decode[planReply](t, exitOK, "plan", "--instance", at(from), "--evaluations", "30", "--seed", "7", "-o", at("bare.json.gz"))
		if again.PredictedS != made.PredictedS {
			t.Errorf("from %s: %g s, from the model %g s", from, again.PredictedS, made.PredictedS)
		}
		if r := decode[simulateReply](t, exitOK, "simulate", at("bare.json.gz"), "--instance", at("instance.json.gz")); r.PredictedS != again.PredictedS {
			t.Errorf("simulated %g s, planned %g s", r.PredictedS, again.PredictedS)
		}
	}
	refused(t, exitInput, []string{"bare instance", "--instance"}, "validate", at("bare.json.gz"), "--model", m, "--hw", "test-periodic")
	refused(t, exitInput, []string{"bare instance"}, "export", at("bare.json.gz"), "--instance", at("instance.json"), "--to", "llamacpp")
	refused(t, exitNoFit, []string{"another instance"}, "simulate", at("plan.json"), "--instance", filepath.Join("..", "testdata", "instances", "smollm2-decode.json.gz"))
}

// TestCommittedInstances holds what the tree ships against the schema, and plans
// it.
func TestCommittedInstances(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "instances", "*.json.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no instances: %v", err)
	}
	for _, path := range files {
		p, err := malloc.ReadProgram(path)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := malloc.EncodeProgram(&text, p); err != nil {
			t.Fatal(err)
		}
		matches(t, "mmap-instance", []byte(text.String()))
		out := filepath.Join(t.TempDir(), "plan.json")
		decode[planReply](t, exitOK, "plan", "--instance", path, "--solver", "pin-stream", "--evaluations", "5", "-o", out)
		matches(t, "mmap-plan", []byte(readText(t, out)))
	}
}

// TestPlansAreReproducible: with a count of evaluations and a seed a plan is the
// same bytes, apart from wall times.
func TestPlansAreReproducible(t *testing.T) {
	m := smallModel(t, nil)
	for _, solver := range []string{"auto", "mcts", "xla-greedy", "pin-stream"} {
		t.Run(solver, func(t *testing.T) {
			var first string
			for k := range 2 {
				path := filepath.Join(t.TempDir(), "plan.json")
				ok(t, "plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "8", "--gen", "4", "--solver", solver, "--evaluations", "40", "--seed", "3", "-o", path)
				text := wallTimes.ReplaceAllString(readText(t, path), "")
				if strings.Contains(text, `"wall_s"`) || strings.Contains(text, `"trace"`) {
					t.Fatal("the test does not take wall times away")
				}
				if k == 0 {
					first = text
				} else if text != first {
					t.Error("the second plan differs from the first")
				}
			}
		})
	}
}

// TestSolvers runs each by name: it gives a plan or says why it does not apply.
func TestSolvers(t *testing.T) {
	m := smallModel(t, nil)
	for _, solver := range []string{"auto", "demand", "layers", "llamacpp-fit", "experts-cpu", "kv-resident", "pin-stream", "xla-greedy", "mcts", "lns", "branch-bound"} {
		t.Run(solver, func(t *testing.T) {
			args := []string{"plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "8", "--gen", "4", "--solver", solver, "--evaluations", "10"}
			switch code, _, _ := strata(args...); code {
			case exitOK:
				if r := decode[planReply](t, exitOK, args...); r.Component == "" || r.PredictedS < r.LowerBoundS {
					t.Errorf("%+v", r)
				}
			default:
				refused(t, exitInput, []string{solver}, args...)
			}
		})
	}
}

// TestOneToken: prefill yields the only token, nothing is decoded.
func TestOneToken(t *testing.T) {
	m := smallModel(t, nil)
	path := filepath.Join(t.TempDir(), "plan.json")
	r := decode[planReply](t, exitOK, "plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "8", "--gen", "1", "--evaluations", "10", "-o", path)
	if r.PredictedSPerToken != 0 || r.PredictedS <= 0 {
		t.Errorf("%+v", r)
	}
	decode[simulateReply](t, exitOK, "simulate", path, "--model", m, "--hw", "test-periodic")
	ok(t, "export", path, "--model", m, "--hw", "test-periodic", "--to", "html", "-o", filepath.Join(t.TempDir(), "r.html"))
	if out := ok(t, "plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "8", "--gen", "1", "--solver", "demand"); strings.Contains(out, "NaN") || strings.Contains(out, "per token") {
		t.Error(out)
	}
}

// TestPins keeps a tensor in memory whatever the solver would do.
func TestPins(t *testing.T) {
	m := smallModel(t, nil)
	dir := t.TempDir()
	for _, pins := range [][]string{nil, {"--pin", `blk\.1\.ffn_up\.weight=dram`}} {
		path := filepath.Join(dir, fmt.Sprint(len(pins), ".json"))
		ok(t, append([]string{"plan", m, "--hw", "test-periodic", "--dram", "60%", "--prompt", "8", "--gen", "4", "--solver", "pin-stream", "--evaluations", "5", "-o", path}, pins...)...)
		// The plan remembers its pins: it is checked against the same instance.
		ok(t, "simulate", path, "--model", m, "--hw", "test-periodic")
	}
	plan, err := malloc.ReadPlan(filepath.Join(dir, "2.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Ext.Pins) != 1 {
		t.Errorf("pins in the plan: %q", plan.Ext.Pins)
	}
}

// TestInterrupt stops a long search of a process of its own: the best checked
// plan so far is kept, and that is no failure.
func TestInterrupt(t *testing.T) {
	instance := filepath.Join("..", "testdata", "instances", "smollm2-decode.json.gz")
	path := filepath.Join(t.TempDir(), "plan.json")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "plan", "--instance", instance, "--time", "10m", "--json", "-o", path)
	c.Env = append(os.Environ(), childVariable+"=1")
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	// The signal comes once the process has computed for a while, however busy the
	// machine is.
	for working := time.Duration(0); working < 700*time.Millisecond; working = cpuTime(c.Process.Pid) {
		select {
		case err := <-done:
			t.Fatalf("the search ended by itself: %v: %s", err, errs.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	matches(t, "plan", []byte(out.String()))
	var r planReply
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatal(err)
	}
	if r.Stopped != "cancelled" {
		t.Errorf("stopped by %q", r.Stopped)
	}
	if s := decode[simulateReply](t, exitOK, "simulate", path, "--instance", instance); s.PredictedS != r.PredictedS {
		t.Errorf("the plan kept takes %g s, %g s were reported", s.PredictedS, r.PredictedS)
	}
}

// cpuTime is what a process has computed so far (proc(5): utime and stime in
// hundredths of a second).
func cpuTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
