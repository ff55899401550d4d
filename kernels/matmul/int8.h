/* Matmul with int8 activations, written once for two instruction sets. The including file defines
 *   INT8          attributes of an inlined function
 *   DOT(u, v)         sums of four products of unsigned u <= 128 and signed v, as eight int32
 *   DOT2(u, v, p, q)  DOT(u, v) + DOT(p, q) for u, p <= 15
 * Integer sums are exact and all float operations are the same, so both files give the same bits.
 *
 * Two blocks A and B of 32 columns make a step. Accumulator lanes 0..3 belong to A, 4..7 to B (Q8_0: all
 * eight to each in turn); the minima of Q4 are added in lanes 1 and 3 of a second accumulator. The order
 * of operations of an output depends on nothing but k. */
#include "matmul.h"

enum { ROWS = 4, TOKENS = 4 };

/* Two blocks of weights. */
typedef struct {
	__m256i lo, hi; /* Q4: nibbles 0..15 and 16..31, each of A then of B. Q8_0: all of A, all of B */
	__m128 scales;  /* dA, mA, dB, mB */
} weights;

INT8 uint32_t word_at(const void *p) { uint32_t u; memcpy(&u, p, 4); return u; }
INT8 uint32_t half_at(const void *p) { uint16_t u; memcpy(&u, p, 2); return u; }

/* has_b is 0 for the last, odd block of a row. */
INT8 weights load(int32_t type, const char *row, int64_t pair, const int has_b) {
	weights w;
	const __m256i mask = _mm256_set1_epi8(15);
	if (type == K_Q8_0) {
		const k_q8_0 *a = (const k_q8_0 *)row + 2 * pair, *b = a + 1;
		w.lo = _mm256_loadu_si256((const __m256i *)a->q);
		w.hi = has_b ? _mm256_loadu_si256((const __m256i *)b->q) : _mm256_setzero_si256();
		__m128i bits = _mm_cvtsi32_si128((int)half_at(&a->d));
		if (has_b) bits = _mm_insert_epi32(bits, (int)half_at(&b->d), 1);
		w.scales = _mm_cvtph_ps(bits); /* m = 0 */
		return w;
	}
	const uint8_t *qa, *qb;
	if (type == K_Q4_1) {
		const k_q4_1 *a = (const k_q4_1 *)row + 2 * pair, *b = a + 1;
		qa = a->q, qb = b->q;
		__m128i bits = _mm_cvtsi32_si128((int)word_at(a));
		if (has_b) bits = _mm_insert_epi32(bits, (int)word_at(b), 1);
		w.scales = _mm_cvtph_ps(bits);
	} else {
		const k_q4_0 *a = (const k_q4_0 *)row + 2 * pair, *b = a + 1;
		qa = a->q, qb = b->q;
		__m128i bits = _mm_cvtsi32_si128((int)half_at(&a->d));
		if (has_b) bits = _mm_insert_epi32(bits, (int)half_at(&b->d), 1);
		w.scales = _mm_mul_ps(_mm_moveldup_ps(_mm_cvtph_ps(bits)), _mm_setr_ps(1, -8, 1, -8));
	}
	__m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)qa));
	v = _mm256_inserti128_si256(v, has_b ? _mm_loadu_si128((const __m128i *)qb) : _mm_setzero_si128(), 1);
	w.lo = _mm256_and_si256(v, mask);
	w.hi = _mm256_and_si256(_mm256_srli_epi16(v, 4), mask);
	return w;
}

/* Adds one step of a row and a token. */
INT8 void step(int32_t type, const weights *w, const k_q8_pair *x, __m256 *sum, __m128 *minimum) {
	const __m128 xs = _mm_loadu_ps(&x->d0); /* dA, sA, dB, sB */
	const __m256i lo = _mm256_loadu_si256((const __m256i *)x->lo), hi = _mm256_loadu_si256((const __m256i *)x->hi);
	if (type == K_Q8_0) {
		__m256i a = _mm256_permute2x128_si256(lo, hi, 0x20), b = _mm256_permute2x128_si256(lo, hi, 0x31);
		__m128 d = _mm_mul_ps(w->scales, xs);
		__m256i pa = DOT(_mm256_abs_epi8(w->lo), _mm256_sign_epi8(a, w->lo));
		__m256i pb = DOT(_mm256_abs_epi8(w->hi), _mm256_sign_epi8(b, w->hi));
		*sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(pa), _mm256_broadcastss_ps(d), *sum);
		*sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(pb), _mm256_broadcastss_ps(_mm_movehl_ps(d, d)), *sum);
		return;
	}
	*minimum = _mm_fmadd_ps(w->scales, xs, *minimum);
	__m128 d = _mm_mul_ps(w->scales, xs);
	__m256 d8 = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(d), _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2));
	*sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(DOT2(w->lo, lo, w->hi, hi)), d8, *sum);
}

