package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"strata/assets"
	"strata/model/modeltest"
	"strata/projects"
	"strata/workflow"
)

// childVariable makes the test binary behave as the program, for tests that need
// a process of their own.
const childVariable = "STRATA_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	// The tests' runs are not the user's.
	dir, err := os.MkdirTemp("", "strata-cli-test")
	if err != nil {
		panic(err)
	}
	os.Setenv(projects.PathVariable, filepath.Join(dir, "projects.db"))
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// strata runs one command line in this process.
func strata(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = Main(args, &out, &err)
	return code, out.String(), err.String()
}

// ok runs a command line that must succeed and returns what it printed.
func ok(t testing.TB, args ...string) string {
	t.Helper()
	code, out, err := strata(args...)
	if code != exitOK {
		t.Fatalf("strata %s: exit code %d: %s", strings.Join(args, " "), code, err)
	}
	return out
}

// refused runs a command line that must fail with a code and one line that
// holds all of the given parts.
func refused(t testing.TB, code int, parts []string, args ...string) {
	t.Helper()
	got, out, err := strata(args...)
	line := strings.TrimSuffix(err, "\n")
	if got != code {
		t.Errorf("strata %s: exit code %d, want %d: %s", strings.Join(args, " "), got, code, line)
	}
	if !strings.HasPrefix(line, "strata: ") || strings.Contains(line, "\n") {
		t.Errorf("strata %s: one line is expected, not %q", strings.Join(args, " "), err)
	}
	for _, part := range parts {
		if !strings.Contains(line, part) {
			t.Errorf("strata %s: %q is not in %q", strings.Join(args, " "), part, line)
		}
	}
	if out != "" {
		t.Errorf("strata %s: a refusal printed %q", strings.Join(args, " "), out)
	}
}

// decode runs a command with --json, holds its output against the command's
// schema, and decodes it.
func decode[T any](t testing.TB, code int, args ...string) T {
	t.Helper()
	got, out, errs := strata(append(args, "--json")...)
	if got != code {
		t.Fatalf("strata %s: exit code %d, want %d: %s", strings.Join(args, " "), got, code, errs)
	}
	matches(t, args[0], []byte(out))
	var v T
	d := json.NewDecoder(strings.NewReader(out))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("strata %s: %v", strings.Join(args, " "), err)
	}
	if d.More() {
		t.Errorf("strata %s: more than one value on standard output", strings.Join(args, " "))
	}
	if errs != "" {
		t.Errorf("strata %s: standard error: %q", strings.Join(args, " "), errs)
	}
	return v
}

var schemas = sync.OnceValues(func() (*jsonschema.Compiler, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	for _, name := range workflow.SchemaNames() {
		data, err := assets.Schemas.ReadFile("schema/" + name + ".schema.json")
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil {
			return nil, err
		}
		if err := c.AddResource("https://strata.invalid/schema/"+name+".schema.json", doc); err != nil {
			return nil, err
		}
	}
	return c, nil
})

// matches holds a document against a shipped schema.
func matches(t testing.TB, name string, document []byte) {
	t.Helper()
	if err := validateSchema(name, document); err != nil {
		t.Errorf("schema %s: %v", name, err)
	}
}

func validateSchema(name string, document []byte) error {
	c, err := schemas()
	if err != nil {
		return err
	}
	schema, err := c.Compile("https://strata.invalid/schema/" + name + ".schema.json")
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(document)))
	if err != nil {
		return err
	}
	return schema.Validate(doc)
}

// sampleModel is the path of the sample model, or the reason not to run.
func sampleModel(t testing.TB) string {
	t.Helper()
	path := workflow.SampleModelPath()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("not run: the sample model is not there (make model fetches it): %v", err)
	}
	return path
}

// smallModel writes a model of a few layers: the first small Llama, changed by
// edit when it is not nil.
func smallModel(t testing.TB, edit func(*modeltest.Decoder)) string {
	t.Helper()
	d := modeltest.Small()[0]
	d.Layers, d.Context = 3, 512
	if edit != nil {
		edit(&d)
	}
	path := filepath.Join(t.TempDir(), "small.gguf")
	if err := d.GGUF().Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Replies, as far as tests read them.
type (
	checkReply struct {
		Verdict           string   `json:"verdict"`
		Resident          bool     `json:"resident"`
		MinDramBytes      int64    `json:"min_dram_bytes"`
		MinDramBoundBytes int64    `json:"min_dram_bound_bytes"`
		ResidentDramBytes int64    `json:"resident_dram_bytes"`
		MaxContext        int      `json:"max_context"`
		Context           int      `json:"context"`
		Assumed           []string `json:"assumed"`
		Executable        string   `json:"executable"`
		Components        struct {
			KVBytes int64 `json:"kv_bytes"`
		} `json:"components"`
		Tiers []struct {
			Name          string `json:"name"`
			CapacityBytes int64  `json:"capacity_bytes"`
			UsedBytes     int64  `json:"used_bytes"`
		} `json:"tiers"`
	}
	planReply struct {
		Component          string  `json:"component"`
		PredictedS         float64 `json:"predicted_s"`
		PredictedSPerToken float64 `json:"predicted_s_per_token"`
		LowerBoundS        float64 `json:"lower_bound_s"`
		Evaluations        int64   `json:"evaluations"`
		Stopped            string  `json:"stopped"`
		Executable         string  `json:"executable"`
		Baselines          []struct {
			Name       string   `json:"name"`
			PredictedS *float64 `json:"predicted_s"`
		} `json:"baselines"`
	}
	simulateReply struct {
		PredictedS float64 `json:"predicted_s"`
		ClaimedS   float64 `json:"claimed_s"`
	}
	runReply struct {
		PromptTokens []int32 `json:"prompt_tokens"`
		Tokens       []int32 `json:"tokens"`
		PromptEnd    struct {
			Top10 [][2]float64 `json:"top10"`
		} `json:"prompt_end"`
		ArenaBytes int64  `json:"arena_bytes"`
		FileBytes  int64  `json:"file_bytes"`
		State      string `json:"state"`
	}
	validateReply struct {
		Passed           bool     `json:"passed"`
		Failures         []string `json:"failures"`
		OutputsIdentical bool     `json:"outputs_identical"`
		Tokens           []int32  `json:"tokens"`
		State            string   `json:"state"`
		Time             struct {
			Within *bool `json:"within"`
		} `json:"time"`
	}
)
