package ui

import (
	"testing"

	"fyne.io/fyne/v2"

	"strata/ui/views"
)

// pressed is the command that a key means while a view is shown.
func (s *stand) pressed(view, key string) string {
	s.show(view)
	k, id := parseKey(key), ""
	commands := s.commands
	defer func() { s.commands = commands }()
	s.commands = nil
	for _, c := range commands {
		c.Enabled, c.Run = nil, func() { id = c.ID }
		s.commands = append(s.commands, c)
	}
	s.typed(func(other stroke) bool { return other == k })
	return id
}

// TestEveryConventionalKey holds the table against the conventions of other tools.
func TestEveryConventionalKey(t *testing.T) {
	s := newStand(t)
	everywhere := map[string]string{
		"Ctrl+O": "file.open", "Ctrl+S": "file.save", "Ctrl+E": "file.plan", "Ctrl+Shift+E": "edit.png", "Ctrl+Alt+E": "edit.svg",
		"Ctrl+Z": "edit.undo", "Ctrl+Shift+Z": "edit.redo", "Escape": "edit.clear", "Ctrl+P": "edit.tensor",
		"Ctrl+K": "help.palette", "Ctrl+Shift+P": "help.palette", ">": "help.palette", "?": "help.keys", "Ctrl+B": "view.sidebar",
		"F5": "plan.search", "Shift+F5": "plan.stop", "Ctrl+Return": "plan.validate", "C": "view.compare",
	}
	inPlots := map[string]string{
		"W": "zoom-in", "S": "zoom-out", "Ctrl+Plus": "zoom-in", "Ctrl+Minus": "zoom-out", "A": "left", "D": "right", "Left": "left", "Right": "right",
		"F": "fit", "Home": "all", "Ctrl+0": "all", "/": "find", "Ctrl+F": "find", "Return": "match", "Shift+Return": "match-back",
		".": "next", ",": "previous", "]": "user", "[": "producer", "M": "mark", "Shift+M": "keep-mark", "Delete": "clear-marks",
		"R": "area", "Ctrl+A": "area-all", "Q": "details", "L": "lock", "U": "unlock", "P": "pin", "1": "tier-1", "9": "tier-9", "K": "",
	}
	for _, view := range []string{views.Overview, views.MemoryMap} {
		for key, want := range everywhere {
			if got := s.pressed(view, key); got != want {
				t.Errorf("%s, %s: %q, %s is expected", view, key, got, want)
			}
		}
	}
	for _, view := range []string{views.MemoryMap, views.Timeline} {
		for key, want := range inPlots {
			got := s.pressed(view, key)
			if want == "" && got == "" || want != "" && got != view+"."+want {
				t.Errorf("%s, %s: %q, %s is expected", view, key, got, want)
			}
		}
	}
	if got := s.pressed(views.Tensors, "Ctrl+A"); got != "tensors.all-rows" {
		t.Errorf("Ctrl+A among the tensors means %q", got)
	}
}

// TestShiftTellsKeysApart holds Shift while a letter is typed.
func TestShiftTellsKeysApart(t *testing.T) {
	s := newStand(t)
	s.show(views.MemoryMap)
	var ran []string
	for i := range s.commands {
		c := &s.commands[i]
		c.Enabled, c.Run = nil, func() { ran = append(ran, c.ID) }
	}
	s.held = func() fyne.KeyModifier { return fyne.KeyModifierShift }
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyM})
	s.held = func() fyne.KeyModifier { return 0 }
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyM})
	if len(ran) != 2 || ran[0] != "memory-map.keep-mark" || ran[1] != "memory-map.mark" {
		t.Errorf("ran %v", ran)
	}
}

// TestFindPinAndSelectAll presses the keys of one user's work: find a tensor, pin
// it, let it go, select all.
func TestFindPinAndSelectAll(t *testing.T) {
	s := newStand(t)
	s.show(views.MemoryMap)
	d := s.c.Snapshot().Doc()
	name := d.Program.Buffers[10].Name
	s.run("edit.tensor")
	if s.picker == nil || len(s.picker.found) == 0 || s.picker.found[0].title != d.Program.Buffers[0].Name {
		t.Fatal("Ctrl+P does not list the tensors")
	}
	s.picker.entry.SetText("@" + name)
	if len(s.picker.found) == 0 || s.picker.found[0].title != name {
		t.Fatalf("found %+v for %s", s.picker.found, name)
	}
	s.picker.choose(0)
	if sel := s.c.Bus.State().Selection; !sel.Has(10) {
		t.Fatalf("%s is not selected", name)
	}
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyP})
	if !s.c.Snapshot().Doc().IsLocked(10) {
		t.Error("P does not pin")
	}
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyP})
	if s.c.Snapshot().Doc().IsLocked(10) {
		t.Error("P again does not let go")
	}
	s.show(views.Tensors)
	s.settle()
	s.run("tensors.all-rows")
	if n := len(s.c.Bus.State().Selection.Buffers); n < 100 {
		t.Errorf("%d tensors are selected", n)
	}
	s.show(views.MemoryMap)
	s.settle()
	s.c.Bus.SelectBuffers(d.ID, 3, 10)
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	first := s.c.Bus.State().Hover.Buf
	s.typedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if second := s.c.Bus.State().Hover.Buf; first != 3 || second != 10 {
		t.Errorf("Enter walks to %d, then %d", first, second)
	}
	s.run("view.compare")
	if s.shown.ID() != views.Compare {
		t.Error("C does not compare")
	}
}
