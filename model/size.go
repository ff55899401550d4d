package model

import "fmt"

// Elements is the shape for one workload, outermost first.
func (t *Tensor) Elements(e Extent) []int64 {
	out := make([]int64, len(t.Shape))
	for i, d := range t.Shape {
		out[i] = d.Size(e)
	}
	return out
}

// SizeBytes is the storage a tensor needs for one workload. Weights need what
// the file holds; a KV cache has Context positions, of all sequences together,
// or fewer with a sliding window (see KVConfig), without any rounding.
func (t *Tensor) SizeBytes(e Extent) (int64, error) {
	switch t.Role {
	case RoleWeight:
		return t.Bytes, nil
	case RoleKV:
		cells, err := KVConfig{Context: e.Context, Sequences: e.Sequences, Ubatch: e.Ubatch}.Cells(t.Window)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", t.Name, err)
		}
		row, err := t.KV.RowBytes()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", t.Name, err)
		}
		return mulBytes(cells, row)
	}
	n, err := t.DType.TensorBytes(t.Elements(e))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.Name, err)
	}
	return n, nil
}

// Rows and Cols give a weight as a matrix: rows of all outer dimensions (the
// experts of a stack among them) by columns.
func (t *Tensor) Rows() int64 {
	rows := int64(1)
	for _, d := range t.Shape[:max(0, len(t.Shape)-1)] {
		rows *= d.N
	}
	return rows
}

func (t *Tensor) Cols() int64 {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[len(t.Shape)-1].N
}

// RowBytes is the stored size of one row of a weight.
func (t *Tensor) RowBytes() (int64, error) { return t.DType.RowBytes(t.Cols()) }

// Weights lists the ids of all weights in the order the schedule first needs
// them.
func (g *Graph) Weights() []TensorID {
	var out []TensorID
	seen := make([]bool, len(g.Tensors))
	for i := range g.Ops {
		for _, id := range g.Ops[i].In {
			if id != NoTensor && !seen[id] && g.Tensors[id].Role == RoleWeight {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	return out
}

// WeightBytes is the stored size of all weights, each counted once.
func (g *Graph) WeightBytes() int64 {
	var sum int64
	for i := range g.Tensors {
		if g.Tensors[i].Role == RoleWeight {
			sum += g.Tensors[i].Bytes
		}
	}
	return sum
}

// FileBytes is the size of all files of the model.
func (g *Graph) FileBytes() int64 {
	var sum int64
	for _, s := range g.Shards {
		sum += s.Bytes
	}
	return sum
}
