package cpsat

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Var is an integer variable of a Model; the Not of a Boolean one is a literal
// too.
type Var int32

// Not is the negation of a Boolean variable, usable in Bools and as a condition.
func (v Var) Not() Var { return -v - 1 }

// Term is a coefficient times a variable.
type Term struct {
	Var   Var
	Coeff int64
}

// Expr is a linear expression: the sum of terms, plus a constant.
type Expr struct {
	Terms []Term
	Const int64
}

// Add appends coeff·v. A variable is added once.
func (e *Expr) Add(v Var, coeff int64) { e.Terms = append(e.Terms, Term{v, coeff}) }

// Value of the expression under an assignment.
func (e *Expr) Value(values []int64) int64 {
	sum := e.Const
	for _, t := range e.Terms {
		sum += t.Coeff * values[t.Var]
	}
	return sum
}

// Open ends of a Linear row.
const (
	NoLower = math.MinInt64
	NoUpper = math.MaxInt64
)

// Model is a CP-SAT model in the making. Absolute values of variables and sums
// must stay below 2^62, or CP-SAT calls the model invalid.
type Model struct {
	lo, hi      []int64
	constraints [][]byte
	objective   Expr
	minimizes   bool
	hint        []int64
	hinted      []bool
}

// Int makes a variable in [lo, hi].
func (m *Model) Int(lo, hi int64) Var {
	m.lo, m.hi = append(m.lo, lo), append(m.hi, hi)
	m.hint, m.hinted = append(m.hint, 0), append(m.hinted, false)
	return Var(len(m.lo) - 1)
}

// Bool makes a variable in {0, 1}.
func (m *Model) Bool() Var { return m.Int(0, 1) }

// Fixed is the expression of a constant.
func Fixed(n int64) Expr { return Expr{Const: n} }

// Vars is the number of variables.
func (m *Model) Vars() int { return len(m.lo) }

// Linear requires lo ≤ e ≤ hi, where all of the literals in when hold.
func (m *Model) Linear(lo, hi int64, e Expr, when ...Var) {
	shift := func(end int64) int64 {
		if end == NoLower || end == NoUpper {
			return end
		}
		return end - e.Const
	}
	var c []byte
	c = appendInts(c, 1, len(e.Terms), func(i int) int64 { return int64(e.Terms[i].Var) })
	c = appendInts(c, 2, len(e.Terms), func(i int) int64 { return e.Terms[i].Coeff })
	c = appendInts(c, 3, 2, func(i int) int64 { return [2]int64{shift(lo), shift(hi)}[i] })
	m.add(12, c, when)
}

// AtLeastOne requires one of the literals, where those in when hold.
func (m *Model) AtLeastOne(literals []Var, when ...Var) { m.bools(3, literals, when) }

// AtMostOne forbids two of the literals together.
func (m *Model) AtMostOne(literals ...Var) { m.bools(26, literals, nil) }

func (m *Model) bools(field protowire.Number, literals, when []Var) {
	m.add(field, appendInts(nil, 1, len(literals), func(i int) int64 { return int64(literals[i]) }), when)
}

// Interval says that start + size = end, and returns its index for NoOverlap2D;
// it takes part where the literals in when hold.
func (m *Model) Interval(start, size, end Expr, when ...Var) int {
	var c []byte
	for _, part := range []struct {
		field protowire.Number
		e     *Expr
	}{{4, &start}, {5, &end}, {6, &size}} {
		var x []byte
		x = appendInts(x, 1, len(part.e.Terms), func(i int) int64 { return int64(part.e.Terms[i].Var) })
		x = appendInts(x, 2, len(part.e.Terms), func(i int) int64 { return part.e.Terms[i].Coeff })
		x = appendInt(x, 3, part.e.Const)
		c = appendBytes(c, part.field, x)
	}
	m.add(19, c, when)
	return len(m.constraints) - 1
}

// NoOverlap2D keeps the rectangles x[i] × y[i] apart.
func (m *Model) NoOverlap2D(x, y []int) {
	var c []byte
	c = appendInts(c, 1, len(x), func(i int) int64 { return int64(x[i]) })
	c = appendInts(c, 2, len(y), func(i int) int64 { return int64(y[i]) })
	m.add(21, c, nil)
}

// Minimize sets the objective.
func (m *Model) Minimize(e Expr) { m.objective, m.minimizes = e, true }

// Hint proposes a value of a variable.
func (m *Model) Hint(v Var, value int64) { m.hint[v], m.hinted[v] = value, true }

func (m *Model) add(field protowire.Number, body []byte, when []Var) {
	var c []byte
	c = appendInts(c, 2, len(when), func(i int) int64 { return int64(when[i]) })
	m.constraints = append(m.constraints, appendBytes(c, field, body))
}

// encode writes the model as a CpModelProto; with below, only answers whose
// objective is less than it are wanted.
func (m *Model) encode(below *int64) []byte {
	var out []byte
	for i := range m.lo {
		out = appendBytes(out, 2, appendInts(nil, 2, 2, func(k int) int64 { return [2]int64{m.lo[i], m.hi[i]}[k] }))
	}
	constraints := m.constraints
	if below != nil {
		bound := Model{}
		bound.Linear(NoLower, *below-1, m.objective)
		constraints = append(slices.Clip(constraints), bound.constraints...)
	}
	for _, c := range constraints {
		out = appendBytes(out, 3, c)
	}
	if m.minimizes {
		var o []byte
		o = appendInts(o, 1, len(m.objective.Terms), func(i int) int64 { return int64(m.objective.Terms[i].Var) })
		o = appendInts(o, 4, len(m.objective.Terms), func(i int) int64 { return m.objective.Terms[i].Coeff })
		out = appendBytes(out, 4, o)
	}
	var vars []int
	for i, is := range m.hinted {
		if is {
			vars = append(vars, i)
		}
	}
	if len(vars) > 0 {
		var h []byte
		h = appendInts(h, 1, len(vars), func(i int) int64 { return int64(vars[i]) })
		h = appendInts(h, 2, len(vars), func(i int) int64 { return m.hint[vars[i]] })
		out = appendBytes(out, 6, h)
	}
	return out
}

// appendInts appends a packed list of n integers; an empty list is left out.
func appendInts(b []byte, field protowire.Number, n int, at func(int) int64) []byte {
	if n == 0 {
		return b
	}
	var list []byte
	for i := range n {
		list = protowire.AppendVarint(list, uint64(at(i)))
	}
	return appendBytes(b, field, list)
}

func appendInt(b []byte, field protowire.Number, n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(n))
}

func appendBytes(b []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
}
