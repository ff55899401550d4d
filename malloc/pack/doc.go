// Package pack gives buffers of known lifetimes offsets in one memory, on the
// line (a schedule) or on the circle (one iteration of a periodic loop), so
// that they end within a capacity (Solve) or as low as possible (Minimize).
//
// Greedy packing (Pack, Portfolio). Items are placed one after another into the
// free ranges that the items already placed leave over the whole lifetime: into
// the smallest that fits (best fit) or the lowest (first fit). What decides the
// peak is the order; Portfolio tries the field's usual ones (size, area,
// duration, start, …) and then moves what ends at the peak forward. Items
// overlapping in time are found through a segment tree over the distinct times,
// so a placement costs the number of overlapping items, not of all.
//
// Exact search (Solve, Minimize). instance.go states the problem in sections, the
// largest sets of items live together; search.go branches on a locally lowest
// item, at its lowest place or above; propagate.go draws conclusions from either;
// choose.go says which item is next; runs.go restarts in ever other ways. It finds
// packings that no greedy order finds, and proves that there is none. Rules can be
// left out one by one; docs/packing.md has the argument for each and what it buys.
// The approach follows minimalloc (Moffitt, ASPLOS 2023) in its sections and
// canonical offsets, and differs in how it branches, concludes and restarts.
//
// Bounds. The load, the most bytes live at one time, is a lower bound of every
// peak; a search that ends without an answer raises it. What was cut by a limit
// proves nothing and is called unknown.
//
// Check judges a packing without sharing code with what made it.
package pack
