/* Vector pieces that several AVX2 kernels share. */
#ifndef STRATA_KERNELS_AVX2_H
#define STRATA_KERNELS_AVX2_H

#include "quant.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define K_AVX2 __attribute__((target("avx2,fma,f16c")))
#define K_AVX2_INLINE static inline __attribute__((always_inline, target("avx2,fma,f16c")))

/* Memory is asked for so far ahead of its use. A whole page ahead would fall into the sets of the first cache
 * that are being read. What a stream reads first nothing has asked for: it begins with k_fetch(at, K_AHEAD). */
enum { K_AHEAD = 3328 };

K_AVX2_INLINE void k_fetch(const void *at, int64_t bytes) {
	for (int64_t line = 0; line < bytes; line += 64) _mm_prefetch((const char *)at + line, _MM_HINT_T0);
}

/* ((0+4)+(2+6)) + ((1+5)+(3+7)): the one order in which eight lanes are added. */
K_AVX2_INLINE float k_sum8(__m256 v) {
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* Four sums of eight lanes, each in that order. */
K_AVX2_INLINE __m128 k_sum8x4(const __m256 a[4]) {
	__m128 s[4];
	for (int j = 0; j < 4; j++) s[j] = _mm_add_ps(_mm256_castps256_ps128(a[j]), _mm256_extractf128_ps(a[j], 1));
	__m128 u = _mm_add_ps(_mm_unpacklo_ps(s[0], s[1]), _mm_unpackhi_ps(s[0], s[1]));
	__m128 v = _mm_add_ps(_mm_unpacklo_ps(s[2], s[3]), _mm_unpackhi_ps(s[2], s[3]));
	return _mm_add_ps(_mm_movelh_ps(u, v), _mm_movehl_ps(v, u));
}

K_AVX2_INLINE float k_max8(__m256 v) {
	__m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

/* e^x within 2 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, Cephes' polynomial for e^r. Inputs below
 * -87.3 give about 1e-38, above 88.3 about 2e38. */
K_AVX2_INLINE __m256 k_exp8(__m256 x) {
	x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.33654f)), _mm256_set1_ps(88.37626f));
	__m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
	r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
	__m256 p = _mm256_set1_ps(1.9875691500e-4f);
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
	p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1.0f)));
	__m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
	return _mm256_mul_ps(p, _mm256_castsi256_ps(e));
}

/* Four pairs (a, b) rotated by four pairs (cos, sin): (a c - b s, a s + b c), each product rounded. */
K_AVX2_INLINE __m256 k_rotate8(__m256 x, __m256 table) {
	__m256 straight = _mm256_mul_ps(x, _mm256_moveldup_ps(table));
	__m256 crossed = _mm256_mul_ps(_mm256_permute_ps(x, 0xb1), _mm256_movehdup_ps(table));
	return _mm256_addsub_ps(straight, crossed);
}

/* Thirty-two weights of a type as four vectors; i counts blocks of 32 elements. */
K_AVX2_INLINE void k_decode32(int32_t type, const char *row, int64_t i, __m256 w[4]) {
	if (type == K_F32) {
		const float *p = (const float *)row + 32 * i;
		for (int j = 0; j < 4; j++) w[j] = _mm256_loadu_ps(p + 8 * j);
	} else if (type == K_F16) {
		const uint16_t *p = (const uint16_t *)row + 32 * i;
		for (int j = 0; j < 4; j++) w[j] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8 * j)));
	} else if (type == K_BF16) {
		const uint16_t *p = (const uint16_t *)row + 32 * i;
		for (int j = 0; j < 4; j++)
			w[j] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p + 8 * j))), 16));
	} else if (type == K_Q8_0) {
		const k_q8_0 *b = (const k_q8_0 *)row + i;
		__m256 d = _mm256_set1_ps(_cvtsh_ss(b->d));
		for (int j = 0; j < 4; j++)
			w[j] = _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(b->q + 8 * j)))));
	} else {
		const uint8_t *q;
		__m256 d, m;
		if (type == K_Q4_1) {
			const k_q4_1 *b = (const k_q4_1 *)row + i;
			q = b->q, d = _mm256_set1_ps(_cvtsh_ss(b->d)), m = _mm256_set1_ps(_cvtsh_ss(b->m));
		} else {
			const k_q4_0 *b = (const k_q4_0 *)row + i;
			q = b->q, d = _mm256_set1_ps(_cvtsh_ss(b->d)), m = _mm256_mul_ps(d, _mm256_set1_ps(-8.0f));
		}
		__m128i v = _mm_loadu_si128((const __m128i *)q), mask = _mm_set1_epi8(15);
		__m128i lo = _mm_and_si128(v, mask), hi = _mm_and_si128(_mm_srli_epi16(v, 4), mask);
		w[0] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(lo)), m);
		w[1] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(lo, 8))), m);
		w[2] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(hi)), m);
		w[3] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(hi, 8))), m);
	}
}

/* k_quantize_block, bit for bit. */
K_AVX2_INLINE void k_quantize_block8(const float *x, k_q8_pair *out, int half) {
	const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
	__m256 v[4], a = _mm256_setzero_ps();
	for (int j = 0; j < 4; j++) {
		v[j] = _mm256_loadu_ps(x + 8 * j);
		a = _mm256_max_ps(_mm256_and_ps(v[j], magnitude), a);
	}
	float largest = k_max8(a);
	float d = largest / 127.0f, inverse = largest > 0 ? 127.0f / largest : 0;
	if (!(inverse <= 3e38f)) inverse = 0, d = 0;
	__m256 scale = _mm256_set1_ps(inverse);
	__m256i q[4];
	for (int j = 0; j < 4; j++) q[j] = _mm256_cvtps_epi32(_mm256_mul_ps(v[j], scale));
	__m256i total = _mm256_add_epi32(_mm256_add_epi32(q[0], q[1]), _mm256_add_epi32(q[2], q[3]));
	__m128i t = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
	t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0x4e));
	t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0xb1));
	float s = d * (float)_mm_cvtsi128_si32(t);
	__m256i p = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
	p = _mm256_permutevar8x32_epi32(p, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
	_mm_storeu_si128((__m128i *)(out->lo + 16 * half), _mm256_castsi256_si128(p));
	_mm_storeu_si128((__m128i *)(out->hi + 16 * half), _mm256_extracti128_si256(p, 1));
	if (half) out->d1 = d, out->s1 = s;
	else out->d0 = d, out->s0 = s;
}

K_AVX2_INLINE void k_quantize_values8(const float *x, int64_t n, k_q8_pair *out) {
	for (int64_t i = 0; i < n; i += 64, out++) {
		k_quantize_block8(x + i, out, 0);
		if (i + 32 < n) k_quantize_block8(x + i + 32, out, 1);
		else k_zero_block(out, 1);
	}
}

#endif
#endif
