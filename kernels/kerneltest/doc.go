// Package kerneltest is what the kernels' tests and benchmarks share: operands outside the Go heap,
// random weights of every type with their float64 values, runs on every instruction set, and the read
// bandwidth that benchmarks compare with.
package kerneltest
