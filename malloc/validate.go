package malloc

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Validate reports the first rule of the instance format (game.md,
// "mmap-instance/1") that p breaks. The error names the field, what it holds
// and what would do: "buffers[12].home: 7, tiers are 0..2". A Program that
// passes can be indexed without further checks: every id is in range, and every
// buffer is defined before it is read.
func Validate(p *Program) error {
	for _, check := range []func(*Program) error{
		validateHeader, validateTiers, validateEngines, validateExecutors, validateBuffers,
		validateInstructions, validateLoops, validateAliases, validateHomes, validateSelects, validateDefinitions, validateClassOrder,
	} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

func validateHeader(p *Program) error {
	if p.Format != "" && p.Format != InstanceFormat {
		return fmt.Errorf("format: %q, %q is expected", clip(p.Format), InstanceFormat)
	}
	if err := oneOf("model.memory", p.Model.Memory, "additive"); err != nil {
		return err
	}
	if err := oneOf("model.floor", p.Model.Floor, "compute"); err != nil {
		return err
	}
	if err := oneOf("model.overlap", p.Model.Overlap, "idle_bw", "steal"); err != nil {
		return err
	}
	if s := p.Source; s != nil {
		for _, f := range [][2]string{{"repo", s.Repo}, {"path", s.Path}, {"commit", s.Commit}, {"license", s.License}, {"converter", s.Converter}} {
			if err := validName("source."+f[0], f[1]); err != nil {
				return err
			}
		}
		if len(s.Notes) > maxNotesBytes {
			return fmt.Errorf("source.notes: %d bytes, the limit is %d", len(s.Notes), maxNotesBytes)
		}
	}
	return validName("name", p.Name)
}

func validateTiers(p *Program) error {
	if n := len(p.Tiers); n == 0 || n > maxMachineParts {
		return fmt.Errorf("tiers: %d, 1..%d are possible", n, maxMachineParts)
	}
	unlimited := -1
	for i, t := range p.Tiers {
		at := func(f string) string { return fmt.Sprintf("tiers[%d].%s", i, f) }
		if t.ID != i {
			return fmt.Errorf("%s: %d, an id is its index: %d", at("id"), t.ID, i)
		}
		if err := validName(at("name"), t.Name); err != nil {
			return err
		}
		switch {
		case t.Capacity == Unlimited && unlimited >= 0:
			return fmt.Errorf("%s: -1, but tiers[%d] is unlimited already and exactly one tier is", at("capacity"), unlimited)
		case t.Capacity == Unlimited:
			unlimited = i
		case t.Capacity < 0 || t.Capacity > MaxSizeBytes:
			return fmt.Errorf("%s: %d, -1 (unlimited) or 0..2^53-1 is expected", at("capacity"), t.Capacity)
		}
		if t.Align < 1 || t.Align > MaxSizeBytes {
			return fmt.Errorf("%s: %d, at least 1 is expected", at("align"), t.Align)
		}
		for _, f := range []struct {
			name string
			v    float64
		}{{"read_bw", t.ReadBW}, {"write_bw", t.WriteBW}, {"latency_s", t.LatencyS}, {"energy_j_per_byte", t.EnergyJPerByt}} {
			if err := finite(at(f.name), f.v); err != nil {
				return err
			}
		}
	}
	if unlimited < 0 {
		return fmt.Errorf("tiers: none has capacity -1, exactly one tier is unlimited")
	}
	return nil
}

func validateEngines(p *Program) error {
	if n := len(p.Engines); n > maxMachineParts {
		return fmt.Errorf("engines: %d, at most %d are possible", n, maxMachineParts)
	}
	for i, e := range p.Engines {
		at := func(f string) string { return fmt.Sprintf("engines[%d].%s", i, f) }
		if e.ID != i {
			return fmt.Errorf("%s: %d, an id is its index: %d", at("id"), e.ID, i)
		}
		if err := tierInRange(p, at("from"), e.From); err != nil {
			return err
		}
		if err := tierInRange(p, at("to"), e.To); err != nil {
			return err
		}
		if e.From == e.To {
			return fmt.Errorf("%s: %d, the same tier as from", at("to"), e.To)
		}
		if p.Tiers[e.To].WriteBW == 0 {
			return fmt.Errorf("%s: %d, but tiers[%d].write_bw is 0: nothing can be copied there", at("to"), e.To, e.To)
		}
		if !(e.BW > 0) || math.IsInf(e.BW, 0) {
			return fmt.Errorf("%s: %g, a positive number of bytes per second is expected", at("bw"), e.BW)
		}
		if err := finite(at("latency_s"), e.LatencyS); err != nil {
			return err
		}
		if err := finite(at("energy_j_per_byte"), e.EnergyJPerByt); err != nil {
			return err
		}
		if e.RequestBytes < 0 || e.RequestBytes > MaxSizeBytes {
			return fmt.Errorf("%s: %d, 0 (one request) or a positive size is expected", at("request_bytes"), e.RequestBytes)
		}
		if e.IOAlign < 1 || e.IOAlign > MaxSizeBytes {
			return fmt.Errorf("%s: %d, at least 1 is expected", at("io_align"), e.IOAlign)
		}
		for _, tier := range []int{e.From, e.To} {
			if a, b := e.IOAlign, p.Tiers[tier].Align; a%b != 0 && b%a != 0 {
				return fmt.Errorf("%s: %d, tiers[%d].align is %d: one must divide the other", at("io_align"), a, tier, b)
			}
		}
		if e.MaxOutstanding == 0 || e.MaxOutstanding < -1 {
			return fmt.Errorf("%s: %d, -1 (any) or at least 1 is expected", at("max_outstanding"), e.MaxOutstanding)
		}
		if err := oneOf(at("order"), e.Order, "fifo", ""); err != nil {
			return err
		}
		for k, tier := range e.Shares {
			if err := tierInRange(p, at(fmt.Sprintf("shares[%d]", k)), tier); err != nil {
				return err
			}
			if slices.Contains(e.Shares[:k], tier) {
				return fmt.Errorf("%s: tier %d is listed twice", at("shares"), tier)
			}
		}
	}
	return nil
}

func validateExecutors(p *Program) error {
	if n := len(p.Executors); n > maxMachineParts {
		return fmt.Errorf("executors: %d, at most %d are possible", n, maxMachineParts)
	}
	for i, x := range p.Executors {
		if x.ID != i {
			return fmt.Errorf("executors[%d].id: %d, an id is its index: %d", i, x.ID, i)
		}
		if err := validName(fmt.Sprintf("executors[%d].name", i), x.Name); err != nil {
			return err
		}
		if len(x.Access) == 0 {
			return fmt.Errorf("executors[%d].access: empty, an executor reaches at least one tier", i)
		}
		if len(x.Access) > len(p.Tiers) {
			return fmt.Errorf("executors[%d].access: %d entries, there are %d tiers", i, len(x.Access), len(p.Tiers))
		}
		seen := make([]bool, len(p.Tiers))
		for k, a := range x.Access {
			at := func(f string) string { return fmt.Sprintf("executors[%d].access[%d].%s", i, k, f) }
			if err := tierInRange(p, at("tier"), a.Tier); err != nil {
				return err
			}
			if seen[a.Tier] {
				return fmt.Errorf("%s: %d is listed twice", at("tier"), a.Tier)
			}
			seen[a.Tier] = true
			if err := finite(at("read_bw"), a.ReadBW); err != nil {
				return err
			}
			if err := finite(at("write_bw"), a.WriteBW); err != nil {
				return err
			}
		}
	}
	return nil
}

func validateBuffers(p *Program) error {
	if n := len(p.Buffers); n > MaxTouches {
		return fmt.Errorf("buffers: %d, at most %d are possible", n, MaxTouches)
	}
	for i := range p.Buffers {
		b := &p.Buffers[i]
		at := func(f string) string { return fmt.Sprintf("buffers[%d].%s", i, f) }
		if b.ID != i {
			return fmt.Errorf("%s: %d, an id is its index: %d", at("id"), b.ID, i)
		}
		for _, f := range [][2]string{{"name", b.Name}, {"kind", b.Kind}, {"class", b.Class}} {
			if err := validName(at(f[0]), f[1]); err != nil {
				return err
			}
		}
		if b.Size < 0 || b.Size > MaxSizeBytes {
			return fmt.Errorf("%s: %d, 0..2^53-1 is expected", at("size"), b.Size)
		}
		if err := tierInRange(p, at("home"), b.Home); err != nil {
			return err
		}
		if err := oneOf(at("end"), b.End, EndDead, EndKeep, EndOut); err != nil {
			return err
		}
		if b.HomeOffset != nil {
			if off := *b.HomeOffset; off < 0 || off > MaxSizeBytes-b.Size {
				return fmt.Errorf("%s: %d, the data must lie in 0..2^53-1", at("home_offset"), off)
			}
			if home := p.Tiers[b.Home]; home.WriteBW != 0 || home.Capacity != Unlimited {
				return fmt.Errorf("%s: set, but tiers[%d] (%s) is not a file: only an unlimited tier with write_bw 0 has fixed positions", at("home_offset"), b.Home, home.Name)
			}
		}
		if b.Paged < 0 || b.Paged > MaxSizeBytes {
			return fmt.Errorf("%s: %d, 0 (not paged) or a page size is expected", at("paged"), b.Paged)
		}
		if o := b.PanelOf; o != nil {
			if err := validName(at("panel_of.name"), o.Name); err != nil {
				return err
			}
			if o.Row < 0 || o.Rows <= 0 || o.Row > MaxSizeBytes || o.Rows > MaxSizeBytes {
				return fmt.Errorf("%s: rows %d at row %d, at least one row from row 0 on is expected", at("panel_of"), o.Rows, o.Row)
			}
		}
	}
	return nil
}

func validateInstructions(p *Program) error {
	if n := len(p.Instructions); n > MaxInstructions {
		return fmt.Errorf("instructions: %d, the format's limit is %d", n, MaxInstructions)
	}
	touches := 0
	for i := range p.Instructions {
		in := &p.Instructions[i]
		at := func(f string) string { return fmt.Sprintf("instructions[%d].%s", i, f) }
		if in.ID != i {
			return fmt.Errorf("%s: %d, an id is its index: %d", at("id"), in.ID, i)
		}
		if len(in.Name) > maxNameBytes || len(in.Op) > maxNameBytes || len(in.Group) > maxNameBytes {
			return fmt.Errorf("instructions[%d]: a name, op or group is longer than %d bytes", i, maxNameBytes)
		}
		if !(in.ComputeS >= 0) || math.IsInf(in.ComputeS, 0) {
			return fmt.Errorf("%s: %g, a number of seconds is expected", at("compute_s"), in.ComputeS)
		}
		if !(in.FLOPs >= 0) || math.IsInf(in.FLOPs, 0) {
			return fmt.Errorf("%s: %g, a count is expected", at("flops"), in.FLOPs)
		}
		if in.Repeat < 0 {
			return fmt.Errorf("%s: %d, a count is expected", at("repeat"), in.Repeat)
		}
		if touches += len(in.Reads) + len(in.Writes); touches > MaxTouches {
			return fmt.Errorf("instructions[%d]: more than %d touches so far, the format's limit", i, MaxTouches)
		}
		for side, list := range [2][]Operand{in.Reads, in.Writes} {
			for k, o := range list {
				name := [2]string{"reads", "writes"}[side]
				if o.Buf < 0 || o.Buf >= len(p.Buffers) {
					return fmt.Errorf("instructions[%d].%s[%d].buf: %d, %s", i, name, k, o.Buf, rangeText("buffers", len(p.Buffers)))
				}
				if o.Bytes < 0 || o.Bytes > MaxSizeBytes {
					return fmt.Errorf("instructions[%d].%s[%d].bytes: %d, 0..2^53-1 is expected", i, name, k, o.Bytes)
				}
			}
		}
		if err := validateRunsOn(p, i); err != nil {
			return err
		}
		for key, bytes := range in.Scratch {
			tier, err := strconv.Atoi(key)
			if err != nil || strconv.Itoa(tier) != key || tier < 0 || tier >= len(p.Tiers) {
				return fmt.Errorf("%s: key %q, %s", at("scratch"), clip(key), rangeText("tiers", len(p.Tiers)))
			}
			if bytes < 0 || bytes > MaxSizeBytes {
				return fmt.Errorf("%s: %d bytes in tier %d, 0..2^53-1 is expected", at("scratch"), bytes, tier)
			}
		}
		if err := validatePins(p, i); err != nil {
			return err
		}
	}
	return nil
}

func validateRunsOn(p *Program, i int) error {
	list := p.Instructions[i].RunsOn
	executors := max(1, len(p.Executors))
	if len(list) > executors {
		return fmt.Errorf("instructions[%d].runs_on: %d entries, there are %d executors", i, len(list), executors)
	}
	for k, r := range list {
		if r.Executor < 0 || r.Executor >= executors {
			return fmt.Errorf("instructions[%d].runs_on[%d].executor: %d, %s", i, k, r.Executor, rangeText("executors", executors))
		}
		if !(r.ComputeS >= 0) || math.IsInf(r.ComputeS, 0) {
			return fmt.Errorf("instructions[%d].runs_on[%d].compute_s: %g, a number of seconds is expected", i, k, r.ComputeS)
		}
		for _, other := range list[:k] {
			if other.Executor == r.Executor {
				return fmt.Errorf("instructions[%d].runs_on[%d].executor: %d is listed twice", i, k, r.Executor)
			}
		}
	}
	return nil
}

// validatePins checks an instruction's pins: each names an operand, and all
// operands of one buffer at one instruction agree.
func validatePins(p *Program, i int) error {
	in := &p.Instructions[i]
	if len(in.Fixed) > len(in.Reads)+len(in.Writes) {
		return fmt.Errorf("instructions[%d].fixed: %d pins for %d operands", i, len(in.Fixed), len(in.Reads)+len(in.Writes))
	}
	tierOf := make(map[int]int, len(in.Fixed))
	for k, f := range in.Fixed {
		write, index, ok := parseArg(f.Arg)
		if !ok || (!write && index >= len(in.Reads)) || (write && index >= len(in.Writes)) {
			return fmt.Errorf("instructions[%d].fixed[%d].arg: %q, operands are r0..r%d and w0..w%d", i, k, clip(f.Arg), len(in.Reads)-1, len(in.Writes)-1)
		}
		if err := tierInRange(p, fmt.Sprintf("instructions[%d].fixed[%d].tier", i, k), f.Tier); err != nil {
			return err
		}
		buf := 0
		if write {
			buf = in.Writes[index].Buf
		} else {
			buf = in.Reads[index].Buf
		}
		if other, ok := tierOf[buf]; ok && other != f.Tier {
			return fmt.Errorf("instructions[%d].fixed[%d].tier: %d, another pin puts the same buffer %d in tier %d", i, k, f.Tier, buf, other)
		}
		tierOf[buf] = f.Tier
	}
	return nil
}

// parseArg reads an operand name: "r0" is the first read, "w2" the third write.
func parseArg(arg string) (write bool, index int, ok bool) {
	if len(arg) < 2 || len(arg) > 8 || (arg[0] != 'r' && arg[0] != 'w') {
		return false, 0, false
	}
	for _, c := range []byte(arg[1:]) {
		if c < '0' || c > '9' {
			return false, 0, false
		}
		index = index*10 + int(c-'0')
	}
	if arg[1] == '0' && len(arg) > 2 {
		return false, 0, false
	}
	return arg[0] == 'w', index, true
}

func oneOf(field, v string, allowed ...string) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	return fmt.Errorf("%s: %q, one of %q is expected", field, clip(v), allowed)
}

func validName(field, v string) error {
	if len(v) > maxNameBytes {
		return fmt.Errorf("%s: %d bytes, the limit is %d", field, len(v), maxNameBytes)
	}
	return nil
}

// finite accepts a number from 0 to the largest finite one.
func finite(field string, v float64) error {
	if !(v >= 0) || math.IsInf(v, 0) {
		return fmt.Errorf("%s: %g, a finite number from 0 on is expected", field, v)
	}
	return nil
}

func tierInRange(p *Program, field string, tier int) error {
	if tier < 0 || tier >= len(p.Tiers) {
		return fmt.Errorf("%s: %d, %s", field, tier, rangeText("tiers", len(p.Tiers)))
	}
	return nil
}

func rangeText(what string, n int) string {
	if n == 0 {
		return "there are no " + what
	}
	return fmt.Sprintf("%s are 0..%d", what, n-1)
}
