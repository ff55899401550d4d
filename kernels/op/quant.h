/* Number formats: 16-bit floats, ggml's blocks of 32, and our int8 activations. */
#ifndef STRATA_KERNELS_QUANT_H
#define STRATA_KERNELS_QUANT_H

#include <math.h>
#include <string.h>
#include "op.h"

enum { K_BLOCK = 32 };

/* ggml: w = d * q + m, element i < 16 in the low nibble of byte i, element i + 16 in its high nibble. */
typedef struct { uint16_t d, m; uint8_t q[16]; } k_q4_1;
/* ggml: w = d * (q - 8), nibbles as above. */
typedef struct { uint16_t d; uint8_t q[16]; } k_q4_0;
/* ggml: w = d * q. */
typedef struct { uint16_t d; int8_t q[32]; } k_q8_0;
_Static_assert(sizeof(k_q4_1) == 20 && sizeof(k_q4_0) == 18 && sizeof(k_q8_0) == 34, "ggml block sizes");

/* Two blocks A and B of 32 activations, x ~ d * q. s is d times the sum of q, kept in f32.
 * lo holds A[0:16] then B[0:16], hi holds A[16:32] then B[16:32], so that the low and the high
 * nibbles of two weight blocks meet their activations without a shuffle. A row with an odd number
 * of blocks ends in a B of zeros. */
typedef struct {
	float d0, s0, d1, s1;
	int8_t lo[32];
	int8_t hi[32];
} k_q8_pair;
_Static_assert(sizeof(k_q8_pair) == 80, "pair size");

static inline int64_t k_pairs(int64_t k) { return (k + 63) / 64; }

/* Bytes of k weights of a type; 0 for an unknown type or a k that its blocks do not divide. */
static inline int64_t k_row_bytes(int32_t type, int64_t k) {
	if (k <= 0) return 0;
	switch (type) {
	case K_F32: return 4 * k;
	case K_F16: case K_BF16: return 2 * k;
	case K_Q4_0: return k % 32 ? 0 : k / 32 * 18;
	case K_Q4_1: return k % 32 ? 0 : k / 32 * 20;
	case K_Q8_0: return k % 32 ? 0 : k / 32 * 34;
	case K_Q8_PAIR: return k % 32 ? 0 : k_pairs(k) * 80;
	}
	return 0;
}

static inline float k_bits(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
static inline uint32_t k_word(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }

/* IEEE 754 binary16 to binary32, exact. */
static inline float k_f16_to_f32(uint16_t h) {
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 1023;
	if (exponent == 31) return k_bits(sign | 0x7f800000u | (fraction ? 0x400000u | fraction << 13 : 0));
	if (exponent == 0) {
		float magnitude = (float)fraction * 0x1p-24f;
		return sign ? -magnitude : magnitude;
	}
	return k_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* binary32 to binary16, round to nearest even, like vcvtps2ph. */
static inline uint16_t k_f32_to_f16(float f) {
	uint32_t u = k_word(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
	if (a > 0x7f800000) return sign | 0x7e00 | (a >> 13 & 0x3ff);
	if (a >= 0x477ff000) return sign | 0x7c00;
	if (a < 0x38800000) { /* subnormal result: the addition rounds at 2^-24 */
		float r = k_bits(a) + 0.5f;
		return sign | (uint16_t)(k_word(r) - k_word(0.5f));
	}
	uint32_t odd = a >> 13 & 1;
	return sign | (uint16_t)((a + 0xfff + odd - 0x38000000u) >> 13);
}

static inline float k_bf16_to_f32(uint16_t h) { return k_bits((uint32_t)h << 16); }

/* out[0:32] = block i of a row of weights. */
static inline void k_decode_block(int32_t type, const void *row, int64_t i, float *out) {
	switch (type) {
	case K_Q4_1: {
		const k_q4_1 *b = (const k_q4_1 *)row + i;
		float d = k_f16_to_f32(b->d), m = k_f16_to_f32(b->m);
		for (int j = 0; j < 16; j++) {
			out[j] = d * (float)(b->q[j] & 15) + m;
			out[j + 16] = d * (float)(b->q[j] >> 4) + m;
		}
		return;
	}
	case K_Q4_0: {
		const k_q4_0 *b = (const k_q4_0 *)row + i;
		float d = k_f16_to_f32(b->d);
		for (int j = 0; j < 16; j++) {
			out[j] = d * (float)((b->q[j] & 15) - 8);
			out[j + 16] = d * (float)((b->q[j] >> 4) - 8);
		}
		return;
	}
	case K_Q8_0: {
		const k_q8_0 *b = (const k_q8_0 *)row + i;
		float d = k_f16_to_f32(b->d);
		for (int j = 0; j < 32; j++) out[j] = d * (float)b->q[j];
		return;
	}
	}
}

/* Element i of a row of F32, F16 or BF16. */
static inline float k_load_element(int32_t type, const void *row, int64_t i) {
	switch (type) {
	case K_F16: return k_f16_to_f32(((const uint16_t *)row)[i]);
	case K_BF16: return k_bf16_to_f32(((const uint16_t *)row)[i]);
	default: return ((const float *)row)[i];
	}
}

/* One block of 32 into half 0 (A) or 1 (B) of a pair: d = max|x| / 127, q = nearest even of x / d.
 * Every version of this function gives the same bits. */
static inline void k_quantize_block(const float *x, k_q8_pair *out, int half) {
	float largest = 0;
	for (int j = 0; j < 32; j++) {
		float a = fabsf(x[j]);
		largest = a > largest ? a : largest;
	}
	float d = largest / 127.0f, inverse = largest > 0 ? 127.0f / largest : 0;
	if (!(inverse <= 3e38f)) inverse = 0, d = 0; /* below 4e-37: indistinguishable from zero */
	int32_t sum = 0;
	for (int j = 0; j < 32; j++) {
		int32_t q = (int32_t)lrintf(x[j] * inverse);
		sum += q;
		if (j < 16) out->lo[16 * half + j] = (int8_t)q;
		else out->hi[16 * half + j - 16] = (int8_t)q;
	}
	if (half) out->d1 = d, out->s1 = d * (float)sum;
	else out->d0 = d, out->s0 = d * (float)sum;
}

static inline void k_zero_block(k_q8_pair *out, int half) {
	memset(out->lo + 16 * half, 0, 16);
	memset(out->hi + 16 * half, 0, 16);
	if (half) out->d1 = out->s1 = 0;
	else out->d0 = out->s0 = 0;
}

/* n values (a multiple of 32) starting at a pair's first element. */
static inline void k_quantize_values(const float *x, int64_t n, k_q8_pair *out) {
	for (int64_t i = 0; i < n; i += 64, out++) {
		k_quantize_block(x + i, out, 0);
		if (i + 32 < n) k_quantize_block(x + i + 32, out, 1);
		else k_zero_block(out, 1);
	}
}

#endif
