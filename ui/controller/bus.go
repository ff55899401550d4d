package controller

import (
	"slices"
	"sync"
)

// Selection is what the user chose; all views show the same. Ids are indexes
// into the active document's Program and Plan; -1 or nil: nothing.
type Selection struct {
	Doc     int
	Buffers []int // sorted
	Instr   int
	Copy    int
}

// None is the empty selection.
var None = Selection{Instr: -1, Copy: -1}

// Has says whether a buffer is selected.
func (s *Selection) Has(buf int) bool {
	_, ok := slices.BinarySearch(s.Buffers, buf)
	return ok
}

// Empty says that nothing is selected.
func (s *Selection) Empty() bool { return len(s.Buffers) == 0 && s.Instr < 0 && s.Copy < 0 }

// Hover is what lies under the pointer; -1: nothing.
type Hover struct {
	Buf, Instr, Copy int
}

// NoHover is nothing under the pointer.
var NoHover = Hover{-1, -1, -1}

// Cursor is the time cursor. Instr is the instruction that it is in, Seconds the
// time in the predicted timeline, whichever view set it.
type Cursor struct {
	On      bool
	Instr   float64 // program order, with a fraction inside an instruction
	Seconds float64
}

// BusState is the state of the bus.
type BusState struct {
	Selection Selection
	Hover     Hover
	Cursor    Cursor
}

// What changed in a bus event.
type Change uint8

const (
	SelectionChanged Change = 1 << iota
	HoverChanged
	CursorChanged
)

// Bus is shared by all views. Its methods belong to the window's goroutine;
// listeners are called at once, in the order they subscribed.
type Bus struct {
	mu        sync.Mutex
	state     BusState
	listeners map[int]func(BusState, Change)
	order     []int
	next      int
}

// NewBus returns a bus with nothing selected.
func NewBus() *Bus {
	return &Bus{state: BusState{Selection: None, Hover: NoHover}, listeners: map[int]func(BusState, Change){}}
}

// State is what is selected, hovered and pointed at now.
func (b *Bus) State() BusState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Subscribe calls f after each change until the returned function is called.
func (b *Bus) Subscribe(f func(BusState, Change)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := b.next
	b.next++
	b.listeners[id] = f
	b.order = append(b.order, id)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, id)
		b.order = slices.DeleteFunc(b.order, func(x int) bool { return x == id })
	}
}

// Select replaces the selection.
func (b *Bus) Select(s Selection) {
	s.Buffers = slices.Clone(s.Buffers)
	slices.Sort(s.Buffers)
	s.Buffers = slices.Compact(s.Buffers)
	b.change(func(st *BusState) Change {
		if st.Selection.Doc == s.Doc && st.Selection.Instr == s.Instr && st.Selection.Copy == s.Copy && slices.Equal(st.Selection.Buffers, s.Buffers) {
			return 0
		}
		st.Selection = s
		return SelectionChanged
	})
}

// SelectBuffers selects buffers alone.
func (b *Bus) SelectBuffers(doc int, bufs ...int) {
	b.Select(Selection{Doc: doc, Buffers: bufs, Instr: -1, Copy: -1})
}

// Toggle adds a buffer to the selection or takes it out (Ctrl+click).
func (b *Bus) Toggle(doc, buf int) {
	s := b.State().Selection
	if s.Doc != doc {
		s = None
		s.Doc = doc
	}
	bufs := slices.Clone(s.Buffers)
	if i := slices.Index(bufs, buf); i >= 0 {
		bufs = slices.Delete(bufs, i, i+1)
	} else {
		bufs = append(bufs, buf)
	}
	s.Buffers = bufs
	b.Select(s)
}

// Clear selects nothing (Esc).
func (b *Bus) Clear() { b.Select(None) }

// SetHover says what is under the pointer.
func (b *Bus) SetHover(h Hover) {
	b.change(func(st *BusState) Change {
		if st.Hover == h {
			return 0
		}
		st.Hover = h
		return HoverChanged
	})
}

// SetCursor moves the time cursor.
func (b *Bus) SetCursor(c Cursor) {
	b.change(func(st *BusState) Change {
		if st.Cursor == c {
			return 0
		}
		st.Cursor = c
		return CursorChanged
	})
}

func (b *Bus) change(f func(*BusState) Change) {
	b.mu.Lock()
	what := f(&b.state)
	state := b.state
	var calls []func(BusState, Change)
	if what != 0 {
		for _, id := range b.order {
			calls = append(calls, b.listeners[id])
		}
	}
	b.mu.Unlock()
	for _, call := range calls {
		call(state, what)
	}
}
