package ui

import (
	"bytes"
	"image"
	"testing"
	"time"

	"strata/ui/theme"
	"strata/ui/views"
)

// TestThemeReachesEverything changes theme and text size of a shown window, and
// compares it with what Fyne's own, slower change makes of it.
func TestThemeReachesEverything(t *testing.T) {
	s := newStand(t)
	shot := func() []byte {
		s.settle()
		return s.win.Canvas().Capture().(*image.NRGBA).Pix
	}
	still := func() []byte { // some is drawn in the background
		last := shot()
		for range 50 {
			time.Sleep(50 * time.Millisecond)
			now := shot()
			if bytes.Equal(now, last) {
				break
			}
			last = now
		}
		return last
	}
	for _, change := range []struct {
		view, theme string
		scale       float64
	}{{views.Overview, "dark", 1}, {views.Hardware, "light", 1}, {views.Hardware, "light", 1.2}} {
		id := change.view
		s.show(id)
		still()
		s.c.SetTheme(change.theme)
		s.c.SetTextScale(change.scale)
		ours := still()
		if k := theme.TextScale(); k != float32(change.scale) {
			t.Errorf("%s: text is %v times its size", id, k)
		}
		fresh := s.look
		s.app.Settings().SetTheme(&fresh) // every object, every cache
		theirs := shot()
		for range 50 {
			if bytes.Equal(ours, theirs) {
				break
			}
			time.Sleep(50 * time.Millisecond)
			theirs = shot()
		}
		if n := differing(ours, theirs); n > 0 {
			t.Errorf("%+v: Fyne's change of theme makes %d other bytes of pixels", change, n)
		}
		s.app.Settings().SetTheme(&s.look)
	}
}

func differing(a, b []byte) int {
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
