package model_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"strata/model"
	"strata/model/modeltest"
)

func readGGUF(raw []byte) (*model.File, error) {
	return model.ReadGGUF(bytes.NewReader(raw), int64(len(raw)), "test.gguf")
}

// small is a file with every kind of metadata and three tensors.
func small() *modeltest.GGUF {
	g := modeltest.New("llama")
	g.Set("a.u32", uint32(7))
	g.Set("a.i32", int32(-7))
	g.Set("a.u64", uint64(1)<<63)
	g.Set("a.i64", int64(-1)<<40)
	g.Set("a.f32", float32(0.5))
	g.Set("a.bool", true)
	g.Set("a.text", "hé")
	g.Set("a.texts", []string{"x", "", "yz"})
	g.Set("a.ints", []int32{1, -2, 3})
	g.Set("a.floats", []float32{0.25, -8})
	g.Set("a.bools", []bool{true, false})
	g.Add("w", model.Q4_1, 3, 64)
	g.Add("norm", model.F32, 5)
	g.Add("stack", model.F16, 2, 3, 4)
	return g
}

func TestReadGGUF(t *testing.T) {
	for _, version := range []uint32{2, 3} {
		g := small()
		g.Version = version
		raw := g.Bytes()
		f, err := readGGUF(raw)
		if err != nil {
			t.Fatal(err)
		}
		if f.Version != int(version) || f.Alignment != 32 {
			t.Errorf("version %d, alignment %d", f.Version, f.Alignment)
		}
		start := int64(len(g.Header()))
		want := []model.Record{
			{Name: "w", DType: model.Q4_1, Shape: []int64{3, 64}, Offset: start, Bytes: 120},
			{Name: "norm", DType: model.F32, Shape: []int64{5}, Offset: start + 128, Bytes: 20},
			{Name: "stack", DType: model.F16, Shape: []int64{2, 3, 4}, Offset: start + 160, Bytes: 48},
		}
		for i := range want {
			if got := f.Tensors[i]; fmt.Sprint(got) != fmt.Sprint(want[i]) {
				t.Errorf("tensor %d is %+v, want %+v", i, got, want[i])
			}
		}
		check := func(what string, got any, err error, want any) {
			t.Helper()
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: got %v, %v, want %v", what, got, err, want)
			}
		}
		n, err := f.Int("a.i32")
		check("i32", n, err, -7)
		n, err = f.Int("a.i64")
		check("i64", n, err, -1<<40)
		x, err := f.Float("a.f32")
		check("f32", x, err, 0.5)
		x, err = f.Float("a.u32")
		check("u32 as float", x, err, 7)
		b, err := f.Bool("a.bool")
		check("bool", b, err, true)
		s, err := f.Text("a.text")
		check("text", s, err, "hé")
		ss, err := f.Texts("a.texts")
		check("texts", fmt.Sprintf("%q", ss), err, `["x" "" "yz"]`)
		ns, err := f.Ints("a.ints")
		check("ints", ns, err, "[1 -2 3]")
		ns, err = f.Ints("a.bools")
		check("bools", ns, err, "[1 0]")
		xs, err := f.Floats("a.floats")
		check("floats", xs, err, "[0.25 -8]")

		for what, fail := range map[string]func() error{
			"a.text is of type string, expected an integer":                    func() error { _, err := f.Int("a.text"); return err },
			"a.u64 is 9223372036854775808, beyond":                             func() error { _, err := f.Int("a.u64"); return err },
			"none is missing":                                                  func() error { _, err := f.Text("none"); return err },
			"a.texts is of type array of string, expected an array of numbers": func() error { _, err := f.Floats("a.texts"); return err },
			"a.floats is an array of f32, expected integers":                   func() error { _, err := f.Ints("a.floats"); return err },
		} {
			if err := fail(); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("got %v, want %q in it", err, what)
			}
		}
	}
}

