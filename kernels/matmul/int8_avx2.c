/* Integer products on AVX2: pairs in int16, which hold 2 * 128 * 127 and 4 * 15 * 127. */
#include "avx2.h"

#if defined(__x86_64__)
#define INT8 K_AVX2_INLINE

K_AVX2_INLINE __m256i dot(__m256i u, __m256i v) { return _mm256_madd_epi16(_mm256_maddubs_epi16(u, v), _mm256_set1_epi16(1)); }

K_AVX2_INLINE __m256i dot2(__m256i u, __m256i v, __m256i p, __m256i q) {
	return _mm256_madd_epi16(_mm256_add_epi16(_mm256_maddubs_epi16(u, v), _mm256_maddubs_epi16(p, q)), _mm256_set1_epi16(1));
}

#define DOT(u, v) dot(u, v)
#define DOT2(u, v, p, q) dot2(u, v, p, q)
#include "int8.h"

K_AVX2 static void run_q4_1(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q4_1, begin, end); }
K_AVX2 static void run_q4_0(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q4_0, begin, end); }
K_AVX2 static void run_q8_0(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q8_0, begin, end); }

void k_matmul_int8_avx2(const k_op *op, int64_t begin, int64_t end) {
	if (op->wtype == K_Q4_1) run_q4_1(op, begin, end);
	else if (op->wtype == K_Q4_0) run_q4_0(op, begin, end);
	else run_q8_0(op, begin, end);
}
#endif
