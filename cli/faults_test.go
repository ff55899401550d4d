package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strata/model/modeltest"
)

// TestDamagedModels gives files that are no model, or no longer one.
func TestDamagedModels(t *testing.T) {
	dir := t.TempDir()
	whole := readText(t, smallModel(t, nil))
	at := func(name, text string) string {
		path := filepath.Join(dir, name)
		writeText(t, path, text)
		return path
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		parts      []string
	}{
		{"absent", filepath.Join(dir, "nowhere.gguf"), []string{"no such file"}},
		{"empty file", at("zero.gguf", ""), nil},
		{"no model", at("text.gguf", "this is a text and no model at all, not even a short one"), nil},
		{"header cut", at("head.gguf", whole[:100]), nil},
		{"tensor table cut", at("table.gguf", whole[:1500]), nil},
		{"data cut", at("data.gguf", whole[:len(whole)-5000]), []string{"bytes"}},
		{"magic", at("magic.gguf", "X"+whole[1:]), nil},
		{"version", at("version.gguf", whole[:4]+"\x63"+whole[5:]), []string{"version", "99"}},
		{"tensor count", at("count.gguf", whole[:8]+"\xff\xff\xff\xff\xff\xff\xff\x7f"+whole[16:]), nil},
		{"no JSON", at("config.json", "{not json"), nil},
		{"empty folder", empty, []string{".gguf", "config.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, command := range [][]string{{"inspect"}, {"check", "--hw", "test-periodic"}, {"run", "-p", "x", "--hw", "test-periodic"},
				{"plan", "--hw", "test-periodic", "--prompt", "2", "--gen", "2"}} {
				refused(t, exitInput, append([]string{c.path}, c.parts...), append(command, c.path)...)
			}
		})
	}
	// A header alone is enough to plan, but nothing runs without a vocabulary.
	refused(t, exitInput, []string{"vocabulary"}, "run", at("whole.gguf", whole), "-p", "x", "--hw", "test-periodic")
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("not run: root reads every file")
	}
	m := smallModel(t, nil)
	if err := os.Chmod(m, 0); err != nil {
		t.Fatal(err)
	}
	refused(t, exitInput, []string{m, "may not read"}, "inspect", m)
}

