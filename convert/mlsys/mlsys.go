// Package mlsys reads the problems of the MLSys 2026 graph-scheduling contest:
// one JSON object with tensors (widths, heights), operations (inputs, outputs,
// base_costs, op_types), fast_memory_capacity, slow_memory_bandwidth and
// native_granularity.
//
// It is read as a mapping problem: whole operations in list order, whole tensors in
// fast or slow memory, one contest unit of size a byte and one of time a second. The
// contest's tiling, fusion and recomputation are not modelled, so its values are
// reached neither from above nor from below: a tensor larger than the fast memory is
// always slow here, while tiles of it may be fast there; here an operation may read
// slow memory directly, there every operand passes through fast memory.
package mlsys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"strata/convert"
	"strata/malloc"
)

type problem struct {
	Widths      []int64   `json:"widths"`
	Heights     []int64   `json:"heights"`
	Inputs      [][]int   `json:"inputs"`
	Outputs     [][]int   `json:"outputs"`
	BaseCosts   []float64 `json:"base_costs"`
	OpTypes     []string  `json:"op_types"`
	Capacity    int64     `json:"fast_memory_capacity"`
	Bandwidth   float64   `json:"slow_memory_bandwidth"`
	Granularity []int64   `json:"native_granularity"`
}

const maxDim = 1 << 26

