// Package op declares the operation record that kernels execute and package pool schedules.
//
// An [Op] is 256 bytes of plain numbers: a kind, shapes, and the addresses of its operands. Addresses
// are uintptr because operands live outside the Go heap (a memory-mapped arena), so a list of ops is
// built once and only patched afterwards: a new weight address, another number of tokens. The position
// of a token is read through a pointer when the op runs, so decoding needs no patch at all.
//
// The record is declared twice, here and in op.h; a test in package pool compares size and offsets.
// Headers is embedded so that a changed header changes this package, and with it everything that the
// go command must rebuild: files outside a package's folder are otherwise invisible to its cache.
//
// All kernels are compiled with -std=c11, which makes gcc keep a*b + c as two rounded operations
// (GNU dialects contract it where the target has FMA); where one rounding is meant the code says fma.
package op
