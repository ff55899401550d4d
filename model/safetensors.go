package model

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxSafetensorsHeader  = 100_000_000 // the format's own limit on its JSON header
	maxSafetensorsEntry   = 8 << 20     // one value of the header: a tensor, or all free text
	maxSafetensorsTensors = 1 << 18     // of one file
	maxShapeText          = 512         // bytes of JSON
)

// safetensorsTypes maps the format's type names.
var safetensorsTypes = map[string]DType{
	"F64": F64, "F32": F32, "F16": F16, "BF16": BF16, "I64": I64, "I32": I32, "I16": I16, "I8": I8,
	"U8": U8, "U16": U16, "U32": U32, "U64": U64, "BOOL": Bool, "F8_E4M3": F8E4M3, "F8_E5M2": F8E5M2, "F8_E8M0": F8E8M0,
}

// ReadSafetensors reads the header of one safetensors file of size bytes. name
// is used in errors only. Records come in file order, with absolute offsets.
func ReadSafetensors(r io.ReaderAt, size int64, name string) ([]Record, error) {
	records, err := readSafetensors(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return records, nil
}

func readSafetensors(r io.ReaderAt, size int64) ([]Record, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, fmt.Errorf("%d bytes: too short for a safetensors file", size)
	}
	if _, err := r.ReadAt(prefix[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxSafetensorsHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("header length is %d, but the file has %d bytes and a header at most %d: not a safetensors file, or truncated", n, size, maxSafetensorsHeader)
	}
	limit := &entryReader{r: io.NewSectionReader(r, 8, int64(n))}
	d := json.NewDecoder(limit)
	start, end := 8+int64(n), size
	if err := expectDelim(d, '{'); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var records []Record
	seen := map[string]struct{}{}
	for d.More() {
		limit.start = d.InputOffset()
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		name, _ := token.(string)
		if name == "__metadata__" {
			var ignored json.RawMessage
			if err := d.Decode(&ignored); err != nil {
				return nil, fmt.Errorf("header: __metadata__: %w", err)
			}
			continue
		}
		if len(name) == 0 || len(name) > maxNameBytes {
			return nil, fmt.Errorf("header: tensor name of %d bytes, expected 1 to %d", len(name), maxNameBytes)
		}
		if _, twice := seen[name]; twice {
			return nil, fmt.Errorf("tensor %q appears twice", name)
		}
		seen[name] = struct{}{}
		rec, err := decodeSafetensor(d, name, start, end)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if len(records) == maxSafetensorsTensors {
			return nil, fmt.Errorf("header: more than %d tensors", maxSafetensorsTensors)
		}
		records = append(records, rec)
	}
	if err := expectDelim(d, '}'); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	slices.SortFunc(records, func(a, b Record) int { return compareInt64(a.Offset, b.Offset) })
	for i := 1; i < len(records); i++ {
		a, b := &records[i-1], &records[i]
		if a.Offset+a.Bytes > b.Offset {
			return nil, fmt.Errorf("tensors %q and %q overlap: the first ends at byte %d, the second begins at %d", a.Name, b.Name, a.Offset+a.Bytes, b.Offset)
		}
	}
	return records, nil
}

// entryReader refuses to give the JSON decoder, which keeps whole values in
// memory, more than one entry may take.
type entryReader struct {
	r     io.Reader
	given int64
	start int64 // of the current entry
}

func (e *entryReader) Read(p []byte) (int, error) {
	left := e.start + maxSafetensorsEntry - e.given
	if left <= 0 {
		return 0, fmt.Errorf("the entry at byte %d of the header is longer than %d bytes", e.start, maxSafetensorsEntry)
	}
	n, err := e.r.Read(p[:min(int64(len(p)), left)])
	e.given += int64(n)
	return n, err
}

func expectDelim(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if got, ok := token.(json.Delim); !ok || got != want {
		return fmt.Errorf("found %v, expected %v", token, want)
	}
	return nil
}

func decodeSafetensor(d *json.Decoder, name string, start, end int64) (Record, error) {
	var entry struct {
		DType   string          `json:"dtype"`
		Shape   json.RawMessage `json:"shape"`
		Offsets [2]int64        `json:"data_offsets"`
	}
	if err := d.Decode(&entry); err != nil {
		return Record{}, err
	}
	if len(entry.Shape) > maxShapeText {
		return Record{}, fmt.Errorf("shape takes %d bytes, at most %d are accepted", len(entry.Shape), maxShapeText)
	}
	var shape []int64
	if err := json.Unmarshal(entry.Shape, &shape); err != nil {
		return Record{}, fmt.Errorf("shape: %w", err)
	}
	t, ok := safetensorsTypes[entry.DType]
	if !ok {
		return Record{}, fmt.Errorf("dtype is %.40q, which is not known", entry.DType)
	}
	if len(shape) > 8 {
		return Record{}, fmt.Errorf("%d dimensions, at most 8 are accepted", len(shape))
	}
	bytes, err := t.TensorBytes(shape)
	if err != nil {
		return Record{}, fmt.Errorf("shape %v: %w", shape, err)
	}
	from, to := entry.Offsets[0], entry.Offsets[1]
	switch {
	case from < 0 || to < from || to > end-start:
		return Record{}, fmt.Errorf("data_offsets %d to %d are outside the %d bytes of data: truncated or damaged; fetch it again", from, to, end-start)
	case to-from != bytes:
		return Record{}, fmt.Errorf("data_offsets span %d bytes, but %s %v takes %d", to-from, t, shape, bytes)
	}
	return Record{Name: name, DType: t, Shape: shape, Offset: start + from, Bytes: bytes}, nil
}

// loadSafetensors reads one file, or all files an index names, and the
// config.json beside them.
func loadSafetensors(path string) (*Source, error) {
	m, arch, err := besideWeights(path)
	if err != nil {
		return nil, fmt.Errorf("%s: its config.json is needed: %w", path, err)
	}
	src := &Source{Path: path, Format: "safetensors", Arch: arch, meta: m}
	files := []string{path}
	var index map[string]string
	if strings.HasSuffix(strings.ToLower(path), ".json") {
		if files, index, err = readIndex(path); err != nil {
			return nil, err
		}
	}
	seen := map[string]struct{}{}
	for i, file := range files {
		records, size, err := openSafetensors(file)
		if err != nil {
			return nil, err
		}
		src.Shards = append(src.Shards, Shard{Path: file, Bytes: size})
		for _, r := range records {
			if _, twice := seen[r.Name]; twice {
				return nil, fmt.Errorf("%s: tensor %q is already in an earlier shard", file, r.Name)
			}
			seen[r.Name] = struct{}{}
			if index != nil && index[r.Name] != filepath.Base(file) {
				return nil, fmt.Errorf("%s: tensor %q is here, but the index places it in %q", file, r.Name, index[r.Name])
			}
			r.Shard = i
			src.Tensors = append(src.Tensors, r)
		}
	}
	if len(index) > len(seen) {
		for _, name := range slices.Sorted(maps.Keys(index)) {
			if _, ok := seen[name]; !ok {
				return nil, fmt.Errorf("%s: tensor %q is missing from %s", path, name, index[name])
			}
		}
	}
	return src, nil
}

// readIndex reads model.safetensors.index.json: the shards, in name order, and
// the shard of each tensor. A shard lies beside its index.
func readIndex(path string) ([]string, map[string]string, error) {
	raw, err := readBounded(path, maxIndexBytes)
	if err != nil {
		return nil, nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(index.WeightMap) == 0 {
		return nil, nil, fmt.Errorf("%s: weight_map is missing or empty", path)
	}
	var files []string
	seen := map[string]struct{}{}
	for _, name := range slices.Sorted(maps.Keys(index.WeightMap)) {
		file := index.WeightMap[name]
		if file == "" || file != filepath.Base(file) || !filepath.IsLocal(file) {
			return nil, nil, fmt.Errorf("%s: weight_map places %q in %q, expected the name of a file beside the index", path, name, file)
		}
		if _, ok := seen[file]; !ok {
			seen[file] = struct{}{}
			files = append(files, filepath.Join(filepath.Dir(path), file))
		}
	}
	slices.Sort(files)
	return files, index.WeightMap, nil
}

func openSafetensors(path string) ([]Record, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a regular file", path)
	}
	records, err := ReadSafetensors(f, info.Size(), path)
	return records, info.Size(), err
}
