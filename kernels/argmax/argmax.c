#include "avx2.h"

static int64_t units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || op->n <= 0 || op->n > INT32_MAX || !op->x || !op->dst) return -1;
	return op->tokens;
}

/* The plain reference. Starting below every number makes a leading NaN lose. */
static void run_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t t = begin; t < end; t++) {
		const float *x = k_crow(op->x, op->x_stride, t);
		int32_t best = 0;
		float largest = -INFINITY;
		for (int64_t i = 0; i < op->n; i++)
			if (x[i] > largest) largest = x[i], best = (int32_t)i;
		*(int32_t *)k_row(op->dst, op->dst_stride, t) = best;
	}
}

#if defined(__x86_64__)
/* Two passes: the largest value, then where it first stands. max(x, acc) keeps acc when x is NaN. */
K_AVX2 static void run_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t t = begin; t < end; t++) {
		const float *x = k_crow(op->x, op->x_stride, t);
		__m256 a = _mm256_set1_ps(-INFINITY), b = a;
		int64_t i = 0;
		for (; i + 16 <= op->n; i += 16) {
			a = _mm256_max_ps(_mm256_loadu_ps(x + i), a);
			b = _mm256_max_ps(_mm256_loadu_ps(x + i + 8), b);
		}
		float largest = k_max8(_mm256_max_ps(a, b));
		for (; i < op->n; i++)
			if (x[i] > largest) largest = x[i];
		__m256 v = _mm256_set1_ps(largest);
		int32_t best = 0;
		if (largest > -INFINITY) {
			for (i = 0; i + 8 <= op->n; i += 8) {
				int mask = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + i), v, _CMP_EQ_OQ));
				if (!mask) continue;
				i += __builtin_ctz((unsigned)mask);
				break;
			}
			while (i < op->n && x[i] != largest) i++;
			best = (int32_t)i;
		}
		*(int32_t *)k_row(op->dst, op->dst_stride, t) = best;
	}
}
#else
#define run_avx2 0
#endif

const k_kernel k_argmax_kernels[] = {{K_ARGMAX, K_OP_VERSION, units, {run_portable, run_avx2, 0}}};
const int64_t k_argmax_count = 1;
