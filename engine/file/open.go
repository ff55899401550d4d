package file

import (
	"errors"
	"fmt"
	"os"
	"unsafe"
)

// DefaultAlign is the alignment assumed for direct I/O where the kernel does
// not tell: no disk in use has larger sectors.
const DefaultAlign = 4096

// File is a file open for reading. Size is fixed at Open: a file that is shorter
// when a read gets there is an error.
type File struct {
	f      *os.File
	fd     int
	path   string
	size   int64
	align  int64
	reason string // why not direct; "" when direct
}

// Open opens a regular file for direct reads, or for ordinary ones where direct
// I/O is refused.
func Open(path string) (*File, error) {
	f, align, reason, err := openDirect(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, plain(err))
	}
	return finish(f, path, align, reason)
}

// OpenBuffered opens a file for ordinary reads through the page cache.
func OpenBuffered(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, plain(err))
	}
	return finish(f, path, DefaultAlign, "opened for buffered reads")
}

func finish(f *os.File, path string, align int64, reason string) (*File, error) {
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", path, plain(err))
	}
	if !st.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("open %s: found a %s, expected a regular file", path, st.Mode().Type())
	}
	return &File{f: f, fd: int(f.Fd()), path: path, size: st.Size(), align: align, reason: reason}, nil
}

// plain strips the path that os errors repeat.
func plain(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Close closes the file; a Reader that uses it must be closed first.
func (f *File) Close() error { return f.f.Close() }

// Path is the path given to Open.
func (f *File) Path() string { return f.path }

// Size is the file's size in bytes when it was opened.
func (f *File) Size() int64 { return f.size }

// Align is what offsets, lengths and addresses must be multiples of.
func (f *File) Align() int64 { return f.align }

// Direct tells whether reads bypass the page cache as far as open could know;
// ProcReadBytes has the last word.
func (f *File) Direct() bool { return f.reason == "" }

// Reason says why the file is not read directly; "" when it is.
func (f *File) Reason() string { return f.reason }

// check refuses an extent that a direct read could not serve. Plans align to
// DefaultAlign even where the disk would take less, so the extent may cross the
// file's end by less than the larger of the two.
func (f *File) check(offset int64, dst []byte) error {
	n := int64(len(dst))
	pad := max(f.align, DefaultAlign)
	end := (f.size + pad - 1) / pad * pad
	switch {
	case n == 0:
		return fmt.Errorf("read %s at %d: empty destination", f.path, offset)
	case offset < 0 || offset%f.align != 0:
		return fmt.Errorf("read %s: offset %d is not a multiple of %d", f.path, offset, f.align)
	case n%f.align != 0:
		return fmt.Errorf("read %s at %d: length %d is not a multiple of %d", f.path, offset, n, f.align)
	case uintptr(unsafe.Pointer(unsafe.SliceData(dst)))%uintptr(f.align) != 0:
		return fmt.Errorf("read %s at %d: the destination's address is not a multiple of %d", f.path, offset, f.align)
	case n > end || offset > end-n:
		return fmt.Errorf("read %s: [%d, %d) ends past the file's %d bytes", f.path, offset, offset+n, f.size)
	}
	return nil
}
