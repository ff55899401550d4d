package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// valueType is GGUF's metadata type number.
type valueType uint32

const (
	typeU8 valueType = iota
	typeI8
	typeU16
	typeI16
	typeU32
	typeI32
	typeF32
	typeBool
	typeString
	typeArray
	typeU64
	typeI64
	typeF64
	typeCount
)

var valueTypeNames = [typeCount]string{"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"}

var valueTypeBytes = [typeCount]int64{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}

func (t valueType) String() string {
	if t < typeCount {
		return valueTypeNames[t]
	}
	return fmt.Sprintf("value type %d", uint32(t))
}

// value is one metadata value. Arrays are kept as their place in the file.
type value struct {
	kind  valueType
	bits  uint64 // integers (sign-extended), floats (as float64 bits), bool
	str   string
	elem  valueType // arrays
	count int64
	pos   int64 // first element
	bytes int64 // of all elements
}

// value reads a value's type and the value, skipping the elements of arrays.
func (d *ggufDecoder) value(key string) (value, error) {
	kind, err := d.u32(key + ": type")
	if err != nil {
		return value{}, err
	}
	return d.valueOf(valueType(kind), key, 0)
}

func (d *ggufDecoder) valueOf(kind valueType, key string, depth int) (value, error) {
	v := value{kind: kind}
	if kind >= typeCount {
		return v, fmt.Errorf("%s: unknown value type %d", key, uint32(kind))
	}
	switch kind {
	case typeString:
		var err error
		v.str, err = d.str(key, math.MaxInt64)
		return v, err
	case typeArray:
		return v, d.array(&v, key, depth)
	}
	p, err := d.take(int(valueTypeBytes[kind]), key)
	if err != nil {
		return v, err
	}
	v.bits = scalarBits(kind, p)
	if kind == typeBool && v.bits > 1 {
		return v, fmt.Errorf("%s: bool is %d, expected 0 or 1", key, v.bits)
	}
	return v, nil
}

// array records where the elements lie and walks over them.
func (d *ggufDecoder) array(v *value, key string, depth int) error {
	elem, err := d.u32(key + ": element type")
	if err != nil {
		return err
	}
	v.elem = valueType(elem)
	if v.elem >= typeCount {
		return fmt.Errorf("%s: unknown element type %d", key, elem)
	}
	least := valueTypeBytes[v.elem]
	switch v.elem {
	case typeString:
		least = 8
	case typeArray:
		least = 12
		if depth+1 >= maxArrayDepth {
			return fmt.Errorf("%s: arrays nested deeper than %d", key, maxArrayDepth)
		}
	}
	if v.count, err = d.count(key+": element count", least, math.MaxInt64); err != nil {
		return err
	}
	v.pos = d.pos
	switch v.elem {
	case typeString:
		length := key + ": string length"
		for range v.count {
			n, err := d.u64(length)
			if err != nil {
				return err
			}
			if n > uint64(d.left()) {
				return d.truncated(key, n)
			}
			if err := d.skip(int64(n), key); err != nil {
				return err
			}
		}
	case typeArray:
		for range v.count {
			if _, err := d.valueOf(typeArray, key, depth+1); err != nil {
				return err
			}
		}
	default:
		if err := d.skip(v.count*least, key); err != nil {
			return err
		}
	}
	v.bytes = d.pos - v.pos
	return nil
}

// scalarBits widens a stored number: integers to 64 bits with their sign,
// floats to the bits of a float64.
func scalarBits(kind valueType, p []byte) uint64 {
	switch kind {
	case typeU8, typeBool:
		return uint64(p[0])
	case typeI8:
		return uint64(int64(int8(p[0])))
	case typeU16:
		return uint64(binary.LittleEndian.Uint16(p))
	case typeI16:
		return uint64(int64(int16(binary.LittleEndian.Uint16(p))))
	case typeU32:
		return uint64(binary.LittleEndian.Uint32(p))
	case typeI32:
		return uint64(int64(int32(binary.LittleEndian.Uint32(p))))
	case typeF32:
		return math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(p))))
	}
	return binary.LittleEndian.Uint64(p)
}

func (k valueType) integer() bool {
	switch k {
	case typeU8, typeI8, typeU16, typeI16, typeU32, typeI32, typeU64, typeI64:
		return true
	}
	return false
}

