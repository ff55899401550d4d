package kerneltest

import (
	"testing"
	"time"
	"unsafe"

	"strata/kernels/op"
	"strata/kernels/pool"
)

// NewMemory is an arena of size bytes that are all written once, so that reading them reads memory and not
// the kernel's page of zeros.
func NewMemory(tb testing.TB, size int64) []byte {
	tb.Helper()
	words := NewArena(tb, int(size)).Uint64s(size / 8)
	for i := range words {
		words[i] = uint64(i) * 0x9e3779b97f4a7c15
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
}

// ReadBandwidth is the best of several reads of the buffer by all threads of the pool, in bytes per second.
func ReadBandwidth(tb testing.TB, p *pool.Pool, buffer []byte) float64 {
	tb.Helper()
	sum := NewArena(tb, 64).Bytes(8)
	list := []op.Op{op.ReadSum(int64(len(buffer)), Addr(buffer), Addr(sum)).WithTiming()}
	best := time.Duration(1 << 62)
	for range 10 {
		if err := p.Run(list); err != nil {
			tb.Fatal(err)
		}
		best = min(best, time.Duration(list[0].EndNs-list[0].StartNs))
	}
	return float64(len(buffer)) / best.Seconds()
}

// ReportBest runs the list b.N times and reports the best time's bytes per second and their ratio to the
// read bandwidth of memory measured beside it on the same buffer. Best, because cores are often shared.
func ReportBest(b *testing.B, p *pool.Pool, list []op.Op, bytes int64, memory []byte) time.Duration {
	b.Helper()
	bandwidth := ReadBandwidth(b, p, memory)
	best := time.Duration(1 << 62)
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		if err := p.Run(list); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.StopTimer()
	bandwidth = max(bandwidth, ReadBandwidth(b, p, memory))
	rate := float64(bytes) / best.Seconds()
	b.ReportMetric(rate/1e9, "GB/s")
	b.ReportMetric(rate/bandwidth, "of-read-bandwidth")
	b.ReportMetric(bandwidth/1e9, "read-GB/s")
	return best
}

// Uint64s gives n zeros.
func (a *Arena) Uint64s(n int64) []uint64 {
	a.tb.Helper()
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(a.Bytes(8*n)))), n)
}
