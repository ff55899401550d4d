#include "avx2.h"

static int64_t units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || op->n <= 0 || !op->x || !op->w || (!op->dst && !op->z) || (op->z && op->n % 32)) return -1;
	return op->tokens;
}

/* The plain reference. The sum of squares is exact to a few units of double's last place, the scale is
 * rounded once to f32. */
static void run_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	const float *w = op->w;
	for (int64_t t = begin; t < end; t++) {
		const float *x = k_crow(op->x, op->x_stride, t);
		double squares = 0;
		for (int64_t i = 0; i < op->n; i++) squares += (double)x[i] * x[i];
		float scale = (float)(1.0 / sqrt(squares / (double)op->n + op->eps));
		float *dst = op->dst ? k_row(op->dst, op->dst_stride, t) : 0;
		if (dst)
			for (int64_t i = 0; i < op->n; i++) dst[i] = x[i] * scale * w[i];
		if (!op->z) continue;
		k_q8_pair *z = (k_q8_pair *)k_row(op->z, op->z_stride, t);
		for (int64_t i = 0; i < op->n; i += 64, z++) {
			float block[64];
			int64_t m = op->n - i < 64 ? op->n - i : 64;
			for (int64_t j = 0; j < m; j++) block[j] = x[i + j] * scale * w[i + j];
			k_quantize_values(block, m, z);
		}
	}
}

#if defined(__x86_64__)
K_AVX2 static void run_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	const float *w = op->w;
	for (int64_t t = begin; t < end; t++) {
		const float *x = k_crow(op->x, op->x_stride, t);
		__m256d a = _mm256_setzero_pd(), b = a;
		int64_t i = 0;
		for (; i + 8 <= op->n; i += 8) {
			__m256 v = _mm256_loadu_ps(x + i);
			__m256d lo = _mm256_cvtps_pd(_mm256_castps256_ps128(v)), hi = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
			a = _mm256_fmadd_pd(lo, lo, a);
			b = _mm256_fmadd_pd(hi, hi, b);
		}
		double lanes[4];
		_mm256_storeu_pd(lanes, _mm256_add_pd(a, b));
		double squares = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
		for (; i < op->n; i++) squares += (double)x[i] * x[i];
		float scale = (float)(1.0 / sqrt(squares / (double)op->n + op->eps));
		__m256 s = _mm256_set1_ps(scale);
		if (op->dst) {
			float *dst = k_row(op->dst, op->dst_stride, t);
			for (i = 0; i + 8 <= op->n; i += 8)
				_mm256_storeu_ps(dst + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), s), _mm256_loadu_ps(w + i)));
			for (; i < op->n; i++) dst[i] = x[i] * scale * w[i];
		}
		if (!op->z) continue;
		k_q8_pair *z = (k_q8_pair *)k_row(op->z, op->z_stride, t);
		for (i = 0; i < op->n; i += 64, z++) {
			float block[64];
			int64_t m = op->n - i < 64 ? op->n - i : 64;
			for (int64_t j = 0; j < m; j += 8)
				_mm256_storeu_ps(block + j, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i + j), s), _mm256_loadu_ps(w + i + j)));
			k_quantize_values8(block, m, z);
		}
	}
}
#else
#define run_avx2 0
#endif

const k_kernel k_rmsnorm_kernels[] = {{K_RMSNORM, K_OP_VERSION, units, {run_portable, run_avx2, 0}}};
const int64_t k_rmsnorm_count = 1;
