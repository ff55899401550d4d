package kerneltest

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Arena hands out 64-byte aligned pieces of one anonymous mapping until the test ends. Its last byte is
// followed by a page without access, and End places a piece against that page.
type Arena struct {
	tb   testing.TB
	data []byte
	used int
}

// NewArena maps size bytes, in huge pages where the system gives them.
func NewArena(tb testing.TB, size int) *Arena {
	tb.Helper()
	page := unix.Getpagesize()
	size = (size + page - 1) / page * page
	data, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		tb.Fatalf("map %d bytes: %v", size, err)
	}
	tb.Cleanup(func() { _ = unix.Munmap(data) })
	_ = unix.Madvise(data[:size], unix.MADV_HUGEPAGE)
	if err := unix.Mprotect(data[size:], unix.PROT_NONE); err != nil {
		tb.Fatalf("guard page: %v", err)
	}
	return &Arena{tb: tb, data: data[:size]}
}

// Bytes gives n bytes of zeros.
func (a *Arena) Bytes(n int64) []byte {
	a.tb.Helper()
	if n < 0 || int(n) > len(a.data)-a.used {
		a.tb.Fatalf("arena of %d bytes has %d left, %d wanted", len(a.data), len(a.data)-a.used, n)
	}
	b := a.data[a.used : a.used+int(n) : a.used+int(n)]
	a.used = min((a.used+int(n)+63)/64*64, len(a.data))
	return b
}

// End copies b to the arena's last bytes, unaligned if need be, so that reading past it faults.
func (a *Arena) End(b []byte) []byte {
	end := a.data[len(a.data)-len(b):]
	copy(end, b)
	return end
}

// Floats gives n zeros.
func (a *Arena) Floats(n int64) []float32 {
	a.tb.Helper()
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(a.Bytes(4*n)))), n)
}

// Int32s gives n zeros.
func (a *Arena) Int32s(n int64) []int32 {
	a.tb.Helper()
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(a.Bytes(4*n)))), n)
}

// Addr is the address of a slice's first element.
func Addr[T any](s []T) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
