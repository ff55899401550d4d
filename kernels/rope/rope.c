#include "avx2.h"

static int64_t table_units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || op->k <= 0 || op->k % 2 || !op->dst || !op->pos || !(op->base > 0)) return -1;
	return op->tokens;
}

/* Angles in double: at position 8192 an f32 angle would be wrong by 5e-4. */
static void table_run(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t i = 0; i < op->k / 2; i++) {
		double frequency = pow(op->base, -2.0 * (double)i / (double)op->k);
		for (int64_t t = begin; t < end; t++) {
			double angle = (double)(*op->pos + t) * frequency;
			float *pair = k_row(op->dst, op->dst_stride, t) + 2 * i;
			pair[0] = (float)cos(angle);
			pair[1] = (float)sin(angle);
		}
	}
}

static int64_t units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || op->heads < 0 || op->k <= 0 || op->k % 2 || !op->dst || !op->w) return -1;
	return op->tokens;
}

/* The plain reference. */
static void run_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t t = begin; t < end; t++) {
		const float *table = k_crow(op->w, op->w_stride, t);
		for (int64_t h = 0; h < op->heads; h++) {
			float *x = k_row(op->dst, op->dst_stride, t) + h * op->k;
			for (int64_t i = 0; i < op->k; i += 2) {
				float a = x[i], b = x[i + 1], c = table[i], s = table[i + 1];
				x[i] = a * c - b * s;
				x[i + 1] = a * s + b * c;
			}
		}
	}
}

#if defined(__x86_64__)
/* The same bits. */
K_AVX2 static void run_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	if (op->k % 8) {
		run_portable(op, begin, end, thread);
		return;
	}
	for (int64_t t = begin; t < end; t++) {
		const float *table = k_crow(op->w, op->w_stride, t);
		float *x = k_row(op->dst, op->dst_stride, t);
		for (int64_t h = 0; h < op->heads; h++, x += op->k)
			for (int64_t i = 0; i < op->k; i += 8)
				_mm256_storeu_ps(x + i, k_rotate8(_mm256_loadu_ps(x + i), _mm256_loadu_ps(table + i)));
	}
}
#else
#define run_avx2 0
#endif

const k_kernel k_rope_kernels[] = {
	{K_ROPE_TABLE, K_OP_VERSION, table_units, {table_run, 0, 0}},
	{K_ROPE, K_OP_VERSION, units, {run_portable, run_avx2, 0}},
};
const int64_t k_rope_count = 2;
