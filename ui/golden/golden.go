// Package golden compares pictures of the window with masters, pixel by pixel.
// `make golden` draws the masters again after a change of looks; look at what
// changed before it is committed.
package golden

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/renameio/v2"
)

// Update makes the tests of a package write what they otherwise compare with.
var Update = flag.Bool("update", false, "write the files that tests compare with again")

const (
	patience = 20 * time.Second       // for what is drawn in the background
	settled  = 500 * time.Millisecond // without a change: a master may be written
	poll     = 20 * time.Millisecond
)

// Match compares what capture draws with testdata/NAME.png. Tiles are drawn in
// the background, so a picture may become the master's a little later. What
// differs is written to testdata/failed. Masters are those of amd64: other
// compilers fuse multiply and add, which rounds some edges the other way.
func Match(t testing.TB, name string, capture func() image.Image) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	if *Update {
		if err := write(path, still(capture)); err != nil {
			t.Fatal(err)
		}
		return
	}
	if runtime.GOARCH != "amd64" {
		t.Skipf("masters are of amd64, this is %s", runtime.GOARCH)
	}
	want, err := read(path)
	if err != nil {
		t.Errorf("%v: `make golden` draws it", err)
		return
	}
	var got *image.RGBA
	for end := time.Now().Add(patience); ; time.Sleep(poll) {
		got = rgba(capture())
		if got.Rect == want.Rect && bytes.Equal(got.Pix, want.Pix) {
			return
		}
		if time.Now().After(end) {
			break
		}
	}
	failed := filepath.Join("testdata", "failed", name+".png")
	if err := errors.Join(os.MkdirAll(filepath.Dir(failed), 0o755), write(failed, got)); err != nil {
		t.Error(err)
	}
	t.Errorf("%s differs from %s: %s; if that is meant, `make golden` draws it again", failed, path, difference(got, want))
}

// still captures until nothing changes any more.
func still(capture func() image.Image) *image.RGBA {
	last := rgba(capture())
	since := time.Now()
	for end := since.Add(patience); time.Since(since) < settled && time.Now().Before(end); time.Sleep(poll) {
		if now := rgba(capture()); !bytes.Equal(now.Pix, last.Pix) {
			last, since = now, time.Now()
		}
	}
	return last
}

// Half is a picture at half its width and height: what a change of looks adds to
// the repository stays small, and still each pixel counts.
func Half(m image.Image) image.Image {
	full := rgba(m)
	out := image.NewRGBA(image.Rect(0, 0, full.Rect.Dx()/2, full.Rect.Dy()/2))
	for y := range out.Rect.Dy() {
		a, b := full.Pix[2*y*full.Stride:], full.Pix[(2*y+1)*full.Stride:]
		row := out.Pix[y*out.Stride:]
		for x := range out.Rect.Dx() {
			for c := range 4 {
				i := 8*x + c
				row[4*x+c] = uint8((int(a[i]) + int(a[i+4]) + int(b[i]) + int(b[i+4])) / 4)
			}
		}
	}
	return out
}

func difference(got, want *image.RGBA) string {
	if got.Rect != want.Rect {
		return fmt.Sprintf("size %v, not %v", got.Rect.Size(), want.Rect.Size())
	}
	n, box := 0, image.Rectangle{}
	for y := got.Rect.Min.Y; y < got.Rect.Max.Y; y++ {
		for x := got.Rect.Min.X; x < got.Rect.Max.X; x++ {
			if got.RGBAAt(x, y) != want.RGBAAt(x, y) {
				n++
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return fmt.Sprintf("%d pixels within %v", n, box)
}

func rgba(m image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
	draw.Draw(out, out.Rect, m, m.Bounds().Min, draw.Src)
	return out
}

func read(path string) (*image.RGBA, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not there", path)
		}
		return nil, err
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rgba(m), nil
}

func write(path string, m image.Image) error {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&b, m); err != nil {
		return err
	}
	return renameio.WriteFile(path, b.Bytes(), 0o644)
}
