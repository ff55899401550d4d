package costmodel

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func val(v float64) Value { return Value{V: v, Source: "s"} }

func rates(kernel, dtype, mode string, threads int, points ...RatePoint) KernelRate {
	return KernelRate{Kernel: kernel, DType: dtype, Mode: mode, Threads: threads, Unit: KernelUnit(kernel), Points: points}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b)) }

func TestComputeAtMeasuredShapes(t *testing.T) {
	x := Executor{Name: "cpu", Kernels: []KernelRate{
		rates(KernelMatMul, "q4_1", ModeFast, 1, RatePoint{1, 512, val(1e9)}, RatePoint{8, 512, val(4e9)}, RatePoint{1, 1536, val(2e9)}, RatePoint{8, 1536, val(5e9)}),
		rates(KernelMatMul, "q4_1", ModeFast, 4, RatePoint{1, 512, val(4e9)}),
		rates(KernelMatMul, Any, ModeFast, 1, RatePoint{1, 0, val(1e8)}),
		rates(KernelAttention, "f16", Any, 1, RatePoint{1, 100, val(1e9)}),
		rates(KernelNorm, "f32", Any, 1, RatePoint{1, 0, val(1e9)}),
		rates(KernelOther, Any, Any, 1, RatePoint{1, 0, val(5e8)}),
	}}
	for _, tc := range []struct {
		name string
		w    Work
		want float64
	}{
		{"a measured point", Work{KernelMatMul, "q4_1", ModeFast, 1, 100, 512, 8, 0}, 100 * 512 * 8 / 4e9},
		{"another", Work{KernelMatMul, "q4_1", ModeFast, 1, 100, 1536, 1, 0}, 100 * 1536 / 2e9},
		{"half way between tokens: mean time", Work{KernelMatMul, "q4_1", ModeFast, 1, 7, 1536, 4, 0}, 7 * 1536 * (1/2e9 + (8/5e9-1/2e9)*3/7)},
		{"half way between k: mean time", Work{KernelMatMul, "q4_1", ModeFast, 1, 7, 1024, 1, 0}, 7 * (512/1e9 + 1536/2e9) / 2},
		{"beyond the last token count: its rate", Work{KernelMatMul, "q4_1", ModeFast, 1, 7, 1536, 80, 0}, 7 * 1536 * 80 / 5e9},
		{"below the first k: its rate", Work{KernelMatMul, "q4_1", ModeFast, 1, 7, 64, 1, 0}, 7 * 64 / 1e9},
		{"between threads: mean rate", Work{KernelMatMul, "q4_1", ModeFast, 2, 100, 512, 1, 0}, 100 * 512 / 2e9},
		{"more threads than measured: no faster", Work{KernelMatMul, "q4_1", ModeFast, 16, 100, 512, 1, 0}, 100 * 512 / 4e9},
		{"another type: the wildcard", Work{KernelMatMul, "q8_0", ModeFast, 1, 10, 10, 1, 0}, 100 / 1e8},
		{"a type as GGUF spells it", Work{KernelMatMul, "Q4_1", ModeFast, 1, 100, 512, 8, 0}, 100 * 512 * 8 / 4e9},
		{"attention counts both products", Work{KernelAttention, "f16", ModeReference, 1, 9, 64, 3, 200}, 2 * 9 * 64 * 3 * 200 / 1e9},
		{"element-wise", Work{KernelNorm, "f32", ModeFast, 1, 0, 576, 4, 0}, 576 * 4 / 1e9},
		{"kernel without an entry", Work{KernelGLU, "f32", ModeFast, 1, 0, 1536, 4, 0}, 1536 * 4 / 5e8},
		{"nothing to do", Work{KernelMatMul, "q4_1", ModeFast, 1, 0, 512, 0, 0}, 0},
	} {
		got, err := x.ComputeS(tc.w)
		if err != nil || !near(got, tc.want) {
			t.Errorf("%s: %g s, want %g: %v", tc.name, got, tc.want, err)
		}
	}
	if _, err := x.ComputeS(Work{KernelMatMul, "q8_0", ModeReference, 1, 1, 1, 1, 0}); err == nil || !strings.Contains(err.Error(), "q4_1/fast") {
		t.Errorf("a matmul must not fall back to another kernel or mode; error %v should list what there is", err)
	}
	if _, err := x.ComputeS(Work{KernelMatMul, "q4_1", ModeFast, 0, 1, 1, 1, 0}); err == nil {
		t.Error("zero threads accepted")
	}
	launch := val(1e-6)
	x.LaunchS = &launch
	if got, _ := x.ComputeS(Work{KernelNorm, "f32", ModeFast, 1, 0, 1000, 1, 0}); !near(got, 2e-6) {
		t.Errorf("with a launch of 1 µs: %g", got)
	}
}

