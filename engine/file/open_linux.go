package file

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openDirect opens with O_DIRECT and asks statx for the alignment (Linux 6.1 on);
// a refusal opens the file in the ordinary way and says why.
func openDirect(path string) (f *os.File, align int64, reason string, err error) {
	f, err = os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
			return nil, 0, "", err
		}
		if f, err = os.Open(path); err != nil {
			return nil, 0, "", err
		}
		return f, DefaultAlign, "the file system refuses direct I/O", nil
	}
	align, known := dioAlign(int(f.Fd()))
	if known && align == 0 {
		f.Close()
		if f, err = os.Open(path); err != nil {
			return nil, 0, "", err
		}
		return f, DefaultAlign, "the kernel says this file cannot be read directly", nil
	}
	if !known {
		align = DefaultAlign
	}
	return f, align, "", nil
}

// dioAlign is the larger of the memory and offset alignments; 0 and known means
// that direct I/O is not supported on the file.
func dioAlign(fd int) (align int64, known bool) {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &st); err != nil || st.Mask&unix.STATX_DIOALIGN == 0 {
		return 0, false
	}
	if st.Dio_offset_align == 0 {
		return 0, true
	}
	return int64(max(st.Dio_offset_align, st.Dio_mem_align)), true
}

// pread reads once; n < len(p) is legal. EINTR is retried.
func (f *File) pread(p []byte, offset int64) (int, error) {
	for {
		n, err := unix.Pread(f.fd, p, offset)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// DropCache asks the kernel to forget the file's cached pages, so that buffered
// reads after it come from the disk. Best effort: dirty or mapped pages stay.
func (f *File) DropCache() error {
	if err := unix.Fadvise(f.fd, 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("drop cached pages of %s: %w", f.path, err)
	}
	return nil
}
