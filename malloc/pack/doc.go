// Package pack gives buffers of known lifetimes offsets in one memory, on the
// line (a schedule) or on the circle (one iteration of a periodic loop), so
// that the highest end, the peak, is low.
//
// Items are placed one after another into the free ranges that the items
// already placed leave over the whole lifetime: into the smallest that fits
// (best fit) or the lowest (first fit). What decides the peak is the order;
// Portfolio tries the field's usual ones (size, area, duration, start, …) and
// then moves what ends at the peak forward. The load, the most bytes live at
// one time, is a lower bound of every peak.
//
// Items overlapping in time are found through a segment tree over the distinct
// times, so a placement costs the number of overlapping items, not of all.
package pack
