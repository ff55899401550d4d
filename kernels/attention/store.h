#ifndef STRATA_KERNELS_STORE_H
#define STRATA_KERNELS_STORE_H
#include "avx2.h"

int64_t k_store_units(const k_op *op, int64_t *grain);
void k_store_portable(const k_op *op, int64_t begin, int64_t end, int thread);
#if defined(__x86_64__)
void k_store_avx2(const k_op *op, int64_t begin, int64_t end, int thread);
#else
#define k_store_avx2 0
#endif

#endif
