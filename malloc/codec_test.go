package malloc

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
)

// decodeLoopSample is a small instance with every field of the format in use:
// a limited arena, a read-only file, a straight part and a periodic loop.
func decodeLoopSample() *Program {
	off := int64(4096 + 40)
	return &Program{
		Format: InstanceFormat, Name: "sample",
		Source: &Source{Repo: "r", Path: "p", Commit: "c", License: "l", Converter: "v", Notes: "n"},
		Tiers: []Tier{
			{ID: 0, Name: "dram", Capacity: 1 << 20, ReadBW: 16e9, WriteBW: 16e9, LatencyS: 1e-7, Align: 4096, EnergyJPerByt: 1e-11},
			{ID: 1, Name: "file", Capacity: Unlimited, ReadBW: 1.8e9, Align: 1},
		},
		Engines:   []Engine{{ID: 0, From: 1, To: 0, BW: 1.8e9, LatencyS: 1e-4, RequestBytes: 1 << 20, IOAlign: 4096, MaxOutstanding: 2, Order: "fifo", Shares: []int{0}}},
		Model:     CostRules{Memory: "additive", Floor: "compute", Overlap: "steal"},
		Executors: []Executor{{ID: 0, Name: "cpu", Access: []Access{{Tier: 0, ReadBW: 16e9, WriteBW: 16e9}}}},
		Buffers: []Buffer{
			{ID: 0, Name: "w0", Size: 8192, Kind: KindParam, Home: 1, End: EndKeep, HomeOffset: &off, PanelOf: &PanelOf{Name: "w", Row: 0, Rows: 16}},
			{ID: 1, Name: "kv", Size: 4096, Kind: KindKV, Home: 0, End: EndDead, Paged: 1024},
			{ID: 2, Name: "x", Size: 100, Kind: KindActivation, Home: 0, End: EndDead, Class: "c"},
			{ID: 3, Name: "row", Size: 8192, Kind: KindParam, Home: 1, End: EndKeep, Select: &Select{Of: []int{0}, After: 3}},
			{ID: 4, Name: "y", Size: 100, Kind: KindActivation, Home: 0, End: EndDead, Class: "c"},
		},
		Instructions: []Instruction{
			{ID: 0, Name: "prefill", Op: "matmul", ComputeS: 1e-3, FLOPs: 10, Repeat: 2, Group: "g", RunsOn: []RunsOn{{Executor: 0, ComputeS: 1e-3}}, Reads: []Operand{{0, 8192}}, Writes: []Operand{{1, 64}, {2, 100}}, Scratch: map[string]int64{"0": 100}},
			{ID: 1, Name: "embed", Op: "get_rows", ComputeS: 1e-5, Reads: []Operand{{3, 512}}, Writes: []Operand{{2, 100}}},
			{ID: 2, Name: "attn", Op: "attention", ComputeS: 1e-5, Reads: []Operand{{1, 64}, {2, 100}}, Writes: []Operand{{1, 64}, {4, 100}}},
			{ID: 3, Name: "sample", Op: "argmax", ComputeS: 1e-5, Reads: []Operand{{0, 8192}, {4, 100}}, Writes: []Operand{}, Fixed: []Fixed{{Arg: "r0", Tier: 0}}},
		},
		Aliases: []Alias{{Class: "c", Kind: "may", Buffers: []int{2, 4}}},
		Loops:   []Loop{{Begin: 1, End: 4, Trip: 7, Periodic: true, Growth: []Growth{{Buf: 1, Slope: 64}}}},
		Bounds:  &Bounds{AllSlowS: 2, LowerS: 1, LowerMethod: "periodic/1"},
		Ext:     []byte(`{"anything":[1,2]}`),
	}
}