// TestAnotherModel plans one model and then gives another, and the same one
// changed by a bit and cut short.
func TestAnotherModel(t *testing.T) {
	m := smallModel(t, nil)
	text := readText(t, m)
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.json")
	ok(t, "plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "4", "--gen", "3", "--solver", "demand", "-o", plan)

	flipped := []byte(text)
	flipped[len(flipped)-777] ^= 4
	other := filepath.Join(dir, "other.gguf")
	writeText(t, other, readText(t, smallModel(t, func(d *modeltest.Decoder) { d.Layers = 4 })))
	for _, command := range [][]string{{"validate", plan}, {"simulate", plan}, {"export", plan, "--to", "html"}} {
		name := command[0]
		against := func(path string) []string {
			return append(slices.Clone(command), "--model", path, "--hw", "test-periodic")
		}
		writeText(t, m, string(flipped))
		refused(t, exitInput, []string{m, "changed since it was planned", "plan again"}, against(m)...)
		writeText(t, m, text[:len(text)-4096])
		refused(t, exitInput, []string{m}, against(m)...)
		writeText(t, m, text)
		refused(t, exitInput, []string{plan, "another model", "small.gguf", "other.gguf"}, against(other)...)
		refused(t, exitInput, []string{"nowhere.gguf", "no such file"}, against("nowhere.gguf")...)
		if name != "validate" {
			ok(t, against(m)...)
		}
	}
	refused(t, exitNoFit, []string{plan, "another instance", "--hw", "plan again"}, "simulate", plan, "--model", m, "--hw", "h100-80gb")
}

// TestDamagedPlans takes away, renames and replaces every field of a plan and of
// an instance, and every field of their first elements: each damage that is
// noticed gives one line; what passes must predict the same.
func TestDamagedPlans(t *testing.T) {
	m := smallModel(t, nil)
	dir := t.TempDir()
	plan, instance := filepath.Join(dir, "plan.json"), filepath.Join(dir, "instance.json")
	ok(t, "plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "4", "--gen", "3", "--solver", "pin-stream", "--evaluations", "5", "-o", plan)
	ok(t, "export", plan, "--model", m, "--hw", "test-periodic", "--to", "mmap-instance", "-o", instance)
	// Fields that may change or go without making the answer another one.
	free := map[string][]string{
		plan:     {"model", "lowering", "solver", "seed", "evaluations", "wall_s", "trace", "ext", "instance_sha256", "lower_s", "period_s", "runs"},
		instance: {"source", "bounds", "ext", "aliases", "sha256"},
	}
	for _, path := range []string{plan, instance} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			whole := readText(t, path)
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(whole), &fields); err != nil {
				t.Fatal(err)
			}
			try := func(what string, mustFail bool, text string) {
				t.Helper()
				writeText(t, path, text)
				code, out, errs := strata("simulate", plan, "--instance", instance)
				switch {
				case code == exitOK && mustFail:
					t.Errorf("%s: not noticed: %.60q", what, out)
				case code == exitOK:
				case code != exitInput && code != exitNoFit:
					t.Errorf("%s: exit code %d: %s", what, code, errs)
				case strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "strata: ") || !strings.Contains(errs, dir) || out != "":
					t.Errorf("%s: one line that names the file is expected, not %q", what, errs)
				}
			}
			edited := func(edit func(map[string]json.RawMessage)) string {
				clone := maps.Clone(fields)
				edit(clone)
				data, err := json.Marshal(clone)
				if err != nil {
					t.Fatal(err)
				}
				return string(data)
			}
			for field, value := range fields {
				must := !slices.Contains(free[path], field)
				try("without "+field, must, edited(func(f map[string]json.RawMessage) { delete(f, field) }))
				try(field+" under another name", true, edited(func(f map[string]json.RawMessage) { delete(f, field); f[field+"x"] = value }))
				for _, wrong := range []string{`-7`, `1e300`, `"x"`, `[{"x": 1}]`, `{"x": 1}`, `true`} {
					try(field+" = "+wrong, must && field != "name", edited(func(f map[string]json.RawMessage) { f[field] = json.RawMessage(wrong) }))
				}
				var list []map[string]json.RawMessage
				if json.Unmarshal(value, &list) != nil || len(list) == 0 {
					continue
				}
				try(field+" without its last element", must, edited(func(f map[string]json.RawMessage) { f[field] = mustJSON(t, list[:len(list)-1]) }))
				for _, part := range slices.Sorted(maps.Keys(list[0])) {
					for _, wrong := range []string{"", `-7`, `1000000000`, `"x"`, `null`} {
						head := maps.Clone(list[0])
						if wrong == "" {
							delete(head, part)
						} else {
							head[part] = json.RawMessage(wrong)
						}
						changed := append([]map[string]json.RawMessage{head}, list[1:]...)
						try(fmt.Sprintf("%s[0].%s = %s", field, part, wrong), false, edited(func(f map[string]json.RawMessage) { f[field] = mustJSON(t, changed) }))
					}
				}
			}
			for _, n := range []int{0, 1, 10, len(whole) / 3, len(whole) / 2, len(whole) - 3} {
				try(fmt.Sprintf("cut after %d bytes", n), true, whole[:n])
			}
			try("with more behind it", true, whole+"{}")
			try("of another format", true, strings.Replace(whole, "mmap-", "map-", 1))
			try("of a later version", true, strings.Replace(whole, `/1"`, `/2"`, 1))
			try("as a text", true, "hello")
			try("compressed and cut", true, "\x1f\x8b\x08\x00\x00")
			writeText(t, path, whole)
			ok(t, "simulate", plan, "--instance", instance)
		})
	}
	refused(t, exitInput, []string{"nowhere.json", "no such file"}, "simulate", "nowhere.json", "--instance", instance)
	refused(t, exitInput, []string{dir, "directory"}, "simulate", dir, "--instance", instance)
	refused(t, exitInput, []string{"nowhere.json", "no such file"}, "plan", "--instance", "nowhere.json")
	refused(t, exitInput, []string{"format"}, "plan", "--instance", plan)
	refused(t, exitInput, []string{"format"}, "simulate", instance, "--instance", instance)
}

