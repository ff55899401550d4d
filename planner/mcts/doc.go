// Package mcts is Monte Carlo tree search for deterministic single-player
// decision processes, in the shape of DeepMind's mctx library: a tree of flat
// arrays, one search loop that takes its action selection as functions, and two
// short policies composed from it.
//
//	tree.go        what a search knows of every node and edge
//	search.go      simulate, expand, back up
//	select.go      which edge to follow: PUCT, Gumbel at the root, Gumbel inside
//	seqhalving.go  how sequential halving spreads the simulations over the root
//	qtransform.go  how values become comparable with prior logits
//	policy.go      PUCT and Gumbel, two compositions of the above
//
// The package knows no game. An Environment supplies states, legal actions,
// prior logits and a value; planner plays the mallocGame through it.
//
// Sources: Schrittwieser et al., "Mastering Atari, Go, Chess and Shogi by
// Planning with a Learned Model" (PUCT and its constants); Danihelka et al.,
// "Policy improvement by planning with Gumbel" (sequential halving, completed
// action values); google-deepmind/mctx for the decomposition. No code is copied.
package mcts
