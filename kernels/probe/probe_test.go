package probe_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
)

// The probe's sum proves that every word was read once.
func TestReadSumReadsEveryWord(t *testing.T) {
	kerneltest.EachISA(t, func(t *testing.T) {
		p := kerneltest.NewPool(t, 3)
		for _, words := range []int64{0, 1, 15, 8192, 8193, 100_000} {
			arena := kerneltest.NewArena(t, 1<<20)
			x, sum := arena.Uint64s(words), arena.Uint64s(1)
			r := rand.New(rand.NewPCG(1, uint64(words)))
			var want uint64
			for i := range x {
				x[i] = r.Uint64()
				want += x[i]
			}
			kerneltest.Run(t, p, op.ReadSum(8*words, kerneltest.Addr(x), kerneltest.Addr(sum)))
			if sum[0] != want {
				t.Errorf("%d words: sum %#x, want %#x", words, sum[0], want)
			}
		}
	})
}

// BenchmarkBarrier is the cost of one barrier, in a list of a thousand.
func BenchmarkBarrier(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			p := kerneltest.NewPool(b, threads)
			list := make([]op.Op, 1000)
			for i := range list {
				list[i] = op.Nop().WithBarrier()
				list[i].Tokens = int64(threads)
			}
			best := time.Duration(1 << 62)
			for range b.N {
				start := time.Now()
				if err := p.Run(list); err != nil {
					b.Fatal(err)
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(best.Nanoseconds())/1000, "ns/barrier")
		})
	}
}

func BenchmarkReadSum(b *testing.B) {
	for _, size := range []int64{1 << 19, 16 << 20, 96 << 20} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("MiB=%v/threads=%d", float64(size)/(1<<20), threads), func(b *testing.B) {
				memory := kerneltest.NewMemory(b, size)
				p := kerneltest.NewPool(b, threads)
				for range b.N {
					b.ReportMetric(kerneltest.ReadBandwidth(b, p, memory)/1e9, "GB/s")
				}
			})
		}
	}
}
