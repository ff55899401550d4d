// Package onnx reads ONNX models (ModelProto) as schedules: nodes in graph
// order, which the format keeps topological. Initialisers and inputs are buffers valid from the
// start, graph outputs are results. Identity, Reshape, Flatten, Squeeze, Unsqueeze and
// Dropout share their input's buffer. A node with a subgraph (If, Loop) is one
// step. Every tensor needs a fixed shape, from value_info, inputs,
// outputs or initialisers; the error names those that have none.
package onnx

import (
	"fmt"
	"slices"
	"strings"

	"strata/convert"
	"strata/convert/wire"
	"strata/costmodel"
	"strata/malloc"
)

// bits by TensorProto.DataType; strings have no size.
var bits = map[uint64]int64{1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
	17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4}

const maxRank = 64

type shape struct {
	dims []int64
	kind uint64
}

func (s *shape) elements() int64 {
	n := int64(1)
	for _, d := range s.dims {
		n *= d
	}
	return n
}

func (s *shape) check() error {
	width, ok := bits[s.kind]
	if !ok || len(s.dims) > maxRank {
		return fmt.Errorf("data type %d with %d dimensions, a type of fixed size and at most %d dimensions are expected", s.kind, len(s.dims), maxRank)
	}
	n := max(width, 8)
	for _, d := range s.dims {
		if d < 0 || d > 0 && n > 8*malloc.MaxSizeBytes/d {
			return fmt.Errorf("dimensions %v: sizes from 0 to 2^53-1 bytes are expected", s.dims)
		}
		n *= d
	}
	return nil
}

type node struct {
	name, op string
	in, out  []string
	tensor   *shape // of a Constant
}

type graph struct {
	name            string
	nodes           []node
	shapes          map[string]*shape
	initial, inputs []string
	outputs         []string
}

// Is tells a ModelProto: it starts with the IR version and holds a graph.
func Is(data []byte) bool {
	if len(data) < 2 || data[0] != 1<<3 {
		return false
	}
	found := false
	err := wire.Each(data, func(f wire.Field) error {
		found = found || f.Number == 7 && len(f.Bytes) > 0
		return nil
	})
	return err == nil && found
}