INT8 void finish(const k_op *op, int32_t type, int64_t token, int64_t row, __m256 sum, __m128 minimum) {
	float value = k_sum8(sum);
	if (type != K_Q8_0)
		value += _mm_cvtss_f32(_mm_add_ss(_mm_movehdup_ps(minimum), _mm_shuffle_ps(minimum, minimum, 3)));
	k_put(op, token, row, value);
}

/* Four rows of one token. */
INT8 void finish4(const k_op *op, int32_t type, int64_t token, int64_t row, const __m256 sum[4], const __m128 minimum[4]) {
	__m128 values = k_sum8x4(sum);
	if (type != K_Q8_0) {
		__m128 u = _mm_add_ps(_mm_unpacklo_ps(minimum[0], minimum[1]), _mm_unpackhi_ps(minimum[0], minimum[1]));
		__m128 v = _mm_add_ps(_mm_unpacklo_ps(minimum[2], minimum[3]), _mm_unpackhi_ps(minimum[2], minimum[3]));
		values = _mm_add_ps(values, _mm_movehl_ps(v, u)); /* lanes 1 + 3 of each */
	}
	k_put4(op, token, row, values);
}

/* A tile of rows by tokens; one of the two is 1. */
INT8 void tile(const k_op *op, int32_t type, int64_t row, const int rows, int64_t token, const int tokens) {
	const int64_t blocks = op->k / 32, pair_bytes = 2 * k_row_bytes(type, 32);
	const char *w[ROWS];
	const k_q8_pair *x[TOKENS];
	__m256 sum[ROWS * TOKENS];
	__m128 minimum[ROWS * TOKENS];
	for (int r = 0; r < rows; r++) w[r] = (const char *)op->w + (row + r) * op->w_stride;
	for (int t = 0; t < tokens; t++) x[t] = (const k_q8_pair *)k_crow(op->x, op->x_stride, token + t);
	for (int i = 0; i < rows * tokens; i++) sum[i] = _mm256_setzero_ps(), minimum[i] = _mm_setzero_ps();
	for (int64_t p = 0; p < blocks / 2; p++) {
		/* The rows of a tile lie side by side and are read abreast; what the tiles to come will read is
		 * fetched in the order of memory. */
		if (tokens == 1) k_fetch(w[0] + K_AHEAD + p * rows * pair_bytes, rows * pair_bytes);
		for (int r = 0; r < rows; r++) {
			weights v = load(type, w[r], p, 1);
			for (int t = 0; t < tokens; t++) step(type, &v, x[t] + p, &sum[r * tokens + t], &minimum[r * tokens + t]);
		}
	}
	if (blocks % 2)
		for (int r = 0; r < rows; r++) {
			weights v = load(type, w[r], blocks / 2, 0);
			for (int t = 0; t < tokens; t++) step(type, &v, x[t] + blocks / 2, &sum[r * tokens + t], &minimum[r * tokens + t]);
		}
	if (rows == 4 && tokens == 1) {
		finish4(op, type, token, row, sum, minimum);
		return;
	}
	for (int r = 0; r < rows; r++)
		for (int t = 0; t < tokens; t++) finish(op, type, token + t, row + r, sum[r * tokens + t], minimum[r * tokens + t]);
}

INT8 void run(const k_op *op, int32_t type, int64_t begin, int64_t end) {
	int64_t t = 0;
	for (; t + TOKENS <= op->tokens; t += TOKENS)
		for (int64_t row = begin; row < end; row++) tile(op, type, row, 1, t, TOKENS);
	for (; t < op->tokens; t++) {
		int64_t row = begin;
		k_fetch(k_crow(op->w, op->w_stride, begin), K_AHEAD);
		for (; row + ROWS <= end; row += ROWS) tile(op, type, row, ROWS, t, 1);
		for (; row < end; row++) tile(op, type, row, 1, t, 1);
	}
}
