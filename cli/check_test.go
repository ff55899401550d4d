package cli

import (
	"strconv"
	"strings"
	"testing"

	"strata/model/modeltest"
)

// TestCheckAgreesWithRun takes both sides of the least arena and of the largest
// context: where check says fits the model runs, one step further it does not.
func TestCheckAgreesWithRun(t *testing.T) {
	m := sampleModel(t)
	shape := []string{m, "--hw", "test-periodic", "-ub", "16"}
	check := func(code int, more ...string) checkReply {
		return decode[checkReply](t, code, append(append([]string{"check"}, shape...), more...)...)
	}
	run := func(more ...string) []string {
		return append(append([]string{"run"}, shape...), append(more, "-p", "Once upon a time", "-n", "2", "-t", "2")...)
	}
	size := func(n int64) string { return strconv.FormatInt(n, 10) }

	roomy := check(exitOK, "-c", "48", "--dram", "1GiB")
	if roomy.Verdict != "fits" || !roomy.Resident || roomy.MaxContext != 8192 || roomy.Executable != "" {
		t.Errorf("with a GiB: %+v", roomy)
	}
	least := roomy.MinDramBytes
	if roomy.MinDramBoundBytes > least || roomy.MinDramBoundBytes < least/2 {
		t.Errorf("least arena %d with a bound of %d", least, roomy.MinDramBoundBytes)
	}

	at := check(exitOK, "-c", "48", "--dram", size(least))
	if at.Verdict != "fits" || at.Resident || at.MinDramBytes != least || at.Tiers[0].UsedBytes > least {
		t.Errorf("at the least arena: %+v", at)
	}
	if at.MaxContext < 48 || at.MaxContext >= 8192 {
		t.Fatalf("max_context %d at the least arena of 48", at.MaxContext)
	}
	r := decode[runReply](t, exitOK, run("-c", "48", "--dram", size(least))...)
	if r.ArenaBytes > least || len(r.Tokens) != 2 {
		t.Errorf("the run took an arena of %d of %d bytes and gave %d tokens", r.ArenaBytes, least, len(r.Tokens))
	}

	below := check(exitNoFit, "-c", "48", "--dram", size(least-4096))
	if below.Verdict != "no" || below.MinDramBytes != least || below.MaxContext >= 48 {
		t.Errorf("4 KiB below: %+v", below)
	}
	refused(t, exitNoFit, []string{size(least - 4096), "--dram " + size(least), "context of 48"}, run("-c", "48", "--dram", size(least-4096))...)

	// The largest context is a sharp edge, too.
	budget := least + 3<<20
	most := check(exitOK, "-c", "48", "--dram", size(budget)).MaxContext
	if most <= 48 || most >= 8192 {
		t.Fatalf("max_context %d with 3 MiB more", most)
	}
	if r := check(exitOK, "-c", strconv.Itoa(most), "--dram", size(budget)); r.Verdict != "fits" || r.MaxContext != most {
		t.Errorf("at a context of %d: %+v", most, r)
	}
	if r := check(exitNoFit, "-c", strconv.Itoa(most+1), "--dram", size(budget)); r.Verdict != "no" || r.MaxContext != most {
		t.Errorf("at a context of %d: %+v", most+1, r)
	}
	decode[runReply](t, exitOK, run("-c", strconv.Itoa(most), "--dram", size(budget))...)
	refused(t, exitNoFit, []string{"context of " + strconv.Itoa(most+1)}, run("-c", strconv.Itoa(most+1), "--dram", size(budget))...)
}

// TestResidentEdge asks for exactly what holds everything, and for a little less.
func TestResidentEdge(t *testing.T) {
	m := smallModel(t, nil)
	check := func(dram int64) checkReply {
		return decode[checkReply](t, exitOK, "check", m, "--hw", "test-periodic", "-c", "64", "-ub", "16", "--dram", strconv.FormatInt(dram, 10))
	}
	all := check(1 << 30).ResidentDramBytes
	if all == 0 {
		t.Fatal("no arena holds everything")
	}
	if r := check(all); !r.Resident || r.Tiers[0].UsedBytes > all {
		t.Errorf("with %d bytes: %+v", all, r)
	}
	if r := check(all - 64); r.Resident {
		t.Errorf("with %d bytes everything still stays: %+v", all-64, r)
	}
}

// TestUnsure plans an architecture that nobody knows: its cache is assumed, so
// between none of it and all of it there is no answer.
func TestUnsure(t *testing.T) {
	m := smallModel(t, func(d *modeltest.Decoder) { d.Arch = "hyena" })
	refused(t, exitInput, []string{"hyena", "llama", "qwen3", "--assume"}, "check", m, "--hw", "test-periodic", "-c", "256", "-ub", "16")
	refused(t, exitInput, []string{"hyena", "--assume"}, "inspect", m)
	check := func(code int, dram int64) checkReply {
		return decode[checkReply](t, code, "check", m, "--hw", "test-periodic", "-c", "256", "-ub", "16", "--assume", "--dram", strconv.FormatInt(dram, 10))
	}
	roomy := check(exitOK, 1<<30)
	high, kv := roomy.MinDramBytes, roomy.Components.KVBytes
	if kv == 0 || !strings.Contains(strings.Join(roomy.Assumed, "\n"), "hyena") || !strings.Contains(roomy.Executable, "planned only") {
		t.Fatalf("not assumed: %+v", roomy)
	}
	low := high - kv
	if roomy.MinDramBoundBytes > low {
		t.Errorf("below %d bytes there is no plan, though without a cache %d do", roomy.MinDramBoundBytes, low)
	}
	for dram, want := range map[int64]string{high + 4096: "fits", high: "fits", high - 64: "unsure", low + kv/2: "unsure", low: "unsure", low - 64: "no", low / 2: "no"} {
		code := map[string]int{"fits": exitOK, "unsure": exitUnsure, "no": exitNoFit}[want]
		if r := check(code, dram); r.Verdict != want {
			t.Errorf("with %d bytes, between %d and %d: %s, want %s", dram, low, high, r.Verdict, want)
		}
	}
	code, out, _ := strata("check", m, "--hw", "test-periodic", "-c", "256", "-ub", "16", "--assume", "--dram", strconv.FormatInt(low+kv/2, 10))
	if code != exitUnsure || !strings.HasPrefix(out, "Unsure") {
		t.Errorf("exit code %d: %s", code, out)
	}
	// What is known is never unsure, however tight.
	known := smallModel(t, nil)
	r := decode[checkReply](t, exitNoFit, "check", known, "--hw", "test-periodic", "-c", "256", "-ub", "16", "--dram", strconv.FormatInt(high-64, 10))
	if r.Verdict != "no" {
		t.Errorf("a known architecture: %s", r.Verdict)
	}
}
