package convert

import (
	"fmt"

	"strata/costmodel"
	"strata/malloc"
)

// Schedule is a program without a machine: values, and the steps that read and
// write them in list order.
type Schedule struct {
	Name   string
	Source malloc.Source
	Values []Value
	Steps  []Step
	Loops  []malloc.Loop  // over steps; Carried and Growth name values
	Bounds *malloc.Bounds // where the reader knows them
	Notes  []string       // what the reader left out or assumed, for Source.Notes

	// Machine is set by formats that bring a machine of their own; Lower then
	// takes seconds from Step.ComputeS.
	Machine *Machine
}

// Value is storage that steps read and write.
type Value struct {
	Name  string
	Bytes int64
	Kind  string // one of the malloc.Kind constants
	Out   bool   // a result: valid at home at the end
}

// Step is one instruction. Operands are value indexes with the bytes that pass.
type Step struct {
	Name, Op, Group string
	Reads, Writes   []malloc.Operand
	Work            []costmodel.Work // Threads and Mode are Lower's to fill
	FLOPs           float64
	ComputeS        float64 // used only with a Machine of the Schedule's own
}

// Machine is the part of a Program that a profile or a self-contained format
// gives. ParamHome and Home are the tiers where parameters and everything else
// live.
type Machine struct {
	Tiers           []malloc.Tier
	Engines         []malloc.Engine
	Executors       []malloc.Executor
	Overlap         string
	ParamHome, Home int
}

// check refuses a schedule that does not fit the instance format.
func (s *Schedule) check() error {
	if n := len(s.Steps); n > malloc.MaxInstructions {
		return fmt.Errorf("%s: %d instructions, the instance format's limit is %d", s.Name, n, malloc.MaxInstructions)
	}
	if len(s.Steps) == 0 {
		return fmt.Errorf("%s: no instruction computes anything: there is no memory to plan", s.Name)
	}
	touches := 0
	for i := range s.Steps {
		for _, list := range [][]malloc.Operand{s.Steps[i].Reads, s.Steps[i].Writes} {
			touches += len(list)
			for _, o := range list {
				if o.Buf < 0 || o.Buf >= len(s.Values) {
					return fmt.Errorf("%s: instruction %q names value %d of %d", s.Name, s.Steps[i].Name, o.Buf, len(s.Values))
				}
			}
		}
	}
	if touches > malloc.MaxTouches {
		return fmt.Errorf("%s: %d touches, the instance format's limit is %d", s.Name, touches, malloc.MaxTouches)
	}
	for i := range s.Values {
		if v := &s.Values[i]; v.Bytes < 0 || v.Bytes > malloc.MaxSizeBytes {
			return fmt.Errorf("%s: value %q has %d bytes, 0..2^53-1 is expected", s.Name, v.Name, v.Bytes)
		}
	}
	return nil
}
