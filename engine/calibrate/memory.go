package calibrate

import (
	"context"
	"fmt"
	"math"
	"unsafe"

	"strata/costmodel"
	"strata/engine/memory"
	"strata/kernels/op"
	"strata/kernels/pool"
)

// buffer is anonymous memory in huge pages where the system gives them.
type buffer struct {
	region *memory.Region
	mem    []byte // what is measured
	used   int64
}

// newBuffer takes whole huge pages, so that small rings of a disk measurement are
// as contiguous as an arena is.
func newBuffer(bytes int64) (*buffer, error) {
	r, err := memory.Map((bytes + memory.HugeBytes - 1) / memory.HugeBytes * memory.HugeBytes)
	if err != nil {
		return nil, fmt.Errorf("memory to measure: %w", err)
	}
	return &buffer{region: r, mem: r.Bytes()}, nil
}

func (b *buffer) close() {
	if b.region != nil {
		b.region.Close()
		b.region, b.mem = nil, nil
	}
}

// reset makes all of the buffer available again.
func (b *buffer) reset() { b.used = 0 }

// take hands out page-aligned bytes until reset.
func (b *buffer) take(bytes int64) ([]byte, error) {
	bytes = (bytes + 4095) &^ 4095
	if bytes > int64(len(b.mem))-b.used {
		return nil, fmt.Errorf("calibration needs %d bytes more than the %d it reserved", bytes-(int64(len(b.mem))-b.used), len(b.mem))
	}
	s := b.mem[b.used : b.used+bytes : b.used+bytes]
	b.used += bytes
	return s, nil
}

func addr(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// timedRun runs ops and returns the seconds from the first's start to the last's
// end; both must be timed.
func timedRun(p *pool.Pool, ops []op.Op) (float64, error) {
	ops[0].Flags |= op.Timed
	ops[len(ops)-1].Flags |= op.Timed
	if err := p.Run(ops); err != nil {
		return 0, err
	}
	return float64(max(ops[len(ops)-1].EndNs-ops[0].StartNs, 1)) / 1e9, nil
}

// sweep reads the bytes again and again and returns the bandwidth of one pass.
func (r *run) sweep(ctx context.Context, threads int, bytes int64) (measurement, error) {
	passes := max(1, int((8<<20)/bytes))
	ops := make([]op.Op, passes)
	for i := range ops {
		ops[i] = op.ReadSum(bytes, addr(r.buf.mem), addr(r.sum)).WithBarrier()
	}
	if _, err := timedRun(r.pools[threads], ops); err != nil { // into the cache, if it fits
		return measurement{}, err
	}
	return r.pace.rates(ctx, func() (float64, error) {
		s, err := timedRun(r.pools[threads], ops)
		return float64(bytes) * float64(passes) / s, err
	})
}

// memory measures reads of a large and of a model-sized buffer, and writes.
func (r *run) memory(ctx context.Context) error {
	large := int64(len(r.buf.mem))
	access := costmodel.TierAccess{Tier: tierDRAM}
	var top, topWrite measurement
	for _, threads := range r.threads {
		for _, set := range []int64{r.opt.ModelBytes, large} {
			if set > large {
				continue
			}
			m, err := r.sweep(ctx, threads, set)
			if err != nil {
				return err
			}
			access.Read = append(access.Read, costmodel.AccessBW{Threads: threads, WorkingSetBytes: set, BW: m.value(sourceMemory)})
			if m.median > top.median {
				top = m
			}
		}
		width := large / 4 / 256
		ops := []op.Op{op.Zero(256, width, addr(r.buf.mem))}
		m, err := r.pace.rates(ctx, func() (float64, error) {
			s, err := timedRun(r.pools[threads], ops)
			return float64(4*256*width) / s, err
		})
		if err != nil {
			return err
		}
		access.Write = append(access.Write, costmodel.AccessBW{Threads: threads, BW: m.value(sourceMemory)})
		if m.median > topWrite.median {
			topWrite = m
		}
	}
	r.cpu.Access = []costmodel.TierAccess{access}
	r.dram.ReadBW, r.dram.WriteBW = top.value(sourceMemory), topWrite.value(sourceMemory)
	return nil
}

// cache measures the last-level cache: its bandwidth at half its size, and the
// largest working set that still runs nearer to that than to memory (other guests
// and hashing take a part of it).
func (r *run) cache(ctx context.Context) error {
	size := r.llc
	if size <= 0 {
		r.note("the system does not tell the size of a last-level cache: none is modelled")
		return nil
	}
	if size > int64(len(r.buf.mem))/2 {
		r.note(fmt.Sprintf("the last-level cache of %d bytes was not measured: too little memory is available", size))
		return nil
	}
	c := costmodel.Cache{Name: "llc", Bytes: costmodel.Size{V: size, Source: sourceSystem}, Scope: costmodel.ScopeShared}
	usable := size
	for _, threads := range r.threads {
		half, err := r.sweep(ctx, threads, size/2)
		if err != nil {
			return err
		}
		slow, err := r.cpu.ReadBW(tierDRAM, threads, 0)
		if err != nil {
			return err
		}
		if half.median < slow { // a noisy moment, or no cache worth the name
			half.median = slow
		}
		c.Read = append(c.Read, costmodel.ThreadValue{Threads: threads, Value: half.value(sourceCache)})
		if threads != r.threads[len(r.threads)-1] {
			continue
		}
		border := math.Sqrt(half.median * slow)
		usable = size / 2
		for _, eighths := range []int64{5, 6, 7, 8} {
			m, err := r.sweep(ctx, threads, size/8*eighths)
			if err != nil {
				return err
			}
			if m.median < border {
				break
			}
			usable = size / 8 * eighths
		}
	}
	c.UsableBytes = costmodel.Size{V: usable, Source: sourceCache}
	r.cpu.Caches = []costmodel.Cache{c}
	return nil
}

// barrier measures lists of short ops, a few microseconds each, with a barrier
// after each and with one at the end only: the difference is what a barrier costs
// where there is work, waiting for the slower thread included. Empty ops alone
// would not do: one thread finishes them before another has woken.
func (r *run) barrier(ctx context.Context) error {
	for _, threads := range r.threads {
		piece := int64(threads) * 4 * (64 << 10) // four units of the probe a thread
		piece = min(piece, int64(len(r.buf.mem))/2)
		apart := make([]op.Op, 256)
		for i := range apart {
			apart[i] = op.ReadSum(piece, addr(r.buf.mem), addr(r.sum))
		}
		together := make([]op.Op, len(apart))
		for i := range apart {
			together[i] = apart[i].WithBarrier()
		}
		empty := make([]op.Op, len(apart))
		for i := range empty {
			empty[i] = op.Nop().WithBarrier()
		}
		seconds := func(ops []op.Op) (measurement, error) {
			m, err := r.pace.rates(ctx, func() (float64, error) {
				s, err := timedRun(r.pools[threads], ops)
				return float64(len(ops)) / s, err
			})
			m.median = 1 / m.median
			return m, err
		}
		least, err := seconds(empty)
		if err != nil {
			return err
		}
		m := least
		if threads > 1 {
			with, err := seconds(together)
			if err != nil {
				return err
			}
			without, err := seconds(apart)
			if err != nil {
				return err
			}
			if d := with.median - without.median; d > least.median {
				m = measurement{median: d, spread: (with.spread*with.median + without.spread*without.median) / d}
			}
		}
		r.cpu.BarrierS = append(r.cpu.BarrierS, costmodel.ThreadValue{Threads: threads, Value: m.value(sourceBarrier)})
	}
	return nil
}
