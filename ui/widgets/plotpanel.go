package widgets

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"strata/ui/viz"
)

// plotPanel is one panel of a plot: its tiles and the outlines over them.
type plotPanel struct {
	plot       *Plot
	index      int
	panel      *viz.Panel
	content    uint64
	home, view viz.View // view's T is the plot's

	x, y, w, h float32 // data area, logical pixels of the plot

	clip  *container.Clip
	box   *fyne.Container
	under *canvas.Rectangle
	front []*tile // of the current generation
	back  *tile   // what was shown at an older zoom, stretched until front is complete
	free  []*tile
	gen   generation
	full  bool         // front covers the view
	lit   []viz.Marked // per layer, while something is selected; see Plot.light

	outlines []*canvas.Rectangle // hover and selection
	cursor   *canvas.Line

	order   []keyedRect // sorted by key; made in the background after the first use
	sorting bool
}

// generation is everything in a tile's key that all tiles of a view share.
type generation struct {
	w, h    int
	grid    viz.Grid
	palette *viz.Palette
	scale   float32
}

// tile is one raster object; the pixels it shows are shared with the cache.
type tile struct {
	raster *canvas.Raster
	img    *image.RGBA
	key    tileKey
	world  viz.View
}

type rectAt struct{ layer, index int32 }

type keyedRect struct {
	key Key
	at  rectAt
}

type arrival struct {
	pp  *plotPanel
	key tileKey
	img *image.RGBA
}

func (pp *plotPanel) build() {
	pp.under = canvas.NewRectangle(color.Transparent)
	pp.cursor = canvas.NewLine(color.Transparent)
	pp.cursor.StrokeWidth = 1
	pp.box = newLayer(pp.under, pp.cursor)
	pp.clip = container.NewClip(pp.box)
}

// place moves the panel's data area.
func (pp *plotPanel) place(x, y, w, h float32) {
	pp.x, pp.y, pp.w, pp.h = x, y, w, h
	pp.clip.Move(fyne.NewPos(x, y))
	pp.clip.Resize(fyne.NewSize(w, h))
	pp.under.Resize(fyne.NewSize(w, h))
}

// shown is the world that the panel shows.
func (pp *plotPanel) shown() viz.View {
	v := pp.view
	v.T0, v.T1 = pp.plot.t0, pp.plot.t1
	return v
}

// setA changes the vertical view, inside the home and never past the smallest zoom.
func (pp *plotPanel) setA(a0, a1 float64) {
	lo, hi := min(pp.home.A0, pp.home.A1), max(pp.home.A0, pp.home.A1)
	l, h := clampSpan(min(a0, a1), max(a0, a1), lo, hi)
	if pp.home.A0 > pp.home.A1 {
		l, h = h, l
	}
	pp.view.A0, pp.view.A1 = l, h
}

// panA moves the vertical view by a share of its height, downwards on the screen.
func (pp *plotPanel) panA(share float64) {
	d := (pp.view.A0 - pp.view.A1) * share
	pp.setA(pp.view.A0+d, pp.view.A1+d)
}

// zoomedA says that the panel does not show its whole height.
func (pp *plotPanel) zoomedA() bool { return pp.view.A0 != pp.home.A0 || pp.view.A1 != pp.home.A1 }

func (pp *plotPanel) hit(x, y float64) Hit {
	v := pp.shown()
	t, a := v.World(x, y, float64(pp.w), float64(pp.h))
	h := Hit{Panel: pp.index, Index: -1, Key: NoKey, T: t, A: a}
	for l := len(pp.panel.Layers) - 1; l >= 0; l-- {
		s := pp.panel.Layers[l].Scene
		if i := s.Hit(t, a); i >= 0 {
			h.Layer, h.Index, h.Ref = l, i, s.Ref[i]
			if pp.plot.Key != nil {
				h.Key = pp.plot.Key(pp.index, h.Ref)
			}
			return h
		}
	}
	return h
}

// rects lists the rectangles with a key.
func (pp *plotPanel) rects(k Key) []rectAt {
	if k == NoKey || pp.plot.Key == nil {
		return nil
	}
	if pp.order == nil {
		if found, wait := pp.sortKeys(k); wait {
			return found
		}
	}
	first, _ := slices.BinarySearchFunc(pp.order, k, func(e keyedRect, k Key) int { return cmp.Compare(e.key, k) })
	var found []rectAt
	for i := first; i < len(pp.order) && pp.order[i].key == k; i++ {
		found = append(found, pp.order[i].at)
	}
	return found
}

