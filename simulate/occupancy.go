package simulate

import (
	"fmt"
	"strconv"

	"strata/malloc"
	"strata/trace"
)

// occupancy follows the bytes of live blocks per tier. A block [start, end) is
// live from the moment instruction start is reached to the moment everything
// before instruction end is over, write-backs awaited. A body block that wraps,
// or that is always resident, is live from the periodic loop's entry, since the
// hand-over fills its place. Blocks that share a place (a must class) count once.
// A block that enters or leaves a loop which is not periodic is live for all of
// that loop.
type occupancy struct {
	tiers []trace.Occupancy
	live  []int64 // per tier
	place []place // distinct (tier, offset, bytes)

	comes, goes byTime    // when instruction t is reached; when all before t is over
	entry, exit [][]int32 // per loop: places taken before its first iteration, left after its last
}

// place is memory that blocks use, and how many do now.
type place struct {
	tier   int
	offset int64
	bytes  int64
	used   int
}

// byTime lists places by time: list[from[t]:from[t+1]].
type byTime struct{ from, list []int32 }

func newByTime(n int, at, places []int) byTime {
	b := byTime{from: make([]int32, n+2), list: make([]int32, len(at))}
	for _, t := range at {
		b.from[t+1]++
	}
	for t := 1; t < len(b.from); t++ {
		b.from[t] += b.from[t-1]
	}
	fill := append([]int32(nil), b.from...)
	for i, t := range at {
		b.list[fill[t]] = int32(places[i])
		fill[t]++
	}
	return b
}

func (b *byTime) at(t int) []int32 { return b.list[b.from[t]:b.from[t+1]] }

// BlockBytes is what a block takes in its tier: the buffer's size rounded up to
// the larger of the tier's align and the io_align of engines to or from home;
// with a home offset the enclosing aligned extent. Scratch takes what its
// instruction asks for in that tier, aligned.
func BlockBytes(p *malloc.Program, b *malloc.Block) int64 {
	align := max(1, p.Tiers[b.Tier].Align)
	if b.Buf == malloc.ScratchBuf {
		return roundUp(p.Instructions[b.Start].Scratch[strconv.Itoa(b.Tier)], align)
	}
	buf := &p.Buffers[b.Buf]
	io := int64(1)
	for i := range p.Engines {
		if e := &p.Engines[i]; e.From == buf.Home || e.To == buf.Home {
			io = max(io, e.IOAlign)
		}
	}
	bytes := buf.Size
	if buf.HomeOffset != nil {
		bytes = roundUp(*buf.HomeOffset+buf.Size, io) - *buf.HomeOffset/io*io
	}
	return roundUp(bytes, max(align, io))
}

func roundUp(n, align int64) int64 { return (n + align - 1) / align * align }

func (o *occupancy) reset(s *Simulator) error {
	p := s.p
	n := len(p.Instructions)
	o.tiers = make([]trace.Occupancy, len(p.Tiers))
	o.live = make([]int64, len(p.Tiers))
	for i := range o.tiers {
		o.tiers[i].Tier, o.tiers[i].Name = i, p.Tiers[i].Name
	}
	o.entry, o.exit = make([][]int32, len(s.loops)), make([][]int32, len(s.loops))
	ids := make(map[place]int)
	var comes, goes, comesPlace, goesPlace []int
	for i := range s.plan.Blocks {
		b := &s.plan.Blocks[i]
		if b.Tier < 0 || b.Tier >= len(p.Tiers) || b.Buf < malloc.ScratchBuf || b.Buf >= len(p.Buffers) ||
			b.Start < 0 || b.Start >= n || b.End < b.Start {
			return fmt.Errorf("simulate: blocks[%d]: buffer %d in tier %d over [%d, %d): the program has %d buffers, %d tiers and %d instructions", i, b.Buf, b.Tier, b.Start, b.End, len(p.Buffers), len(p.Tiers), n)
		}
		bytes := BlockBytes(p, b)
		key := place{tier: b.Tier, offset: b.Offset, bytes: bytes}
		id, ok := ids[key]
		if !ok {
			id = len(o.place)
			ids[key] = id
			o.place = append(o.place, key)
		}
		o.tiers[b.Tier].PeakBytes = max(o.tiers[b.Tier].PeakBytes, b.Offset+bytes)
		stay := s.stay(b)
		if stay.come > n || stay.gone > n {
			return fmt.Errorf("simulate: blocks[%d]: [%d, %d) reaches past the end of the program, %d", i, b.Start, b.End, n)
		}
		if stay.entry >= 0 {
			o.entry[stay.entry] = append(o.entry[stay.entry], int32(id))
		}
		if stay.exit >= 0 {
			o.exit[stay.exit] = append(o.exit[stay.exit], int32(id))
		}
		if stay.come == stay.gone {
			continue // always resident, or empty
		}
		if stay.come >= 0 {
			comes, comesPlace = append(comes, stay.come), append(comesPlace, id)
		}
		if stay.gone >= 0 {
			goes, goesPlace = append(goes, stay.gone), append(goesPlace, id)
		}
	}
	o.comes, o.goes = newByTime(n, comes, comesPlace), newByTime(n, goes, goesPlace)
	return nil
}

// stay is when a block comes and goes: at times come and gone, in each iteration
// of what holds them, and at the entry and exit of loops; -1: not so.
type stay struct{ come, gone, entry, exit int }

func (s *Simulator) stay(b *malloc.Block) stay {
	x := stay{b.Start, b.End, -1, -1}
	for i := range s.loops { // outer loops first
		l := &s.loops[i]
		starts := b.Start >= l.Begin && b.Start < l.End
		ends := b.End > l.Begin && b.End <= l.End
		switch {
		case l.Periodic && starts && b.End > l.End:
			return stay{b.Start, b.End - (l.End - l.Begin), i, i}
		case l.Periodic:
		case starts && !ends && x.entry < 0:
			x.come, x.entry = -1, i
		case ends && !starts && x.exit < 0:
			x.gone, x.exit = -1, i
		}
	}
	return x
}

func (o *occupancy) take(places []int32, nowS float64, record bool) {
	for _, id := range places {
		x := &o.place[id]
		x.used++
		if x.used == 1 {
			o.live[x.tier] += x.bytes
			o.set(x.tier, nowS, record)
		}
	}
}

func (o *occupancy) release(places []int32, nowS float64, record bool) {
	for _, id := range places {
		x := &o.place[id]
		x.used--
		if x.used == 0 {
			o.live[x.tier] -= x.bytes
			o.set(x.tier, nowS, record)
		}
	}
}

// set appends a step; changes at one moment are one step.
func (o *occupancy) set(tier int, nowS float64, record bool) {
	if !record {
		return
	}
	t := &o.tiers[tier]
	live := max(0, min(o.live[tier], t.PeakBytes)) // classes of unequal members
	n := len(t.TimesS)
	switch {
	case n > 0 && t.TimesS[n-1] == nowS:
		t.Bytes[n-1] = live
	case n > 0 && t.Bytes[n-1] == live || n == 0 && live == 0:
	default:
		t.TimesS, t.Bytes = append(t.TimesS, nowS), append(t.Bytes, live)
	}
}

// resume appends a step for every tier after iterations that were not recorded.
func (o *occupancy) resume(nowS float64) {
	for i := range o.tiers {
		o.set(i, nowS, true)
	}
}
