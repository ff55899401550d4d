// Package embed dequantises rows of an embedding table to f32. Every token has an address of its own, so
// that a row may lie in the resident table, in a panel, or in a staging slot that a read just filled.
// Only a few rows are read a call, so the plain version is the only one.
package embed
