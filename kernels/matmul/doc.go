// Package matmul multiplies rows of weights by tokens of activations: out[t, i] = sum over j of w[i, j] x[t, j].
//
// Weights are Q4_1, Q4_0, Q8_0 (ggml's blocks of 32), F16, BF16 or F32. Activations are f32 (reference mode:
// weights are widened in registers) or int8 blocks (fast mode: products are summed in integers, exactly,
// and scaled per block). The files: matmul.c has the plain reference and the choice of version; f32_avx2.c
// the f32 form; int8.h the int8 form, compiled by int8_avx2.c and int8_avx512.c with two ways to multiply
// bytes and the same bits.
//
// One token reads the weights four rows abreast and is bound by memory; many tokens take a row at a time
// through a tile of tokens, which decodes it once. The bits of an output depend on its row and its token
// only: not on tile, tokens, panel or threads.
package matmul
