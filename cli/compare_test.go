package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/workflow"
)

func TestComparePlans(t *testing.T) {
	model, small := plannedModel(t, "30%")
	large := planAt(t, model, "100%")
	r := decode[workflow.Comparison](t, exitOK, "compare", small, large, "--model", model)
	if len(r.Sides) != 2 || r.Base != 0 || !r.Sides[0].Fits || !r.Sides[1].Fits {
		t.Fatalf("%+v", r)
	}
	a, b := r.Sides[0], r.Sides[1]
	for i, plan := range []string{small, large} {
		s := decode[simulateReply](t, exitOK, "simulate", plan, "--model", model, "--hw", "test-periodic")
		if s.PredictedS != r.Sides[i].PredictedS {
			t.Errorf("side %d takes %g s, simulate says %g", i, r.Sides[i].PredictedS, s.PredictedS)
		}
	}
	d := b.Difference
	if a.Difference != nil || d == nil || d.PredictedS != b.PredictedS-a.PredictedS || d.CopiedBytes != b.CopiedBytes-a.CopiedBytes {
		t.Errorf("differences %+v, %+v", a.Difference, d)
	}
	if b.CopiedBytes > a.CopiedBytes || r.Best != 1 && b.PredictedSPerToken < a.PredictedSPerToken {
		t.Errorf("with more memory %d bytes are copied, with less %d; best is %d", b.CopiedBytes, a.CopiedBytes, r.Best)
	}
	if d.MovedTensors != len(r.Moved) || d.MovedTensors == 0 {
		t.Errorf("%d tensors moved, %d are listed", d.MovedTensors, len(r.Moved))
	}
	for _, m := range r.Moved {
		for i, p := range m.Places {
			n := int64(0)
			for _, x := range p {
				n += x.Bytes
			}
			if n != m.Bytes {
				t.Errorf("%s: %d of its %d bytes lie somewhere in side %d", m.Name, n, m.Bytes, i)
			}
		}
	}
	md := ok(t, "compare", small, large, "--model", model, "--format", "md")
	for _, line := range strings.Split(strings.TrimSpace(md), "\n") {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") < 4 {
			t.Errorf("markdown row %q", line)
		}
	}
	if !strings.Contains(md, "| --- |") || !strings.Contains(md, "lower bound") {
		t.Errorf("markdown:\n%s", md)
	}
	same := decode[workflow.Comparison](t, exitOK, "compare", small, small, "--model", model)
	if d := same.Sides[1].Difference; len(same.Moved) != 0 || d.PredictedS != 0 || d.MovedBytes != 0 {
		t.Errorf("a plan differs from itself: %+v", d)
	}
}

func TestCompareMachines(t *testing.T) {
	model := smallModel(t, nil)
	args := []string{"compare", model, "--hw", "test-periodic,laptop", "--prompt", "4", "--gen", "3", "--evaluations", "30"}
	r := decode[workflow.Comparison](t, exitOK, args...)
	if len(r.Sides) != 2 || r.Sides[0].Profile != "test-periodic" || r.Sides[1].Profile != "laptop" || r.Best < 0 {
		t.Fatalf("%+v", r)
	}
	for i, s := range r.Sides {
		if s.PredictedS < s.LowerBoundS*(1-1e-9) || math.IsNaN(s.Gap) || s.Workload == nil || s.Workload.Prompt != 4 {
			t.Errorf("side %d: %+v", i, s)
		}
		if s.PredictedSPerToken < r.Sides[r.Best].PredictedSPerToken {
			t.Errorf("side %d is faster than the best, %d", i, r.Best)
		}
	}
	// One byte fits nowhere: every side says why, and the exit code that none fits.
	none := decode[workflow.Comparison](t, exitNoFit, append(args, "--dram", "1")...)
	for _, s := range none.Sides {
		if s.Fits || !strings.Contains(s.Problem, "least") {
			t.Errorf("one byte of memory: %+v", s)
		}
	}
}

func TestCompareProjects(t *testing.T) {
	model, small := plannedModel(t, "30%")
	large := planAt(t, model, "100%")
	useStore(t)
	for name, plan := range map[string]string{"small": small, "large": large} {
		ok(t, "project", "save", plan, "--model", model, "--hw", "test-periodic", "--name", name)
	}
	want := decode[workflow.Comparison](t, exitOK, "compare", small, large, "--model", model)
	if err := os.Remove(model); err != nil {
		t.Fatal(err)
	}
	got := decode[workflow.Comparison](t, exitOK, "compare", "small", "large")
	for i := range got.Sides {
		got.Sides[i].Name = want.Sides[i].Name
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if string(a) != string(b) {
		t.Errorf("projects compare as\n%s\nplans as\n%s", b, a)
	}
}

func TestCompareRefuses(t *testing.T) {
	model, plan := plannedModel(t, "50%")
	other := smallModel(t, nil)
	if data, err := os.ReadFile(other); err != nil {
		t.Fatal(err)
	} else if err := os.WriteFile(other, append(data, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	useStore(t)
	refused(t, exitInput, []string{"--model"}, "compare", plan, plan)
	refused(t, exitInput, []string{"none of --model", other}, "compare", plan, plan, "--model", other)
	refused(t, exitInput, []string{"at least two profiles"}, "compare", model, "--hw", "laptop", "--prompt", "4", "--gen", "3")
	refused(t, exitInput, []string{"--prompt"}, "compare", model, "--hw", "laptop,test-periodic")
	refused(t, exitInput, []string{"no such plan file"}, "compare", plan, filepath.Join(t.TempDir(), "absent"), "--model", model)
	refused(t, exitInput, []string{`--format "pdf"`}, "compare", plan, plan, "--model", model, "--format", "pdf")
}
