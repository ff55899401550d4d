package calibrate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"strata/costmodel"
	"strata/kernels/op"
	"strata/kernels/pool"
)

// Stream says which of the calibration's streaming matmuls to repeat.
type Stream struct {
	Type, Mode string // of the weights; costmodel.ModeFast or ModeReference
	Threads    int
	Width      int64 // reduction length
	Bytes      int64 // working set; far beyond the caches
}

// probeSpan is how long a probe computes.
const probeSpan = 100 * time.Millisecond

// ProbeRows is how many rows each of a probe's matmuls has.
const ProbeRows = streamRows

// ProbeStream measures for a tenth of a second the rate in bytes/s at which one
// token's products of ProbeRows rows read weights from memory: their bytes over
// Executor.StreamS. Barriers are taken out at the cost that cpu has for them.
func ProbeStream(ctx context.Context, cpu *costmodel.Executor, s Stream) (float64, error) {
	i := slices.IndexFunc(weightTypes, func(t op.Type) bool { return strings.EqualFold(t.String(), s.Type) })
	if i < 0 {
		return 0, fmt.Errorf("probe memory: no kernel for weights of type %q", s.Type)
	}
	if op.RowBytes(weightTypes[i], 1) != 0 { // not quantised: one way to multiply
		s.Mode = costmodel.Any
	}
	threads, err := pool.New(s.Threads)
	if err != nil {
		return 0, fmt.Errorf("probe memory: %w", err)
	}
	defer threads.Close()
	r := &run{pools: map[int]*pool.Pool{s.Threads: threads}, threads: []int{s.Threads}, cpu: *cpu}
	r.opt.ModelBytes, r.opt.Shape.Widths = s.Bytes, []int64{s.Width}
	if r.buf, err = newBuffer(2*s.Bytes + 16<<20); err != nil {
		return 0, fmt.Errorf("probe memory: %w", err)
	}
	defer r.buf.close()
	list, bytes, err := r.streamOps(weightTypes[i], s.Mode, streamRows)
	if err != nil {
		return 0, fmt.Errorf("probe memory: %w", err)
	}
	barriers := cpu.Barrier(s.Threads) * float64(len(list))
	var all []float64
	for began := time.Now(); len(all) < 3 || time.Since(began) < probeSpan; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		t, err := timedRun(threads, list)
		if err != nil {
			return 0, err
		}
		all = append(all, float64(bytes)/max(t-barriers, t/2))
	}
	return summarise(all[1:]).median, nil // the first warms the threads
}
