package controller

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strata/malloc"
	"strata/workflow"
)

var update = flag.Bool("update", false, "make assets/sample again from the fetched sample model")

// TestEmbeddedSample makes the embedded files with -update and proves otherwise
// that they give a checked plan, the same program as the real file would.
func TestEmbeddedSample(t *testing.T) {
	path := workflow.SampleModelPath()
	if *update {
		writeSample(t, path)
		t.Skip("made again: the embedded files are those of the next build")
	}
	d, err := sampleDocument()
	if err != nil {
		t.Fatal(err)
	}
	if d.Plan == nil {
		t.Fatal("the embedded plan is not for the program that the embedded header lowers to: make it again with `go test ./ui/controller -run Sample -update`")
	}
	if d.Verdict.Tone == Bad || d.Predicted == nil || d.Predicted.Timeline == nil {
		t.Errorf("verdict %+v, predicted %v", d.Verdict, d.Predicted)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("the sample model is not fetched: its header is not compared with the embedded one")
	}
	header, err := unzip(sampleHeader)
	if err != nil {
		t.Fatal(err)
	}
	m, err := workflow.OpenHeader(bytes.NewReader(header), d.Plan.Model.Bytes, path)
	if err != nil {
		t.Fatal(err)
	}
	j, err := workflow.Lower(m, d.Request)
	if err != nil {
		t.Fatal(err)
	}
	a, err1 := malloc.InstanceHash(j.Program())
	b, err2 := malloc.InstanceHash(d.Program)
	if err1 != nil || err2 != nil || a != b {
		t.Errorf("the embedded header gives instance %s, the file %s (%v, %v)", a, b, err1, err2)
	}
}

func writeSample(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "..", "assets", "sample")
	write := func(name string, f func(z *gzip.Writer)) {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		f(z)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", name, b.Len())
	}
	write("header.gguf.gz", func(z *gzip.Writer) { _, _ = z.Write(withoutVocabulary(t, data)) })
	m, err := workflow.OpenModel(path)
	if err != nil {
		t.Fatal(err)
	}
	half, _ := workflow.ParseSize("50%")
	r := workflow.Request{HW: uncalibrated, Prompt: 64, Gen: 32, Context: 2048, Dram: half}
	res, err := workflow.MakePlan(context.Background(), m, r, workflow.SearchOptions{Time: 20 * time.Second, Seed: 1}, nil)
	if err != nil {
		t.Logf("auto: %v; by pin-stream instead", err)
		res, err = workflow.MakePlan(context.Background(), m, r, workflow.SearchOptions{Solver: "pin-stream", Time: 10 * time.Second, Seed: 1}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	write("plan.json.gz", func(z *gzip.Writer) { _ = malloc.EncodePlan(z, res.Plan) })
}

// withoutVocabulary is a GGUF header with its long arrays replaced by arrays of
// zero bytes of the same length, so that every offset stays.
func withoutVocabulary(t *testing.T, data []byte) []byte {
	t.Helper()
	le := binary.LittleEndian
	at := 8
	tensors, pairs := le.Uint64(data[at:]), le.Uint64(data[at+8:])
	at += 16
	out := bytes.NewBuffer(bytes.Clone(data[:at]))
	size := map[uint32]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
	text := func() { at += 8 + int(le.Uint64(data[at:])) }
	for range pairs {
		start := at
		text()
		kind := le.Uint32(data[at:])
		at += 4
		value := at
		switch kind {
		case 8:
			text()
		case 9:
			element, n := le.Uint32(data[at:]), int(le.Uint64(data[at+4:]))
			at += 12
			if element == 8 {
				for range n {
					text()
				}
			} else {
				at += n * size[element]
			}
		default:
			at += size[kind]
		}
		if at-start < 4096 {
			out.Write(data[start:at])
			continue
		}
		out.Write(data[start:value])
		head := make([]byte, 12)
		le.PutUint64(head[4:], uint64(at-value-12))
		out.Write(head) // an array of uint8
		out.Write(make([]byte, at-value-12))
	}
	records := at
	for range tensors {
		text()
		at += 4 + 8*int(le.Uint32(data[at:])) + 12
	}
	out.Write(data[records:at])
	if out.Len() != at {
		t.Fatalf("header of %d bytes became %d", at, out.Len())
	}
	return out.Bytes()
}
