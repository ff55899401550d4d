// Package argmax finds the index of the largest value of each row; the lowest index on ties.
package argmax
