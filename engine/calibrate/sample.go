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

// rates repeats a measurement of a rate (per second, larger is better): each
// sample is the best of a few calls.
func (p *pace) rates(ctx context.Context, once func() (float64, error)) (measurement, error) {
	samples, best := 7, 3
	if p.late() > 1.5 {
		samples, best = 2, 2
	}
	var all []float64
	for i := 0; i < samples; i++ {
		var top float64
		began := time.Now()
		for range best {
			if err := ctx.Err(); err != nil {
				return measurement{}, err
			}
			r, err := once()
			if err != nil {
				return measurement{}, err
			}
			top = max(top, r)
		}
		all = append(all, top)
		if i == 0 && samples > 3 && (p.late() > 1 || time.Since(began) > 30*time.Millisecond) {
			samples, best = 3, 2
		}
	}
	return summarise(all), nil
}
