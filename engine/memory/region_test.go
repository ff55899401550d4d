package memory

import (
	"encoding/binary"
	"os"
	"testing"
	"unsafe"
)

func TestRegionIsAlignedZeroedAndExact(t *testing.T) {
	for _, bytes := range []int64{0, 1, PageBytes, PageBytes + 1, HugeBytes, 3*HugeBytes + 5} {
		r, err := Map(bytes)
		if err != nil {
			t.Fatal(err)
		}
		mem := r.Bytes()
		want := max(PageBytes, (bytes+PageBytes-1)/PageBytes*PageBytes)
		if int64(len(mem)) != want || cap(mem) != len(mem) {
			t.Errorf("%d bytes asked: %d bytes, capacity %d, want %d", bytes, len(mem), cap(mem), want)
		}
		if a := uintptr(unsafe.Pointer(unsafe.SliceData(mem))); a%HugeBytes != 0 {
			t.Errorf("%d bytes asked: address %#x is not aligned to a huge page", bytes, a)
		}
		for i, b := range mem {
			if b != 0 {
				t.Fatalf("byte %d is %d", i, b)
			}
		}
		mem[len(mem)-1] = 1
		r.Close()
		r.Close()
		if r.Bytes() != nil {
			t.Error("memory after Close")
		}
	}
}

// What direct reads fill is in one piece, the last partial huge page included.
func TestTheTailIsInOnePiece(t *testing.T) {
	const bytes = HugeBytes + 200*PageBytes
	r, err := Map(bytes)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Skipf("not run: %v", err)
	}
	defer pagemap.Close()
	first := uintptr(unsafe.Pointer(unsafe.SliceData(r.Bytes()))) / PageBytes
	frames := make([]byte, 8*bytes/PageBytes)
	if _, err := pagemap.ReadAt(frames, int64(first)*8); err != nil {
		t.Skipf("not run: %v", err)
	}
	frame := func(page int) uint64 { return binary.NativeEndian.Uint64(frames[8*page:]) & (1<<55 - 1) }
	if frame(0) == 0 {
		t.Skip("not run: only root sees where pages lie")
	}
	pieces := func(from, to int) int {
		n := 1
		for i := from + 1; i < to; i++ {
			if frame(i) != frame(i-1)+1 {
				n++
			}
		}
		return n
	}
	const per = HugeBytes / PageBytes
	if n := pieces(0, per); n > 1 {
		t.Skipf("not run: this system gives no huge pages, a region of %d bytes has %d pieces", HugeBytes, n)
	}
	if n := pieces(per, bytes/PageBytes); n > 1 {
		t.Errorf("the %d pages after the last whole huge page lie in %d pieces", bytes/PageBytes-per, n)
	}
}
