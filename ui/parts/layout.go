package parts

import (
	"math"

	"fyne.io/fyne/v2"
)

// wrapped is a part that is more than its object: a Chip, a Knob. Fyne paints
// only containers and widgets, so layouts hold what is inside.
type wrapped interface{ Unwrap() fyne.CanvasObject }

func bare(o fyne.CanvasObject) fyne.CanvasObject {
	if w, ok := o.(wrapped); ok {
		return w.Unwrap()
	}
	return o
}

// stackLayout gives all objects all the room.
type stackLayout struct{}

func (stackLayout) Layout(o []fyne.CanvasObject, s fyne.Size) {
	for _, x := range o {
		x.Move(fyne.Position{})
		x.Resize(s)
	}
}

func (stackLayout) MinSize(o []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	for _, x := range o {
		if x.Visible() {
			m = m.Max(x.MinSize())
		}
	}
	return m
}

// Stack lays objects over each other.
func Stack(o ...fyne.CanvasObject) *fyne.Container {
	for i := range o {
		o[i] = bare(o[i])
	}
	return &fyne.Container{Layout: stackLayout{}, Objects: o}
}

// inset keeps room around.
type inset struct{ left, top, right, bottom float32 }

func (l inset) Layout(o []fyne.CanvasObject, s fyne.Size) {
	for _, x := range o {
		x.Move(fyne.NewPos(l.left, l.top))
		x.Resize(fyne.NewSize(max(s.Width-l.left-l.right, 0), max(s.Height-l.top-l.bottom, 0)))
	}
}

func (l inset) MinSize(o []fyne.CanvasObject) fyne.Size {
	return stackLayout{}.MinSize(o).AddWidthHeight(l.left+l.right, l.top+l.bottom)
}

// Inset keeps x pixels left and right and y above and below.
func Inset(o fyne.CanvasObject, x, y float32) *fyne.Container {
	return &fyne.Container{Layout: inset{x, y, x, y}, Objects: []fyne.CanvasObject{bare(o)}}
}

// InsetEach keeps different room at each side.
func InsetEach(o fyne.CanvasObject, left, top, right, bottom float32) *fyne.Container {
	return &fyne.Container{Layout: inset{left, top, right, bottom}, Objects: []fyne.CanvasObject{bare(o)}}
}

// headed is a first object at its least height, the second below with the rest.
type headed struct{ gap float32 }

func (l headed) Layout(o []fyne.CanvasObject, s fyne.Size) {
	h := whole(o[0].MinSize().Height + 0.49)
	o[0].Move(fyne.Position{})
	o[0].Resize(fyne.NewSize(s.Width, h))
	o[1].Move(fyne.NewPos(0, h+l.gap))
	o[1].Resize(fyne.NewSize(s.Width, max(s.Height-h-l.gap, 0)))
}

func (l headed) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(max(a.Width, b.Width), a.Height+l.gap+b.Height)
}

// grow marks an object that takes a share of the room left over in a Row or
// Column.
type grow struct {
	fyne.CanvasObject
	share float32
}

// Grow lets an object take what is left over.
func Grow(o fyne.CanvasObject) fyne.CanvasObject { return GrowBy(o, 1) }

// GrowBy lets an object take a share of what is left over.
func GrowBy(o fyne.CanvasObject, share float32) fyne.CanvasObject { return &grow{o, share} }

// line lays objects out along one axis.
type line struct {
	gap    float32
	down   bool
	shares []float32
}

func newLine(down bool, gap float32, o []fyne.CanvasObject) *fyne.Container {
	l := &line{gap: gap, down: down}
	objects := make([]fyne.CanvasObject, len(o))
	for i, x := range o {
		share := float32(0)
		if g, ok := x.(*grow); ok {
			x, share = g.CanvasObject, g.share
		}
		objects[i] = bare(x)
		l.shares = append(l.shares, share)
	}
	return &fyne.Container{Layout: l, Objects: objects}
}

// whole rounds a place to whole pixels: texts between them are drawn blurred.
func whole(v float32) float32 { return float32(math.Round(float64(v))) }

