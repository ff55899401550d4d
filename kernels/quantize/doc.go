// Package quantize converts rows of f32 activations to int8: per block of 32 a scale d = max|x| / 127, the
// values q = x / d to the nearest even, and d times their sum in f32, which Q4_1's minimum needs. The
// format is k_q8_pair in ../op/quant.h; all versions give the same bits.
package quantize
