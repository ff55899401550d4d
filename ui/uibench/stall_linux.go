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

	"fyne.io/fyne/v2"
	"golang.org/x/sys/unix"
)

// reportedStalls bounds what is printed.
const reportedStalls = 12

// tellStalls writes the main goroutine's stack while one tick of the window's
// loop has used more than limit of the main thread's CPU time, once a tick, and
// afterwards how much it used.
func tellStalls(ctx context.Context, w io.Writer, limit time.Duration) {
	mainThread := int32(^os.Getpid()<<3 | 6) // its CPU clock, see clock_getcpuclockid(3)
	cpu := func() int64 {
		var t unix.Timespec
		if unix.ClockGettime(mainThread, &t) != nil {
			return 0
		}
		return t.Nano()
	}
	var last atomic.Int64
	var pending atomic.Bool
	last.Store(cpu())
	tick := time.NewTicker(time.Second / 60)
	defer tick.Stop()
	var told int64
	reported := 0
	for reported < reportedStalls {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if at := last.Load(); at != told && cpu()-at > int64(limit) {
			told, reported = at, reported+1
			all := make([]byte, 1<<20)
			all = all[:runtime.Stack(all, true)]
			for g := range bytes.SplitSeq(all, []byte("\n\n")) {
				if bytes.HasPrefix(g, []byte("goroutine 1 ")) {
					fmt.Fprintf(w, "soak: a tick takes more than %v: %s\n", limit, calls(g))
				}
			}
		}
		if !pending.Swap(true) {
			fyne.Do(func() {
				if now := cpu(); last.Swap(now) == told {
					fmt.Fprintf(w, "soak: that tick took %v\n", time.Duration(now-told))
				}
				pending.Store(false)
			})
		}
	}
}

// calls are the functions of a goroutine's stack, the innermost first, without
// the walk over the tree of objects.
func calls(stack []byte) []byte {
	var names [][]byte
	for line := range bytes.SplitSeq(stack, []byte("\n")) {
		if open := bytes.LastIndexByte(line, '('); open > 0 && line[0] != '\t' && !bytes.Contains(line, []byte("walkObjectTree")) {
			names = append(names, line[bytes.LastIndexByte(line[:open], '/')+1:open])
		}
	}
	return bytes.Join(names, []byte(" < "))
}
