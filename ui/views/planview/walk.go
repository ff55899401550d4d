package planview

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"strata/malloc"
	"strata/ui/command"
	"strata/ui/controller"
	"strata/ui/views"
	"strata/ui/widgets"
)

// Tap selects what a key means; Ctrl adds or takes away.
func Tap(h *views.Host, d *controller.Document, k widgets.Key, mod fyne.KeyModifier) {
	if d == nil {
		return
	}
	at := HoverOf(k)
	switch {
	case at.Buf >= 0 && mod&fyne.KeyModifierControl != 0:
		h.Bus.Toggle(d.ID, at.Buf)
	case at.Buf >= 0:
		h.Bus.SelectBuffers(d.ID, at.Buf)
	case at.Instr >= 0:
		h.Bus.Select(controller.Selection{Doc: d.ID, Instr: at.Instr, Copy: -1})
	default:
		h.Bus.Clear()
	}
}

// Menu opens the context menu of what a key means.
func Menu(h *views.Host, d *controller.Document, k widgets.Key, at fyne.Position) {
	if d == nil || h.Menu == nil {
		return
	}
	buf := HoverOf(k).Buf
	if buf < 0 {
		return
	}
	if s := h.Bus.State().Selection; !s.Has(buf) {
		h.Bus.SelectBuffers(d.ID, buf)
	}
	h.Menu(at, TensorMenu(h, d))
}

// place is where a walk stands: an instruction, and the buffer that is selected.
func place(h *views.Host, d *controller.Document) (instr, buf int) {
	st := h.Bus.State()
	instr, buf = -1, -1
	if st.Selection.Instr >= 0 {
		instr = st.Selection.Instr
	}
	if len(st.Selection.Buffers) > 0 {
		buf = st.Selection.Buffers[0]
	}
	if instr < 0 && buf >= 0 {
		instr = firstTouch(d.Program, buf, 0)
	}
	if instr < 0 && st.Cursor.On {
		instr = int(st.Cursor.Instr)
	}
	return
}

// firstTouch is the first instruction from i on that touches buf, -1: none.
func firstTouch(p *malloc.Program, buf, from int) int {
	for i := from; i < len(p.Instructions); i++ {
		if touches(&p.Instructions[i], buf) {
			return i
		}
	}
	return -1
}

func touches(in *malloc.Instruction, buf int) bool {
	return reads(in, buf) || writes(in, buf)
}

func reads(in *malloc.Instruction, buf int) bool {
	for _, o := range in.Reads {
		if o.Buf == buf {
			return true
		}
	}
	return false
}

func writes(in *malloc.Instruction, buf int) bool {
	for _, o := range in.Writes {
		if o.Buf == buf {
			return true
		}
	}
	return false
}

// flow is the buffer that a walk along producers (step -1) or users (+1) comes
// to from buf: what the producer read first that another instruction wrote, or
// what the next user writes. -1: the end.
func flow(p *malloc.Program, buf, step int) int {
	if step > 0 {
		for i := range p.Instructions {
			in := &p.Instructions[i]
			if !reads(in, buf) {
				continue
			}
			for _, o := range in.Writes {
				if o.Buf != buf {
					return o.Buf
				}
			}
		}
		return -1
	}
	for i := len(p.Instructions) - 1; i >= 0; i-- {
		in := &p.Instructions[i]
		if !writes(in, buf) {
			continue
		}
		for _, o := range in.Reads {
			if o.Buf != buf && p.Buffers[o.Buf].Kind != malloc.KindParam {
				return o.Buf
			}
		}
		for _, o := range in.Reads {
			if o.Buf != buf {
				return o.Buf
			}
		}
	}
	return -1
}

// WalkCommands are the keys along time (. and ,), along producers and users
// (] and [), through the selection (Enter), areas (R, Ctrl+A) and marks (M, Delete).
func WalkCommands(view string, h *views.Host, plot func() *widgets.Plot) []command.Command {
	c := func(id, title string, run func(d *controller.Document, p *widgets.Plot), keys ...string) command.Command {
		return command.Command{ID: view + "." + id, Title: title, Keys: keys, View: view, Run: func() {
			d, p := h.Controller.Snapshot().Doc(), plot()
			if d != nil && d.Program != nil && p != nil {
				run(d, p)
			}
		}}
	}
	along := func(step int) func(d *controller.Document, p *widgets.Plot) {
		return func(d *controller.Document, p *widgets.Plot) {
			i, _ := place(h, d)
			if i += step; i < 0 || i >= len(d.Program.Instructions) {
				return
			}
			h.Bus.Select(controller.Selection{Doc: d.ID, Instr: i, Copy: -1})
			reveal(p)
		}
	}
	follow := func(step int) func(d *controller.Document, p *widgets.Plot) {
		return func(d *controller.Document, p *widgets.Plot) {
			_, buf := place(h, d)
			if buf < 0 {
				return
			}
			if to := flow(d.Program, buf, step); to >= 0 {
				h.Bus.SelectBuffers(d.ID, to)
				reveal(p)
			}
		}
	}
	at := -1 // of the selected tensors, the one walked to last
	match := func(step int) func(d *controller.Document, p *widgets.Plot) {
		return func(d *controller.Document, p *widgets.Plot) {
			bufs := h.Bus.State().Selection.Buffers
			if len(bufs) == 0 {
				return
			}
			if at < 0 || at >= len(bufs) {
				at = -1
				if step < 0 {
					at = 0
				}
			}
			at = (at + step + len(bufs)) % len(bufs)
			h.Bus.SetHover(controller.Hover{Buf: bufs[at], Instr: -1, Copy: -1})
			if t0, t1, ok := p.Span(BufferKey(bufs[at])); ok {
				p.Centre((t0 + t1) / 2)
			}
		}
	}
	return []command.Command{
		c("next", lang.L("Next instruction"), along(1), "."),
		c("previous", lang.L("Previous instruction"), along(-1), ","),
		c("user", lang.L("Follow to the user"), follow(1), "]"),
		c("producer", lang.L("Follow to the producer"), follow(-1), "["),
		c("match", lang.L("Next selected tensor"), match(1), "Return"),
		c("match-back", lang.L("Previous selected tensor"), match(-1), "Shift+Return"),
		c("area", lang.L("Select the stretch of the selection"), func(_ *controller.Document, p *widgets.Plot) {
			if t0, t1, ok := p.SelectedSpan(); ok {
				p.ChooseRange(t0, t1)
			}
		}, "R"),
		c("area-all", lang.L("Select the whole stretch"), func(_ *controller.Document, p *widgets.Plot) { p.ChooseRange(p.Home()) }, "Ctrl+A"),
		c("mark", lang.L("Mark the time under the pointer"), func(_ *controller.Document, p *widgets.Plot) { p.ToggleMark() }, "M"),
		c("keep-mark", lang.L("Mark it and keep the mark"), func(_ *controller.Document, p *widgets.Plot) { p.KeepMark() }, "Shift+M"),
		c("clear-marks", lang.L("Remove all marks"), func(_ *controller.Document, p *widgets.Plot) { p.ClearMarks() }, "Delete"),
	}
}

// reveal brings the selection into view when it is not.
func reveal(p *widgets.Plot) {
	lo, hi, ok := p.SelectedSpan()
	if t0, t1 := p.View(); ok && (hi < t0 || lo > t1) {
		p.Centre((lo + hi) / 2)
	}
}
