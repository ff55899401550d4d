package costmodel

import (
	"fmt"
	"strconv"

	"strata/malloc"
	"strata/model"
)

// Phases of the schedule.
const decode int32 = -1 // Ref.Ubatch of the loop body

// schedule unrolls prefill and appends the decode body.
func (l *lowering) schedule() error {
	total := l.w.Prompt * l.w.Parallel
	for t := 0; t < total; t += l.w.Ubatch {
		l.prefill = append(l.prefill, ubatch{t, min(l.w.Ubatch, total-t)})
	}
	for u, b := range l.prefill {
		e := model.Extent{Tokens: int64(b.tokens), Context: int64(l.w.Context), Sequences: int64(l.w.Parallel), Ubatch: int64(l.w.Ubatch)}
		if u == len(l.prefill)-1 {
			e.Outputs = int64(l.w.Parallel)
		}
		if err := l.stages(int32(u), b, e, -1); err != nil {
			return err
		}
	}
	if l.w.Gen == 1 {
		return nil
	}
	begin := len(l.p.Instructions)
	n := l.w.Parallel
	e := model.Extent{Tokens: int64(n), Context: int64(l.w.Context), Sequences: int64(n), Outputs: int64(n), Ubatch: int64(l.w.Ubatch)}
	// The body's last instruction samples the token that its first one embeds in
	// the next iteration.
	last := begin + l.count(e) - 1
	if err := l.stages(decode, ubatch{total, n}, e, last); err != nil {
		return err
	}
	loop := malloc.Loop{Begin: begin, End: len(l.p.Instructions), Trip: int64(l.w.Gen - 1), Periodic: true}
	if loop.End-1 != last {
		return fmt.Errorf("internal: decode body ends at instruction %d, expected %d", loop.End-1, last)
	}
	l.p.Loops = append(l.p.Loops, loop)
	return nil
}

// count is the number of instructions one pass over the stages makes.
func (l *lowering) count(e model.Extent) int {
	n := 0
	for s := range l.g.Stages {
		st := &l.g.Stages[s]
		switch {
		case st.OutputOnly && e.Outputs == 0:
		case st.Panelled:
			n += len(l.panels(st))
		default:
			n++
		}
	}
	return n
}

// panels returns the buffers of a panelled stage's matrix.
func (l *lowering) panels(st *model.Stage) []int {
	for _, op := range l.g.Ops[st.FirstOp : st.FirstOp+st.Ops] {
		if op.Kind == model.OpMatMul {
			return l.weights[op.In[1]]
		}
	}
	return nil
}

