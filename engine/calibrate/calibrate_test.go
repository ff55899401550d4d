package calibrate

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"strata/costmodel"
	"strata/engine/file"
	"strata/kernels/op"
)

// quick measures little and therefore badly: enough to see that every part works.
func quick(t *testing.T) Options {
	shape := DefaultShape()
	shape.Widths = []int64{576}
	return Options{TempDir: t.TempDir(), Threads: []int{2, 1}, Shape: shape, Budget: 2 * time.Second, ModelBytes: 32 << 20, Name: "test", bufferBytes: 128 << 20, tempFileBytes: 16 << 20}
}

func TestRun(t *testing.T) {
	opt := quick(t)
	var parts []string
	last := Progress{}
	opt.Progress = func(p Progress) {
		if p.Done < last.Done || p.Done > p.Total || last.Total != 0 && p.Total != last.Total {
			t.Errorf("progress went from %+v to %+v", last, p)
		}
		if p.Part != last.Part {
			parts = append(parts, p.Part)
		}
		last = p
	}
	p, err := Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if last.Done != last.Total {
		t.Errorf("progress ended at %+v", last)
	}
	if diff := cmp.Diff([]string{"memory", "cache", "barrier", "streams", "file", "overlap", "kernels"}, parts); diff != "" {
		t.Errorf("parts: %s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(opt.TempDir, "*")); len(left) > 0 {
		t.Errorf("files left behind: %v", left)
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := costmodel.ParseProfile("again", data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("round trip: %s", diff)
	}
	if p.Kind != costmodel.ProfileMeasured || p.Name != "test" || p.Host == nil || p.Host.Cores < 1 || p.Host.MemoryBytes <= 0 {
		t.Errorf("head: %q %q %+v", p.Kind, p.Name, p.Host)
	}

	dram, err := p.Tier("dram")
	if err != nil || dram.CapacityBytes.V > p.Host.MemoryBytes || dram.CapacityBytes.V <= 0 {
		t.Errorf("dram %+v of %d: %v", dram, p.Host.MemoryBytes, err)
	}
	l := p.Links[0]
	if l.From != "file" || l.To != "dram" || l.Depth < 2 || l.RequestBytes < 256<<10 || len(l.Curve) != len(curvePoints) {
		t.Errorf("link %+v", l)
	}
	if got := l.Throughput(l.RequestBytes, l.Depth); math.Abs(got/l.BW.V-1) > 1e-9 {
		t.Errorf("the link's model gives %g at the point chosen, measured were %g", got, l.BW.V)
	}
	if l.State == costmodel.LinkCached && !strings.Contains(p.Notes, "memory") && !strings.Contains(p.Notes, "cache") {
		t.Errorf("cached without a note: %q", p.Notes)
	}

	x := &p.Executors[0]
	for _, threads := range []int{1, 2} {
		bw, err := x.ReadBW("dram", threads, 0)
		if err != nil || bw < 1e8 || bw > 1e13 {
			t.Errorf("%d threads read at %g: %v", threads, bw, err)
		}
		if c := x.LastLevelCache(); c != nil && (c.BW(threads) < bw || c.ReuseBytes(threads) > c.Bytes.V) {
			t.Errorf("cache %+v beside memory at %g", c, bw)
		}
		for _, mode := range []string{costmodel.ModeFast, costmodel.ModeReference} {
			for _, ty := range weightTypes {
				w := costmodel.Work{Kernel: costmodel.KernelMatMul, DType: ty.String(), Mode: mode, Threads: threads, Rows: 1536, Cols: 576, Tokens: 1}
				one, err := x.ComputeS(w)
				if err != nil || one <= 0 || one > 1 {
					t.Errorf("%+v: %g s: %v", w, one, err)
				}
				if s, err := x.StreamS(w, "dram", 1e6, 0); err != nil || s < 1e6/bw || s > 1 {
					t.Errorf("%+v streams 1 MB in %g s, memory reads %g B/s: %v", w, s, bw, err)
				}
			}
			for _, kernel := range []string{costmodel.KernelNorm, costmodel.KernelRope, costmodel.KernelGLU, costmodel.KernelAdd, costmodel.KernelQuantize, costmodel.KernelSample} {
				if s, err := x.ComputeS(costmodel.Work{Kernel: kernel, DType: "f32", Mode: mode, Threads: threads, Cols: 576, Tokens: 7}); err != nil || s <= 0 {
					t.Errorf("%s: %g s: %v", kernel, s, err)
				}
			}
			for _, ty := range []string{"f16", "f32"} {
				for _, kernel := range []string{costmodel.KernelAttention, costmodel.KernelStoreKV, costmodel.KernelEmbed} {
					if s, err := x.ComputeS(costmodel.Work{Kernel: kernel, DType: ty, Mode: mode, Threads: threads, Rows: 9, Cols: 64, Tokens: 1, KV: 100}); err != nil || s <= 0 {
						t.Errorf("%s %s: %g s: %v", kernel, ty, s, err)
					}
				}
			}
		}
	}
	if o := p.Overlap; o.ComputeSlowdown.V < 1 || o.CopySlowdown.V < 1 || o.CopyComputeFraction.V < 0 || o.CopyComputeFraction.V > 1 {
		t.Errorf("overlap %+v", o)
	}
}

// Cancelling in any part ends the run with the context's error and nothing left.
func TestCancel(t *testing.T) {
	for _, part := range []string{"file", "kernels"} {
		opt := quick(t)
		ctx, cancel := context.WithCancel(context.Background())
		opt.Progress = func(p Progress) {
			if p.Part == part {
				cancel()
			}
		}
		p, err := Run(ctx, opt)
		cancel()
		if !errors.Is(err, context.Canceled) || p != nil {
			t.Errorf("cancelled in %s: %v", part, err)
		}
		if left, _ := filepath.Glob(filepath.Join(opt.TempDir, "*")); len(left) > 0 {
			t.Errorf("cancelled in %s: files left behind: %v", part, left)
		}
	}
}

func TestRunErrors(t *testing.T) {
	opt := quick(t)
	opt.ModelPath = filepath.Join(opt.TempDir, "no-model.gguf")
	if _, err := Run(context.Background(), opt); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no-model.gguf") {
		t.Errorf("missing model: %v", err)
	}
	opt = quick(t)
	opt.TempDir = filepath.Join(opt.TempDir, "nowhere")
	if _, err := Run(context.Background(), opt); err == nil || !strings.Contains(err.Error(), "give a model file") {
		t.Errorf("no temporary folder: %v", err)
	}
	opt = quick(t)
	opt.Threads = []int{0}
	if _, err := Run(context.Background(), opt); err == nil {
		t.Error("zero threads accepted")
	}
	opt = quick(t)
	opt.bufferBytes = 1 << 20
	if _, err := Run(context.Background(), opt); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("too little memory: %v", err)
	}
}

