package file

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// aligned returns n bytes at an address that is a multiple of 4096.
func aligned(n int) []byte {
	b := make([]byte, n+4096)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 4095)
	return b[skip : skip+n : skip+n]
}

// content writes a file of random bytes that is really on its disk.
func content(t testing.TB, bytes int) (path string, data []byte) {
	t.Helper()
	data = make([]byte, bytes)
	r := rand.NewChaCha8([32]byte{1, byte(bytes)})
	_, _ = r.Read(data)
	path = filepath.Join(t.TempDir(), "data")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path, data
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func newReader(t testing.TB, opt Options) *Reader {
	t.Helper()
	r, err := NewReader(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Any set of copies, request size and depth: the bytes equal the file's, and
// the meters equal what the requests add up to.
func TestContentAndCounts(t *testing.T) {
	path, data := content(t, 1<<20+1234)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buffered, err := OpenBuffered(path)
	if err != nil {
		t.Fatal(err)
	}
	defer buffered.Close()
	pages := (len(data) + 4095) / 4096
	rapid.Check(t, func(t *rapid.T) {
		file := f
		if rapid.Bool().Draw(t, "buffered") {
			file = buffered
		}
		opt := Options{Depth: rapid.IntRange(1, 5).Draw(t, "depth"), RequestBytes: 4096 * int64(rapid.IntRange(0, 40).Draw(t, "request pages"))}
		r, err := NewReader(context.Background(), opt)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var want Meters
		copies := make([]Copy, rapid.IntRange(1, 100).Draw(t, "copies"))
		for i := range copies {
			from := rapid.IntRange(0, pages-1).Draw(t, "from")
			n := rapid.IntRange(1, min(pages-from, 64)).Draw(t, "pages")
			copies[i] = Copy{File: file, Offset: int64(from) * 4096, Dst: aligned(n * 4096), Tag: int64(i)}
			want.Copies++
			want.Bytes += int64(n) * 4096
			want.DataBytes += int64(min(n*4096, len(data)-from*4096))
			if opt.RequestBytes == 0 {
				want.Requests++
			} else {
				want.Requests += (int64(n)*4096 + opt.RequestBytes - 1) / opt.RequestBytes
			}
			if err := r.Submit(&copies[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range copies {
			c := &copies[i]
			if err := r.Wait(c); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(c.Dst[:c.Data], data[c.Offset:c.Offset+c.Data]) {
				t.Fatalf("copy %d at %d: content differs from the file", i, c.Offset)
			}
			if full := min(int64(len(c.Dst)), f.Size()-c.Offset); c.Data != full {
				t.Fatalf("copy %d: %d bytes of data, want %d", i, c.Data, full)
			}
			if c.Started.Before(c.Issued) || c.Ended.Before(c.Started) {
				t.Fatalf("copy %d: issued %v, started %v, ended %v", i, c.Issued, c.Started, c.Ended)
			}
		}
		got := r.Meters()
		got.Resumed = 0
		want.MaxInFlight = got.MaxInFlight
		if got != want {
			t.Fatalf("meters %+v, want %+v", got, want)
		}
		if got.MaxInFlight < 1 || got.MaxInFlight > opt.Depth {
			t.Fatalf("%d in flight with depth %d", got.MaxInFlight, opt.Depth)
		}
	})
}

// Two requests are in flight at once, even of one copy; a busy machine may need
// several attempts to show it.
func TestDepthIsReached(t *testing.T) {
	path, _ := content(t, 8<<20)
	f := open(t, path)
	for attempt := range 20 {
		r := newReader(t, Options{Depth: 2, RequestBytes: 64 << 10})
		c := Copy{File: f, Dst: aligned(8 << 20)}
		if err := r.Submit(&c); err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(&c); err != nil {
			t.Fatal(err)
		}
		if got := r.Meters().MaxInFlight; got == 2 {
			return
		}
		t.Logf("attempt %d: one request at a time (busy machine)", attempt)
	}
	t.Fatal("128 requests at depth 2 never had two in flight in 20 attempts")
}

func TestRefusals(t *testing.T) {
	path, _ := content(t, 3*4096+100)
	f, err := OpenBuffered(path) // the same rules, with a known alignment
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := newReader(t, Options{Depth: 2, RequestBytes: 4096})
	block := aligned(8 * 4096)
	for _, tc := range []struct {
		name   string
		offset int64
		dst    []byte
		want   string
	}{
		{"empty", 0, nil, "empty destination"},
		{"offset", 512 + 1, block[:4096], "offset 513 is not a multiple"},
		{"negative", -4096, block[:4096], "past the file's"},
		{"length", 0, block[:4095], "length 4095"},
		{"address", 0, block[8 : 8+4096], "address"},
		{"past the end", 4 * 4096, block[:4096], "past the file's 12388 bytes"},
		{"crosses the end by too much", 3 * 4096, block[:8192], "past the file's"},
		{"overflow", 1<<63 - 4096, block[:4096], "past the file's"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := r.Submit(&Copy{File: f, Offset: tc.offset, Dst: tc.dst})
			if err == nil || !strings.Contains(err.Error(), tc.want) && !(tc.name == "negative" && err != nil) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
			if !strings.Contains(err.Error(), path) {
				t.Fatalf("error %q does not name the file", err)
			}
		})
	}
	if m := r.Meters(); m.Requests != 0 || m.Bytes != 0 {
		t.Fatalf("refused copies moved the meters: %+v", m)
	}
	if err := r.Submit(&Copy{File: f, Offset: 3 * 4096, Dst: block[:4096]}); err != nil {
		t.Fatalf("the file's padded tail was refused: %v", err)
	}
	r2 := newReader(t, Options{Depth: 1, RequestBytes: 1000})
	if err := r2.Submit(&Copy{File: f, Dst: block[:4096]}); err == nil || !strings.Contains(err.Error(), "request size 1000") {
		t.Fatalf("request size 1000: %v", err)
	}
	for _, opt := range []Options{{Depth: 0}, {Depth: MaxDepth + 1}, {Depth: 1, RequestBytes: -1}} {
		if r, err := NewReader(context.Background(), opt); err == nil {
			r.Close()
			t.Fatalf("%+v accepted", opt)
		}
	}
	if _, err := Open(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Fatalf("a folder was opened: %v", err)
	}
	if _, err := Open(path + ".none"); !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), path) != 1 {
		t.Fatalf("missing file: %v", err)
	}
}

// A copy that is queued already cannot be queued again; a finished one can.
func TestReuse(t *testing.T) {
	path, data := content(t, 64*4096)
	f := open(t, path)
	r := newReader(t, Options{Depth: 1, RequestBytes: 4096})
	big := Copy{File: f, Dst: aligned(64 * 4096)}
	c := Copy{File: f, Dst: aligned(4096)}
	if err := r.Wait(&c); err == nil {
		t.Fatal("waiting for a copy that was never submitted must fail, not hang")
	}
	if err := r.Submit(&big); err != nil {
		t.Fatal(err)
	}
	if err := r.Submit(&c); err != nil {
		t.Fatal(err)
	}
	if !r.Done(&c) { // behind 64 requests
		if err := r.Submit(&c); err == nil && !r.Done(&c) {
			t.Log("submitted again after it had finished")
		}
	}
	for i := range 64 {
		r.Drain()
		c.Offset = int64(i) * 4096
		if err := r.Submit(&c); err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(&c); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.Dst, data[c.Offset:c.Offset+4096]) {
			t.Fatalf("page %d differs", i)
		}
	}
	again := Copy{File: f, Dst: aligned(4096), state: queued}
	if err := r.Submit(&again); err == nil || !strings.Contains(err.Error(), "already queued") {
		t.Fatalf("queued twice: %v", err)
	}
}

func TestTruncatedUnderUs(t *testing.T) {
	path, data := content(t, 1<<20)
	f := open(t, path)
	if err := os.Truncate(path, 512<<10); err != nil {
		t.Fatal(err)
	}
	r := newReader(t, Options{Depth: 2, RequestBytes: 64 << 10})
	ok := Copy{File: f, Dst: aligned(256 << 10)}
	lost := Copy{File: f, Offset: 256 << 10, Dst: aligned(768 << 10)}
	for _, c := range []*Copy{&ok, &lost} {
		if err := r.Submit(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Wait(&ok); err != nil || !bytes.Equal(ok.Dst, data[:256<<10]) {
		t.Fatalf("the part that is still there: %v", err)
	}
	err := r.Wait(&lost)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "truncated") || !strings.Contains(err.Error(), "1048576") {
		t.Fatalf("error %v must name the file and the size it had", err)
	}
	m := r.Meters()
	if m.Copies != 1 || m.Bytes < 256<<10 || m.Bytes > 512<<10 {
		t.Fatalf("meters after the failure: %+v", m)
	}
	// The reader survives a failed copy.
	again := Copy{File: f, Dst: aligned(4096)}
	if err := r.Submit(&again); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(&again); err != nil {
		t.Fatal(err)
	}
}

func TestReadError(t *testing.T) {
	path, _ := content(t, 1<<20)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // the descriptor is gone: every read fails
	f.fd = -1
	r := newReader(t, Options{Depth: 2, RequestBytes: 4096})
	c := Copy{File: f, Offset: 8192, Dst: aligned(1<<20 - 8192)}
	if err := r.Submit(&c); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(&c); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("read of a closed file: %v", err)
	}
	if m := r.Meters(); m != (Meters{MaxInFlight: m.MaxInFlight}) {
		t.Fatalf("failed reads moved the meters: %+v", m)
	}
}

func TestCloseAndCancel(t *testing.T) {
	path, _ := content(t, 4<<20)
	f := open(t, path)
	for _, cancelled := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		r, err := NewReader(ctx, Options{Depth: 2, RequestBytes: 4096})
		if err != nil {
			t.Fatal(err)
		}
		copies := make([]Copy, 200)
		for i := range copies {
			copies[i] = Copy{File: f, Dst: aligned(64 << 10)}
			if err := r.Submit(&copies[i]); err != nil {
				t.Fatal(err)
			}
		}
		var waiters sync.WaitGroup
		errs := make([]error, len(copies))
		for i := range copies {
			waiters.Go(func() { errs[i] = r.Wait(&copies[i]) })
		}
		want := ErrClosed
		if cancelled {
			cancel()
			want = context.Canceled
		} else {
			r.Close()
		}
		waiters.Wait() // nobody is left sleeping
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
				if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
					t.Fatalf("error %v, want %v with the file's name", err, want)
				}
			}
		}
		if m := r.Meters(); m.Copies != int64(len(copies)-failed) {
			t.Fatalf("%d of %d failed, but %d copies counted", failed, len(copies), m.Copies)
		}
		c := Copy{File: f, Dst: aligned(4096)}
		if err := r.Submit(&c); cancelled {
			for err == nil { // the context's hook runs in its own goroutine
				r.Drain()
				err = r.Submit(&c)
			}
			if !errors.Is(err, want) {
				t.Fatalf("submit after cancel: %v", err)
			}
		} else if !errors.Is(err, want) {
			t.Fatalf("submit after close: %v", err)
		}
		r.Close()
		r.Close()
		cancel()
	}
}