// Keys lists the metadata keys in file order.
func (f *File) Keys() []string { return slices.Clone(f.keys) }

// Has reports whether a metadata key is present.
func (f *File) Has(key string) bool { _, ok := f.values[key]; return ok }

// Len is the number of elements of an array, 1 for a scalar, 0 when absent.
func (f *File) Len(key string) int64 {
	v, ok := f.values[key]
	switch {
	case !ok:
		return 0
	case v.kind == typeArray:
		return v.count
	}
	return 1
}

func (f *File) wrong(key, want string) error {
	v, ok := f.values[key]
	if !ok {
		return fmt.Errorf("%s: metadata %s is missing", f.Shards[0].Path, key)
	}
	kind := v.kind.String()
	if v.kind == typeArray {
		kind = "array of " + v.elem.String()
	}
	return fmt.Errorf("%s: metadata %s is of type %s, expected %s", f.Shards[0].Path, key, kind, want)
}

// Int reads an integer of any width.
func (f *File) Int(key string) (int64, error) {
	v := f.values[key]
	if !f.Has(key) || !v.kind.integer() {
		return 0, f.wrong(key, "an integer")
	}
	if v.kind == typeU64 && v.bits > math.MaxInt64 {
		return 0, fmt.Errorf("%s: metadata %s is %d, beyond 2^63-1", f.Shards[0].Path, key, v.bits)
	}
	return int64(v.bits), nil
}

// Float reads a float of either width, or an integer.
func (f *File) Float(key string) (float64, error) {
	v := f.values[key]
	switch {
	case !f.Has(key):
	case v.kind == typeF32 || v.kind == typeF64:
		return math.Float64frombits(v.bits), nil
	case v.kind.integer():
		n, err := f.Int(key)
		return float64(n), err
	}
	return 0, f.wrong(key, "a number")
}

// Text reads a string.
func (f *File) Text(key string) (string, error) {
	if v := f.values[key]; v.kind == typeString {
		return v.str, nil
	}
	return "", f.wrong(key, "a string")
}

// Bool reads a truth value.
func (f *File) Bool(key string) (bool, error) {
	if v := f.values[key]; v.kind == typeBool {
		return v.bits == 1, nil
	}
	return false, f.wrong(key, "a bool")
}

// Texts reads an array of strings from the file.
func (f *File) Texts(key string) ([]string, error) {
	v := f.values[key]
	if v.kind != typeArray || v.elem != typeString {
		return nil, f.wrong(key, "an array of strings")
	}
	d := newGGUFDecoder(f.data, v.pos, v.pos+v.bytes)
	out := make([]string, 0, v.count) // count strings lie in the file, 8 bytes each at least
	for range v.count {
		s, err := d.str(key, v.bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: metadata %w", f.Shards[0].Path, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// Floats reads an array of numbers, widened to float64.
func (f *File) Floats(key string) ([]float64, error) {
	out := []float64(nil)
	err := f.numbers(key, func(kind valueType, bits uint64) {
		switch {
		case kind == typeU64:
			out = append(out, float64(bits))
		case kind.integer() || kind == typeBool:
			out = append(out, float64(int64(bits)))
		default:
			out = append(out, math.Float64frombits(bits))
		}
	})
	return out, err
}

// Ints reads an array of integers or bools.
func (f *File) Ints(key string) ([]int64, error) {
	v := f.values[key]
	if v.kind == typeArray && !v.elem.integer() && v.elem != typeBool {
		return nil, fmt.Errorf("%s: metadata %s is an array of %s, expected integers", f.Shards[0].Path, key, v.elem)
	}
	out := []int64(nil)
	err := f.numbers(key, func(_ valueType, bits uint64) { out = append(out, int64(bits)) })
	return out, err
}

func (f *File) numbers(key string, each func(valueType, uint64)) error {
	v := f.values[key]
	if v.kind != typeArray || v.elem == typeString || v.elem == typeArray {
		return f.wrong(key, "an array of numbers")
	}
	d := newGGUFDecoder(f.data, v.pos, v.pos+v.bytes)
	n := int(valueTypeBytes[v.elem])
	for range v.count {
		p, err := d.take(n, key)
		if err != nil {
			return fmt.Errorf("%s: metadata %w", f.Shards[0].Path, err)
		}
		each(v.elem, scalarBits(v.elem, p))
	}
	return nil
}
