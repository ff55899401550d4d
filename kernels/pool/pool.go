package pool

/*
#cgo CFLAGS: -I${SRCDIR}/../op -std=c11 -O3 -fno-strict-aliasing -Wall -Wextra
#cgo LDFLAGS: -lpthread
#cgo noescape k_pool_run
#cgo nocallback k_pool_run
#cgo noescape k_now_ns
#cgo nocallback k_now_ns
#include "pool.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"strata/kernels/argmax"
	"strata/kernels/attention"
	"strata/kernels/elementwise"
	"strata/kernels/embed"
	"strata/kernels/matmul"
	"strata/kernels/op"
	"strata/kernels/probe"
	"strata/kernels/quantize"
	"strata/kernels/rmsnorm"
	"strata/kernels/rope"
)

func init() {
	for _, kernels := range []func() (unsafe.Pointer, int){
		argmax.Kernels, attention.Kernels, elementwise.Kernels, embed.Kernels, matmul.Kernels, probe.Kernels,
		quantize.Kernels, rmsnorm.Kernels, rope.Kernels,
	} {
		table, count := kernels()
		if C.k_pool_register((*C.k_kernel)(table), C.int64_t(count)) != 0 {
			panic("kernels were compiled against another op.h: run `go clean -cache` and build again")
		}
	}
}

// MaxThreads is the largest number of threads of a pool.
const MaxThreads = 1024

// ErrClosed is what Run returns after Close.
var ErrClosed = errors.New("kernel pool is closed")

// Pool is a fixed set of threads. Its methods may be called from any goroutine; runs take turns.
type Pool struct {
	mu      sync.Mutex
	threads int
	c       *C.k_pool
}

// New starts a pool of threads workers, the caller of Run being one of them.
func New(threads int) (*Pool, error) {
	if threads < 1 || threads > MaxThreads {
		return nil, fmt.Errorf("kernel pool of %d threads: want 1 to %d", threads, MaxThreads)
	}
	c, err := C.k_pool_new(C.int(threads))
	if c == nil {
		return nil, fmt.Errorf("kernel pool of %d threads: %w", threads, err)
	}
	return &Pool{threads: threads, c: c}, nil
}

// Threads is the number of workers, the caller included.
func (p *Pool) Threads() int { return p.threads }

// Run executes the ops in order, with a barrier after each op that has the flag op.Barrier and after the
// last; between barriers ops may overlap, so an op that reads what an earlier one wrote needs one between.
// The ops may lie in the Go heap, their operands may not: addresses are not kept alive. An op that no
// kernel accepts is refused before anything runs.
func (p *Pool) Run(ops []op.Op) error {
	if len(ops) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c == nil {
		return ErrClosed
	}
	if refused := C.k_pool_run(p.c, (*C.k_op)(unsafe.Pointer(&ops[0])), C.int64_t(len(ops))); refused >= 0 {
		return fmt.Errorf("op %d of %d: %w", refused, len(ops), refusal(&ops[refused]))
	}
	return nil
}

// Close ends the threads. A second Close does nothing.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c != nil {
		C.k_pool_free(p.c)
		p.c = nil
	}
}

// Now is the clock of timed ops: nanoseconds of CLOCK_MONOTONIC.
func Now() int64 { return int64(C.k_now_ns()) }

func refusal(o *op.Op) error {
	return fmt.Errorf("%v refused: tokens %d, n %d, k %d, heads %d, kv heads %d, weights or cache %v, activations %v, scratch %d bytes a thread, "+
		"addresses dst %#x x %#x w %#x y %#x z %#x pos %#x scratch %#x: a needed address is 0, a length is out of range or not divided "+
		"by its blocks, or the types have no kernel", o.Kind, o.Tokens, o.N, o.K, o.Heads, o.KVHeads, o.WType, o.AType, o.ScratchStride,
		o.Dst, o.X, o.W, o.Y, o.Z, o.Pos, o.Scratch)
}
