package simulate

import (
	"fmt"
	"math"

	"strata/malloc"
)

// Report is everything a run amounts to.
type Report struct {
	malloc.Score
	BeforeS float64 // until the periodic loop begins (the whole run without one)
	LoopS   float64 // its iterations and the write-backs open at its end
	AfterS  float64 // from there on
	WaitS   float64 // of the total: waiting for copies

	Traffic    []malloc.Traffic // per engine, exact
	ReadBytes  []float64        // per tier, by executors
	WriteBytes []float64        // per tier, by executors
	EnergyJ    float64          // executors' bytes at the tiers', copied bytes at the engines' joules per byte
}

// Report evaluates a plan and adds up its traffic and energy over all
// iterations.
func (s *Simulator) Report(p *malloc.Program, plan *malloc.Plan) (Report, error) {
	score, err := s.run(p, plan, false)
	if err != nil {
		return Report{}, err
	}
	r := Report{Score: score, BeforeS: s.beforeS, LoopS: s.loopS, AfterS: s.afterS, WaitS: s.waitS}
	if r.Traffic, err = s.traffic(); err != nil {
		return Report{}, err
	}
	r.ReadBytes, r.WriteBytes = s.access()
	for t := range p.Tiers {
		r.EnergyJ += (r.ReadBytes[t] + r.WriteBytes[t]) * p.Tiers[t].EnergyJPerByt
	}
	for _, x := range r.Traffic {
		r.EnergyJ += float64(x.Bytes) * p.Engines[x.Engine].EnergyJPerByt
	}
	return r, nil
}

// Requests is the number of requests a copy of the given bytes is.
func Requests(e *malloc.Engine, bytes int64) int64 {
	if e.RequestBytes <= 0 {
		return 1
	}
	return (bytes + e.RequestBytes - 1) / e.RequestBytes
}

// traffic counts each engine's bytes and requests: straight + once +
// trip·(unwrapped and all write-backs) + (trip-1)·wrapped; copies in other loops
// run as often as their instruction.
func (s *Simulator) traffic() ([]malloc.Traffic, error) {
	out := make([]malloc.Traffic, len(s.p.Engines))
	for i := range out {
		out[i].Engine = i
	}
	for i := range s.plan.Copies {
		c := &s.plan.Copies[i]
		w := &s.windows[i]
		times := int64(1)
		if !c.Once {
			times = s.executions(w.issueKey / phases)
		}
		if w.flags&opWrapped != 0 {
			times--
		}
		e := &s.p.Engines[c.Engine]
		if float64(c.Bytes+1)*float64(times) > math.MaxInt64/4 {
			return nil, fmt.Errorf("simulate: copies[%d]: %d bytes %d times overflow the traffic count", i, c.Bytes, times)
		}
		out[c.Engine].Bytes += times * c.Bytes
		out[c.Engine].Requests += times * Requests(e, c.Bytes)
	}
	return out, nil
}

// executions is how often instruction t runs, at most 2^53.
func (s *Simulator) executions(t int) int64 {
	times := 1.0
	for i := range s.loops {
		if l := &s.loops[i]; t >= l.Begin && t < l.End {
			times *= float64(l.Trip)
		}
	}
	return int64(min(times, 1<<53))
}

// access sums the executors' bytes per tier over all iterations.
func (s *Simulator) access() (reads, writes []float64) {
	reads, writes = make([]float64, s.tiers), make([]float64, s.tiers)
	for t := range s.p.Instructions {
		times := float64(s.executions(t))
		for _, x := range s.terms[s.termsFrom[t]:s.termsFrom[t+1]] {
			bytes := x.base * times
			if x.loop >= 0 {
				bytes += x.slope * times * float64(s.loops[x.loop].Trip-1) / 2
			}
			tier := int(x.column/2) % s.tiers
			if x.column&1 == 0 {
				reads[tier] += bytes
			} else {
				writes[tier] += bytes
			}
		}
	}
	return reads, writes
}
