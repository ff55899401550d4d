package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/workflow"
)

// TestTrainedWeightsPlay trains on little, twice, and plans with the result.
func TestTrainedWeightsPlay(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	train := []string{"train", "--families", "recurrent", "--held-out", "conv", "--instances", "4", "--epochs", "2", "--seed", "3", "-q", "-o"}
	r := decode[workflow.Trained](t, exitOK, append(train, at("a.json"))...)
	if r.Weights == 0 || len(r.Stages) != 2 || r.Stages[0].Steps == 0 || len(r.Families) != 1 || len(r.HeldOut) != 1 || !strings.Contains(r.Command, "--seed 3") {
		t.Errorf("%+v", r)
	}
	ok(t, append(train, at("b.json"))...)
	if readText(t, at("a.json")) != readText(t, at("b.json")) {
		t.Error("equal options wrote other weights")
	}
	ok(t, "convert", "--generate", "recurrent", "--hw", "h100-80gb", "--tier", "hbm=40%", "--scale", "0.5", "-o", at("i.json"))
	plan := []string{"plan", "--instance", at("i.json"), "--evaluations", "40", "--solver"}
	ok(t, append(plan, "mcts", "--prior", "learned", "--value", "learned", "--weights", at("a.json"))...)
	refused(t, exitInput, []string{"--solver mcts"}, append(plan, "lns", "--prior", "learned")...)
	refused(t, exitInput, []string{"--prior", "guess"}, append(plan, "mcts", "--prior", "guess")...)
	refused(t, exitInput, []string{"--value", "guess"}, append(plan, "mcts", "--value", "guess")...)
	refused(t, exitInput, []string{"--weights"}, append(plan, "mcts", "--weights", at("a.json"))...)
	var doc map[string]any
	if err := json.Unmarshal([]byte(readText(t, at("a.json"))), &doc); err != nil {
		t.Fatal(err)
	}
	doc["action_features"].([]any)[0] = "another"
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("c.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, exitInput, []string{"c.json", "features"}, append(plan, "mcts", "--prior", "learned", "--weights", at("c.json"))...)
	refused(t, exitInput, []string{"--families", "--held-out"}, "train", "--families", "conv", "--held-out", "conv")
	refused(t, exitInput, []string{"known are"}, "train", "--families", "trees")
	refused(t, exitInput, []string{"--epochs"}, "train", "--epochs", "0")
}
