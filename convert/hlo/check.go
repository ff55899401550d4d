package hlo

import "fmt"

// check refuses modules that call in circles, and instructions whose operands
// or called computations are too few for what they are.
func (m *Module) check() error {
	const (
		white = iota
		open
		done
	)
	state := map[*Computation]int{}
	var visit func(c *Computation, depth int) error
	visit = func(c *Computation, depth int) error {
		switch {
		case state[c] == open:
			return fmt.Errorf("computation %q calls itself", excerpt(c.Name))
		case state[c] == done:
			return nil
		case depth > maxDepth:
			return fmt.Errorf("computations call each other more than %d deep", maxDepth)
		}
		state[c] = open
		for _, in := range c.Instrs {
			if err := in.check(c); err != nil {
				return fmt.Errorf("computation %q, instruction %q: %w", excerpt(c.Name), excerpt(in.Name), err)
			}
			for _, to := range in.Called {
				if err := visit(to, depth+1); err != nil {
					return err
				}
			}
		}
		state[c] = done
		return nil
	}
	return visit(m.Entry, 0)
}

func (in *Instruction) check(c *Computation) error {
	operands, called := 0, 0
	switch in.Opcode {
	case "get-tuple-element":
		operands = 1
		if len(in.Operands) > 0 {
			if s := &in.Operands[0].Shape; !s.IsTup || in.Index >= len(s.Tuple) || s.Tuple[in.Index].countLeaves() != in.Shape.countLeaves() {
				return fmt.Errorf("index %d: the operand is no tuple with such an element", in.Index)
			}
		}
	case "bitcast", "reshape", "optimization-barrier", "transpose", "broadcast", "copy":
		operands = 1
		if len(in.Operands) > 0 && in.Operands[0].Shape.countLeaves() != in.Shape.countLeaves() {
			return fmt.Errorf("%s of a tuple to another shape", in.Opcode)
		}
		if in.Opcode == "transpose" && !permutation(in.Dimensions, len(in.Shape.Dims)) {
			return fmt.Errorf("dimensions %v, a permutation of %d is expected", in.Dimensions, len(in.Shape.Dims))
		}
	case "tuple":
		leaves := 0
		for _, o := range in.Operands {
			leaves += o.Shape.countLeaves()
		}
		if leaves != in.Shape.countLeaves() {
			return fmt.Errorf("a tuple of %d arrays from operands of %d", in.Shape.countLeaves(), leaves)
		}
	case "dot", "convolution", "dynamic-update-slice":
		operands = 2
	case "while":
		operands, called = 1, 2
		if len(in.Operands) > 0 && in.Operands[0].Shape.countLeaves() != in.Shape.countLeaves() {
			return fmt.Errorf("its operand has %d arrays, its result %d", in.Operands[0].Shape.countLeaves(), in.Shape.countLeaves())
		}
		if len(in.Called) == 2 && in.Called[1].Root.Shape.countLeaves() != in.Shape.countLeaves() {
			return fmt.Errorf("its body returns %d arrays, its result has %d", in.Called[1].Root.Shape.countLeaves(), in.Shape.countLeaves())
		}
	case "call":
		called = 1
		if len(in.Called) > 0 && in.Called[0].Root.Shape.countLeaves() != in.Shape.countLeaves() {
			return fmt.Errorf("it returns %d arrays, %q %d", in.Shape.countLeaves(), excerpt(in.Called[0].Name), in.Called[0].Root.Shape.countLeaves())
		}
	case "fusion":
		called = 1
	}
	if len(in.Operands) < operands || len(in.Called) < called {
		return fmt.Errorf("%s with %d operands and %d computations, %d and %d are expected", in.Opcode, len(in.Operands), len(in.Called), operands, called)
	}
	return nil
}
