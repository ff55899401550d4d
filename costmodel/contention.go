package costmodel

import (
	"slices"

	"strata/malloc"
)

// contend writes into the instance what copying from the file and computing take
// from each other where they share cores (Overlap, measured): while both run,
// computing takes a times and copying b times as long, so that of the shorter of
// the two only a fraction φ is hidden. A machine whose copies need no core has φ 1.
//
// The instance format knows two ways in which the two meet, and each holds for one
// side. Let S be the bytes that the capacity leaves to be streamed per iteration.
//
//   - S/bw ≥ computation M (streaming-bound): an iteration takes
//     S/bw + (1 − φ)·M, which the link's rate carries.
//   - S/bw < M (computation-bound, and all machines with memory to spare): the link
//     runs at bw/b and takes the share of its destination that leaves executors
//     1/a of their speed, so that every byte a plan streams costs time, hidden
//     or not.
//
// Before the loop every plan brings each weight once from the file: see
// contendOnce.
func (l *lowering) contend() {
	o := l.hw.Overlap
	fraction := o.CopyComputeFraction.V
	loop := l.p.PeriodicLoop()
	capacity := l.p.Tiers[l.home].Capacity
	if loop == nil || capacity == malloc.Unlimited || fraction >= 1 {
		return
	}
	var compute float64
	for i := loop.Begin; i < loop.End; i++ {
		compute += l.p.Instructions[i].ComputeS
	}
	l.contendOnce(1 - fraction)
	streamed := max(0, float64(l.modelBytes()-capacity+l.out.Sums.KVBytes+l.out.Sums.ComputeBytes))
	for i := range l.p.Engines {
		e := &l.p.Engines[i]
		if e.From != l.file || e.To != l.home {
			continue
		}
		if copying := streamed / e.BW; copying >= compute {
			e.BW = streamed / (copying + (1-fraction)*compute)
			continue
		}
		e.BW /= max(1, o.CopySlowdown.V)
		if len(l.p.Executors) == 1 && o.Rule == OverlapSteal {
			l.slowBeside(e, max(1, o.ComputeSlowdown.V))
		}
	}
}

// contendOnce lengthens the instructions that are the first to touch a weight:
// while it comes from the file, computing and copying hide only a part of each
// other, and the rest, of the shorter of the two, comes on top.
func (l *lowering) contendOnce(shown float64) {
	rate := 0.0 // of what brings weights from the file
	for i := range l.p.Engines {
		if e := &l.p.Engines[i]; e.From == l.file && e.To == l.home {
			rate = max(rate, e.BW)
		}
	}
	if rate == 0 {
		return
	}
	begin := l.p.PeriodicLoop().Begin
	seen := make([]bool, len(l.p.Buffers))
	for i := range begin {
		in := &l.p.Instructions[i]
		var bytes float64
		for _, o := range in.Reads {
			if b := &l.p.Buffers[o.Buf]; b.Home == l.file && !seen[o.Buf] {
				seen[o.Buf] = true
				bytes += float64(b.Size)
			}
		}
		in.ComputeS += shown * min(bytes/rate, in.ComputeS)
		for k := range in.RunsOn {
			in.RunsOn[k].ComputeS += shown * min(bytes/rate, in.RunsOn[k].ComputeS)
		}
	}
}

// slowBeside sets the home tier's bandwidths, and the one executor's to it, so
// that while e copies the loop's instructions take slowdown times as long, and
// without copies no longer than their compute_s. An instruction's read bandwidth
// is what its compute_s amounts to; the tier gets the largest of the loop.
func (l *lowering) slowBeside(e *malloc.Engine, slowdown float64) {
	loop := l.p.PeriodicLoop()
	var bytes, seconds, top float64
	for i := loop.Begin; i < loop.End; i++ {
		in := &l.p.Instructions[i]
		var read, written float64
		for _, o := range in.Reads {
			read += float64(o.Bytes)
		}
		for _, o := range in.Writes {
			written += float64(o.Bytes)
		}
		// The tier will write at e's rate at least.
		if reading := in.ComputeS - written/e.BW; reading > 0 && read > 0 {
			bytes, seconds = bytes+read, seconds+in.ComputeS
			top = max(top, read/reading)
		}
	}
	if seconds == 0 || slowdown <= 1 {
		return
	}
	share := 1 - bytes/seconds/slowdown/top
	tier := &l.p.Tiers[l.home]
	tier.ReadBW = top
	tier.WriteBW = e.BW / share
	if !slices.Contains(e.Shares, l.home) {
		e.Shares = append(e.Shares, l.home)
	}
	for i := range l.p.Executors[0].Access {
		if a := &l.p.Executors[0].Access[i]; a.Tier == l.home {
			a.ReadBW = top
		}
	}
}
