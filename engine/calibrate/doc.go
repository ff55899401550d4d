// Package calibrate measures the machine it runs on and returns a profile.
//
// Run takes well under a minute and measures, in a fixed order: memory read and
// write bandwidth by threads and working set, the last-level cache, the cost of
// a barrier, weights streaming through matmuls, file reads by request size and
// depth, how copies and computation slow each other down, and each kernel's rate
// by weight type and shape. Kernels
// run through the same pool and files through the same reader as a real run;
// nothing a validated run does is looked at, so a validation tests the model and
// not the memory of itself.
//
// A value is the median of several calls of about a millisecond, its spread half
// their interquartile range, relative to the median: a run has the ordinary call's
// speed, not the best one's.
//
// ProbeStream repeats one of the measurements, for a validation to tell whether
// the machine still has the speed that it was calibrated with.
package calibrate
