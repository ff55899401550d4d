package hlo

import (
	"fmt"

	"strata/malloc"
)

// while lays out a loop. Each array of its tuple is one of:
//
//   - invariant: the body returns the parameter's array unchanged; all share the
//     initial value's storage;
//   - carried: the body's result and its parameter are one place on the circle.
//
// A carried array starts as the initial value itself where only the loop uses
// it, else as a copy made before the loop; and its result is written in place
// where the parameter is read no later, else copied at the end of the body.
func (b *builder) while(sc *scope, in *Instruction) error {
	body := in.Called[1]
	init := b.stored(sc, in.Operands[0])
	shapes := in.Shape.leaves(nil)
	name := sc.prefix + in.Name
	if in.Trip == 0 {
		b.notes["while loops without a known trip count, whose body is counted once"]++
		leaves, err := b.computation(body, [][]int{init}, name+"/", sc.depth+1)
		sc.leaves[in] = leaves
		return err
	}
	same := body.invariant(len(init))
	param := make([]int, len(init))
	var from, to []int
	taken := map[int]bool{}
	for k := range init {
		if param[k] = init[k]; same[k] {
			continue
		}
		if own := init[k] != immediate && !taken[init[k]] && sc.onlyInitial(in, k, b.s.Values[init[k]].Kind); own {
			taken[init[k]] = true
			continue
		}
		param[k] = b.value(fmt.Sprintf("%s.in{%d}", name, k), shapes[k].bytes(), malloc.KindActivation)
		from, to = append(from, init[k]), append(to, param[k])
	}
	b.copyAll(name+".init", from, to)
	begin := len(b.s.Steps)
	root, err := b.computation(body, [][]int{param}, name+"/", sc.depth+1)
	if err != nil {
		return err
	}
	sc.leaves[in] = b.carry(name, in, begin, param, root, same)
	return nil
}

// carry closes the loop that began at step begin and returns its results.
func (b *builder) carry(name string, in *Instruction, begin int, param, root []int, same []bool) []int {
	shapes := in.Shape.leaves(nil)
	lastRead, firstWrite := map[int]int{}, map[int]int{}
	for i := begin; i < len(b.s.Steps); i++ {
		for _, r := range b.s.Steps[i].Reads {
			lastRead[r.Buf] = i
		}
		for _, w := range b.s.Steps[i].Writes {
			if _, ok := firstWrite[w.Buf]; !ok {
				firstWrite[w.Buf] = i
			}
		}
	}
	slots := map[int]int{}
	for k := range root {
		slots[root[k]]++
	}
	isParam := map[int]bool{}
	for _, v := range param {
		isParam[v] = true
	}
	result := append([]int(nil), param...)
	var from, to []int
	var pairs [][2]int
	for k := range root {
		if same[k] || root[k] == param[k] {
			continue
		}
		out := root[k]
		write, written := firstWrite[out]
		// In place: written in the body by nobody else's leave, and the parameter is
		// read no later, neither by the body nor as another slot's result.
		inPlace := out != immediate && written && !isParam[out] && slots[out] == 1 && lastRead[param[k]] <= write && slots[param[k]] == 0 &&
			b.s.Values[out].Bytes == b.s.Values[param[k]].Bytes
		if !inPlace {
			out = b.value(fmt.Sprintf("%s.out{%d}", name, k), shapes[k].bytes(), malloc.KindActivation)
			from, to = append(from, root[k]), append(to, out)
		}
		result[k] = out
		pairs = append(pairs, [2]int{out, param[k]})
	}
	b.copyAll(name+".carry", from, to)
	if begin < len(b.s.Steps) {
		b.s.Loops = append(b.s.Loops, malloc.Loop{Begin: begin, End: len(b.s.Steps), Trip: in.Trip, Carried: pairs})
	}
	return result
}

// copyAll writes values from others in one step; immediates are written from
// nothing.
func (b *builder) copyAll(name string, from, to []int) {
	if len(to) == 0 {
		return
	}
	var reads []malloc.Operand
	for _, v := range from {
		if v != immediate {
			reads = addRead(reads, malloc.Operand{Buf: v, Bytes: b.s.Values[v].Bytes})
		}
	}
	b.emit(name, "copy", reads, to, work{})
}

// onlyInitial tells whether slot k of a loop's initial tuple is used by nothing
// else, so that the loop may overwrite it.
func (sc *scope) onlyInitial(loop *Instruction, k int, kind string) bool {
	tuple := loop.Operands[0]
	if kind == malloc.KindParam || tuple.Opcode != "tuple" || sc.users[tuple] != 1 || k >= len(tuple.Operands) || tuple.Shape.countLeaves() != len(tuple.Operands) {
		return false
	}
	o := tuple.Operands[k]
	return sc.users[o] == 1 && sc.role[o] == roleStep && o.Opcode != "parameter" && o.Opcode != "constant" && o.Opcode != "while" && o.Opcode != "call"
}

// invariant says which arrays of its parameter a body returns unchanged.
func (c *Computation) invariant(n int) []bool {
	out := make([]bool, n)
	if c.Root.Opcode != "tuple" || len(c.Root.Operands) != n {
		return out
	}
	for k, o := range c.Root.Operands {
		out[k] = o.Opcode == "get-tuple-element" && o.Index == k && o.Operands[0].Opcode == "parameter"
	}
	return out
}

// pickPeriodic marks the longest loop that is in no other and holds none.
func (b *builder) pickPeriodic() {
	best, most := -1, 0.0
	for i := range b.s.Loops {
		l := &b.s.Loops[i]
		alone := true
		for k := range b.s.Loops {
			o := &b.s.Loops[k]
			alone = alone && (k == i || o.End <= l.Begin || l.End <= o.Begin)
		}
		if work := float64(l.End-l.Begin) * float64(l.Trip); alone && work > most {
			best, most = i, work
		}
	}
	if best >= 0 {
		b.s.Loops[best].Periodic = true
	}
}
