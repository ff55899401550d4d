/* Integer products with VNNI (vpdpbusd), on 256-bit vectors: on processors that split 512-bit
 * operations they are as fast, and the tail and the order of additions stay those of AVX2. */
#include "avx2.h"

#if defined(__x86_64__)
#define VNNI_TARGET "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512vnni"
#define INT8 static inline __attribute__((always_inline, target(VNNI_TARGET)))
#define VNNI __attribute__((target(VNNI_TARGET)))

INT8 __m256i dot(__m256i u, __m256i v) { return _mm256_dpbusd_epi32(_mm256_setzero_si256(), u, v); }

INT8 __m256i dot2(__m256i u, __m256i v, __m256i p, __m256i q) {
	return _mm256_dpbusd_epi32(_mm256_dpbusd_epi32(_mm256_setzero_si256(), u, v), p, q);
}

#define DOT(u, v) dot(u, v)
#define DOT2(u, v, p, q) dot2(u, v, p, q)
#include "int8.h"

VNNI static void run_q4_1(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q4_1, begin, end); }
VNNI static void run_q4_0(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q4_0, begin, end); }
VNNI static void run_q8_0(const k_op *op, int64_t begin, int64_t end) { run(op, K_Q8_0, begin, end); }

void k_matmul_int8_avx512(const k_op *op, int64_t begin, int64_t end) {
	if (op->wtype == K_Q4_1) run_q4_1(op, begin, end);
	else if (op->wtype == K_Q4_0) run_q4_0(op, begin, end);
	else run_q8_0(op, begin, end);
}
#endif
