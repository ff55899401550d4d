package trace

import (
	"cmp"
	"math"
	"slices"
)

// KindS returns the seconds that lanes of kind lane spend in slices of kind
// kind. Omitted iterations are not in it.
func (t *Timeline) KindS(lane LaneKind, kind SliceKind) float64 {
	sum := 0.0
	for i := range t.Lanes {
		if t.Lanes[i].Kind != lane {
			continue
		}
		for j := range t.Lanes[i].Slices {
			if s := &t.Lanes[i].Slices[j]; s.Kind == kind {
				sum += s.EndS - s.StartS
			}
		}
	}
	return sum
}

// WaitS returns the recorded seconds of waiting by cause.
func (t *Timeline) WaitS() map[string]float64 {
	by := make(map[string]float64)
	for i := range t.Lanes {
		for j := range t.Lanes[i].Slices {
			if s := &t.Lanes[i].Slices[j]; s.Kind == Wait {
				by[s.Cause] += s.EndS - s.StartS
			}
		}
	}
	return by
}

// Iteration is one recorded iteration of a loop on the executors' lanes.
type Iteration struct {
	Index        int32
	StartS, EndS float64
}

// Iterations returns the recorded iterations in index order, from the first
// executor slice of each to its last. Loops that run one after another share
// indexes and are not told apart; a program's periodic loop is normally the only
// one.
func (t *Timeline) Iterations() []Iteration {
	at := make(map[int32]int)
	var list []Iteration
	for i := range t.Lanes {
		if t.Lanes[i].Kind != LaneExecutor {
			continue
		}
		for j := range t.Lanes[i].Slices {
			s := &t.Lanes[i].Slices[j]
			if s.Iteration < 0 {
				continue
			}
			k, ok := at[s.Iteration]
			if !ok {
				k = len(list)
				at[s.Iteration] = k
				list = append(list, Iteration{Index: s.Iteration, StartS: s.StartS, EndS: s.EndS})
			}
			list[k].StartS = min(list[k].StartS, s.StartS)
			list[k].EndS = max(list[k].EndS, s.EndS)
		}
	}
	slices.SortFunc(list, func(a, b Iteration) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

// SteadyIterationS returns the median duration of the recorded iterations
// without the first and the last, which hand over into and out of the loop; of
// all of them when there are at most two; 0 without any.
func (t *Timeline) SteadyIterationS() float64 {
	list := t.Iterations()
	if len(list) > 2 {
		list = list[1 : len(list)-1]
	}
	if len(list) == 0 {
		return 0
	}
	seconds := make([]float64, len(list))
	for i, x := range list {
		seconds[i] = x.EndS - x.StartS
	}
	slices.Sort(seconds)
	n := len(seconds)
	return (seconds[(n-1)/2] + seconds[n/2]) / 2
}

// Counter returns the value of the counter called name.
func (t *Timeline) Counter(name string) (value float64, ok bool) {
	for _, c := range t.Counters {
		if c.Name == name {
			return c.Value, true
		}
	}
	return math.NaN(), false
}

// Names of the counters that predicted and measured timelines share; %s is an
// engine's or a tier's name.
const (
	CounterCopyBytes    = "copy bytes"    // "copy bytes ENGINE"
	CounterCopyRequests = "copy requests" // "copy requests ENGINE"
	CounterReadBytes    = "read bytes"    // "read bytes TIER", by executors
	CounterWriteBytes   = "write bytes"   // "write bytes TIER", by executors
	CounterWait         = "wait"          // seconds, all iterations
)