// hostile are files that must be refused, with words the error must have.
var hostile = []struct {
	name string
	raw  func() []byte
	want string
}{
	{"empty", func() []byte { return nil }, "magic"},
	{"magic", func() []byte { return []byte("GGML\x03\x00\x00\x00") }, `begins with "GGML"`},
	{"version 1", func() []byte { return header(1, 0, 0) }, "version 1"},
	{"version 4", func() []byte { return header(4, 0, 0) }, "version 4"},
	{"big endian", func() []byte { return header(3<<24, 0, 0) }, "big-endian"},
	{"tensor count", func() []byte { return header(3, 1<<60, 0) }, "tensor count is 1152921504606846976, at most"},
	{"tensor count past the end", func() []byte { return header(3, 1000, 0) }, "tensor count is 1000, but only"},
	{"metadata count", func() []byte { return header(3, 0, 1<<63) }, "metadata count is 9223372036854775808"},
	{"key length", func() []byte { return append(header(3, 0, 1), u64(1<<62, 0, 0)...) }, "key: needs 4611686018427387904 bytes"},
	{"empty key", func() []byte { return append(header(3, 0, 1), u64(0, 0, 0)...) }, "empty key"},
	{"string length", func() []byte { return pair("k", 8, u64(1<<40)) }, "k: needs 1099511627776 bytes"},
	{"value type", func() []byte { return pair("k", 13, u64(0)) }, "k: unknown value type 13"},
	{"element type", func() []byte { return pair("k", 9, append(u32(99), u64(1)...)) }, "k: unknown element type 99"},
	{"array count", func() []byte { return pair("k", 9, append(u32(4), u64(1<<61)...)) }, "element count is 2305843009213693952, but only"},
	{"array of strings", func() []byte { return pair("k", 9, append(u32(8), u64(1, 1<<60)...)) }, "k: needs 1152921504606846976 bytes"},
	{"nested arrays", func() []byte { return pair("k", 9, nested(10)) }, "nested deeper"},
	{"bool", func() []byte { return pair("k", 7, []byte{2, 0, 0, 0, 0, 0, 0, 0}) }, "bool is 2"},
	{"alignment", func() []byte { g := small(); g.Set("general.alignment", uint32(48)); return g.Bytes() }, "general.alignment is 48"},
	{"alignment type", func() []byte { g := small(); g.Set("general.alignment", "32"); return g.Bytes() }, "general.alignment is of type string"},
	{"alignment 0", func() []byte { g := small(); g.Set("general.alignment", uint32(0)); return g.Bytes() }, "general.alignment is 0"},
	{"twice", func() []byte { g := small(); g.Tensors[1].Name = "w"; return g.Bytes() }, `tensor "w" appears twice`},
	{"nameless", func() []byte { g := small(); g.Tensors[1].Name = ""; return g.Bytes() }, "empty name"},
	{"long name", func() []byte { g := small(); g.Tensors[1].Name = strings.Repeat("n", 2000); return g.Bytes() }, "name is 2000 bytes long"},
	{"overlap", func() []byte { g := small(); g.Tensors[1].Offset = 96; return g.Bytes() }, `"w" and "norm" overlap`},
	{"overlap of one byte", func() []byte { return touching(-1).Bytes() }, `"a" and "b" overlap: the first ends at byte`},
	{"misaligned", func() []byte { g := small(); g.Tensors[1].Offset = 132; return g.Bytes() }, `"norm": offset 132 is not a multiple`},
	{"outside", func() []byte { g := small(); raw := g.Bytes(); return raw[:len(raw)-1] }, `tensor "stack": needs bytes`},
	{"far outside", func() []byte { g := small(); g.Tensors[2].Offset = 1 << 61; return hollow(g) }, `tensor "stack": needs bytes`},
	{"offset", func() []byte { g := small(); g.Tensors[2].Offset = -32; return hollow(g) }, "offset 18446744073709551584 is out of range"},
	{"dimensions", func() []byte { g := small(); g.Tensors[0].Shape = []int64{1, 1, 1, 1, 64}; return g.Bytes() }, "5 dimensions"},
	{"no rows", func() []byte { g := small(); g.Tensors[0].Shape = []int64{0, 64}; return g.Bytes() }, "dimension 1 is 0"},
	{"too large", func() []byte { g := small(); g.Tensors[0].Shape = []int64{1 << 40, 1 << 40}; return g.Bytes() }, "beyond 2^62"},
	{"columns", func() []byte { g := small(); g.Tensors[0].Shape = []int64{3, 65}; return g.Bytes() }, "65 columns are not a multiple of the 32-value block of Q4_1"},
	{"type", func() []byte { g := small(); g.Tensors[0].Type = 99; return g.Bytes() }, "unknown tensor type 99"},
	{"removed type", func() []byte { g := small(); g.Tensors[0].Type = 31; return g.Bytes() }, "Q4_0_4_4 was removed"},
	{"safetensors' type", func() []byte { g := small(); g.Tensors[0].Type = model.U8; return g.Bytes() }, "unknown tensor type 65536"},
	{"key twice", func() []byte { return twoPairs() }, `key "k" appears twice`},
}

