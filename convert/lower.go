package convert

import (
	"fmt"
	"math"
	"strings"

	"strata/costmodel"
	"strata/malloc"
)

// Options is how a schedule is put on a machine.
type Options struct {
	Capacities map[string]int64 // by tier name, in bytes
	Threads    int              // of the executor; 0: all its cores
	Scale      float64          // multiplies bytes and work; 0: 1
}

const (
	maxNameBytes  = 1024
	maxNotesBytes = 1 << 16
	maxFLOPs      = 1e300 // stays finite
)

// Lower puts a schedule on the machine of a profile and validates the result.
// hw may be nil when the schedule brings its own machine.
func Lower(s *Schedule, hw *costmodel.Profile, opt Options) (*malloc.Program, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	scale := opt.Scale
	if scale == 0 {
		scale = 1
	}
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("scale: %g, a positive number is expected", opt.Scale)
	}
	m := s.Machine
	var cost coster
	switch {
	case m != nil:
		var err error
		if m, err = m.resized(opt.Capacities); err != nil {
			return nil, err
		}
	case hw == nil:
		return nil, fmt.Errorf("%s: this format describes no machine: name a profile", s.Name)
	default:
		threads := opt.Threads
		if threads == 0 && len(hw.Executors) > 0 {
			threads = max(1, hw.Executors[0].Cores)
		}
		var err error
		if m, err = MachineOf(hw, threads, workingSet(s), opt.Capacities); err != nil {
			return nil, err
		}
		cost = coster{x: &hw.Executors[0], threads: threads, scale: scale}
	}
	p := &malloc.Program{Format: malloc.InstanceFormat, Name: clip(s.Name), Tiers: m.Tiers, Engines: m.Engines, Executors: m.Executors,
		Model: malloc.CostRules{Memory: "additive", Floor: "compute", Overlap: m.Overlap}}
	src := s.Source
	notes := s.Notes
	if scale != 1 {
		notes = append(notes[:len(notes):len(notes)], fmt.Sprintf("bytes and work are multiplied by %g", scale))
	}
	if src.Notes != "" {
		notes = append([]string{src.Notes}, notes...)
	}
	if src.Notes = strings.Join(notes, "; "); len(src.Notes) > maxNotesBytes {
		src.Notes = src.Notes[:maxNotesBytes]
	}
	p.Source = &src
	if scale == 1 && len(opt.Capacities) == 0 {
		p.Bounds = s.Bounds
	}
	remap := s.buffers(p, m, scale)
	p.Instructions = make([]malloc.Instruction, len(s.Steps))
	for i := range s.Steps {
		st := &s.Steps[i]
		in := &p.Instructions[i]
		*in = malloc.Instruction{ID: i, Name: clip(st.Name), Op: clip(st.Op), Group: clip(st.Group), FLOPs: min(st.FLOPs*scale, maxFLOPs), ComputeS: st.ComputeS,
			Reads: operands(st.Reads, remap, scale), Writes: operands(st.Writes, remap, scale)}
		if s.Machine == nil {
			seconds, err := cost.seconds(st.Work)
			if err != nil {
				return nil, fmt.Errorf("%s: instruction %q: %w", s.Name, st.Name, err)
			}
			in.ComputeS = seconds
		}
	}
	for _, l := range s.Loops {
		carried := make([][2]int, 0, len(l.Carried))
		for _, c := range l.Carried {
			carried = append(carried, [2]int{remap[c[0]], remap[c[1]]})
		}
		l.Carried = carried
		growth := make([]malloc.Growth, 0, len(l.Growth))
		for _, g := range l.Growth {
			growth = append(growth, malloc.Growth{Buf: remap[g.Buf], Slope: g.Slope * scale})
		}
		l.Growth = growth
		p.Loops = append(p.Loops, l)
	}
	if err := malloc.Validate(p); err != nil {
		return nil, fmt.Errorf("%s: the converted instance: %w", s.Name, err)
	}
	return p, nil
}

