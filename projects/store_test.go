package projects_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"strata/costmodel"
	"strata/malloc"
	"strata/model/modeltest"
	"strata/projects"
	"strata/trace"
	"strata/ui/viz/viztest"
	"strata/workflow"
)

var ctx = context.Background()

func open(t testing.TB, path string) *projects.Store {
	t.Helper()
	s, err := projects.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// planned plans a model of three layers at half its bytes.
var planned = sync.OnceValues(func() (*workflow.PlanResult, error) {
	dir, err := os.MkdirTemp("", "strata-projects")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d := modeltest.Small()[0]
	d.Layers, d.Context = 3, 512
	path := filepath.Join(dir, "small.gguf")
	if err := d.GGUF().Write(path); err != nil {
		return nil, err
	}
	m, err := workflow.OpenModel(path)
	if err != nil {
		return nil, err
	}
	r := workflow.Request{HW: "laptop", Prompt: 16, Gen: 8, Dram: workflow.Size{IsShare: true, Percent: 50, Set: true}}
	return workflow.MakePlan(ctx, m, r, workflow.SearchOptions{Solver: "pin-stream", Evaluations: 20, Seed: 1}, nil)
})

func samplePlan(t testing.TB) (*malloc.Program, *malloc.Plan) {
	t.Helper()
	r, err := planned()
	if err != nil {
		t.Fatal(err)
	}
	return r.Program, r.Plan
}

// vary is a different plan of the same placement.
func vary(plan *malloc.Plan, evaluations int64) *malloc.Plan {
	v := *plan
	v.Evaluations = evaluations
	return &v
}

// sampleProject uses every field.
func sampleProject(t testing.TB) *projects.Project {
	t.Helper()
	p, plan := samplePlan(t)
	hw, err := costmodel.Shipped("laptop")
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMicro(1_790_000_000_123_456).UTC()
	first := projects.Moment{Workload: json.RawMessage(`{"Prompt":16}`), Plan: vary(plan, 1)}
	second := projects.Moment{Workload: json.RawMessage(`{"Prompt":32}`), Plan: vary(plan, 2), State: json.RawMessage(`{"locked":[3]}`)}
	return &projects.Project{
		Name: "small at half its bytes", Path: "/models/small.gguf", Sample: true,
		Model: &projects.Model{ModelRef: *plan.Model, Format: "gguf", Architecture: "llama",
			Files: []projects.ModelFile{{Name: "small.gguf", Bytes: 1 << 20, Header: []byte("GGUF and so on")}}},
		Profile: hw, Instance: p,
		Moment:  projects.Moment{Workload: json.RawMessage(`{"Prompt":64,"Gen":32}`), Plan: plan, State: json.RawMessage(`{"view":"map"}`)},
		History: []projects.Step{{Label: "prompt 32", At: at, Before: first, After: second}, {Label: "prompt 64", At: at.Add(time.Second), Before: second, After: first}},
		Undone:  1, Thumbnail: []byte("\x89PNG"),
	}
}

// same compares what was stored with what came back.
func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-stored +read):\n%s", what, diff)
	}
}

func TestProjectComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder with spaces, 100% & ?", "projects.db")
	s := open(t, path)
	p := sampleProject(t)
	if err := s.Save(ctx, p); err != nil {
		t.Fatal(err)
	}
	if p.ID == 0 || p.Saved.IsZero() || p.Created.IsZero() {
		t.Fatalf("Save left ID %d, created %v, saved %v", p.ID, p.Created, p.Saved)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the store is not where it was asked for: %v", err)
	}
	s = open(t, path)
	got := must[*projects.Project](t)(s.Load(ctx, p.ID))
	if diff := cmp.Diff(p, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(malloc.Program{}, "SHA256"), cmpopts.IgnoreFields(malloc.Instruction{}, "Ref")); diff != "" {
		t.Errorf("(-stored +read):\n%s", diff)
	}
	if got.History[0].After.Plan != got.History[1].Before.Plan {
		t.Error("one stored plan came back as two")
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestSessionComesBackInOrder(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	if session, err := s.LoadSession(ctx); session != nil || err != nil {
		t.Fatalf("a new store has session %v, error %v", session, err)
	}
	a, b, c := sampleProject(t), sampleProject(t), &projects.Project{Name: "empty"}
	a.Name, b.Name = "a", "b"
	session := &projects.Session{Projects: []*projects.Project{c, a, b}, Active: 2, Settings: json.RawMessage(`{"theme":"dark"}`)}
	if err := s.SaveSession(ctx, session); err != nil {
		t.Fatal(err)
	}
	session.Projects, session.Active = []*projects.Project{b, c}, 0
	if err := s.SaveSession(ctx, session); err != nil {
		t.Fatal(err)
	}
	got := must[*projects.Session](t)(s.LoadSession(ctx))
	var names []string
	for _, p := range got.Projects {
		names = append(names, p.Name)
	}
	same(t, "open", []string{"b", "empty"}, names)
	same(t, "active", 0, got.Active)
	same(t, "settings", session.Settings, got.Settings)
	list := must[[]projects.Summary](t)(s.List(ctx))
	if len(list) != 3 {
		t.Errorf("%d projects are stored, want 3: closing a tab must not lose one", len(list))
	}
	for _, p := range list {
		if p.Open != (p.Name != "a") {
			t.Errorf("project %s: open is %v", p.Name, p.Open)
		}
	}
	// Projects read from the store are saved again without being encoded anew.
	if err := s.SaveSession(ctx, got); err != nil {
		t.Fatal(err)
	}
	same(t, "list after saving what was read", list, must[[]projects.Summary](t)(s.List(ctx)))
}

func TestUnreadableProjectIsLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s := open(t, path)
	a, b := sampleProject(t), sampleProject(t)
	a.Name, b.Name = "broken", "whole"
	a.Plan = vary(a.Plan, 77)
	if err := s.SaveSession(ctx, &projects.Session{Projects: []*projects.Project{a, b}, Active: 1}); err != nil {
		t.Fatal(err)
	}
	db := must[*sql.DB](t)(sql.Open("sqlite3", path))
	defer db.Close()
	must[sql.Result](t)(db.Exec(`UPDATE plans SET body = x'00' WHERE sha256 = (SELECT plan FROM projects WHERE name = 'broken')`))
	session, err := s.LoadSession(ctx)
	if err == nil || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name project and file", err)
	}
	if session == nil || len(session.Projects) != 1 || session.Projects[0].Name != "whole" || session.Active != 0 {
		t.Errorf("the whole project did not come back: %+v", session)
	}
}

