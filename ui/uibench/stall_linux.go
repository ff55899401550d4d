package uibench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"strata/ui/widgets"
)

// reportedStalls bounds what is printed.
const reportedStalls = 24

// tellStalls writes where the main goroutine was while one tick of the window's
// loop used more than limit of the main thread's CPU time: one line a sample, and
// how much the tick used.
func tellStalls(ctx context.Context, w io.Writer, limit time.Duration) {
	mainThread := int32(^os.Getpid()<<3 | 6) // its CPU clock, see clock_getcpuclockid(3)
	cpu := func() int64 {
		var t unix.Timespec
		if unix.ClockGettime(mainThread, &t) != nil {
			return 0
		}
		return t.Nano()
	}
	type sample struct {
		used  time.Duration
		calls []byte
	}
	var last atomic.Int64
	last.Store(cpu())
	defer widgets.EachTick(func() { last.Store(cpu()) })()
	tick := time.NewTicker(time.Second / 120)
	defer tick.Stop()
	var samples []sample // of the tick that began at began
	began := last.Load()
	all := make([]byte, 1<<20)
	for reported := 0; reported < reportedStalls; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if at := last.Load(); at != began {
			if used := time.Duration(at - began); used > limit && len(samples) > 0 {
				reported++
				fmt.Fprintf(w, "soak: a tick used %v:\n", used.Round(time.Millisecond))
				for _, s := range samples {
					fmt.Fprintf(w, "soak:   at %v %s\n", s.used.Round(time.Millisecond), s.calls)
				}
			}
			began, samples = at, samples[:0]
		}
		if used := time.Duration(cpu() - began); used > limit/8 {
			for g := range bytes.SplitSeq(all[:runtime.Stack(all, true)], []byte("\n\n")) {
				if bytes.HasPrefix(g, []byte("goroutine 1 ")) {
					samples = append(samples, sample{used, calls(g)})
				}
			}
		}
	}
}

// calls are the functions of a goroutine's stack up to the window's loop, the
// innermost first, each once in a row.
func calls(stack []byte) []byte {
	var names [][]byte
	for line := range bytes.SplitSeq(stack, []byte("\n")) {
		open := bytes.LastIndexByte(line, '(')
		if open <= 0 || line[0] == '\t' {
			continue
		}
		name := line[bytes.LastIndexByte(line[:open], '/')+1 : open]
		if bytes.HasSuffix(name, []byte("runGL")) {
			break
		}
		if bytes.Contains(name, []byte("alkObjectTree")) || bytes.HasSuffix(name, []byte("ApplyThemeTo")) {
			continue
		}
		if len(names) == 0 || !bytes.Equal(names[len(names)-1], name) {
			names = append(names, name)
		}
	}
	return bytes.Join(names, []byte(" < "))
}
