package theme

import (
	"testing"

	"strata/ui/viz"
)

func TestRasterFontHasTheCharactersOfTheWindow(t *testing.T) {
	for _, bold := range []bool{false, true} {
		f, spare := RasterFont(12, bold), viz.DefaultFont(12, false)
		for _, r := range "→←…·×−–≤µ%" {
			if !f.Has(r) && !spare.Has(r) {
				t.Errorf("bold %v: neither the window's typeface nor the pictures' has %q", bold, r)
			}
		}
	}
}
