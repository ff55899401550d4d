package op

import (
	"embed"
	"fmt"
)

// Headers are the C headers shared by all kernels; see the package comment for why they are embedded.
//
//go:embed *.h
var Headers embed.FS

// Kind says what an op computes.
type Kind int32

// The kinds, with the same numbers as in op.h.
const (
	KindNop Kind = iota
	KindEmbed
	KindRMSNorm
	KindQuantize
	KindMatmul
	KindRopeTable
	KindRope
	KindStoreKV
	KindAttention
	KindSwiGLU
	KindAdd
	KindCopy
	KindZero
	KindArgmax
	KindReadSum
	kindCount
)

var kindNames = [kindCount]string{"nop", "embed", "rmsnorm", "quantize", "matmul", "rope_table", "rope", "store_kv",
	"attention", "swiglu", "add", "copy", "zero", "argmax", "read_sum"}

// String gives the kind's name in lower case.
func (k Kind) String() string {
	if k < 0 || k >= kindCount {
		return fmt.Sprintf("kind(%d)", int32(k))
	}
	return kindNames[k]
}

// Type is a number format. Where ggml has the format the number is ggml's.
type Type int32

// The formats that kernels read.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q8_0 Type = 8
	BF16 Type = 30
	// Q8Pair is the format of int8 activations: blocks of 32 values with a scale and a block sum in
	// f32, two blocks to a record of 80 bytes (k_q8_pair in quant.h).
	Q8Pair Type = 1000
)

// String gives ggml's name of the format.
func (t Type) String() string {
	switch t {
	case F32:
		return "f32"
	case F16:
		return "f16"
	case Q4_0:
		return "q4_0"
	case Q4_1:
		return "q4_1"
	case Q8_0:
		return "q8_0"
	case BF16:
		return "bf16"
	case Q8Pair:
		return "q8_pair"
	}
	return fmt.Sprintf("type(%d)", int32(t))
}

// RowBytes is the size of k values of a type in a row; 0 when the type is unknown or its blocks of 32
// do not divide k.
func RowBytes(t Type, k int64) int64 {
	if k <= 0 {
		return 0
	}
	switch t {
	case F32:
		return 4 * k
	case F16, BF16:
		return 2 * k
	}
	if k%32 != 0 {
		return 0
	}
	switch t {
	case Q4_0:
		return k / 32 * 18
	case Q4_1:
		return k / 32 * 20
	case Q8_0:
		return k / 32 * 34
	case Q8Pair:
		return (k + 63) / 64 * 80
	}
	return 0
}

// QuantizedRowBytes is the size of a row of k activations in the format Q8Pair.
func QuantizedRowBytes(k int64) int64 { return RowBytes(Q8Pair, k) }

// AttentionScratchBytes is the scratch that one thread needs for attention over kvLen positions, one
// head at a time: the scores and the head's output, in f32, rounded up to whole cache lines.
func AttentionScratchBytes(kvLen, headDim int64) int64 {
	return (4*((kvLen+7)/8*8+(headDim+63)/64*64) + 63) / 64 * 64
}

// AttentionGroupScratchBytes is the scratch of one thread with which heads that share keys are computed
// together, up to three at a time: the same bits as with AttentionScratchBytes, up to twice as fast.
func AttentionGroupScratchBytes(kvLen, headDim, heads, kvHeads int64) int64 {
	group := heads / kvHeads
	parts := (group + 2) / 3
	return (group + parts - 1) / parts * AttentionScratchBytes(kvLen, headDim)
}

// RopeTableBytes is the size of the cosines and sines of tokens positions.
func RopeTableBytes(tokens, headDim int64) int64 { return 4 * tokens * headDim }

// Flags modify an op or its place in a list.
type Flags int32

const (
	// Barrier: no later op of the list starts before this one and all before it are complete.
	Barrier Flags = 1
	// AddTo: a matmul adds its result to dst instead of replacing it.
	AddTo Flags = 2
	// Timed: StartNs and EndNs are written (about 50 ns an op).
	Timed Flags = 4
)

// Op is one operation; build it with a constructor, then patch fields as long as no Run uses it. Strides
// are in bytes. It mirrors k_op.
type Op struct {
	Kind          Kind
	WType         Type  // type of W, or of the KV cache
	AType         Type  // type of X in a matmul: F32 or Q8Pair
	Flags         Flags //
	Tokens        int64 // rows of X that this call computes
	N             int64 // output rows of a matmul, width of a row otherwise
	K             int64 // reduction length of a matmul, head dimension otherwise
	Heads         int64
	KVHeads       int64
	Eps           float32
	Scale         float32
	Base          float64
	Dst           uintptr
	DstStride     int64
	X             uintptr
	XStride       int64
	W             uintptr
	WStride       int64
	Y             uintptr
	YStride       int64
	Z             uintptr
	ZStride       int64
	Pos           uintptr // *int32, position of token 0
	Scratch       uintptr
	ScratchStride int64 // bytes per thread
	StartNs       int64 // monotonic clock, when Timed; compare with pool.Now
	EndNs         int64
	_             [8]int64 // the pool's own: next, done, units, chunk, reserved
}

// Bytes is the size of an Op.
const Bytes = 256

// WithBarrier returns the op with the Barrier flag set.
func (o Op) WithBarrier() Op { o.Flags |= Barrier; return o }

// WithTiming returns the op with the Timed flag set.
func (o Op) WithTiming() Op { o.Flags |= Timed; return o }
