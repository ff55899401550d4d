package calibrate

import (
	"context"
	"slices"
	"time"

	"strata/costmodel"
)

// measurement is a median with its spread.
type measurement struct{ median, spread float64 }

// value is the measurement as a profile value with that source.
func (m measurement) value(source string) costmodel.Value {
	return costmodel.Value{V: m.median, Spread: m.spread, Source: source}
}

// summarise takes the median and half the interquartile range over it. It sorts
// samples.
func summarise(samples []float64) measurement {
	slices.Sort(samples)
	n := len(samples)
	if n == 0 {
		return measurement{}
	}
	at := func(q float64) float64 {
		x := q * float64(n-1)
		i := int(x)
		if i == n-1 {
			return samples[i]
		}
		return samples[i] + (x-float64(i))*(samples[i+1]-samples[i])
	}
	m := measurement{median: at(0.5)}
	if m.median > 0 {
		m.spread = (at(0.75) - at(0.25)) / 2 / m.median
	}
	return m
}

// pace says how thorough to be, from how the time budget is used.
type pace struct {
	start    time.Time
	budget   time.Duration
	progress func() float64 // share of the work that is done
}

// late tells how far the work is behind the clock: beyond 1 it is late.
func (p *pace) late() float64 {
	return float64(time.Since(p.start)) / ((p.progress() + 0.1) * float64(p.budget))
}

// rates repeats a measurement of a rate (per second, larger is better) and takes
// the median of all calls, after one that warms caches and threads: a run has the
// ordinary call's speed, not the best one's.
func (p *pace) rates(ctx context.Context, once func() (float64, error)) (measurement, error) {
	samples := 15
	if p.late() > 1.5 {
		samples = 3
	}
	var all []float64
	for i := -1; i < samples; i++ {
		if err := ctx.Err(); err != nil {
			return measurement{}, err
		}
		began := time.Now()
		r, err := once()
		if err != nil {
			return measurement{}, err
		}
		if i < 0 {
			continue
		}
		all = append(all, r)
		if i == 0 && samples > 5 && (p.late() > 1 || time.Since(began) > 10*time.Millisecond) {
			samples = 5
		}
	}
	return summarise(all), nil
}
