// Package hlo reads XLA programs, as HLO text or as a serialised HloProto or
// HloModuleProto, and returns the schedule of the entry computation.
//
// What becomes of it:
//   - A parameter is a buffer that is valid at home from the start; so is a
//     constant of more than one element. One-element constants are immediates.
//   - tuple, get-tuple-element, bitcast, reshape, optimization-barrier and a
//     transpose that only relabels the layout move no bytes: their results are
//     their operands' buffers. A dynamic-update-slice whose operand nobody uses
//     again writes in place.
//   - call is inlined. A while loop with a known_trip_count becomes a loop with
//     carried pairs, the longest one without loops inside periodic; with none, its body
//     counts once and a note says so. Conditions are not modelled.
//   - A fusion, like any other instruction, is one step: it reads what its
//     parameters read (a parameter that is only sliced: the slices) and writes
//     its results. Custom calls and conditionals are one step too.
//   - Text without any fusion that is not scheduled either is fused simply (see
//     fuse.go), so that not every addition passes through memory.
//
// List order is the schedule: scheduled modules are in that order, others in
// the post order that XLA prints.
//
// There is no HLO reader for Go to build on; google.golang.org/protobuf/encoding/protowire reads the wire
// format, which spares generated code for messages of which we need few fields.
package hlo
