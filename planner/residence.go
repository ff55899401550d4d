package planner

import (
	"slices"

	"strata/malloc"
)

// residence is a buffer's stay in fast memory: the block [start, end) at offset
// serves the touches first..last. It begins with the definition (before < 0), or
// with a copy over [start, before).
type residence struct {
	first, last        int32
	start, before, end int32
	offset             int64
	copy               int32 // in the simulator; of a copied residence
}

// life is all that a plan says of one buffer. Lives are never changed, only
// replaced, so that old ones can be kept.
type life struct {
	stays     []residence
	back      int32 // end of the write-back that begins after the definition, -1: none
	backStart int32
	backCopy  int32
}

// residenceSpec is what a straight program over one fast memory and one unlimited
// home says: buffers written once, each touch fast or at home.
type residenceSpec struct {
	p          *malloc.Program
	fast, home int
	in, out    int // engines
	capacity   int64
	bytes      []int64            // per buffer: of a block, 0: it stays at home
	filled     []int64            // per buffer: of a copy in
	written    []int64            // per buffer: of a write-back
	touches    [][]residenceTouch // per buffer
	unit       int64              // offsets are multiples of it
	computeS   []float64          // per instruction
	access     []malloc.Access
	at         [][]int32 // per instruction: buffers with a choice touched there
	scratch    []malloc.Block
	worth      []float64 // per buffer: seconds saved when fast
	choices    []int32   // buffers with a choice
}

// residenceTouch is one touch: the operands of an instruction that are one buffer.
type residenceTouch struct {
	instr      int32
	def        bool
	operands   []int32 // reads first, then writes
	readBytes  int64
	writeBytes int64
}

// newResidenceSpec returns nil for programs of another kind.
func newResidenceSpec(a *attempt, base *malloc.Plan) *residenceSpec {
	p := a.p.Program
	if len(p.Loops) > 0 || len(p.Tiers) != 2 || len(p.Executors) > 1 || len(a.held) > 0 || a.p.NewEvaluator != nil {
		return nil
	}
	for _, class := range p.Aliases {
		if class.Kind == "must" {
			return nil
		}
	}
	s := &residenceSpec{p: p, fast: -1, home: -1}
	for t := range p.Tiers {
		if p.Tiers[t].Capacity == malloc.Unlimited {
			s.home = t
		} else {
			s.fast, s.capacity = t, p.Tiers[t].Capacity
		}
	}
	if s.fast < 0 || s.home < 0 {
		return nil
	}
	s.in, s.out = directEngine(p, s.home, s.fast), directEngine(p, s.fast, s.home)
	if s.in < 0 || s.out < 0 || len(p.Engines) != 2 {
		return nil
	}
	w := executorReach(p, 0)
	if w[s.fast].ReadBW <= 0 || w[s.fast].WriteBW <= 0 || w[s.home].ReadBW <= 0 || w[s.home].WriteBW <= 0 {
		return nil
	}
	for _, b := range base.Blocks {
		if b.Buf == malloc.ScratchBuf {
			s.scratch = append(s.scratch, b)
		}
	}
	n := len(p.Buffers)
	s.bytes, s.filled, s.written = make([]int64, n), make([]int64, n), make([]int64, n)
	s.touches, s.worth = make([][]residenceTouch, n), make([]float64, n)
	if !s.read(w) {
		return nil
	}
	for b := range n {
		f := &p.Buffers[b]
		if f.Home != s.home || f.Select != nil || f.Paged > 0 {
			return nil
		}
		z := blockBytes(p, b, s.fast)
		s.unit = max(p.Tiers[s.fast].Align, homeAlign(p, b), 1)
		s.filled[b], s.written[b] = extentBytes(f, p.Engines[s.in].IOAlign), extentBytes(f, p.Engines[s.out].IOAlign)
		if z <= s.capacity && len(s.touches[b]) > 0 {
			s.bytes[b] = z
			s.choices = append(s.choices, int32(b))
			for _, t := range s.touches[b] {
				s.at[t.instr] = append(s.at[t.instr], int32(b))
			}
		}
	}
	if len(s.choices) == 0 {
		return nil
	}
	return s
}

