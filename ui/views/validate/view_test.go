package validate

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"

	"strata/ui/controller"
	"strata/ui/views/viewtest"
	"strata/workflow"
)

// shown is what the view says now.
func shown(v *view) string {
	var out []string
	for _, o := range test.LaidOutObjects(v.Content()) {
		if t, ok := o.(interface{ Text() string }); ok && o.Visible() {
			out = append(out, t.Text())
		}
	}
	return strings.Join(out, "\n")
}

// TestMetersAreShown gives the view the snapshots of a running validation: its
// meters appear, and go with it.
func TestMetersAreShown(t *testing.T) {
	s := viewtest.Open(t)
	v := New(s.Host).(*view)
	s.Put(t, v)
	snap := *s.Host.Controller.Snapshot()
	m := workflow.Meters{Stage: workflow.StageMeasured, Run: 2, Runs: 3, Tokens: 11, OfTokens: 32, ElapsedS: 3, PrefillS: 1,
		FileBytes: 5 << 20, OfFileBytes: 40 << 20, Requests: 77, ArenaBytes: 60 << 20, OfArenaBytes: 93 << 20, MemoryBytes: 150 << 20}
	snap.Tasks = []controller.Task{{ID: 1, Kind: controller.TaskValidate, Doc: snap.Doc().ID, Stage: workflow.StageMeasured, Done: 2, Total: 4, LeftS: 65, Meters: &m}}
	v.Update(&snap)
	said := shown(v)
	for _, want := range []string{"Measured run 2 of 3 · token 11 of 32", "1:05 left", "5.0 tokens/s", "5.0 MiB of 40.0 MiB", "77", "60.0 MiB of 93.0 MiB", "150.0 MiB"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not shown in:\n%s", want, said)
		}
	}
	if !v.run.Disabled() {
		t.Error("a second run could be started")
	}
	s.Shot(t, "validate-live")
	snap.Tasks = nil
	v.Update(&snap)
	if v.live.root.Visible() || v.run.Disabled() {
		t.Error("the meters stay after the run")
	}
}

// TestHistoryIsOfThePlan lists the runs of the present plan only.
func TestHistoryIsOfThePlan(t *testing.T) {
	s := viewtest.Open(t)
	v := New(s.Host).(*view)
	s.Put(t, v)
	snap := *s.Host.Controller.Snapshot()
	d := *snap.Doc()
	now := time.Now()
	result := &workflow.ValidateResult{Passed: true, State: workflow.StateCold, Job: d.Job(), Plan: d.Plan, Predicted: d.Predicted.Timeline, Measured: d.Predicted.Timeline,
		Tiers: []workflow.TierPeak{{Name: "dram", PredictedPeakBytes: 1, MeasuredPeakBytes: 1}}, OutputsIdentical: true,
		Time: workflow.TimeCheck{PredictedSPerToken: 0.010, MeasuredSPerToken: 0.0125, RelError: -0.2}}
	d.Validations = []controller.Validation{
		{PlanVersion: d.PlanVersion, At: now.AddDate(-1, 0, 0), Err: "the disk went away"},
		{PlanVersion: d.PlanVersion + 1, At: now, Err: "another plan"},
		{PlanVersion: d.PlanVersion, At: now, Result: result},
	}
	d.Version++
	snap.Docs = []*controller.Document{&d}
	v.Update(&snap)
	if len(v.runs) != 2 || v.at != 1 {
		t.Fatalf("%d runs, run %d chosen", len(v.runs), v.at)
	}
	row := func(r int) (cells []string) {
		for c := range 5 {
			text, _ := v.historyCell(r, c)
			cells = append(cells, text)
		}
		return cells
	}
	if got := row(0); got[0] != now.Format("15:04:05") || got[1] != "holds, cold" || got[2] != "10.0 ms" || got[3] != "12.5 ms" || got[4] != "-20.0 %" {
		t.Errorf("newest run: %q", got)
	}
	if got := row(1); !strings.HasSuffix(got[0], now.AddDate(-1, 0, 0).Format("2006")) || got[1] != "the disk went away" {
		t.Errorf("oldest run: %q", got)
	}
	if !strings.Contains(v.verdict.Text(), "holds") || len(v.rows) == 0 {
		t.Errorf("verdict %q, %d rows", v.verdict.Text(), len(v.rows))
	}
	s.Shot(t, "validate-history")
}
