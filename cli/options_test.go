package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/model/modeltest"
)

var commands = []string{"inspect", "calibrate", "check", "plan", "pack", "simulate", "run", "validate", "explain", "export", "convert", "doctor", "schema", "version"}

func TestHelpShowsExamples(t *testing.T) {
	for _, name := range append([]string{""}, commands...) {
		args := append(strings.Fields(name), "--help")
		out := ok(t, args...)
		if !strings.Contains(out, "Examples:\n  strata "+name) {
			t.Errorf("strata %s: no example of it in:\n%s", strings.Join(args, " "), out)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := ok(t, "completion", shell); !strings.Contains(out, "strata") {
			t.Errorf("completion of %s: %.80q", shell, out)
		}
	}
	if out := ok(t, "__complete", "pl"); !strings.HasPrefix(out, "plan\t") {
		t.Errorf("completing \"pl\": %q", out)
	}
	if out := ok(t, "__complete", "export", "plan.json", "--to", ""); !strings.Contains(out, "chrome-trace") {
		t.Errorf("completing --to: %q", out)
	}
	if out := ok(t, "__complete", "plan", "m.gguf", "--solver", "m"); !strings.Contains(out, "mcts") {
		t.Errorf("completing --solver: %q", out)
	}
	if out := ok(t, "__complete", "check", "m.gguf", "--hw", "h1"); !strings.Contains(out, "h100-80gb") {
		t.Errorf("completing --hw: %q", out)
	}
}

func TestWrongCommandLines(t *testing.T) {
	m := smallModel(t, nil)
	check := func(more ...string) []string {
		return append([]string{"check", m, "--hw", "test-periodic"}, more...)
	}
	for _, c := range []struct {
		name  string
		parts []string
		args  []string
	}{
		{"command", []string{`unknown command "bogus"`, "strata --help"}, []string{"bogus"}},
		{"option", []string{"--bogus", "strata check --help"}, check("--bogus")},
		{"short option", []string{"-z", "strata check --help"}, check("-z")},
		{"no model", []string{"usage: strata check MODEL"}, []string{"check"}},
		{"two models", []string{"usage: strata inspect MODEL"}, []string{"inspect", m, m}},
		{"number", []string{"--ctx-size", "many"}, check("-c", "many")},
		{"negative", []string{"--ctx-size -5"}, check("-c", "-5")},
		{"negative threads", []string{"--threads -1"}, check("-t", "-1")},
		{"size", []string{`"12parsecs"`, "64MiB"}, check("--dram", "12parsecs")},
		{"negative size", []string{`"-5"`}, check("--dram=-5")},
		{"huge size", []string{`"99999999999999999999"`}, check("--dram", "99999999999999999999")},
		{"share", []string{`"x%"`}, check("--dram", "x%")},
		{"tier", []string{`--tier "vram"`, "NAME=SIZE"}, check("--tier", "vram")},
		{"tier name", []string{`"vram"`, "dram"}, check("--tier", "vram=1GiB")},
		{"profile", []string{`"nope"`, "test-periodic"}, []string{"check", m, "--hw", "nope"}},
		{"mode", []string{`--mode "exact"`, "reference"}, check("--mode", "exact")},
		{"cache type", []string{"--cache-type-k", "f17"}, check("-ctk", "f17")},
		{"reference cache", []string{"f32", "--mode fast"}, check("--mode", "reference", "-ctk", "f16")},
		{"context", []string{"513", "--ctx-size 512"}, check("-c", "513")},
		{"sequences", []string{"2 sequences"}, check("-c", "1", "-np", "2")},
		{"workload", []string{"--prompt N --gen N"}, []string{"plan", m, "--hw", "test-periodic"}},
		{"negative prompt", []string{"--prompt -3"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "-3", "--gen", "1"}},
		{"too long", []string{"601", "--ctx-size 512"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "600", "--gen", "1"}},
		{"context of a plan", []string{"4"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "8", "--gen", "4", "-c", "4"}},
		{"solver", []string{`"magic"`, "mcts"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "2", "--gen", "2", "--solver", "magic"}},
		{"time", []string{`--time "soon"`, "10s"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "2", "--gen", "2", "--time", "soon"}},
		{"pin", []string{"REGEX=TIER"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "2", "--gen", "2", "--pin", "blk"}},
		{"pin pattern", []string{"("}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "2", "--gen", "2", "--pin", "(=dram"}},
		{"pin tier", []string{"vram", "dram"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "2", "--gen", "2", "--pin", "blk=vram"}},
		{"pin nothing", []string{"no tensor matches"}, []string{"plan", m, "--hw", "test-periodic", "--prompt", "2", "--gen", "2", "--pin", "nothing=dram"}},
		{"no plan", []string{"plan needs a model file or --instance"}, []string{"plan", "--solver", "demand"}},
		{"both", []string{"not both"}, []string{"plan", m, "--instance", "x.json"}},
		{"target", []string{`--to "pdf"`, "chrome-trace"}, []string{"export", "p.json", "--model", m, "--to", "pdf"}},
		{"nothing planned", []string{"--model or --instance"}, []string{"simulate", "p.json"}},
		{"model to run", []string{"--model"}, []string{"validate", "p.json"}},
		{"two prompts", []string{"--prompt", "--prompt-file", "not both"}, []string{"run", m, "-p", "a", "-f", "b"}},
		{"nothing to predict", []string{"--predict 0"}, []string{"run", m, "-p", "a", "-n", "0"}},
		{"schema", []string{`"nope"`, "check"}, []string{"schema", "nope"}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, exitInput, c.parts, c.args...) })
	}
}