// read gathers touches and times; false for buffers that are written more than
// once, or whose touches are pinned.
func (s *residenceSpec) read(w []malloc.Access) bool {
	p := s.p
	n := len(p.Instructions)
	s.access, s.computeS, s.at = w, make([]float64, n), make([][]int32, n)
	for t := range p.Instructions {
		in := &p.Instructions[t]
		if len(in.Fixed) > 0 || len(in.RunsOn) > 1 {
			return false
		}
		s.computeS[t] = in.ComputeS
		if len(in.RunsOn) == 1 {
			s.computeS[t] = in.RunsOn[0].ComputeS
		}
		for k := range len(in.Reads) + len(in.Writes) {
			o, write := malloc.Operand{}, k >= len(in.Reads)
			if write {
				o = in.Writes[k-len(in.Reads)]
			} else {
				o = in.Reads[k]
			}
			list := s.touches[o.Buf]
			if len(list) == 0 || int(list[len(list)-1].instr) != t {
				list = append(list, residenceTouch{instr: int32(t)})
			}
			x := &list[len(list)-1]
			x.operands = append(x.operands, int32(k))
			if write {
				if len(list) > 1 || len(x.operands) > 1 || p.Buffers[o.Buf].Kind == malloc.KindParam {
					return false
				}
				x.def, x.writeBytes = true, o.Bytes
				s.worth[o.Buf] += float64(o.Bytes) * (1/w[s.home].WriteBW - 1/w[s.fast].WriteBW)
			} else {
				x.readBytes += o.Bytes
				s.worth[o.Buf] += float64(o.Bytes) * (1/w[s.home].ReadBW - 1/w[s.fast].ReadBW)
			}
			s.touches[o.Buf] = list
		}
	}
	return true
}

// executorReach is an executor's bandwidth to each tier.
func executorReach(p *malloc.Program, x int) []malloc.Access {
	out := make([]malloc.Access, len(p.Tiers))
	for t := range p.Tiers {
		out[t] = malloc.Access{Tier: t, ReadBW: p.Tiers[t].ReadBW, WriteBW: p.Tiers[t].WriteBW}
	}
	if len(p.Executors) > 0 {
		for t := range out {
			out[t].ReadBW, out[t].WriteBW = 0, 0
		}
		for _, a := range p.Executors[x].Access {
			out[a.Tier] = a
		}
	}
	return out
}

// tenancy is a block in the fast memory's map.
type tenancy struct {
	offset, top int64
	start, end  int32
	buf         int32
}

// memoryMap is what lies where, and when, in the fast memory: places by offset.
type memoryMap struct {
	places   []tenancy
	capacity int64
	unit     int64
}

func (m *memoryMap) add(x tenancy) {
	at, _ := slices.BinarySearchFunc(m.places, x, func(a, b tenancy) int {
		switch {
		case a.offset != b.offset:
			if a.offset < b.offset {
				return -1
			}
			return 1
		case a.start != b.start:
			return int(a.start - b.start)
		}
		return int(a.buf - b.buf)
	})
	m.places = slices.Insert(m.places, at, x)
}

// drop removes the places of a buffer.
func (m *memoryMap) drop(buf int32) {
	m.places = slices.DeleteFunc(m.places, func(x tenancy) bool { return x.buf == buf })
}

// find is the offset of the smallest free gap of size over [start, end), the lowest
// of equal ones, the rest at the top last; -1: none.
func (m *memoryMap) find(size int64, start, end int32) int64 {
	best, bestGap, top := int64(-1), int64(0), int64(0)
	for i := range m.places {
		x := &m.places[i]
		if x.start >= end || x.end <= start {
			continue
		}
		if gap := x.offset - top; gap >= size && (best < 0 || gap < bestGap) {
			best, bestGap = top, gap
		}
		if x.top > top {
			top = (x.top + m.unit - 1) / m.unit * m.unit
		}
	}
	if best < 0 && m.capacity-top >= size {
		return top
	}
	return best
}
