package ui

import (
	"image"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"

	"strata/ui/golden"
)

// TestGolden holds the window with each view of the embedded sample, light and
// dark, against its master. The sample's model is absent and this host is not
// calibrated, whatever the machine has.
func TestGolden(t *testing.T) {
	t.Setenv("STRATA_MODEL", filepath.Join(t.TempDir(), "absent.gguf"))
	s := newStand(t)
	s.win.Resize(fyne.NewSize(1280, 720))
	for _, name := range []string{"light", "dark"} {
		s.c.SetTheme(name)
		s.settle()
		for _, v := range s.views {
			s.show(v.ID())
			t.Run(v.ID()+"-"+name, func(t *testing.T) {
				golden.Match(t, v.ID()+"-"+name, func() image.Image {
					s.settle()
					return golden.Half(s.win.Canvas().Capture())
				})
			})
		}
	}
}
