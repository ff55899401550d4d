package trace

import (
	"fmt"
	"math"
)

// Validate reports the first reason why t is not a timeline: a time that is not
// finite or lies outside [0, TotalS], slices out of order or overlapping in a
// lane, a kind on the wrong lane, occupancy that is out of order, negative or
// above its peak. Times may disagree by a rounding of TotalS (1e-9 of it).
func (t *Timeline) Validate() error {
	if !finite(t.TotalS) || t.TotalS < 0 {
		return fmt.Errorf("timeline %q: total_s %g: want a finite time ≥ 0", t.Name, t.TotalS)
	}
	slack := 1e-9 * t.TotalS
	for i := range t.Lanes {
		if err := t.Lanes[i].validate(t.TotalS, slack); err != nil {
			return fmt.Errorf("timeline %q: lanes[%d] (%s): %w", t.Name, i, t.Lanes[i].Name, err)
		}
	}
	for i := range t.Tiers {
		if err := t.Tiers[i].validate(t.TotalS, slack); err != nil {
			return fmt.Errorf("timeline %q: tiers[%d] (%s): %w", t.Name, i, t.Tiers[i].Name, err)
		}
	}
	for i, c := range t.Counters {
		if !finite(c.Value) {
			return fmt.Errorf("timeline %q: counters[%d] (%s): value %g: want a finite number", t.Name, i, c.Name, c.Value)
		}
	}
	for i, o := range t.Omitted {
		if o.FromIteration < 0 || o.ToIteration < o.FromIteration || !(o.StartS <= o.EndS) || !finite(o.StartS) || !finite(o.EndS) {
			return fmt.Errorf("timeline %q: omitted[%d]: iterations %d to %d from %g s to %g s: want 0 ≤ from ≤ to and start ≤ end", t.Name, i, o.FromIteration, o.ToIteration, o.StartS, o.EndS)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func (l *Lane) validate(total, slack float64) error {
	if l.Kind != LaneExecutor && l.Kind != LaneEngine {
		return fmt.Errorf("kind %q: want %q or %q", l.Kind, LaneExecutor, LaneEngine)
	}
	end := 0.0
	for i := range l.Slices {
		s := &l.Slices[i]
		if s.Kind > Wait || (s.Kind == Transfer) != (l.Kind == LaneEngine) {
			return fmt.Errorf("slices[%d]: kind %d does not belong on a lane of kind %q", i, s.Kind, l.Kind)
		}
		if !finite(s.StartS) || !finite(s.EndS) || s.EndS < s.StartS || s.StartS < -slack || s.EndS > total+slack {
			return fmt.Errorf("slices[%d]: [%g, %g] s: want start ≤ end inside [0, %g]", i, s.StartS, s.EndS, total)
		}
		if s.StartS < end-slack {
			return fmt.Errorf("slices[%d] starts at %g s, before slices[%d] ends at %g s", i, s.StartS, i-1, end)
		}
		if s.Bytes < 0 {
			return fmt.Errorf("slices[%d]: bytes %d: want ≥ 0", i, s.Bytes)
		}
		if (s.Cause != "") != (s.Kind == Wait) {
			return fmt.Errorf("slices[%d]: cause %q: a wait has one, nothing else does", i, s.Cause)
		}
		end = s.EndS
	}
	return nil
}

func (o *Occupancy) validate(total, slack float64) error {
	if len(o.TimesS) != len(o.Bytes) {
		return fmt.Errorf("%d times but %d values", len(o.TimesS), len(o.Bytes))
	}
	last := -slack
	for i, x := range o.TimesS {
		if !finite(x) || x < last || x > total+slack {
			return fmt.Errorf("times_s[%d] = %g: want times in order inside [0, %g]", i, x, total)
		}
		if o.Bytes[i] < 0 || o.Bytes[i] > o.PeakBytes {
			return fmt.Errorf("bytes[%d] = %d: want 0 to the peak, %d", i, o.Bytes[i], o.PeakBytes)
		}
		last = x
	}
	return nil
}
