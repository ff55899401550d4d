package malloc

import (
	"fmt"
	"slices"
)

// This file holds the rules of the format that follow values through the
// schedule: where a buffer may live, what is defined when, who shares a place.

func validateAliases(p *Program) error {
	owner := make(map[int]int) // buffer → alias entry
	names := make(map[string]int, len(p.Aliases))
	for i, a := range p.Aliases {
		at := fmt.Sprintf("aliases[%d]", i)
		if a.Class == "" || len(a.Class) > maxNameBytes {
			return fmt.Errorf("%s.class: %q, a name is expected", at, clip(a.Class))
		}
		if other, ok := names[a.Class]; ok {
			return fmt.Errorf("%s.class: %q is the class of aliases[%d] already", at, clip(a.Class), other)
		}
		names[a.Class] = i
		if err := oneOf(at+".kind", a.Kind, "must", "may"); err != nil {
			return err
		}
		for k, b := range a.Buffers {
			if b < 0 || b >= len(p.Buffers) {
				return fmt.Errorf("%s.buffers[%d]: %d, %s", at, k, b, rangeText("buffers", len(p.Buffers)))
			}
			if other, ok := owner[b]; ok {
				return fmt.Errorf("%s.buffers[%d]: %d is in aliases[%d] already, a buffer has one class", at, k, b, other)
			}
			owner[b] = i
			if c := p.Buffers[b].Class; c != "" && c != a.Class {
				return fmt.Errorf("%s.buffers[%d]: buffers[%d].class is %q, the entry's is %q", at, k, b, clip(c), clip(a.Class))
			}
			first := &p.Buffers[a.Buffers[0]]
			if m := &p.Buffers[b]; a.Kind == "must" && (m.Size != first.Size || m.Home != first.Home) {
				return fmt.Errorf("%s.buffers[%d]: buffer %d has %d bytes at home %d, buffer %d has %d at home %d: members of a must-class share their place",
					at, k, b, m.Size, m.Home, a.Buffers[0], first.Size, first.Home)
			}
		}
	}
	for i := range p.Buffers {
		c := p.Buffers[i].Class
		if c == "" {
			continue
		}
		if e, ok := owner[i]; !ok || p.Aliases[e].Class != c {
			return fmt.Errorf("buffers[%d].class: %q, no entry of aliases with that class lists buffer %d", i, clip(c), i)
		}
	}
	return nil
}

// validateHomes: a home with write_bw 0 holds only params never written, and so
// does a buffer at a fixed position of its home.
func validateHomes(p *Program) error {
	for i := range p.Buffers {
		b := &p.Buffers[i]
		if p.Tiers[b.Home].WriteBW == 0 && b.Kind != KindParam {
			return fmt.Errorf("buffers[%d].home: %d, tier %q cannot be written (write_bw 0) and so holds only buffers of kind %q, this is %q", i, b.Home, p.Tiers[b.Home].Name, KindParam, clip(b.Kind))
		}
	}
	for t := range p.Instructions {
		for k, w := range p.Instructions[t].Writes {
			if b := &p.Buffers[w.Buf]; p.Tiers[b.Home].WriteBW == 0 {
				return fmt.Errorf("instructions[%d].writes[%d].buf: %d, its home tier %q cannot be written (write_bw 0): give it another home", t, k, w.Buf, p.Tiers[b.Home].Name)
			}
		}
	}
	return nil
}

