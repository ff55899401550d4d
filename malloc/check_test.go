package malloc

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestCheckScripts runs testdata/check: "program" sets the instance, "plan"
// checks a plan for it, "mutate" checks that plan with a few edits.
func TestCheckScripts(t *testing.T) {
	datadriven.Walk(t, filepath.Join("testdata", "check"), func(t *testing.T, path string) {
		var p *Program
		var plan *Plan
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var err error
			switch d.Cmd {
			case "program":
				if p, err = parseProgram(d.Input); err != nil {
					return fmt.Sprintf("refused: %v\n", err)
				}
				return "ok\n"
			case "plan":
				if plan, err = parsePlan(p, d.Input); err != nil {
					t.Fatal(err)
				}
				return checked(t, p, plan)
			case "mutate":
				q, err := mutate(p, plan, d.Input)
				if err != nil {
					t.Fatal(err)
				}
				return checked(t, p, q)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func checked(t *testing.T, p *Program, plan *Plan) string {
	r, err := Check(p, plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	if r.OK() {
		s.WriteString("legal")
		for tier, n := range r.PeakBytes {
			if n > 0 {
				fmt.Fprintf(&s, " %s:%d/%d", p.Tiers[tier].Name, n, r.ArenaBytes[tier])
			}
		}
		for _, x := range r.Traffic {
			fmt.Fprintf(&s, " e%d:%d/%d", x.Engine, x.Bytes, x.Requests)
		}
		s.WriteString("\n")
	}
	for i := range r.Violations {
		s.WriteString(r.Violations[i].Error() + "\n")
	}
	return s.String()
}
