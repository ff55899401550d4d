package file

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// ErrClosed is the error of copies that a closed Reader did not perform.
var ErrClosed = errors.New("reader closed")

// MaxDepth bounds the reader threads of one Reader.
const MaxDepth = 256

// Options of a Reader.
type Options struct {
	// Depth is the number of requests in flight (and of reader threads).
	Depth int
	// RequestBytes is the largest request; 0: a copy is one request.
	RequestBytes int64
}

// Copy is one transfer from a file into memory. The caller owns it, may reuse it
// once it is done, and must not touch Dst or the fields before that.
type Copy struct {
	File   *File
	Offset int64  // multiple of File.Align()
	Dst    []byte // address and length multiples of File.Align(); may pass the file's end by less than that
	Tag    int64  // the caller's own

	// Filled by the Reader.
	Issued  time.Time // when it was submitted
	Started time.Time // when its first request was sent
	Ended   time.Time // when its last request completed
	Data    int64     // bytes of Dst that hold file content (less than len(Dst) at the file's end)

	next  int64 // first byte not requested yet
	left  int64 // requests not completed
	state copyState
	err   error
}

type copyState uint8

const (
	idle copyState = iota
	queued
	done
)

// Meters count completed reads.
type Meters struct {
	Copies      int64 // copies completed
	Requests    int64 // read requests completed
	Bytes       int64 // bytes of those requests, padding at the file's end included
	DataBytes   int64 // bytes the operating system returned
	Resumed     int64 // further reads after one that returned less than it should
	MaxInFlight int   // most requests in flight at once
}

// Reader performs copies with Depth threads, requests in FIFO order.
type Reader struct {
	ctx  context.Context
	opt  Options
	stop func() bool // unhooks the context

	mu       sync.Mutex
	work     sync.Cond // queue not empty, or closed
	finished sync.Cond // some copy done
	queue    []*Copy   // ring: head, count
	head     int
	count    int
	inFlight int
	meters   Meters
	closed   error // why no more work is done
	threads  sync.WaitGroup
}

// NewReader starts the reader threads. Cancelling ctx fails all copies that are
// not in flight and wakes everybody who waits.
func NewReader(ctx context.Context, opt Options) (*Reader, error) {
	if opt.Depth < 1 || opt.Depth > MaxDepth {
		return nil, fmt.Errorf("file reader: depth %d, expected 1 to %d", opt.Depth, MaxDepth)
	}
	if opt.RequestBytes < 0 {
		return nil, fmt.Errorf("file reader: request size %d, expected 0 (whole copies) or more", opt.RequestBytes)
	}
	r := &Reader{ctx: ctx, opt: opt, queue: make([]*Copy, 64)}
	r.work.L, r.finished.L = &r.mu, &r.mu
	r.stop = context.AfterFunc(ctx, func() { r.shut(ctx.Err()) })
	for range opt.Depth {
		r.threads.Go(r.serve)
	}
	return r, nil
}

// Submit queues a copy. It refuses, before anything is read, what direct I/O
// cannot serve; it never blocks on the disk.
func (r *Reader) Submit(c *Copy) error {
	if c.File == nil {
		return errors.New("read: no file")
	}
	if err := c.File.check(c.Offset, c.Dst); err != nil {
		return err
	}
	size := r.opt.RequestBytes
	if size > 0 && size%c.File.align != 0 {
		return fmt.Errorf("read %s: request size %d is not a multiple of %d", c.File.path, size, c.File.align)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil {
		return fmt.Errorf("read %s at %d: %w", c.File.path, c.Offset, r.closed)
	}
	if c.state == queued {
		return fmt.Errorf("read %s at %d: this copy is already queued", c.File.path, c.Offset)
	}
	n := int64(len(c.Dst))
	c.next, c.left, c.Data, c.err, c.state = 0, 1, 0, nil, queued
	if size > 0 {
		c.left = (n + size - 1) / size
	}
	c.Issued, c.Started, c.Ended = time.Now(), time.Time{}, time.Time{}
	r.push(c)
	// One wake-up a request, so that all idle threads get theirs.
	for range min(c.left, int64(r.opt.Depth)) {
		r.work.Signal()
	}
	return nil
}

// Wait sleeps until the copy is done and returns its error. The copy must have
// been submitted to this Reader.
func (r *Reader) Wait(c *Copy) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.state == idle {
		return errors.New("wait: the copy was never submitted")
	}
	for c.state != done {
		r.finished.Wait()
	}
	return c.err
}

