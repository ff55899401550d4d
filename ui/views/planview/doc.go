// Package planview holds what the views of a plan (tensors, memory map,
// timeline, compare) share: the rows of tensors that a program has, the numbers
// by which plots know tensors, instructions and copies, the clock between
// program order and seconds, the commands of a plot, and the details panel.
package planview
