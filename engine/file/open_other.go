//go:build !linux

package file

import (
	"errors"
	"io"
	"os"
)

func openDirect(path string) (f *os.File, align int64, reason string, err error) {
	f, err = os.Open(path)
	return f, DefaultAlign, "direct I/O is only used on Linux", err
}

func (f *File) pread(p []byte, offset int64) (int, error) {
	n, err := f.f.ReadAt(p, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// DropCache is only supported on Linux.
func (f *File) DropCache() error { return errors.ErrUnsupported }
