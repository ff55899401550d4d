package viz

import "strata/trace"

// instructionTimes returns when each of n instructions starts, and when the last
// ends, if each took its mean time in a run (from the end of the one before it,
// so with its waits). nil when the run does not have all of them.
func instructionTimes(n int, run *trace.Timeline) []float64 {
	if run == nil {
		return nil
	}
	sum, count := make([]float64, n), make([]int, n)
	for _, l := range run.Lanes {
		if l.Kind != trace.LaneExecutor {
			continue
		}
		previous := 0.0
		for i, s := range l.Slices {
			if s.Kind != trace.Compute || s.Ref < 0 || int(s.Ref) >= n {
				continue
			}
			if followsOmission(run, previous, s.StartS) {
				previous = s.StartS
				if i > 0 && l.Slices[i-1].Kind == trace.Wait {
					previous = l.Slices[i-1].StartS
				}
			}
			sum[s.Ref] += max(s.EndS-previous, 0)
			count[s.Ref]++
			previous = s.EndS
		}
	}
	clock := make([]float64, n+1)
	for i := range n {
		if count[i] == 0 {
			return nil
		}
		clock[i+1] = clock[i] + sum[i]/float64(count[i])
	}
	return clock
}

// followsOmission reports whether unrecorded iterations lie between two times.
func followsOmission(run *trace.Timeline, from, to float64) bool {
	for _, o := range run.Omitted {
		if o.EndS > from && o.StartS < to {
			return true
		}
	}
	return false
}
