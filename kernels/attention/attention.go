package attention

/*
#cgo CFLAGS: -I${SRCDIR}/../op -std=c11 -O3 -fno-strict-aliasing -Wall -Wextra
#cgo LDFLAGS: -lm
#include "op.h"
extern const k_kernel k_attention_kernels[];
extern const int64_t k_attention_count;
static const k_kernel *table(void) { return k_attention_kernels; }
*/
import "C"

import (
	"unsafe"

	_ "strata/kernels/op" // the shared headers
)

// Kernels is the address and length of this package's table of k_kernel, which package pool registers.
func Kernels() (unsafe.Pointer, int) {
	return unsafe.Pointer(C.table()), int(C.k_attention_count)
}
