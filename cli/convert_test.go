package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/malloc"
)

const smallHLO = `HloModule small
ENTRY main {
  x = f32[256,256] parameter(0)
  y = f32[256,256] dot(x, x), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT z = f32[256,256] dot(y, x), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
`

func TestConvertThenPlan(t *testing.T) {
	dir := t.TempDir()
	input, instance, plan := filepath.Join(dir, "small.txt"), filepath.Join(dir, "small.json.gz"), filepath.Join(dir, "plan.json")
	if err := os.WriteFile(input, []byte(smallHLO), 0o644); err != nil {
		t.Fatal(err)
	}
	out := ok(t, "convert", input, "--hw", "tpu-v4i", "--tier", "cmem=1MiB", "--repo", "example/small", "--license", "MIT", "-o", instance)
	if !strings.Contains(out, "from hlo") || strings.Contains(out, "licence is not recorded") {
		t.Errorf("convert says %q", out)
	}
	p, err := malloc.ReadProgram(instance)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Source; s.Repo != "example/small" || s.License != "MIT" || s.Path != "small.txt" || s.Converter != "hlo text" {
		t.Errorf("source %+v", s)
	}
	if p.Tiers[0].Capacity != 1<<20 || len(p.Instructions) != 2 {
		t.Errorf("tiers %+v, %d instructions", p.Tiers, len(p.Instructions))
	}
	ok(t, "plan", "--instance", instance, "--solver", "xla-greedy", "-o", plan)
	ok(t, "simulate", plan, "--instance", instance)
	refused(t, exitInput, []string{"mmap-instance already", "--instance"}, "convert", instance)
	refused(t, exitInput, []string{`tier "hbm"`, "cmem"}, "convert", input, "--hw", "tpu-v4i", "--tier", "hbm=1GiB")
	refused(t, exitInput, []string{"--from", "hlo"}, "convert", input, "--from", "nonsense")
}

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	for _, path := range []string{a, b} {
		ok(t, "convert", "--generate", "moe", "--seed", "3", "--scale", "0.25", "--hw", "h100-80gb", "--tier", "hbm=64MiB", "-o", path)
	}
	x, _ := os.ReadFile(a)
	if y, _ := os.ReadFile(b); string(x) != string(y) || len(x) == 0 {
		t.Error("the same seed writes another file")
	}
	refused(t, exitInput, []string{"trees", "transformer-decode"}, "convert", "--generate", "trees", "--hw", "laptop")
	refused(t, exitInput, []string{"--generate"}, "convert", "--hw", "laptop")
}

// TestConvertModel: a model becomes the instance that its plan is for.
func TestConvertModel(t *testing.T) {
	m := smallModel(t, nil)
	dir := t.TempDir()
	plan, exported, converted := filepath.Join(dir, "plan.json"), filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	workload := []string{"--hw", "test-periodic", "--dram", "50%", "--prompt", "4", "--gen", "3"}
	ok(t, append([]string{"plan", m, "--solver", "demand", "-o", plan}, workload...)...)
	ok(t, "export", plan, "--model", m, "--hw", "test-periodic", "--to", "mmap-instance", "-o", exported)
	ok(t, append([]string{"convert", m, "-o", converted}, workload...)...)
	a, err := malloc.ReadProgram(exported)
	if err != nil {
		t.Fatal(err)
	}
	b, err := malloc.ReadProgram(converted)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := malloc.StructureHash(a)
	y, _ := malloc.StructureHash(b)
	if x != y || x == "" {
		t.Errorf("structures %s and %s", x, y)
	}
	refused(t, exitInput, []string{"--prompt"}, "convert", m, "--hw", "test-periodic")
}