// sortRects is from how many rectangles on the order by key is made in the
// background.
const sortRects = 4000

// sortKeys makes the order by key. While it is made in the background, the
// answer for k is looked up one by one.
func (pp *plotPanel) sortKeys(k Key) (found []rectAt, wait bool) {
	n := 0
	for l := range pp.panel.Layers {
		n += pp.panel.Layers[l].Scene.Len()
	}
	var list []keyedRect
	if !pp.sorting {
		list = make([]keyedRect, 0, n)
	}
	for l := range pp.panel.Layers {
		for i, ref := range pp.panel.Layers[l].Scene.Ref {
			key := pp.plot.Key(pp.index, ref)
			if key == k {
				found = append(found, rectAt{int32(l), int32(i)})
			}
			if !pp.sorting {
				list = append(list, keyedRect{key, rectAt{int32(l), int32(i)}})
			}
		}
	}
	if pp.sorting {
		return found, true
	}
	order := func() {
		slices.SortFunc(list, func(a, b keyedRect) int {
			return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at.layer, b.at.layer), cmp.Compare(a.at.index, b.at.index))
		})
	}
	if n < sortRects || pp.plot.Synchronous {
		order()
		pp.order = list
		return nil, false
	}
	pp.sorting = true
	go func() {
		order()
		pp.plot.do(func() { pp.order, pp.sorting = list, false })
	}()
	return found, true
}

// update brings the tiles in line with the view: moves those that are there,
// takes what the cache has, and asks for the rest.
func (pp *plotPanel) update() {
	p := pp.plot
	v := pp.shown()
	if pp.w < 1 || pp.h < 1 || v.Empty() || pp.home.Empty() {
		return
	}
	scale := float64(p.scale)
	pw, ph := math.Round(float64(pp.w)*scale), math.Round(float64(pp.h)*scale)
	fullW := max(int(math.Round(pw*(pp.home.T1-pp.home.T0)/(v.T1-v.T0))), 1)
	fullH := max(int(math.Round(ph*(pp.home.A1-pp.home.A0)/(v.A1-v.A0))), 1)
	gen := generation{fullW, fullH, pp.panel.GridOf(v, p.unit, float64(pp.w), float64(pp.h)), p.palette, p.scale}
	if gen != pp.gen {
		if pp.gen.w != 0 && p.gesture {
			p.zoomed = time.Now()
		}
		pp.gen = gen
		if pp.full {
			pp.keepDraft()
		}
		pp.release(&pp.front)
		pp.full = false
	}
	x0, y0 := pp.home.Pixel(v.T0, v.A1, float64(fullW), float64(fullH)) // the view's corner in the whole picture
	offX, offY := math.Round(x0), math.Round(y0)
	ix0, ix1 := int32(math.Floor(offX/tilePx)), int32(math.Floor((offX+pw-1)/tilePx))
	iy0, iy1 := int32(math.Floor(offY/tilePx)), int32(math.Floor((offY+ph-1)/tilePx))
	inside := func(ix, iy int32) bool { return ix >= ix0 && ix <= ix1 && iy >= iy0 && iy <= iy1 }
	kept := pp.front[:0]
	for _, t := range pp.front {
		if inside(t.key.ix, t.key.iy) {
			kept = append(kept, t)
		} else {
			pp.free = append(pp.free, t)
		}
	}
	pp.front = kept
	var jobs []tileJob
	uploads := 0
	pp.full = true
	px, py := p.input.pointer.X-pp.x, p.input.pointer.Y-pp.y
	for iy := iy0; iy <= iy1; iy++ {
		for ix := ix0; ix <= ix1; ix++ {
			key := tileKey{pp.content, fullW, fullH, gen.grid, ix, iy, gen.palette, gen.scale, p.gesture && !p.Synchronous, p.lit}
			have := pp.at(ix, iy)
			if have != nil && have.key.lit == key.lit && (key.plain || !have.key.plain) {
				continue
			}
			if uploads < p.uploadBudget() {
				if img, ok := tiles.get(key); ok {
					uploads++
					pp.show(have, key, img)
					continue
				}
			}
			job := tileJob{key: key, panel: pp.panel, view: pp.home, lit: pp.lit, faded: p.faded, done: p.arrived(pp)}
			if p.Synchronous {
				img := job.draw(&p.raster)
				tiles.put(key, img)
				pp.show(have, key, img)
				continue
			}
			cx, cy := (float64(ix)+0.5)*tilePx-offX, (float64(iy)+0.5)*tilePx-offY
			job.urgency = math.Hypot(cx/scale-float64(px), cy/scale-float64(py))
			jobs = append(jobs, job)
			if have == nil {
				pp.full = false
			}
		}
	}
	tiles.want(pp, jobs)
	if pp.full && pp.back != nil {
		pp.free = append(pp.free, pp.back)
		pp.back.img, pp.back = nil, nil
	}
	side := float32(tilePx / scale)
	for _, t := range pp.front {
		t.raster.Move(fyne.NewPos(float32((float64(t.key.ix)*tilePx-offX)/scale), float32((float64(t.key.iy)*tilePx-offY)/scale)))
		t.raster.Resize(fyne.NewSize(side, side))
	}
	if t := pp.back; t != nil {
		ax, ay := v.Pixel(t.world.T0, t.world.A1, float64(pp.w), float64(pp.h))
		bx, by := v.Pixel(t.world.T1, t.world.A0, float64(pp.w), float64(pp.h))
		t.raster.Move(fyne.NewPos(float32(ax), float32(ay)))
		t.raster.Resize(fyne.NewSize(float32(bx-ax), float32(by-ay)))
	}
	pp.stack()
}

