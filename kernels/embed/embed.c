#include "quant.h"

static int64_t units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || !op->x || !op->dst || op->wtype == K_Q8_PAIR || !k_row_bytes(op->wtype, op->n)) return -1;
	return op->tokens;
}

/* The plain reference. */
static void run_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	const void *const *rows = op->x;
	for (int64_t t = begin; t < end; t++) {
		float *dst = k_row(op->dst, op->dst_stride, t);
		if (op->wtype == K_F32 || op->wtype == K_F16 || op->wtype == K_BF16) {
			for (int64_t i = 0; i < op->n; i++) dst[i] = k_load_element(op->wtype, rows[t], i);
		} else {
			for (int64_t b = 0; b < op->n / 32; b++) k_decode_block(op->wtype, rows[t], b, dst + 32 * b);
		}
	}
}

const k_kernel k_embed_kernels[] = {{K_EMBED, K_OP_VERSION, units, {run_portable}}};
const int64_t k_embed_count = 1;
