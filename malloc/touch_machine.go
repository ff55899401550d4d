package malloc

import (
	"fmt"
	"math"
	"sort"
	"strconv"
)

func (b *board) readExecutors() error {
	p := b.p
	b.execs = p.Executors
	if len(b.execs) == 0 {
		x := Executor{Name: "executor"}
		for t := range p.Tiers {
			x.Access = append(x.Access, Access{Tier: t, ReadBW: p.Tiers[t].ReadBW, WriteBW: p.Tiers[t].WriteBW})
		}
		b.execs = []Executor{x}
	}
	b.readBW = make([]float64, len(b.execs)*b.nt)
	b.writeBW = make([]float64, len(b.execs)*b.nt)
	for i := range b.execs {
		for _, a := range b.execs[i].Access {
			if a.Tier < 0 || a.Tier >= b.nt {
				return fmt.Errorf("malloc: executor %d reaches tier %d of %d", i, a.Tier, b.nt)
			}
			b.readBW[i*b.nt+a.Tier] = a.ReadBW
			b.writeBW[i*b.nt+a.Tier] = a.WriteBW
		}
	}
	b.unreached = make([]bool, b.nt)
	for t := range b.unreached {
		b.unreached[t] = true
		for x := range b.execs {
			if b.readBW[x*b.nt+t] > 0 || b.writeBW[x*b.nt+t] > 0 {
				b.unreached[t] = false
			}
		}
	}
	b.runsOn = make([][]RunsOn, b.T)
	for t := range b.runsOn {
		in := &p.Instructions[t]
		b.runsOn[t] = in.RunsOn
		if len(in.RunsOn) == 0 {
			b.runsOn[t] = []RunsOn{{Executor: 0, ComputeS: in.ComputeS}}
		}
		for _, r := range b.runsOn[t] {
			if r.Executor < 0 || r.Executor >= len(b.execs) {
				return fmt.Errorf("malloc: instruction %d (%s): runs_on names executor %d of %d", t, in.Name, r.Executor, len(b.execs))
			}
		}
	}
	return nil
}

// homeIO is the largest io_align of the engines to or from tier h.
func (b *board) homeIO(h int) int64 {
	a := int64(1)
	for i := range b.p.Engines {
		if e := &b.p.Engines[i]; e.From == h || e.To == h {
			a = max(a, e.IOAlign)
		}
	}
	return a
}

// extent is the bytes of buf once widened to multiples of a.
func (b *board) extent(buf int, a int64) int64 {
	f := &b.p.Buffers[buf]
	if f.HomeOffset == nil || a <= 1 {
		return roundUp(f.Size, a)
	}
	lo := *f.HomeOffset / a * a
	return roundUp(*f.HomeOffset+f.Size, a) - lo
}

func (b *board) readSizes() {
	b.data = make([]int64, b.nb)
	b.size = make([]int64, b.nb*b.nt)
	b.align = make([]int64, b.nb*b.nt)
	for i := 0; i < b.nb; i++ {
		io := b.homeIO(b.p.Buffers[i].Home)
		b.data[i] = b.p.Buffers[i].Size
		if b.p.Buffers[i].HomeOffset != nil {
			b.data[i] = b.extent(i, io)
		}
		for t := 0; t < b.nt; t++ {
			a := max(b.p.Tiers[t].Align, io, 1)
			b.align[i*b.nt+t] = a
			b.size[i*b.nt+t] = roundUp(max(b.extent(i, io), 1), a)
		}
	}
	for _, m := range b.members { // a class's blocks share a place, so it holds the largest
		for t := 0; t < b.nt; t++ {
			var z, a int64
			for _, x := range m {
				z = max(z, b.size[int(x)*b.nt+t])
				a = max(a, b.align[int(x)*b.nt+t])
			}
			for _, x := range m {
				b.size[int(x)*b.nt+t], b.align[int(x)*b.nt+t] = roundUp(z, a), a
			}
		}
	}
}

// readPaths finds for every pair of tiers the fastest engine (ties: lowest id),
// or the two engines whose slower one is fastest.
func (b *board) readPaths() {
	b.path = make([]hop, b.nt*b.nt)
	direct := func(f, t int) int {
		best := -1
		for i := range b.p.Engines {
			e := &b.p.Engines[i]
			if e.From == f && e.To == t && e.BW > 0 && (best < 0 || e.BW > b.p.Engines[best].BW) {
				best = i
			}
		}
		return best
	}
	for f := 0; f < b.nt; f++ {
		for t := 0; t < b.nt; t++ {
			h := hop{-1, -1, -1}
			if f == t {
				b.path[f*b.nt+t] = h
				continue
			}
			if h.first = direct(f, t); h.first < 0 {
				bw := 0.0
				for v := 0; v < b.nt; v++ {
					if v == f || v == t {
						continue
					}
					e1, e2 := direct(f, v), direct(v, t)
					if e1 < 0 || e2 < 0 {
						continue
					}
					if w := min(b.p.Engines[e1].BW, b.p.Engines[e2].BW); w > bw {
						bw, h = w, hop{e1, e2, v}
					}
				}
			}
			b.path[f*b.nt+t] = h
			b.hops = b.hops || h.second >= 0
		}
	}
}

