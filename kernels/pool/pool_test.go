package pool_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"strata/kernels/kerneltest"
	"strata/kernels/op"
	"strata/kernels/pool"
)

// chain is a list whose every op needs the one before: x = x + x, starting from 1.
func chain(arena *kerneltest.Arena, length int, width int64) ([]op.Op, []float32) {
	x := arena.Floats(width)
	list := make([]op.Op, 0, length)
	for range length {
		list = append(list, op.Add(1, width, kerneltest.Addr(x), kerneltest.Addr(x), kerneltest.Addr(x)).WithBarrier())
	}
	return list, x
}

// A thread that passes a barrier early adds an old value, a chunk done twice doubles twice.
func TestBarriersOrderOps(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := kerneltest.NewPool(t, threads)
		list, x := chain(kerneltest.NewArena(t, 1<<20), 20, 8192)
		for round := range 30 {
			for i := range x {
				x[i] = 1
			}
			if err := p.Run(list); err != nil {
				t.Fatal(err)
			}
			for i := range x {
				if x[i] != 1<<20 {
					t.Fatalf("%d threads, round %d: element %d is %v, want %v", threads, round, i, x[i], 1<<20)
				}
			}
			if round%10 == 9 {
				time.Sleep(time.Millisecond) // let the threads fall asleep
			}
		}
	}
}

// Ops without a barrier between them flow on, and all are done when Run returns.
func TestOpsWithoutBarriersAreAllDone(t *testing.T) {
	p := kerneltest.NewPool(t, 3)
	arena := kerneltest.NewArena(t, 1<<22)
	src := arena.Floats(64 * 1024)
	kerneltest.Normal(rand.New(rand.NewPCG(1, 1)), src, 1)
	dst := arena.Floats(64 * 1024)
	var list []op.Op
	for i := range int64(64) {
		list = append(list, op.Copy(1, 1024, kerneltest.Addr(src[i*1024:]), kerneltest.Addr(dst[i*1024:])))
	}
	for range 50 {
		clear(dst)
		if err := p.Run(list); err != nil {
			t.Fatal(err)
		}
		kerneltest.SameBits(t, "copies", dst, src)
	}
}

func TestRunsFromManyGoroutinesTakeTurns(t *testing.T) {
	p := kerneltest.NewPool(t, 2)
	var wg sync.WaitGroup
	for g := range 4 {
		list, x := chain(kerneltest.NewArena(t, 1<<20), 10, 2000)
		wg.Go(func() {
			for range 20 {
				for i := range x {
					x[i] = float32(g + 1)
				}
				if err := p.Run(list); err != nil {
					t.Error(err)
				}
				for i := range x {
					if x[i] != float32(g+1)*1024 {
						t.Errorf("goroutine %d: element %d is %v", g, i, x[i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestRefusedListRunsNothing(t *testing.T) {
	p := kerneltest.NewPool(t, 2)
	list, x := chain(kerneltest.NewArena(t, 1<<16), 3, 100)
	x[0] = 1
	list[2].Kind = 99
	err := p.Run(list)
	if err == nil || !strings.Contains(err.Error(), "op 2 of 3") || !strings.Contains(err.Error(), "kind(99)") {
		t.Fatalf("error %v, want one that names op 2 and its kind", err)
	}
	if x[0] != 1 {
		t.Errorf("an op ran before the refused one: x is %v", x[0])
	}
}

func TestNewAndClose(t *testing.T) {
	for _, threads := range []int{-1, 0, pool.MaxThreads + 1} {
		if _, err := pool.New(threads); err == nil {
			t.Errorf("a pool of %d threads was made", threads)
		}
	}
	p, err := pool.New(2)
	if err != nil {
		t.Fatal(err)
	}
	if p.Threads() != 2 {
		t.Errorf("%d threads, want 2", p.Threads())
	}
	before := threadsOfProcess(t)
	p.Close()
	p.Close()
	if after := threadsOfProcess(t); after >= before {
		t.Errorf("%d threads before Close, %d after: none ended", before, after)
	}
	if err := p.Run([]op.Op{op.Nop()}); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("Run after Close: %v, want %v", err, pool.ErrClosed)
	}
}

func threadsOfProcess(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("not run: ", err)
	}
	return len(entries)
}

// Idle workers must leave the processor to file readers: four of them over 200 ms may use a small part.
func TestIdleWorkersSleep(t *testing.T) {
	p := kerneltest.NewPool(t, 5)
	if err := p.Run([]op.Op{op.Nop().WithBarrier(), op.Nop()}); err != nil {
		t.Fatal(err)
	}
	before := cpuTime(t)
	time.Sleep(200 * time.Millisecond)
	if used := cpuTime(t) - before; used > 100*time.Millisecond {
		t.Errorf("idle pool used %v of processor time in 200ms", used)
	}
}

func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestTimedOpsAreInOrder(t *testing.T) {
	p := kerneltest.NewPool(t, 2)
	list, _ := chain(kerneltest.NewArena(t, 1<<20), 5, 8192)
	for i := range list {
		list[i] = list[i].WithTiming()
	}
	list = append(list, op.Nop())
	from := pool.Now()
	if err := p.Run(list); err != nil {
		t.Fatal(err)
	}
	last := from
	for i := range list[:5] {
		if list[i].StartNs < last || list[i].EndNs < list[i].StartNs {
			t.Fatalf("op %d ran from %d to %d, the one before ended at %d", i, list[i].StartNs, list[i].EndNs, last)
		}
		last = list[i].EndNs
	}
	if now := pool.Now(); last > now {
		t.Errorf("last op ended at %d, now it is %d", last, now)
	}
	if list[5].EndNs != 0 {
		t.Error("an op without Timed has times")
	}
}

func TestISA(t *testing.T) {
	before := pool.ISA()
	t.Cleanup(func() { _ = pool.SetISA(before) })
	if err := pool.SetISA("sse"); err == nil || !strings.Contains(err.Error(), "portable") {
		t.Errorf("error %v, want one that names what is known", err)
	}
	can := fmt.Sprint(pool.ISAs())
	for _, name := range kerneltest.ISAs {
		err := pool.SetISA(name)
		if strings.Contains(can, name) != (err == nil) {
			t.Errorf("SetISA(%q) = %v, processor has %s", name, err, can)
		}
		if err == nil && pool.ISA() != name {
			t.Errorf("ISA is %q after SetISA(%q)", pool.ISA(), name)
		}
	}
}

func TestLayoutOfGoAndCAgree(t *testing.T) {
	for _, f := range pool.Layout() {
		if f.Go != f.C {
			t.Errorf("%s: %d in Go, %d in C", f.Name, f.Go, f.C)
		}
	}
}
