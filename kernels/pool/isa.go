package pool

/*
#include "pool.h"
*/
import "C"

import (
	"fmt"
	"strings"
)

// The instruction sets, from the plain reference up.
var isaNames = []string{"portable", "avx2", "avx512"}

// ISA is the instruction set that lists run on: "portable", "avx2" (with FMA and F16C) or "avx512" (with
// VNNI). At first it is the best that the processor has.
//
// Int8 matmuls give the same bits on avx2 and avx512; f32 kernels are the same code on both.
func ISA() string { return isaNames[C.k_isa_current()] }

// ISAs are the instruction sets that this processor can run.
func ISAs() []string {
	var names []string
	for i, name := range isaNames {
		if C.k_isa_supported(C.int(i)) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// SetISA chooses the instruction set of every later Run in this process. It is an error to choose one that
// is not known or that the processor lacks.
func SetISA(name string) error {
	for i, known := range isaNames {
		if known != name {
			continue
		}
		if C.k_isa_supported(C.int(i)) == 0 {
			return fmt.Errorf("instruction set %q: this processor lacks it, it has %s", name, strings.Join(ISAs(), ", "))
		}
		C.k_isa_set(C.int(i))
		return nil
	}
	return fmt.Errorf("instruction set %q: unknown, known are %s", name, strings.Join(isaNames, ", "))
}
