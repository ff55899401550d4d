package workflow

import (
	"context"
	"strata/costmodel"
	"strata/engine/calibrate"
	"strata/model"
	"time"

	"strata/engine/file"
	"strata/engine/memory"
	"strata/malloc"
)

// probeTime is how long a disk probe reads.
const probeTime = 400 * time.Millisecond

// probeDisk measures what the disk gives at this moment to the very reads that the
// plan streams in every iteration, without any computation beside them. Disks of
// virtual machines treat sizes and moments differently, so a probe of other
// reads would call a run steady that was not.
func (j *Job) probeDisk(ctx context.Context, plan *malloc.Plan) (float64, error) {
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

// expectedDisk is the rate that the calibration found for reads of those sizes, with
// nothing computed beside them.
func (j *Job) expectedDisk(plan *malloc.Plan) float64 {
	engine := j.fileLink()
	link := &j.Machine.Links[engine.ID]
	copies, _ := j.streamed(plan)
	var bytes, seconds float64
	for _, c := range copies {
		for left := c.Bytes; left > 0; left -= engine.RequestBytes {
			n := min(left, engine.RequestBytes)
			bytes, seconds = bytes+float64(n), seconds+float64(n)/link.RateAt(n)
		}
	}
	if bytes == 0 {
		return link.BW.V
	}
	return bytes / seconds
}

// stream is the streaming matmul that says most about the model, over the type
// that holds most of its weights, and the bytes of one of its rows.
func (j *Job) stream() (s calibrate.Stream, rowBytes int64) {
	g := j.Lowered.Graph
	bytes := map[model.DType]int64{}
	var top model.DType
	for i := range g.Tensors {
		if t := &g.Tensors[i]; t.Role == model.RoleWeight && len(t.Shape) > 1 {
			if bytes[t.DType] += t.Bytes; bytes[t.DType] > bytes[top] {
				top = t.DType
			}
		}
	}
	rowBytes, _ = top.RowBytes(g.Hyper.Width) // 0: no such matmul
	return calibrate.Stream{
		Type: top.String(), Mode: j.Lowered.Work.Mode, Threads: j.Lowered.Work.Threads, Width: g.Hyper.Width,
		Bytes: min(j.Model.FileBytes(), probeBytes),
	}, rowBytes
}

// probeBytes bounds the working set of a memory probe.
const probeBytes = 256 << 20

// probeMemory measures at which rate weights stream from memory through the cores
// at this moment; 0 when the profile has nothing to compare with.
func (j *Job) probeMemory(ctx context.Context) (float64, error) {
	if j.expectedMemory() == 0 {
		return 0, nil
	}
	s, _ := j.stream()
	return calibrate.ProbeStream(ctx, &j.Machine.Executors[0], s)
}

// expectedMemory is what the calibration found for it.
func (j *Job) expectedMemory() float64 {
	s, row := j.stream()
	x := &j.Machine.Executors[0]
	w := costmodel.Work{Kernel: costmodel.KernelMatMul, DType: s.Type, Mode: s.Mode, Threads: s.Threads, Rows: calibrate.ProbeRows, Cols: s.Width, Tokens: 1}
	bytes := float64(calibrate.ProbeRows * row)
	t, err := x.StreamS(w, x.Access[0].Tier, bytes, s.Bytes)
	if err != nil || t == 0 {
		return 0
	}
	return bytes / t
}
