#include "matmul.h"

enum { CHUNK_BYTES = 12288 };

static int quantised(int32_t type) { return type == K_Q4_0 || type == K_Q4_1 || type == K_Q8_0; }

static int64_t units(const k_op *op, int64_t *grain) {
	if (op->tokens < 0 || op->n < 0 || op->k <= 0 || !op->w || !op->x || !op->dst) return -1;
	if (op->wtype == K_Q8_PAIR || !k_row_bytes(op->wtype, op->k)) return -1;
	if (op->atype == K_Q8_PAIR ? !quantised(op->wtype) : op->atype != K_F32) return -1;
	/* A chunk begins cold: it should be long beside what it waits for at first. */
	*grain = op->tokens > 1 ? 8 : (CHUNK_BYTES / k_row_bytes(op->wtype, op->k) + 8) / 8 * 8;
	return op->tokens == 0 ? 0 : op->n;
}

/* The plain reference: every product and sum in the order of the formula. */

static float dot_f32(const k_op *op, const void *w, const float *x) {
	float sum = 0;
	if (!quantised(op->wtype)) {
		for (int64_t i = 0; i < op->k; i++) sum += k_load_element(op->wtype, w, i) * x[i];
		return sum;
	}
	for (int64_t b = 0; b < op->k / 32; b++) {
		float block[32];
		k_decode_block(op->wtype, w, b, block);
		for (int j = 0; j < 32; j++) sum += block[j] * x[32 * b + j];
	}
	return sum;
}

/* Block sums of integer products are exact; they are scaled by both scales, and the minimum meets the
 * block sum of the activations. */
static float dot_int8(const k_op *op, const void *w, const k_q8_pair *x) {
	float sum = 0;
	for (int64_t b = 0; b < op->k / 32; b++) {
		const k_q8_pair *p = x + b / 2;
		int half = b % 2;
		const int8_t *lo = p->lo + 16 * half, *hi = p->hi + 16 * half;
		float da = half ? p->d1 : p->d0, s = half ? p->s1 : p->s0, d, m = 0;
		int32_t products = 0;
		if (op->wtype == K_Q8_0) {
			const k_q8_0 *q = (const k_q8_0 *)w + b;
			d = k_f16_to_f32(q->d);
			for (int j = 0; j < 16; j++) products += q->q[j] * lo[j] + q->q[j + 16] * hi[j];
		} else {
			const uint8_t *q;
			if (op->wtype == K_Q4_1) {
				const k_q4_1 *block = (const k_q4_1 *)w + b;
				q = block->q, d = k_f16_to_f32(block->d), m = k_f16_to_f32(block->m);
			} else {
				const k_q4_0 *block = (const k_q4_0 *)w + b;
				q = block->q, d = k_f16_to_f32(block->d), m = -8 * d;
			}
			for (int j = 0; j < 16; j++) products += (q[j] & 15) * lo[j] + (q[j] >> 4) * hi[j];
		}
		sum += d * da * (float)products + m * s;
	}
	return sum;
}

void k_matmul_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t row = begin; row < end; row++) {
		const void *w = k_crow(op->w, op->w_stride, row);
		for (int64_t t = 0; t < op->tokens; t++) {
			const float *x = k_crow(op->x, op->x_stride, t);
			k_put(op, t, row, op->atype == K_F32 ? dot_f32(op, w, x) : dot_int8(op, w, (const k_q8_pair *)x));
		}
	}
}

#if defined(__x86_64__)
void k_matmul_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	if (op->atype == K_F32) k_matmul_f32_avx2(op, begin, end);
	else k_matmul_int8_avx2(op, begin, end);
}

/* f32 work keeps its AVX2 form: decoding is bound by memory, and so all of reference mode gives the
 * same bits on both instruction sets. */
void k_matmul_avx512(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	if (op->atype == K_F32) k_matmul_f32_avx2(op, begin, end);
	else k_matmul_int8_avx512(op, begin, end);
}
#else
#define k_matmul_avx2 0
#define k_matmul_avx512 0
#endif

const k_kernel k_matmul_kernels[] = {{K_MATMUL, K_OP_VERSION, units, {k_matmul_portable, k_matmul_avx2, k_matmul_avx512}}};
const int64_t k_matmul_count = 1;
