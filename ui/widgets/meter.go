package widgets

import (
	"slices"
	"sync"
	"time"
)

// Meter collects how long work on the window's goroutine took: the frame meter
// behind `make bench-ui`, the status line and the soak. A nil Meter measures
// nothing. Safe from any goroutine.
type Meter struct {
	mu      sync.Mutex
	samples []float64 // ms, a ring
	next    int
	worst   float64
	total   int
}

// meterSamples is how many of the newest samples percentiles are made of.
const meterSamples = 4096

// Add records work of d.
func (m *Meter) Add(d time.Duration) {
	if m == nil {
		return
	}
	ms := float64(d) / 1e6
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.samples) < meterSamples {
		m.samples = append(m.samples, ms)
	} else {
		m.samples[m.next] = ms
		m.next = (m.next + 1) % meterSamples
	}
	m.worst = max(m.worst, ms)
	m.total++
}

// Measure starts a sample and returns its end: defer m.Measure()().
func (m *Meter) Measure() func() {
	if m == nil {
		return func() {}
	}
	start := time.Now()
	return func() { m.Add(time.Since(start)) }
}

// Frames is a summary: percentiles in milliseconds of the newest samples, the
// worst of all.
type Frames struct {
	Count              int
	P50, P95, P99, Max float64
}

// Summary of what was measured since the last Reset.
func (m *Meter) Summary() Frames {
	if m == nil {
		return Frames{}
	}
	m.mu.Lock()
	s := slices.Clone(m.samples)
	f := Frames{Count: m.total, Max: m.worst}
	m.mu.Unlock()
	if len(s) == 0 {
		return f
	}
	slices.Sort(s)
	at := func(q float64) float64 { return s[min(int(q*float64(len(s))), len(s)-1)] }
	f.P50, f.P95, f.P99 = at(0.5), at(0.95), at(0.99)
	return f
}

// Reset forgets everything.
func (m *Meter) Reset() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples, m.next, m.worst, m.total = m.samples[:0], 0, 0, 0
}
