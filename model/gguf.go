package model

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Limits of the GGUF reader. They bound what a hostile header can make us
// allocate besides bytes that are really in the file; real files stay two
// orders of magnitude below.
const (
	maxMetadata   = 1 << 16 // key–value pairs
	maxTensors    = 1 << 17 // tensors of one file
	maxKeyBytes   = 1 << 16 // the format's own limit
	maxNameBytes  = 1 << 10 // of a tensor
	maxDims       = 4       // ggml's limit
	maxArrayDepth = 4       // arrays of arrays
	maxAlignment  = 1 << 20

	defaultAlignment = 32
)

// Record is one stored tensor: what a reader knows of it, without its data.
type Record struct {
	Name   string
	DType  DType
	Shape  []int64 // outermost first; columns last and contiguous
	Shard  int     // index into the shards of the model
	Offset int64   // absolute position in that shard; -1: not known
	Bytes  int64
}

// Cols is the length of a row, Rows the number of rows of all outer dimensions.
func (r *Record) Cols() int64 {
	if len(r.Shape) == 0 {
		return 1
	}
	return r.Shape[len(r.Shape)-1]
}

func (r *Record) Rows() int64 {
	rows := int64(1)
	for _, n := range r.Shape[:max(0, len(r.Shape)-1)] {
		rows *= n
	}
	return rows
}

// Shard is one file of a model.
type Shard struct {
	Path  string
	Bytes int64
}

// File is the header of a GGUF model: metadata and tensor records of one file,
// or of all shards of a split model together. Arrays stay in the file until
// they are asked for.
type File struct {
	Version   int
	Alignment int64
	Shards    []Shard
	Tensors   []Record

	keys   []string
	values map[string]value
	data   io.ReaderAt // first shard, for arrays
}

// ReadGGUF reads the header of one GGUF file of size bytes. name is used in
// errors only. r is kept, for arrays that are read later.
func ReadGGUF(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{Alignment: defaultAlignment, Shards: []Shard{{Path: name, Bytes: size}}, values: map[string]value{}, data: r}
	d := newGGUFDecoder(r, 0, size)
	if err := f.readHeader(d); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func (f *File) readHeader(d *ggufDecoder) error {
	var magic [4]byte
	if err := d.read(magic[:], "magic"); err != nil {
		return err
	}
	if string(magic[:]) != "GGUF" {
		return fmt.Errorf("not a GGUF file: begins with %q, expected \"GGUF\"", magic[:])
	}
	version, err := d.u32("version")
	if err != nil {
		return err
	}
	switch version {
	case 2, 3:
	case 1:
		return errors.New("version 1: only GGUF 2 and 3 can be read; convert the model again with a current converter")
	case 2 << 24, 3 << 24:
		return errors.New("big-endian GGUF: convert it to little-endian first (gguf_convert_endian)")
	default:
		return fmt.Errorf("version %d: only GGUF 2 and 3 are known", version)
	}
	f.Version = int(version)
	tensors, err := d.count("tensor count", 24, maxTensors)
	if err != nil {
		return err
	}
	pairs, err := d.count("metadata count", 13, maxMetadata)
	if err != nil {
		return err
	}
	for i := int64(0); i < pairs; i++ {
		if err := f.readPair(d); err != nil {
			return fmt.Errorf("metadata pair %d of %d: %w", i+1, pairs, err)
		}
	}
	if f.Has("general.alignment") {
		a, err := f.Int("general.alignment")
		if err != nil {
			return err
		}
		if a < 1 || a > maxAlignment || a&(a-1) != 0 {
			return fmt.Errorf("metadata general.alignment is %d, expected a power of two up to %d", a, maxAlignment)
		}
		f.Alignment = a
	}
	for i := int64(0); i < tensors; i++ {
		r, err := readRecord(d)
		if err != nil {
			return fmt.Errorf("tensor %d of %d: %w", i+1, tensors, err)
		}
		f.Tensors = append(f.Tensors, r)
	}
	return f.placeTensors(d)
}

func (f *File) readPair(d *ggufDecoder) error {
	key, err := d.str("key", maxKeyBytes)
	if err != nil {
		return err
	}
	if key == "" {
		return errors.New("empty key")
	}
	if _, twice := f.values[key]; twice {
		return fmt.Errorf("key %q appears twice", key)
	}
	v, err := d.value(key)
	if err != nil {
		return err
	}
	f.keys = append(f.keys, key)
	f.values[key] = v
	return nil
}

// readRecord reads one tensor description; Offset is still relative.
func readRecord(d *ggufDecoder) (Record, error) {
	name, err := d.str("name", maxNameBytes)
	if err != nil {
		return Record{}, err
	}
	if name == "" {
		return Record{}, errors.New("empty name")
	}
	fail := func(err error) (Record, error) { return Record{}, fmt.Errorf("%q: %w", name, err) }
	dims, err := d.u32("number of dimensions")
	if err != nil {
		return fail(err)
	}
	if dims > maxDims {
		return fail(fmt.Errorf("%d dimensions, at most %d are possible", dims, maxDims))
	}
	shape := make([]int64, dims)
	for i := range shape {
		n, err := d.u64("dimension")
		if err != nil {
			return fail(err)
		}
		if n == 0 || n > 1<<62 {
			return fail(fmt.Errorf("dimension %d is %d", i, n))
		}
		shape[len(shape)-1-i] = int64(n) // the file lists columns first
	}
	kind, err := d.u32("type")
	if err != nil {
		return fail(err)
	}
	offset, err := d.u64("offset")
	if err != nil {
		return fail(err)
	}
	if offset > 1<<62 {
		return fail(fmt.Errorf("offset %d is out of range", offset))
	}
	// A number ggml never gave must not reach the safetensors types.
	if t := DType(kind); !t.Known() || t >= U8 {
		_, err := DType(kind).RowBytes(0)
		if err == nil {
			err = fmt.Errorf("unknown tensor type %d", kind)
		}
		return fail(err)
	}
	r := Record{Name: name, DType: DType(kind), Shape: shape, Offset: int64(offset)}
	if r.Bytes, err = r.DType.TensorBytes(shape); err != nil {
		return fail(err)
	}
	return r, nil
}

// placeTensors turns relative offsets into positions in the file and refuses
// tensors that are misaligned, out of the file, overlapping or named twice.
func (f *File) placeTensors(d *ggufDecoder) error {
	size := f.Shards[0].Bytes
	start := (d.pos + f.Alignment - 1) &^ (f.Alignment - 1)
	names := make(map[string]struct{}, len(f.Tensors))
	order := make([]int32, len(f.Tensors))
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if _, twice := names[t.Name]; twice {
			return fmt.Errorf("tensor %q appears twice", t.Name)
		}
		names[t.Name] = struct{}{}
		if t.Offset%f.Alignment != 0 {
			return fmt.Errorf("tensor %q: offset %d is not a multiple of the alignment %d", t.Name, t.Offset, f.Alignment)
		}
		t.Offset += start
		if t.Offset > size || t.Bytes > size-t.Offset {
			return fmt.Errorf("tensor %q: needs bytes %d to %d, but the file has %d: truncated or damaged; fetch it again",
				t.Name, t.Offset, t.Offset+t.Bytes, size)
		}
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return compareInt64(f.Tensors[a].Offset, f.Tensors[b].Offset)
	})
	for i := 1; i < len(order); i++ {
		a, b := &f.Tensors[order[i-1]], &f.Tensors[order[i]]
		if a.Offset+a.Bytes > b.Offset {
			return fmt.Errorf("tensors %q and %q overlap: the first ends at byte %d, the second begins at %d",
				a.Name, b.Name, a.Offset+a.Bytes, b.Offset)
		}
	}
	return nil
}

