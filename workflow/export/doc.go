// Package export writes plans and runs for other programs and other people: a
// self-contained HTML report, a Chrome trace (for Perfetto), and llama.cpp's
// arguments with a list of what they cannot say. It computes nothing: numbers
// come in through Report, pictures from ui/viz.
package export
