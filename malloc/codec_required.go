package malloc

import (
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

// Required numbers: an element starts with values that no file can hold, so
// that a field left out is told from a field that says 0. Everything else about
// an element is for Validate.

const (
	maxMachineParts = 1024           // tiers, engines, executors
	maxPlanParts    = 4 * MaxTouches // blocks, copies
)

var missingFloat = math.Inf(-1)

// requiredFields refuses the first field that was left out.
func requiredFields(fields ...any) error {
	for i := 0; i < len(fields); i += 2 {
		missing := false
		switch v := fields[i+1].(type) {
		case int:
			missing = v == missingInt
		case int64:
			missing = v == missingInt
		case float64:
			missing = math.IsInf(v, -1)
		case string:
			missing = v == ""
		}
		if missing {
			return fmt.Errorf("%s is required and absent", fields[i])
		}
	}
	return nil
}

func newTier() Tier {
	return Tier{ID: missingInt, Capacity: missingInt, ReadBW: missingFloat, WriteBW: missingFloat, Align: missingInt}
}

func checkDecodedTier(t *Tier) error {
	return requiredFields("id", t.ID, "capacity", t.Capacity, "read_bw", t.ReadBW, "write_bw", t.WriteBW, "align", t.Align)
}

func newEngine() Engine {
	return Engine{ID: missingInt, From: missingInt, To: missingInt, BW: missingFloat, IOAlign: 1, MaxOutstanding: -1, Order: "fifo"}
}

func checkDecodedEngine(e *Engine) error {
	return requiredFields("id", e.ID, "from", e.From, "to", e.To, "bw", e.BW)
}

func newExecutor() Executor { return Executor{ID: missingInt} }

func checkDecodedExecutor(x *Executor) error { return requiredFields("id", x.ID) }

// UnmarshalJSONFrom refuses an access entry without its numbers.
func (a *Access) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type plain Access
	v := plain{missingInt, missingFloat, missingFloat}
	if err := decodeElement(d, &v); err != nil {
		return err
	}
	*a = Access(v)
	return requiredFields("tier", a.Tier, "read_bw", a.ReadBW, "write_bw", a.WriteBW)
}

func newBuffer() Buffer { return Buffer{ID: missingInt, Size: missingInt, Home: missingInt} }

func checkDecodedBuffer(b *Buffer) error {
	return requiredFields("id", b.ID, "size", b.Size, "home", b.Home, "kind", b.Kind, "end", b.End)
}

// UnmarshalJSONFrom refuses a select without its parts; "after" left out is -1.
func (s *Select) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type plain Select
	v := plain{After: -1}
	if err := decodeElement(d, &v); err != nil {
		return err
	}
	*s = Select(v)
	if len(s.Of) == 0 {
		return errors.New("select.of is required and absent")
	}
	return nil
}

func newInstruction() Instruction { return Instruction{ID: missingInt, ComputeS: missingFloat} }

func checkDecodedInstruction(in *Instruction) error {
	return requiredFields("id", in.ID, "compute_s", in.ComputeS)
}

// UnmarshalJSONFrom refuses an operand without its numbers.
func (o *Operand) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type plain Operand
	v := plain{missingInt, missingInt}
	if err := decodeElement(d, &v); err != nil {
		return err
	}
	*o = Operand(v)
	return requiredFields("buf", o.Buf, "bytes", o.Bytes)
}

// UnmarshalJSONFrom refuses a runs_on entry without its numbers.
func (r *RunsOn) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type plain RunsOn
	v := plain{missingInt, missingFloat}
	if err := decodeElement(d, &v); err != nil {
		return err
	}
	*r = RunsOn(v)
	return requiredFields("executor", r.Executor, "compute_s", r.ComputeS)
}

// UnmarshalJSONFrom refuses a pin without its operand or tier.
func (f *Fixed) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type plain Fixed
	v := plain{Tier: missingInt}
	if err := decodeElement(d, &v); err != nil {
		return err
	}
	*f = Fixed(v)
	return requiredFields("arg", f.Arg, "tier", f.Tier)
}

func newLoop() Loop { return Loop{Begin: missingInt, End: missingInt, Trip: missingInt} }

func checkDecodedLoop(l *Loop) error {
	return requiredFields("begin", l.Begin, "end", l.End, "trip", l.Trip)
}

// UnmarshalJSONFrom refuses a growth entry without its numbers.
func (g *Growth) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	type plain Growth
	v := plain{missingInt, missingFloat}
	if err := decodeElement(d, &v); err != nil {
		return err
	}
	*g = Growth(v)
	return requiredFields("buf", g.Buf, "slope", g.Slope)
}

func newBlock() Block { return Block{missingInt, missingInt, missingInt, missingInt, missingInt} }

func checkDecodedBlock(b *Block) error {
	return requiredFields("buf", b.Buf, "tier", b.Tier, "start", b.Start, "end", b.End, "offset", b.Offset)
}

func newCopy() Copy {
	return Copy{Buf: missingInt, Block: missingInt, Engine: missingInt, Start: missingInt, Before: missingInt, Bytes: missingInt, After: -1}
}

func checkDecodedCopy(c *Copy) error {
	return requiredFields("buf", c.Buf, "block", c.Block, "engine", c.Engine, "start", c.Start, "before", c.Before, "bytes", c.Bytes)
}

func checkDecodedSite(s *Site) error {
	return requiredFields("instr", s.Instr, "arg", s.Arg, "tier", s.Tier)
}

func checkDecodedRun(r *Run) error {
	return requiredFields("instr", r.Instr, "executor", r.Executor)
}

func checkDecodedTraffic(t *Traffic) error {
	return requiredFields("engine", t.Engine, "bytes", t.Bytes, "requests", t.Requests)
}
