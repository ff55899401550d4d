package theme

import (
	"sync"

	"fyne.io/fyne/v2/theme"

	"strata/ui/viz"
)

var fonts struct {
	sync.Mutex
	bySize map[fontKey]*viz.Font
}

type fontKey struct {
	px   float64
	bold bool
}

// RasterFont is the window's own typeface for texts inside rasters, at a size in
// device pixels. Safe from any goroutine.
func RasterFont(px float64, bold bool) *viz.Font {
	k := fontKey{px, bold}
	fonts.Lock()
	defer fonts.Unlock()
	if f := fonts.bySize[k]; f != nil {
		return f
	}
	resource := theme.DefaultTextFont()
	if k.bold {
		resource = theme.DefaultTextBoldFont()
	}
	f, err := viz.NewFont(resource.Content(), k.px)
	if err != nil { // not an outline font: the pictures' own
		f = viz.DefaultFont(k.px, k.bold)
	}
	if fonts.bySize == nil {
		fonts.bySize = map[fontKey]*viz.Font{}
	}
	fonts.bySize[k] = f
	return f
}