// More rows, tokens or columns never cost less, more threads never more,
// whatever (noisy) rates were measured.
func TestComputeIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kernel := rapid.SampledFrom([]string{KernelMatMul, KernelAttention, KernelNorm}).Draw(t, "kernel")
		var x Executor
		for _, threads := range []int{1, 2, 4} {
			k := rates(kernel, "f32", Any, threads)
			for _, tokens := range []int64{1, 8, 64, 512} {
				for _, length := range []int64{64, 576, 1536} {
					rate := rapid.Float64Range(1e8, 1e11).Draw(t, "rate") * float64(threads)
					k.Points = append(k.Points, RatePoint{tokens, length, val(rate)})
				}
			}
			x.Kernels = append(x.Kernels, k)
			if rapid.Bool().Draw(t, "one thread count") {
				break
			}
		}
		size := func(name string) int64 { return int64(rapid.IntRange(1, 4000).Draw(t, name)) }
		w := Work{kernel, "f32", ModeFast, rapid.IntRange(1, 5).Draw(t, "threads"), size("rows"), size("cols"), size("tokens"), size("kv")}
		base, err := x.ComputeS(w)
		if err != nil {
			t.Fatal(err)
		}
		for _, grow := range []func(*Work, int64){
			func(w *Work, n int64) { w.Rows += n }, func(w *Work, n int64) { w.Cols += n },
			func(w *Work, n int64) { w.Tokens += n }, func(w *Work, n int64) { w.KV += n },
		} {
			v := w
			grow(&v, size("more"))
			if s, err := x.ComputeS(v); err != nil || s < base*(1-1e-9) {
				t.Fatalf("%+v takes %g s, the larger %+v %g: %v", w, base, v, s, err)
			}
		}
	})
}

func TestBandwidths(t *testing.T) {
	x := Executor{Name: "cpu",
		Access: []TierAccess{{Tier: "dram",
			Read: []AccessBW{{1, 0, val(10)}, {1, 100, val(20)}, {2, 10000, val(15)}, {2, 100, val(35)}}}},
		Caches:   []Cache{{Name: "l2", Bytes: Size{10, "s"}, Scope: ScopeCore, Read: []ThreadValue{{1, val(100)}}}, {Name: "l3", Bytes: Size{100, "s"}, UsableBytes: Size{80, "s"}, Scope: ScopeShared, Read: []ThreadValue{{1, val(50)}, {3, val(90)}}}},
		BarrierS: []ThreadValue{{2, val(1e-6)}, {4, val(3e-6)}},
	}
	for _, tc := range []struct {
		threads int
		bytes   int64
		want    float64
	}{
		{1, 0, 10}, {1, 100, 20}, {1, 50, 20}, {1, 1 << 40, 20}, {2, 0, 15}, {2, 100, 35}, {2, 1000, 25}, {2, 1 << 40, 15}, {9, 100, 35},
	} {
		if got, err := x.ReadBW("dram", tc.threads, tc.bytes); err != nil || !near(got, tc.want) {
			t.Errorf("%d threads, %d bytes: %g, want %g: %v", tc.threads, tc.bytes, got, tc.want, err)
		}
	}
	if _, err := x.ReadBW("hbm", 1, 0); err == nil || !strings.Contains(err.Error(), "dram") {
		t.Errorf("unreachable tier: %v", err)
	}
	if _, err := x.WriteBW("dram", 1, 0); err == nil {
		t.Error("a tier without write bandwidth was written")
	}
	if !x.Reaches("dram") || x.Reaches("file") {
		t.Error("reaches")
	}
	c := x.LastLevelCache()
	if c.Name != "l3" || c.BW(2) != 70 || c.BW(8) != 90 || c.ReuseBytes(2) != 80 || x.Caches[0].ReuseBytes(3) != 30 {
		t.Errorf("cache %+v", c)
	}
	if (&Executor{}).LastLevelCache() != nil {
		t.Error("no cache")
	}
	for threads, want := range map[int]float64{1: 0, 2: 1e-6, 3: 2e-6, 4: 3e-6, 9: 3e-6} {
		if got := x.Barrier(threads); !near(got, want) {
			t.Errorf("barrier of %d threads %g, want %g", threads, got, want)
		}
	}
}

