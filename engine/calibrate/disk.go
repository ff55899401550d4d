package calibrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"strata/costmodel"
	"strata/engine/file"
)

const (
	tempFileBytes = 256 << 20
	ioAlign       = file.DefaultAlign
)

// curvePoints are the request sizes and depths measured; the reader of a run
// will use the best of those marked usable in choose.
var curvePoints = []struct {
	requestBytes int64
	depth        int
}{
	{4 << 10, 1}, {64 << 10, 1}, {64 << 10, 2}, {256 << 10, 1}, {256 << 10, 2}, {256 << 10, 4},
	{512 << 10, 1}, {512 << 10, 2}, {512 << 10, 4}, {1 << 20, 1}, {1 << 20, 2}, {1 << 20, 4}, {4 << 20, 1}, {4 << 20, 2},
}

// disk measures the file tier's curve and picks a request size and depth.
func (r *run) disk(ctx context.Context) error {
	if err := r.openFile(); err != nil {
		return err
	}
	f := r.file
	r.host.FileSystem = fileSystem(f.Path())
	state := costmodel.LinkDirect
	if !f.Direct() {
		state = costmodel.LinkCached
		r.note("files are read through the page cache: " + f.Reason())
		if err := f.DropCache(); err != nil {
			r.note(err.Error())
		}
	}
	var curve []costmodel.CurvePoint
	span, _ := r.opt.spans()
	for _, pt := range curvePoints {
		if pt.requestBytes > f.Size() {
			continue
		}
		var samples []float64
		for range 3 {
			p, err := readFor(ctx, f, pt.requestBytes, pt.depth, span)
			if err != nil {
				return err
			}
			samples = append(samples, p.BW)
			if p.State != costmodel.LinkDirect && state == costmodel.LinkDirect {
				state = costmodel.LinkCached
				r.note("direct reads of " + f.Path() + " are answered from memory: the operating system counted fewer bytes read from storage")
			}
		}
		curve = append(curve, costmodel.CurvePoint{RequestBytes: pt.requestBytes, Depth: pt.depth, BW: summarise(samples).value(sourceFile)})
		r.step()
	}
	if len(curve) == 0 {
		return fmt.Errorf("%s has %d bytes; at least %d are needed to measure reads", f.Path(), f.Size(), curvePoints[0].requestBytes)
	}
	r.link = linkFrom(curve, state)
	r.home.ReadBW = costmodel.Value{V: r.link.BW.V, Spread: r.link.BW.Spread, Source: sourceFile}
	for _, pt := range curve {
		if pt.BW.V > r.home.ReadBW.V {
			r.home.ReadBW = pt.BW
		}
	}
	r.home.LatencyS = r.link.LatencyS
	return nil
}

// linkFrom turns a curve into the parameters of the link's model.
//
// Request size and depth: the fastest point with at least two requests in
// flight and 256 KiB a request; a point within 3 % of it with a smaller depth,
// then one nearer to 1 MiB, is preferred, since more reader threads take cores
// and larger requests take longer to be of use. BW is the throughput there.
// Latency is what a single request of that size takes beyond its transfer at BW,
// at least that of a 4 KiB read, and at most what Depth requests in flight can
// hide: the model must give BW at the chosen point.
func linkFrom(curve []costmodel.CurvePoint, state string) costmodel.Link {
	best := curve[len(curve)-1]
	usable := func(p costmodel.CurvePoint) bool { return p.Depth >= 2 && p.RequestBytes >= 256<<10 }
	for _, p := range curve {
		if usable(p) && (!usable(best) || p.BW.V > best.BW.V) {
			best = p
		}
	}
	chosen := best
	for _, p := range curve {
		if !usable(p) || p.BW.V < 0.97*best.BW.V {
			continue
		}
		if p.Depth < chosen.Depth || p.Depth == chosen.Depth && distance(p.RequestBytes) < distance(chosen.RequestBytes) {
			chosen = p
		}
	}
	l := costmodel.Link{Name: "file-dram", From: tierFile, To: tierDRAM, BW: chosen.BW, IOAlign: ioAlign,
		RequestBytes: chosen.RequestBytes, Depth: chosen.Depth, Shares: []string{tierDRAM}, Curve: curve, State: state}
	latency := 0.0
	for _, p := range curve {
		if p.Depth == 1 && (p.RequestBytes == 4<<10 || p.RequestBytes == chosen.RequestBytes) {
			latency = max(latency, float64(p.RequestBytes)/p.BW.V-float64(p.RequestBytes)/l.BW.V)
		}
	}
	latency = min(latency, float64(l.Depth-1)*float64(l.RequestBytes)/l.BW.V)
	l.LatencyS = costmodel.Value{V: latency, Source: sourceFile}
	return l
}