func validateSelects(p *Program) error {
	loop := p.PeriodicLoop()
	any := false
	for i := range p.Buffers {
		s := p.Buffers[i].Select
		if s == nil {
			continue
		}
		any = true
		at := fmt.Sprintf("buffers[%d].select", i)
		if p.Buffers[i].Kind != KindParam {
			return fmt.Errorf("%s: set on a buffer of kind %q, a part of parameters is a %q", at, clip(p.Buffers[i].Kind), KindParam)
		}
		if p.Buffers[i].HomeOffset != nil {
			return fmt.Errorf("buffers[%d].home_offset: set, but where a select's data start is known at run time", i)
		}
		if len(s.Of) == 0 {
			return fmt.Errorf("%s.of: empty, name the buffers it is a part of", at)
		}
		for k, o := range s.Of {
			if o < 0 || o >= len(p.Buffers) {
				return fmt.Errorf("%s.of[%d]: %d, %s", at, k, o, rangeText("buffers", len(p.Buffers)))
			}
			of := &p.Buffers[o]
			if of.Select != nil || of.Kind != KindParam || of.Home != p.Buffers[i].Home {
				return fmt.Errorf("%s.of[%d]: buffer %d, a buffer of kind %q at the same home that is no select itself is expected", at, k, o, KindParam)
			}
		}
		of := slices.Clone(s.Of)
		slices.Sort(of)
		if len(slices.Compact(of)) != len(s.Of) {
			return fmt.Errorf("%s.of: a buffer is listed twice", at)
		}
		if s.After < -1 || s.After >= len(p.Instructions) {
			return fmt.Errorf("%s.after: %d, -1 or %s", at, s.After, rangeText("instructions", len(p.Instructions)))
		}
	}
	if !any {
		return nil
	}
	selected := make([]bool, len(p.Buffers)) // select buffers and what they are parts of
	for i := range p.Buffers {
		if s := p.Buffers[i].Select; s != nil {
			selected[i] = true
			for _, o := range s.Of {
				selected[o] = true
			}
		}
	}
	for t := range p.Instructions {
		in := &p.Instructions[t]
		for k, r := range in.Reads {
			s := p.Buffers[r.Buf].Select
			if s == nil || s.After < t {
				continue
			}
			if loop != nil && inLoop(loop, t) && inLoop(loop, s.After) {
				continue
			}
			return fmt.Errorf("instructions[%d].reads[%d].buf: select buffer %d is known only after instruction %d", t, k, r.Buf, s.After)
		}
		for k, w := range in.Writes {
			if selected[w.Buf] {
				return fmt.Errorf("instructions[%d].writes[%d].buf: %d is a select buffer or part of one, which are never written", t, k, w.Buf)
			}
		}
	}
	return nil
}

func inLoop(l *Loop, t int) bool { return l.Begin <= t && t < l.End }

// validateDefinitions: what is no param is written before it is read; the in of
// a carried pair may be written one iteration earlier, by its out.
func validateDefinitions(p *Program) error {
	defined := make([]bool, len(p.Buffers))
	for i := range p.Buffers {
		defined[i] = p.Buffers[i].Kind == KindParam
	}
	carriedBy := make(map[int][]int) // in → loops
	for i, l := range p.Loops {
		for _, pair := range l.Carried {
			carriedBy[pair[1]] = append(carriedBy[pair[1]], i)
		}
	}
	read := make([]bool, len(p.Buffers))
	for t := range p.Instructions {
		in := &p.Instructions[t]
		for k, r := range in.Reads {
			read[r.Buf] = true
			if defined[r.Buf] || slices.ContainsFunc(carriedBy[r.Buf], func(l int) bool { return inLoop(&p.Loops[l], t) }) {
				continue
			}
			return fmt.Errorf("instructions[%d].reads[%d].buf: %d (%s) is read before it is written: its first write precedes its reads, or its kind is %q", t, k, r.Buf, clip(p.Buffers[r.Buf].Name), KindParam)
		}
		for _, w := range in.Writes {
			defined[w.Buf] = true
		}
	}
	for i := range p.Buffers {
		if b := &p.Buffers[i]; b.End == EndOut && !defined[i] {
			return fmt.Errorf("buffers[%d].end: %q, but nothing writes buffer %d and its kind is not %q", i, EndOut, i, KindParam)
		}
	}
	for i, l := range p.Loops {
		if len(l.Carried) == 0 {
			continue
		}
		written := make(map[int]bool)
		for t := l.Begin; t < l.End; t++ {
			for _, w := range p.Instructions[t].Writes {
				written[w.Buf] = true
			}
		}
		for k, pair := range l.Carried {
			if !written[pair[0]] {
				return fmt.Errorf("loops[%d].carried[%d]: out %d is not written in [%d, %d)", i, k, pair[0], l.Begin, l.End)
			}
		}
	}
	return nil
}

