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
// size with huge pages and the same threads. Rounds of reading and of decoding
// take turns, because memory that is shared with neighbours changes its speed: the
// share is the median round's, of its median token over its median read; beside it
// stands that of the best token over the best read of all.
func BenchmarkDecode(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			const prompt, gen, rounds, passes = 64, 64, 12, 20
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
			// Bytes a token reads: every weight once, the cache as far as it is filled,
			// in the mean of the tokens.
			bytes := float64(l.Sums.WeightsBytes) + float64(l.Sums.KVBytes)*(prompt+gen/2)/float64(l.Work.Context)
			var shares, tokens, reads []float64
			prefill := 0.0
			for b.Loop() {
				for range rounds {
					read := readTimes(b, p, l.Sums.WeightsBytes, passes)
					res, err := Run(context.Background(), l, plan, in, Options{Pool: p, Files: []*file.File{f}})
					if err != nil {
						b.Fatal(err)
					}
					shares = append(shares, bytes/median(res.IterationS)/(float64(l.Sums.WeightsBytes)/median(read)))
					tokens, reads = append(tokens, res.IterationS...), append(reads, read...)
				}
				prefill = max(prefill, measurePrefill(b, l, p, f, in))
			}
			weights := float64(l.Sums.WeightsBytes)
			b.ReportMetric(1/median(tokens), "tok/s")
			b.ReportMetric(bytes/median(tokens)/1e9, "GB/s")
			b.ReportMetric(weights/median(reads)/1e9, "GB/s-DRAM")
			b.ReportMetric(100*median(shares), "%-of-DRAM")
			b.ReportMetric(100*bytes/slices.Min(tokens)/(weights/slices.Min(reads)), "%-best-of-best")
			b.ReportMetric(prefill, "prefill-tok/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
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

// readTimes sums a buffer with all threads of the pool, passes times: seconds of each.
func readTimes(b *testing.B, p *pool.Pool, bytes int64, passes int) []float64 {
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
	times := make([]float64, passes)
	for i := range times {
		start := time.Now()
		if err := p.Run(ops); err != nil {
			b.Fatal(err)
		}
		times[i] = time.Since(start).Seconds()
	}
	return times
}