// buffers writes the touched values into p and returns their new indexes.
func (s *Schedule) buffers(p *malloc.Program, m *Machine, scale float64) []int {
	touched := make([]bool, len(s.Values))
	written := make([]bool, len(s.Values))
	for i := range s.Steps {
		for _, o := range s.Steps[i].Reads {
			touched[o.Buf] = true
		}
		for _, o := range s.Steps[i].Writes {
			touched[o.Buf], written[o.Buf] = true, true
		}
	}
	for _, l := range s.Loops {
		for _, c := range l.Carried {
			touched[c[0]], touched[c[1]] = true, true
		}
	}
	remap := make([]int, len(s.Values))
	for i := range s.Values {
		v := &s.Values[i]
		if remap[i] = -1; !touched[i] {
			continue
		}
		b := malloc.Buffer{ID: len(p.Buffers), Name: clip(v.Name), Size: scaled(v.Bytes, scale), Kind: v.Kind, Home: m.Home, End: malloc.EndDead}
		if v.Kind == malloc.KindParam {
			b.End = malloc.EndKeep
			if !written[i] {
				b.Home = m.ParamHome
			}
		}
		if v.Out {
			b.End = malloc.EndOut
		}
		remap[i] = b.ID
		p.Buffers = append(p.Buffers, b)
	}
	return remap
}

func operands(list []malloc.Operand, remap []int, scale float64) []malloc.Operand {
	out := make([]malloc.Operand, len(list))
	for i, o := range list {
		out[i] = malloc.Operand{Buf: remap[o.Buf], Bytes: scaled(o.Bytes, scale)}
	}
	return out
}

// scaled keeps what is not empty at least one byte long.
func scaled(bytes int64, scale float64) int64 {
	if scale == 1 || bytes == 0 {
		return bytes
	}
	v := math.Round(float64(bytes) * scale)
	return int64(min(max(v, 1), malloc.MaxSizeBytes))
}

// resized sets the capacities of a format's own machine.
func (m *Machine) resized(capacities map[string]int64) (*Machine, error) {
	out := *m
	out.Tiers = append([]malloc.Tier(nil), m.Tiers...)
	for name, bytes := range capacities {
		found := false
		for i := range out.Tiers {
			if t := &out.Tiers[i]; t.Name == name && t.Capacity != malloc.Unlimited {
				t.Capacity, found = bytes, true
			}
		}
		if !found {
			var names []string
			for _, t := range out.Tiers {
				if t.Capacity != malloc.Unlimited {
					names = append(names, t.Name)
				}
			}
			return nil, fmt.Errorf("no limited tier %q in this instance, sizes can be set for %s", name, strings.Join(names, ", "))
		}
	}
	return &out, nil
}

// coster prices steps by an executor's kernel rates.
type coster struct {
	x       *costmodel.Executor
	threads int
	scale   float64
}

// seconds is the compute time of one step: its kernels one after another, one
// launch for all.
func (c *coster) seconds(work []costmodel.Work) (float64, error) {
	var launch, total float64
	if c.x.LaunchS != nil {
		launch = c.x.LaunchS.V
	}
	for _, w := range work {
		w.Threads, w.Mode = c.threads, costmodel.ModeFast
		full, err := c.kernel(w)
		if err != nil {
			return 0, err
		}
		total += max(0, full-launch)
	}
	return launch + total*c.scale, nil
}

// kernel prices a kernel at its own type or, where the profile has no rate for
// it, at that of the nearest type that is computed alike.
func (c *coster) kernel(w costmodel.Work) (float64, error) {
	first := error(nil)
	for _, dtype := range []string{w.DType, "f16", "f32"} {
		w.DType = dtype
		s, err := c.x.ComputeS(w)
		if err == nil {
			return s, nil
		}
		if first == nil {
			first = err
		}
	}
	return 0, first
}

func workingSet(s *Schedule) int64 {
	var n int64
	for i := range s.Values {
		n = min(n+s.Values[i].Bytes, malloc.MaxSizeBytes)
	}
	return n
}

func clip(s string) string {
	if len(s) > maxNameBytes {
		return s[:maxNameBytes]
	}
	return s
}
