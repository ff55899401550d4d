package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"strata/costmodel"
	"strata/engine/file"
	"strata/kernels/op"
	"strata/kernels/pool"
	"strata/model/modeltest"
	"strata/trace"
)

// BenchmarkDecode is the headline: decoding with everything resident, as a share
// of the DRAM read bandwidth measured in the same run on a buffer of the model's
// size with huge pages and the same threads. Both are the best of several.
func BenchmarkDecode(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			const prompt, gen, rounds = 64, 64, 3
			l := lowerSample(b, costmodel.ModeFast, prompt, gen, threads)
			plan := everythingResident(l)
			f, err := file.Open(modeltest.Sample(b))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			p, err := pool.New(threads)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			in := Input{Prompt: make([]int32, prompt)}
			for i := range in.Prompt {
				in.Prompt[i] = int32(1000 + 37*i)
			}
			// Bytes a token reads: every weight once, the cache as far as it is filled.
			weights := float64(l.Sums.WeightsBytes)
			best, prefill, read := 0.0, 0.0, 0.0
			for b.Loop() {
				for range rounds {
					read = max(read, readBandwidth(b, p, l.Sums.WeightsBytes))
					res, err := Run(context.Background(), l, plan, in, Options{Pool: p, Files: []*file.File{f}})
					if err != nil {
						b.Fatal(err)
					}
					best = max(best, 1/slices.Min(res.IterationS))
					prefill = max(prefill, measurePrefill(b, l, p, f, in))
				}
			}
			b.ReportMetric(best, "tok/s")
			b.ReportMetric(best*weights/1e9, "GB/s")
			b.ReportMetric(read/1e9, "GB/s-DRAM")
			b.ReportMetric(100*best*weights/read, "%-of-DRAM")
			b.ReportMetric(prefill, "prefill-tok/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// measurePrefill is prefill without the reading of the file: the second ubatch of
// a prompt twice as long finds its weights in memory.
func measurePrefill(b *testing.B, l *costmodel.Lowered, p *pool.Pool, f *file.File, in Input) float64 {
	b.Helper()
	long := lowerSample(b, costmodel.ModeFast, 1024, 1, l.Work.Threads)
	prompt := make([]int32, 1024)
	for i := range prompt {
		prompt[i] = in.Prompt[i%len(in.Prompt)]
	}
	res, err := Run(context.Background(), long, everythingResident(long), Input{Prompt: prompt}, Options{Pool: p, Files: []*file.File{f}, TraceIterations: 1})
	if err != nil {
		b.Fatal(err)
	}
	first, last := -1.0, 0.0
	for _, s := range res.Timeline.Lanes[0].Slices {
		if s.Kind == trace.Compute && long.Program.Instructions[s.Ref].Ref.Ubatch == 1 {
			if first < 0 {
				first = s.StartS
			}
			last = s.EndS
		}
	}
	return 512 / (last - first)
}

// readBandwidth sums a buffer with all threads of the pool, best of several.
func readBandwidth(b *testing.B, p *pool.Pool, bytes int64) float64 {
	b.Helper()
	a, err := newArena(bytes)
	if err != nil {
		b.Fatal(err)
	}
	defer a.close()
	for i := 0; i < len(a.mem); i += pageBytes {
		a.mem[i] = 1
	}
	var sum [8]byte
	ops := []op.Op{op.ReadSum(bytes/8*8, a.at(0), uintptr(unsafe.Pointer(&sum[0]))).WithBarrier()}
	best := time.Hour
	for range 20 {
		start := time.Now()
		if err := p.Run(ops); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	return float64(bytes) / best.Seconds()
}
