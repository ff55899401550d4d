// Package probe measures the machine through the pool that plans run on: read_sum is the read bandwidth of
// memory or cache by any number of threads, nop with a barrier is the cost of a barrier.
package probe
