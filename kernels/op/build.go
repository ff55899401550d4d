package op

// The constructors fill dense strides; patch the stride fields for other layouts. Shapes in brackets
// are row-major, T = tokens. Every operand of a quantised type needs a row length that 32 divides.

// Nop does nothing; with a barrier it measures what a barrier costs.
func Nop() Op { return Op{Kind: KindNop, Tokens: 1} }

// Embed writes dst[t] = the row at address rows[t], dequantised: rows is the address of a table of
// tokens addresses (8 bytes each), one per token, so that each row may lie anywhere. dst [T, width] f32.
func Embed(wtype Type, tokens, width int64, rows, dst uintptr) Op {
	return Op{Kind: KindEmbed, WType: wtype, Tokens: tokens, N: width, X: rows, Dst: dst, DstStride: 4 * width}
}

// RMSNorm writes dst = x / sqrt(mean(x^2) + eps) * w for x [T, width], w [width], all f32. When
// quantised is not 0, it also gets the result in the format Q8Pair; dst may then be 0.
func RMSNorm(tokens, width int64, eps float32, x, w, dst, quantised uintptr) Op {
	return Op{Kind: KindRMSNorm, Tokens: tokens, N: width, Eps: eps, X: x, XStride: 4 * width, W: w,
		Dst: dst, DstStride: 4 * width, Z: quantised, ZStride: QuantizedRowBytes(width)}
}

// Quantize converts x [T, width] f32 to dst [T] rows of Q8Pair.
func Quantize(tokens, width int64, x, dst uintptr) Op {
	return Op{Kind: KindQuantize, Tokens: tokens, N: width, X: x, XStride: 4 * width, Dst: dst, DstStride: QuantizedRowBytes(width)}
}

// Matmul writes dst[t, i] = sum over j of w[i, j] x[t, j] for w [n, k] of wtype and x [T, k] of atype
// (F32 or, for Q4_0, Q4_1 and Q8_0 weights, Q8Pair). dst has rows of dstStride bytes, so that panels of
// a matrix write side by side. With the flag AddTo the result is added to dst.
func Matmul(wtype, atype Type, tokens, n, k int64, w, x, dst uintptr, dstStride int64) Op {
	return Op{Kind: KindMatmul, WType: wtype, AType: atype, Tokens: tokens, N: n, K: k, W: w, WStride: RowBytes(wtype, k),
		X: x, XStride: RowBytes(atype, k), Dst: dst, DstStride: dstStride}
}

// RopeTable writes the pairs (cos, sin) of (pos + t) * base^(-2i/headDim), computed in double, to
// dst [T, headDim/2, 2] f32. One such op serves all rotations of a call.
func RopeTable(tokens, headDim int64, base float64, pos, dst uintptr) Op {
	return Op{Kind: KindRopeTable, Tokens: tokens, K: headDim, Base: base, Pos: pos, Dst: dst, DstStride: 4 * headDim}
}

// Rope rotates adjacent pairs of x [T, heads, headDim] f32 in place by the angles of a RopeTable.
func Rope(tokens, heads, headDim int64, x, table uintptr) Op {
	return Op{Kind: KindRope, Tokens: tokens, Heads: heads, K: headDim, Dst: x, DstStride: 4 * heads * headDim, W: table, WStride: 4 * headDim}
}

// StoreKV writes k and v [T, kvHeads, headDim] f32 to positions pos ... pos+T-1 of the caches
// [kvHeads, positions, headDim], which hold cacheType (F32 or F16): what a head attends to lies in one
// piece. When table is not 0, k is rotated
// first like Rope does (k itself is left as it is).
func StoreKV(cacheType Type, tokens, kvHeads, headDim, positions int64, k, v, kCache, vCache, pos, table uintptr) Op {
	width := kvHeads * headDim
	return Op{Kind: KindStoreKV, WType: cacheType, Tokens: tokens, N: positions, Heads: kvHeads, K: headDim, X: k, XStride: 4 * width, Y: v, YStride: 4 * width,
		Dst: kCache, DstStride: RowBytes(cacheType, headDim), Z: vCache, ZStride: RowBytes(cacheType, headDim), Pos: pos, W: table, WStride: 4 * headDim}
}

// Attention writes dst[t, h] = softmax(q[t, h] . K / sqrt(headDim)) V over positions 0 ... pos+t of the caches
// [kvHeads, positions, headDim], query head
// h using KV head h * kvHeads / heads. q and dst [T, heads, headDim] f32. When quantised is not 0 it
// also gets the result in the format Q8Pair (headDim must then be a multiple of 64); dst may then be 0.
// scratch has AttentionScratchBytes(pos+T, headDim) for each thread of the pool, or better
// AttentionGroupScratchBytes.
func Attention(cacheType Type, tokens, heads, kvHeads, headDim, positions int64, q, kCache, vCache, dst, quantised, pos, scratch uintptr, scratchBytesPerThread int64) Op {
	row := RowBytes(cacheType, headDim)
	return Op{Kind: KindAttention, WType: cacheType, Tokens: tokens, N: positions, Heads: heads, KVHeads: kvHeads, K: headDim, X: q, XStride: 4 * heads * headDim,
		W: kCache, WStride: row, Y: vCache, YStride: row, Dst: dst, DstStride: 4 * heads * headDim, Z: quantised, ZStride: QuantizedRowBytes(heads * headDim),
		Pos: pos, Scratch: scratch, ScratchStride: scratchBytesPerThread}
}

// SwiGLU writes dst = g / (1 + e^-g) * u for g and u [T, width] f32; dst may be g. When quantised is
// not 0 it also gets the result in the format Q8Pair; dst is needed all the same.
func SwiGLU(tokens, width int64, g, u, dst, quantised uintptr) Op {
	return Op{Kind: KindSwiGLU, Tokens: tokens, N: width, X: g, XStride: 4 * width, Y: u, YStride: 4 * width, Dst: dst, DstStride: 4 * width,
		Z: quantised, ZStride: QuantizedRowBytes(width)}
}

// Add writes dst = x + y for [T, width] f32; dst may be x or y.
func Add(tokens, width int64, x, y, dst uintptr) Op {
	return Op{Kind: KindAdd, Tokens: tokens, N: width, X: x, XStride: 4 * width, Y: y, YStride: 4 * width, Dst: dst, DstStride: 4 * width}
}

// Copy copies [T, width] f32.
func Copy(tokens, width int64, x, dst uintptr) Op {
	return Op{Kind: KindCopy, Tokens: tokens, N: width, X: x, XStride: 4 * width, Dst: dst, DstStride: 4 * width}
}

// Zero clears [T, width] f32.
func Zero(tokens, width int64, dst uintptr) Op {
	return Op{Kind: KindZero, Tokens: tokens, N: width, Dst: dst, DstStride: 4 * width}
}

// Argmax writes to dst[t] (int32) the index of the largest of x[t], x [T, width] f32; the lowest index on
// ties; NaN is never the largest.
func Argmax(tokens, width int64, x, dst uintptr) Op {
	return Op{Kind: KindArgmax, Tokens: tokens, N: width, X: x, XStride: 4 * width, Dst: dst, DstStride: 4}
}

// ReadSum adds the sum (modulo 2^64) of bytes/8 words at x to the word at dst: the read bandwidth probe.
func ReadSum(bytes int64, x, dst uintptr) Op {
	return Op{Kind: KindReadSum, Tokens: 1, N: bytes, X: x, Dst: dst}
}