// Read converts a model.
func Read(data []byte) (*convert.Schedule, error) {
	g := &graph{shapes: map[string]*shape{}}
	found := false
	err := wire.Each(data, func(f wire.Field) error {
		if f.Number == 7 && !found {
			found = true
			return g.read(f.Bytes)
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("no graph (field 7 of ModelProto)")
	}
	if err != nil {
		return nil, fmt.Errorf("ONNX model: %w", err)
	}
	return g.schedule()
}

func (g *graph) read(data []byte) error {
	return wire.Each(data, func(f wire.Field) error {
		switch f.Number {
		case 1:
			n, err := readNode(f.Bytes)
			if err != nil {
				return err
			}
			if g.nodes = append(g.nodes, n); len(g.nodes) > malloc.MaxInstructions {
				return fmt.Errorf("more than %d nodes", malloc.MaxInstructions)
			}
		case 2:
			g.name = string(f.Bytes)
		case 5:
			name, s, err := readTensor(f.Bytes)
			if err != nil {
				return fmt.Errorf("initialiser %q: %w", name, err)
			}
			g.shapes[name] = s
			g.initial = append(g.initial, name)
		case 11, 12, 13:
			name, s, err := readInfo(f.Bytes)
			if err != nil {
				return fmt.Errorf("tensor %q: %w", name, err)
			}
			if s != nil && g.shapes[name] == nil {
				g.shapes[name] = s
			}
			switch f.Number {
			case 11:
				g.inputs = append(g.inputs, name)
			case 12:
				g.outputs = append(g.outputs, name)
			}
		}
		return nil
	})
}

func readNode(data []byte) (node, error) {
	var n node
	err := wire.Each(data, func(f wire.Field) error {
		switch f.Number {
		case 1:
			n.in = append(n.in, string(f.Bytes))
		case 2:
			n.out = append(n.out, string(f.Bytes))
		case 3:
			n.name = string(f.Bytes)
		case 4:
			n.op = string(f.Bytes)
		case 5:
			return wire.Each(f.Bytes, func(f wire.Field) (err error) {
				if f.Number == 5 {
					_, n.tensor, err = readTensor(f.Bytes)
				}
				return err
			})
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("node %q (%s): %w", n.name, n.op, err)
	}
	return n, err
}

func readTensor(data []byte) (name string, s *shape, err error) {
	s = &shape{}
	err = wire.Each(data, func(f wire.Field) (err error) {
		switch f.Number {
		case 1:
			s.dims, err = f.Ints(s.dims)
		case 2:
			s.kind = f.Value
		case 8:
			name = string(f.Bytes)
		}
		return err
	})
	if err == nil {
		err = s.check()
	}
	return name, s, err
}

// readInfo reads ValueInfoProto; a shape that is not fixed is nil.
func readInfo(data []byte) (name string, s *shape, err error) {
	fixed, hasShape := true, false
	out := &shape{}
	err = wire.Each(data, func(f wire.Field) error {
		if f.Number == 1 {
			name = string(f.Bytes)
		}
		if f.Number != 2 {
			return nil
		}
		return wire.Each(f.Bytes, func(f wire.Field) error { // TypeProto
			if f.Number != 1 {
				return nil
			}
			return wire.Each(f.Bytes, func(f wire.Field) error { // Tensor
				switch f.Number {
				case 1:
					out.kind = f.Value
				case 2:
					hasShape = true
					return wire.Each(f.Bytes, func(f wire.Field) error { // TensorShapeProto
						dim := int64(-1)
						err := wire.Each(f.Bytes, func(f wire.Field) error {
							if f.Number == 1 {
								dim = int64(f.Value)
							}
							return nil
						})
						fixed = fixed && dim >= 0
						out.dims = append(out.dims, dim)
						return err
					})
				}
				return nil
			})
		})
	})
	if err != nil || !hasShape || !fixed {
		return name, nil, err
	}
	return name, out, out.check()
}

// shares are operators whose first result is their first input's storage.
var shares = map[string]bool{"Identity": true, "Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Dropout": true}

func (n *node) shares() bool { return shares[n.op] && len(n.in) > 0 && n.in[0] != "" }

func (g *graph) schedule() (*convert.Schedule, error) {
	if err := g.complete(); err != nil {
		return nil, err
	}
	s := &convert.Schedule{Name: g.name, Source: malloc.Source{Converter: "onnx"}}
	value := map[string]int{}
	place := func(name, kind string) int {
		t := g.shapes[name]
		value[name] = len(s.Values)
		s.Values = append(s.Values, convert.Value{Name: name, Bytes: (t.elements()*bits[t.kind] + 7) / 8, Kind: kind})
		return value[name]
	}
	for _, name := range slices.Concat(g.initial, g.inputs) {
		if _, ok := value[name]; !ok {
			place(name, malloc.KindParam)
		}
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		label := n.name
		if label == "" {
			label = fmt.Sprintf("%s.%d", n.op, i)
		}
		if n.op == "Constant" {
			for _, o := range n.out {
				place(o, malloc.KindParam)
			}
			continue
		}
		st := convert.Step{Name: label, Op: n.op}
		for _, name := range n.in {
			if name == "" {
				continue
			}
			v, ok := value[name]
			if !ok {
				return nil, fmt.Errorf("node %q reads %q, which nothing before it writes: nodes must be in topological order", label, name)
			}
			if !slices.ContainsFunc(st.Reads, func(o malloc.Operand) bool { return o.Buf == v }) {
				st.Reads = append(st.Reads, malloc.Operand{Buf: v, Bytes: s.Values[v].Bytes})
			}
		}
		if n.shares() && len(n.out) > 0 {
			value[n.out[0]] = value[n.in[0]]
			continue
		}
		for _, name := range n.out {
			if name == "" {
				continue
			}
			if _, ok := value[name]; ok {
				return nil, fmt.Errorf("node %q writes %q, which is written already", label, name)
			}
			v := place(name, malloc.KindActivation)
			st.Writes = append(st.Writes, malloc.Operand{Buf: v, Bytes: s.Values[v].Bytes})
		}
		st.Work, st.FLOPs = g.work(n)
		s.Steps = append(s.Steps, st)
	}
	for _, name := range g.outputs {
		v, ok := value[name]
		if !ok {
			return nil, fmt.Errorf("output %q: nothing writes it", name)
		}
		s.Values[v].Out = true
	}
	return s, nil
}

// complete finds the tensors without a shape.
func (g *graph) complete() error {
	for i := range g.nodes {
		if n := &g.nodes[i]; n.op == "Constant" && n.tensor != nil && len(n.out) > 0 {
			g.shapes[n.out[0]] = n.tensor
		}
	}
	var missing []string
	for _, name := range slices.Concat(g.initial, g.inputs) {
		if g.shapes[name] == nil {
			missing = append(missing, name)
		}
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		for k, name := range n.out {
			if name != "" && g.shapes[name] == nil && !(n.shares() && k == 0) {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	shown := missing[:min(len(missing), 5)]
	return fmt.Errorf("%d tensors have no fixed shape (%s, …): fix the inputs' dimensions and run onnx.shape_inference.infer_shapes on the model first",
		len(missing), strings.Join(shown, ", "))
}

// work: matrix products and convolutions by shape, elements otherwise.
func (g *graph) work(n *node) ([]costmodel.Work, float64) {
	var largest int64
	for _, name := range slices.Concat(n.in, n.out) {
		if s := g.shapes[name]; s != nil {
			largest = max(largest, s.elements())
		}
	}
	if len(n.in) >= 2 && len(n.out) > 0 {
		a, b, out := g.shapes[n.in[0]], g.shapes[n.in[1]], g.shapes[n.out[0]]
		switch {
		case a == nil || b == nil || out == nil:
		case (n.op == "MatMul" || n.op == "Gemm") && len(a.dims) > 0 && len(out.dims) > 0 && out.elements() > 0:
			k := a.dims[len(a.dims)-1]
			if n.op == "Gemm" { // a may be transposed
				k = a.elements() / out.dims[0]
			}
			cols := out.dims[len(out.dims)-1]
			return product(cols, k, out.elements()/cols)
		case n.op == "Conv" && len(b.dims) >= 3 && b.dims[0] > 0:
			return product(b.dims[0], b.elements()/b.dims[0], out.elements()/b.dims[0])
		}
	}
	return []costmodel.Work{{Kernel: "elementwise", DType: "f32", Cols: largest, Tokens: 1}}, float64(largest)
}

func product(rows, k, tokens int64) ([]costmodel.Work, float64) {
	return []costmodel.Work{{Kernel: costmodel.KernelMatMul, DType: "f32", Rows: rows, Cols: k, Tokens: tokens}},
		2 * float64(rows) * float64(k) * float64(tokens)
}
