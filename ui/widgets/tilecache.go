package widgets

import (
	"cmp"
	"container/list"
	"image"
	"runtime"
	"slices"
	"sync"

	"strata/ui/viz"
)

// tilePx is the side of a tile in device pixels.
const tilePx = 512

// CacheBytes bounds the pixels that all plots of a process keep together.
const CacheBytes = 96 << 20

// tileKey says what a tile shows; equal keys have equal pixels.
type tileKey struct {
	content uint64 // of the panel: scenes, marks, bands
	w, h    int    // whole picture, device pixels
	grid    viz.Grid
	ix, iy  int32
	palette *viz.Palette
	scale   float32
	plain   bool
	lit     uint64 // which rectangles keep their colours; 0: all
}

// tileJob is a tile to draw.
type tileJob struct {
	key     tileKey
	panel   *viz.Panel
	view    viz.View // of the whole picture
	lit     []viz.Marked
	faded   *viz.Palette
	urgency float64 // distance from the pointer in pixels, nearest first
	done    func(tileKey, *image.RGBA)
}

// tileServer caches tiles and draws missing ones on workers. Each client (a
// panel of a plot) has one list of what it wants now; asking again replaces it.
type tileServer struct {
	mu      sync.Mutex
	wake    *sync.Cond
	tiles   map[tileKey]*list.Element
	recent  *list.List // of *cachedTile, newest first
	bytes   int
	limit   int
	wanted  map[any][]tileJob
	started bool
}

type cachedTile struct {
	key tileKey
	img *image.RGBA
}

func newTileServer(limit int) *tileServer {
	s := &tileServer{tiles: map[tileKey]*list.Element{}, recent: list.New(), limit: limit, wanted: map[any][]tileJob{}}
	s.wake = sync.NewCond(&s.mu)
	return s
}

// tiles serves all plots of the process.
var tiles = newTileServer(CacheBytes)

// TileBytes is how much the cache of tiles holds, at most CacheBytes.
func TileBytes() int {
	tiles.mu.Lock()
	defer tiles.mu.Unlock()
	return tiles.bytes
}

// get returns a cached tile. A plain key is also served by exact pixels.
func (s *tileServer) get(key tileKey) (*image.RGBA, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key.plain {
		exact := key
		exact.plain = false
		if e := s.tiles[exact]; e != nil {
			s.recent.MoveToFront(e)
			return e.Value.(*cachedTile).img, true
		}
	}
	if e := s.tiles[key]; e != nil {
		s.recent.MoveToFront(e)
		return e.Value.(*cachedTile).img, true
	}
	return nil, false
}

// put caches a tile and drops the ones not used for longest.
func (s *tileServer) put(key tileKey, img *image.RGBA) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tiles[key] != nil {
		return
	}
	s.tiles[key] = s.recent.PushFront(&cachedTile{key, img})
	s.bytes += len(img.Pix)
	if !key.plain { // the sharp one replaces its draft
		draft := key
		draft.plain = true
		s.drop(s.tiles[draft])
	}
	for s.bytes > s.limit && s.recent.Len() > 1 {
		s.drop(s.recent.Back())
	}
}

// drop forgets a tile; the lock is held.
func (s *tileServer) drop(e *list.Element) {
	if e == nil {
		return
	}
	t := s.recent.Remove(e).(*cachedTile)
	delete(s.tiles, t.key)
	s.bytes -= len(t.img.Pix)
}

// want replaces a client's list of tiles to draw.
func (s *tileServer) want(client any, jobs []tileJob) {
	slices.SortStableFunc(jobs, func(a, b tileJob) int { return cmp.Compare(a.urgency, b.urgency) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(jobs) == 0 {
		delete(s.wanted, client)
		return
	}
	s.wanted[client] = jobs
	if !s.started {
		s.started = true
		for range max(1, min(runtime.GOMAXPROCS(0)-1, 6)) {
			go s.work()
		}
	}
	s.wake.Broadcast()
}

// next takes the most urgent job of all clients; drafts come first.
func (s *tileServer) next() (tileJob, bool) {
	var client any
	var best *tileJob
	for c, jobs := range s.wanted {
		j := &jobs[0]
		if best == nil || j.key.plain && !best.key.plain || j.key.plain == best.key.plain && j.urgency < best.urgency {
			client, best = c, j
		}
	}
	if best == nil {
		return tileJob{}, false
	}
	job := *best
	if rest := s.wanted[client][1:]; len(rest) > 0 {
		s.wanted[client] = rest
	} else {
		delete(s.wanted, client)
	}
	return job, true
}

// work draws tiles for as long as the process lives.
func (s *tileServer) work() {
	var z viz.Rasterizer
	s.mu.Lock()
	for {
		job, ok := s.next()
		if !ok {
			s.wake.Wait()
			continue
		}
		s.mu.Unlock()
		img, ok := s.get(job.key)
		if !ok {
			img = job.draw(&z)
			s.put(job.key, img)
		}
		job.done(job.key, img)
		s.mu.Lock()
	}
}

// draw makes a tile's pixels.
func (j *tileJob) draw(z *viz.Rasterizer) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, tilePx, tilePx))
	t := viz.ImageTarget(img)
	t.X, t.Y = int(j.key.ix)*tilePx, int(j.key.iy)*tilePx
	t.FullW, t.FullH = j.key.w, j.key.h
	scale := float64(j.key.scale)
	style := viz.Style{Palette: j.key.palette, Plain: j.key.plain, HatchPx: int(8*scale + 0.5), Font: labelFont(11 * scale), Faded: j.faded}
	j.panel.DrawTile(z, t, j.view, j.key.grid, scale, style, j.lit)
	return img
}
