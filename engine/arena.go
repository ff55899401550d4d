package engine

import (
	"fmt"
	"unsafe"

	"strata/engine/memory"
)

const pageBytes = memory.PageBytes

// arena is one tier's memory: exactly the planned bytes between guard pages. Its
// meter knows what is in use only from acquire and release.
type arena struct {
	region *memory.Region
	mem    []byte

	liveBytes int64
	peakBytes int64 // highest address in use at any time
	blocks    int64
}

func newArena(bytes int64) (*arena, error) {
	r, err := memory.Map(bytes)
	if err != nil {
		return nil, fmt.Errorf("arena: %w", err)
	}
	return &arena{region: r, mem: r.Bytes()}, nil
}

func (a *arena) close() {
	a.region.Close()
	a.mem = nil
}

// at is the address of an offset.
func (a *arena) at(offset int64) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(a.mem))) + uintptr(offset)
}

// slice is the memory of a block; an error when it leaves the arena.
func (a *arena) slice(offset, bytes int64) ([]byte, error) {
	if offset < 0 || bytes < 0 || offset+bytes > int64(len(a.mem)) {
		return nil, fmt.Errorf("block at %d of %d bytes lies outside the arena of %d", offset, bytes, len(a.mem))
	}
	return a.mem[offset : offset+bytes : offset+bytes], nil
}

// acquire and release meter the blocks that are in use.
func (a *arena) acquire(offset, bytes int64) {
	a.liveBytes += bytes
	a.blocks++
	a.peakBytes = max(a.peakBytes, offset+bytes)
}

func (a *arena) release(bytes int64) { a.liveBytes -= bytes }
