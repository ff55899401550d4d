#include "store.h"

int64_t k_store_units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || op->heads < 0 || op->k <= 0 || !op->x || !op->y || !op->dst || !op->z || !op->pos) return -1;
	if (op->wtype != K_F32 && op->wtype != K_F16) return -1;
	if (*op->pos < 0 || *op->pos + op->tokens > op->n || (op->w && op->k % 2)) return -1;
	return op->tokens;
}

static void put(int32_t type, void *row, int64_t i, float v) {
	if (type == K_F16) ((uint16_t *)row)[i] = k_f32_to_f16(v);
	else ((float *)row)[i] = v;
}

/* The plain reference. */
void k_store_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t t = begin; t < end; t++) {
		const float *k = k_crow(op->x, op->x_stride, t), *v = k_crow(op->y, op->y_stride, t);
		const float *table = op->w ? k_crow(op->w, op->w_stride, t) : 0;
		for (int64_t h = 0; h < op->heads; h++, k += op->k, v += op->k) {
			void *kc = k_row(op->dst, op->dst_stride, h * op->n + *op->pos + t), *vc = k_row(op->z, op->z_stride, h * op->n + *op->pos + t);
			for (int64_t i = 0; i < op->k && table; i += 2) {
				float a = k[i], b = k[i + 1], c = table[i], s = table[i + 1];
				put(op->wtype, kc, i, a * c - b * s);
				put(op->wtype, kc, i + 1, a * s + b * c);
			}
			for (int64_t i = 0; i < op->k; i++) {
				if (!table) put(op->wtype, kc, i, k[i]);
				put(op->wtype, vc, i, v[i]);
			}
		}
	}
}

#if defined(__x86_64__)
K_AVX2_INLINE void put8(int32_t type, void *row, int64_t i, __m256 v) {
	if (type == K_F16) _mm_storeu_si128((__m128i *)((uint16_t *)row + i), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
	else _mm256_storeu_ps((float *)row + i, v);
}

/* The same bits. */
K_AVX2 void k_store_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	if (op->k % 8) {
		k_store_portable(op, begin, end, thread);
		return;
	}
	for (int64_t t = begin; t < end; t++) {
		const float *k = k_crow(op->x, op->x_stride, t), *v = k_crow(op->y, op->y_stride, t);
		const float *table = op->w ? k_crow(op->w, op->w_stride, t) : 0;
		for (int64_t h = 0; h < op->heads; h++, k += op->k, v += op->k) {
			void *kc = k_row(op->dst, op->dst_stride, h * op->n + *op->pos + t), *vc = k_row(op->z, op->z_stride, h * op->n + *op->pos + t);
			for (int64_t i = 0; i < op->k; i += 8) {
				__m256 key = _mm256_loadu_ps(k + i);
				put8(op->wtype, kc, i, table ? k_rotate8(key, _mm256_loadu_ps(table + i)) : key);
				put8(op->wtype, vc, i, _mm256_loadu_ps(v + i));
			}
		}
	}
}
#endif
