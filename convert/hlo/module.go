package hlo

import (
	"fmt"

	"strata/malloc"
)

// Module is what the converter needs of an HloModule.
type Module struct {
	Name         string
	Scheduled    bool
	Computations []*Computation
	Entry        *Computation
}

// Computation is a list of instructions in an order in which operands precede
// their users.
type Computation struct {
	Name   string
	Instrs []*Instruction
	Root   *Instruction
}

// Instruction is one HLO instruction.
type Instruction struct {
	Name, Opcode string
	Shape        Shape
	Operands     []*Instruction
	Called       []*Computation // in the order the attributes name them
	Index        int            // of get-tuple-element; number of a parameter
	Dimensions   []int64        // permutation of a transpose
	Dot          DotDims
	Window       []WindowDim
	Conv         ConvDims
	Groups       int64 // feature_group_count
	BatchGroups  int64
	Trip         int64 // known_trip_count of a while, 0: unknown
	Target       string
}

// DotDims are the dimensions a dot contracts and runs along.
type DotDims struct{ LHSContract, RHSContract, LHSBatch, RHSBatch []int64 }

// WindowDim is one spatial dimension of a window.
type WindowDim struct{ Size, Stride, PadLow, BaseDilation, WindowDilation int64 }

// ConvDims says which dimension of an operand is what.
type ConvDims struct {
	InBatch, InFeature, KernelIn, KernelOut, OutBatch, OutFeature int64
	InSpatial, KernelSpatial, OutSpatial                          []int64
}

const (
	maxInstructions = malloc.MaxInstructions
	maxOperands     = malloc.MaxTouches
	maxRank         = 64
	maxDepth        = 64      // of tuples in tuples, of calls in calls
	maxLeaves       = 1 << 16 // of one shape
)

// Shape is an array (Type and Dims) or a tuple.
type Shape struct {
	Type  string // as in text: "f32"; "" for a tuple
	Dims  []int64
	Minor []int64 // minor_to_major; nil: descending
	Tuple []Shape
	IsTup bool
}

// bits by element type.
var bits = map[string]int64{
	"pred": 8, "s2": 2, "s4": 4, "s8": 8, "s16": 16, "s32": 32, "s64": 64, "u2": 2, "u4": 4, "u8": 8, "u16": 16, "u32": 32, "u64": 64,
	"f16": 16, "bf16": 16, "f32": 32, "f64": 64, "c64": 64, "c128": 128, "f4e2m1fn": 4,
	"f8e5m2": 8, "f8e4m3fn": 8, "f8e4m3": 8, "f8e3m4": 8, "f8e4m3b11fnuz": 8, "f8e5m2fnuz": 8, "f8e4m3fnuz": 8, "f8e8m0fnu": 8,
	"token": 0, "opaque": 0,
}

// elements is the number of elements; shapes were checked when read.
func (s *Shape) elements() int64 {
	n := int64(1)
	for _, d := range s.Dims {
		n *= d
	}
	return n
}

// bytes of an array; sub-byte types are packed.
func (s *Shape) bytes() int64 { return (s.elements()*bits[s.Type] + 7) / 8 }

// check refuses unknown types and sizes beyond the instance format.
func (s *Shape) check() error {
	if s.IsTup {
		return nil
	}
	width, ok := bits[s.Type]
	if !ok {
		return fmt.Errorf("element type %q is not known", s.Type)
	}
	if len(s.Dims) > maxRank {
		return fmt.Errorf("shape of %d dimensions, at most %d are possible", len(s.Dims), maxRank)
	}
	n := max(width, 8)
	for _, d := range s.Dims {
		if d < 0 {
			return fmt.Errorf("dimension %d of %s[%v] is negative", d, s.Type, s.Dims)
		}
		if d > 0 && n > 8*malloc.MaxSizeBytes/d {
			return fmt.Errorf("%s%v is larger than 2^53-1 bytes", s.Type, s.Dims)
		}
		n *= d
	}
	return nil
}

// leaves appends the arrays of a shape, depth first.
func (s *Shape) leaves(to []*Shape) []*Shape {
	if !s.IsTup {
		return append(to, s)
	}
	for i := range s.Tuple {
		to = s.Tuple[i].leaves(to)
	}
	return to
}

func (s *Shape) countLeaves() int {
	if !s.IsTup {
		return 1
	}
	n := 0
	for i := range s.Tuple {
		n += s.Tuple[i].countLeaves()
	}
	return n
}

// minor is the k-th dimension from the fastest.
func (s *Shape) minor(k int) int64 {
	if len(s.Minor) == len(s.Dims) {
		return s.Minor[k]
	}
	return int64(len(s.Dims) - 1 - k)
}

// at is dimension d, 1 where there is none.
func (s *Shape) at(d int64) int64 {
	if d < 0 || d >= int64(len(s.Dims)) {
		return 1
	}
	return s.Dims[d]
}
