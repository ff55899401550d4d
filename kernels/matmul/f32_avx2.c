/* Matmul with f32 activations. One accumulator of eight lanes per output: lane l adds the products of
 * columns l, l + 8, l + 16 ... in order, whatever the tile, so that a token's result depends on
 * neither the number of tokens nor the place of its row in a chunk. */
#include "matmul.h"

#if defined(__x86_64__)

enum { ROWS = 4, TOKENS = 8 };

/* Columns from first to k, which fill no vector (F32, F16, BF16 only). */
K_AVX2_INLINE float tail(const k_op *op, int32_t type, const char *w, const float *x, int64_t first) {
	float sum = 0;
	for (int64_t i = first; i < op->k; i++) sum = fmaf(k_load_element(type, w, i), x[i], sum);
	return sum;
}

/* rows rows times one token: the activations are loaded once for all rows. */
K_AVX2_INLINE void gemv(const k_op *op, int32_t type, int64_t row, const int rows, int64_t token) {
	const float *x = k_crow(op->x, op->x_stride, token);
	const char *w[ROWS];
	__m256 a[ROWS];
	for (int r = 0; r < rows; r++) {
		w[r] = (const char *)op->w + (row + r) * op->w_stride;
		a[r] = _mm256_setzero_ps();
	}
	int64_t blocks = op->k / 32, block_bytes = k_row_bytes(type, 32);
	for (int64_t b = 0; b < blocks; b++) {
		__m256 v[4];
		k_fetch(w[0] + K_AHEAD + b * rows * block_bytes, rows * block_bytes);
		for (int j = 0; j < 4; j++) v[j] = _mm256_loadu_ps(x + 32 * b + 8 * j);
		for (int r = 0; r < rows; r++) {
			__m256 d[4];
			k_decode32(type, w[r], b, d);
			for (int j = 0; j < 4; j++) a[r] = _mm256_fmadd_ps(d[j], v[j], a[r]);
		}
	}
	for (int r = 0; r < rows; r++) k_put(op, token, row + r, k_sum8(a[r]) + tail(op, type, w[r], x, 32 * blocks));
}

/* One row times tokens tokens: the weights are decoded once for all tokens. */
K_AVX2_INLINE void gemm(const k_op *op, int32_t type, int64_t row, int64_t token, const int tokens) {
	const char *w = (const char *)op->w + row * op->w_stride;
	const float *x[TOKENS];
	__m256 a[TOKENS];
	for (int t = 0; t < tokens; t++) {
		x[t] = k_crow(op->x, op->x_stride, token + t);
		a[t] = _mm256_setzero_ps();
	}
	int64_t blocks = op->k / 32;
	for (int64_t b = 0; b < blocks; b++) {
		__m256 d[4];
		k_decode32(type, w, b, d);
		for (int t = 0; t < tokens; t++)
			for (int j = 0; j < 4; j++) a[t] = _mm256_fmadd_ps(d[j], _mm256_loadu_ps(x[t] + 32 * b + 8 * j), a[t]);
	}
	for (int t = 0; t < tokens; t++) k_put(op, token + t, row, k_sum8(a[t]) + tail(op, type, w, x[t], 32 * blocks));
}

K_AVX2_INLINE void run(const k_op *op, int32_t type, int64_t begin, int64_t end) {
	int64_t t = 0;
	for (; t + TOKENS <= op->tokens; t += TOKENS)
		for (int64_t row = begin; row < end; row++) gemm(op, type, row, t, TOKENS);
	if (op->tokens - t >= 4) {
		for (int64_t row = begin; row < end; row++) gemm(op, type, row, t, 4);
		t += 4;
	}
	for (; t < op->tokens; t++) {
		int64_t row = begin;
		k_fetch(k_crow(op->w, op->w_stride, begin), K_AHEAD);
		for (; row + ROWS <= end; row += ROWS) gemv(op, type, row, ROWS, t);
		for (; row < end; row++) gemv(op, type, row, 1, t);
	}
}

K_AVX2 static void run_q4_1(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q4_1, begin, end); }
K_AVX2 static void run_q4_0(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q4_0, begin, end); }
K_AVX2 static void run_q8_0(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q8_0, begin, end); }
K_AVX2 static void run_f16(const k_op *op, int64_t begin, int64_t end) { run(op, K_F16, begin, end); }
K_AVX2 static void run_bf16(const k_op *op, int64_t begin, int64_t end) { run(op, K_BF16, begin, end); }
K_AVX2 static void run_f32(const k_op *op, int64_t begin, int64_t end) { run(op, K_F32, begin, end); }

void k_matmul_f32_avx2(const k_op *op, int64_t begin, int64_t end) {
	switch (op->wtype) {
	case K_Q4_1: run_q4_1(op, begin, end); return;
	case K_Q4_0: run_q4_0(op, begin, end); return;
	case K_Q8_0: run_q8_0(op, begin, end); return;
	case K_F16: run_f16(op, begin, end); return;
	case K_BF16: run_bf16(op, begin, end); return;
	default: run_f32(op, begin, end); return;
	}
}

#endif
