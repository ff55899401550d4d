package workflow

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"strata/engine/file"
	"strata/malloc"
	"strata/model"
	"strata/model/tokenizer"
)

// Model is an opened model: what its files say, not its weights.
type Model struct {
	Path   string
	Source *model.Source
	// Known identifies the content where it need not be hashed again: models of
	// which only the header is at hand. nil: Ref hashes.
	Known *malloc.ModelRef
}

// OpenHeader makes a model of a GGUF header; path and size are those of the
// whole file, which need not be there.
func OpenHeader(r io.ReaderAt, size int64, path string) (*Model, error) {
	f, err := model.ReadGGUF(r, size, path)
	if err != nil {
		return nil, bad(err)
	}
	src, err := model.FromGGUF(f, path)
	if err != nil {
		return nil, bad(err)
	}
	return &Model{Path: path, Source: src}, nil
}

// OpenModel reads a model's headers.
func OpenModel(path string) (*Model, error) {
	src, err := model.Load(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Badf("%s: there is no such file or folder", pathOf(err, path))
	case errors.Is(err, fs.ErrPermission):
		return nil, Badf("%s: this user may not read it: change its permissions, or copy it", pathOf(err, path))
	case err != nil:
		return nil, bad(err)
	}
	return &Model{Path: path, Source: src}, nil
}

// pathOf is the file an error is about.
func pathOf(err error, path string) string {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Path
	}
	return path
}

// FileBytes is the size of all the model's files.
func (m *Model) FileBytes() int64 {
	var n int64
	for _, s := range m.Source.Shards {
		n += s.Bytes
	}
	return n
}

// Ref identifies the model's content: size and digest of its files.
func (m *Model) Ref(ctx context.Context, progress Progress) (*malloc.ModelRef, error) {
	if m.Known != nil {
		return m.Known, nil
	}
	paths := []string{m.Path}
	if len(m.Source.Shards) > 0 {
		paths = paths[:0]
		for _, s := range m.Source.Shards {
			paths = append(paths, s.Path)
		}
	}
	var sums []string
	for _, path := range paths {
		sum, err := model.Digest(ctx, path, func(done, total int64) { progress.report("hashing the model", done, total) })
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	sum := sums[0]
	if len(sums) > 1 { // a split model is known by the digests of its files, in order
		sum = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(sums, "\n"))))
	}
	bytes := m.FileBytes()
	if bytes == 0 {
		if info, err := os.Stat(paths[0]); err == nil {
			bytes = info.Size()
		}
	}
	return &malloc.ModelRef{Name: filepath.Base(paths[0]), Bytes: bytes, SHA256: sum}, nil
}

// Tokenizer makes the tokenizer of the model's own vocabulary.
func (m *Model) Tokenizer() (*tokenizer.Tokenizer, error) {
	if m.Source.GGUF == nil {
		return nil, Badf("%s: only GGUF files carry the vocabulary that running needs", m.Path)
	}
	t, err := tokenizer.FromGGUF(m.Source.GGUF)
	if err != nil {
		return nil, Badf("%w: running needs the file's vocabulary, planning does not", err)
	}
	return t, nil
}

// OpenFiles opens the model's files for direct reading; close them all.
func (m *Model) OpenFiles() ([]*file.File, error) {
	var files []*file.File
	for _, s := range m.Source.Shards {
		f, err := file.Open(s.Path)
		if err != nil {
			closeFiles(files)
			return nil, bad(err)
		}
		files = append(files, f)
	}
	return files, nil
}

func closeFiles(files []*file.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
