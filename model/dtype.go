package model

import (
	"fmt"
	"math/bits"
	"strings"
)

// DType is a storage type. Values equal ggml's type numbers, so a GGUF tensor's
// type field converts directly. Types that only safetensors knows start at
// 0x10000, far from anything ggml will number.
type DType uint32

// ggml's types. Numbers 4, 5, 31–33 and 36–38 belonged to types that ggml has
// removed: files with them need requantising, so they are refused by name.
const (
	F32    DType = 0
	F16    DType = 1
	Q4_0   DType = 2
	Q4_1   DType = 3
	Q5_0   DType = 6
	Q5_1   DType = 7
	Q8_0   DType = 8
	Q8_1   DType = 9
	Q2_K   DType = 10
	Q3_K   DType = 11
	Q4_K   DType = 12
	Q5_K   DType = 13
	Q6_K   DType = 14
	Q8_K   DType = 15
	IQ2XXS DType = 16
	IQ2XS  DType = 17
	IQ3XXS DType = 18
	IQ1S   DType = 19
	IQ4NL  DType = 20
	IQ3S   DType = 21
	IQ2S   DType = 22
	IQ4XS  DType = 23
	I8     DType = 24
	I16    DType = 25
	I32    DType = 26
	I64    DType = 27
	F64    DType = 28
	IQ1M   DType = 29
	BF16   DType = 30
	TQ1_0  DType = 34
	TQ2_0  DType = 35
	MXFP4  DType = 39
	NVFP4  DType = 40
	Q1_0   DType = 41
	Q2_0   DType = 42
)

// Types of safetensors that ggml has no number for.
const (
	U8 DType = 0x10000 + iota // also packed low-bit weights
	U16
	U32
	U64
	Bool
	F8E4M3
	F8E5M2
	F8E8M0
)

// layout is one row of the type table.
type layout struct {
	dtype      DType
	name       string
	block      int64 // values per block
	blockBytes int64 // bytes per block
}

// layouts is the table of storage types, from ggml's type traits (ggml.c) and
// block structures (ggml-common.h), and from the safetensors format.
var layouts = []layout{
	{F32, "F32", 1, 4}, {F16, "F16", 1, 2}, {BF16, "BF16", 1, 2}, {F64, "F64", 1, 8},
	{I8, "I8", 1, 1}, {I16, "I16", 1, 2}, {I32, "I32", 1, 4}, {I64, "I64", 1, 8},

	{Q4_0, "Q4_0", 32, 18}, {Q4_1, "Q4_1", 32, 20}, {Q5_0, "Q5_0", 32, 22}, {Q5_1, "Q5_1", 32, 24},
	{Q8_0, "Q8_0", 32, 34}, {Q8_1, "Q8_1", 32, 36},
	{Q1_0, "Q1_0", 128, 18}, {Q2_0, "Q2_0", 64, 18},

	{Q2_K, "Q2_K", 256, 84}, {Q3_K, "Q3_K", 256, 110}, {Q4_K, "Q4_K", 256, 144},
	{Q5_K, "Q5_K", 256, 176}, {Q6_K, "Q6_K", 256, 210}, {Q8_K, "Q8_K", 256, 292},

	{IQ1S, "IQ1_S", 256, 50}, {IQ1M, "IQ1_M", 256, 56}, {IQ2XXS, "IQ2_XXS", 256, 66}, {IQ2XS, "IQ2_XS", 256, 74},
	{IQ2S, "IQ2_S", 256, 82}, {IQ3XXS, "IQ3_XXS", 256, 98}, {IQ3S, "IQ3_S", 256, 110},
	{IQ4NL, "IQ4_NL", 32, 18}, {IQ4XS, "IQ4_XS", 256, 136},

	{TQ1_0, "TQ1_0", 256, 54}, {TQ2_0, "TQ2_0", 256, 66},
	{MXFP4, "MXFP4", 32, 17}, {NVFP4, "NVFP4", 64, 36},

	{U8, "U8", 1, 1}, {U16, "U16", 1, 2}, {U32, "U32", 1, 4}, {U64, "U64", 1, 8}, {Bool, "BOOL", 1, 1},
	{F8E4M3, "F8_E4M3", 1, 1}, {F8E5M2, "F8_E5M2", 1, 1}, {F8E8M0, "F8_E8M0", 1, 1},
}

// removed names the type numbers ggml no longer reads.
var removed = map[DType]string{
	4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
	36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
}

var layoutOf = func() map[DType]layout {
	m := make(map[DType]layout, len(layouts))
	for _, l := range layouts {
		m[l.dtype] = l
	}
	return m
}()

// DTypes lists every known type in the table's order.
func DTypes() []DType {
	out := make([]DType, len(layouts))
	for i, l := range layouts {
		out[i] = l.dtype
	}
	return out
}

// ParseDType finds a type by its name, in either case ("q4_1", "F16").
func ParseDType(name string) (DType, error) {
	for _, l := range layouts {
		if strings.EqualFold(l.name, name) {
			return l.dtype, nil
		}
	}
	return 0, fmt.Errorf("unknown tensor type %q (known: %s)", name, dtypeNames())
}

func dtypeNames() string {
	names := make([]string, len(layouts))
	for i, l := range layouts {
		names[i] = l.name
	}
	return strings.Join(names, ", ")
}

// String is ggml's name of the type, or "type 99" for an unknown number.
func (t DType) String() string {
	if l, ok := layoutOf[t]; ok {
		return l.name
	}
	if name, ok := removed[t]; ok {
		return name + " (removed from ggml)"
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Known reports whether the type's layout is known.
func (t DType) Known() bool { _, ok := layoutOf[t]; return ok }

// Block gives the values and bytes of one block; 0, 0 for an unknown type.
func (t DType) Block() (values, bytes int64) {
	l := layoutOf[t]
	return l.block, l.blockBytes
}

// Quantized reports whether values are stored in blocks that share a scale.
func (t DType) Quantized() bool { return layoutOf[t].block > 1 }

// RowBytes is the stored size of one row of cols values. A row is a whole
// number of blocks: other widths are an error, never rounded.
func (t DType) RowBytes(cols int64) (int64, error) {
	l, ok := layoutOf[t]
	if !ok {
		if name, gone := removed[t]; gone {
			return 0, fmt.Errorf("tensor type %s was removed from ggml: requantise the model", name)
		}
		return 0, fmt.Errorf("unknown tensor type %d", uint32(t))
	}
	if cols < 0 || cols%l.block != 0 {
		return 0, fmt.Errorf("%d columns are not a multiple of the %d-value block of %s", cols, l.block, l.name)
	}
	return mulBytes(cols/l.block, l.blockBytes)
}

// TensorBytes is the stored size of a tensor whose shape is outermost first.
func (t DType) TensorBytes(shape []int64) (int64, error) {
	cols := int64(1)
	if len(shape) > 0 {
		cols = shape[len(shape)-1]
	}
	total, err := t.RowBytes(cols)
	if err != nil {
		return 0, err
	}
	for _, n := range shape[:max(0, len(shape)-1)] {
		if total, err = mulBytes(total, n); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// mulBytes multiplies two sizes and refuses negative values and overflow.
func mulBytes(a, b int64) (int64, error) {
	if a < 0 || b < 0 {
		return 0, fmt.Errorf("negative size %d × %d", a, b)
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > 1<<62 {
		return 0, fmt.Errorf("size %d × %d is beyond 2^62 bytes", a, b)
	}
	return int64(lo), nil
}
