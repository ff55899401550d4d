package widgets

import (
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"golang.org/x/sys/unix"
)

// WatchFrames measures the CPU time that the main thread spends between the
// ticks of the window's loop (60 a second): events, layout, painting and upload,
// without the threads of a software GL. It runs until stop is called. The
// samples of ticks at which nothing happened are included: reset the meter at
// the start of what is to be measured.
func WatchFrames(m *Meter) (stop func()) {
	var stopped atomic.Bool
	var last int64 = -1
	var pending atomic.Bool
	go func() {
		tick := time.NewTicker(time.Second / 60)
		defer tick.Stop()
		for range tick.C {
			if stopped.Load() {
				return
			}
			if pending.Swap(true) { // the loop is behind: one sample covers it
				continue
			}
			fyne.Do(func() {
				pending.Store(false)
				var now unix.Timespec
				if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now) != nil {
					return
				}
				if n := now.Nano(); last >= 0 {
					m.Add(time.Duration(n - last))
					last = n
				} else {
					last = n
				}
			})
		}
	}()
	return func() { stopped.Store(true) }
}