// TestOnlyReferredPartsAreKept: parts are shared, and go with the last project
// that uses them.
func TestOnlyReferredPartsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s := open(t, path)
	db := must[*sql.DB](t)(sql.Open("sqlite3", path))
	defer db.Close()
	count := func(table string) (n int) {
		t.Helper()
		if err := db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	a, b := sampleProject(t), sampleProject(t)
	for _, p := range []*projects.Project{a, b} {
		if err := s.Save(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	for table, want := range map[string]int{"projects": 2, "plans": 3, "models": 1, "profiles": 1, "instances": 1, "workloads": 3, "model_files": 1, "steps": 4} {
		if got := count(table); got != want {
			t.Errorf("%s: %d rows after saving two equal projects, want %d", table, got, want)
		}
	}
	plan := a.Plan
	for i := range int64(5) { // a search that improves
		a.Plan = vary(plan, 100+i)
		if err := s.Save(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	if got := count("plans"); got != 4 {
		t.Errorf("%d plans after five better ones, want 4", got)
	}
	for _, p := range []*projects.Project{a, b} {
		if err := s.Delete(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"projects", "plans", "models", "profiles", "instances", "workloads", "model_files", "steps"} {
		if got := count(table); got != 0 {
			t.Errorf("%s: %d rows after deleting everything", table, got)
		}
	}
	if err := s.Delete(ctx, a.ID); !errors.Is(err, projects.ErrNotFound) {
		t.Errorf("deleting twice: %v", err)
	}
	// The window may still have it open: saving brings it back under its number.
	if err := s.Save(ctx, a); err != nil {
		t.Fatal(err)
	}
	if got := must[*projects.Project](t)(s.Load(ctx, a.ID)); got.Plan.Evaluations != 104 {
		t.Errorf("plan with %d evaluations came back", got.Plan.Evaluations)
	}
}

func TestFind(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	for _, name := range []string{"one", "two", "two", "7"} {
		if err := s.Save(ctx, &projects.Project{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int64{"one": 1, "1": 1, "3": 3, "7": 4} {
		if got, err := s.Find(ctx, name); err != nil || got != want {
			t.Errorf("Find(%q) = %d, %v; want %d", name, got, err, want)
		}
	}
	if _, err := s.Find(ctx, "two"); err == nil || !strings.Contains(err.Error(), "[2 3]") {
		t.Errorf("two projects of one name: %v", err)
	}
	if _, err := s.Find(ctx, "three"); !errors.Is(err, projects.ErrNotFound) {
		t.Errorf("no such project: %v", err)
	}
}

func TestRunsArePerPlacement(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	p := sampleProject(t)
	if err := s.Save(ctx, p); err != nil {
		t.Fatal(err)
	}
	predicted, measured := viztest.Run(p.Instance, "predicted", 1), viztest.Run(p.Instance, "measured", 2)
	start := time.UnixMicro(1_790_000_000_000_000).UTC()
	for i, plan := range []*malloc.Plan{p.Plan, vary(p.Plan, 99)} {
		r := &projects.Run{Project: p.ID, Plan: plan, Host: "host", Started: start.Add(time.Duration(-i) * time.Hour), WallS: 1.5, Passed: i == 0, State: "cold", Result: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i))}
		if err := s.AddRun(ctx, r, predicted, measured, nil); err != nil {
			t.Fatal(err)
		}
	}
	other := *p.Plan
	other.Blocks = append([]malloc.Block(nil), other.Blocks...)
	other.Blocks[0].Offset += 1 << 20
	if err := s.AddRun(ctx, &projects.Run{Plan: &other, Started: start, State: "failed", Result: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	runs := must[[]projects.Run](t)(s.Runs(ctx, p.Plan))
	if len(runs) != 2 || string(runs[0].Result) != `{"n":1}` || runs[1].Project != p.ID || !runs[1].Passed {
		t.Fatalf("runs of the placement, oldest first: %+v", runs)
	}
	for source, want := range map[string]*trace.Timeline{"predicted": predicted, "measured": measured} {
		same(t, source, want, must[*trace.Timeline](t)(s.Timeline(ctx, runs[1].ID, source)))
	}
	if _, err := s.Timeline(ctx, 99, "measured"); !errors.Is(err, projects.ErrNotFound) {
		t.Errorf("no such timeline: %v", err)
	}
	if err := s.Delete(ctx, p.ID); err != nil {
		t.Fatal(err)
	}
	if got := must[[]projects.Run](t)(s.Runs(ctx, p.Plan)); len(got) != 2 || got[0].Project != 0 {
		t.Errorf("runs after their project was deleted: %+v", got)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestRecent(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	start := time.UnixMicro(1_790_000_000_000_000).UTC()
	for i := range 60 {
		if err := s.AddRecent(ctx, projects.Recent{Path: fmt.Sprint("/m/", i), Name: "m", Opened: start.Add(time.Duration(i) * time.Minute), Thumbnail: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddRecent(ctx, projects.Recent{Path: "/m/20", Name: "again", Opened: start.Add(2 * time.Hour), Detail: json.RawMessage(`{"verdict":"FITS"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetRecent(ctx, "/m/59"); err != nil {
		t.Fatal(err)
	}
	got := must[[]projects.Recent](t)(s.Recent(ctx, 2))
	want := []projects.Recent{
		{Path: "/m/20", Name: "again", Opened: start.Add(2 * time.Hour), Detail: json.RawMessage(`{"verdict":"FITS"}`), Thumbnail: []byte{20}},
		{Path: "/m/58", Name: "m", Opened: start.Add(58 * time.Minute), Detail: json.RawMessage(`{}`), Thumbnail: []byte{58}},
	}
	same(t, "recent", want, got)
	if n := len(must[[]projects.Recent](t)(s.Recent(ctx, 1000))); n != 49 {
		t.Errorf("%d recent files are kept, want 50 less the forgotten one", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database. "), 512), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	open(t, newer).Close()
	db := must[*sql.DB](t)(sql.Open("sqlite3", newer))
	must[sql.Result](t)(db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`))
	db.Close()
	for name, c := range map[string]struct{ path, says string }{
		"no database": {text, "move it away"},
		"newer":       {newer, "newer Strata"},
		"folder":      {dir, "is a folder"},
	} {
		s, err := projects.Open(c.path)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", name)
		} else if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v; want the path and %q", name, err, c.says)
		}
	}
	if got, err := os.ReadFile(text); err != nil || !strings.HasPrefix(string(got), "not a database") {
		t.Error("a refused file was changed")
	}
}

// TestOpenTogether: the first start of several processes at once.
func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	var g sync.WaitGroup
	for i := range 6 {
		g.Go(func() {
			s, err := projects.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Save(ctx, &projects.Project{Name: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if list := must[[]projects.Summary](t)(open(t, path).List(ctx)); len(list) != 6 {
		t.Errorf("%d projects, want 6", len(list))
	}
}

func TestDefaultPath(t *testing.T) {
	t.Setenv(projects.PathVariable, "/somewhere/p.db")
	if got, err := projects.DefaultPath(); err != nil || got != "/somewhere/p.db" {
		t.Errorf("%s is not obeyed: %q, %v", projects.PathVariable, got, err)
	}
	t.Setenv(projects.PathVariable, "")
	got, err := projects.DefaultPath()
	if err != nil || !filepath.IsAbs(got) || filepath.Base(got) != "projects.db" {
		t.Errorf("default path %q, %v", got, err)
	}
}
