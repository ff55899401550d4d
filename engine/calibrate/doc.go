// Package calibrate measures the machine it runs on and returns a profile.
//
// Run takes well under a minute and measures, in a fixed order: memory read and
// write bandwidth by threads and working set, the last-level cache, the cost of
// a barrier, each kernel's rate by weight type and shape, file reads by request
// size and depth, and how copies and computation slow each other down. Kernels
// run through the same pool and files through the same reader as a real run;
// nothing a validated run does is looked at, so a validation tests the model and
// not the memory of itself.
//
// A sample is the best of a few runs of about a millisecond, which takes out
// most of what other processes do to it; the value is the median of the samples
// and its spread half their interquartile range, relative to the median.
//
// ProbeDisk is a short measurement of a file's reads. Validation does not use it:
// workflow probes the very extents that a plan streams.
package calibrate