// stack puts the panel's objects in drawing order.
func (pp *plotPanel) stack() {
	o := append(pp.box.Objects[:0], pp.under)
	if pp.back != nil {
		o = append(o, pp.back.raster)
	}
	for _, t := range pp.front {
		o = append(o, t.raster)
	}
	for _, r := range pp.outlines {
		o = append(o, r)
	}
	pp.box.Objects = append(o, pp.cursor)
}

func (pp *plotPanel) at(ix, iy int32) *tile {
	for _, t := range pp.front {
		if t.key.ix == ix && t.key.iy == iy {
			return t
		}
	}
	return nil
}

// show puts pixels into a tile, a new one when t is nil.
func (pp *plotPanel) show(t *tile, key tileKey, img *image.RGBA) {
	if t == nil {
		t = pp.take()
		pp.front = append(pp.front, t)
	}
	t.key = key
	x, y := float64(key.ix)*tilePx, float64(key.iy)*tilePx
	t.world.T0, t.world.A1 = pp.home.World(x, y, float64(key.w), float64(key.h))
	t.world.T1, t.world.A0 = pp.home.World(x+tilePx, y+tilePx, float64(key.w), float64(key.h))
	if t.img != img {
		t.img = img
		t.raster.Refresh()
	}
}

// take returns an unused tile object. One that no canvas knows any more is not
// reused: its texture could not be replaced.
func (pp *plotPanel) take() *tile {
	for len(pp.free) > 0 {
		t := pp.free[len(pp.free)-1]
		pp.free = pp.free[:len(pp.free)-1]
		if fyne.CurrentApp().Driver().CanvasForObject(t.raster) != nil {
			return t
		}
	}
	t := &tile{}
	t.raster = canvas.NewRaster(func(w, h int) image.Image {
		if t.img == nil {
			return image.NewRGBA(image.Rectangle{})
		}
		return t.img
	})
	t.raster.ScaleMode = canvas.ImageScalePixels
	return t
}

// release gives tiles back. They forget their pixels, which are the cache's.
func (pp *plotPanel) release(list *[]*tile) {
	for _, t := range *list {
		t.img = nil
	}
	pp.free = append(pp.free, *list...)
	if len(pp.free) > maxFree {
		pp.free = slices.Clone(pp.free[len(pp.free)-maxFree:])
	}
	*list = nil
}

// maxFree is how many unused tile objects a panel keeps.
const maxFree = 12