func samplePlan() *Plan {
	return &Plan{Format: PlanFormat, InstanceSHA256: strings.Repeat("a", 64), StructureSHA256: strings.Repeat("0", 64),
		Model:    &ModelRef{Name: "m", Bytes: 5, SHA256: strings.Repeat("1", 64)},
		Lowering: &LoweringRef{Prompt: 1, Gen: 2, Context: 3, Parallel: 1, Ubatch: 4, CTK: "f16", CTV: "f16", Mode: "fast", Threads: 2, PanelBytes: 9},
		Solver:   "demand", Seed: 7, Evaluations: 8, WallS: 0.5,
		Blocks: []Block{{Buf: 0, Tier: 0, Start: 0, End: 1, Offset: 4096}},
		Copies: []Copy{{Buf: 0, Block: 0, Engine: 0, Start: 0, Before: 0, Bytes: 12288, After: -1}, {Buf: 0, Block: 0, Engine: 0, Bytes: 1, Once: true, After: 0}},
		Sites:  []Site{{Instr: 0, Arg: "r0", Tier: 0}}, Runs: []Run{{Instr: 0, Executor: 0}},
		Traffic: []Traffic{{Engine: 0, Bytes: 12288, Requests: 1}}, ClaimedS: 1, PeriodS: 0.1, LowerS: 0.9,
		Trace: [][2]float64{{0.1, 2}}, Ext: &PlanExt{Profile: "p", Notes: map[string]string{"k": "v"}}}
}

