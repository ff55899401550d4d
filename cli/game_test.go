package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"strata/malloc"
)

// TestGameScripts plays testdata/game: the input is what is typed into the
// command, which writes and reads a plan each time that it ends without an error.
func TestGameScripts(t *testing.T) {
	instance := filepath.Join(t.TempDir(), "small.json")
	plan := filepath.Join(t.TempDir(), "plan.json")
	datadriven.RunTest(t, filepath.Join("testdata", "game"), func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "instance":
			if err := os.WriteFile(instance, []byte(d.Input), 0o644); err != nil {
				t.Fatal(err)
			}
			return ""
		case "game":
			args := []string{"game", instance, "-o", plan}
			for _, a := range d.CmdArgs {
				args = append(args, a.Key)
				args = append(args, a.Vals...)
			}
			var out, errs strings.Builder
			code := run(args, strings.NewReader(d.Input), &out, &errs)
			if code != exitOK {
				return errs.String()
			}
			checkedPlan(t, instance, plan)
			if strings.HasPrefix(out.String(), "{") {
				for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
					matches(t, "game", []byte(line))
				}
			}
			return strings.ReplaceAll(out.String(), plan, "plan.json")
		}
		t.Fatalf("unknown command %s", d.Cmd)
		return ""
	})
}

// checkedPlan reads a plan and holds it against its instance.
func checkedPlan(t testing.TB, instance, path string) *malloc.Plan {
	t.Helper()
	p, err := malloc.ReadProgram(instance)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := malloc.ReadPlan(path)
	if err != nil {
		t.Fatal(err)
	}
	report, err := malloc.Check(p, plan, nil)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return plan
}

// A game on a model: its plan is the model's.
func TestGameOnAModel(t *testing.T) {
	m := smallModel(t, nil)
	plan := filepath.Join(t.TempDir(), "plan.json")
	game := filepath.Join(t.TempDir(), "game.json")
	var out, errs strings.Builder
	args := []string{"game", m, "--hw", "test-periodic", "--dram", "50%", "--prompt", "4", "--gen", "3", "--simulations", "2", "-o", plan, "--game", game}
	if code := run(args, strings.NewReader("auto 12\nquit\n"), &out, &errs); code != exitOK {
		t.Fatalf("%d: %s", code, errs.String())
	}
	s := decode[simulateReply](t, exitOK, "simulate", plan, "--model", m, "--hw", "test-periodic")
	if s.PredictedS != s.ClaimedS || s.PredictedS <= 0 {
		t.Errorf("%+v", s)
	}
	if text := readText(t, game); strings.Count(text, `"prior_logits"`) != 12 || !strings.Contains(text, `"tree"`) {
		t.Errorf("%.300s", text)
	}
	refused(t, exitInput, []string{"--prompt"}, "game", m)
	refused(t, exitInput, []string{"nowhere.json"}, "game", "nowhere.json", "--prompt", "4", "--gen", "3")
}

// No input ends a game before its end but "quit" and "drop rest": any bytes, lines
// of any length.
func FuzzGameInput(f *testing.F) {
	instance := filepath.Join(f.TempDir(), "small.json")
	text, err := os.ReadFile(filepath.Join("testdata", "game"))
	if err != nil {
		f.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "instance\n")
	document, _, _ := strings.Cut(rest, "----")
	if err := os.WriteFile(instance, []byte(document), 0o644); err != nil {
		f.Fatal(err)
	}
	plan := filepath.Join(f.TempDir(), "plan.json")
	for _, seed := range []string{"1\n1\n1\n", "2\nundo\nundo\nhint\n", "COPY fast back 99999999999\n", strings.Repeat("x", 2*longestInput) + "\nNOCOPY home\n", "\xff\x00\nauto -1\n", "NOCOPY t1\nCOPY t1 lead 1\nRUN_ON x0\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		if len(input) > 4*longestInput {
			return
		}
		var out, errs strings.Builder
		if code := run([]string{"game", instance, "-o", plan, "--simulations", "1"}, strings.NewReader(input), &out, &errs); code != exitOK {
			t.Fatalf("%d: %s", code, errs.String())
		}
		checkedPlan(t, instance, plan)
	})
}
