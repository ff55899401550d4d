package hlo

import (
	"fmt"
	"maps"
	"slices"

	"strata/convert"
	"strata/malloc"
)

// Convert returns the schedule of the module's entry computation.
func Convert(m *Module) (*convert.Schedule, error) {
	b := &builder{s: &convert.Schedule{Name: m.Name}, meter: meter{}, notes: map[string]int{}, fusing: !m.Scheduled}
	for _, c := range m.Computations {
		for _, in := range c.Instrs {
			b.fusing = b.fusing && in.Opcode != "fusion"
		}
	}
	root, err := b.computation(m.Entry, nil, "", 0)
	if err != nil {
		return nil, err
	}
	for _, v := range root {
		if v >= 0 {
			b.s.Values[v].Out = true
		}
	}
	b.pickPeriodic()
	if b.fusing {
		b.s.Notes = append(b.s.Notes, "unfused text: fused by the simple rules of convert/hlo")
	}
	for _, k := range slices.Sorted(maps.Keys(b.notes)) {
		b.s.Notes = append(b.s.Notes, fmt.Sprintf("%s (%d)", k, b.notes[k]))
	}
	return b.s, nil
}

// immediate stands for a value that needs no buffer.
const immediate = -1

type builder struct {
	s      *convert.Schedule
	meter  meter
	fusing bool
	notes  map[string]int
	steps  int // computed so far, inlined copies included
}

// scope is one computation being laid out.
type scope struct {
	c      *Computation
	prefix string
	depth  int
	role   map[*Instruction]role
	leaves map[*Instruction][]int // the arrays of each result: value indexes
	fused  map[*Instruction]*part
	users  map[*Instruction]int
	last   map[*Instruction]int // index of the last instruction that uses it
}

// part is what a fused instruction adds to its user's step.
type part struct {
	reads []malloc.Operand
	work  work
}

// computation lays out c with its parameters' arrays in args (nil: the entry,
// whose parameters are buffers) and returns the arrays of its root.
func (b *builder) computation(c *Computation, args [][]int, prefix string, depth int) ([]int, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("computation %q: calls nested more than %d deep", c.Name, maxDepth)
	}
	sc := &scope{c: c, prefix: prefix, depth: depth, role: roles(c, b.fusing), leaves: make(map[*Instruction][]int, len(c.Instrs)),
		fused: map[*Instruction]*part{}, users: map[*Instruction]int{}, last: map[*Instruction]int{}}
	for i, in := range c.Instrs {
		for _, o := range in.Operands {
			sc.users[o]++
			sc.last[o] = i
		}
	}
	sc.users[c.Root]++
	sc.last[c.Root] = len(c.Instrs)
	for i, in := range c.Instrs {
		if b.steps++; b.steps > maxInstructions {
			return nil, fmt.Errorf("more than %d instructions after inlining calls", maxInstructions)
		}
		if err := b.instruction(sc, in, i, args); err != nil {
			return nil, err
		}
	}
	return sc.leaves[c.Root], nil
}

func (b *builder) instruction(sc *scope, in *Instruction, at int, args [][]int) error {
	switch {
	case in.Opcode == "parameter":
		return b.parameter(sc, in, args)
	case sc.role[in] == roleImmediate:
		sc.leaves[in] = []int{immediate}
	case sc.role[in] == roleAlias:
		b.alias(sc, in)
	case in.Opcode == "constant":
		sc.leaves[in] = b.values(sc, in, malloc.KindParam)
	case in.Opcode == "after-all" || in.Opcode == "partition-id" || in.Opcode == "replica-id":
		sc.leaves[in] = slices.Repeat([]int{immediate}, in.Shape.countLeaves())
	case in.Opcode == "call":
		inner := make([][]int, len(in.Operands))
		for i, o := range in.Operands {
			inner[i] = b.stored(sc, o)
		}
		leaves, err := b.computation(in.Called[0], inner, sc.prefix+in.Name+"/", sc.depth+1)
		sc.leaves[in] = leaves
		return err
	case in.Opcode == "while":
		return b.while(sc, in)
	default:
		b.step(sc, in, at)
	}
	return nil
}

func (b *builder) parameter(sc *scope, in *Instruction, args [][]int) error {
	if args == nil {
		sc.leaves[in] = b.values(sc, in, malloc.KindParam)
		return nil
	}
	if in.Index >= len(args) || len(args[in.Index]) != in.Shape.countLeaves() {
		return fmt.Errorf("computation %q: parameter %q (number %d) does not match what it is called with", sc.c.Name, in.Name, in.Index)
	}
	sc.leaves[in] = args[in.Index]
	return nil
}

// values makes a value for each array of a result.
func (b *builder) values(sc *scope, in *Instruction, kind string) []int {
	list := in.Shape.leaves(nil)
	out := make([]int, len(list))
	for i, s := range list {
		name := sc.prefix + in.Name
		if len(list) > 1 {
			name = fmt.Sprintf("%s{%d}", name, i)
		}
		out[i] = b.value(name, s.bytes(), kind)
	}
	return out
}

func (b *builder) value(name string, bytes int64, kind string) int {
	b.s.Values = append(b.s.Values, convert.Value{Name: name, Bytes: bytes, Kind: kind})
	return len(b.s.Values) - 1
}

