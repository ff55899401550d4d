// Package network is the agent's small neural network: a policy that scores the
// legal moves of a decision and a value that estimates a game's return, with
// their training. Matrices are gonum's (blas64.General); forward, backward and
// Adam are written out here.
//
//	mlp.go      a multilayer perceptron: forward, backward
//	network.go  policy and value over features, scored without allocation
//	learn.go    loss and gradient of a batch, Adam, epochs
//	codec.go    weights with their training record, as a JSON document
//
// It knows no game: features are named numbers. Equal seeds, samples and options
// give equal weights on one kind of processor; weights are rounded to float32
// when training ends, so that what is written is what was trained.
package network
