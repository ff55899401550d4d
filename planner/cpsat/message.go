package cpsat

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Params limits one call of the solver. A zero limit does not limit.
type Params struct {
	Time          time.Duration
	Deterministic float64 // CP-SAT's own count of work, about seconds of one core
	Threads       int     // 0: all cores
	Seed          int32
	MemoryMiB     int64
	FixHints      bool // only look at the hint: is it a solution?
	Linear        bool // all of the model in the linear relaxation, not only what is likely to help
}

// encode writes p as SatParameters. Signals stay ours, logs are off: they would
// go to standard output.
func (p *Params) encode() []byte {
	var b []byte
	double := func(field protowire.Number, v float64) {
		b = protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(v))
	}
	if p.Time > 0 {
		double(36, p.Time.Seconds())
	}
	if p.Deterministic > 0 {
		double(67, p.Deterministic)
	}
	b = appendInt(b, 206, int64(p.Threads))
	b = appendInt(b, 31, int64(p.Seed))
	if p.MemoryMiB > 0 {
		b = appendInt(b, 40, p.MemoryMiB)
	}
	if p.FixHints {
		b = appendInt(b, 192, 1)
	}
	if p.Linear {
		b = appendInt(b, 90, 2) // linearization_level
	}
	b = appendInt(b, 41, 0)  // log_search_progress
	b = appendInt(b, 186, 0) // log_to_stdout
	b = appendInt(b, 135, 0) // catch_sigint_signal: with it, Ctrl-C ends a Go process
	return b
}

// Status is what CP-SAT says of a model.
type Status int

const (
	Unknown Status = iota
	ModelInvalid
	Feasible
	Infeasible
	Optimal
)

func (s Status) String() string {
	if s < Unknown || s > Optimal {
		return fmt.Sprintf("status %d", int(s))
	}
	return [...]string{"unknown", "model invalid", "feasible", "infeasible", "optimal"}[s]
}

// Response is CP-SAT's answer to one call.
type Response struct {
	Status   Status
	Values   []int64 // of all variables; empty without a solution
	Bound    int64   // lower bound of the objective's terms, without its constant
	HasBound bool
	WallS    float64
	Work     float64 // deterministic time
	Info     string  // which part found the solution
}

// decodeResponse reads a CpSolverResponse. Fields that are not used are skipped.
func decodeResponse(b []byte) (*Response, error) {
	r := &Response{}
	bad := func(what string, n int) error {
		return fmt.Errorf("cpsat: the solver's answer is no CpSolverResponse: %s: %w", what, protowire.ParseError(n))
	}
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, bad("tag", n)
		}
		b = b[n:]
		var number uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			number, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return nil, bad(fmt.Sprintf("field %d", field), n)
		}
		b = b[n:]
		switch {
		case field == 1 && kind == protowire.VarintType:
			r.Status = Status(int32(number))
		case field == 2 && kind == protowire.VarintType:
			r.Values = append(r.Values, int64(number))
		case field == 2 && kind == protowire.BytesType:
			for len(bytes) > 0 {
				v, n := protowire.ConsumeVarint(bytes)
				if n < 0 {
					return nil, bad("solution", n)
				}
				r.Values, bytes = append(r.Values, int64(v)), bytes[n:]
			}
		case field == 29 && kind == protowire.VarintType:
			r.Bound, r.HasBound = int64(number), true
		case field == 15 && kind == protowire.Fixed64Type:
			r.WallS = math.Float64frombits(number)
		case field == 17 && kind == protowire.Fixed64Type:
			r.Work = math.Float64frombits(number)
		case (field == 20 || field == 26) && kind == protowire.BytesType: // solution_info, solve_log
			if len(bytes) > 0 {
				r.Info = string(bytes[:min(len(bytes), 1000)])
			}
		}
	}
	return r, nil
}
