/* The matmul's versions. A unit is one row of w, that is one output of every token. */
#ifndef STRATA_KERNELS_MATMUL_H
#define STRATA_KERNELS_MATMUL_H
#include "avx2.h"

void k_matmul_portable(const k_op *op, int64_t begin, int64_t end, int thread);
void k_matmul_avx2(const k_op *op, int64_t begin, int64_t end, int thread);
void k_matmul_avx512(const k_op *op, int64_t begin, int64_t end, int thread);

/* f32 activations, any weight type. */
void k_matmul_f32_avx2(const k_op *op, int64_t begin, int64_t end);
/* int8 activations. */
void k_matmul_int8_avx2(const k_op *op, int64_t begin, int64_t end);
void k_matmul_int8_avx512(const k_op *op, int64_t begin, int64_t end);

static inline void k_put(const k_op *op, int64_t token, int64_t row, float value) {
	float *dst = k_row(op->dst, op->dst_stride, token) + row;
	*dst = op->flags & K_FLAG_ADD ? *dst + value : value;
}

#if defined(__x86_64__)
/* Four rows of one token. */
K_AVX2_INLINE void k_put4(const k_op *op, int64_t token, int64_t row, __m128 values) {
	float *dst = k_row(op->dst, op->dst_stride, token) + row;
	_mm_storeu_ps(dst, op->flags & K_FLAG_ADD ? _mm_add_ps(_mm_loadu_ps(dst), values) : values);
}
#endif

#endif
