#include "avx2.h"

/* A unit is SPAN columns of one token, so that one row can feed several threads; the borders do not
 * depend on the split, hence neither does the result. A multiple of 64 keeps int8 pairs whole. */
enum { SPAN = 512 };

static int64_t spans(const k_op *op) { return (op->n + SPAN - 1) / SPAN; }

static int64_t units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || op->n <= 0 || !op->dst) return -1;
	if (op->kind != K_ZERO && !op->x) return -1;
	if ((op->kind == K_SWIGLU || op->kind == K_ADD) && !op->y) return -1;
	if (op->kind == K_SWIGLU && op->z && op->n % 32) return -1;
	return op->tokens * spans(op);
}

typedef struct {
	float *dst;
	const float *x, *y;
	k_q8_pair *z;
	int64_t n;
} span;

static inline span span_of(const k_op *op, int64_t unit) {
	int64_t t = unit / spans(op), first = unit % spans(op) * SPAN;
	span s = {.dst = k_row(op->dst, op->dst_stride, t) + first, .n = op->n - first < SPAN ? op->n - first : SPAN};
	if (op->x) s.x = k_crow(op->x, op->x_stride, t) + first;
	if (op->y) s.y = k_crow(op->y, op->y_stride, t) + first;
	if (op->z) s.z = (k_q8_pair *)k_row(op->z, op->z_stride, t) + first / 64;
	return s;
}

/* The plain reference. */
static void swiglu_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t unit = begin; unit < end; unit++) {
		span s = span_of(op, unit);
		for (int64_t i = 0; i < s.n; i++) s.dst[i] = s.x[i] / (1.0f + expf(-s.x[i])) * s.y[i];
		if (s.z) k_quantize_values(s.dst, s.n, s.z);
	}
}

static void add(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t unit = begin; unit < end; unit++) {
		span s = span_of(op, unit);
		for (int64_t i = 0; i < s.n; i++) s.dst[i] = s.x[i] + s.y[i];
	}
}

static void copy(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t unit = begin; unit < end; unit++) {
		span s = span_of(op, unit);
		memmove(s.dst, s.x, 4 * (size_t)s.n);
	}
}

static void zero(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t unit = begin; unit < end; unit++) {
		span s = span_of(op, unit);
		memset(s.dst, 0, 4 * (size_t)s.n);
	}
}

#if defined(__x86_64__)
K_AVX2_INLINE __m256 swiglu8(__m256 g, __m256 u) {
	__m256 e = k_exp8(_mm256_sub_ps(_mm256_setzero_ps(), g));
	return _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1.0f), e)), u);
}

K_AVX2 static void swiglu_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	for (int64_t unit = begin; unit < end; unit++) {
		span s = span_of(op, unit);
		int64_t i = 0;
		for (; i + 8 <= s.n; i += 8) _mm256_storeu_ps(s.dst + i, swiglu8(_mm256_loadu_ps(s.x + i), _mm256_loadu_ps(s.y + i)));
		if (i < s.n) {
			float g[8] = {0}, u[8] = {0}, out[8];
			memcpy(g, s.x + i, 4 * (size_t)(s.n - i));
			memcpy(u, s.y + i, 4 * (size_t)(s.n - i));
			_mm256_storeu_ps(out, swiglu8(_mm256_loadu_ps(g), _mm256_loadu_ps(u)));
			memcpy(s.dst + i, out, 4 * (size_t)(s.n - i));
		}
		if (s.z) k_quantize_values8(s.dst, s.n, s.z);
	}
}
#else
#define swiglu_avx2 0
#endif

const k_kernel k_elementwise_kernels[] = {
	{K_SWIGLU, K_OP_VERSION, units, {swiglu_portable, swiglu_avx2, 0}},
	{K_ADD, K_OP_VERSION, units, {add, 0, 0}},
	{K_COPY, K_OP_VERSION, units, {copy, 0, 0}},
	{K_ZERO, K_OP_VERSION, units, {zero, 0, 0}},
};
const int64_t k_elementwise_count = 4;