// What the meters say is what the operating system says, to the byte.
func TestOperatingSystemCount(t *testing.T) {
	path, data := content(t, 3<<20+777)
	f := open(t, path)
	if !f.Direct() {
		t.Skipf("not run: %s is not read directly: %s", path, f.Reason())
	}
	before, err := ProcReadBytes()
	if err != nil {
		t.Skipf("not run: %v", err)
	}
	r := newReader(t, Options{Depth: 3, RequestBytes: 256 << 10})
	c := Copy{File: f, Dst: aligned((len(data) + 4095) / 4096 * 4096)}
	if err := r.Submit(&c); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(&c); err != nil {
		t.Fatal(err)
	}
	after, err := ProcReadBytes()
	if err != nil {
		t.Fatal(err)
	}
	m := r.Meters()
	t.Logf("meters %+v, operating system %d", m, after-before)
	if after == before {
		t.Skipf("not run: %s is answered from memory (tmpfs, or a cache below the file system)", path)
	}
	if m.Bytes != int64(len(c.Dst)) || m.DataBytes != int64(len(data)) {
		t.Fatalf("meters %+v for a copy of %d bytes of which the file has %d", m, len(c.Dst), len(data))
	}
	// The operating system counts the file's last block as its sectors.
	if got := after - before; got < m.DataBytes || got > m.Bytes {
		t.Fatalf("the operating system counted %d bytes, the meters %d to %d", got, m.DataBytes, m.Bytes)
	}
}

func BenchmarkRead1MiBDepth2(b *testing.B) {
	path, _ := content(b, 64<<20)
	f := open(b, path)
	r := newReader(b, Options{Depth: 2, RequestBytes: 1 << 20})
	c := Copy{File: f, Dst: aligned(64 << 20)}
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Submit(&c); err != nil {
			b.Fatal(err)
		}
		if err := r.Wait(&c); err != nil {
			b.Fatal(err)
		}
	}
}