func TestReadFor(t *testing.T) {
	open := func(bytes int) *file.File {
		path := filepath.Join(t.TempDir(), "model")
		if err := os.WriteFile(path, make([]byte, bytes), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := file.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	f := open(3<<20 + 100)
	p, err := readFor(context.Background(), f, 1<<20, 2, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", p)
	if p.BW <= 0 || p.Requests < 3 || p.Bytes < 3<<20 || p.State == "" {
		t.Errorf("reading %+v", p)
	}
	small := open(100)
	if _, err := readFor(context.Background(), small, 1<<20, 2, time.Millisecond); err == nil || !strings.Contains(err.Error(), small.Path()) {
		t.Errorf("a file of 100 bytes: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := readFor(ctx, f, 1<<20, 2, time.Millisecond); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestProbeStream(t *testing.T) {
	cpu := &costmodel.Executor{Name: "cpu"}
	bw, err := ProbeStream(context.Background(), cpu, Stream{Type: "q8_0", Mode: costmodel.ModeFast, Threads: 1, Width: 576, Bytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if bw < 1e8 || bw > 1e13 {
		t.Errorf("%g bytes/s", bw)
	}
	for _, s := range []Stream{
		{Type: "q9_9", Mode: costmodel.ModeFast, Threads: 1, Width: 576, Bytes: 8 << 20},
		{Type: "q8_0", Mode: costmodel.ModeFast, Threads: 1, Width: 577, Bytes: 8 << 20},
		{Type: "q8_0", Mode: costmodel.ModeFast, Threads: 1, Width: 576, Bytes: 1},
		{Type: "q8_0", Mode: costmodel.ModeFast, Threads: 0, Width: 576, Bytes: 8 << 20},
	} {
		if _, err := ProbeStream(context.Background(), cpu, s); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

func TestLinkFromCurve(t *testing.T) {
	point := func(kib int64, depth int, bw float64) costmodel.CurvePoint {
		return costmodel.CurvePoint{RequestBytes: kib << 10, Depth: depth, BW: costmodel.Value{V: bw}}
	}
	small := point(4, 1, 50e6) // 82 µs
	for _, tc := range []struct {
		name    string
		curve   []costmodel.CurvePoint
		kib     int64
		depth   int
		latency float64
	}{
		{"two in flight reach the disk", []costmodel.CurvePoint{small, point(1024, 1, 1.5e9), point(1024, 2, 1.83e9), point(4096, 2, 1.84e9), point(1024, 4, 1.85e9)},
			1024, 2, 1048576/1.5e9 - 1048576/1.83e9},
		{"four are needed", []costmodel.CurvePoint{small, point(1024, 1, 1.5e9), point(1024, 2, 1.7e9), point(1024, 4, 2.4e9)}, 1024, 4, 1048576/1.5e9 - 1048576/2.4e9},
		{"larger requests are needed", []costmodel.CurvePoint{small, point(1024, 2, 1e9), point(4096, 1, 1.9e9), point(4096, 2, 2e9)}, 4096, 2, 4194304/1.9e9 - 4194304/2e9},
		{"one in flight is never chosen", []costmodel.CurvePoint{small, point(1024, 1, 9e9), point(1024, 2, 1e9)}, 1024, 2, 4096/50e6 - 4096/1e9},
		{"latency no more than two hide", []costmodel.CurvePoint{small, point(1024, 1, 1e9), point(1024, 2, 4e9)}, 1024, 2, 1048576 / 4e9},
		{"a small file has small requests only", []costmodel.CurvePoint{small, point(64, 1, 4e8), point(64, 2, 5e8)}, 64, 2, 4096/50e6 - 4096/5e8},
	} {
		l := linkFrom(tc.curve, costmodel.LinkDirect)
		if l.RequestBytes != tc.kib<<10 || l.Depth != tc.depth || math.Abs(l.LatencyS.V-tc.latency) > 1e-9 {
			t.Errorf("%s: %d KiB, depth %d, latency %g; want %d, %d, %g", tc.name, l.RequestBytes>>10, l.Depth, l.LatencyS.V, tc.kib, tc.depth, tc.latency)
		}
		if got := l.Throughput(l.RequestBytes, l.Depth); math.Abs(got/l.BW.V-1) > 1e-9 {
			t.Errorf("%s: the model gives %g at the chosen point, measured were %g", tc.name, got, l.BW.V)
		}
	}
}

func TestSummarise(t *testing.T) {
	for _, tc := range []struct {
		samples []float64
		want    measurement
	}{
		{nil, measurement{}},
		{[]float64{3}, measurement{3, 0}},
		{[]float64{4, 2}, measurement{3, 0.5 / 3}},
		{[]float64{5, 1, 3, 2, 4}, measurement{3, 1. / 3}},
		{[]float64{10, 10, 10, 1000, 10}, measurement{10, 0}},
	} {
		if got := summarise(tc.samples); got != tc.want {
			t.Errorf("%v: %+v, want %+v", tc.samples, got, tc.want)
		}
	}
}

func TestHostReaders(t *testing.T) {
	for s, want := range map[string]int64{"32768K": 32 << 20, "32M": 32 << 20, "512": 512, "": 0, "x": 0, "-1K": 0, "99999999999999M": 0} {
		if got := cacheSize(s); got != want {
			t.Errorf("cache size %q: %d, want %d", s, got, want)
		}
	}
	for s, want := range map[string]int64{"16 kB": 16 << 10, "": 0, "-5 kB": 0} {
		if got := kibibytes(s); got != want {
			t.Errorf("memory %q: %d, want %d", s, got, want)
		}
	}
	if free, err := AvailableMemory(); err != nil || free <= 0 || free > kibibytes(procField("/proc/meminfo", "MemTotal")) {
		t.Errorf("available %d: %v", free, err)
	}
	if n := PhysicalCores(); n < 1 {
		t.Errorf("%d cores", n)
	}
}

// Measured operands are ordinary numbers in every type.
func TestFillWeights(t *testing.T) {
	for _, ty := range weightTypes {
		const k = 64
		row := make([]byte, op.RowBytes(ty, k))
		fillWeights(ty, row, int64(len(row)), k)
		zero := 0
		for _, b := range row {
			if b == 0 {
				zero++
			}
		}
		if zero > len(row)/4 {
			t.Errorf("%v: %d of %d bytes are zero", ty, zero, len(row))
		}
	}
}

// A memory file system accepts direct I/O, but the operating system reads nothing
// from storage: the probe must not call that a disk.
func TestMemoryFileSystemIsCached(t *testing.T) {
	const shm = "/dev/shm"
	if got := fileSystem(shm); got != "tmpfs" {
		t.Skipf("not run: %s is %q, not a memory file system", shm, got)
	}
	f, err := os.CreateTemp(shm, "strata-test-*")
	if err != nil {
		t.Skipf("not run: %v", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4<<20))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Skipf("not run: %v", err)
	}
	opened, err := file.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	p, err := readFor(context.Background(), opened, 1<<20, 2, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if p.State != costmodel.LinkCached || p.BW <= 0 {
		t.Errorf("reads of a memory file system: %+v", p)
	}
}
