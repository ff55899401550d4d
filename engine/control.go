package engine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"strata/malloc"
)

// control is a little memory outside the arena that kernels read while they run:
// the positions of micro-batches and the addresses of embedding rows. It counts
// as overhead, not as planned memory.
type control struct {
	mem       []byte
	positions int // int32 entries: decode first, then one per micro-batch
	rowsAt    int // byte offset of the row table
}

func newControl(ubatches, rows int) (*control, error) {
	c := &control{positions: ubatches + 1}
	c.rowsAt = int(alignUp(int64(4*c.positions), 64))
	mem, err := unix.Mmap(-1, 0, c.rowsAt+8*rows+8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("engine: control page: %w", err)
	}
	c.mem = mem
	return c, nil
}

func (c *control) close() {
	if c.mem != nil {
		_ = unix.Munmap(c.mem)
		c.mem = nil
	}
}

func (c *control) base() uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(c.mem))) }

// position is the address of the first position of an instruction's micro-batch.
func (c *control) position(r malloc.Ref) uintptr { return c.base() + uintptr(4*(r.Ubatch+1)) }

func (c *control) setPosition(ubatch int32, at int) {
	*(*int32)(unsafe.Pointer(&c.mem[4*(ubatch+1)])) = int32(at)
}

// rowEntry is the address of an entry of the row table.
func (c *control) rowEntry(i int) uintptr { return c.base() + uintptr(c.rowsAt+8*i) }

func (c *control) setRow(i int, addr uintptr) {
	*(*uintptr)(unsafe.Pointer(&c.mem[c.rowsAt+8*i])) = addr
}
