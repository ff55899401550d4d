package calibrate

import (
	"context"
	"errors"
	"time"

	"strata/costmodel"
	"strata/kernels/op"
)

// overlap runs a memory-bound matmul and file reads alone and together.
//
// With compute and copy work that each take time d alone, and slow each other
// down by the factors a and b while both run, both are done after
// d · (min + 1 − min/max) of the factors; the fraction hidden is 2 minus that.
func (r *run) overlap(ctx context.Context) error {
	threads := r.threads[len(r.threads)-1]
	r.buf.reset()
	list, _, err := r.streamOps(op.Q8_0, costmodel.ModeFast, streamRows)
	if err != nil {
		return err
	}
	compute := func(until func() bool) (passes float64, err error) {
		began := time.Now()
		for n := 0; ; {
			if err := r.pools[threads].Run(list); err != nil {
				return 0, err
			}
			if n++; until() {
				return float64(n) / time.Since(began).Seconds(), nil
			}
		}
	}
	_, span := r.opt.spans()
	var slowCompute, slowCopy, hidden []float64
	for range 3 {
		deadline := time.Now().Add(span)
		alone, err := compute(func() bool { return time.Now().After(deadline) || ctx.Err() != nil })
		if err != nil {
			return err
		}
		copies, err := readFor(ctx, r.file, r.link.RequestBytes, r.link.Depth, span)
		if err != nil {
			return err
		}
		type result struct {
			rate float64
			err  error
		}
		stop := make(chan struct{})
		done := make(chan result, 1)
		go func() {
			rate, err := compute(func() bool {
				select {
				case <-stop:
					return true
				default:
					return ctx.Err() != nil
				}
			})
			done <- result{rate, err}
		}()
		both, err := readFor(ctx, r.file, r.link.RequestBytes, r.link.Depth, 2*span)
		close(stop)
		together := <-done
		if err := errors.Join(err, together.err, ctx.Err()); err != nil {
			return err
		}
		a, b := max(alone/together.rate, 1), max(copies.BW/both.BW, 1)
		slowCompute, slowCopy = append(slowCompute, a), append(slowCopy, b)
		hidden = append(hidden, max(0, 2-(min(a, b)+1-min(a, b)/max(a, b))))
		r.step()
	}
	r.over = costmodel.Overlap{
		Rule:                costmodel.OverlapSteal,
		CopyComputeFraction: summarise(hidden).value(sourceOverlap),
		ComputeSlowdown:     summarise(slowCompute).value(sourceOverlap),
		CopySlowdown:        summarise(slowCopy).value(sourceOverlap),
	}
	return nil
}