// stages appends one pass over the model: after is the instruction whose result
// decides the embedding rows (-1: known from the start).
func (l *lowering) stages(u int32, b ubatch, e model.Extent, after int) error {
	for s := range l.g.Stages {
		st := &l.g.Stages[s]
		if st.OutputOnly && e.Outputs == 0 {
			continue
		}
		if !st.Panelled {
			if err := l.instruction(int32(s), u, b, e, after, -1); err != nil {
				return err
			}
			continue
		}
		for i := range l.panels(st) {
			if err := l.instruction(int32(s), u, b, e, after, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// instruction appends stage s. panel picks one row block of a panelled stage.
func (l *lowering) instruction(s, u int32, b ubatch, e model.Extent, after, panel int) error {
	st := &l.g.Stages[s]
	phase := "decode"
	if u >= 0 {
		phase = fmt.Sprintf("prefill.%d", u)
	}
	in := malloc.Instruction{
		ID: len(l.p.Instructions), Name: phase + "." + st.Name, Op: st.Name, Group: phaseGroup(u) + stageGroup(st),
		Ref: malloc.Ref{Stage: s, Ubatch: u, Token0: int32(b.token0), Tokens: int32(e.Tokens)},
	}
	if panel >= 0 {
		o := l.out.Origins[l.panels(st)[panel]]
		in.Ref.Row0, in.Ref.Rows = o.Row0, o.Rows
		in.Name = fmt.Sprintf("%s[%d:%d]", in.Name, o.Row0, o.Row0+o.Rows)
	}
	var ops operands
	for i := st.FirstOp; i < st.FirstOp+st.Ops; i++ {
		op := &l.g.Ops[i]
		for j, t := range op.In {
			if t == model.NoTensor {
				continue
			}
			ten := &l.g.Tensors[t]
			switch {
			case ten.Role == model.RoleScratch:
			case ten.Role == model.RoleWeight && op.Kind == model.OpEmbed:
				for k := int64(0); k < e.Tokens; k++ {
					r, err := l.selectRow(t, u, int32(k), after)
					if err != nil {
						return err
					}
					ops.read(r, l.p.Buffers[r].Size)
				}
			case ten.Role == model.RoleWeight && panel >= 0 && op.Kind == model.OpMatMul:
				w := l.weights[t][panel]
				ops.read(w, l.p.Buffers[w].Size)
			case ten.Role == model.RoleWeight && op.Kind == model.OpExperts && u == decode:
				l.readExperts(&ops, t, op.Attr, in.ID)
			case ten.Role == model.RoleWeight:
				for _, w := range l.weights[t] {
					ops.read(w, l.p.Buffers[w].Size)
				}
			case ten.Role == model.RoleKV:
				if op.Kind == model.OpStoreKV {
					if j == len(op.In)-1 {
						continue // the cache as StoreKV's input is only overwritten
					}
				}
				k := l.kv[t]
				rows := min(l.kvLength(u, b), k.Rows)
				ops.read(l.shared[t], rows*(k.KRow+k.VRow))
			case ten.Role == model.RoleTokens && u >= 0:
				// The prompt is the program's input, not a tensor in memory.
			default:
				a := l.activation(t, u, e)
				ops.read(a, l.p.Buffers[a].Size)
			}
		}
		for _, t := range op.Out {
			ten := &l.g.Tensors[t]
			switch ten.Role {
			case model.RoleScratch:
			case model.RoleKV:
				k := l.kv[t]
				ops.write(l.shared[t], e.Tokens*(k.KRow+k.VRow))
			default:
				a := l.activation(t, u, e)
				bytes := l.p.Buffers[a].Size
				if panel >= 0 {
					bytes = 4 * e.Outputs * in.Ref.Rows
				}
				ops.write(a, bytes)
			}
		}
	}
	in.Reads, in.Writes = ops.reads, ops.writes
	slots, scratch := l.scratch(st, e)
	l.out.Scratch = append(l.out.Scratch, slots)
	if scratch > 0 {
		in.Scratch = map[string]int64{}
		for _, t := range l.execTiers {
			in.Scratch[strconv.Itoa(t)] = scratch
		}
	}
	l.p.Instructions = append(l.p.Instructions, in)
	return nil
}

// kvLength is the number of positions attention sees at the end of the
// micro-batch, or in the first decode iteration.
func (l *lowering) kvLength(u int32, b ubatch) int64 {
	if u == decode {
		return int64((l.w.Prompt + 1) * l.w.Parallel)
	}
	return int64(b.token0 + b.tokens)
}

// readExperts adds one select buffer per routed expert: which of the stack it is
// is known only after the router, the instruction before.
func (l *lowering) readExperts(ops *operands, t int32, a model.Attr, at int) {
	used := min(a.ExpertsUsed*int64(l.w.Parallel), int64(len(l.weights[t])))
	for k := int64(0); k < used; k++ {
		var size int64
		for _, w := range l.weights[t] {
			size = max(size, l.p.Buffers[w].Size+2*max(0, l.ioAlign-1))
		}
		r := l.add(malloc.Buffer{
			Name: fmt.Sprintf("%s[expert %d]@decode", l.g.Tensors[t].Name, k), Size: size,
			Kind: malloc.KindParam, Home: l.file, End: malloc.EndKeep,
			Select: &malloc.Select{Of: l.weights[t], After: at - 1},
		}, Origin{Tensor: t, Shard: l.g.Tensors[t].Shard, Ubatch: decode, Token: int32(k)})
		ops.read(r, l.p.Buffers[l.weights[t][0]].Size)
	}
}

func phaseGroup(u int32) string {
	if u == decode {
		return "decode."
	}
	return "prefill."
}

// stageGroup is the stage's name without its layer: repeated layers are equal.
func stageGroup(st *model.Stage) string {
	name := st.Name
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' {
			return name[i+1:]
		}
	}
	return name
}

// operands collects an instruction's reads and writes, each buffer once, in
// order of first use.
type operands struct{ reads, writes []malloc.Operand }

func (o *operands) read(b int, bytes int64) {
	for i := range o.writes {
		if o.writes[i].Buf == b {
			return // produced by this very instruction
		}
	}
	o.reads = put(o.reads, b, bytes)
}

func (o *operands) write(b int, bytes int64) { o.writes = put(o.writes, b, bytes) }

func put(list []malloc.Operand, b int, bytes int64) []malloc.Operand {
	for i := range list {
		if list[i].Buf == b {
			list[i].Bytes = max(list[i].Bytes, bytes)
			return list
		}
	}
	return append(list, malloc.Operand{Buf: b, Bytes: bytes})
}