// validateClassOrder: members of a must-class, and of a carried pair, share one
// place, so none is read after the next is written.
func validateClassOrder(p *Program) error {
	class := make([]int, len(p.Buffers))
	for i := range class {
		class[i] = -1
	}
	n := 0
	for _, a := range p.Aliases {
		if a.Kind != "must" {
			continue
		}
		for _, b := range a.Buffers {
			class[b] = n
		}
		n++
	}
	owner := make([]int, n) // who wrote the place last; -1: nobody
	for i := range owner {
		owner[i] = -1
	}
	pairOwner := make(map[[2]int]int)
	pairsOf := make(map[int][][2]int)
	for _, l := range p.Loops {
		for _, pair := range l.Carried {
			for _, b := range pair {
				pairsOf[b] = append(pairsOf[b], pair)
			}
			pairOwner[pair] = -1
		}
	}
	late := func(t, k, b, by int) error {
		return fmt.Errorf("instructions[%d].reads[%d].buf: %d is read after buffer %d, which shares its place, was written", t, k, b, by)
	}
	for t := range p.Instructions {
		in := &p.Instructions[t]
		for k, r := range in.Reads {
			if c := class[r.Buf]; c >= 0 && owner[c] >= 0 && owner[c] != r.Buf && !carriedTogether(pairsOf[r.Buf], owner[c]) {
				return late(t, k, r.Buf, owner[c])
			}
			for _, pair := range pairsOf[r.Buf] {
				if o := pairOwner[pair]; o >= 0 && o != r.Buf {
					return late(t, k, r.Buf, o)
				}
			}
		}
		for _, w := range in.Writes {
			if c := class[w.Buf]; c >= 0 {
				owner[c] = w.Buf
			}
			for _, pair := range pairsOf[w.Buf] {
				pairOwner[pair] = w.Buf
			}
		}
	}
	return nil
}

func carriedTogether(pairs [][2]int, b int) bool {
	return slices.ContainsFunc(pairs, func(p [2]int) bool { return p[0] == b || p[1] == b })
}

// validatePlanFields checks what the plan format says without an instance:
// finite numbers, sizes, hashes, names.
func validatePlanFields(plan *Plan) error {
	for _, f := range [][2]string{{"instance_sha256", plan.InstanceSHA256}, {"structure_sha256", plan.StructureSHA256}} {
		if !isSHA256(f[1]) {
			return fmt.Errorf("%s: %q, 64 hexadecimal digits are expected", f[0], clip(f[1]))
		}
	}
	for _, f := range []struct {
		name string
		v    float64
	}{{"wall_s", plan.WallS}, {"claimed_s", plan.ClaimedS}, {"period_s", plan.PeriodS}, {"lower_s", plan.LowerS}} {
		if err := finite(f.name, f.v); err != nil {
			return err
		}
	}
	if plan.Evaluations < 0 {
		return fmt.Errorf("evaluations: %d, a count is expected", plan.Evaluations)
	}
	if err := validName("solver", plan.Solver); err != nil {
		return err
	}
	if m := plan.Model; m != nil {
		if !isSHA256(m.SHA256) || m.Bytes < 0 || m.Bytes > MaxSizeBytes {
			return fmt.Errorf("model: %d bytes with sha256 %q, a size and 64 hexadecimal digits are expected", m.Bytes, clip(m.SHA256))
		}
		if err := validName("model.name", m.Name); err != nil {
			return err
		}
	}
	if l := plan.Lowering; l != nil {
		for _, f := range []struct {
			name string
			v    int64
		}{{"prompt", int64(l.Prompt)}, {"gen", int64(l.Gen)}, {"context", int64(l.Context)}, {"parallel", int64(l.Parallel)}, {"ubatch", int64(l.Ubatch)}, {"threads", int64(l.Threads)}, {"panel_bytes", l.PanelBytes}} {
			if f.v < 0 || f.v > MaxSizeBytes {
				return fmt.Errorf("lowering.%s: %d, 0..2^53-1 is expected", f.name, f.v)
			}
		}
		for _, f := range [][2]string{{"ctk", l.CTK}, {"ctv", l.CTV}, {"mode", l.Mode}} {
			if err := validName("lowering."+f[0], f[1]); err != nil {
				return err
			}
		}
	}
	for i, pt := range plan.Trace {
		for _, v := range pt {
			if err := finite(fmt.Sprintf("trace[%d]", i), v); err != nil {
				return err
			}
		}
	}
	return nil
}

func isSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
