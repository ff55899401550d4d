package hlo

import (
	"os"
	"path/filepath"
	"testing"

	"strata/convert"
	"strata/convert/converttest"
)

// TestCompiledPrograms reads what JAX wrote (tools/hlo/dump.py): XLA's own text and wire format
// of the same scheduled, fused modules must give the same steps.
func TestCompiledPrograms(t *testing.T) {
	for name, trip := range map[string]int64{"transformer_block": 0, "gru_scan": 32} {
		text, err := os.ReadFile(filepath.Join("testdata", "jax", name+".hlo"))
		if err != nil {
			t.Fatal(err)
		}
		proto, err := os.ReadFile(filepath.Join("testdata", "jax", name+".pb"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := Text(text)
		if err != nil {
			t.Fatal(err)
		}
		if !IsProto(proto) {
			t.Errorf("%s: the wire format is not recognised", name)
		}
		b, err := Proto(proto)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Steps) != len(b.Steps) || len(a.Values) != len(b.Values) || len(a.Loops) != len(b.Loops) {
			t.Errorf("%s: %d, %d, %d steps, values and loops from text, %d, %d, %d from the wire format", name,
				len(a.Steps), len(a.Values), len(a.Loops), len(b.Steps), len(b.Values), len(b.Loops))
		}
		var x, y float64
		for i := range min(len(a.Steps), len(b.Steps)) {
			x += a.Steps[i].FLOPs
			y += b.Steps[i].FLOPs
		}
		if x != y {
			t.Errorf("%s: %g FLOP from text, %g from the wire format", name, x, y)
		}
		p := converttest.RoundTrip(t, a, converttest.Profile(t), convert.Options{Capacities: map[string]int64{"fast": 1 << 20}}, "demand", "xla-greedy")
		converttest.RoundTrip(t, b, converttest.Shipped(t, "tpu-v4i"), convert.Options{}, "demand")
		t.Logf("%s: %d instructions, %d buffers, loops %v, %g FLOP, notes %q", name, len(p.Instructions), len(p.Buffers), p.Loops, x, p.Source.Notes)
		if loop := p.PeriodicLoop(); trip > 0 && (loop == nil || loop.Trip != trip) {
			t.Errorf("%s: loops %+v, a periodic one of %d iterations is expected", name, p.Loops, trip)
		}
	}
}
