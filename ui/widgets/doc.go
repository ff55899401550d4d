// Package widgets holds the few widgets that the views of the window are made
// of and that Fyne does not have.
//
//   - Plot shows a viz.Figure: its panels are cut into tiles of 512 device
//     pixels which workers draw in the background. A pan only moves tiles, a zoom
//     stretches them until sharp ones are there, and what follows the pointer
//     (outlines, tooltip, cursor) are objects of their own over the tiles, so
//     that it never redraws them.
//   - Grid is a table for 10^5 rows: cells are plain texts that are reused, the
//     rows are an order over the caller's data, sorted, filtered by a Filter
//     and grouped with sums by the caller.
//   - Filter is the little language of its filter line
//     (`layer:3 role:ffn bytes>1MiB name~"attn"`).
//   - Meter measures the main thread's work per frame.
//
// Nothing here knows a model, a plan or a controller. All methods belong to the
// window's goroutine unless they say otherwise.
package widgets
