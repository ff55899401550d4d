package cli

import (
	stdbytes "bytes" // the package has a bytes of its own
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/model/modeltest"
	"strata/projects"
)

// plannedModel is a small model with a plan at a share of its bytes, on a
// profile that every host has.
func plannedModel(t testing.TB, share string) (model, plan string) {
	t.Helper()
	model = smallModel(t, nil)
	return model, planAt(t, model, share)
}

func planAt(t testing.TB, model, share string) string {
	t.Helper()
	plan := filepath.Join(t.TempDir(), "plan-"+strings.TrimSuffix(share, "%")+".json")
	ok(t, "plan", model, "--hw", "test-periodic", "--dram", share, "--prompt", "4", "--gen", "3", "--solver", "pin-stream", "-o", plan)
	return plan
}

// useStore gives the test a store of its own.
func useStore(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "projects.db")
	t.Setenv(projects.PathVariable, path)
	return path
}

// gunzip is a project file's JSON.
func gunzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestProjectTravelsWithoutTheModel: what was predicted where the model is, is
// predicted by a colleague who has only the project file.
func TestProjectTravelsWithoutTheModel(t *testing.T) {
	dir := t.TempDir()
	model, plan := plannedModel(t, "50%")
	mine := useStore(t)
	saved := decode[projectReply](t, exitOK, "project", "save", plan, "--model", model, "--hw", "test-periodic", "--name", "at half").Project
	if saved == nil || saved.Plan == nil || saved.Plan.PredictedS <= 0 || !saved.Headers || saved.Problem != "" {
		t.Fatalf("saved %+v", saved)
	}
	if list := decode[projectReply](t, exitOK, "project", "list"); list.Store != mine || len(list.Projects) != 1 || list.Projects[0].Name != "at half" {
		t.Errorf("list: %+v", list)
	}
	file := filepath.Join(dir, "half.strata")
	ok(t, "project", "export", "at half", "-o", file)

	document := gunzip(t, file)
	matches(t, "strata-project", document)
	if home := filepath.Dir(model); stdbytes.Contains(document, []byte(home)) {
		t.Errorf("the file tells the folder %s", home)
	}
	weights, err := os.Stat(model)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Model struct {
			Files []projects.ModelFile `json:"files"`
		} `json:"model"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	for _, f := range d.Model.Files {
		if f.Bytes != weights.Size() || int64(len(f.Header)) >= f.Bytes/2 {
			t.Errorf("%s: %d bytes are kept of %d, the model has %d", f.Name, len(f.Header), f.Bytes, weights.Size())
		}
	}

	useStore(t)
	if err := os.Remove(model); err != nil {
		t.Fatal(err)
	}
	decode[projectReply](t, exitOK, "project", "import", file)
	again := filepath.Join(dir, "plan.json")
	got := decode[projectReply](t, exitOK, "project", "show", "at half", "--plan", again).Project
	if got.Plan == nil || *got.Plan != *saved.Plan || got.Model.SHA256 != saved.Model.SHA256 || got.Problem != "" {
		t.Errorf("a colleague sees %+v, its owner %+v", got, saved)
	}
	a, errA := os.ReadFile(plan)
	b, errB := os.ReadFile(again)
	if errA != nil || errB != nil || !stdbytes.Equal(a, b) {
		t.Errorf("the plan changed on its way (%v, %v)", errA, errB)
	}
}

func TestProjectOfShardsOpensWithoutThem(t *testing.T) {
	d := modeltest.Small()[0]
	d.Layers, d.Context = 3, 512
	dir := t.TempDir()
	paths, err := d.GGUF().WriteSplit(dir, "small", 3)
	if err != nil {
		t.Fatal(err)
	}
	plan := planAt(t, paths[0], "60%")
	useStore(t)
	decode[projectReply](t, exitOK, "project", "save", plan, "--model", paths[0], "--hw", "test-periodic", "--name", "shards")
	for _, p := range paths {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	if got := decode[projectReply](t, exitOK, "project", "show", "shards").Project; got.Problem != "" || len(got.Tiers) == 0 {
		t.Errorf("shown without its shards: %+v", got)
	}
}

func TestProjectRefuses(t *testing.T) {
	model, plan := plannedModel(t, "50%")
	useStore(t)
	ok(t, "project", "save", plan, "--model", model, "--hw", "test-periodic", "--name", "p")
	dir := t.TempDir()
	file := filepath.Join(dir, "p.strata")
	ok(t, "project", "export", "p", "-o", file)
	good := gunzip(t, file)
	spoil := func(name, old, new string) string {
		t.Helper()
		data := stdbytes.Replace(good, []byte(old), []byte(new), 1)
		if stdbytes.Equal(data, good) {
			t.Fatalf("%q is not in the file", old)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cut := filepath.Join(dir, "cut")
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, packed[:len(packed)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  []string
		parts []string
	}{
		{[]string{"project", "show", "nobody"}, []string{`"nobody"`, "strata project list"}},
		{[]string{"project", "export", "p"}, []string{"-o"}},
		{[]string{"project", "export", "p", "-o", file + ".gz"}, []string{"leave out .gz"}},
		{[]string{"project", "show"}, []string{"wrong number of arguments"}},
		{[]string{"project", "save", plan}, []string{"--model"}},
		{[]string{"project", "import", filepath.Join(dir, "absent")}, []string{"absent"}},
		{[]string{"project", "import", plan}, []string{plan, "strata-project/1"}},
		{[]string{"project", "import", cut}, []string{cut}},
		{[]string{"project", "import", spoil("format", "strata-project/1", "strata-project/9")}, []string{"field format", "strata-project/9"}},
		{[]string{"project", "import", spoil("index", `"plan":0`, `"plan":7`)}, []string{"plan: 7"}},
		{[]string{"project", "import", spoil("folder", `"files":[{"name":"`, `"files":[{"name":"../`)}, []string{"files[0].name"}},
		{[]string{"project", "import", spoil("field", `"runs":[]`, `"runs":[],"extra":1`)}, []string{"extra"}},
	} {
		refused(t, exitInput, c.parts, c.args...)
	}
	if list := decode[projectReply](t, exitOK, "project", "list"); len(list.Projects) != 1 {
		t.Errorf("%d projects are stored after refusals", len(list.Projects))
	}
}

// TestRunsJoinTheirProject: a validated plan that is a project's present one
// becomes part of its history; runs of other plans, or without a store, are not
// kept, and a store is not made for them.
func TestRunsJoinTheirProject(t *testing.T) {
	model, plan := sampleModel(t), filepath.Join(t.TempDir(), "plan.json")
	ok(t, "plan", model, "--hw", "test-periodic", "--dram", "60%", "--prompt", "5", "--gen", "3", "--ctx-size", "64", "--solver", "pin-stream", "-o", plan)
	path := useStore(t)
	run := func() (string, error) {
		code, _, errors := strata("validate", plan, "--model", model, "--hw", "test-periodic", "--repeat", "1")
		if code != exitOK {
			t.Fatalf("validate ends with %d: %s", code, errors)
		}
		_, err := os.Stat(path)
		return errors, err
	}
	if said, err := run(); err == nil || strings.Contains(said, "kept") {
		t.Errorf("without a project: store %v, said %q", err, said)
	}
	ok(t, "project", "save", plan, "--model", model, "--hw", "test-periodic", "--name", "proved")
	if said, _ := run(); !strings.Contains(said, "kept as run 1 of project proved") {
		t.Errorf("said %q", said)
	}
	p := decode[projectReply](t, exitOK, "project", "show", "proved").Project
	if len(p.Runs) != 1 || !p.Runs[0].Passed || p.Runs[0].State == "" || p.Runs[0].WallS <= 0 {
		t.Fatalf("runs %+v", p.Runs)
	}
	var kept struct{ Tokens []int }
	if err := json.Unmarshal(p.Runs[0].Result, &kept); err != nil || len(kept.Tokens) != 3 {
		t.Errorf("result %s, %v", p.Runs[0].Result, err)
	}
}
