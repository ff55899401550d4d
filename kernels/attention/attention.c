#include "avx2.h"
#include "store.h"

/* A unit is one query head of one token: t * heads + h. */
static int64_t units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->tokens < 0 || op->heads <= 0 || op->kv_heads <= 0 || op->heads % op->kv_heads || op->k <= 0) return -1;
	if (!op->x || !op->w || !op->y || (!op->dst && !op->z) || !op->pos || !op->scratch) return -1;
	if (op->wtype != K_F32 && op->wtype != K_F16) return -1;
	if (op->z && op->k % 64) return -1;
	int64_t length = *op->pos + op->tokens;
	if (op->scratch_stride < 4 * ((length + 7) / 8 * 8 + (op->k + 63) / 64 * 64)) return -1;
	return op->tokens * op->heads;
}

typedef struct {
	int64_t length; /* cache rows to attend to */
	const float *q;
	const char *keys, *values; /* row 0, at this head's first column */
	float *scores, *out;
	k_q8_pair *z;
	float scale;
} head;

static inline head head_of(const k_op *op, int64_t unit, int thread) {
	int64_t t = unit / op->heads, h = unit % op->heads, element = op->wtype == K_F16 ? 2 : 4;
	int64_t column = h / (op->heads / op->kv_heads) * op->k * element;
	head s = {.length = *op->pos + t + 1, .q = k_crow(op->x, op->x_stride, t) + h * op->k};
	s.keys = (const char *)op->w + column;
	s.values = (const char *)op->y + column;
	s.scores = (float *)((char *)op->scratch + op->scratch_stride * thread);
	s.out = op->dst ? k_row(op->dst, op->dst_stride, t) + h * op->k : s.scores + (s.length + 7) / 8 * 8;
	if (op->z) s.z = (k_q8_pair *)k_row(op->z, op->z_stride, t) + h * op->k / 64;
	s.scale = op->scale != 0 ? op->scale : (float)(1.0 / sqrt((double)op->k));
	return s;
}

/* The plain reference. */
static void run_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	for (int64_t unit = begin; unit < end; unit++) {
		head s = head_of(op, unit, thread);
		float largest = -INFINITY, sum = 0;
		for (int64_t j = 0; j < s.length; j++) {
			float dot = 0;
			for (int64_t i = 0; i < op->k; i++) dot += s.q[i] * k_load_element(op->wtype, s.keys + j * op->w_stride, i);
			s.scores[j] = dot * s.scale;
			largest = s.scores[j] > largest ? s.scores[j] : largest;
		}
		for (int64_t j = 0; j < s.length; j++) sum += s.scores[j] = expf(s.scores[j] - largest);
		for (int64_t i = 0; i < op->k; i++) s.out[i] = 0;
		for (int64_t j = 0; j < s.length; j++)
			for (int64_t i = 0; i < op->k; i++) s.out[i] += s.scores[j] * k_load_element(op->wtype, s.values + j * op->y_stride, i);
		for (int64_t i = 0; i < op->k; i++) s.out[i] /= sum;
		if (s.z) k_quantize_values(s.out, op->k, s.z);
	}
}

#if defined(__x86_64__)
K_AVX2_INLINE __m256 load8(int32_t type, const char *row, int64_t i) {
	if (type == K_F16) return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)row + i)));
	return _mm256_loadu_ps((const float *)row + i);
}

/* scores[j] = scale * q . K[j]; the rows up to a multiple of four read row length - 1 again. */
K_AVX2_INLINE void score(const head *s, int32_t type, int64_t k, int64_t stride) {
	for (int64_t j = 0; j < s->length; j += 4) {
		const char *row[4];
		__m256 a[4];
		for (int r = 0; r < 4; r++) {
			row[r] = s->keys + stride * (j + r < s->length ? j + r : s->length - 1);
			a[r] = _mm256_setzero_ps();
		}
		for (int64_t i = 0; i < k; i += 8) {
			__m256 q = _mm256_loadu_ps(s->q + i);
			for (int r = 0; r < 4; r++) a[r] = _mm256_fmadd_ps(q, load8(type, row[r], i), a[r]);
		}
		_mm_storeu_ps(s->scores + j, _mm_mul_ps(k_sum8x4(a), _mm_set1_ps(s->scale)));
	}
}

/* Scores become e^(score - largest); gives their sum. */
K_AVX2_INLINE float soften(const head *s) {
	int64_t full = (s->length + 7) / 8 * 8;
	for (int64_t j = s->length; j < full; j++) s->scores[j] = -INFINITY;
	__m256 m = _mm256_set1_ps(-INFINITY), sum = _mm256_setzero_ps();
	for (int64_t j = 0; j < full; j += 8) m = _mm256_max_ps(m, _mm256_loadu_ps(s->scores + j));
	m = _mm256_set1_ps(k_max8(m));
	for (int64_t j = 0; j < full; j += 8) {
		__m256 x = _mm256_loadu_ps(s->scores + j);
		__m256 e = _mm256_and_ps(k_exp8(_mm256_sub_ps(x, m)), _mm256_cmp_ps(x, _mm256_set1_ps(-INFINITY), _CMP_NEQ_UQ));
		_mm256_storeu_ps(s->scores + j, e);
		sum = _mm256_add_ps(sum, e);
	}
	return k_sum8(sum);
}

/* count columns of eight values from column i: out = scores . V / sum, rows in order. */
K_AVX2_INLINE void weigh(const head *s, int32_t type, int64_t stride, int64_t i, const int count, float sum) {
	__m256 a[8];
	for (int c = 0; c < count; c++) a[c] = _mm256_setzero_ps();
	for (int64_t j = 0; j < s->length; j++) {
		__m256 p = _mm256_broadcast_ss(s->scores + j);
		for (int c = 0; c < count; c++) a[c] = _mm256_fmadd_ps(p, load8(type, s->values + j * stride, i + 8 * c), a[c]);
	}
	for (int c = 0; c < count; c++) _mm256_storeu_ps(s->out + i + 8 * c, _mm256_div_ps(a[c], _mm256_set1_ps(sum)));
}

K_AVX2_INLINE void run_type(const k_op *op, int32_t type, int64_t begin, int64_t end, int thread) {
	for (int64_t unit = begin; unit < end; unit++) {
		head s = head_of(op, unit, thread);
		score(&s, type, op->k, op->w_stride);
		float sum = soften(&s);
		int64_t i = 0;
		for (; i + 64 <= op->k; i += 64) weigh(&s, type, op->y_stride, i, 8, sum);
		for (; i < op->k; i += 8) weigh(&s, type, op->y_stride, i, 1, sum);
		if (s.z) k_quantize_values8(s.out, op->k, s.z);
	}
}

K_AVX2 static void run_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	if (op->k % 8) run_portable(op, begin, end, thread);
	else if (op->wtype == K_F16) run_type(op, K_F16, begin, end, thread);
	else run_type(op, K_F32, begin, end, thread);
}
#else
#define run_avx2 0
#endif

const k_kernel k_attention_kernels[] = {
	{K_ATTENTION, K_OP_VERSION, units, {run_portable, run_avx2, 0}},
	{K_STORE_KV, K_OP_VERSION, k_store_units, {k_store_run, 0, 0}},
};
const int64_t k_attention_count = 2;
