// Package rope rotates queries and keys by their position (Su et al., RoFormer, 2021) in adjacent pairs, as
// ggml's Llama files expect. Angles are computed in double, once for all layers of a call, into a table.
package rope
