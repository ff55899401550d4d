package trace

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// three is three iterations of 2, 3 and 2.5 s after 1 s, each a wait and a run.
func three() *Timeline {
	t := &Timeline{Source: "predicted", Name: "three", TotalS: 8.5,
		Tiers:    []Occupancy{{Name: "dram", PeakBytes: 12, TimesS: []float64{0, 1, 8.5}, Bytes: []int64{12, 8, 0}}},
		Counters: []Counter{{Name: "wait", Unit: "s", Value: 1.5}}}
	cpu := Lane{Kind: LaneExecutor, Name: "cpu", Slices: []Slice{{Kind: Compute, Iteration: -1, EndS: 1, Name: "prefill"}}}
	disk := Lane{Kind: LaneEngine, Name: "file → dram"}
	at := 1.0
	for i, d := range []float64{2, 3, 2.5} {
		cpu.Slices = append(cpu.Slices,
			Slice{Kind: Wait, Ref: 0, Iteration: int32(i), StartS: at, EndS: at + 0.5, Cause: CauseCopy},
			Slice{Kind: Compute, Ref: 1, Iteration: int32(i), StartS: at + 0.5, EndS: at + d})
		disk.Slices = append(disk.Slices, Slice{Kind: Transfer, Iteration: int32(i), StartS: at, EndS: at + 0.5, Bytes: 7})
		at += d
	}
	t.Lanes = []Lane{cpu, disk}
	return t
}

func TestSummary(t *testing.T) {
	tl := three()
	if err := tl.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := tl.KindS(LaneExecutor, Compute); got != 1+6 {
		t.Errorf("executors compute %v s, want 7", got)
	}
	if got := tl.KindS(LaneEngine, Transfer); got != 1.5 {
		t.Errorf("engines transfer %v s, want 1.5", got)
	}
	if diff := cmp.Diff(map[string]float64{CauseCopy: 1.5}, tl.WaitS()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Iteration{{0, 1, 3}, {1, 3, 6}, {2, 6, 8.5}}, tl.Iterations()); diff != "" {
		t.Error(diff)
	}
	if got := tl.SteadyIterationS(); got != 3 { // without the first and the last
		t.Errorf("steady iteration %v s, want 3", got)
	}
	if v, ok := tl.Counter("wait"); !ok || v != 1.5 {
		t.Errorf("counter wait = %v, %v", v, ok)
	}
	if _, ok := tl.Counter("no such"); ok {
		t.Error("a counter that is not there was found")
	}
	if got := (&Timeline{}).SteadyIterationS(); got != 0 {
		t.Errorf("steady iteration of nothing %v s", got)
	}
}

func TestValidateNamesTheFault(t *testing.T) {
	for want, spoil := range map[string]func(*Timeline){
		"total_s":                   func(t *Timeline) { t.TotalS = math.NaN() },
		"before slices[0] ends":     func(t *Timeline) { t.Lanes[0].Slices[1].StartS = 0.5 },
		"inside [0, 8.5]":           func(t *Timeline) { t.Lanes[0].Slices[6].EndS = 9 },
		"want start ≤ end":          func(t *Timeline) { t.Lanes[0].Slices[1].EndS = 0 },
		"does not belong on a lane": func(t *Timeline) { t.Lanes[1].Slices[0].Kind = Compute },
		"kind \"gpu\"":              func(t *Timeline) { t.Lanes[1].Kind = "gpu" },
		"bytes -1":                  func(t *Timeline) { t.Lanes[1].Slices[0].Bytes = -1 },
		"a wait has one":            func(t *Timeline) { t.Lanes[0].Slices[1].Cause = "" },
		"0 to the peak, 11":         func(t *Timeline) { t.Tiers[0].PeakBytes = 11 },
		"times in order":            func(t *Timeline) { t.Tiers[0].TimesS[1] = 8.6 },
		"2 values":                  func(t *Timeline) { t.Tiers[0].Bytes = t.Tiers[0].Bytes[:2] },
		"finite number":             func(t *Timeline) { t.Counters[0].Value = math.Inf(1) },
		"from ≤ to":                 func(t *Timeline) { t.Omitted = []Omission{{FromIteration: 3, ToIteration: 2}} },
	} {
		tl := three()
		spoil(tl)
		if err := tl.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	want := three()
	want.Omitted = []Omission{{FromIteration: 1, ToIteration: 1, StartS: 3, EndS: 6}}
	want.Lanes[0].Slices[0].EndS = 1 - 1e-15 // full precision survives
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{``, `{"total_s": -1}`, `{"total_s": 1, "colour": "red"}`, `[]`} {
		if _, err := Read(strings.NewReader(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// FuzzRead: whatever Read accepts is valid and survives a round trip.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, three()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"source":"measured","name":"","total_s":0,"lanes":null,"tiers":null,"counters":null}`))
	f.Add([]byte(`{"total_s":1e308,"tiers":[{"times_s":[0],"bytes":[1],"peak_bytes":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tl, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Write(&out, tl); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&out)
		if err != nil {
			t.Fatalf("written but not read: %v", err)
		}
		tl.KindS(LaneExecutor, Compute)
		tl.SteadyIterationS()
		// The name's invalid UTF-8 is replaced once.
		if again.TotalS != tl.TotalS || len(again.Lanes) != len(tl.Lanes) || len(again.Tiers) != len(tl.Tiers) {
			t.Fatal("a round trip changed the timeline")
		}
	})
}
