package workflow

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// Output is a file being written. A regular file appears whole at Commit or not
// at all; what is no regular file (a device, a pipe) is written in place, never
// replaced. A name ending in .gz is compressed.
type Output struct {
	buffer  *bufio.Writer
	packed  *gzip.Writer          // nil: not compressed
	pending *renameio.PendingFile // nil: written in place
	plain   *os.File
}

// CreateOutput opens path for writing; end it with Commit, or with Discard,
// which does nothing after Commit.
func CreateOutput(path string) (*Output, error) {
	// A link stays a link: the file it names is written.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	o := &Output{}
	var file *os.File
	switch info, err := os.Stat(path); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err == nil && info.IsDir():
		return nil, Badf("%s is a folder: name a file in it", path)
	case err == nil && !info.Mode().IsRegular():
		if o.plain, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
			return nil, err
		}
		file = o.plain
	default:
		if o.pending, err = renameio.NewPendingFile(path, renameio.WithPermissions(0o644)); err != nil {
			return nil, err
		}
		file = o.pending.File
	}
	o.buffer = bufio.NewWriterSize(file, 1<<20)
	if strings.HasSuffix(path, ".gz") {
		o.packed = gzip.NewWriter(o.buffer)
	}
	return o, nil
}

func (o *Output) Write(p []byte) (int, error) {
	if o.packed != nil {
		return o.packed.Write(p)
	}
	return o.buffer.Write(p)
}

// Commit writes what is left and makes the file appear.
func (o *Output) Commit() error {
	if o.packed != nil {
		if err := o.packed.Close(); err != nil {
			return err
		}
	}
	if err := o.buffer.Flush(); err != nil {
		return err
	}
	if o.pending != nil {
		return o.pending.CloseAtomicallyReplace()
	}
	file := o.plain
	o.plain = nil
	return file.Close()
}

// Discard leaves what was at the path before.
func (o *Output) Discard() {
	if o.pending != nil {
		_ = o.pending.Cleanup()
	}
	if o.plain != nil {
		_ = o.plain.Close()
	}
}

// WriteOutput writes a file whole or not at all.
func WriteOutput(path string, write func(io.Writer) error) error {
	o, err := CreateOutput(path)
	if err != nil {
		return err
	}
	defer o.Discard()
	if err := write(o); err != nil {
		return err
	}
	return o.Commit()
}
