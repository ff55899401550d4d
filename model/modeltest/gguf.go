// Package modeltest writes small model files for tests: GGUF headers of any
// content, hostile ones included, and complete decoder models of any family and
// size. Tensor data is zeros, written as a hole where the file system has them.
package modeltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"strata/model"
)

// GGUF is a file under construction. Metadata values are uint32, int32, uint64,
// int64, float32, bool, string, []string, []uint32, []int32, []float32 or []bool.
type GGUF struct {
	Version uint32 // 0: 3
	Align   uint32 // 0: 32
	keys    []string
	values  map[string]any
	Tensors []Tensor
}

// Tensor is one tensor; Shape is outermost first.
type Tensor struct {
	Name   string
	Type   model.DType
	Shape  []int64
	Offset int64 // in the data section; set by Add
	Bytes  int64
	Data   []byte // nil: zeros
}

// New starts a file of one architecture.
func New(arch string) *GGUF {
	g := &GGUF{values: map[string]any{}}
	g.Set("general.architecture", arch)
	return g
}

// Set adds or replaces a metadata value; nil removes it.
func (g *GGUF) Set(key string, v any) {
	if v == nil {
		delete(g.values, key)
		return
	}
	if _, ok := g.values[key]; !ok {
		g.keys = append(g.keys, key)
	}
	g.values[key] = v
}

func (g *GGUF) align() int64 {
	if g.Align == 0 {
		return 32
	}
	return int64(g.Align)
}

// Add appends a tensor behind the last one.
func (g *GGUF) Add(name string, t model.DType, shape ...int64) {
	n, err := t.TensorBytes(shape)
	if err != nil {
		panic(fmt.Sprintf("tensor %q: %v", name, err))
	}
	var at int64
	if len(g.Tensors) > 0 {
		last := g.Tensors[len(g.Tensors)-1]
		at = (last.Offset + last.Bytes + g.align() - 1) / g.align() * g.align()
	}
	g.Tensors = append(g.Tensors, Tensor{Name: name, Type: t, Shape: shape, Offset: at, Bytes: n})
}

// Header is everything before the data section, padding included.
func (g *GGUF) Header() []byte {
	var b bytes.Buffer
	b.WriteString("GGUF")
	version := g.Version
	if version == 0 {
		version = 3
	}
	put(&b, version, uint64(len(g.Tensors)), uint64(len(g.values)))
	for _, key := range g.keys {
		if v, ok := g.values[key]; ok {
			putString(&b, key)
			putValue(&b, v)
		}
	}
	for _, t := range g.Tensors {
		putString(&b, t.Name)
		put(&b, uint32(len(t.Shape)))
		for i := range t.Shape {
			put(&b, uint64(t.Shape[len(t.Shape)-1-i]))
		}
		put(&b, uint32(t.Type), uint64(t.Offset))
	}
	for int64(b.Len())%g.align() != 0 {
		b.WriteByte(0)
	}
	return b.Bytes()
}

// DataBytes is the size of the data section.
func (g *GGUF) DataBytes() int64 {
	var end int64
	for _, t := range g.Tensors {
		end = max(end, t.Offset+t.Bytes)
	}
	return end
}

// Bytes is the whole file.
func (g *GGUF) Bytes() []byte {
	out := append(g.Header(), make([]byte, g.DataBytes())...)
	data := out[int64(len(out))-g.DataBytes():]
	for _, t := range g.Tensors {
		copy(data[t.Offset:], t.Data)
	}
	return out
}

// Write writes the file, with a hole where tensors have no data.
func (g *GGUF) Write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	header := g.Header()
	if _, err := f.Write(header); err != nil {
		return err
	}
	for _, t := range g.Tensors {
		if t.Data != nil {
			if _, err := f.WriteAt(t.Data, int64(len(header))+t.Offset); err != nil {
				return err
			}
		}
	}
	return f.Truncate(int64(len(header)) + g.DataBytes())
}

// WriteSplit writes the file as count shards, as llama.cpp names and marks
// them, and returns their paths.
func (g *GGUF) WriteSplit(dir, name string, count int) ([]string, error) {
	var paths []string
	for i := range count {
		part := &GGUF{Version: g.Version, Align: g.Align, values: map[string]any{}}
		if i == 0 {
			for _, k := range g.keys {
				part.Set(k, g.values[k])
			}
		}
		part.Set("split.no", uint32(i))
		part.Set("split.count", uint32(count))
		part.Set("split.tensors.count", int32(len(g.Tensors)))
		for _, t := range g.Tensors[i*len(g.Tensors)/count : (i+1)*len(g.Tensors)/count] {
			part.Add(t.Name, t.Type, t.Shape...)
			part.Tensors[len(part.Tensors)-1].Data = t.Data
		}
		path := filepath.Join(dir, fmt.Sprintf("%s-%05d-of-%05d.gguf", name, i+1, count))
		if err := part.Write(path); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func put(b *bytes.Buffer, vs ...any) {
	for _, v := range vs {
		binary.Write(b, binary.LittleEndian, v) // a bytes.Buffer takes everything
	}
}

func putString(b *bytes.Buffer, s string) {
	put(b, uint64(len(s)))
	b.WriteString(s)
}

func putValue(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case uint32:
		put(b, uint32(4), v)
	case int32:
		put(b, uint32(5), v)
	case float32:
		put(b, uint32(6), math.Float32bits(v))
	case bool:
		put(b, uint32(7), v)
	case string:
		put(b, uint32(8))
		putString(b, v)
	case uint64:
		put(b, uint32(10), v)
	case int64:
		put(b, uint32(11), v)
	case []string:
		put(b, uint32(9), uint32(8), uint64(len(v)))
		for _, s := range v {
			putString(b, s)
		}
	case []uint32:
		put(b, uint32(9), uint32(4), uint64(len(v)), v)
	case []int32:
		put(b, uint32(9), uint32(5), uint64(len(v)), v)
	case []float32:
		put(b, uint32(9), uint32(6), uint64(len(v)), v)
	case []bool:
		put(b, uint32(9), uint32(7), uint64(len(v)), v)
	default:
		panic(fmt.Sprintf("metadata of type %T cannot be written", v))
	}
}
