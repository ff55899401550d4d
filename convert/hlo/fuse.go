package hlo

// The simple fusion of text that no compiler has fused. Three rules, applied in
// schedule order:
//
//  1. What depends on no buffer (one-element constants, iota, and element-wise
//     results of such) and broadcasts are computed again by every element-wise
//     user; other users get them from memory.
//  2. An element-wise instruction whose only user is element-wise, passes over
//     its input (reduce, batch-norm-*: element-wise work and reductions), or is a
//     broadcast with one user itself, becomes part of that user.
//  3. A fused step reads at most maxFusedReads buffers; beyond that the
//     instruction keeps its own step.
//
// Users are looked for through reshapes and bitcasts. Nothing is reordered.
const maxFusedReads = 64

var elementwise = map[string]bool{
	"abs": true, "add": true, "and": true, "atan2": true, "bitcast-convert": true, "cbrt": true, "ceil": true, "clamp": true, "compare": true,
	"complex": true, "convert": true, "cosine": true, "count-leading-zeros": true, "divide": true, "erf": true, "exponential": true,
	"exponential-minus-one": true, "floor": true, "imag": true, "is-finite": true, "log": true, "log-plus-one": true, "logistic": true,
	"map": true, "maximum": true, "minimum": true, "multiply": true, "negate": true, "not": true, "or": true, "popcnt": true, "power": true,
	"real": true, "reduce-precision": true, "remainder": true, "round-nearest-afz": true, "round-nearest-even": true, "rsqrt": true, "select": true,
	"shift-left": true, "shift-right-arithmetic": true, "shift-right-logical": true, "sign": true, "sine": true, "sqrt": true,
	"stochastic-convert": true, "subtract": true, "tan": true, "tanh": true, "xor": true, "broadcast": true, "iota": true,
}

// passesOver are the other instructions that take element-wise operands in: they
// visit each element of their input in any order.
var passesOver = map[string]bool{"reduce": true, "batch-norm-training": true, "batch-norm-inference": true, "batch-norm-grad": true}

// takesIn tells whether fused operands are computed inside the instruction.
func (in *Instruction) takesIn() bool { return elementwise[in.Opcode] || passesOver[in.Opcode] }

// role is what an instruction is to the fusion.
type role uint8

const (
	roleStep  role = iota // has a step and buffers of its own
	roleAlias             // its result is its operand's buffer
	roleFused             // computed inside its users
	roleImmediate
)

// roles decides for each instruction of a computation. Without fusing only
// one-element constants and what moves no bytes have no step.
func roles(c *Computation, fusing bool) map[*Instruction]role {
	out := make(map[*Instruction]role, len(c.Instrs))
	users := map[*Instruction][]*Instruction{} // real users, seen through aliases
	kept := map[*Instruction]bool{c.Root: true}
	// Backwards, so that an alias's users are known when its operand is looked at.
	for i := len(c.Instrs) - 1; i >= 0; i-- {
		in := c.Instrs[i]
		if in.aliases() {
			out[in] = roleAlias
			for _, o := range in.Operands {
				users[o] = append(users[o], capped(users[in])...)
				if kept[in] || in.Opcode == "tuple" {
					kept[o] = true
				}
			}
			continue
		}
		for _, o := range in.Operands {
			if len(users[o]) < maxUsers {
				users[o] = append(users[o], in)
			}
		}
	}
	free := map[*Instruction]bool{} // depends on no buffer
	for _, in := range c.Instrs {
		switch {
		case in.Opcode == "constant" && !in.Shape.IsTup && in.Shape.elements() <= 1:
			free[in] = true
			out[in] = roleImmediate
		case out[in] == roleAlias:
			free[in] = len(in.Operands) > 0
			for _, o := range in.Operands {
				free[in] = free[in] && free[o]
			}
		case fusing && elementwise[in.Opcode] && !in.Shape.IsTup:
			free[in] = true
			for _, o := range in.Operands {
				free[in] = free[in] && free[o]
			}
			again := free[in] || in.Opcode == "broadcast"
			if kept[in] || len(users[in]) == 0 || len(users[in]) > 1 && !again || !allFuse(users, in) {
				continue
			}
			out[in] = roleFused
		}
	}
	return out
}

// maxUsers is as many users as are looked at. A result that is computed again
// for each of those, and turns out to have another kind of user beyond them, is
// written by a step of its own before that one.
const maxUsers = 64

func capped(list []*Instruction) []*Instruction { return list[:min(len(list), maxUsers)] }

func allFuse(users map[*Instruction][]*Instruction, in *Instruction) bool {
	for _, u := range users[in] {
		switch {
		case passesOver[u.Opcode]:
		case !elementwise[u.Opcode] || u.Shape.IsTup:
			return false
		case u.Opcode == "broadcast" && len(users[u]) > 1 && in.Opcode != "broadcast":
			return false // it would be computed once for each user of the broadcast
		}
	}
	return true
}

// aliases tells whether an instruction's result is its operands' storage.
func (in *Instruction) aliases() bool {
	switch in.Opcode {
	case "tuple", "get-tuple-element", "bitcast", "reshape", "optimization-barrier":
		return true
	case "copy-done", "all-gather-done", "all-reduce-done", "collective-permute-done", "async-done", "async-update", "send-done", "recv-done":
		return len(in.Operands) == 1
	case "transpose":
		o := &in.Operands[0].Shape
		for k := range in.Dimensions {
			if in.Dimensions[in.Shape.minor(k)] != o.minor(k) {
				return false
			}
		}
		return true
	}
	return false
}