// Row lays objects out from left to right, as tall as the row, small ones
// centred by themselves.
func Row(gap float32, o ...fyne.CanvasObject) *fyne.Container { return newLine(false, gap, o) }

// Column lays objects out from top to bottom, as wide as the column.
func Column(gap float32, o ...fyne.CanvasObject) *fyne.Container { return newLine(true, gap, o) }

func (l *line) share(i int) float32 {
	if i < len(l.shares) {
		return l.shares[i]
	}
	return 0
}

func (l *line) Layout(o []fyne.CanvasObject, s fyne.Size) {
	need, shares, n := float32(0), float32(0), 0
	for i, x := range o {
		if !x.Visible() {
			continue
		}
		n++
		if sh := l.share(i); sh > 0 {
			shares += sh
		} else {
			need += l.along(x.MinSize())
		}
	}
	left := max(l.along(s)-need-l.gap*float32(max(n-1, 0)), 0)
	at := float32(0)
	for i, x := range o {
		if !x.Visible() {
			continue
		}
		length := l.along(x.MinSize())
		if sh := l.share(i); sh > 0 {
			length = left * sh / shares
		}
		from, to := whole(at), whole(at+length)
		if l.down {
			x.Move(fyne.NewPos(0, from))
			x.Resize(fyne.NewSize(s.Width, to-from))
		} else {
			x.Move(fyne.NewPos(from, 0))
			x.Resize(fyne.NewSize(to-from, s.Height))
		}
		at += length + l.gap
	}
}

func (l *line) along(s fyne.Size) float32 {
	if l.down {
		return s.Height
	}
	return s.Width
}

func (l *line) MinSize(o []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	n := 0
	for _, x := range o {
		if !x.Visible() {
			continue
		}
		n++
		s := x.MinSize()
		if l.down {
			m.Width, m.Height = max(m.Width, s.Width), m.Height+s.Height
		} else {
			m.Width, m.Height = m.Width+s.Width, max(m.Height, s.Height)
		}
	}
	if gap := l.gap * float32(max(n-1, 0)); l.down {
		m.Height += gap
	} else {
		m.Width += gap
	}
	return m
}

// Centred keeps an object at its least height in the middle of a row.
func Centred(o fyne.CanvasObject) *fyne.Container {
	return &fyne.Container{Layout: centred{}, Objects: []fyne.CanvasObject{bare(o)}}
}

type centred struct{}

func (centred) Layout(o []fyne.CanvasObject, s fyne.Size) {
	for _, x := range o {
		h := min(x.MinSize().Height, s.Height)
		x.Move(fyne.NewPos(0, whole((s.Height-h)/2)))
		x.Resize(fyne.NewSize(s.Width, h))
	}
}
func (centred) MinSize(o []fyne.CanvasObject) fyne.Size { return stackLayout{}.MinSize(o) }

// Sized gives an object a least size.
func Sized(o fyne.CanvasObject, w, h float32) *fyne.Container {
	return &fyne.Container{Layout: sized{fyne.NewSize(w, h)}, Objects: []fyne.CanvasObject{bare(o)}}
}

type sized struct{ least fyne.Size }

func (l sized) Layout(o []fyne.CanvasObject, s fyne.Size) { stackLayout{}.Layout(o, s) }
func (l sized) MinSize(o []fyne.CanvasObject) fyne.Size {
	return stackLayout{}.MinSize(o).Max(l.least)
}

// Fixed gives an object a width and height that do not depend on its content.
func Fixed(o fyne.CanvasObject, w, h float32) *fyne.Container {
	return &fyne.Container{Layout: fixed{fyne.NewSize(w, h)}, Objects: []fyne.CanvasObject{bare(o)}}
}

type fixed struct{ size fyne.Size }

func (l fixed) Layout(o []fyne.CanvasObject, s fyne.Size) { stackLayout{}.Layout(o, s) }
func (l fixed) MinSize(o []fyne.CanvasObject) fyne.Size {
	m := stackLayout{}.MinSize(o)
	if l.size.Width > 0 {
		m.Width = l.size.Width
	}
	if l.size.Height > 0 {
		m.Height = l.size.Height
	}
	return m
}
