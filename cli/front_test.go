package cli

import (
	"os"
	"path/filepath"
	"testing"

	"strata/workflow"
)

// The front of an instance: less memory costs time, no point beats another, and
// each plan is one of the instance that was asked about.
func TestFrontOfAnInstance(t *testing.T) {
	const instance = "../testdata/instances/smollm2-decode.json.gz"
	dir := filepath.Join(t.TempDir(), "plans")
	args := []string{"front", "--instance", instance, "--points", "4", "--solver", "pin-stream", "--evaluations", "40", "-o", dir}
	r := decode[workflow.Front](t, exitOK, args...)
	if len(r.Points) < 3 || r.Searched != 4 || r.LeastBytes <= 0 || r.EnoughBytes <= r.LeastBytes {
		t.Fatalf("%+v", r)
	}
	if r.Points[0].PeakBytes != r.LeastBytes {
		t.Errorf("the smallest plan takes %d bytes, the least that works is %d", r.Points[0].PeakBytes, r.LeastBytes)
	}
	for i, p := range r.Points {
		if p.PeakBytes > p.CapacityBytes || p.HeadroomBytes < 0 || p.Component == "" {
			t.Errorf("%+v", p)
		}
		if i > 0 && (p.PeakBytes <= r.Points[i-1].PeakBytes || p.PredictedS >= r.Points[i-1].PredictedS) {
			t.Errorf("point %d beats nothing: %+v after %+v", i, p, r.Points[i-1])
		}
		s := decode[simulateReply](t, exitOK, "simulate", p.File, "--instance", instance)
		if s.PredictedS != p.PredictedS {
			t.Errorf("%s: simulated %g s, the front says %g", p.File, s.PredictedS, p.PredictedS)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(r.Points) {
		t.Errorf("%d files for %d points: %v", len(files), len(r.Points), err)
	}
	refused(t, exitInput, []string{"hbm", "dram"}, "front", "--instance", instance, "--vary", "hbm")
	refused(t, exitInput, []string{"--points 1"}, "front", "--instance", instance, "--points", "1")
	refused(t, exitInput, []string{"--prompt"}, "front", "model.gguf")
}

// The front of a model: its plans are the model's, at their budgets.
func TestFrontOfAModel(t *testing.T) {
	model, _ := plannedModel(t, "30%")
	dir := t.TempDir()
	r := decode[workflow.Front](t, exitOK, "front", model, "--hw", "test-periodic", "--prompt", "4", "--gen", "3", "--points", "3", "--evaluations", "20", "-o", dir)
	if len(r.Points) < 2 {
		t.Fatalf("%+v", r)
	}
	for _, p := range r.Points {
		s := decode[simulateReply](t, exitOK, "simulate", p.File, "--model", model, "--hw", "test-periodic")
		if s.PredictedS != p.PredictedS {
			t.Errorf("%s: simulated %g s, the front says %g", p.File, s.PredictedS, p.PredictedS)
		}
	}
}
