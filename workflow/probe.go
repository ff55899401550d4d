package workflow

import (
	"context"
	"time"

	"strata/engine/file"
	"strata/engine/memory"
	"strata/malloc"
)

// probeTime is how long a disk probe reads.
const probeTime = 400 * time.Millisecond

// probe measures what the disk gives at this moment to the very reads that the
// plan streams in every iteration, without any computation beside them. Disks of
// virtual machines treat sizes and moments differently, so a probe of other
// reads would call a run steady that was not.
func (j *Job) probe(ctx context.Context, plan *malloc.Plan) (float64, error) {
	files, err := j.Model.OpenFiles()
	if err != nil {
		return 0, err
	}
	defer closeFiles(files)
	link := j.fileLink()
	reader, err := file.NewReader(ctx, file.Options{Depth: max(1, link.MaxOutstanding), RequestBytes: link.RequestBytes})
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	copies, largest := j.streamed(plan)
	// As in the run, the destination is too large to stay in a cache.
	slots := int(max(8, (64<<20)/largest))
	region, err := memory.Map(int64(slots) * largest)
	if err != nil {
		return 0, err
	}
	defer region.Close()
	ring := make([]file.Copy, slots)
	start := time.Now()
	n := 0
	for ; time.Since(start) < probeTime || n < slots; n++ {
		c := &ring[n%slots]
		if n >= slots {
			if err := reader.Wait(c); err != nil {
				return 0, err
			}
		}
		b := copies[n%len(copies)]
		buf := &j.Program().Buffers[b.Buf]
		at := int64(n%slots) * largest
		*c = file.Copy{File: files[j.Lowered.Origins[b.Buf].Shard], Offset: *buf.HomeOffset / link.IOAlign * link.IOAlign, Dst: region.Bytes()[at : at+b.Bytes]}
		if err := reader.Submit(c); err != nil {
			return 0, err
		}
	}
	reader.Drain()
	return float64(reader.Meters().Bytes) / time.Since(start).Seconds(), nil
}

// streamed lists the loop's copies of weights at known places, in plan order, and
// their largest size.
func (j *Job) streamed(plan *malloc.Plan) (copies []malloc.Copy, largest int64) {
	loop := j.Program().PeriodicLoop()
	for _, c := range plan.Copies {
		if loop != nil && !c.Once && c.Start >= loop.Begin && c.Start < loop.End && j.Program().Buffers[c.Buf].HomeOffset != nil {
			copies = append(copies, c)
			largest = max(largest, c.Bytes)
		}
	}
	return copies, largest
}

// expected is the rate that the calibration found for reads of those sizes, with
// nothing computed beside them.
func (j *Job) expected(plan *malloc.Plan) float64 {
	engine := j.fileLink()
	copies, _ := j.streamed(plan)
	var bytes, requests int64
	for _, c := range copies {
		bytes += c.Bytes
		requests += (c.Bytes + engine.RequestBytes - 1) / engine.RequestBytes
	}
	link := &j.Machine.Links[engine.ID]
	if requests == 0 {
		return link.BW.V
	}
	return link.RateAt(bytes / requests)
}