// Read converts a contest problem. Compute time of an operation is base_cost for each
// native tile of its output, and for a product for each tile of its reduction too.
func Read(data []byte) (*convert.Schedule, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var p problem
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("contest problem: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("contest problem: text after the closing brace")
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.schedule()
}

func (p *problem) check() error {
	n := len(p.Widths)
	switch {
	case n == 0 || len(p.Heights) != n:
		return fmt.Errorf("widths has %d entries, heights %d: both list every tensor", n, len(p.Heights))
	case len(p.Inputs) == 0 || len(p.Outputs) != len(p.Inputs) || len(p.BaseCosts) != len(p.Inputs) || len(p.OpTypes) != len(p.Inputs):
		return fmt.Errorf("inputs, outputs, base_costs and op_types have %d, %d, %d and %d entries: all list every operation",
			len(p.Inputs), len(p.Outputs), len(p.BaseCosts), len(p.OpTypes))
	case p.Capacity < 1 || p.Capacity > malloc.MaxSizeBytes:
		return fmt.Errorf("fast_memory_capacity: %d, 1..2^53-1 is expected", p.Capacity)
	case !(p.Bandwidth > 0) || math.IsInf(p.Bandwidth, 0):
		return fmt.Errorf("slow_memory_bandwidth: %g, a positive number is expected", p.Bandwidth)
	case len(p.Granularity) != 2 || p.Granularity[0] < 1 || p.Granularity[1] < 1:
		return fmt.Errorf("native_granularity: %v, [width, height] is expected", p.Granularity)
	}
	for i := range p.Widths {
		if p.Widths[i] < 1 || p.Widths[i] > maxDim || p.Heights[i] < 1 || p.Heights[i] > maxDim {
			return fmt.Errorf("tensor %d: %d × %d, 1..%d each way is expected", i, p.Widths[i], p.Heights[i], maxDim)
		}
	}
	for i := range p.Inputs {
		for _, list := range [][]int{p.Inputs[i], p.Outputs[i]} {
			for _, t := range list {
				if t < 0 || t >= n {
					return fmt.Errorf("operation %d: tensor %d, tensors are 0..%d", i, t, n-1)
				}
			}
		}
		if len(p.Outputs[i]) == 0 {
			return fmt.Errorf("outputs[%d]: empty, an operation has a result", i)
		}
		if !(p.BaseCosts[i] >= 0) || math.IsInf(p.BaseCosts[i], 0) {
			return fmt.Errorf("base_costs[%d]: %g, a number of time units is expected", i, p.BaseCosts[i])
		}
	}
	return nil
}

func (p *problem) schedule() (*convert.Schedule, error) {
	s := &convert.Schedule{Name: "mlsys-2026", Source: malloc.Source{Converter: "mlsys"}, Notes: []string{
		"mapping-only reading: no tiling, fusion or recomputation", "one unit of size is a byte, one unit of time a second"}}
	// An access of fast memory costs nothing in the contest; here it is a million
	// times as fast as slow memory.
	fast := 1e6 * p.Bandwidth
	s.Machine = &convert.Machine{Overlap: "idle_bw", ParamHome: 1, Home: 1,
		Tiers: []malloc.Tier{{ID: 0, Name: "fast", Capacity: p.Capacity, ReadBW: fast, WriteBW: fast, Align: 1},
			{ID: 1, Name: "slow", Capacity: malloc.Unlimited, ReadBW: p.Bandwidth, WriteBW: p.Bandwidth, Align: 1}},
		Engines: []malloc.Engine{{ID: 0, From: 1, To: 0, BW: p.Bandwidth, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{1}},
			{ID: 1, From: 0, To: 1, BW: p.Bandwidth, IOAlign: 1, MaxOutstanding: -1, Order: "fifo", Shares: []int{1}}},
		Executors: []malloc.Executor{{Name: "core", Access: []malloc.Access{{Tier: 0, ReadBW: fast, WriteBW: fast}, {Tier: 1, ReadBW: p.Bandwidth, WriteBW: p.Bandwidth}}}}}
	read := make([]bool, len(p.Widths))
	written := make([]bool, len(p.Widths))
	for i := range p.Inputs {
		for _, t := range p.Inputs[i] {
			read[t] = true
		}
		for _, t := range p.Outputs[i] {
			if written[t] {
				return nil, fmt.Errorf("outputs[%d]: tensor %d is another operation's result already", i, t)
			}
			written[t] = true
		}
	}
	for t := range p.Widths {
		v := convert.Value{Name: fmt.Sprintf("tensor%d", t), Bytes: p.Widths[t] * p.Heights[t], Kind: malloc.KindParam}
		if written[t] {
			v.Kind = malloc.KindActivation
			v.Out = !read[t]
		}
		s.Values = append(s.Values, v)
	}
	order, err := p.order()
	if err != nil {
		return nil, err
	}
	for _, i := range order {
		st := convert.Step{Name: fmt.Sprintf("op%d", i), Op: p.OpTypes[i], ComputeS: p.computeTime(i)}
		seen := map[int]bool{}
		for _, t := range p.Inputs[i] {
			if !seen[t] {
				seen[t] = true
				st.Reads = append(st.Reads, malloc.Operand{Buf: t, Bytes: s.Values[t].Bytes})
			}
		}
		for _, t := range p.Outputs[i] {
			st.Writes = append(st.Writes, malloc.Operand{Buf: t, Bytes: s.Values[t].Bytes})
		}
		s.Steps = append(s.Steps, st)
	}
	return s, nil
}

// computeTime: tiles of the output, times tiles of the reduction for a product.
func (p *problem) computeTime(i int) float64 {
	out := p.Outputs[i][0]
	w, h := p.Granularity[0], p.Granularity[1]
	tiles := float64((p.Widths[out]+w-1)/w) * float64((p.Heights[out]+h-1)/h)
	if p.OpTypes[i] == "MatMul" && len(p.Inputs[i]) > 0 {
		tiles *= float64((p.Widths[p.Inputs[i][0]] + w - 1) / w)
	}
	return p.BaseCosts[i] * tiles
}

// order is the list's, with each operation after what it reads: the lowest
// index that is ready goes first.
func (p *problem) order() ([]int, error) {
	producer := make([]int, len(p.Widths))
	for t := range producer {
		producer[t] = -1
	}
	for i := range p.Outputs {
		for _, t := range p.Outputs[i] {
			producer[t] = i
		}
	}
	const (
		waiting = iota
		open
		placed
	)
	state := make([]byte, len(p.Inputs))
	var order, stack []int
	for first := range p.Inputs {
		if state[first] == placed {
			continue
		}
		stack = append(stack[:0], first)
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			if state[i] == placed {
				stack = stack[:len(stack)-1]
				continue
			}
			state[i] = open
			ready := true
			for _, t := range p.Inputs[i] {
				q := producer[t]
				if q < 0 || state[q] == placed {
					continue
				}
				if state[q] == open {
					return nil, fmt.Errorf("operation %d needs its own result (through tensor %d)", i, t)
				}
				stack = append(stack, q)
				ready = false
				break
			}
			if ready {
				state[i] = placed
				order = append(order, i)
				stack = stack[:len(stack)-1]
			}
		}
	}
	return order, nil
}
