package workflow

import (
	"path/filepath"
	"strings"
	"testing"

	"strata/planner/cpsat"
)

// finding is doctor's line of that name.
func finding(t *testing.T, name string) Finding {
	t.Helper()
	for _, f := range Doctor().Findings {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("doctor says nothing of %q", name)
	return Finding{}
}

// Doctor tells the one line that installs a missing solver, and runs the
// self-test of one that is there.
func TestDoctorOnTheExactSolver(t *testing.T) {
	if _, err := cpsat.Library(); err == nil {
		if f := finding(t, "exact solver"); !f.OK || f.Fix != "" || !strings.Contains(f.Found, "self-test passed") {
			t.Errorf("installed: %+v", f)
		}
	}
	t.Setenv(cpsat.LibraryVariable, filepath.Join(t.TempDir(), "nowhere.so"))
	if f := finding(t, "exact solver"); f.OK || f.Fix != "make solver" || !strings.Contains(f.Found, "nowhere.so") {
		t.Errorf("missing: %+v", f)
	}
}
