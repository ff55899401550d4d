package widgets

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

// labelFont is the window's own typeface for texts inside rasters, at a size in
// device pixels. Safe from any goroutine.
func labelFont(px float64) *viz.Font { return rasterFont(fontKey{px, false}) }

// boldFont is labelFont in bold.
func boldFont(px float64) *viz.Font { return rasterFont(fontKey{px, true}) }

func rasterFont(k fontKey) *viz.Font {
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
