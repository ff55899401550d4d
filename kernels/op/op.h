/* The kernel operation: one fixed 256-byte record that the pool executes and that Go mirrors
 * (op.go; pool's test compares every offset). Operands are raw addresses outside the Go heap.
 * All strides are in bytes. T = tokens of this call. */
#ifndef STRATA_KERNELS_OP_H
#define STRATA_KERNELS_OP_H

#include <stdint.h>
#include <stddef.h>

enum { K_OP_VERSION = 1 };

enum k_kind {
	K_NOP = 0,
	K_EMBED = 1,
	K_RMSNORM = 2,
	K_QUANTIZE = 3,
	K_MATMUL = 4,
	K_ROPE_TABLE = 5,
	K_ROPE = 6,
	K_STORE_KV = 7,
	K_ATTENTION = 8,
	K_SWIGLU = 9,
	K_ADD = 10,
	K_COPY = 11,
	K_ZERO = 12,
	K_ARGMAX = 13,
	K_READ_SUM = 14,
	K_KIND_COUNT = 15
};

/* Numbers of ggml types where ggml has the type, so that a reader's value passes through. */
enum k_type {
	K_F32 = 0,
	K_F16 = 1,
	K_Q4_0 = 2,
	K_Q4_1 = 3,
	K_Q8_0 = 8,
	K_BF16 = 30,
	K_Q8_PAIR = 1000 /* our int8 activations: quant.h */
};

enum k_flags {
	K_FLAG_BARRIER = 1, /* later ops start only when this one and all before it are complete */
	K_FLAG_ADD = 2,     /* MATMUL: dst += result */
	K_FLAG_TIMED = 4    /* record start_ns and end_ns (CLOCK_MONOTONIC) */
};

typedef struct k_op {
	int32_t kind;
	int32_t wtype;     /* type of w, or of the KV cache */
	int32_t atype;     /* type of x: K_F32 or K_Q8_PAIR */
	int32_t flags;
	int64_t tokens;    /* T */
	int64_t n;         /* output rows (MATMUL), width, or positions that a KV cache has room for */
	int64_t k;         /* reduction length (MATMUL) or head dimension */
	int64_t heads;
	int64_t kv_heads;
	float eps;
	float scale;
	double base;
	void *dst;
	int64_t dst_stride;
	const void *x;
	int64_t x_stride;
	const void *w;
	int64_t w_stride;
	const void *y;
	int64_t y_stride;
	void *z;
	int64_t z_stride;
	const int32_t *pos; /* position of token 0, read when the op runs */
	void *scratch;
	int64_t scratch_stride; /* bytes per thread */
	int64_t start_ns;
	int64_t end_ns;
	/* The pool's own line: written by Run, read by nobody else. */
	int64_t next;
	int64_t done;
	int64_t units;
	int64_t chunk; /* least number of units worth a claim */
	int64_t reserved[4];
} k_op;

_Static_assert(sizeof(k_op) == 256, "k_op is 256 bytes");
_Static_assert(offsetof(k_op, next) == 192, "the pool's fields have a cache line of their own");

enum k_isa { K_ISA_PORTABLE = 0, K_ISA_AVX2 = 1, K_ISA_AVX512 = 2, K_ISA_COUNT = 3 };

/* units gives the number of independent pieces of work (rows, tokens, heads), and the least number
 * worth one claim in *grain; a negative result refuses the op. run does pieces [begin, end) of op.
 * Any split of [0, units) gives the same bits. */
typedef int64_t (*k_units_fn)(const k_op *op, int64_t *grain);
typedef void (*k_run_fn)(const k_op *op, int64_t begin, int64_t end, int thread);

/* One kernel as the pool sees it. A missing run[isa] falls back to the next lower one. */
typedef struct k_kernel {
	int32_t kind;
	int32_t version;
	k_units_fn units;
	k_run_fn run[K_ISA_COUNT];
} k_kernel;

static inline float *k_row(void *base, int64_t stride, int64_t i) { return (float *)((char *)base + stride * i); }
static inline const float *k_crow(const void *base, int64_t stride, int64_t i) { return (const float *)((const char *)base + stride * i); }

#endif
