package costmodel

import "strata/malloc"

// contend lowers the rate of the link from the file by what copying and
// computing take from each other where they share cores (Overlap, measured): of
// the shorter of the two only a fraction φ is hidden, so an iteration that
// streams S bytes beside computation M takes S/bw + (1 − φ)·min(S/bw, M). The
// instance format has no such term; the link carries it, for the S that the
// capacity leaves to be streamed. A machine whose copies need no core has φ 1.
func (l *lowering) contend() {
	fraction := l.hw.Overlap.CopyComputeFraction.V
	loop := l.p.PeriodicLoop()
	capacity := l.p.Tiers[l.home].Capacity
	if loop == nil || capacity == malloc.Unlimited || fraction >= 1 {
		return
	}
	var compute float64
	for i := loop.Begin; i < loop.End; i++ {
		compute += l.p.Instructions[i].ComputeS
	}
	streamed := float64(l.modelBytes() - capacity + l.out.Sums.KVBytes + l.out.Sums.ComputeBytes)
	if streamed <= 0 {
		return
	}
	for i := range l.p.Engines {
		if e := &l.p.Engines[i]; e.From == l.file && e.To == l.home {
			copying := streamed / e.BW
			e.BW = streamed / (copying + (1-fraction)*min(copying, compute))
		}
	}
}