// TestOptionForms gives the same request in every form that llama.cpp's users
// write.
func TestOptionForms(t *testing.T) {
	m := smallModel(t, nil)
	base := []string{"check", m, "--hw", "test-periodic"}
	want := ok(t, append(base, "--ctx-size", "96", "--ubatch-size", "16", "--parallel", "1", "--cache-type-k", "f16", "--cache-type-v", "q8_0",
		"--threads", "1", "--batch-size", "64", "--dram", "1MiB", "--json")...)
	for _, form := range []string{
		"-c 96 -ub 16 -np 1 -ctk f16 -ctv q8_0 -t 1 -b 64 --dram 1MiB --json",
		"-c=96 -ub=16 -np=1 -ctk=f16 -ctv=q8_0 -t=1 -b=64 --dram=1048576 --json",
		"--json --dram=1MiB -c96 -ub 16 -ctv q8_0 --threads=1 --batch-size=64",
	} {
		if got := ok(t, append(base, strings.Fields(form)...)...); got != want {
			t.Errorf("%s gives another answer:\n%s\nnot\n%s", form, got, want)
		}
	}
	if other := ok(t, append(base, strings.Fields("-c 96 -ub 8 -ctv q8_0 -t 1 --dram 1MiB --json")...)...); other == want {
		t.Error("-ub 8 gives the answer of -ub 16")
	}
	var reply checkReply
	if err := json.Unmarshal([]byte(want), &reply); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(reply.Executable, "planned only") {
		t.Errorf("a Q8_0 cache is planned only, executable says %q", reply.Executable)
	}
}

func TestSizes(t *testing.T) {
	m := smallModel(t, nil)
	info, err := os.Stat(m)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int64{
		"64MiB": 64 << 20, "64 MiB": 64 << 20, "1.5GB": 1_500_000_000, "1.5GiB": 3 << 29, "2000000": 2_000_000, "3MB": 3_000_000, "4096KiB": 4 << 20,
	} {
		r := decode[checkReply](t, exitOK, "check", m, "--hw", "test-periodic", "-c", "8", "-ub", "4", "--dram", text)
		if got := r.Tiers[0].CapacityBytes; got != want {
			t.Errorf("--dram %s: %d bytes, want %d", text, got, want)
		}
	}
	half := decode[checkReply](t, exitOK, "check", m, "--hw", "test-periodic", "-c", "8", "-ub", "4", "--dram", "50%")
	all := decode[checkReply](t, exitOK, "check", m, "--hw", "test-periodic", "-c", "8", "-ub", "4", "--dram", "100%")
	if d := all.Tiers[0].CapacityBytes - half.Tiers[0].CapacityBytes - info.Size()/2; d < -4096 || d > 4096 {
		t.Errorf("from 50%% to 100%%: %d bytes, half the file is %d", all.Tiers[0].CapacityBytes-half.Tiers[0].CapacityBytes, info.Size()/2)
	}
	if half.Tiers[0].CapacityBytes < info.Size()/2+half.Components.KVBytes {
		t.Errorf("50%% is %d bytes: KV is not added to %d", half.Tiers[0].CapacityBytes, info.Size()/2)
	}
	if tier := decode[checkReply](t, exitOK, "check", m, "--hw", "test-periodic", "-c", "8", "-ub", "4", "--tier", "dram=3MB"); tier.Tiers[0].CapacityBytes != 3_000_000 {
		t.Errorf("--tier dram=3MB: %d bytes", tier.Tiers[0].CapacityBytes)
	}
}

