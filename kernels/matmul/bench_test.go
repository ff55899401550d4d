package matmul_test

import (
	"fmt"
	"testing"

	"strata/kernels/kerneltest"
)

// BenchmarkMatmul reads 48 MiB of weights a call for one token, 1 MiB for 64 tokens.
func BenchmarkMatmul(b *testing.B) {
	memory := kerneltest.NewMemory(b, 96<<20)
	for _, types := range pairs() {
		for _, tokens := range []int64{1, 64} {
			b.Run(fmt.Sprintf("w=%v/x=%v/tokens=%d", types[0], types[1], tokens), func(b *testing.B) {
				const k = 576
				o := random(kerneltest.NewArena(b, 64<<20), 1, types[0], types[1], tokens, 1, k)
				rowBytes := int64(len(o.w))
				n := int64(48<<20) / rowBytes
				if tokens > 1 {
					n /= 48
				}
				o = random(kerneltest.NewArena(b, 72<<20), 1, types[0], types[1], tokens, n, k)
				list := o.ops(0, n)
				best := kerneltest.ReportBest(b, kerneltest.NewPool(b, 1), list, n*rowBytes, memory)
				b.ReportMetric(2*float64(n*k*tokens)/best.Seconds()/1e9, "GOP/s")
			})
		}
	}
}
