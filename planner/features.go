package planner

import (
	"cmp"
	"math"
	"slices"

	"strata/malloc"
)

// features says what the network sees of a decision. All numbers are ratios,
// shares, ranks or logarithms of ratios: an instance in other units, or with all
// its sizes and times scaled, looks the same.
type features struct {
	p         *malloc.Program
	loop      bool
	tier      int // the limited tier most wanted
	capacity  float64
	sample    []int            // instructions at which room is looked at
	buffers   []bufferFeatures // per buffer
	total     float64          // seconds saved by all touches of the searched part
	decisions float64          // touches of the searched part
	constant  [5]float64       // what is the same in all states
	clock     []float64        // all-fast seconds before each instruction
}

type bufferFeatures struct {
	size     float64 // of a block in tier
	copyS    float64 // of a copy from home, 0: none leads there
	byWorth  float64 // rank among the buffers by seconds saved a byte: 1 is the best
	byHold   float64 // rank by seconds saved a byte and second held
	duration float64 // share of the part from first to last touch
	touches  []touchFeatures
	searched int // touches in the searched part
}

type touchFeatures struct {
	saved         float64 // seconds
	before, after float64 // seconds to the touches around it, -1: none
	write         bool
	home          bool // the executor reaches the home tier
	bound         float64
	share         float64 // seconds saved over the instruction's all-fast time
}

// stateFeatures and actionFeatures name what state and move write, in order.
var stateFeatures = []string{
	"loop", "capacity of all", "capacity of peak", "slow over bound", "copies over time",
	"decided", "gained", "lost", "free mean", "free least",
	"size", "touches", "rank by byte", "rank by hold", "duration", "parameter", "definition", "reads", "writes", "out",
	"first", "last", "gap before", "gap after", "saved of instruction", "compute bound", "saved a byte", "free here", "free over size",
	"may stay", "may drop", "moves", "reaches home",
}

var actionFeatures = []string{
	"drop", "stay", "copy by lead", "copy by start", "lead", "start", "start over copy", "free at start", "wish", "wished tier", "tier over size",
}

// ratio is log2 of a/b, scaled and kept within ±1.5.
func ratio(a, b, scale float64) float64 {
	switch {
	case a <= 0 && b <= 0:
		return 0
	case a <= 0:
		return -1.5
	case b <= 0:
		return 1.5
	}
	return min(1.5, max(-1.5, math.Log2(a/b)/scale))
}

// roomSamples is at how many instructions room is looked at.
const roomSamples = 12

func newFeatures(g *guide, game *malloc.Game, slowS, spanS float64) *features {
	p := g.p
	f := &features{p: p, tier: -1, clock: g.gap, buffers: make([]bufferFeatures, len(p.Buffers))}
	begin, end := 0, len(p.Instructions)
	if l := p.PeriodicLoop(); l != nil {
		begin, end, f.loop = l.Begin, l.End, true
	}
	wanted := make([]float64, len(p.Tiers))
	for b, t := range g.tier {
		if t >= 0 {
			wanted[t] += g.worth[b] * float64(blockBytes(p, b, t))
		}
	}
	for t, w := range wanted {
		if w > 0 && (f.tier < 0 || w > wanted[f.tier]) {
			f.tier = t
		}
	}
	if f.tier >= 0 {
		f.capacity = float64(p.Tiers[f.tier].Capacity)
	}
	for i := range min(roomSamples, end-begin) {
		f.sample = append(f.sample, begin+(2*i+1)*(end-begin)/(2*min(roomSamples, end-begin)))
	}
	first, final := make([]int, len(p.Buffers)), make([]int, len(p.Buffers)) // instructions of the part that touch it
	for b := range f.buffers {
		x := &f.buffers[b]
		last := 0
		for i, touch := range game.Touches(b) {
			t := touch.Instr
			fast := f.clock[t+1] - f.clock[t]
			k := touchFeatures{before: -1, after: -1, write: touch.Write, home: readable(p, g.runs, t, p.Buffers[b].Home)}
			k.saved, _ = saving(p, malloc.Operand{Buf: b, Bytes: touch.ReadBytes + touch.WriteBytes}, g.runs[t])
			k.share = k.saved / max(fast, 1e-15)
			if fast > 0 {
				k.bound = min(1, p.Instructions[t].ComputeS/fast)
			}
			if i > 0 {
				k.before = f.clock[t] - f.clock[last]
				x.touches[i-1].after = k.before
			}
			last = t
			x.touches = append(x.touches, k)
			if t >= begin && t < end {
				if x.searched == 0 {
					first[b] = t
				}
				x.searched++
				f.decisions++
				final[b] = t
			}
		}
	}
	f.measure(g, begin, end, first, final, slowS, spanS)
	return f
}

