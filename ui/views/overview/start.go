package overview

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/lang"

	"github.com/dustin/go-humanize"

	"strata/ui/controller"
	"strata/ui/parts"
	"strata/ui/views"
	"strata/ui/viz"
)

// startCard offers files beside the sample, or when nothing is open: the recent
// ones, and how to open others.
type startCard struct {
	h     *views.Host
	root  *fyne.Container
	list  *fyne.Container
	shown []string
}

func newStartCard(h *views.Host) *startCard {
	s := &startCard{h: h, list: parts.Column(2)}
	s.root = parts.Stack(parts.Titled(lang.L("OPEN"), nil, s.list))
	return s
}

const recentShown = 6

func (s *startCard) update(snap *controller.Snapshot) {
	key := []string{}
	for _, r := range snap.Recent[:min(len(snap.Recent), recentShown)] {
		key = append(key, r.Path, r.Verdict.Word, fmt.Sprintf("%p", r.Thumbnail))
	}
	if s.shown != nil && len(key) == len(s.shown) {
		same := true
		for i := range key {
			same = same && key[i] == s.shown[i]
		}
		if same {
			return
		}
	}
	s.shown = key
	s.list.Objects = []fyne.CanvasObject{parts.NewText(lang.L("Drop a model, a plan, an instance or a hardware profile anywhere, or press Ctrl+O."), parts.Caption, viz.InkMuted).Fit(parts.Wrap)}
	for _, r := range snap.Recent[:min(len(snap.Recent), recentShown)] {
		path := r.Path
		note := filepath.Dir(path)
		if r.Bytes > 0 {
			note = humanize.IBytes(uint64(r.Bytes)) + " · " + note
		}
		if _, err := os.Stat(path); err != nil {
			note = lang.L("no longer there") + " · " + filepath.Dir(path)
		}
		text := parts.Column(0, parts.NewText(r.Name, parts.Body, viz.InkText).Fit(parts.Cut), parts.NewText(note, parts.Caption, viz.InkMuted).Fit(parts.Cut))
		p := parts.NewPress(parts.Row(10, parts.Fixed(thumbnail(&r), thumbnailW, thumbnailH), parts.Grow(parts.Centred(text))), func() { s.h.Controller.Open(path) })
		p.PadX, p.PadY = 6, 4
		s.list.Objects = append(s.list.Objects, p)
	}
	s.list.Refresh()
	s.root.Refresh()
}

// Size of a thumbnail in the list.
const thumbnailW, thumbnailH = 67, 38

// thumbnail is the small memory map of a recent file's plan, an empty box where
// none was drawn yet.
func thumbnail(r *controller.Recent) fyne.CanvasObject {
	if r.Thumbnail == nil {
		return parts.NewBox(viz.InkLine, 3)
	}
	img := canvas.NewImageFromReader(bytes.NewReader(r.Thumbnail), r.Path)
	img.FillMode, img.ScaleMode = canvas.ImageFillContain, canvas.ImageScaleSmooth
	return img
}
