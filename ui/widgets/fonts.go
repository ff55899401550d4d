package widgets

import (
	"strata/ui/theme"
	"strata/ui/viz"
)

// labelFont is the window's typeface for texts inside rasters, at a size in
// device pixels. Safe from any goroutine.
func labelFont(px float64) *viz.Font { return theme.RasterFont(px, false) }

// boldFont is labelFont in bold.
func boldFont(px float64) *viz.Font { return theme.RasterFont(px, true) }
