package planview

import (
	"strata/ui/controller"
	"strata/ui/widgets"
)

// Keys of plots: buffers, instructions and copies of the active document.
const (
	kindShift                    = 32
	kindBuf, kindInstr, kindCopy = 0, 1, 2
)

// BufferKey is a buffer's key in every plot.
func BufferKey(buf int) widgets.Key { return numbered(kindBuf, buf) }

// InstrKey is an instruction's key.
func InstrKey(i int) widgets.Key { return numbered(kindInstr, i) }

// CopyKey is a copy's key, for copies that belong to no buffer.
func CopyKey(i int) widgets.Key { return numbered(kindCopy, i) }

func numbered(kind, id int) widgets.Key {
	if id < 0 {
		return widgets.NoKey
	}
	return widgets.Key(kind)<<kindShift | widgets.Key(id)
}

// HoverOf is what a key means on the bus.
func HoverOf(k widgets.Key) controller.Hover {
	h := controller.NoHover
	if k == widgets.NoKey {
		return h
	}
	id := int(k & (1<<kindShift - 1))
	switch k >> kindShift {
	case kindBuf:
		h.Buf = id
	case kindInstr:
		h.Instr = id
	case kindCopy:
		h.Copy = id
	}
	return h
}

// KeyOf is the key that a hover lights up.
func KeyOf(h controller.Hover) widgets.Key {
	switch {
	case h.Buf >= 0:
		return BufferKey(h.Buf)
	case h.Instr >= 0:
		return InstrKey(h.Instr)
	case h.Copy >= 0:
		return CopyKey(h.Copy)
	}
	return widgets.NoKey
}

// SelectedKeys are the keys of a selection.
func SelectedKeys(s controller.Selection) []widgets.Key {
	var keys []widgets.Key
	for _, b := range s.Buffers {
		keys = append(keys, BufferKey(b))
	}
	if s.Instr >= 0 {
		keys = append(keys, InstrKey(s.Instr))
	}
	if s.Copy >= 0 {
		keys = append(keys, CopyKey(s.Copy))
	}
	return keys
}
