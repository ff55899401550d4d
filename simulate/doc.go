// Package simulate runs a plan on paper: a discrete-event simulation of a
// (malloc.Program, malloc.Plan) pair that yields its time, its traffic and its
// trace.Timeline. It is the objective of the memory-mapping game.
//
// # The clock
//
// Instructions run one after another in schedule order. An instruction takes
// max(compute, memory) seconds; memory is additive over tiers, reads and writes
// apart: Σ bytes / bandwidth. Copies are FIFO per engine and move bytes while
// instructions run and while the schedule waits. At instruction t:
//
//	issue write-backs with start t, wait for those with before t,
//	issue the other copies with start t, wait for those with before t, run t.
//
// The first line belongs to the instruction that ended (a write-back starts
// after the write), so the code attaches it to instruction t-1: then a loop's
// body owns exactly the write-backs with start in (begin, end].
//
// # Who gets the bandwidth
//
// A tier listed in an engine's shares is shared between executors and engines.
// Under "idle_bw" executors come first: an instruction uses the fraction
// u = (reads/read_bw + writes/write_bw)/duration of the tier, and n transferring
// engines get (1-u)·bw/n each, at most their own. Under "steal" engines come
// first: they take the fraction σ, and executors read and write that tier at
// min(own, (1-σ)·tier bandwidth), so memory time stretches while compute time
// does not; the instruction ends when both are done.
//
// # Requests
//
// A copy is ceil(bytes/request_bytes) requests. A request enters flight when
// its copy is issued, the copy named by after is complete, all earlier requests
// of the engine have entered, and fewer than max_outstanding are in flight. Its
// latency then passes beside other latencies and transfers; transfers run one at
// a time in order.
//
// # Loops
//
// Direct simulates every iteration. Evaluate stops simulating a periodic loop
// whose state at its begin repeats, and multiplies; a loop whose bytes grow is
// simulated in full, because no iteration equals another, and only its period
// is taken at the mean growth. Both agree to 1e-9.
//
// # Small changes
//
// An Incremental holds a plan and evaluates it again after edits of sites,
// executors and copies: from the first change until the queues coincide with what
// they were, with an undo trail. It agrees with the full simulation to 1e-9.
package simulate