// touching has two tensors of single bytes, shift bytes apart.
func touching(shift int64) *modeltest.GGUF {
	g := modeltest.New("any")
	g.Align = 1
	g.Set("general.alignment", uint32(1))
	g.Add("a", model.I8, 10)
	g.Add("b", model.I8, 10)
	g.Tensors[1].Offset += shift
	return g
}

func header(version uint32, tensors, pairs uint64) []byte {
	return append(append([]byte("GGUF"), u32(version)...), u64(tensors, pairs)...)
}

func u32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

func u64(vs ...uint64) (out []byte) {
	for _, v := range vs {
		out = binary.LittleEndian.AppendUint64(out, v)
	}
	return out
}

func pair(key string, kind uint32, rest []byte) []byte {
	out := append(header(3, 0, 1), u64(uint64(len(key)))...)
	return append(append(append(out, key...), u32(kind)...), rest...)
}

func twoPairs() []byte {
	one := pair("k", 4, u32(1))
	out := header(3, 0, 2)
	out = append(out, one[24:]...)
	return append(out, one[24:]...)
}

func nested(depth int) (out []byte) {
	for range depth {
		out = append(append(out, u32(9)...), u64(1)...)
	}
	return append(append(out, u32(4)...), u64(0, 0, 0)...)
}

// hollow is a file whose tensors lie too far away to be written.
func hollow(g *modeltest.GGUF) []byte { return append(g.Header(), make([]byte, 256)...) }

func TestHostileGGUF(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			raw := c.raw()
			var err error
			grown := allocated(func() { _, err = readGGUF(raw) })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "test.gguf: ") {
				t.Errorf("%v does not name the file", err)
			}
			if most := uint64(len(raw)) + allocationConstant; grown > most {
				t.Errorf("allocated %d bytes for a file of %d", grown, len(raw))
			}
		})
	}
}

func TestTouchingTensors(t *testing.T) {
	for _, shift := range []int64{0, 1} {
		if _, err := readGGUF(touching(shift).Bytes()); err != nil {
			t.Errorf("%d bytes apart: %v", shift, err)
		}
	}
}

// allocationConstant is what reading any file may allocate beyond its size: a
// 64 KiB buffer and small change.
const allocationConstant = 256 << 10

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Arrays stay in the file: reading the header of a vocabulary of 32 MiB costs no
// more than that of an empty file.
func TestArraysStayInTheFile(t *testing.T) {
	g := small()
	g.Set("tokenizer.ggml.tokens", slices.Repeat([]string{"a token of text"}, 1<<20))
	g.Set("tokenizer.ggml.scores", make([]float32, 1<<20))
	raw := g.Bytes()
	var f *model.File
	var err error
	if grown := allocated(func() { f, err = readGGUF(raw) }); err != nil || grown > allocationConstant {
		t.Errorf("%d bytes allocated, %v", grown, err)
	}
	if n := f.Len("tokenizer.ggml.tokens"); n != 1<<20 {
		t.Errorf("%d tokens", n)
	}
}

// A file cut anywhere is refused, never misread, and never costs more memory.
func TestTruncatedGGUF(t *testing.T) {
	raw := small().Bytes()
	for n := range raw {
		if _, err := readGGUF(raw[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(raw))
		}
	}
}