func mustJSON(t testing.TB, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFullDisk writes every kind of output to a device that is always full: an
// error, and what was there before stays.
func TestFullDisk(t *testing.T) {
	const full = "/dev/full"
	info, err := os.Stat(full)
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Skipf("not run: %s is no device here", full)
	}
	m := smallModel(t, nil)
	plan := filepath.Join(t.TempDir(), "plan.json")
	make := []string{"plan", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "4", "--gen", "3", "--solver", "demand", "-o"}
	ok(t, append(make, plan)...)
	noSpace := func(args ...string) {
		t.Helper()
		code, out, errs := strata(args...)
		if code != exitOther || !strings.Contains(errs, full) || !strings.Contains(errs, "no space left") || strings.Count(errs, "\n") != 1 || strings.Contains(out, "wrote") {
			t.Errorf("strata %s: exit code %d: %s%s", strings.Join(args, " "), code, out, errs)
		}
	}
	noSpace(append(make, full)...)
	for _, to := range []string{"llamacpp", "chrome-trace", "html", "mmap-instance"} {
		noSpace("export", plan, "--model", m, "--hw", "test-periodic", "--to", to, "-o", full)
	}
	if info, err := os.Stat(full); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Fatalf("%s is no device any more: %v", full, err)
	}
	// Standard output is full.
	device, err := os.OpenFile(full, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for _, args := range [][]string{{"inspect", m}, {"inspect", m, "--json"}, {"version"}, {"schema", "check"}, {"schema"}, {"export", plan, "--model", m, "--hw", "test-periodic", "--to", "mmap-instance"}} {
		var errs strings.Builder
		if code := Main(args, device, &errs); code != exitOther || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("strata %s on a full disk: exit code %d: %s", strings.Join(args, " "), code, errs.String())
		}
	}
}

// TestOutputs: a file appears whole or stays as it was; a link stays a link; a
// folder is not a file.
func TestOutputs(t *testing.T) {
	m := smallModel(t, nil)
	dir := t.TempDir()
	before, link := filepath.Join(dir, "plan.json"), filepath.Join(dir, "link.json")
	writeText(t, before, "precious")
	make := []string{"plan", m, "--hw", "test-periodic", "--prompt", "4", "--gen", "3", "--solver", "demand"}
	refused(t, exitNoFit, []string{"--dram"}, append(make, "--dram", "1000", "-o", before)...)
	if s := readText(t, before); s != "precious" {
		t.Errorf("a refused plan left %q", s)
	}
	if err := os.Symlink(before, link); err != nil {
		t.Fatal(err)
	}
	ok(t, append(make, "-o", link)...)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v", err)
	}
	if !strings.HasPrefix(readText(t, before), "{") {
		t.Error("nothing was written where the link points")
	}
	refusedOutput := func(code int, part, path string) {
		t.Helper()
		got, _, errs := strata(append(make, "-o", path)...)
		if got != code || !strings.Contains(errs, part) || strings.Count(errs, "\n") != 1 {
			t.Errorf("-o %s: exit code %d: %s", path, got, errs)
		}
	}
	refusedOutput(exitInput, "is a folder", dir)
	refusedOutput(exitOther, "no such file", filepath.Join(dir, "nowhere", "plan.json"))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files are left, 2 were made: %v, %v", len(entries), entries, err)
	}
}

// TestLeastBudgetOfPlan: a plan below the minimum names what would do, and that
// does.
func TestLeastBudgetOfPlan(t *testing.T) {
	m := smallModel(t, nil)
	args := []string{"plan", m, "--hw", "test-periodic", "--prompt", "4", "--gen", "3", "--evaluations", "5", "--solver", "pin-stream", "--dram"}
	code, _, errs := strata(append(args, "4096")...)
	if code != exitNoFit {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	_, rest, found := strings.Cut(errs, "use --dram ")
	least, _, _ := strings.Cut(rest, ",")
	if !found {
		t.Fatalf("no way out in %q", errs)
	}
	ok(t, append(args, least)...)
	var n int64
	if _, err := fmt.Sscan(least, &n); err != nil {
		t.Fatal(err)
	}
	refused(t, exitNoFit, []string{"use --dram " + least}, append(args, fmt.Sprint(n-64))...)
}

// TestProfiles gives damaged hardware profiles.
func TestProfiles(t *testing.T) {
	m := smallModel(t, nil)
	dir := t.TempDir()
	whole := readText(t, filepath.Join("..", "assets", "profiles", "laptop.json"))
	for name, c := range map[string]struct {
		text string
		part string
	}{
		"cut":    {whole[:500], "bad.json"},
		"empty":  {"", "bad.json"},
		"format": {strings.Replace(whole, "strata-profile/1", "strata-profile/9", 1), "strata-profile/9"},
		"field":  {strings.Replace(whole, `"capacity_bytes"`, `"capacity"`, 1), "capacity"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "bad.json")
			writeText(t, path, c.text)
			refused(t, exitInput, []string{"bad.json", c.part}, "check", m, "--hw", path)
		})
	}
	refused(t, exitInput, []string{"nowhere.json", "no such file"}, "check", m, "--hw", filepath.Join(dir, "nowhere.json"))
	t.Setenv("STRATA_HOST_PROFILE", filepath.Join(dir, "host.json"))
	refused(t, exitInput, []string{"strata calibrate", "--hw"}, "check", m)
}
