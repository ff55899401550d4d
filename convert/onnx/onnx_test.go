package onnx

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strata/convert"
	"strata/convert/converttest"
)

func model(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".onnx.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSmallNet(t *testing.T) {
	data := model(t, "net")
	if !Is(data) {
		t.Error("not recognised")
	}
	s, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	p := converttest.RoundTrip(t, s, converttest.Profile(t), convert.Options{}, "demand", "xla-greedy")
	// The flattened tensor is relu's: input, two weights, conv, relu, classifier.
	if len(p.Instructions) != 3 || len(p.Buffers) != 6 {
		t.Errorf("%d instructions, %d buffers, 3 and 6 are expected", len(p.Instructions), len(p.Buffers))
	}
	for i, want := range []float64{2 * 2 * 8 * 8 * 8 * 27, 2 * 8 * 8 * 8, 2 * 2 * 512 * 10} {
		if got := p.Instructions[i].FLOPs; got != want {
			t.Errorf("%s has %g FLOP, %g is expected", p.Instructions[i].Name, got, want)
		}
	}
	converttest.RoundTrip(t, s, converttest.Shipped(t, "laptop"), convert.Options{}, "demand")
}

func TestMissingShapesAreNamed(t *testing.T) {
	_, err := Read(model(t, "bare"))
	if err == nil || !strings.Contains(err.Error(), "infer_shapes") || !strings.Contains(err.Error(), "(c, r") {
		t.Errorf("error %v", err)
	}
	data := model(t, "net")
	for name, bad := range map[string][]byte{"empty": nil, "cut": data[:len(data)/2]} {
		if _, err := Read(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(model(f, "net"))
	hw := converttest.Profile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Read(data)
		if err != nil {
			return
		}
		if _, err := convert.Lower(s, hw, convert.Options{}); err != nil && strings.Contains(err.Error(), "the converted instance") {
			t.Error(err)
		}
	})
}
