// Package malloc states the memory-mapping problem and knows when an answer to
// it is legal.
//
// A Program is a fixed schedule of instructions that read and write buffers on
// a machine of tiers, copy engines and executors. A Plan says, for every buffer
// and interval, which tier and offset hold it, and which copies move it when.
// The package holds both file formats (mmap-instance/1 and mmap-plan/1), the
// independent checker of a plan's legality, the rules of the mallocGame (one
// decision per touch: keep, copy or drop) and, in malloc/pack, the offset
// packers. It searches nothing and reads no clock: solvers live in planner,
// time is scored through the Evaluator that simulate implements.
//
// Units: bytes are int64, logical times are instruction indexes and intervals
// [s, e) are half open, physical times are float64 seconds, bandwidths are
// bytes per second.
package malloc
