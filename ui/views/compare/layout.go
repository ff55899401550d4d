package compare

import (
	"fyne.io/fyne/v2"

	"strata/ui/views/planview"
	"strata/ui/widgets"
)

// bodyLayout puts two maps side by side, or the timelines, over the table.
type bodyLayout View

// Layout implements fyne.Layout.
func (l *bodyLayout) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	v := (*View)(l)
	const pad, legend, head, summary = float32(12), float32(30), float32(24), float32(24)
	const gridLeft = pad - widgets.CellPad // its texts lie under the others
	w := s.Width - 2*pad
	v.legend.Move(fyne.NewPos(pad, 6))
	v.legend.Resize(fyne.NewSize(w, legend-8))
	table := max((s.Height-legend-head)*0.3, 96)
	top := legend + head
	h := max(s.Height-top-table-summary-6, 40)
	half := (w - 16) / 2
	both := v.both()
	for _, o := range []fyne.CanvasObject{v.legend, v.titles[0], v.titles[1], v.summary, v.grid} {
		if both {
			o.Show()
		} else {
			o.Hide()
		}
	}
	if maps := v.mode.Chosen() == 0; maps && both {
		v.left.Show()
		v.right.Show()
		v.lanes.Hide()
	} else {
		v.left.Hide()
		v.right.Hide()
		v.lanes.Show()
	}
	for i, t := range v.titles {
		t.Move(fyne.NewPos(pad+float32(i)*(half+16), legend))
		t.Resize(fyne.NewSize(half, head))
	}
	v.left.Move(fyne.NewPos(pad, top))
	v.left.Resize(fyne.NewSize(half, h))
	v.right.Move(fyne.NewPos(pad+half+16, top))
	v.right.Resize(fyne.NewSize(half, h))
	v.lanes.Move(fyne.NewPos(pad, top))
	v.lanes.Resize(fyne.NewSize(w, h))
	v.summary.Move(fyne.NewPos(pad, top+h+6))
	v.summary.Resize(fyne.NewSize(w, summary-6))
	v.grid.Move(fyne.NewPos(gridLeft, top+h+summary+6))
	v.grid.Resize(fyne.NewSize(s.Width-gridLeft, max(s.Height-top-h-summary-6, 10)))
}

// MinSize implements fyne.Layout.
func (l *bodyLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(320, 240) }

// pageLayout is content, a line, and a panel of facts; or, without two plans, the
// invitation alone.
type pageLayout View

func (l *pageLayout) Layout(o []fyne.CanvasObject, s fyne.Size) {
	both := (*View)(l).both()
	for i, x := range o {
		if both == (i < 3) {
			x.Show()
		} else {
			x.Hide()
		}
	}
	w := planview.DetailsWidth
	o[0].Resize(fyne.NewSize(s.Width-w, s.Height))
	o[1].Move(fyne.NewPos(s.Width-w, 0))
	o[1].Resize(fyne.NewSize(1, s.Height))
	o[2].Move(fyne.NewPos(s.Width-w+1, 0))
	o[2].Resize(fyne.NewSize(w-1, s.Height))
	o[3].Resize(s)
}

func (*pageLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(480, 240) }