func TestSplitGGUF(t *testing.T) {
	dir := t.TempDir()
	g := modeltest.Small()[0].GGUF()
	for i := range g.Tensors {
		g.Tensors[i].Data = []byte(g.Tensors[i].Name) // to find it again
	}
	paths, err := g.WriteSplit(dir, "m", 3)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := readGGUF(g.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		f, err := model.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Shards) != 3 || f.Shards[2].Path != paths[2] || len(f.Tensors) != len(whole.Tensors) {
			t.Fatalf("%d shards, %d tensors", len(f.Shards), len(f.Tensors))
		}
		for i, r := range f.Tensors {
			w := whole.Tensors[i]
			if r.Name != w.Name || r.Bytes != w.Bytes || !slices.Equal(r.Shape, w.Shape) {
				t.Errorf("tensor %d is %v, want %v", i, r, w)
			}
			shard, err := os.ReadFile(f.Shards[r.Shard].Path)
			if err != nil || r.Offset+r.Bytes > int64(len(shard)) || !bytes.HasPrefix(shard[r.Offset:], []byte(r.Name)) {
				t.Errorf("tensor %v is not where its record says (%v)", r, err)
			}
		}
	}
	src, err := model.Load(dir)
	if err != nil || len(src.Shards) != 3 {
		t.Fatalf("the folder: %v", err)
	}
	if _, err := model.Build(src, model.BuildOptions{}); err != nil {
		t.Error(err)
	}

	refuse := func(path, want string) {
		t.Helper()
		if _, err := model.Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	renamed := filepath.Join(dir, "renamed.gguf")
	if err := os.Rename(paths[0], renamed); err != nil {
		t.Fatal(err)
	}
	refuse(renamed, "is one of 3 shards")
	refuse(paths[1], "shard 1 of 3")
	if err := os.Link(paths[1], paths[0]); err != nil {
		t.Fatal(err)
	}
	refuse(paths[1], "split.no is 1, but the file name says 0")
	refuse(filepath.Join(dir, "m-00004-of-00003.gguf"), "shard 4 of 3")
	refuse(dir, "not a regular file")
}

// Whatever tensors a file holds, they are read back as written, and the file is
// refused as soon as two of them share a byte.
func TestGGUFRoundTripProperty(t *testing.T) {
	types := slices.DeleteFunc(model.DTypes(), func(t model.DType) bool { return t >= model.U8 })
	rapid.Check(t, func(t *rapid.T) {
		g := modeltest.New("any")
		g.Align = 1 << rapid.IntRange(0, 12).Draw(t, "alignment")
		g.Set("general.alignment", g.Align)
		n := rapid.IntRange(1, 12).Draw(t, "tensors")
		for i := range n {
			dt := rapid.SampledFrom(types).Draw(t, "type")
			block, _ := dt.Block()
			shape := rapid.SliceOfN(rapid.Int64Range(1, 5), 1, 4).Draw(t, "shape")
			shape[len(shape)-1] *= block
			g.Add(fmt.Sprintf("t%d", i), dt, shape...)
		}
		raw := g.Bytes()
		f, err := readGGUF(raw)
		if err != nil {
			t.Fatal(err)
		}
		start := int64(len(raw)) - g.DataBytes()
		for i, w := range g.Tensors {
			r := f.Tensors[i]
			if r.Name != w.Name || r.DType != w.Type || !slices.Equal(r.Shape, w.Shape) || r.Offset != start+w.Offset || r.Bytes != w.Bytes {
				t.Fatalf("read %+v, written %+v", r, w)
			}
		}
		if n < 2 {
			return
		}
		a := rapid.IntRange(0, n-1).Draw(t, "moved")
		b := (a + rapid.IntRange(1, n-1).Draw(t, "onto")) % n
		g.Tensors[a].Offset = g.Tensors[b].Offset
		if _, err := readGGUF(append(g.Bytes(), make([]byte, 1<<20)...)); err == nil || !strings.Contains(err.Error(), "overlap") {
			t.Fatalf("two tensors at one place: %v", err)
		}
	})
}

func FuzzGGUF(f *testing.F) {
	f.Add(small().Bytes())
	f.Add(modeltest.Small()[3].GGUF().Header())
	for _, c := range hostile {
		f.Add(c.raw())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := readGGUF(raw)
		if err != nil {
			return
		}
		for _, r := range file.Tensors {
			if r.Offset < 0 || r.Bytes < 0 || r.Offset+r.Bytes > int64(len(raw)) {
				t.Fatalf("%v is outside the %d bytes", r, len(raw))
			}
		}
		for _, k := range file.Keys() {
			// Whatever a field is, reading it as anything gives a value or an error.
			file.Int(k)
			file.Float(k)
			file.Text(k)
			file.Texts(k)
			file.Ints(k)
			file.Floats(k)
		}
		if src, err := model.FromGGUF(file, "test.gguf"); err == nil {
			for _, assumed := range []bool{false, true} {
				if g, err := model.Build(src, model.BuildOptions{AllowAssumed: assumed}); err == nil {
					checkGraph(t, g)
				}
			}
		}
	})
}
