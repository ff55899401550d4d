package mlsys

import (
	"math"
	"strings"
	"testing"

	"strata/convert"
	"strata/convert/converttest"
	"strata/malloc"
)

const chain = `{"widths":[256,256,256],"heights":[128,128,128],"inputs":[[0],[1,0]],"outputs":[[1],[2]],"base_costs":[100,10],
"op_types":["MatMul","Pointwise"],"fast_memory_capacity":70000,"slow_memory_bandwidth":20,"native_granularity":[128,128]}`

func TestCostsOfAChain(t *testing.T) {
	s, err := Read([]byte(chain))
	if err != nil {
		t.Fatal(err)
	}
	// Two tiles of output; the product has two tiles of reduction for each.
	if a, b := s.Steps[0].ComputeS, s.Steps[1].ComputeS; a != 400 || b != 20 {
		t.Errorf("compute times %g and %g, 400 and 20 are expected", a, b)
	}
	p := converttest.RoundTrip(t, s, nil, convert.Options{}, "demand", "xla-greedy")
	// All slow: max(400, 2·32768/20) + max(20, 3·32768/20).
	if got, want := converttest.AllSlowS(t, p), 2*32768/20.0+3*32768/20.0; got != want {
		t.Errorf("all slow takes %g, %g is expected", got, want)
	}
	if best := converttest.Plan(t, p, "xla-greedy").Score.TotalS; best >= converttest.AllSlowS(t, p) {
		t.Errorf("70,000 units of fast memory gain nothing: %g", best)
	}
}

// The contest's winner reports 471,501, 961,195 and 167,530,988 for problems 1,
// 5 and 9 under the contest's cost model. Problem 9 is bound by computing, so
// both agree to one unit: compute times are the contest's. In problems 1 and 5 no tensor
// fits the fast memory whole, and whole operations read each operand once where
// tiles there read parts again: our values are no answers to the contest.
func TestPublicProblems(t *testing.T) {
	for name, want := range map[string]float64{"1": 449536, "5": 0, "9": 167530988, "10": 0} {
		s, err := Read(converttest.Shared(t, "mlsys2026", "mlsys-2026-"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		p := converttest.RoundTrip(t, s, nil, convert.Options{})
		slow, best := converttest.AllSlowS(t, p), converttest.Plan(t, p, "xla-greedy").Score.TotalS
		t.Logf("problem %s: all slow %.0f, xla-greedy %.0f", name, slow, best)
		if want > 0 && math.Abs(slow-want) > 1 {
			t.Errorf("problem %s: all slow takes %.0f, %.0f is expected", name, slow, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"heights":[128,128,128]`, `"heights":[128,128]`, "heights 2"},
		{`[[0],[1,0]]`, `[[0],[1,7]]`, "tensor 7"},
		{`[[0],[1,0]]`, `[[2],[1,0]]`, "needs its own result"},
		{`"outputs":[[1],[2]]`, `"outputs":[[1],[1]]`, "result already"},
		{`"slow_memory_bandwidth":20`, `"slow_memory_bandwidth":0`, "slow_memory_bandwidth"},
		{`"widths":[256`, `"widths":[99999999999`, "tensor 0"},
		{`"op_types"`, `"types"`, "unknown field"},
	} {
		if _, err := Read([]byte(strings.Replace(chain, c.old, c.new, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, %q is expected", c.new, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(chain))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Read(data)
		if err != nil {
			return
		}
		p, err := convert.Lower(s, nil, convert.Options{})
		if err == nil {
			err = malloc.Validate(p)
		}
		if err != nil && strings.Contains(err.Error(), "the converted instance") {
			t.Error(err)
		}
	})
}
