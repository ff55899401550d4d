#ifndef STRATA_KERNELS_STORE_H
#define STRATA_KERNELS_STORE_H
#include "quant.h"

int64_t k_store_units(const k_op *op, int64_t *grain);
void k_store_run(const k_op *op, int64_t begin, int64_t end, int thread);

#endif
