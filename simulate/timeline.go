package simulate

import (
	"strata/malloc"
	"strata/trace"
)

// TimelineOptions says how much of a run is recorded.
type TimelineOptions struct {
	// MaxIterations bounds the recorded iterations of each loop: of a longer one
	// the first third, a middle and the last third of that number are recorded,
	// the timeline's Omitted names the others. 0: 12; negative: all.
	MaxIterations int
}

const defaultIterations = 12

// records reports whether iteration i of trip is recorded.
func (o TimelineOptions) records(i, trip int64) bool {
	most := int64(o.MaxIterations)
	if most == 0 {
		most = defaultIterations
	}
	if most < 0 || trip <= most {
		return true
	}
	first := (most + 2) / 3
	last := (most + 1) / 3
	middle := most - first - last
	from := first + (trip-first-last-middle)/2
	return i < first || i >= trip-last || i >= from && i < from+middle
}

// Timeline runs a plan as Direct does and records it: a lane per executor and
// per copy engine, waits with the copy that was waited for and the cause,
// occupancy per tier with its peak address, counters over all iterations.
func (s *Simulator) Timeline(p *malloc.Program, plan *malloc.Plan, opt TimelineOptions) (*trace.Timeline, error) {
	if err := s.prepare(p, plan); err != nil {
		return nil, err
	}
	r := &recorder{opt: opt}
	if err := r.reset(s); err != nil {
		return nil, err
	}
	s.recorder = r
	defer func() { s.recorder = nil }()
	if _, err := s.runRange(0, len(p.Instructions), 0, true); err != nil {
		return nil, err
	}
	total, err := s.totalS()
	if err != nil {
		return nil, err
	}
	return r.finish(s, total), nil
}

// Timeline records one run with a simulator of its own and the default options.
func Timeline(p *malloc.Program, plan *malloc.Plan) (*trace.Timeline, error) {
	return New().Timeline(p, plan, TimelineOptions{})
}