func TestStreamTime(t *testing.T) {
	stream := func(v float64) *Value { x := val(v); return &x }
	q4 := func(threads int, bw float64) KernelRate {
		k := rates(KernelMatMul, "q4_1", ModeFast, threads, RatePoint{1, 0, val(1e9)})
		k.StreamBW, k.StreamStartS = stream(bw), stream(bw/100)
		return k
	}
	x := Executor{Name: "cpu",
		Access:  []TierAccess{{Tier: "dram", Read: []AccessBW{{1, 0, val(10)}, {3, 0, val(30)}}}, {Tier: "hbm", Read: []AccessBW{{1, 0, val(99)}}}},
		Kernels: []KernelRate{q4(3, 20), q4(1, 8), rates(KernelMatMul, "f16", Any, 1, RatePoint{1, 0, val(1e9)})},
	}
	for _, tc := range []struct {
		dtype, tier string
		threads     int
		bw, start   float64
	}{
		{"q4_1", "dram", 1, 8, 0.08}, {"q4_1", "dram", 2, 14, 0.14}, {"q4_1", "dram", 3, 20, 0.2}, {"q4_1", "dram", 8, 20, 0.2},
		{"f16", "dram", 3, 30, 0}, {"q4_1", "hbm", 1, 99, 0}, {"q5_k", "dram", 1, 10, 0},
	} {
		got, err := x.StreamS(Work{Kernel: KernelMatMul, DType: tc.dtype, Mode: ModeFast, Threads: tc.threads}, tc.tier, 1000, 0)
		if err != nil || !near(got, tc.start+1000/tc.bw) {
			t.Errorf("%+v: %g: %v", tc, got, err)
		}
	}
	if _, err := x.StreamS(Work{Kernel: KernelMatMul, DType: "f16", Mode: ModeFast, Threads: 1}, "file", 1, 0); err == nil {
		t.Error("streamed from a tier that is not reached")
	}
}

// The profile with the rates of the rules' prototype: two requests of 1 MiB
// reach the disk's rate, and decode is bound by memory.
func TestPeriodicProfile(t *testing.T) {
	p, err := Shipped("test-periodic")
	if err != nil {
		t.Fatal(err)
	}
	l := &p.Links[0]
	if got := l.Throughput(l.RequestBytes, l.Depth); got != 1.8e9 {
		t.Errorf("throughput %g", got)
	}
	if one := l.Throughput(64<<10, 1); one > 0.6*1.8e9 {
		t.Errorf("one request of 64 KiB at a time reaches %g: latency is not modelled", one)
	}
	x := &p.Executors[0]
	s, err := x.ComputeS(Work{KernelMatMul, "q4_1", ModeFast, 1, 1536, 576, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	bw, _ := x.ReadBW("dram", 1, 0)
	if memory := 1536 * 576 * 20 / 32 / bw; s > memory/100 {
		t.Errorf("compute %g s is not negligible beside memory %g s", s, memory)
	}
}

// Lowering asks for tens of thousands of kernel times.
func BenchmarkComputeS(b *testing.B) {
	var x Executor
	for _, dtype := range []string{"q8_0", "q4_0", "f16", "bf16", "f32", "q4_1"} {
		for _, threads := range []int{1, 2, 4} {
			k := rates(KernelMatMul, dtype, ModeFast, threads)
			for _, tokens := range []int64{1, 8, 64, 512} {
				for _, length := range []int64{576, 1536, 4096} {
					k.Points = append(k.Points, RatePoint{tokens, length, val(1e9 * float64(threads))})
				}
			}
			x.Kernels = append(x.Kernels, k)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.ComputeS(Work{KernelMatMul, "Q4_1", ModeFast, 3, 1536, 600, 20, 0}); err != nil {
			b.Fatal(err)
		}
	}
}
