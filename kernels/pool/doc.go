// Package pool runs lists of kernel operations on a fixed set of C threads, one cgo call a list.
//
// The caller is worker 0; the others are POSIX threads that spin for about 20 us after a list and then
// sleep on a futex, so that an idle pool costs nothing. Workers claim chunks of an op's rows from a
// counter, and a barrier waits for the completion of the ops before it, not for the arrival of threads:
// a worker that the operating system does not run delays nobody unless it holds a chunk.
//
// Results do not depend on the number of threads nor on who computes which row: every output element
// is computed by one thread in one fixed order of operations.
package pool