func (b *board) readScratch() error {
	b.scratchFirst = make([]int32, b.T+1)
	for t := 0; t < b.T; t++ {
		in := &b.p.Instructions[t]
		lo := len(b.scratch)
		for k, n := range in.Scratch {
			id, err := strconv.Atoi(k)
			if err != nil || id < 0 || id >= b.nt {
				return fmt.Errorf("malloc: instruction %d (%s): scratch names tier %q", t, in.Name, k)
			}
			if n > 0 {
				b.scratch = append(b.scratch, scratchNeed{int32(id), roundUp(n, max(b.p.Tiers[id].Align, 1))})
			}
		}
		sort.Slice(b.scratch[lo:], func(i, j int) bool { return b.scratch[lo+i].tier < b.scratch[lo+j].tier })
		b.scratchFirst[t+1] = int32(len(b.scratch))
	}
	return nil
}

func (b *board) readSegments() {
	cut := make([]bool, b.T+1)
	cut[0], cut[b.T], cut[b.B], cut[b.E] = true, true, true, true
	b.loopLo, b.loopHi = make([]int32, b.T), make([]int32, b.T)
	for i := range b.loopLo {
		b.loopLo[i] = -1
	}
	for _, l := range b.p.Loops {
		if l.Begin < 0 || l.End > b.T || l.Begin >= l.End || l.Periodic {
			continue
		}
		cut[l.Begin], cut[l.End] = true, true
		b.plain = append(b.plain, span{l.Begin, l.End})
		for t := l.Begin; t < l.End; t++ {
			b.loopLo[t], b.loopHi[t] = int32(l.Begin), int32(l.End)
		}
	}
	b.segLo = make([]int32, b.T+1)
	lo := 0
	for t := 0; t <= b.T; t++ {
		if cut[t] {
			lo = t
		}
		b.segLo[t] = int32(lo)
	}
}

// operandTime is the memory time of an instruction's operands at the given
// bandwidths.
func (b *board) allFastTime(t int, r RunsOn) float64 {
	in := &b.p.Instructions[t]
	var rb, wb float64
	for k := 0; k < b.nt; k++ {
		rb = max(rb, b.readBW[r.Executor*b.nt+k])
		wb = max(wb, b.writeBW[r.Executor*b.nt+k])
	}
	mem := 0.0
	for _, o := range in.Reads {
		n := float64(o.Bytes)
		if t >= b.B && t < b.E {
			for _, g := range b.p.PeriodicLoop().Growth {
				if g.Buf == o.Buf {
					n += g.Slope * float64(b.trip-1) / 2
				}
			}
		}
		if rb > 0 {
			mem += n / rb
		}
	}
	for _, o := range in.Writes {
		if wb > 0 {
			mem += float64(o.Bytes) / wb
		}
	}
	return max(r.ComputeS, mem)
}

func (b *board) readRooms() {
	b.allFast = make([][]float64, b.T)
	for t := range b.allFast {
		for _, r := range b.runsOn[t] {
			b.allFast[t] = append(b.allFast[t], b.allFastTime(t, r))
		}
	}
	b.rho = b.rhoOf(b.B, b.E)
	b.rhoPre = b.rhoOf(0, b.B)
	b.rhoPost = b.rhoOf(b.E, b.T)
}

// rhoOf is rule 3's ρ of the part [lo, hi).
func (b *board) rhoOf(lo, hi int) float64 {
	sum := 0.0
	for t := lo; t < hi; t++ {
		sum += b.allFast[t][0]
	}
	need := 0.0
	for h := 0; h < b.nt; h++ {
		if !b.unreached[h] {
			continue
		}
		bw, bytes := 0.0, 0.0
		for i := range b.p.Engines {
			if b.p.Engines[i].From == h {
				bw += b.p.Engines[i].BW
			}
		}
		for i := 0; i < b.nb; i++ {
			if b.p.Buffers[i].Home != h {
				continue
			}
			for k := b.first[i]; k < b.first[i+1]; k++ {
				if t := int(b.touches[k].instr); t >= lo && t < hi {
					bytes += float64(b.p.Buffers[i].Size)
					break
				}
			}
		}
		if bw > 0 {
			need += bytes / bw
		}
	}
	if sum <= 0 {
		return 1
	}
	return max(1, need/sum)
}

func toPicos(s float64) int64 {
	v := s * picos
	if v >= math.MaxInt64/4 {
		return math.MaxInt64 / 4
	}
	return int64(math.Round(v))
}

// copyTime is the time engine e needs for n bytes, in picoseconds.
func (b *board) copyTime(e int, n int64) int64 { return toPicos(float64(n) / b.p.Engines[e].BW) }

// copyBytes is what engine e moves for all of buf: its data, or the aligned
// extent around them, in units of the engine's io_align.
func (b *board) copyBytes(buf, e int) int64 {
	return roundUp(b.data[buf], max(b.p.Engines[e].IOAlign, 1))
}
