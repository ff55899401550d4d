package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type packReply struct {
	Status      string
	Peak, Bound int64
	Nodes       int64
	Optimal     bool
}

func TestPack(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join("..", "malloc", "pack", "testdata", "minimalloc", "B.1048576.csv")
	out := filepath.Join(dir, "out.csv")
	r := decode[packReply](t, exitOK, "pack", file, "--capacity", "1MiB", "-o", out)
	if r.Status != "solved" || r.Peak > 1<<20 || r.Bound != 1<<20 || r.Nodes == 0 {
		t.Errorf("%+v", r)
	}
	data, err := os.ReadFile(out)
	if err != nil || !strings.HasPrefix(string(data), "id,lower,upper,size,offset\n") {
		t.Errorf("%v: %.60q", err, data)
	}
	// what was written is a problem with every offset fixed: it needs no search
	if again := decode[packReply](t, exitOK, "pack", out, "--capacity", "1048576"); again.Peak != r.Peak || again.Nodes != 0 {
		t.Errorf("packed again: %+v", again)
	}
	if r := decode[packReply](t, exitNoFit, "pack", file, "--capacity", "1048575"); r.Status != "infeasible" {
		t.Errorf("%+v", r)
	}
	if r := decode[packReply](t, exitOK, "pack", file, "--minimize", "--time", "5s", "--threads", "2", "--seed", "3"); !r.Optimal || r.Peak != 1<<20 {
		t.Errorf("%+v", r)
	}
	open := filepath.Join("..", "malloc", "pack", "testdata", "minimalloc", "J.1048576.csv")
	if r := decode[packReply](t, exitUnsure, "pack", open, "--capacity", "989184", "--time", "50ms"); r.Status != "unknown" || r.Peak <= 989184 {
		t.Errorf("%+v", r)
	}
	if text := ok(t, "pack", file, "--capacity", "1MiB"); !strings.Contains(text, "Packed within 1048576 bytes.") {
		t.Errorf("%q", text)
	}
	wrong := filepath.Join(dir, "wrong.csv")
	if err := os.WriteFile(wrong, []byte("id,lower,upper,size\n1,0,2,4\n2,3,3,4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, exitInput, []string{"wrong.csv", "line 3", "upper 3"}, "pack", wrong, "--minimize")
	refused(t, exitInput, []string{"--capacity", "--minimize"}, "pack", file)
	refused(t, exitInput, []string{"--capacity", "50%"}, "pack", file, "--capacity", "50%")
	refused(t, exitInput, []string{"--threads 0"}, "pack", file, "--minimize", "--threads", "0")
	refused(t, exitInput, []string{"nowhere.csv"}, "pack", "nowhere.csv", "--minimize")
}

func TestBenchPack(t *testing.T) {
	dir := t.TempDir()
	small := "id,lower,upper,size\n1,0,4,6\n2,2,6,4\n3,4,8,6\n"
	if err := os.WriteFile(filepath.Join(dir, "small.10.csv"), []byte(small), 0o644); err != nil {
		t.Fatal(err)
	}
	out := ok(t, "bench", "pack", dir, "--seeds", "2", "--repeats", "1", "--mirrored", "--without", "twins", "--json")
	matches(t, "bench-pack", []byte(out))
	for _, part := range []string{`"solved": 2`, `"twins"`, `"ratio_geo_mean": 0`} {
		if !strings.Contains(out, part) {
			t.Errorf("no %s in %s", part, out)
		}
	}
	text := ok(t, "bench", "pack", filepath.Join("..", "malloc", "pack", "testdata", "minimalloc"), "--seeds", "1", "--repeats", "1")
	if !strings.Contains(text, "geometric mean") || strings.Contains(text, "0/1") {
		t.Error(text)
	}
	refused(t, exitInput, []string{`"luck"`, "backjump"}, "bench", "pack", dir, "--without", "luck")
	refused(t, exitInput, []string{"--seeds 0"}, "bench", "pack", dir, "--seeds", "0")
	refused(t, exitInput, []string{"NAME.CAPACITY.csv"}, "bench", "pack", t.TempDir())
	refused(t, exitInput, []string{"nowhere"}, "bench", "pack", filepath.Join(dir, "nowhere"))
	refused(t, exitInput, []string{"usage: strata bench pack DIR"}, "bench", "pack")
	if err := os.WriteFile(filepath.Join(dir, "plain.csv"), []byte(small), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, exitInput, []string{"plain.csv", "A.1048576.csv"}, "bench", "pack", dir)
}
