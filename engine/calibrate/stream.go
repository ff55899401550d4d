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

// Rows of the matmuls that stream: one as large as a feed-forward layer's and one
// as small as a key projection's, to tell what each takes beyond its bytes.
const (
	streamRows      = 1536
	streamRowsSmall = 192
)

// streamKey names a streaming matmul of the calibration.
type streamKey struct {
	threads     int
	dtype, mode string
}

// streaming is what a streaming matmul of streamRows rows needs.
type streaming struct{ bw, start measurement }

// streams measures every streaming matmul, before the kernels: seconds of computing
// at full load lower the clock of a processor, and a run is shorter.
func (r *run) streams(ctx context.Context) error {
	r.streamed = map[streamKey]streaming{}
	for _, threads := range r.threads {
		for _, plan := range r.matmulPlans(threads) {
			bw, start, err := r.stream(ctx, threads, plan.weights, plan.mode)
			if err != nil {
				return fmt.Errorf("%s: %w", plan.dtype, err)
			}
			r.streamed[streamKey{threads, plan.dtype, plan.mode}] = streaming{bw, start}
			r.step()
		}
	}
	return nil
}

// stream measures one token's products with weights from memory: stages of a few
// hundred kilobytes with a barrier after each (subtracted), as decoding has them,
// over a working set of the model's size. The difference between large and small
// matmuls gives the bandwidth, what is left of the small ones' time the start.
func (r *run) stream(ctx context.Context, threads int, t op.Type, mode string) (bw, start measurement, err error) {
	r.buf.reset()
	large, largeBytes, err := r.streamOps(t, mode, streamRows)
	if err != nil {
		return bw, start, err
	}
	r.buf.reset()
	small, smallBytes, err := r.streamOps(t, mode, streamRowsSmall)
	if err != nil {
		return bw, start, err
	}
	each := func(list []op.Op) (float64, error) {
		s, err := timedRun(r.pools[threads], list)
		s /= float64(len(list))
		return max(s-r.cpu.Barrier(threads), s/2), err
	}
	perLarge, perSmall := float64(largeBytes)/float64(len(large)), float64(smallBytes)/float64(len(small))
	var starts []float64
	bw, err = r.pace.rates(ctx, func() (float64, error) {
		l, err := each(large)
		if err != nil {
			return 0, err
		}
		s, err := each(small)
		// Noise can make small matmuls look faster per byte, or as slow as large ones.
		rate := perLarge / l
		if s < l*0.9 {
			rate = max(rate, (perLarge-perSmall)/(l-s))
		}
		starts = append(starts, max(0, l-perLarge/rate))
		return rate, err
	})
	return bw, summarise(starts), err
}

// streamOps lists matmuls of so many rows, one token, over a matrix of the model's
// size (at most half of the buffer).
func (r *run) streamOps(t op.Type, mode string, rows int64) (list []op.Op, bytes int64, err error) {
	k := r.opt.Shape.Widths[0]
	row := op.RowBytes(t, k)
	if row == 0 {
		return nil, 0, fmt.Errorf("rows of %d values cannot be %s", k, t)
	}
	n := min(r.opt.ModelBytes, int64(len(r.buf.mem))/2) / row / streamRows * streamRows
	if n == 0 {
		return nil, 0, fmt.Errorf("a model of %d bytes is too small to stream; %d at least", r.opt.ModelBytes, streamRows*row)
	}
	atype := op.F32
	if mode == costmodel.ModeFast {
		atype = op.Q8Pair
	}
	w, err := r.weights(t, n, k)
	if err != nil {
		return nil, 0, err
	}
	x, err := r.activations(atype, 1, k)
	if err != nil {
		return nil, 0, err
	}
	dst, err := r.buf.take(4 * n)
	if err != nil {
		return nil, 0, err
	}
	for i := int64(0); i < n; i += rows {
		list = append(list, op.Matmul(t, atype, 1, rows, k, addr(w)+uintptr(i*row), addr(x), addr(dst)+uintptr(4*i), 4*n).WithBarrier())
	}
	return list, n * row, nil
}

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
