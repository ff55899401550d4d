package engine

import (
	"fmt"
	"sort"

	"strata/costmodel"
	"strata/kernels/op"
	"strata/malloc"
	"strata/model"
)

// binding is a plan made executable: final addresses for every kernel op and the
// order of copies, all decided before the first instruction runs.
type binding struct {
	l    *costmodel.Lowered
	plan *malloc.Plan
	dram *arena
	ctl  *control

	ops   []op.Op
	first []int32 // by instruction: its first op; one more at the end

	blocksOf   [][]int32 // by buffer: its blocks in the memory tier, by start
	scratchOf  []int32   // by instruction: its scratch block, -1
	starts     [][]int32 // by instruction: blocks that begin there
	ends       [][]int32 // by instruction: blocks that end there, one more at the end
	begin, end int       // the loop body; both len(instructions) without a loop
	trip       int64
	embeds     []embedRow
}

// embedRow is one entry of an embedding instruction's row table.
type embedRow struct {
	instr  int
	buf    int // the select buffer
	token  int // index in the micro-batch
	ubatch int32
	block  int32 // -1: read from the resident table
	entry  int   // in control.rows
}

// bind checks that the engine can run the plan and computes every address.
func bind(l *costmodel.Lowered, plan *malloc.Plan, a *arena, ctl *control) (*binding, error) {
	n := len(l.Program.Instructions)
	b := &binding{l: l, plan: plan, dram: a, ctl: ctl, begin: n, end: n,
		blocksOf: make([][]int32, len(l.Program.Buffers)), scratchOf: make([]int32, n),
		starts: make([][]int32, n+1), ends: make([][]int32, n+1)}
	if loop := l.Program.PeriodicLoop(); loop != nil {
		b.begin, b.end, b.trip = loop.Begin, loop.End, loop.Trip
		if b.end != n {
			return nil, fmt.Errorf("engine: instructions follow the decode loop, the engine cannot run them yet")
		}
	}
	for i := range b.scratchOf {
		b.scratchOf[i] = -1
	}
	for i := range plan.Blocks {
		k := &plan.Blocks[i]
		if k.Tier != l.HomeTier {
			return nil, fmt.Errorf("engine: block %d lies in tier %q, the engine executes plans over %q and %q only (planned only)",
				i, l.Program.Tiers[k.Tier].Name, l.Program.Tiers[l.HomeTier].Name, l.Program.Tiers[l.FileTier].Name)
		}
		b.starts[k.Start] = append(b.starts[k.Start], int32(i))
		end := k.End
		if k.Start >= b.begin && end > b.end {
			end = b.begin + (end - b.end)
		}
		b.ends[end] = append(b.ends[end], int32(i))
		if k.Buf == malloc.ScratchBuf {
			b.scratchOf[k.Start] = int32(i)
		} else {
			b.blocksOf[k.Buf] = append(b.blocksOf[k.Buf], int32(i))
		}
	}
	for _, list := range b.blocksOf {
		sort.Slice(list, func(i, j int) bool { return plan.Blocks[list[i]].Start < plan.Blocks[list[j]].Start })
	}
	for i := range l.Program.Instructions {
		b.first = append(b.first, int32(len(b.ops)))
		if err := b.instruction(i); err != nil {
			return nil, fmt.Errorf("engine: instruction %d (%s): %w", i, l.Program.Instructions[i].Name, err)
		}
		if len(b.ops) > int(b.first[i]) {
			last := &b.ops[len(b.ops)-1]
			*last = last.WithTiming()
			// Panels of one matrix write apart: they flow on into each other.
			if next := i + 1; next == n || l.Program.Instructions[i].Ref.Rows == 0 || l.Program.Instructions[next].Ref.Rows == 0 {
				*last = last.WithBarrier()
			}
		}
	}
	b.first = append(b.first, int32(len(b.ops)))
	return b, nil
}

// blockAt is the block that holds buf in memory at instruction t, or -1.
func (b *binding) blockAt(buf, t int) int32 {
	length := b.end - b.begin
	for _, i := range b.blocksOf[buf] {
		k := &b.plan.Blocks[i]
		if k.Start <= t && t < k.End || k.Start >= b.begin && t >= b.begin && k.Start <= t+length && t+length < k.End {
			return i
		}
	}
	return -1
}

// blockBytes is what a block occupies.
func (b *binding) blockBytes(i int32) int64 { return planBlockBytes(b.l, b.plan, i) }

func planBlockBytes(l *costmodel.Lowered, plan *malloc.Plan, i int32) int64 {
	k := &plan.Blocks[i]
	p := l.Program
	align := p.Tiers[k.Tier].Align
	if k.Buf == malloc.ScratchBuf {
		return alignUp(p.Instructions[k.Start].Scratch[fmt.Sprint(k.Tier)], align)
	}
	buf := &p.Buffers[k.Buf]
	for _, e := range p.Engines {
		if e.From == buf.Home || e.To == buf.Home {
			align = max(align, e.IOAlign)
		}
	}
	if buf.HomeOffset != nil {
		lo := *buf.HomeOffset / align * align
		return alignUp(*buf.HomeOffset+buf.Size, align) - lo
	}
	return alignUp(buf.Size, align)
}

// dataOffset is where a buffer's data starts inside its block.
func (b *binding) dataOffset(buf int) int64 {
	if off := b.l.Program.Buffers[buf].HomeOffset; off != nil {
		return *off % b.ioAlign()
	}
	return 0
}

func (b *binding) ioAlign() int64 {
	align := int64(1)
	for _, e := range b.l.Program.Engines {
		if e.From == b.l.FileTier {
			align = max(align, e.IOAlign)
		}
	}
	return align
}

// address is where an instruction finds buf.
func (b *binding) address(buf, t int) (uintptr, error) {
	i := b.blockAt(buf, t)
	if i < 0 {
		return 0, fmt.Errorf("the plan holds no block of %q in memory", b.l.Program.Buffers[buf].Name)
	}
	off := b.plan.Blocks[i].Offset + b.dataOffset(buf)
	if _, err := b.dram.slice(b.plan.Blocks[i].Offset, b.blockBytes(i)); err != nil {
		return 0, fmt.Errorf("%q: %w", b.l.Program.Buffers[buf].Name, err)
	}
	return b.dram.at(off), nil
}

// instruction emits the kernel ops of one instruction.
func (b *binding) instruction(i int) error {
	e := emitter{b: b, at: i, in: &b.l.Program.Instructions[i], g: b.l.Graph, tensors: map[model.TensorID]uintptr{}, quantized: map[model.TensorID]uintptr{}}
	return e.emit()
}

func alignUp(n, a int64) int64 { return (n + a - 1) / a * a }
