// Package attention stores keys and values in a cache and attends to it: causal, with grouped queries
// (Ainslie et al., 2023), softmax shifted by the largest score, f32 arithmetic over an f32 or f16 cache.
//
// A head's scores lie in scratch of its thread. Heads that share keys are computed together where the scratch
// has room for several; their bits are the same alone.
package attention
