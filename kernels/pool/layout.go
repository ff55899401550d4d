package pool

/*
#include "pool.h"
#include "quant.h"
*/
import "C"

import (
	"unsafe"

	"strata/kernels/op"
)

// Field is the offset, size or number of something that Go and C both declare.
type Field struct {
	Name  string
	Go, C uintptr
}

// Layout lists what package op and its headers must agree on. Its only reader is a test, but cgo cannot be
// used in one.
func Layout() []Field {
	var g op.Op
	var c C.k_op
	return []Field{
		{"size", unsafe.Sizeof(g), unsafe.Sizeof(c)},
		{"bytes", op.Bytes, unsafe.Sizeof(c)},
		{"kind", unsafe.Offsetof(g.Kind), unsafe.Offsetof(c.kind)},
		{"wtype", unsafe.Offsetof(g.WType), unsafe.Offsetof(c.wtype)},
		{"atype", unsafe.Offsetof(g.AType), unsafe.Offsetof(c.atype)},
		{"flags", unsafe.Offsetof(g.Flags), unsafe.Offsetof(c.flags)},
		{"tokens", unsafe.Offsetof(g.Tokens), unsafe.Offsetof(c.tokens)},
		{"n", unsafe.Offsetof(g.N), unsafe.Offsetof(c.n)},
		{"k", unsafe.Offsetof(g.K), unsafe.Offsetof(c.k)},
		{"heads", unsafe.Offsetof(g.Heads), unsafe.Offsetof(c.heads)},
		{"kv_heads", unsafe.Offsetof(g.KVHeads), unsafe.Offsetof(c.kv_heads)},
		{"eps", unsafe.Offsetof(g.Eps), unsafe.Offsetof(c.eps)},
		{"scale", unsafe.Offsetof(g.Scale), unsafe.Offsetof(c.scale)},
		{"base", unsafe.Offsetof(g.Base), unsafe.Offsetof(c.base)},
		{"dst", unsafe.Offsetof(g.Dst), unsafe.Offsetof(c.dst)},
		{"dst_stride", unsafe.Offsetof(g.DstStride), unsafe.Offsetof(c.dst_stride)},
		{"x", unsafe.Offsetof(g.X), unsafe.Offsetof(c.x)},
		{"x_stride", unsafe.Offsetof(g.XStride), unsafe.Offsetof(c.x_stride)},
		{"w", unsafe.Offsetof(g.W), unsafe.Offsetof(c.w)},
		{"w_stride", unsafe.Offsetof(g.WStride), unsafe.Offsetof(c.w_stride)},
		{"y", unsafe.Offsetof(g.Y), unsafe.Offsetof(c.y)},
		{"y_stride", unsafe.Offsetof(g.YStride), unsafe.Offsetof(c.y_stride)},
		{"z", unsafe.Offsetof(g.Z), unsafe.Offsetof(c.z)},
		{"z_stride", unsafe.Offsetof(g.ZStride), unsafe.Offsetof(c.z_stride)},
		{"pos", unsafe.Offsetof(g.Pos), unsafe.Offsetof(c.pos)},
		{"scratch", unsafe.Offsetof(g.Scratch), unsafe.Offsetof(c.scratch)},
		{"scratch_stride", unsafe.Offsetof(g.ScratchStride), unsafe.Offsetof(c.scratch_stride)},
		{"start_ns", unsafe.Offsetof(g.StartNs), unsafe.Offsetof(c.start_ns)},
		{"end_ns", unsafe.Offsetof(g.EndNs), unsafe.Offsetof(c.end_ns)},
		{"number of kinds", uintptr(op.KindReadSum) + 1, C.K_KIND_COUNT},
		{"q8_pair row of 96", uintptr(op.QuantizedRowBytes(96)), uintptr(C.k_row_bytes(C.K_Q8_PAIR, 96))},
		{"q4_1 row of 96", uintptr(op.RowBytes(op.Q4_1, 96)), uintptr(C.k_row_bytes(C.K_Q4_1, 96))},
		{"q4_0 row of 96", uintptr(op.RowBytes(op.Q4_0, 96)), uintptr(C.k_row_bytes(C.K_Q4_0, 96))},
		{"q8_0 row of 96", uintptr(op.RowBytes(op.Q8_0, 96)), uintptr(C.k_row_bytes(C.K_Q8_0, 96))},
		{"bf16 row of 96", uintptr(op.RowBytes(op.BF16, 96)), uintptr(C.k_row_bytes(C.K_BF16, 96))},
		{"unknown row", uintptr(op.RowBytes(77, 96)), uintptr(C.k_row_bytes(77, 96))},
	}
}