func encoded(t testing.TB, p *Program) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := EncodeProgram(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestProgramRoundTrip(t *testing.T) {
	want := decodeLoopSample()
	for _, name := range []string{"a.json", "a.json.gz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := WriteProgram(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadProgram(path)
		if err != nil {
			t.Fatal(err)
		}
		want.SHA256 = got.SHA256 // the writer fills it
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

func TestPlanRoundTrip(t *testing.T) {
	want := samplePlan()
	for _, name := range []string{"a.json", "a.json.gz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := WritePlan(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadPlan(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

func TestWriteKeepsTheOldFileOnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.json")
	if err := WritePlan(path, samplePlan()); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	bad := samplePlan()
	bad.InstanceSHA256 = "short"
	if err := WritePlan(path, bad); err == nil {
		t.Fatal("a plan with a short hash was written")
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the old file changed")
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files are left, 1 expected", len(entries))
	}
}

func TestEmptyAndNullArraysAreOneForm(t *testing.T) {
	text := func(reads, loops string) string {
		return `{"format":"mmap-instance/1","name":"n","tiers":[{"id":0,"name":"f","capacity":-1,"read_bw":1,"write_bw":1,"align":1}],"engines":` + reads +
			`,"model":{"memory":"additive","floor":"compute","overlap":"steal"},"buffers":[],"instructions":[{"id":0,"name":"i","op":"o","compute_s":0,"reads":` + reads + `,"writes":[]}]` + loops + `}`
	}
	var hashes []string
	var first *Program
	for _, s := range []string{text("[]", ""), text("null", `,"loops":null`), text("[]", `,"loops":[]`)} {
		p, err := DecodeProgram(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		h, err := InstanceHash(p)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, h)
		if first == nil {
			first = p
		} else if d := cmp.Diff(first, p); d != "" {
			t.Error(d)
		}
	}
	if hashes[0] != hashes[1] || hashes[1] != hashes[2] {
		t.Error(hashes)
	}
	if s := string(encoded(t, first)); strings.Contains(s, "null") {
		t.Error(s)
	}
}

func TestDecodeProgramRefuses(t *testing.T) {
	good := string(encoded(t, decodeLoopSample()))
	unhashed := strings.Replace(good, good[strings.Index(good, `"sha256"`):strings.Index(good, `"ext"`)], "", 1)
	if _, err := DecodeProgram(strings.NewReader(unhashed)); err != nil {
		t.Fatal("without sha256:", err)
	}
	deep := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown field", `"name":"sample"`, `"name":"sample","colour":1`, `colour`},
		{"unknown nested field", `"id":0,"name":"w0"`, `"colour":1,"id":0,"name":"w0"`, `colour`},
		{"other case", `"size":8192`, `"Size":8192`, `Size`},
		{"twice", `"id":0,"name":"w0"`, `"id":0,"id":0,"name":"w0"`, `duplicate`},
		{"fraction", `"size":8192`, `"size":8192.5`, `8192.5`},
		{"huge integer", `"size":8192`, `"size":9007199254740992`, `buffers[0].size`},
		{"overflow", `"size":8192`, `"size":99999999999999999999`, `99999999999999999999`},
		{"no compute_s", `"compute_s":0.001,`, ``, `instructions[0]: compute_s is required`},
		{"no bytes", `{"buf":0,"bytes":8192}`, `{"buf":0}`, `bytes is required`},
		{"no size", `"size":8192,`, ``, `size is required`},
		{"tier range", `"home":1`, `"home":7`, `buffers[0].home: 7, tiers are 0..1`},
		{"format", `mmap-instance/1`, `mmap-instance/2`, `mmap-instance/2`},
		{"truncated", `"loops"`, `"`, ``},
		{"trailing", `{"anything":[1,2]}}`, `{"anything":[1,2]}} {}`, `follows`},
		{"nesting", `{"anything":[1,2]}`, deep, `depth`},
		{"not an object", good, `[]`, `an object is expected`},
		{"nothing", good, ``, `unexpected EOF`},
		{"invalid UTF-8", `"w0"`, "\"\xff\"", `UTF-8`},
		{"long name", `"name":"w0"`, `"name":"` + strings.Repeat("x", 5000) + `"`, `buffers[0].name: 5000 bytes`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(unhashed, c.old, c.new, 1)
			if c.old == good {
				text = c.new
			}
			_, err := DecodeProgram(strings.NewReader(strings.ReplaceAll(text, `"name": "sample"`, `"name":"sample"`)))
			if c.name == "unknown field" {
				_, err = DecodeProgram(strings.NewReader(strings.Replace(unhashed, `"name": "sample"`, c.new, 1)))
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	t.Run("changed after writing", func(t *testing.T) {
		_, err := DecodeProgram(strings.NewReader(strings.Replace(good, `"compute_s":0.001`, `"compute_s":0.002`, 1)))
		if err == nil || !strings.Contains(err.Error(), "sha256") {
			t.Error(err)
		}
	})
}

func TestGzipBombIsRefused(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, `{"ext":"`)
	zeros := bytes.Repeat([]byte("a"), 1<<20)
	for range 64 {
		z.Write(zeros)
	}
	io.WriteString(z, `"}`)
	z.Close()
	if _, err := DecodeProgram(&b); err == nil || !strings.Contains(err.Error(), "gzip") {
		t.Error(err)
	}
}

// A hostile document must not make the reader allocate far beyond its size.
func TestDecodeAllocatesInProportion(t *testing.T) {
	for name, text := range map[string]string{
		"empty instructions": `{"instructions":[` + strings.Repeat("{},", 1<<20),
		"empty buffers":      `{"buffers":[` + strings.Repeat("{},", 1<<20),
		"nulls":              `{"instructions":[` + strings.Repeat("null,", 1<<20),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := DecodeProgram(strings.NewReader(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(len(text))+8<<20 {
			t.Errorf("%s: %d bytes allocated for %d read", name, got, len(text))
		}
	}
}

// The instance hash, built member by member, is the hash of the whole
// document's canonical JSON.
func TestInstanceHashIsTheCanonicalDocument(t *testing.T) {
	p := decodeLoopSample()
	got, err := InstanceHash(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Bounds, p.Ext = nil, nil
	doc := string(encoded(t, p))
	doc = doc[:strings.Index(doc, ",\n\"sha256\"")] + "}"
	canonical, err := jcs.Transform([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if want := sha256Hex(canonical); got != want {
		t.Errorf("%s, the document's is %s", got, want)
	}
}

func TestHashesReactToWhatTheyCover(t *testing.T) {
	for _, c := range []struct {
		name                string
		change              func(p *Program)
		instance, structure bool
	}{
		{"bounds", func(p *Program) { p.Bounds.LowerS = 9 }, false, false},
		{"sha256", func(p *Program) { p.SHA256 = "x" }, false, false},
		{"ext", func(p *Program) { p.Ext = []byte(`1`) }, false, false},
		{"compute_s", func(p *Program) { p.Instructions[0].ComputeS = 9 }, true, false},
		{"flops", func(p *Program) { p.Instructions[0].FLOPs = 9 }, true, false},
		{"runs_on", func(p *Program) { p.Instructions[0].RunsOn[0].ComputeS = 9 }, true, false},
		{"engine bw", func(p *Program) { p.Engines[0].BW = 9 }, true, false},
		{"engine latency", func(p *Program) { p.Engines[0].LatencyS = 9 }, true, false},
		{"tier read_bw", func(p *Program) { p.Tiers[0].ReadBW = 9 }, true, false},
		{"access bw", func(p *Program) { p.Executors[0].Access[0].ReadBW = 9 }, true, false},
		{"access bw none", func(p *Program) { p.Executors[0].Access[0].ReadBW = 0 }, true, true},
		{"energy", func(p *Program) { p.Tiers[0].EnergyJPerByt = 9 }, true, false},
		{"capacity", func(p *Program) { p.Tiers[0].Capacity++ }, true, true},
		{"size", func(p *Program) { p.Buffers[2].Size++ }, true, true},
		{"bytes", func(p *Program) { p.Instructions[0].Reads[0].Bytes-- }, true, true},
		{"trip", func(p *Program) { p.Loops[0].Trip++ }, true, true},
		{"request_bytes", func(p *Program) { p.Engines[0].RequestBytes++ }, true, true},
		{"pin", func(p *Program) { p.Instructions[3].Fixed = nil }, true, true},
		{"scratch", func(p *Program) { p.Instructions[0].Scratch["0"]++ }, true, true},
		{"select", func(p *Program) { p.Buffers[3].Select.After = -1 }, true, true},
	} {
		p, q := decodeLoopSample(), decodeLoopSample()
		c.change(q)
		for _, h := range []struct {
			name string
			sum  func(*Program) (string, error)
			want bool
		}{{"instance", InstanceHash, c.instance}, {"structure", StructureHash, c.structure}} {
			a, err1 := h.sum(p)
			b, err2 := h.sum(q)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if (a != b) != h.want {
				t.Errorf("%s: %s hash changed: %v, want %v", c.name, h.name, a != b, h.want)
			}
		}
	}
}

func FuzzDecodeProgram(f *testing.F) {
	f.Add(encoded(f, decodeLoopSample()))
	f.Add([]byte(`{"format":"mmap-instance/1","instructions":[{}]}`))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := DecodeProgram(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := DecodeProgram(bytes.NewReader(encoded(t, p)))
		if err != nil {
			t.Fatalf("what was read and written is refused: %v", err)
		}
		again.SHA256 = p.SHA256
		if len(p.Ext) > 0 { // ext keeps its content, not its spelling
			again.Ext = p.Ext
		}
		if d := cmp.Diff(p, again); d != "" {
			t.Error(d)
		}
	})
}

func FuzzDecodePlan(f *testing.F) {
	var b bytes.Buffer
	if err := EncodePlan(&b, samplePlan()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":"mmap-plan/1","blocks":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		plan, err := DecodePlan(bytes.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := EncodePlan(&b, plan); err != nil {
			t.Fatal(err)
		}
		again, err := DecodePlan(&b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(plan, again); d != "" {
			t.Error(d)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	p := decodeLoopSample()
	p.Loops = nil
	p.Buffers[3].Select.After = -1
	for len(p.Instructions) < 100_000 {
		in := p.Instructions[2]
		in.ID = len(p.Instructions)
		in.Name = fmt.Sprint("attn ", in.ID)
		p.Instructions = append(p.Instructions, in)
	}
	text := encoded(b, p)
	b.Run("instance", func(b *testing.B) {
		for b.Loop() {
			if _, err := InstanceHash(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := DecodeProgram(bytes.NewReader(text)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
