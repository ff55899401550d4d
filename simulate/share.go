package simulate

import (
	"math"

	"strata/malloc"
)

// Values of model.overlap.
const (
	overlapIdle  = "idle_bw"
	overlapSteal = "steal"
)

// maxMasks bounds the sets of transferring engines whose rates are kept; with
// more engines the rates are computed at every change.
const maxMasks = 32

// never is the time per byte of a tier without bandwidth left; finite, so that
// zero bytes still take no time.
const never = 1e300

// sharing knows how engines and executors divide the tiers' bandwidth for every
// set of transferring engines.
type sharing struct {
	steal       bool
	tiers       int
	engineCount int
	columns     int // executors·tiers·2

	tierBW []float64 // [tier·2+direction]
	ownBW  []float64 // [column]
	shared []bool    // [tier] listed by an engine

	sharesFrom []int32 // [engine+1] into shares
	shares     []int32 // tier·2 + direction of the engine's traffic there

	known   []bool    // [mask] rates computed
	perByte []float64 // [mask·columns+column] seconds per byte for executors
	rate    []float64 // [mask·engines+engine] under steal
	taken   []float64 // [tier] fraction, scratch
	count   []float64 // [tier] transferring engines, scratch
}

func (s *sharing) reset(p *malloc.Program) {
	s.steal = p.Model.Overlap == overlapSteal
	s.tiers, s.engineCount = len(p.Tiers), len(p.Engines)
	executors := max(1, len(p.Executors))
	s.columns = executors * s.tiers * 2
	s.tierBW = resized(s.tierBW, 2*s.tiers)
	s.shared = resized(s.shared, s.tiers)
	s.taken = resized(s.taken, s.tiers)
	s.count = resized(s.count, s.tiers)
	clear(s.shared)
	for i := range p.Tiers {
		s.tierBW[2*i], s.tierBW[2*i+1] = p.Tiers[i].ReadBW, p.Tiers[i].WriteBW
	}
	s.ownBW = resized(s.ownBW, s.columns)
	clear(s.ownBW)
	if len(p.Executors) == 0 {
		copy(s.ownBW, s.tierBW)
	}
	for x := range p.Executors {
		for _, a := range p.Executors[x].Access {
			if a.Tier < 0 || a.Tier >= s.tiers {
				continue // an operand there is reported as unreachable
			}
			at := (x*s.tiers + a.Tier) * 2
			s.ownBW[at], s.ownBW[at+1] = a.ReadBW, a.WriteBW
		}
	}
	s.sharesFrom = resized(s.sharesFrom, s.engineCount+1)
	s.shares = s.shares[:0]
	for i := range p.Engines {
		s.sharesFrom[i] = int32(len(s.shares))
		for _, t := range p.Engines[i].Shares {
			if t < 0 || t >= s.tiers {
				continue
			}
			direction := int32(0)
			if t == p.Engines[i].To {
				direction = 1
			}
			s.shares = append(s.shares, int32(2*t)+direction)
			s.shared[t] = true
		}
	}
	s.sharesFrom[s.engineCount] = int32(len(s.shares))
	masks := 1
	if s.steal && 1<<min(s.engineCount, 30) <= maxMasks {
		masks = 1 << s.engineCount
	}
	s.known = resized(s.known, masks)
	clear(s.known)
	s.perByte = resized(s.perByte, masks*s.columns)
	s.rate = resized(s.rate, masks*s.engineCount)
}

// slot returns the index of the rates for the set mask of transferring engines
// (bit e), computing them when they are not there.
func (s *sharing) slot(mask uint64, engines []engine) int {
	i := 0
	if len(s.known) > 1 {
		i = int(mask)
		if s.known[i] {
			return i
		}
	}
	s.known[i] = true
	clear(s.taken)
	if s.steal {
		s.countTransferring(mask)
		rate := s.rate[i*s.engineCount : (i+1)*s.engineCount]
		for e := range s.engineCount {
			if mask>>e&1 == 0 {
				continue
			}
			rate[e] = s.engineRate(e, engines[e].bw, nil)
			for _, td := range s.shares[s.sharesFrom[e]:s.sharesFrom[e+1]] {
				if bw := s.tierBW[td]; bw > 0 {
					s.taken[td/2] += rate[e] / bw
				}
			}
		}
	}
	per := s.perByte[i*s.columns : (i+1)*s.columns]
	for k := range per {
		bw := s.ownBW[k]
		td := k % (2 * s.tiers)
		if s.steal && s.shared[td/2] {
			bw = min(bw, (1-s.taken[td/2])*s.tierBW[td])
		}
		per[k] = never
		if bw > 1/never {
			per[k] = 1 / bw
		}
	}
	return i
}

func (s *sharing) countTransferring(mask uint64) {
	clear(s.count)
	for e := range s.engineCount {
		if mask>>e&1 != 0 {
			for _, td := range s.shares[s.sharesFrom[e]:s.sharesFrom[e+1]] {
				s.count[td/2]++
			}
		}
	}
}

// engineRate is min(bw, unused bandwidth of each shared tier over its number of
// transferring engines). used is the fraction of each tier that the running
// instruction takes first; nil: none.
func (s *sharing) engineRate(e int, bw float64, used []float64) float64 {
	for _, td := range s.shares[s.sharesFrom[e]:s.sharesFrom[e+1]] {
		free := s.tierBW[td]
		if used != nil {
			free *= 1 - used[td/2]
		}
		bw = min(bw, free/s.count[td/2])
	}
	return math.Max(bw, 0)
}