// measure fills in what takes all buffers to know.
func (f *features) measure(g *guide, begin, end int, first, last []int, slowS, spanS float64) {
	p := f.p
	var list []int
	part := f.clock[end] - f.clock[begin]
	load := make([]float64, end-begin+1)
	all, copies := 0.0, 0.0
	hold := make([]float64, len(p.Buffers))
	for b := range f.buffers {
		x := &f.buffers[b]
		if x.searched == 0 || g.tier[b] < 0 {
			continue // nothing is decided, or nothing saved
		}
		x.size = float64(blockBytes(p, b, g.tier[b]))
		if e := directEngine(p, p.Buffers[b].Home, g.tier[b]); e >= 0 {
			x.copyS = x.size / p.Engines[e].BW
		}
		x.duration = (f.clock[last[b]+1] - f.clock[first[b]]) / max(part, 1e-15)
		hold[b] = g.worth[b] / max(x.duration, 1e-6)
		load[first[b]-begin] += x.size
		load[last[b]+1-begin] -= x.size
		all += x.size
		copies += x.copyS
		for _, k := range x.touches {
			f.total += k.saved
		}
		list = append(list, b)
	}
	ranks := func(key func(b int) float64, set func(b int, rank float64)) {
		slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(key(a), key(b)) })
		for i, b := range list {
			set(b, float64(i+1)/float64(len(list)))
		}
	}
	ranks(func(b int) float64 { return g.worth[b] }, func(b int, r float64) { f.buffers[b].byWorth = r })
	ranks(func(b int) float64 { return hold[b] }, func(b int, r float64) { f.buffers[b].byHold = r })
	peak, now := 0.0, 0.0
	for _, l := range load {
		now += l
		peak = max(peak, now)
	}
	if f.loop {
		f.constant[0] = 1
	}
	f.constant[1], f.constant[2] = ratio(f.capacity, all, 4), ratio(f.capacity, peak, 4)
	f.constant[3], f.constant[4] = ratio(slowS, slowS-spanS, 4), ratio(copies, part, 4)
}

// progress is what has been decided of the searched part so far.
type progress struct {
	decided      int
	gained, lost float64 // seconds saved by touches that are fast, and given up by DROP
}

// played adds a move.
func (f *features) played(n *progress, d malloc.Decision, a malloc.Action) {
	if d.RunOn {
		return
	}
	n.decided++
	if saved := f.buffers[d.Buf].touches[d.Touch].saved; a.Kind == malloc.Drop {
		n.lost += saved
	} else {
		n.gained += saved
	}
}

// state writes what is seen of a decision, whatever is answered.
func (f *features) state(g *malloc.Game, n progress, d malloc.Decision, legal []malloc.Action, dst []float64) {
	p := f.p
	b := &p.Buffers[d.Buf]
	x := &f.buffers[d.Buf]
	k := &x.touches[d.Touch]
	mean, least := 0.0, 1.0
	for _, t := range f.sample {
		share := f.free(g, f.tier, t) / max(f.capacity, 1)
		mean += share / float64(len(f.sample))
		least = min(least, share)
	}
	here := f.free(g, f.tier, d.Instr)
	stay, drop := false, false
	for _, a := range legal {
		stay, drop = stay || a.Kind == malloc.NoCopy, drop || a.Kind == malloc.Drop
	}
	gap := func(s float64) float64 {
		if s < 0 {
			return -1.5
		}
		return ratio(s, x.copyS, 8)
	}
	copy(dst, f.constant[:])
	rest := [...]float64{
		float64(n.decided) / max(f.decisions, 1), n.gained / max(f.total, 1e-15), n.lost / max(f.total, 1e-15), mean, least,
		ratio(x.size, f.capacity, 8), math.Log2(float64(1+x.searched)) / 4, x.byWorth, x.byHold, x.duration,
		yes(b.Kind == malloc.KindParam), yes(d.Def), yes(d.Read), yes(k.write), yes(b.End == malloc.EndOut),
		yes(k.before < 0), yes(k.after < 0), gap(k.before), gap(k.after), ratio(k.share, 1, 8), k.bound,
		ratio(k.saved*f.capacity, x.size*f.total, 8), here / max(f.capacity, 1), ratio(here, x.size, 8),
		yes(stay), yes(drop), math.Log2(float64(len(legal))) / 4, yes(k.home),
	}
	copy(dst[len(f.constant):], rest[:])
}

// free is the room of a tier at an instruction; 0 without a tier.
func (f *features) free(g *malloc.Game, tier, t int) float64 {
	if tier < 0 {
		return 0
	}
	return float64(max(0, g.FreeBytes(tier, t)))
}

// move writes what is seen of one answer, whose copy starts back instructions
// before the touch.
func (f *features) move(g *malloc.Game, guide *guide, d malloc.Decision, a malloc.Action, back int, dst []float64) {
	x := &f.buffers[d.Buf]
	lead, start, over, room, tier := 0.0, 0.0, 0.0, 0.0, 0.0
	if a.Kind != malloc.Drop {
		tier = ratio(float64(f.p.Tiers[a.Tier].Capacity), x.size, 8)
		at := d.Instr
		if a.Kind == malloc.CopyIn {
			at -= back
			start = math.Log2(float64(back+1)) / 10
			over = ratio(f.between(at, d.Instr), x.copyS, 8)
			if a.Back < 0 {
				lead = float64(max(a.Lead, 1)) / 4
			}
		}
		if l := f.p.PeriodicLoop(); l != nil && at < l.Begin {
			at += l.End - l.Begin
		}
		room = ratio(f.free(g, a.Tier, max(at, 0)), x.size, 8)
	}
	all := [...]float64{yes(a.Kind == malloc.Drop), yes(a.Kind == malloc.NoCopy), yes(a.Kind == malloc.CopyIn && a.Back < 0),
		yes(a.Kind == malloc.CopyIn && a.Back >= 0), lead, start, over, room, guide.logit(d, a) / logitWanted,
		yes(a.Kind != malloc.Drop && a.Tier == guide.tier[d.Buf]), tier}
	copy(dst, all[:])
}

// between is the all-fast time from one instruction to another; the first may lie
// in the iteration before.
func (f *features) between(from, to int) float64 {
	s := 0.0
	if l := f.p.PeriodicLoop(); l != nil && from < l.Begin {
		s = f.clock[l.End] - f.clock[l.Begin]
		from += l.End - l.Begin
	}
	return s + f.clock[to] - f.clock[max(from, 0)]
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
