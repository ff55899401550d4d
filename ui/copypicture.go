package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"fyne.io/fyne/v2"
)

// clipboardPrograms put a PNG from their input on the clipboard: the toolkit's own
// clipboard takes text only. Of those installed, the first whose display is set
// is used.
var clipboardPrograms = []struct {
	display string
	command []string
}{
	{"WAYLAND_DISPLAY", []string{"wl-copy", "--type", "image/png"}},
	{"DISPLAY", []string{"xclip", "-selection", "clipboard", "-target", "image/png"}},
}

// errNoClipboardProgram says that none of them can be used.
var errNoClipboardProgram = errors.New("pictures go to the clipboard through wl-copy (Wayland) or xclip (X11), and neither is installed: `apt-get install wl-clipboard xclip`, or save the view as PNG")

// clipboardPatience is how long such a program may take; it leaves a process of
// its own behind that serves the picture.
const clipboardPatience = 10 * time.Second

// copyPNG puts a PNG on the clipboard.
func copyPNG(picture []byte) error {
	for _, p := range clipboardPrograms {
		if os.Getenv(p.display) == "" {
			continue
		}
		path, err := exec.LookPath(p.command[0])
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), clipboardPatience)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, p.command[1:]...)
		cmd.Stdin = bytes.NewReader(picture)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("copy the picture: %s: %w; the view can be saved as PNG instead", strings.Join(p.command, " "), err)
		}
		return nil
	}
	return errNoClipboardProgram
}

// copyPicture copies the shown view as a picture, made in the background. Where
// no program can, the user is asked for a file instead.
func (w *Window) copyPicture() {
	write, err := w.picture()
	if err != nil {
		w.c.Report(err, 0)
		return
	}
	go func() {
		var b bytes.Buffer
		err := write(&b)
		if err == nil {
			err = copyPNG(b.Bytes())
		}
		if err != nil {
			w.c.Report(err, 0)
		}
		if errors.Is(err, errNoClipboardProgram) {
			w.host.Do(func() { w.saveView(".png") })
		}
	}()
}

// picture gives the shown view as PNG: its figure, or what is on the screen where
// it has none. The function returned may run on any goroutine.
func (w *Window) picture() (write func(io.Writer) error, err error) {
	if w.shown == nil {
		return nil, errors.New("no view is shown that could be a picture")
	}
	if e := w.export(); e.Figure != nil {
		if f := e.Figure(); f != nil {
			palette := w.palette
			return func(out io.Writer) error {
				return f.WritePNG(out, 2*pictureWidth, 2*pictureHeight, 2, palette)
			}, nil
		}
	}
	all := w.win.Canvas().Capture()
	scale := float32(all.Bounds().Dx()) / w.win.Canvas().Size().Width
	at, size := fyne.CurrentApp().Driver().AbsolutePositionForObject(w.stage), w.stage.Size()
	part := image.Rect(int(at.X*scale), int(at.Y*scale), int((at.X+size.Width)*scale), int((at.Y+size.Height)*scale)).Intersect(all.Bounds())
	if part.Empty() {
		return nil, errors.New("the window shows nothing yet that could be a picture")
	}
	img := image.NewRGBA(image.Rectangle{Max: part.Size()})
	draw.Draw(img, img.Rect, all, part.Min, draw.Src)
	return func(out io.Writer) error { return png.Encode(out, img) }, nil
}
