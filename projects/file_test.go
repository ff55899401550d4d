package projects_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"strata/malloc"
	"strata/projects"
	"strata/trace"
	"strata/ui/viz/viztest"
)

// exported is a project file of sampleProject with a run, and the project.
func exported(t testing.TB) (*projects.Project, []byte) {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "from.db"))
	p := sampleProject(t)
	if err := s.Save(ctx, p); err != nil {
		t.Fatal(err)
	}
	r := &projects.Run{Project: p.ID, Plan: vary(p.Plan, 5), Model: p.Model.SHA256, Host: "there", Started: time.UnixMicro(1_790_000_000_000_000).UTC(), WallS: 2, Passed: true, State: "cold", Result: json.RawMessage(`{"passed":true}`)}
	if err := s.AddRun(ctx, r, viztest.Run(p.Instance, "predicted", 1)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Export(ctx, p, &b); err != nil {
		t.Fatal(err)
	}
	return p, b.Bytes()
}

func TestFileBringsProjectAndRuns(t *testing.T) {
	p, file := exported(t)
	s := open(t, filepath.Join(t.TempDir(), "to.db"))
	got, err := s.Import(ctx, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	got = must[*projects.Project](t)(s.Load(ctx, got.ID))
	want := *p
	want.Path, want.Sample, want.History, want.Undone, want.Thumbnail = "", false, nil, 0, nil // not in a file
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(projects.Project{}, "ID", "Created", "Saved"),
		cmpopts.IgnoreFields(malloc.Program{}, "SHA256"), cmpopts.IgnoreFields(malloc.Instruction{}, "Ref")); diff != "" {
		t.Errorf("(-exported +imported):\n%s", diff)
	}
	runs := must[[]projects.Run](t)(s.Runs(ctx, got.Plan))
	if len(runs) != 1 || runs[0].Host != "there" || runs[0].Model != p.Model.SHA256 || !runs[0].Passed || runs[0].Project != got.ID {
		t.Fatalf("runs: %+v", runs)
	}
	same(t, "timeline", viztest.Run(p.Instance, "predicted", 1), must[*trace.Timeline](t)(s.Timeline(ctx, runs[0].ID, "predicted")))
	// Unpacked, it is read as well; twice, it is two projects.
	z := must[*gzip.Reader](t)(gzip.NewReader(bytes.NewReader(file)))
	if _, err := s.Import(ctx, z); err != nil {
		t.Error(err)
	}
	if list := must[[]projects.Summary](t)(s.List(ctx)); len(list) != 2 {
		t.Errorf("%d projects", len(list))
	}
}

func TestFileGrowsNoBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(`{"format":"strata-project/1","name":"`))
	for range 300 {
		z.Write(bytes.Repeat([]byte{'a'}, 1<<20))
	}
	z.Close()
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	if _, err := s.Import(ctx, &b); err == nil || !strings.Contains(err.Error(), "grow") {
		t.Errorf("300 MiB of one letter: %v", err)
	}
}

// FuzzImport: no file makes the store panic or keep half a project.
func FuzzImport(f *testing.F) {
	_, file := exported(f)
	f.Add(file)
	f.Add(file[:len(file)/3])
	f.Add([]byte(`{"format":"strata-project/1","name":"n","created":"2026-01-01T00:00:00Z","saved":"2026-01-01T00:00:00Z","plan":null,"plans":[],"runs":[]}`))
	f.Add([]byte(`{"format":"strata-project/1","name":"n","plan":3,"plans":[],"runs":[{"plan":-1}]}`))
	f.Add([]byte(`{"format":"strata-project/1","name":"n","plan":null,"plans":[null],"runs":[],"model":{"files":[{"name":"..","bytes":-1,"header":"AAAA"}]}}`))
	s := open(f, filepath.Join(f.TempDir(), "p.db"))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := s.Import(ctx, bytes.NewReader(file))
		if err == nil {
			if _, err := s.Load(ctx, p.ID); err != nil {
				t.Errorf("imported, but cannot be loaded: %v", err)
			}
			if err := s.Delete(ctx, p.ID); err != nil {
				t.Error(err)
			}
		}
		if list, err := s.List(ctx); err != nil || len(list) != 0 {
			t.Fatalf("%d projects are left (%v)", len(list), err)
		}
	})
}