// TestJSON holds what the quick commands print against their schemas.
func TestJSON(t *testing.T) {
	for name, m := range map[string]string{
		"llama":    smallModel(t, nil),
		"qwen3moe": smallModel(t, func(d *modeltest.Decoder) { *d = modeltest.Small()[3] }),
		"gemma3":   smallModel(t, func(d *modeltest.Decoder) { *d = modeltest.Small()[5] }),
	} {
		t.Run(name, func(t *testing.T) {
			r := decode[struct {
				Architecture string            `json:"architecture"`
				Tensors      []json.RawMessage `json:"tensors"`
			}](t, exitOK, "inspect", m)
			if r.Architecture != name || len(r.Tensors) == 0 {
				t.Errorf("%s with %d tensors", r.Architecture, len(r.Tensors))
			}
			decode[checkReply](t, exitOK, "check", m, "--hw", "test-periodic", "-c", "64", "-ub", "16")
		})
	}
	decode[any](t, exitOK, "version")
	decode[any](t, exitOK, "doctor")
	// A calibration is a profile; measuring one here would take too long.
	data, err := os.ReadFile(filepath.Join("..", "assets", "profiles", "laptop.json"))
	if err != nil {
		t.Fatal(err)
	}
	matches(t, "calibrate", data)
	if validateSchema("calibrate", []byte(`{"format": "strata-profile/1"}`)) == nil {
		t.Error("the schema of calibrate takes anything")
	}
}

// TestSchemasAreStrict spoils good documents: a schema that takes them would
// prove nothing.
func TestSchemasAreStrict(t *testing.T) {
	m := smallModel(t, nil)
	dir := t.TempDir()
	plan, instance := filepath.Join(dir, "plan.json"), filepath.Join(dir, "instance.json")
	documents := map[string]string{
		"inspect": ok(t, "inspect", m, "--json"),
		"check":   ok(t, "check", m, "--hw", "test-periodic", "-c", "8", "-ub", "4", "--json"),
		"plan":    ok(t, "plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "4", "--gen", "3", "--solver", "demand", "-o", plan, "--json"),
		"version": ok(t, "version", "--json"),
		"doctor":  ok(t, "doctor", "--json"),
	}
	documents["simulate"] = ok(t, "simulate", plan, "--model", m, "--hw", "test-periodic", "--json")
	documents["explain"] = ok(t, "explain", plan, "blk.0.attn_q.weight", "--model", m, "--hw", "test-periodic", "--json")
	documents["convert"] = ok(t, "convert", m, "--hw", "test-periodic", "--prompt", "4", "--gen", "3", "--json")
	documents["export"] = ok(t, "export", plan, "--model", m, "--hw", "test-periodic", "--to", "llamacpp", "--json")
	ok(t, "export", plan, "--model", m, "--hw", "test-periodic", "--to", "mmap-instance", "-o", instance)
	for name, path := range map[string]string{"mmap-plan": plan, "mmap-instance": instance} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		documents[name] = string(data)
	}
	for name, text := range documents {
		t.Run(name, func(t *testing.T) {
			matches(t, name, []byte(text))
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(text), &fields); err != nil {
				t.Fatal(err)
			}
			spoilt := func(why string, edit func(map[string]json.RawMessage)) {
				clone := map[string]json.RawMessage{}
				for k, v := range fields {
					clone[k] = v
				}
				edit(clone)
				data, err := json.Marshal(clone)
				if err != nil {
					t.Fatal(err)
				}
				if validateSchema(name, data) == nil {
					t.Errorf("taken %s", why)
				}
			}
			spoilt("with a field of another name", func(m map[string]json.RawMessage) { m["surprise"] = json.RawMessage("1") })
			for field := range fields {
				spoilt("with "+field+" of another type", func(m map[string]json.RawMessage) { m[field] = json.RawMessage(`[[{"x": [true]}]]`) })
				switch field { // optional ones
				case "model", "lowering", "ext", "source", "executors", "aliases", "loops", "bounds", "sha256", "runs", "trace":
				default:
					spoilt("without "+field, func(m map[string]json.RawMessage) { delete(m, field) })
				}
			}
		})
	}
}