// alias gives a result its operands' storage; the alias of something fused is
// fused too.
func (b *builder) alias(sc *scope, in *Instruction) {
	switch in.Opcode {
	case "tuple":
		leaves := []int{}
		for _, o := range in.Operands {
			leaves = append(leaves, b.stored(sc, o)...)
		}
		sc.leaves[in] = leaves
		return
	case "get-tuple-element":
		from := in.Operands[0]
		skip := 0
		for i := range in.Index {
			skip += from.Shape.Tuple[i].countLeaves()
		}
		sc.leaves[in] = sc.leaves[from][skip : skip+in.Shape.countLeaves()]
		return
	}
	o := in.Operands[0]
	if p := sc.fused[o]; p != nil {
		sc.fused[in] = p
		return
	}
	leaves := sc.leaves[o]
	if n := in.Shape.countLeaves(); len(leaves) != n {
		leaves = matchingLeaves(&o.Shape, &in.Shape, leaves)
		if len(leaves) != n { // a start whose tuple we do not know: all it holds
			leaves = slices.Repeat([]int{immediate}, n)
		}
	}
	sc.leaves[in] = leaves
}

// matchingLeaves finds the result of an asynchronous start in its tuple: the
// first run of arrays with the shapes of the done.
func matchingLeaves(start, done *Shape, leaves []int) []int {
	have, want := start.leaves(nil), done.leaves(nil)
	for i := 0; i+len(want) <= len(have); i++ {
		same := true
		for k := range want {
			same = same && have[i+k].Type == want[k].Type && slices.Equal(have[i+k].Dims, want[k].Dims)
		}
		if same {
			return leaves[i : i+len(want)]
		}
	}
	return nil
}

// stored is a result's arrays as they are in memory; a fused one is written by
// a step of its own first (it is an operand of a tuple or a call).
func (b *builder) stored(sc *scope, in *Instruction) []int {
	p := sc.fused[in]
	if p == nil {
		return sc.leaves[in]
	}
	if leaves := sc.leaves[in]; leaves != nil {
		return leaves
	}
	leaves := b.values(sc, in, malloc.KindActivation)
	b.emit(sc.prefix+in.Name, in.Opcode, p.reads, leaves, p.work)
	sc.leaves[in] = leaves
	return leaves
}

// step lays out an instruction that computes or moves bytes.
func (b *builder) step(sc *scope, in *Instruction, at int) {
	p := &part{work: b.meter.of(in)}
	for i, o := range in.Operands {
		if f := sc.fused[o]; f != nil && in.takesIn() {
			p.work.add(f.work)
			for _, r := range f.reads {
				p.reads = addRead(p.reads, r)
			}
			continue
		}
		for _, v := range b.stored(sc, o) {
			if v != immediate {
				p.reads = addRead(p.reads, malloc.Operand{Buf: v, Bytes: in.readBytes(i, b.s.Values[v].Bytes)})
			}
		}
	}
	if sc.role[in] == roleFused && len(p.reads) <= maxFusedReads {
		sc.fused[in] = p
		return
	}
	if in.Opcode == "custom-call" {
		b.notes["custom calls are counted as element-wise"]++
	}
	if in.Opcode == "dynamic-update-slice" && sc.last[in.Operands[0]] == at && sc.users[in.Operands[0]] == 1 {
		if target := sc.leaves[in.Operands[0]]; len(target) == 1 && target[0] != immediate && b.s.Values[target[0]].Kind != malloc.KindParam {
			b.update(sc, in, target, p)
			return
		}
	}
	leaves := b.values(sc, in, malloc.KindActivation)
	b.emit(sc.prefix+in.Name, in.Opcode, p.reads, leaves, p.work)
	sc.leaves[in] = leaves
}

// update writes a slice into its operand's own storage.
func (b *builder) update(sc *scope, in *Instruction, target []int, p *part) {
	reads := slices.DeleteFunc(p.reads, func(r malloc.Operand) bool { return r.Buf == target[0] })
	b.emit(sc.prefix+in.Name, in.Opcode, reads, nil, p.work)
	st := &b.s.Steps[len(b.s.Steps)-1]
	st.Writes = []malloc.Operand{{Buf: target[0], Bytes: in.Operands[1].Shape.bytes()}}
	sc.leaves[in] = target
}

// readBytes is what an instruction reads of an operand of the given size.
func (in *Instruction) readBytes(operand int, size int64) int64 {
	switch in.Opcode {
	case "slice", "dynamic-slice", "gather":
		if operand == 0 {
			return min(size, in.Shape.bytes())
		}
	case "fusion":
		if operand < len(in.Operands) && !in.Operands[operand].Shape.IsTup {
			return in.Called[0].sliced(operand, size)
		}
	}
	return size
}

// sliced is what a fused computation reads of a parameter: all, or where it is
// only sliced the slices together.
func (c *Computation) sliced(parameter int, size int64) int64 {
	var sum int64
	used := false
	for _, in := range c.Instrs {
		for k, o := range in.Operands {
			if o.Opcode != "parameter" || o.Index != parameter {
				continue
			}
			if k != 0 || in.Opcode != "slice" && in.Opcode != "dynamic-slice" && in.Opcode != "gather" {
				return size
			}
			used = true
			sum = min(size, sum+in.Shape.bytes())
		}
	}
	if !used {
		return size
	}
	return sum
}

func addRead(list []malloc.Operand, r malloc.Operand) []malloc.Operand {
	for i := range list {
		if list[i].Buf == r.Buf {
			list[i].Bytes = max(list[i].Bytes, r.Bytes)
			return list
		}
	}
	return append(list, r)
}

func (b *builder) emit(name, op string, reads []malloc.Operand, writes []int, w work) {
	st := convert.Step{Name: name, Op: op, Reads: reads, Work: w.list(), FLOPs: w.flops}
	for _, v := range writes {
		st.Writes = append(st.Writes, malloc.Operand{Buf: v, Bytes: b.s.Values[v].Bytes})
	}
	b.s.Steps = append(b.s.Steps, st)
}
