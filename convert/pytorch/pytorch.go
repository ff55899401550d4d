// Package pytorch reads execution traces that PyTorch records
// (ExecutionTraceObserver; schemas 1.0 and 1.1 with Chakra's fields): JSON with
// a list of nodes, each an operator with its inputs and outputs.
//
// A buffer is a storage: tensors that share one (views) share its buffer. The
// schedule is the operators that call no other computing operator, by id, on the
// trace's busiest device; metadata operators (views, empty, result_type, …) move no
// bytes and are left out, and so are collectives. A storage that is read before it is written is a parameter, valid
// from the start. An output's storage is written; so is an input that the operator's schema
// marks as mutated ("a!"). What is written and never read later is a result only if it was
// written last by an in-place operator on a parameter (an optimiser's update).
package pytorch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"strata/convert"
	"strata/costmodel"
	"strata/malloc"
)

type trace struct {
	Schema string `json:"schema"`
	Nodes  []node `json:"nodes"`
}

// node holds the fields of both schemas.
type node struct {
	Name    string          `json:"name"`
	ID      int64           `json:"id"`
	Parent  int64           `json:"parent"`
	Control *int64          `json:"ctrl_deps"`
	Schema  string          `json:"op_schema"`
	Inputs  json.RawMessage `json:"inputs"`
	Outputs json.RawMessage `json:"outputs"`
	Attrs   []struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	} `json:"attrs"`
	InShapes  json.RawMessage `json:"input_shapes"`
	InTypes   []string        `json:"input_types"`
	OutTypes  []string        `json:"output_types"`
	OutShapes json.RawMessage `json:"output_shapes"`
}

// side is an operator's inputs or outputs.
type side struct {
	Values []json.RawMessage `json:"values"`
	Shapes []json.RawMessage `json:"shapes"`
	Types  []string          `json:"types"`
}

// tensor is one tensor argument.
type tensor struct {
	storage   int64
	elements  int64
	width     int64
	offset    int64
	device    string
	shape     []int64
	dtype     string
	argument  int
	mustWrite bool
}

// Read converts a trace.
func Read(data []byte) (*convert.Schedule, error) {
	var t trace
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("execution trace: %w", err)
	}
	if len(t.Nodes) == 0 {
		return nil, fmt.Errorf("execution trace: no nodes")
	}
	if len(t.Nodes) > malloc.MaxInstructions {
		return nil, fmt.Errorf("execution trace: %d nodes, at most %d are possible", len(t.Nodes), malloc.MaxInstructions)
	}
	slices.SortStableFunc(t.Nodes, func(a, b node) int { return cmp.Compare(a.ID, b.ID) })
	ops, err := t.operators()
	if err != nil {
		return nil, err
	}
	return schedule(t.Schema, ops)
}

// operator is a node that does something to tensors.
type operator struct {
	name     string
	in, out  []tensor
	metadata bool
}

// metadata are operators that only describe storage.
var metadata = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`as_strided view _unsafe_view reshape expand permute transpose t slice select narrow squeeze unsqueeze detach alias
		empty empty_strided empty_like resize_ result_type to lift_fresh set_ is_nonzero item _local_scalar_dense unbind split chunk flatten numel size stride`) {
		metadata["aten::"+name] = true
	}
	metadata["detach"], metadata["detach_"], metadata["aten::detach_"] = true, true, true
}

// operators are the nodes without computing operators inside, by id.
func (t *trace) operators() ([]operator, error) {
	// An operator has a smaller id than those it calls: backwards, all of them are
	// known. One that calls metadata operators only (it allocates its result) is
	// the one that computes.
	busy := make(map[int64]bool, len(t.Nodes)) // a computing operator lies inside
	for i := len(t.Nodes) - 1; i >= 0; i-- {
		n := &t.Nodes[i]
		if busy[n.ID] || n.schema() != "" && !metadata[n.Name] {
			busy[n.parent()] = true
		}
	}
	var ops []operator
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if n.schema() == "" || busy[n.ID] {
			continue
		}
		in, err := tensors(n.Inputs, n.InShapes, n.InTypes)
		if err != nil {
			return nil, fmt.Errorf("node %d (%s), inputs: %w", n.ID, n.Name, err)
		}
		out, err := tensors(n.Outputs, n.OutShapes, n.OutTypes)
		if err != nil {
			return nil, fmt.Errorf("node %d (%s), outputs: %w", n.ID, n.Name, err)
		}
		mutated := mutatedArguments(n.schema())
		for k := range in {
			in[k].mustWrite = in[k].argument < len(mutated) && mutated[in[k].argument]
		}
		ops = append(ops, operator{n.Name, in, out, metadata[n.Name]})
	}
	return ops, nil
}

func (n *node) parent() int64 {
	if n.Control != nil {
		return *n.Control
	}
	return n.Parent
}

func (n *node) schema() string {
	if n.Schema != "" {
		return n.Schema
	}
	for _, a := range n.Attrs {
		if a.Name == "op_schema" {
			var s string
			_ = json.Unmarshal(a.Value, &s)
			return s
		}
	}
	return ""
}