// keepDraft makes one picture of half the size of what front shows, to be
// stretched while sharp tiles of another zoom are drawn: the driver uploads a
// raster again whenever it is resized, so a stretched one should be small.
func (pp *plotPanel) keepDraft() {
	if len(pp.front) == 0 {
		return
	}
	scale := float64(pp.plot.scale)
	w, h := max(int(float64(pp.w)*scale/2), 1), max(int(float64(pp.h)*scale/2), 1)
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	ground := pp.plot.palette.Inks[viz.InkSurface]
	target := viz.ImageTarget(img)
	target.Fill(ground)
	for _, t := range pp.front {
		at := t.raster.Position()
		x0, y0 := int(math.Round(float64(at.X)*scale)), int(math.Round(float64(at.Y)*scale))
		halve(target, viz.ImageTarget(t.img), x0, y0)
	}
	if pp.back == nil {
		pp.back = pp.take()
	}
	first := pp.front[0]
	// The world that the draft shows, from the first tile's place in it.
	at := first.raster.Position()
	perX, perY := (first.world.T1-first.world.T0)/tilePx*scale, (first.world.A0-first.world.A1)/tilePx*scale
	pp.back.world.T0 = first.world.T0 - float64(at.X)*perX
	pp.back.world.T1 = pp.back.world.T0 + float64(2*w)/scale*perX
	pp.back.world.A1 = first.world.A1 - float64(at.Y)*perY
	pp.back.world.A0 = pp.back.world.A1 + float64(2*h)/scale*perY
	pp.back.img = img
	pp.back.raster.Refresh()
}

// halve copies every second pixel of src, whose corner lies at (x0, y0) of a
// picture twice as large as dst.
func halve(dst, src *viz.Target, x0, y0 int) {
	for y := max((y0+1)/2, 0); y < dst.H && 2*y-y0 < src.H; y++ {
		from := src.Pix[(2*y-y0)*src.Stride:]
		to := dst.Pix[y*dst.Stride:]
		for x := max((x0+1)/2, 0); x < dst.W && 2*x-x0 < src.W; x++ {
			to[x] = from[2*x-x0]
		}
	}
}

// arrived takes a tile from a worker to the window's goroutine; several share
// one trip.
func (p *Plot) arrived(pp *plotPanel) func(tileKey, *image.RGBA) {
	return func(key tileKey, img *image.RGBA) {
		p.arrivalsMu.Lock()
		p.arrivals = append(p.arrivals, arrival{pp, key, img})
		post := !p.posted
		p.posted = true
		p.arrivalsMu.Unlock()
		if post {
			p.do(p.takeArrivals)
		}
	}
}

// settling is how long a zoom must rest before sharp tiles are uploaded: those
// of the steps between are not worth it.
const settling = 40 * time.Millisecond

// uploadBudget is how many cached tiles a panel may show at once.
func (p *Plot) uploadBudget() int {
	switch {
	case p.Synchronous:
		return math.MaxInt
	case time.Since(p.zoomed) < settling:
		return 0
	case p.gesture:
		return maxUploads
	}
	return 2 * maxUploads
}

// maxUploads is how many tiles go to the graphics card in one frame.
const maxUploads = 3

func (p *Plot) takeArrivals() {
	defer p.meter.Measure()()
	p.arrivalsMu.Lock()
	if wait := settling - time.Since(p.zoomed); wait > 0 && !p.Synchronous {
		p.arrivalsMu.Unlock()
		time.AfterFunc(wait, func() { p.do(p.takeArrivals) })
		return
	}
	list := p.arrivals
	p.arrivals, p.posted = nil, false
	if len(list) > maxUploads { // the rest with the next frame: each is an upload
		p.arrivals, p.posted = list[maxUploads:], true
		list = list[:maxUploads]
		time.AfterFunc(time.Second/60, func() { p.do(p.takeArrivals) })
	}
	p.arrivalsMu.Unlock()
	touched := map[*plotPanel]bool{}
	for _, a := range list {
		g := generation{a.key.w, a.key.h, a.key.grid, a.key.palette, a.key.scale}
		if a.pp.gen != g || a.key.lit != p.lit {
			continue
		}
		t := a.pp.at(a.key.ix, a.key.iy)
		if t != nil && a.key.plain && !t.key.plain && t.key.lit == a.key.lit {
			continue
		}
		a.pp.show(t, a.key, a.img)
		touched[a.pp] = true
	}
	for pp := range touched {
		pp.update() // places them, frees those outside
	}
	if len(touched) > 0 {
		p.repaint()
	}
}
