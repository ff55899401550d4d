package planview

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/widget"

	"strata/ui/controller"
	"strata/ui/views"
	"strata/ui/widgets"
)

// Find is an entry that selects the tensors that match a filter expression when
// Enter is pressed, and gives the focus back.
type Find struct {
	widget.Entry
	host *views.Host
}

// NewFind makes the entry; after is called when something was selected.
func NewFind(h *views.Host, rows func() (*controller.Document, []Tensor), after func()) *Find {
	f := &Find{host: h}
	f.ExtendBaseWidget(f)
	f.SetPlaceHolder(lang.L(`Find: attn, layer:3 role:ffn, bytes>1MiB`))
	f.OnSubmitted = func(text string) {
		defer h.Window.Canvas().Unfocus()
		doc, list := rows()
		filter, err := widgets.ParseFilter(text, Fields)
		if err != nil {
			h.Controller.Report(err, idOf(doc))
			return
		}
		if doc == nil || filter.Empty() {
			h.Bus.Clear()
			return
		}
		match := filter.Matcher(Fields)
		var bufs []int
		for i := range list {
			if match(&list[i]) {
				bufs = append(bufs, list[i].Buf)
			}
		}
		h.Bus.SelectBuffers(doc.ID, bufs...)
		if len(bufs) > 0 {
			after()
		}
	}
	return f
}

func idOf(d *controller.Document) int {
	if d == nil {
		return 0
	}
	return d.ID
}

// TypedKey implements fyne.Focusable: Esc leaves.
func (f *Find) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeyEscape {
		f.SetText("")
		f.host.Window.Canvas().Unfocus()
		return
	}
	f.Entry.TypedKey(k)
}
