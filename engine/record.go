package engine

import (
	"fmt"
	"time"

	"strata/kernels/pool"
	"strata/trace"
)

// recorder turns clock readings into the measured timeline. Everything is
// relative to begin; kernels and readers stamp their own ends.
type recorder struct {
	r      *runner
	base   time.Time
	baseNs int64

	compute trace.Lane
	engine  trace.Lane
	tier    trace.Occupancy
	waitS   float64
	lastEnd float64
}

// waitSliver is the shortest wait worth a slice of its own.
const waitSliver = 2e-6

func newRecorder(r *runner) *recorder {
	rec := &recorder{r: r}
	rec.compute = trace.Lane{Kind: trace.LaneExecutor, Name: r.p.Executors[0].Name}
	for i, e := range r.p.Engines {
		if e.From == r.l.FileTier {
			rec.engine = trace.Lane{Kind: trace.LaneEngine, ID: i, Name: r.p.Tiers[e.From].Name + " → " + r.p.Tiers[e.To].Name}
		}
	}
	rec.tier = trace.Occupancy{Tier: r.l.HomeTier, Name: r.p.Tiers[r.l.HomeTier].Name}
	return rec
}

func (rec *recorder) begin() {
	rec.base, rec.baseNs = time.Now(), pool.Now()
}

func (rec *recorder) now() float64 { return time.Since(rec.base).Seconds() }

// records tells whether slices of the present iteration are kept.
func (rec *recorder) records() bool {
	it, half := rec.r.iteration, rec.r.opt.TraceIterations/2
	if rec.r.opt.TraceIterations == 0 {
		return false
	}
	return it < 0 || it < rec.r.opt.TraceIterations-half || it >= int(rec.r.b.trip)-half
}

// computed adds the slices of instructions [from, to), which started at startS.
func (rec *recorder) computed(from, to int, startS float64) {
	if !rec.records() {
		return
	}
	at := startS
	for i := from; i < to; i++ {
		first, last := rec.r.b.first[i], rec.r.b.first[i+1]
		if first == last {
			continue
		}
		end := float64(rec.r.b.ops[last-1].EndNs-rec.baseNs) / 1e9
		if end < at {
			end = at
		}
		rec.compute.Slices = append(rec.compute.Slices, trace.Slice{
			Kind: trace.Compute, Ref: int32(i), Iteration: int32(rec.r.iteration), StartS: at, EndS: end, Name: rec.r.p.Instructions[i].Name,
		})
		at = end
	}
}

// waited adds the transfer of copy i, and the wait for it since startS.
func (rec *recorder) waited(i int32, startS float64) {
	end := rec.now()
	if end-startS > waitSliver {
		rec.waitS += end - startS
	}
	if !rec.records() {
		return
	}
	c := &rec.r.copies[i]
	name := rec.r.p.Buffers[rec.r.plan.Copies[i].Buf].Name
	from, to := c.Started.Sub(rec.base).Seconds(), c.Ended.Sub(rec.base).Seconds()
	if end-startS > waitSliver {
		cause := "copy"
		if from > startS {
			cause = "queue"
		}
		rec.compute.Slices = append(rec.compute.Slices, trace.Slice{
			Kind: trace.Wait, Ref: i, Iteration: int32(rec.r.iteration), StartS: startS, EndS: end, Name: name, Cause: cause,
		})
	}
	// Requests of the next copy start before this one's last has ended; the lane
	// shows each where it adds time.
	from = max(from, rec.lastEnd)
	to = max(to, from)
	rec.lastEnd = to
	rec.engine.Slices = append(rec.engine.Slices, trace.Slice{
		Kind: trace.Transfer, Ref: i, Iteration: int32(rec.r.iteration), StartS: from, EndS: to, Bytes: int64(len(c.Dst)), Name: name,
	})
}

// occupied adds a step of the arena's use when it changed.
func (rec *recorder) occupied() {
	n, live := len(rec.tier.Bytes), rec.r.dram.liveBytes
	if !rec.records() || n > 0 && rec.tier.Bytes[n-1] == live {
		return
	}
	rec.tier.TimesS, rec.tier.Bytes = append(rec.tier.TimesS, rec.now()), append(rec.tier.Bytes, live)
}

func (rec *recorder) timeline() *trace.Timeline {
	rec.tier.PeakBytes = rec.r.dram.peakBytes
	m := rec.r.reader.Meters()
	t := &trace.Timeline{
		Source: "measured", Name: rec.r.p.Name, TotalS: rec.now(),
		Lanes: []trace.Lane{rec.compute, rec.engine},
		Tiers: []trace.Occupancy{rec.tier},
		Counters: []trace.Counter{
			{Name: rec.engine.Name + " bytes", Unit: "B", Value: float64(m.Bytes)},
			{Name: rec.engine.Name + " requests", Unit: "1", Value: float64(m.Requests)},
			{Name: "waits", Unit: "s", Value: rec.waitS},
			{Name: "blocks acquired", Unit: "1", Value: float64(rec.r.dram.blocks)},
		},
	}
	if trip := rec.r.b.trip; rec.r.opt.TraceIterations > 0 && trip > int64(rec.r.opt.TraceIterations) {
		t.Name = fmt.Sprintf("%s (first and last %d of %d iterations)", t.Name, rec.r.opt.TraceIterations/2, trip)
	}
	return t
}
