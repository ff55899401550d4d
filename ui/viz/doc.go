// Package viz draws every picture of Strata in pure Go: the memory map (program
// order × address per tier), the timeline (lanes of executors and copy engines
// over the bytes per tier), the treemap by bytes, the search curve,
// the tree of a searched decision and the front of memory against time. The
// window, PNG, SVG and the HTML report share it; it imports no widget toolkit,
// needs neither cgo nor a display, and keeps no state between calls beyond a
// cache of glyph masks.
//
// From the bottom up:
//
//   - Scene: rectangles in world coordinates, a struct of arrays in Hilbert
//     order with a packed R-tree over it. Immutable, safe to share. The same
//     tree culls what a tile does not show and answers which rectangle is under
//     the pointer.
//   - Rasterizer.Draw: a View of a Scene into a Target, which may be one tile
//     of a larger picture; snapped edges, hatches and labels continue across
//     tiles. Plain for gestures, anti-aliased (exact coverage) at rest.
//   - Figure: titled panels with axes, marks, series and a legend around
//     scenes; rendered to an image or to SVG from the same description.
//   - MemoryMap, Timeline, Treemap, SearchCurve, SearchTree, ParetoFront: figures made from a Program, a
//     Plan and Timelines.
//
// World coordinates are float64: T to the right (instructions or seconds), A
// upwards (bytes, or lanes when a View's A axis is turned round). Pixels are
// premultiplied RGBA, laid out as in image.RGBA.
package viz
