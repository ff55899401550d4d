package memory

import (
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
