package parts

import (
	"sync"

	"fyne.io/fyne/v2"
)

// measured are sizes of texts. Fyne forgets its own at every change of theme;
// our themes change colours, never fonts.
var measured = struct {
	sync.Mutex
	sizes map[measure]fyne.Size
}{sizes: map[measure]fyne.Size{}}

type measure struct {
	s          string
	size       float32
	bold, mono bool
}

// measuredTexts bounds the table; it starts again when it is full.
const measuredTexts = 8192

func (m measure) take() fyne.Size {
	measured.Lock()
	defer measured.Unlock()
	size, ok := measured.sizes[m]
	if !ok {
		size = fyne.MeasureText(m.s, m.size, fyne.TextStyle{Bold: m.bold, Monospace: m.mono})
		if len(measured.sizes) >= measuredTexts {
			clear(measured.sizes)
		}
		measured.sizes[m] = size
	}
	return size
}
