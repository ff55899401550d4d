package planview

import (
	"cmp"
	"slices"
	"sort"

	"strata/trace"
)

// Clock converts between program order and the seconds of one run, so that one
// time cursor serves all views.
type Clock struct {
	slices []trace.Slice // compute slices in time order
	first  []int32       // by instruction: its first slice that counts, -1: none
}

// NewClock reads a run; nil gives a clock that knows nothing.
func NewClock(run *trace.Timeline, instructions int) *Clock {
	c := &Clock{first: make([]int32, instructions)}
	if run != nil {
		for _, l := range run.Lanes {
			if l.Kind != trace.LaneExecutor {
				continue
			}
			for _, s := range l.Slices {
				if s.Kind == trace.Compute && s.Ref >= 0 && int(s.Ref) < instructions {
					c.slices = append(c.slices, s)
				}
			}
		}
		slices.SortStableFunc(c.slices, func(a, b trace.Slice) int { return cmp.Compare(a.StartS, b.StartS) })
	}
	for i := range c.first {
		c.first[i] = -1
	}
	for k := len(c.slices) - 1; k >= 0; k-- {
		c.first[c.slices[k].Ref] = int32(k)
	}
	return c
}

// Seconds is when a place in program order is reached (in a loop: the first
// recorded time); ok is false when the run does not have it.
func (c *Clock) Seconds(instr float64) (s float64, ok bool) {
	i := int(instr)
	if i < 0 || i >= len(c.first) || c.first[i] < 0 {
		return 0, false
	}
	k := &c.slices[c.first[i]]
	return k.StartS + (instr-float64(i))*(k.EndS-k.StartS), true
}

// Instr is the place in program order at a time; a wait belongs to the
// instruction after it.
func (c *Clock) Instr(s float64) (instr float64, ok bool) {
	k := sort.Search(len(c.slices), func(k int) bool { return c.slices[k].EndS > s })
	if k == len(c.slices) {
		return 0, false
	}
	at := &c.slices[k]
	if s <= at.StartS || at.EndS <= at.StartS {
		return float64(at.Ref), true
	}
	return float64(at.Ref) + (s-at.StartS)/(at.EndS-at.StartS), true
}

// Steady chooses up to three recorded iterations in a row after the first.
func Steady(run *trace.Timeline) (from, to int, ok bool) {
	seen := map[int32]bool{}
	for _, l := range run.Lanes {
		if l.Kind == trace.LaneExecutor {
			for _, s := range l.Slices {
				if s.Iteration >= 0 {
					seen[s.Iteration] = true
				}
			}
		}
	}
	var list []int32
	for i := range seen {
		list = append(list, i)
	}
	if len(list) == 0 {
		return 0, 0, false
	}
	slices.Sort(list)
	at := min(1, len(list)-1)
	from, to = int(list[at]), int(list[at])+1
	for k := at + 1; k < len(list) && int(list[k]) == to && to-from < 3; k++ {
		to++
	}
	return from, to, true
}