// distance of a request size from 1 MiB, in doublings.
func distance(bytes int64) int {
	d := 0
	for ; bytes < 1<<20; bytes *= 2 {
		d++
	}
	for ; bytes > 1<<20; bytes /= 2 {
		d++
	}
	return d
}

// openFile opens the model file, or writes a temporary one; close removes that.
func (r *run) openFile() error {
	path := r.opt.ModelPath
	if path == "" {
		var err error
		if path, err = writeTemp(r.opt.TempDir, r.opt.tempFileBytes); err != nil {
			return err
		}
		r.remove = func() { os.Remove(path) }
	}
	f, err := file.Open(path)
	if err != nil {
		return err
	}
	r.file = f
	deletes := r.remove
	r.remove = func() {
		f.Close()
		if deletes != nil {
			deletes()
		}
	}
	return nil
}

// writeTemp writes random bytes (a disk may compress or skip zeros) and waits
// until they are on the disk.
func writeTemp(dir string, bytes int64) (path string, err error) {
	t, err := os.CreateTemp(dir, "strata-calibrate-*.bin")
	if err != nil {
		return "", fmt.Errorf("temporary file to measure reads: %w (give a model file, or another folder)", err)
	}
	defer func() {
		if e := t.Close(); err == nil {
			err = e
		}
		if err != nil {
			os.Remove(t.Name())
			var pe *fs.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			err = fmt.Errorf("write %d bytes to %s: %w (give a model file, or a folder with that much room)", bytes, filepath.Dir(t.Name()), err)
		}
	}()
	block := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{'s'})
	for done := int64(0); done < bytes; done += int64(len(block)) {
		_, _ = random.Read(block)
		if _, err = t.Write(block); err != nil {
			return "", err
		}
	}
	if err = t.Sync(); err != nil {
		return "", err
	}
	return t.Name(), nil
}

// reading is what a short measurement of a file found.
type reading struct {
	BW       float64 // bytes/s
	Bytes    int64   // read
	Requests int64
	State    string // costmodel.LinkDirect or LinkCached
}

// readFor reads the file from a place of its own on, wrapping at its end, for the
// given time, with enough copies queued that depth requests are always in flight.
// Nothing but completed reads between the first start and the last end counts.
func readFor(ctx context.Context, f *file.File, requestBytes int64, depth int, span time.Duration) (reading, error) {
	requestBytes = min(requestBytes, f.Size()/ioAlign*ioAlign)
	if requestBytes <= 0 {
		return reading{}, fmt.Errorf("measure reads of %s: %d bytes are too few", f.Path(), f.Size())
	}
	osBefore, osErr := file.ProcReadBytes()
	// The destination is as large as an arena: a small ring would stay in the
	// processor's cache, where a disk that answers from memory writes faster.
	b, err := newBuffer(max(64<<20, (requestBytes+4095)/4096*4096*int64(depth+2)))
	if err != nil {
		return reading{}, err
	}
	defer b.close()
	reader, err := file.NewReader(ctx, file.Options{Depth: depth, RequestBytes: requestBytes})
	if err != nil {
		return reading{}, err
	}
	defer reader.Close()
	blocks := f.Size() / requestBytes
	ring := make([]file.Copy, depth+2)
	for i := range ring {
		ring[i] = file.Copy{File: f}
	}
	submit := func(c *file.Copy) error {
		// Any block: a plan reads weights in the order of computation, which is not
		// the file's, so nobody reads ahead for it.
		c.Offset = rand.Int64N(blocks) * requestBytes
		if b.used+requestBytes > int64(len(b.mem)) {
			b.reset()
		}
		if c.Dst, err = b.take(requestBytes); err != nil {
			return err
		}
		return reader.Submit(c)
	}
	began := time.Now()
	last := began
	for i := range ring {
		if err := submit(&ring[i]); err != nil {
			return reading{}, err
		}
	}
	for pending, i := len(ring), 0; pending > 0; i = (i + 1) % len(ring) {
		if err := reader.Wait(&ring[i]); err != nil {
			return reading{}, err
		}
		last = ring[i].Ended
		if time.Since(began) < span {
			if err := submit(&ring[i]); err != nil {
				return reading{}, err
			}
			continue
		}
		pending--
	}
	m := reader.Meters()
	p := reading{BW: float64(m.DataBytes) / last.Sub(began).Seconds(), Bytes: m.DataBytes, Requests: m.Requests, State: costmodel.LinkDirect}
	osAfter, err := file.ProcReadBytes()
	if !f.Direct() || osErr != nil || err != nil || osAfter-osBefore < m.DataBytes {
		p.State = costmodel.LinkCached
	}
	return p, nil
}
