// Package cpsat solves small integer models exactly with CP-SAT, the constraint
// solver of OR-Tools, where its library is installed.
//
// The published shared library is loaded at run time (no headers, nothing at
// build time) and called through the plain C functions that OR-Tools' own Go
// wrapper calls; models and answers are protocol buffers, written and read here
// field by field with protowire. The call runs in a child process of our own
// binary: an abort or a crash inside the library ends the child and is an error
// with its cause here.
//
//	model.go     Model: variables, linear rows, intervals, an objective
//	message.go   Params and Response as protocol buffers
//	library.go   where the library is looked for
//	native.go    dlopen and the calls (cgo); native_other.go says why not
//	frame.go     what parent and child say to each other
//	child.go     the child's side
//	worker.go    the parent's side: start, solve, cancel, crash
//	minimize.go  slices of time with the incumbent as hint
//	packing.go   least peak of a pack.Problem
//
// The solver's word is not taken for it: values are checked by the caller's own
// checker (pack.Check, malloc.Check). "Proved" means that CP-SAT says so.
//
// Fields and their numbers are those of OR-Tools 9.15 (ortools/sat/cp_model.proto,
// sat_parameters.proto).
package cpsat
