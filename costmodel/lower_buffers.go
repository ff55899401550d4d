package costmodel

import (
	"fmt"

	"strata/malloc"
	"strata/model"
)

// slotAlign keeps tensors inside scratch blocks and KV buffers on cache lines.
const slotAlign = 64

func alignUp(n, a int64) int64 { return (n + a - 1) / a * a }

// buffers creates what does not depend on the schedule: the KV caches and the
// weights' panels. Activations are created where they are first written.
func (l *lowering) buffers() error {
	n := len(l.g.Tensors)
	l.weights, l.kv = make([][]int, n), make([]KVLayout, n)
	l.shared = make([]int, n)
	l.local = map[localKey]int{}
	for t := range l.shared {
		l.shared[t] = -1
	}
	for t := range l.g.Tensors {
		if l.g.Tensors[t].Role != model.RoleKV {
			continue
		}
		k, err := l.layoutKV(int32(t))
		if err != nil {
			return err
		}
		l.kv[t] = k
		l.shared[t] = l.add(malloc.Buffer{
			Name: l.g.Tensors[t].Name, Size: k.Bytes, Kind: malloc.KindKV, Home: l.home, End: malloc.EndDead,
		}, Origin{Tensor: int32(t), Ubatch: -1, Token: -1})
	}
	panelled := make([]bool, n)
	for _, op := range l.g.Ops {
		if l.g.Stages[op.Stage].Panelled && op.Kind == model.OpMatMul {
			panelled[op.In[1]] = true
		}
	}
	for t := range l.g.Tensors {
		if l.g.Tensors[t].Role == model.RoleWeight {
			if err := l.addWeight(int32(t), panelled[t]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lowering) add(b malloc.Buffer, o Origin) int {
	b.ID = len(l.p.Buffers)
	l.p.Buffers = append(l.p.Buffers, b)
	l.out.Origins = append(l.out.Origins, o)
	return b.ID
}

// layoutKV sizes a layer's cache: K, then V, a row a position of all heads
// together (in what order they lie is the engine's). A sliding window needs
// its window and the micro-batch being computed, never more than the context.
func (l *lowering) layoutKV(t int32) (KVLayout, error) {
	ten := &l.g.Tensors[t]
	rows, err := model.KVConfig{Context: int64(l.w.Context), Sequences: int64(l.w.Parallel), Ubatch: int64(l.w.Ubatch)}.Cells(ten.Window)
	if err != nil {
		return KVLayout{}, fmt.Errorf("%s: %w", ten.Name, err)
	}
	kRow, err := ten.KV.KType.RowBytes(ten.KV.KCols)
	if err != nil {
		return KVLayout{}, fmt.Errorf("%s: K cache: %w", ten.Name, err)
	}
	vRow, err := ten.KV.VType.RowBytes(ten.KV.VCols)
	if err != nil {
		return KVLayout{}, fmt.Errorf("%s: V cache: %w", ten.Name, err)
	}
	k := KVLayout{Rows: rows, KRow: kRow, VRow: vRow, VOffset: alignUp(rows*kRow, slotAlign)}
	k.Bytes = k.VOffset + rows*vRow
	return k, nil
}

// addWeight makes a weight one buffer, or several row panels. Rows are never
// split along the reduction, so results stay bit-equal.
func (l *lowering) addWeight(t int32, panelled bool) error {
	ten := &l.g.Tensors[t]
	rows, cols := int64(1), ten.Shape[len(ten.Shape)-1].N
	for _, d := range ten.Shape[:len(ten.Shape)-1] {
		rows *= d.N
	}
	rowBytes, err := ten.DType.RowBytes(cols)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", ten.Name, err)
	}
	if ten.Bytes != rows*rowBytes {
		return fmt.Errorf("tensor %q: the file stores %d bytes, %d rows of %d columns in %v need %d", ten.Name, ten.Bytes, rows, cols, ten.DType, rows*rowBytes)
	}
	per := rows
	if panelled && ten.Bytes > l.w.PanelBytes {
		per = max(1, l.w.PanelBytes/rowBytes)
		if per > 64 {
			per -= per % 64 // whole groups of rows for the kernels
		}
	} else if stacked := len(ten.Shape) == 3; stacked {
		per = ten.Shape[1].N // one panel an expert
	}
	for r := int64(0); r < rows; r += per { // rows ≥ 1, checked by the reader
		m := min(per, rows-r)
		b := malloc.Buffer{
			Name: ten.Name, Size: m * rowBytes, Kind: malloc.KindParam, Home: l.file, End: malloc.EndKeep,
		}
		if ten.Offset >= 0 {
			off := ten.Offset + r*rowBytes
			b.HomeOffset = &off
		}
		if m < rows {
			b.Name = fmt.Sprintf("%s[%d:%d]", ten.Name, r, r+m)
			b.PanelOf = &malloc.PanelOf{Name: ten.Name, Row: r, Rows: m}
		}
		l.weights[t] = append(l.weights[t], l.add(b, Origin{Tensor: t, Shard: ten.Shard, Row0: r, Rows: m, Ubatch: -1, Token: -1}))
	}
	return nil
}

// activation returns the buffer of a stage-crossing tensor for a micro-batch
// (-1: decode), creating it at its first writer.
func (l *lowering) activation(t int32, u int32, e model.Extent) int {
	if l.shared[t] >= 0 {
		return l.shared[t]
	}
	ten := &l.g.Tensors[t]
	if ten.Role == model.RoleTokens {
		// Decode embeds what the iteration before sampled: one buffer carries it.
		if t = l.sampled(); l.shared[t] >= 0 {
			return l.shared[t]
		}
		ten = &l.g.Tensors[t]
		l.shared[t] = l.add(malloc.Buffer{
			Name: ten.Name, Size: 4 * int64(l.w.Parallel), Kind: malloc.KindActivation, Home: l.home, End: malloc.EndDead,
		}, Origin{Tensor: t, Ubatch: -1, Token: -1})
		return l.shared[t]
	}
	key := localKey{t, u}
	if b, ok := l.local[key]; ok {
		return b
	}
	name := ten.Name + "@decode"
	if u >= 0 {
		name = fmt.Sprintf("%s@prefill.%d", ten.Name, u)
	}
	kind := malloc.KindActivation
	if ten.Role == model.RoleLogits {
		kind = malloc.KindOutput
	}
	b := l.add(malloc.Buffer{Name: name, Size: l.activationBytes(t, e), Kind: kind, Home: l.home, End: malloc.EndDead},
		Origin{Tensor: t, Ubatch: u, Token: -1})
	l.local[key] = b
	return b
}

// sampled is the tensor of the token ids that the model chooses.
func (l *lowering) sampled() int32 {
	for i := range l.g.Ops {
		if l.g.Ops[i].Kind == model.OpSample {
			return l.g.Ops[i].Out[0]
		}
	}
	return model.NoTensor
}

// activationBytes is what a stage-crossing tensor takes.
func (l *lowering) activationBytes(t int32, e model.Extent) int64 {
	if StoredQuantized(l.g, t, l.w.Mode) {
		return quantizedBytes(&l.g.Tensors[t], e)
	}
	return floatBytes(&l.g.Tensors[t], e)
}

// floatBytes is a tensor's size in f32 (token ids are 32 bits too).
func floatBytes(t *model.Tensor, e model.Extent) int64 {
	n := int64(4)
	for _, d := range t.Shape {
		n *= d.Size(e)
	}
	return n
}

// selectRow makes the buffer for one embedding row that is read on demand:
// whichever row, the aligned extent around it fits, and all of it is read.
func (l *lowering) selectRow(t int32, u, token int32, after int) (int, error) {
	ten := &l.g.Tensors[t]
	cols := ten.Shape[len(ten.Shape)-1].N
	rowBytes, err := ten.DType.RowBytes(cols)
	if err != nil {
		return 0, fmt.Errorf("tensor %q: %w", ten.Name, err)
	}
	align := max(1, l.ioAlign)
	size := rowBytes
	if ten.Offset >= 0 && align > 1 {
		size = 0
		for r := int64(0); r < min(ten.Shape[0].N, align); r++ { // positions repeat after at most align rows
			lo := ten.Offset + r*rowBytes
			size = max(size, alignUp(lo+rowBytes, align)-lo/align*align)
		}
	} else {
		size = alignUp(rowBytes, align) + align
	}
	name := fmt.Sprintf("%s[row]@decode.%d", ten.Name, token)
	if u >= 0 {
		name = fmt.Sprintf("%s[row]@prefill.%d.%d", ten.Name, u, token)
	}
	return l.add(malloc.Buffer{
		Name: name, Size: size, Kind: malloc.KindParam, Home: l.file, End: malloc.EndKeep,
		Select: &malloc.Select{Of: l.weights[t], After: after},
	}, Origin{Tensor: t, Shard: ten.Shard, Ubatch: u, Token: token}), nil
}