func compareInt64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// ggufDecoder reads little-endian fields in order and knows how many bytes are
// left, so that no length is believed before it is checked.
type ggufDecoder struct {
	r    *bufio.Reader
	pos  int64
	size int64
}

func newGGUFDecoder(r io.ReaderAt, from, size int64) *ggufDecoder {
	return &ggufDecoder{r: bufio.NewReaderSize(io.NewSectionReader(r, from, size-from), 1<<16), pos: from, size: size}
}

func (d *ggufDecoder) left() int64 { return d.size - d.pos }

func (d *ggufDecoder) truncated(field string, need uint64) error {
	return fmt.Errorf("%s: needs %d bytes at byte %d, but the file ends at byte %d", field, need, d.pos, d.size)
}

func (d *ggufDecoder) read(p []byte, field string) error {
	if int64(len(p)) > d.left() {
		return d.truncated(field, uint64(len(p)))
	}
	n, err := io.ReadFull(d.r, p)
	d.pos += int64(n)
	if err != nil {
		return fmt.Errorf("%s: reading byte %d: %w", field, d.pos, err)
	}
	return nil
}

func (d *ggufDecoder) skip(n int64, field string) error {
	if n > d.left() {
		return d.truncated(field, uint64(n))
	}
	for n > 0 {
		step, err := d.r.Discard(int(min(n, 1<<30)))
		d.pos += int64(step)
		n -= int64(step)
		if err != nil {
			return fmt.Errorf("%s: reading byte %d: %w", field, d.pos, err)
		}
	}
	return nil
}

// take gives the next n ≤ 8 bytes, valid until the next read.
func (d *ggufDecoder) take(n int, field string) ([]byte, error) {
	if int64(n) > d.left() {
		return nil, d.truncated(field, uint64(n))
	}
	p, err := d.r.Peek(n)
	if err != nil {
		return nil, fmt.Errorf("%s: reading byte %d: %w", field, d.pos, err)
	}
	d.pos += int64(n)
	d.r.Discard(n) // cannot fail: they are in the buffer
	return p, nil
}

func (d *ggufDecoder) u32(field string) (uint32, error) {
	p, err := d.take(4, field)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(p), nil
}

func (d *ggufDecoder) u64(field string) (uint64, error) {
	p, err := d.take(8, field)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(p), nil
}

// count reads a number of entries of which each takes at least least bytes.
func (d *ggufDecoder) count(field string, least, most int64) (int64, error) {
	n, err := d.u64(field)
	if err != nil {
		return 0, err
	}
	if n > uint64(most) {
		return 0, fmt.Errorf("%s is %d, at most %d are accepted", field, n, most)
	}
	if int64(n) > d.left()/least {
		return 0, fmt.Errorf("%s is %d, but only %d bytes follow", field, n, d.left())
	}
	return int64(n), nil
}

// str reads a length-prefixed string.
func (d *ggufDecoder) str(field string, most int64) (string, error) {
	n, err := d.u64(field)
	if err != nil {
		return "", err
	}
	if n > uint64(d.left()) {
		return "", d.truncated(field, n)
	}
	if int64(n) > most {
		return "", fmt.Errorf("%s is %d bytes long, at most %d are accepted", field, n, most)
	}
	p := make([]byte, n)
	if err := d.read(p, field); err != nil {
		return "", err
	}
	return string(p), nil
}

// pathReader reads from a file that is opened for each read, so that a File
// needs no Close. Only arrays are read through it.
type pathReader string

func (p pathReader) ReadAt(b []byte, off int64) (int, error) {
	f, err := os.Open(string(p))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(b, off)
}
