#include "avx2.h"

static int64_t nop_units(const k_op *op, int64_t *grain) {
	*grain = 1;
	return op->tokens < 0 ? -1 : op->tokens;
}

static void nop(const k_op *op, int64_t begin, int64_t end, int thread) { (void)op, (void)begin, (void)end, (void)thread; }

enum { WORDS = 8192 }; /* a unit is 64 KiB */

static int64_t read_units(const k_op *op, int64_t *grain) {
	*grain = 1;
	if (op->n < 0 || !op->x || !op->dst) return -1;
	return (op->n / 8 + WORDS - 1) / WORDS;
}

/* The plain reference. */
static void read_portable(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	const uint64_t *x = op->x;
	int64_t last = end * WORDS < op->n / 8 ? end * WORDS : op->n / 8;
	uint64_t sum = 0;
	for (int64_t i = begin * WORDS; i < last; i++) sum += x[i];
	__atomic_fetch_add((uint64_t *)op->dst, sum, __ATOMIC_RELAXED);
}

#if defined(__x86_64__)
K_AVX2 static void read_avx2(const k_op *op, int64_t begin, int64_t end, int thread) {
	(void)thread;
	const uint64_t *x = op->x;
	int64_t i = begin * WORDS, last = end * WORDS < op->n / 8 ? end * WORDS : op->n / 8;
	__m256i a[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
	for (; i + 16 <= last; i += 16)
		for (int j = 0; j < 4; j++) a[j] = _mm256_add_epi64(a[j], _mm256_loadu_si256((const __m256i *)(x + i + 4 * j)));
	uint64_t lanes[4];
	_mm256_storeu_si256((__m256i *)lanes, _mm256_add_epi64(_mm256_add_epi64(a[0], a[1]), _mm256_add_epi64(a[2], a[3])));
	uint64_t sum = lanes[0] + lanes[1] + lanes[2] + lanes[3];
	for (; i < last; i++) sum += x[i];
	__atomic_fetch_add((uint64_t *)op->dst, sum, __ATOMIC_RELAXED);
}
#else
#define read_avx2 0
#endif

const k_kernel k_probe_kernels[] = {
	{K_NOP, K_OP_VERSION, nop_units, {nop, 0, 0}},
	{K_READ_SUM, K_OP_VERSION, read_units, {read_portable, read_avx2, 0}},
};
const int64_t k_probe_count = 2;
