#include "avx2.h"

static int64_t units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || !op->x || !op->dst || !k_row_bytes(K_Q8_PAIR, op->n)) return -1;
	return op->tokens;
}

/* The plain reference. */
static void run_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t t = begin; t < end; t++)
		k_quantize_values(k_crow(op->x, op->x_stride, t), op->n, (k_q8_pair *)k_row(op->dst, op->dst_stride, t));
}

#if defined(__x86_64__)
K_AVX2 static void run_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t t = begin; t < end; t++)
		k_quantize_values8(k_crow(op->x, op->x_stride, t), op->n, (k_q8_pair *)k_row(op->dst, op->dst_stride, t));
}
#else
#define run_avx2 0
#endif

const k_kernel k_quantize_kernels[] = {{K_QUANTIZE, K_OP_VERSION, units, {run_portable, run_avx2, 0}}};
const int64_t k_quantize_count = 1;
