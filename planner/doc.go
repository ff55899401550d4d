// Package planner searches mappings: it turns a malloc.Program into a checked
// malloc.Plan.
//
// Every way of finding a plan is a Solver, found by name through New: baselines
// that people use today (demand copies, whole layers, llama.cpp's fit order,
// experts to the CPU, KV resident), two that plan copies (pin-stream, xla-greedy), a beam search (beam),
// the MCTS agent of the mallocGame (mcts), large-neighbourhood search (lns), branch
// and bound for small instances (branch-bound), and auto, which runs the baselines,
// then the agent, and gives what is left of the budget to lns. A solver is anytime:
// it reports each better plan as it finds it, stops when its context ends or its
// budget is spent, and returns the best plan it had. Every plan it shows has been
// accepted by malloc.Check, every time was computed by simulate; nothing here scores
// a plan by itself.
//
//	solver.go      Solver, Problem, Budget, Result, the registry
//	attempt.go     bookkeeping of one Solve: incumbent, budget, trace
//	demand.go      all-DROP, repacked; MinCapacity
//	layers.go      whole layers, llama.cpp's fit, experts to CPU, KV resident
//	pinstream.go   pin a part, stream the rest through a ring
//	ring.go        the ring: copies and blocks of what is streamed
//	xlagreedy.go   the cascade of XLA's memory-space assignment
//	cpsat.go       the exact solver: CP-SAT on small straight instances
//	mapping.go     what of an instance its models see
//	mappingmodel.go, mappinghint.go, mappingplan.go, mappingreplay.go
//	               the models; plans as their solutions and back
//	agent.go       the mallocGame as an mcts.Environment, and the mcts solver
//	features.go    what the network sees of a decision, free of scale
//	learned.go     the learned prior and value (planner/network), learned.json its
//	               weights with the record of their training
//	memory.go      the best game's moves, to be played again
//	train.go, trainplay.go
//	               training: imitation, self-play, what is held out
//	episode.go     a game written out move by move
//	match.go       a game whose moves come from outside, the agent at hand
//	ease.go        copies of a finished plan issued as early as their places allow
//	lns.go         large-neighbourhood search: islands, exchange, temperature
//	lnsisland.go   one island: acceptance, weights of the operators
//	lnsring.go     plans held as rings of streamed buffers, and their operators
//	lnsscript.go   plans held as scripts of the game
//	lnsdestroy.go  what to destroy in a script and how to repair it
//	residence.go, lnsresidence.go, residenceinsert.go, residencedestroy.go, residenceclock.go
//	               plans of straight programs held as blocks and copies, simulated incrementally
//	beam.go        beam search over the game
//	branch.go      branch and bound over all games of a small instance
//	auto.go        all of them together
//
// Equal programs, seeds and evaluation budgets give equal plans; a time budget
// does not promise that.
package planner
