// Package engine really executes a plan: a graph, its lowered Program, a Plan
// and an input go in, tokens and a measured trace.Timeline come out.
//
// One arena per limited tier has exactly the planned bytes; every weight, cache
// row, activation and scratch byte lies at its planned offset. Weights come from
// the model file through package file, which overlaps reads with compute and
// counts them. Before the first instruction everything is bound: each
// instruction becomes a few kernel ops with final addresses, and the runner
// only issues copies, waits for copies and hands runs of ops to the thread pool.
// Nothing in here predicts: times and bytes are metered where they happen.
//
// Today the engine runs one CPU executor over a memory tier and a model file;
// anything else in a plan is refused by name before it starts.
package engine
