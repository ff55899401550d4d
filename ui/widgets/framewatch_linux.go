package widgets

import (
	"time"

	"golang.org/x/sys/unix"
)

// WatchFrames measures the CPU time that the main thread spends from each tick
// of the window's loop to the next: painting and upload, then what was posted,
// then events and the layout they cause, without the threads of a software GL. It
// runs until stop is called. The samples of ticks at which nothing happened are
// included: reset the meter at the start of what is to be measured. It must not
// be called on the window's goroutine.
func WatchFrames(m *Meter) (stop func()) {
	last := int64(-1)
	return EachTick(func() {
		var now unix.Timespec
		if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now) != nil {
			return
		}
		if last >= 0 {
			m.Add(time.Duration(now.Nano() - last))
		}
		last = now.Nano()
	})
}
