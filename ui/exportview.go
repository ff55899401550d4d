package ui

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/dialog"
	"github.com/google/renameio/v2"

	"strata/ui/views"
	"strata/ui/viz"
)

// export is what the shown view gives.
func (w *Window) export() views.Export {
	if w.shown == nil || w.c.Snapshot().Doc() == nil {
		return views.Export{}
	}
	return w.shown.Export()
}

func (w *Window) copyText() {
	if e := w.export(); e.Text != nil {
		w.app.Clipboard().SetContent(e.Text())
	}
}

func (w *Window) copyTable() {
	if e := w.export(); e.Table != nil {
		var b bytes.Buffer
		_ = csv.NewWriter(&b).WriteAll(e.Table())
		w.app.Clipboard().SetContent(b.String())
	}
}

// pictureSize is the logical size of saved pictures; PNG has twice the pixels.
const pictureWidth, pictureHeight = 1600, 900

// SaveView writes the shown view to a file: .png, .svg, .csv or .txt.
func (w *Window) SaveView(path string) error {
	e := w.export()
	var b bytes.Buffer
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case ext == ".png":
		var write func(io.Writer) error
		if write, err = w.picture(); err == nil {
			err = write(&b)
		}
	case ext == ".svg" && e.Figure != nil:
		f := e.Figure()
		if f == nil {
			return errors.New("this view shows nothing yet that could be saved")
		}
		err = f.WriteSVG(&b, pictureWidth, pictureHeight, viz.SVGOptions{})
	case ext == ".csv" && e.Table != nil:
		err = csv.NewWriter(&b).WriteAll(e.Table())
	case ext == ".txt" && e.Text != nil:
		b.WriteString(e.Text())
	default:
		err = fmt.Errorf("this view cannot be saved as %q: use .png, .svg, .csv or .txt", ext)
	}
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, b.Bytes(), 0o644)
}

func (w *Window) saveView(ext string) {
	e := w.export()
	d := dialog.NewFileSave(func(f fyne.URIWriteCloser, err error) {
		if err == nil && f == nil {
			return
		}
		if err == nil {
			path := f.URI().Path()
			_ = f.Close()
			err = w.SaveView(path)
		}
		if err != nil {
			w.c.Report(err, 0)
		}
	}, w.win)
	d.SetFileName(e.Name + ext)
	w.folder(d)
	d.Resize(fyne.NewSize(860, 560))
	d.Show()
}
