#include "avx2.h"
#include "store.h"

/* Heads of one group (they share keys) that are computed together. */
enum { TOGETHER = 3 };

/* Scratch of one head: its scores, padded to whole vectors, and its output. */
static int64_t head_bytes(const k_op *op) {
	int64_t length = *op->pos + op->tokens;
	return 4 * ((length + 7) / 8 * 8 + (op->k + 63) / 64 * 64);
}

static int64_t heads_together(const k_op *op) {
	int64_t group = op->heads / op->kv_heads, parts = (group + TOGETHER - 1) / TOGETHER;
	int64_t together = (group + parts - 1) / parts, room = op->scratch_stride / head_bytes(op);
	return together < room ? together : room;
}

/* A unit is one query head of one token: t * heads + h. */
static int64_t units(const k_op *op, int64_t *grain) {
	if (op->tokens < 0 || op->heads <= 0 || op->kv_heads <= 0 || op->heads % op->kv_heads || op->k <= 0) return -1;
	if (!op->x || !op->w || !op->y || (!op->dst && !op->z) || !op->pos || *op->pos < 0 || !op->scratch) return -1;
	if (op->wtype != K_F32 && op->wtype != K_F16) return -1;
	if (op->z && op->k % 64) return -1;
	if (*op->pos + op->tokens > op->n || op->scratch_stride < head_bytes(op)) return -1;
	*grain = 1;
	return op->tokens * op->heads;
}

typedef struct {
	int64_t length; /* cache rows to attend to */
	const float *q;
	const char *keys, *values; /* row 0 of the head's */
	float *scores, *out;
	k_q8_pair *z;
	float scale;
} head;

static inline head head_of(const k_op *op, int64_t unit, int thread, int slot) {
	int64_t t = unit / op->heads, h = unit % op->heads, first = h / (op->heads / op->kv_heads) * op->n;
	head s = {.length = *op->pos + t + 1, .q = k_crow(op->x, op->x_stride, t) + h * op->k};
	s.keys = (const char *)op->w + first * op->w_stride;
	s.values = (const char *)op->y + first * op->y_stride;
	s.scores = (float *)((char *)op->scratch + op->scratch_stride * thread + head_bytes(op) * slot);
	s.out = op->dst ? k_row(op->dst, op->dst_stride, t) + h * op->k : s.scores + (s.length + 7) / 8 * 8;
	if (op->z) s.z = (k_q8_pair *)k_row(op->z, op->z_stride, t) + h * op->k / 64;
	s.scale = op->scale != 0 ? op->scale : (float)(1.0 / sqrt((double)op->k));
	return s;
}

/* The plain reference. */
static void run_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	for (int64_t unit = begin; unit < end; unit++) {
		head s = head_of(op, unit, thread, 0);
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

/* scores[j] = scale * q . K[j] for the heads of a group, so that a key is loaded (and widened) once; the rows
 * up to a multiple of four read row length - 1 again. A head's order of operations does not depend on
 * the heads beside it. Keys are fetched ahead, values while their keys are read. */
K_AVX2_INLINE void score(const head *s, const int heads, int32_t type, int64_t k, int64_t stride, int64_t value_stride) {
	k_fetch(s->keys, s->length * stride < K_AHEAD ? s->length * stride : K_AHEAD);
	for (int64_t j = 0; j < s->length; j += 4) {
		const char *row[4];
		__m256 a[TOGETHER][4];
		for (int r = 0; r < 4; r++) {
			row[r] = s->keys + stride * (j + r < s->length ? j + r : s->length - 1);
			for (int h = 0; h < heads; h++) a[h][r] = _mm256_setzero_ps();
		}
		k_fetch(s->keys + stride * j + K_AHEAD, 4 * stride);
		k_fetch(s->values + value_stride * j, 4 * value_stride);
		for (int64_t i = 0; i < k; i += 8)
			for (int r = 0; r < 4; r++) {
				__m256 key = load8(type, row[r], i);
				for (int h = 0; h < heads; h++) a[h][r] = _mm256_fmadd_ps(key, _mm256_loadu_ps(s[h].q + i), a[h][r]);
			}
		for (int h = 0; h < heads; h++) _mm_storeu_ps(s[h].scores + j, _mm_mul_ps(k_sum8x4(a[h]), _mm_set1_ps(s->scale)));
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

/* count times eight columns from column i: out = scores . V / sum, rows in order. */
K_AVX2_INLINE void weigh(const head *s, const int heads, int32_t type, int64_t stride, int64_t i, const int count, const float *sum) {
	__m256 a[TOGETHER][4];
	for (int h = 0; h < heads; h++)
		for (int c = 0; c < count; c++) a[h][c] = _mm256_setzero_ps();
	for (int64_t j = 0; j < s->length; j++)
		for (int c = 0; c < count; c++) {
			__m256 value = load8(type, s->values + j * stride, i + 8 * c);
			for (int h = 0; h < heads; h++) a[h][c] = _mm256_fmadd_ps(_mm256_broadcast_ss(s[h].scores + j), value, a[h][c]);
		}
	for (int h = 0; h < heads; h++)
		for (int c = 0; c < count; c++) _mm256_storeu_ps(s[h].out + i + 8 * c, _mm256_div_ps(a[h][c], _mm256_set1_ps(sum[h])));
}

K_AVX2_INLINE void attend(const k_op *op, int32_t type, int64_t unit, const int heads, int thread) {
	head s[TOGETHER];
	float sum[TOGETHER];
	for (int h = 0; h < heads; h++) s[h] = head_of(op, unit + h, thread, h);
	score(s, heads, type, op->k, op->w_stride, op->y_stride);
	for (int h = 0; h < heads; h++) sum[h] = soften(&s[h]);
	int64_t i = 0;
	for (; i + 32 <= op->k; i += 32) weigh(s, heads, type, op->y_stride, i, 4, sum);
	for (; i < op->k; i += 8) weigh(s, heads, type, op->y_stride, i, 1, sum);
	for (int h = 0; h < heads; h++)
		if (s[h].z) k_quantize_values8(s[h].out, op->k, s[h].z);
}

K_AVX2_INLINE void run_type(const k_op *op, int32_t type, int64_t begin, int64_t end, int thread) {
	int64_t group = op->heads / op->kv_heads, most = heads_together(op);
	while (begin < end) {
		int64_t left = group - begin % group; /* heads divides evenly into groups, so units do too */
		int64_t heads = end - begin < left ? end - begin : left;
		heads = heads < most ? heads : most;
		if (heads == 3) attend(op, type, begin, 3, thread);
		else if (heads == 2) attend(op, type, begin, 2, thread);
		else attend(op, type, begin, 1, thread);
		begin += heads;
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
	{K_STORE_KV, K_OP_VERSION, k_store_units, {k_store_portable, k_store_avx2, 0}},
};
const int64_t k_attention_count = 2;