// mutatedArguments reads which arguments of a schema carry "!": those of
// "aten::add_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)" are [true false].
func mutatedArguments(schema string) []bool {
	open := strings.IndexByte(schema, '(')
	if open < 0 {
		return nil
	}
	var out []bool
	depth, mutated, empty := 0, false, true
	for i := open + 1; i < len(schema) && len(out) < 256; i++ {
		switch c := schema[i]; {
		case c == '(' || c == '[':
			depth++
		case c == ']' || c == ')' && depth > 0:
			depth--
		case c == ')':
			if !empty {
				out = append(out, mutated)
			}
			return out
		case c == ',' && depth == 0:
			if !empty {
				out = append(out, mutated)
			}
			mutated, empty = false, true
		case c == '!':
			mutated = true
		case c == '*':
		case c != ' ':
			empty = false
		}
	}
	return out
}

// tensors reads one side of a node in either schema.
func tensors(raw, shapes json.RawMessage, types []string) ([]tensor, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	s := side{Types: types}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
	} else {
		if err := json.Unmarshal(raw, &s.Values); err != nil {
			return nil, err
		}
		if len(shapes) > 0 {
			if err := json.Unmarshal(shapes, &s.Shapes); err != nil {
				return nil, err
			}
		}
	}
	var out []tensor
	for i, v := range s.Values {
		if i >= len(s.Types) {
			break
		}
		switch kind := s.Types[i]; {
		case strings.HasPrefix(kind, "Tensor("):
			t, ok, err := parseTensor(v)
			if err != nil {
				return nil, fmt.Errorf("value %d: %w", i, err)
			}
			if ok {
				t.argument, t.dtype = i, strings.TrimSuffix(strings.TrimPrefix(kind, "Tensor("), ")")
				if i < len(s.Shapes) {
					_ = json.Unmarshal(s.Shapes[i], &t.shape) // informs the work only
				}
				out = append(out, t)
			}
		case strings.HasPrefix(kind, "GenericList[Tensor("):
			var list []json.RawMessage
			if err := json.Unmarshal(v, &list); err != nil {
				return nil, fmt.Errorf("value %d: %w", i, err)
			}
			for _, e := range list {
				t, ok, err := parseTensor(e)
				if err != nil {
					return nil, fmt.Errorf("value %d: %w", i, err)
				}
				if ok {
					t.argument = i
					out = append(out, t)
				}
			}
		}
	}
	return out, nil
}

// parseTensor reads [tensor, storage, offset, elements, bytes an element,
// device]; a tensor without storage is none.
func parseTensor(raw json.RawMessage) (tensor, bool, error) {
	var f []json.RawMessage
	if err := json.Unmarshal(raw, &f); err != nil || len(f) < 5 {
		return tensor{}, false, nil // an undefined tensor
	}
	var v [5]int64
	for i := range v {
		if err := json.Unmarshal(f[i], &v[i]); err != nil {
			return tensor{}, false, fmt.Errorf("tensor %s: whole numbers are expected", clip(raw))
		}
	}
	t := tensor{storage: v[1], offset: v[2], elements: v[3], width: v[4]}
	if len(f) > 5 {
		_ = json.Unmarshal(f[5], &t.device)
	}
	if t.elements < 0 || t.width < 0 || t.offset < 0 || t.width > 64 || t.elements > malloc.MaxSizeBytes/64 || t.offset > malloc.MaxSizeBytes/64 {
		return t, false, fmt.Errorf("tensor %s: sizes from 0 to 2^53-1 bytes are expected", clip(raw))
	}
	return t, t.storage != 0 && t.elements > 0 && t.width > 0, nil
}

func clip(raw []byte) string {
	if len(raw) > 80 {
		return string(raw[:80]) + "…"
	}
	return string(raw)
}

func (t *tensor) bytes() int64 { return t.elements * t.width }

// extent is where the tensor ends in its storage; views with strides may reach
// further, which another tensor of the storage then shows.
func (t *tensor) extent() int64 { return (t.offset + t.elements) * t.width }

