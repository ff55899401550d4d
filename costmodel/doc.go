// Package costmodel says how long things take on a machine it has never touched.
//
// A hardware Profile (strata-profile/1, JSON) lists a machine's memory tiers,
// the copy engines between them, and the executors that compute, each number
// with the source it came from: measured by engine/calibrate on this host, or
// quoted from a public document. The profiles of assets/profiles are read with
// Shipped. From a profile the package derives the compute time of a kernel
// (Executor.ComputeS), bandwidths by thread count, and which operands of a
// schedule are served from a cache (ReuseDistances, CacheHits). Lowering turns
// a model.Graph, a profile and a workload into a malloc.Program with these
// times; bound.go, bound_area.go and lagrangian.go hold
// lower bounds of any plan's running time, each with the proof in its comment.
//
// The package measures nothing and reads no clock. Units: bytes are int64,
// seconds, bytes per second and operations per second are float64.
package costmodel
