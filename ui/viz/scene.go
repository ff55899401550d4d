package viz

import (
	"math"
	"slices"
	"sync/atomic"
)

// Pattern is how a rectangle's fill is textured.
type Pattern uint8

const (
	Solid    Pattern = iota
	Hatch            // rising diagonals: bytes arriving (a copy that fills the block)
	HatchOut         // falling diagonals: bytes leaving (a write-back)
)

// Rect is one rectangle of a scene while it is being built: [T0, T1) × [A0, A1)
// in world coordinates. Ref is the caller's number for it (several rectangles
// may share one), Label is drawn inside when there is room.
type Rect struct {
	T0, T1, A0, A1 float64
	Class          Class
	Pattern        Pattern
	Ref            int32
	Label          string
}

// Scene is an immutable set of rectangles as a struct of arrays in Hilbert
// order (neighbours in the picture are neighbours in memory), with a packed
// R-tree over it. Where rectangles overlap, the later in this order is on top;
// pictures that need layers use several scenes.
type Scene struct {
	T0, T1, A0, A1 []float64
	Class          []Class
	Pattern        []Pattern
	Ref            []int32
	Label          []string

	Bounds  View   // enclosing view; zero for an empty scene
	Version uint64 // differs between any two scenes of a process: a tile cache's key

	index tree
}

var sceneVersions atomic.Uint64

// NewScene sorts rects and builds the index. Rectangles without area, or with
// an edge that is not a finite number, are left out.
func NewScene(rects []Rect) *Scene {
	s := &Scene{Version: sceneVersions.Add(1)}
	keep := make([]int32, 0, len(rects))
	b := View{T0: math.Inf(1), T1: math.Inf(-1), A0: math.Inf(1), A1: math.Inf(-1)}
	for i := range rects {
		r := &rects[i]
		if !(r.T1 > r.T0) || !(r.A1 > r.A0) || math.IsInf(r.T1-r.T0, 0) || math.IsInf(r.A1-r.A0, 0) {
			continue
		}
		keep = append(keep, int32(i))
		b.T0, b.T1 = min(b.T0, r.T0), max(b.T1, r.T1)
		b.A0, b.A1 = min(b.A0, r.A0), max(b.A1, r.A1)
	}
	n := len(keep)
	if n == 0 {
		return s
	}
	s.Bounds = b
	type keyed struct {
		key uint32
		at  int32
	}
	order := make([]keyed, n)
	kt, ka := 65535/(b.T1-b.T0), 65535/(b.A1-b.A0)
	for k, i := range keep {
		r := &rects[i]
		x := uint32(((r.T0+r.T1)/2 - b.T0) * kt)
		y := uint32(((r.A0+r.A1)/2 - b.A0) * ka)
		order[k] = keyed{hilbert(x, y), i}
	}
	slices.SortFunc(order, func(a, b keyed) int {
		if a.key != b.key {
			if a.key < b.key {
				return -1
			}
			return 1
		}
		return int(a.at) - int(b.at)
	})
	world := make([]float64, 4*n)
	s.T0, s.T1, s.A0, s.A1 = world[:n:n], world[n:2*n:2*n], world[2*n:3*n:3*n], world[3*n:]
	s.Class, s.Pattern = make([]Class, n), make([]Pattern, n)
	s.Ref, s.Label = make([]int32, n), make([]string, n)
	for k, o := range order {
		r := &rects[o.at]
		s.T0[k], s.T1[k], s.A0[k], s.A1[k] = r.T0, r.T1, r.A0, r.A1
		s.Class[k], s.Pattern[k], s.Ref[k], s.Label[k] = r.Class, r.Pattern, r.Ref, r.Label
	}
	s.index = newTree(s)
	return s
}

// Len is the number of rectangles.
func (s *Scene) Len() int { return len(s.T0) }

// View is a window on the world: T0 at the left edge, T1 at the right, A0 at
// the bottom, A1 at the top. A0 > A1 puts the low values at the top (lanes,
// treemaps).
type View struct{ T0, T1, A0, A1 float64 }

// Empty reports a view without area or with an edge that is no finite number.
func (v View) Empty() bool {
	a := v.A1 - v.A0
	return !(v.T1 > v.T0) || !(a > 0 || a < 0) || math.IsInf(v.T1-v.T0, 0) || math.IsInf(a, 0)
}

// World maps a pixel position in a picture of w × h to world coordinates.
func (v View) World(x, y, w, h float64) (t, a float64) {
	return v.T0 + x/w*(v.T1-v.T0), v.A1 + y/h*(v.A0-v.A1)
}

// Pixel maps world coordinates to a pixel position in a picture of w × h.
func (v View) Pixel(t, a, w, h float64) (x, y float64) {
	return (t - v.T0) / (v.T1 - v.T0) * w, (a - v.A1) / (v.A0 - v.A1) * h
}

// Zoom scales the view by factor (below 1: closer) around the world point
// (t, a), which keeps its place.
func (v View) Zoom(factorT, factorA, t, a float64) View {
	return View{
		T0: t + (v.T0-t)*factorT, T1: t + (v.T1-t)*factorT,
		A0: a + (v.A0-a)*factorA, A1: a + (v.A1-a)*factorA,
	}
}

// Pan moves the view.
func (v View) Pan(dt, da float64) View {
	return View{v.T0 + dt, v.T1 + dt, v.A0 + da, v.A1 + da}
}

// low and high order the A axis whichever way it is turned.
func (v View) low() float64  { return min(v.A0, v.A1) }
func (v View) high() float64 { return max(v.A0, v.A1) }
