#ifndef STRATA_KERNELS_POOL_H
#define STRATA_KERNELS_POOL_H

#include "op.h"

typedef struct k_pool k_pool;

/* Registers count kernels; returns 0, or -1 when their record of k_op is another version. */
int k_pool_register(const k_kernel *kernels, int64_t count);

/* Best instruction set of this processor, and whether it has a given one. */
int k_isa_best(void);
int k_isa_supported(int isa);
int k_isa_current(void);
void k_isa_set(int isa);

/* A pool of threads (the caller counts as one); NULL with errno set when it cannot be made. */
k_pool *k_pool_new(int threads);
void k_pool_free(k_pool *pool);

/* Runs ops[0:count]. Returns -1 when all were done, or the index of the first op that was refused, in
 * which case none was run. One caller at a time. */
int64_t k_pool_run(k_pool *pool, k_op *ops, int64_t count);

int64_t k_now_ns(void);

#endif
