// Package elementwise holds the kernels that treat every element alone: SwiGLU (Shazeer, 2020), add, copy,
// zero. SwiGLU can write int8 activations as well.
package elementwise