// Done tells whether the copy has completed, without sleeping.
func (r *Reader) Done(c *Copy) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.state == done
}

// Drain sleeps until every submitted copy is done.
func (r *Reader) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.count > 0 || r.inFlight > 0 {
		r.finished.Wait()
	}
}

// Meters returns the counts so far.
func (r *Reader) Meters() Meters {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.meters
}

// Close fails what is queued with ErrClosed, waits for what is in flight, and
// ends the threads. Closing twice is harmless.
func (r *Reader) Close() error {
	r.stop()
	r.shut(ErrClosed)
	r.threads.Wait()
	return nil
}

// shut refuses further work and fails the queue.
func (r *Reader) shut(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed == nil {
		r.closed = why
	}
	for r.count > 0 {
		r.abandon(r.queue[r.head], fmt.Errorf("read %s at %d: %w", r.queue[r.head].File.path, r.queue[r.head].Offset, r.closed))
	}
	r.work.Broadcast()
	r.finished.Broadcast()
}

// abandon drops the requests of the copy at the head that were not sent; those
// in flight still complete it.
func (r *Reader) abandon(c *Copy, err error) {
	if c.err == nil {
		c.err = err
	}
	unsent := int64(1)
	if size := r.opt.RequestBytes; size > 0 {
		unsent = (int64(len(c.Dst)) - c.next + size - 1) / size
	}
	c.left -= unsent
	r.pop()
	if c.left == 0 {
		r.finish(c)
	}
}

func (r *Reader) finish(c *Copy) {
	c.Ended = time.Now()
	c.state = done
	if c.err == nil {
		r.meters.Copies++
	}
	r.finished.Broadcast()
}

func (r *Reader) push(c *Copy) {
	if r.count == len(r.queue) {
		grown := make([]*Copy, 2*len(r.queue))
		n := copy(grown, r.queue[r.head:])
		copy(grown[n:], r.queue[:r.head])
		r.queue, r.head = grown, 0
	}
	r.queue[(r.head+r.count)%len(r.queue)] = c
	r.count++
}

func (r *Reader) pop() {
	r.queue[r.head] = nil
	r.head = (r.head + 1) % len(r.queue)
	r.count--
}

// serve is one reader thread: it takes the next request of the queue's head,
// reads it with the lock released, and accounts for it.
func (r *Reader) serve() {
	runtime.LockOSThread() // a thread of its own: blocking reads do not displace compute
	defer runtime.UnlockOSThread()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for r.count == 0 && r.closed == nil {
			r.work.Wait()
		}
		if r.count == 0 {
			return
		}
		c := r.queue[r.head]
		from, n := c.next, int64(len(c.Dst))-c.next
		if size := r.opt.RequestBytes; size > 0 {
			n = min(n, size)
		}
		if from == 0 {
			c.Started = time.Now()
		}
		c.next += n
		if c.next == int64(len(c.Dst)) {
			r.pop()
		}
		r.inFlight++
		r.meters.MaxInFlight = max(r.meters.MaxInFlight, r.inFlight)
		r.mu.Unlock()

		got, reads, err := c.File.readFull(c.Dst[from:from+n], c.Offset+from)

		r.mu.Lock()
		r.inFlight--
		c.left--
		r.meters.DataBytes += got
		if err == nil {
			r.meters.Requests++
			r.meters.Bytes += n
			r.meters.Resumed += reads - 1
			c.Data += got
		} else if c.err == nil {
			c.err = err
		}
		if c.err != nil && r.count > 0 && r.queue[r.head] == c {
			r.abandon(c, c.err)
		} else if c.left == 0 {
			r.finish(c)
		}
	}
}

// readFull reads the extent, up to the file's end, resuming short reads at the
// last aligned position. A file that ends earlier than it did at Open is an
// error.
func (f *File) readFull(p []byte, offset int64) (got, reads int64, err error) {
	want := min(int64(len(p)), f.size-offset)
	for {
		n, err := f.pread(p[got:], offset+got)
		reads++
		if err != nil {
			return got, reads, fmt.Errorf("read %s: %d bytes at %d: %w", f.path, len(p), offset, err)
		}
		if got += int64(n); got >= want {
			return got, reads, nil
		}
		if n == 0 || reads > 1000 {
			return got, reads, fmt.Errorf("read %s: %d bytes at %d: the file ends after %d of %d; it had %d bytes when it was opened (changed or truncated meanwhile: open it again)",
				f.path, len(p), offset, got, want, f.size)
		}
		got -= got % f.align
	}
}
