package engine

// Embedding rows: which one a token chooses, where it lies in the file and in memory.

// token is the id behind an embedding row.
func (r *runner) token(e *embedRow) int64 {
	if e.ubatch < 0 {
		return int64(r.tokens[len(r.tokens)-1])
	}
	return int64(r.in.Prompt[int(r.p.Instructions[e.instr].Ref.Token0)+e.token])
}

// rowOffset is the row's position in the model file.
func (r *runner) rowOffset(e *embedRow) int64 {
	t := &r.l.Graph.Tensors[r.l.Origins[e.buf].Tensor]
	return t.Offset + r.token(e)*(t.Bytes/t.Shape[0].N)
}

// aim points a select copy at the extent around the chosen row.
func (r *runner) aim(i int32) {
	e := &r.b.embeds[r.rowOf[r.plan.Copies[i].Buf]]
	align := r.b.ioAlign()
	r.copies[i].Offset = r.rowOffset(e) / align * align
}

// rowAddress is where the row's data lie now.
func (r *runner) rowAddress(k int32) uintptr {
	e := &r.b.embeds[k]
	if e.block >= 0 {
		return r.dram.at(r.plan.Blocks[e.block].Offset + r.rowOffset(e)%r.b.ioAlign())
	}
	id := r.token(e)
	for _, part := range r.p.Buffers[e.buf].Select.Of {
		o := r.l.Origins[part]
		if id >= o.Row0 && id < o.Row0+o.Rows {
			addr, _ := r.b.address(part, e.instr) // bind checked that it is there
			return addr + uintptr((id-o.Row0)*(r.p.Buffers[part].Size/o.Rows))
		}
	}
	return 0
}
