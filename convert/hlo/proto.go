package hlo

import (
	"fmt"

	"strata/convert"
	"strata/convert/wire"
)

// Field numbers are those of xla/service/hlo.proto and xla/xla_data.proto.

// Proto converts a serialised HloProto or HloModuleProto.
func Proto(data []byte) (*convert.Schedule, error) {
	m, err := ParseProto(data)
	if err != nil {
		return nil, err
	}
	s, err := Convert(m)
	if err != nil {
		return nil, err
	}
	s.Source.Converter = "hlo proto"
	return s, nil
}

// ParseProto reads a module from its wire format: an HloProto, whose field 1 is
// the module, or the module itself, whose field 1 is its name.
func ParseProto(data []byte) (*Module, error) {
	var first []byte
	err := wire.Each(data, func(f wire.Field) error {
		if f.Number == 1 && first == nil {
			first = f.Bytes
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m, err := parseModule(first); err == nil {
		return m, nil
	} else if inner := isModule(first); inner {
		return nil, err
	}
	return parseModule(data)
}

// isModule tells a module by its computations.
func isModule(data []byte) bool {
	computations := 0
	err := wire.Each(data, func(f wire.Field) error {
		if f.Number == 3 && len(f.Bytes) > 0 {
			computations++
		}
		return nil
	})
	return err == nil && computations > 0
}

// protoReader resolves ids, which the wire format uses where text has names.
type protoReader struct {
	out     *Module
	byID    map[int64]*Computation
	rootOf  map[*Computation]int64
	instrs  map[*Computation]map[int64]*Instruction
	callees map[*Instruction][]int64
	inputs  map[*Instruction][]int64
	count   int
	touches int
}

func parseModule(data []byte) (*Module, error) {
	r := &protoReader{out: &Module{}, byID: map[int64]*Computation{}, rootOf: map[*Computation]int64{}, instrs: map[*Computation]map[int64]*Instruction{},
		callees: map[*Instruction][]int64{}, inputs: map[*Instruction][]int64{}}
	var entry int64
	order := map[int64][]int64{} // computation → schedule
	err := wire.Each(data, func(f wire.Field) error {
		switch f.Number {
		case 1:
			r.out.Name = string(f.Bytes)
		case 3:
			return r.computation(f.Bytes)
		case 6:
			entry = int64(f.Value)
		case 7:
			return schedule(f.Bytes, order)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.out.Entry = r.byID[entry]
	if r.out.Entry == nil {
		return nil, fmt.Errorf("entry_computation_id: %d, the module has %d computations and none of that id", entry, len(r.byID))
	}
	r.out.Scheduled = len(order) > 0
	if err := r.resolve(order); err != nil {
		return nil, err
	}
	return r.out, r.out.check()
}

func (r *protoReader) computation(data []byte) error {
	c := &Computation{}
	var id int64
	byID := map[int64]*Instruction{}
	err := wire.Each(data, func(f wire.Field) error {
		switch f.Number {
		case 1:
			c.Name = string(f.Bytes)
		case 2:
			in, number, err := r.instruction(f.Bytes)
			if err != nil {
				return fmt.Errorf("computation %q, instruction %q: %w", excerpt(c.Name), excerpt(in.Name), err)
			}
			if byID[number] != nil {
				return fmt.Errorf("computation %q: two instructions have id %d", excerpt(c.Name), number)
			}
			byID[number] = in
			c.Instrs = append(c.Instrs, in)
		case 5:
			id = int64(f.Value)
		case 6:
			r.rootOf[c] = int64(f.Value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.byID[id] != nil {
		return fmt.Errorf("computation %q: its id %d is another's already", excerpt(c.Name), id)
	}
	r.byID[id], r.instrs[c] = c, byID
	r.out.Computations = append(r.out.Computations, c)
	return nil
}

func (r *protoReader) instruction(data []byte) (*Instruction, int64, error) {
	in := &Instruction{Groups: 1, BatchGroups: 1}
	var id, parameter, index int64
	if r.count++; r.count > maxInstructions {
		return in, 0, fmt.Errorf("more than %d instructions", maxInstructions)
	}
	err := wire.Each(data, func(f wire.Field) (err error) {
		switch f.Number {
		case 1:
			in.Name = string(f.Bytes)
		case 2:
			in.Opcode = string(f.Bytes)
		case 3:
			in.Shape, err = protoShape(f.Bytes, 0)
		case 9:
			parameter = int64(f.Value)
		case 13:
			index = int64(f.Value)
		case 14:
			in.Dimensions, err = f.Ints(in.Dimensions)
		case 15:
			in.Window, err = protoWindow(f.Bytes)
		case 16:
			in.Conv, err = protoConv(f.Bytes)
		case 28:
			in.Target = string(f.Bytes)
		case 30:
			in.Dot, err = protoDot(f.Bytes)
		case 35:
			id = int64(f.Value)
		case 36:
			r.inputs[in], err = f.Ints(r.inputs[in])
		case 38:
			r.callees[in], err = f.Ints(r.callees[in])
		case 43:
			in.Trip = tripCount(string(f.Bytes))
		case 50:
			in.Groups = max(1, int64(f.Value))
		case 58:
			in.BatchGroups = max(1, int64(f.Value))
		}
		return err
	})
	if err != nil {
		return in, 0, err
	}
	if r.touches += len(r.inputs[in]); r.touches > maxOperands {
		return in, 0, fmt.Errorf("more than %d operands", maxOperands)
	}
	if in.Shape.countLeaves() > maxLeaves {
		return in, 0, fmt.Errorf("a shape of more than %d arrays", maxLeaves)
	}
	if in.Opcode == "parameter" {
		index = parameter
	}
	if index < 0 || index > maxLeaves {
		return in, 0, fmt.Errorf("index or parameter number %d, 0..%d is expected", index, maxLeaves)
	}
	in.Index = int(index)
	return in, id, nil
}

// resolve turns ids into operands, computations, roots and the schedule's order.
func (r *protoReader) resolve(order map[int64][]int64) error {
	for id, c := range r.byID {
		byID := r.instrs[c]
		if ids, ok := order[id]; ok {
			sorted := make([]*Instruction, 0, len(c.Instrs))
			seen := map[int64]bool{}
			for _, i := range ids {
				if in := byID[i]; in != nil && !seen[i] {
					seen[i] = true
					sorted = append(sorted, in)
				}
			}
			if len(sorted) != len(c.Instrs) {
				return fmt.Errorf("computation %q: the schedule lists %d of its %d instructions", excerpt(c.Name), len(sorted), len(c.Instrs))
			}
			c.Instrs = sorted
		}
		before := make(map[*Instruction]bool, len(c.Instrs))
		for _, in := range c.Instrs {
			for _, o := range r.inputs[in] {
				operand := byID[o]
				if operand == nil || !before[operand] {
					return fmt.Errorf("computation %q, instruction %q: operand id %d is not defined before it", excerpt(c.Name), excerpt(in.Name), o)
				}
				in.Operands = append(in.Operands, operand)
			}
			before[in] = true
			called := r.callees[in]
			if in.Opcode == "while" && len(called) == 2 {
				// The wire format lists the body first, text the condition.
				called = []int64{called[1], called[0]}
			}
			for _, to := range called {
				callee := r.byID[to]
				if callee == nil {
					return fmt.Errorf("instruction %q calls computation id %d, there is none", excerpt(in.Name), to)
				}
				in.Called = append(in.Called, callee)
			}
		}
		if c.Root = byID[r.rootOf[c]]; c.Root == nil {
			return fmt.Errorf("computation %q: root_id %d is none of its %d instructions", excerpt(c.Name), r.rootOf[c], len(c.Instrs))
		}
	}
	return nil
}

// schedule reads HloScheduleProto: a map from computation to instruction ids.
func schedule(data []byte, to map[int64][]int64) error {
	return wire.Each(data, func(f wire.Field) error {
		if f.Number != 1 {
			return nil
		}
		var id int64
		var ids []int64
		err := wire.Each(f.Bytes, func(f wire.Field) error {
			switch f.Number {
			case 1:
				id = int64(f.Value)
			case 2:
				return wire.Each(f.Bytes, func(f wire.Field) (err error) {
					if f.Number == 1 {
						ids, err = f.Ints(ids)
					}
					return err
				})
			}
			return nil
		})
		to[id] = ids
		return err
	})
}

// primitive names PrimitiveType's numbers.
var primitive = map[uint64]string{1: "pred", 2: "s8", 3: "s16", 4: "s32", 5: "s64", 6: "u8", 7: "u16", 8: "u32", 9: "u64", 10: "f16", 11: "f32", 12: "f64",
	14: "opaque", 15: "c64", 16: "bf16", 17: "token", 18: "c128", 19: "f8e5m2", 20: "f8e4m3fn", 21: "s4", 22: "u4", 23: "f8e4m3b11fnuz", 24: "f8e5m2fnuz",
	25: "f8e4m3fnuz", 26: "s2", 27: "u2", 28: "f8e4m3", 29: "f8e3m4", 32: "f4e2m1fn", 33: "f8e8m0fnu"}

const primitiveTuple = 13

func protoShape(data []byte, depth int) (Shape, error) {
	if depth > maxDepth {
		return Shape{}, fmt.Errorf("tuples nested more than %d deep", maxDepth)
	}
	var s Shape
	err := wire.Each(data, func(f wire.Field) (err error) {
		switch f.Number {
		case 2:
			if s.IsTup = f.Value == primitiveTuple; !s.IsTup {
				if s.Type = primitive[f.Value]; s.Type == "" {
					return fmt.Errorf("element type number %d is not known", f.Value)
				}
			}
		case 3:
			s.Dims, err = f.Ints(s.Dims)
		case 4:
			element, err := protoShape(f.Bytes, depth+1)
			if err != nil {
				return err
			}
			if s.Tuple = append(s.Tuple, element); len(s.Tuple) > maxLeaves {
				return fmt.Errorf("a tuple of more than %d elements", maxLeaves)
			}
		case 5:
			return wire.Each(f.Bytes, func(f wire.Field) (err error) {
				if f.Number == 1 {
					s.Minor, err = f.Ints(s.Minor)
				}
				return err
			})
		}
		return err
	})
	if err != nil {
		return s, err
	}
	if !permutation(s.Minor, len(s.Dims)) {
		s.Minor = nil
	}
	return s, s.check()
}

func protoWindow(data []byte) ([]WindowDim, error) {
	var out []WindowDim
	err := wire.Each(data, func(f wire.Field) error {
		if f.Number != 1 {
			return nil
		}
		w := WindowDim{Size: 1, Stride: 1, BaseDilation: 1, WindowDilation: 1}
		if len(out) >= maxRank {
			return fmt.Errorf("a window of more than %d dimensions", maxRank)
		}
		err := wire.Each(f.Bytes, func(f wire.Field) error {
			v := int64(f.Value)
			if v > maxWindow || v < -maxWindow {
				return fmt.Errorf("window: %d, at most %d is possible", v, maxWindow)
			}
			switch f.Number {
			case 1:
				w.Size = v
			case 2:
				w.Stride = v
			case 3:
				w.PadLow = v
			case 5:
				w.WindowDilation = v
			case 6:
				w.BaseDilation = v
			}
			return nil
		})
		out = append(out, w)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, checkWindow(out)
}

// maxWindow bounds sizes, strides and paddings so that positions do not
// overflow.
const maxWindow = 1 << 40

func protoConv(data []byte) (ConvDims, error) {
	var c ConvDims
	err := wire.Each(data, func(f wire.Field) (err error) {
		v := int64(f.Value)
		switch f.Number {
		case 7:
			c.InBatch = v
		case 8:
			c.InFeature = v
		case 11:
			c.InSpatial, err = f.Ints(c.InSpatial)
		case 3:
			c.KernelIn = v
		case 4:
			c.KernelOut = v
		case 6:
			c.KernelSpatial, err = f.Ints(c.KernelSpatial)
		case 9:
			c.OutBatch = v
		case 10:
			c.OutFeature = v
		case 12:
			c.OutSpatial, err = f.Ints(c.OutSpatial)
		}
		return err
	})
	return c, err
}

func protoDot(data []byte) (DotDims, error) {
	var d DotDims
	err := wire.Each(data, func(f wire.Field) (err error) {
		switch f.Number {
		case 1:
			d.LHSContract, err = f.Ints(d.LHSContract)
		case 2:
			d.RHSContract, err = f.Ints(d.RHSContract)
		case 3:
			d.LHSBatch, err = f.Ints(d.LHSBatch)
		case 4:
			d.RHSBatch, err = f.Ints(d.RHSBatch)
		}
		return err
	})
	return d, err
}

// IsProto tells the wire format of a module, alone or in an HloProto.
func IsProto(data []byte) bool {
	if len(data) == 0 || data[0] != 1<<3|2 {
		return false
	}
	if isModule(data) {
		return true
	}
	found := false
	_ = wire.Each(data, func(f wire.Field) error {
		found = found || f.Number == 1 && isModule(f.Bytes)
		return nil
	})
	return found
}