func schedule(schema string, ops []operator) (*convert.Schedule, error) {
	device := busiest(ops)
	s := &convert.Schedule{Name: "pytorch trace", Source: malloc.Source{Converter: "pytorch execution trace " + schema},
		Notes: []string{"operators on " + device + " in the order of their ids; a buffer is a storage"}}
	value := map[int64]int{}
	place := func(t *tensor, written bool) int {
		v, ok := value[t.storage]
		if !ok {
			v = len(s.Values)
			value[t.storage] = v
			kind := malloc.KindParam
			if written {
				kind = malloc.KindActivation
			}
			s.Values = append(s.Values, convert.Value{Name: fmt.Sprintf("storage.%d", t.storage), Kind: kind})
		}
		s.Values[v].Bytes = max(s.Values[v].Bytes, t.extent())
		return v
	}
	for i := range ops {
		op := &ops[i]
		if op.metadata {
			for _, t := range slices.Concat(op.in, op.out) { // a view may show more of a known storage
				if v, ok := value[t.storage]; ok && t.device == device {
					s.Values[v].Bytes = max(s.Values[v].Bytes, t.extent())
				}
			}
			continue
		}
		st := convert.Step{Name: fmt.Sprintf("%s.%d", op.name, len(s.Steps)), Op: strings.TrimPrefix(op.name, "aten::")}
		for k := range op.in {
			if t := &op.in[k]; t.device == device && !(t.mustWrite && overwrites[op.name]) {
				st.Reads = add(st.Reads, place(t, false), t.bytes())
			}
		}
		for k := range op.in {
			if t := &op.in[k]; t.device == device && t.mustWrite {
				v := place(t, true)
				st.Writes = add(st.Writes, v, t.bytes())
				s.Values[v].Out = s.Values[v].Kind == malloc.KindParam
			}
		}
		for k := range op.out {
			if t := &op.out[k]; t.device == device && !shown(op.in, t) {
				st.Writes = add(st.Writes, place(t, true), t.bytes())
			}
		}
		if len(st.Reads)+len(st.Writes) == 0 {
			continue
		}
		st.Work, st.FLOPs = work(op)
		s.Steps = append(s.Steps, st)
	}
	return s, nil
}

// overwrites do not read what they write.
var overwrites = map[string]bool{"aten::fill_": true, "aten::zero_": true, "aten::copy_": true}

// shown tells an output that is an input's storage already: written in place if
// the schema says so, else a view.
func shown(in []tensor, out *tensor) bool {
	return slices.ContainsFunc(in, func(t tensor) bool { return t.storage == out.storage })
}

func add(list []malloc.Operand, v int, bytes int64) []malloc.Operand {
	for i := range list {
		if list[i].Buf == v {
			list[i].Bytes = max(list[i].Bytes, bytes)
			return list
		}
	}
	return append(list, malloc.Operand{Buf: v, Bytes: bytes})
}

// busiest is the device most tensor bytes are on.
func busiest(ops []operator) string {
	bytes := map[string]float64{}
	for i := range ops {
		for _, t := range ops[i].out {
			bytes[t.device] += float64(t.bytes())
		}
		for _, t := range ops[i].in {
			bytes[t.device] += float64(t.bytes())
		}
	}
	best, most := "", -1.0
	for device, n := range bytes {
		if n > most || n == most && device < best {
			best, most = device, n
		}
	}
	return best
}

// work: products of matrices and convolutions by shape, elements otherwise.
func work(op *operator) ([]costmodel.Work, float64) {
	var largest float64
	for _, t := range slices.Concat(op.in, op.out) {
		largest = max(largest, float64(t.elements))
	}
	if rows, k, tokens, ok := op.product(); ok {
		return []costmodel.Work{{Kernel: costmodel.KernelMatMul, DType: dtype(op.in[0].dtype), Rows: rows, Cols: k, Tokens: tokens}},
			2 * float64(rows) * float64(k) * float64(tokens)
	}
	n := int64(min(largest, math.MaxInt64/4))
	return []costmodel.Work{{Kernel: "elementwise", DType: "f32", Cols: n, Tokens: 1}}, largest
}

func (op *operator) product() (rows, k, tokens int64, ok bool) {
	name := strings.TrimPrefix(op.name, "aten::")
	first := 0
	switch {
	case name == "addmm" || name == "baddbmm":
		first = 1
	case name == "mm" || name == "bmm":
	case strings.Contains(name, "convolution"):
		return op.convolution()
	default:
		return 0, 0, 0, false
	}
	if len(op.in) < first+2 || len(op.out) == 0 {
		return 0, 0, 0, false
	}
	a := op.in[first].shape
	if len(a) < 2 || a[len(a)-1] < 1 || a[len(a)-2] < 1 {
		return 0, 0, 0, false
	}
	k, tokens = a[len(a)-1], a[len(a)-2]
	return max(1, op.out[0].elements/tokens), k, tokens, true
}

// convolution: a forward pass multiplies each output position with the kernel;
// a backward pass does so once for each gradient it returns.
func (op *operator) convolution() (rows, k, tokens int64, ok bool) {
	var weight, result *tensor
	for i := range op.in {
		if len(op.in[i].shape) >= 3 && (weight == nil || i == len(op.in)-1 || i == 1) {
			weight = &op.in[i]
		}
	}
	passes := int64(1)
	switch {
	case strings.Contains(op.name, "backward") && len(op.in) >= 3:
		result, weight = &op.in[0], &op.in[2]
		passes = int64(max(1, min(2, len(op.out))))
	case len(op.out) > 0 && len(op.in) >= 2:
		result, weight = &op.out[0], &op.in[1]
	}
	if result == nil || weight == nil || len(weight.shape) < 3 || weight.shape[0] < 1 {
		return 0, 0, 0, false
	}
	rows = weight.shape[0]
	return rows, max(1, passes*weight.elements/rows), max(1, result.elements/rows), true
}

func dtype(torch string) string {
	switch torch {
	case "c10::Half":
		return "f16"
	case "c10::BFloat16":
		return "bf16"
	}
	return "f32"
}
