package ui

import (
	"errors"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"strata/ui/parts"
)

// TestSmallestScreenCutsNothing opens every view at the smallest size that the
// program is made for and looks for texts that have less room than they need.
func TestSmallestScreenCutsNothing(t *testing.T) {
	s := newStand(t)
	const menu = 24
	s.win.Resize(fyne.NewSize(1280, 720-menu))
	for _, v := range s.views {
		s.show(v.ID())
		s.settle()
		texts := 0
		for _, o := range test.LaidOutObjects(s.root) {
			x, ok := o.(*parts.Text)
			if !ok || x.Size().Width <= 0 || !x.Visible() {
				continue
			}
			texts++
			if short := x.Short(); short != "" {
				at := s.app.Driver().AbsolutePositionForObject(x)
				t.Errorf("%s: %q is cut to %q at %v, %v", v.ID(), x.Text(), short, at, x.Size())
			}
		}
		if texts < 12 {
			t.Errorf("%s: only %d texts were found", v.ID(), texts)
		}
	}
}

// TestErrorBarLeavesRoom shows an error of two lines over every view: the status
// bar must stay on the smallest screen.
func TestErrorBarLeavesRoom(t *testing.T) {
	s := newStand(t)
	s.c.Report(errors.New(strings.Repeat("a long message that takes two lines ", 6)), 0)
	s.q.drain()
	if s.fault.text.Text() == "" || !s.fault.root.Visible() {
		t.Fatal("the error is not shown")
	}
	for _, v := range s.views {
		s.show(v.ID())
		if m := s.root.MinSize(); m.Height > 690 {
			t.Errorf("%s: needs a height of %.0f with the error above", v.ID(), m.Height)
		}
	}
}

func TestKeyListIsSplitEvenly(t *testing.T) {
	rows := []keyRow{{title: "A", group: true}, {title: "a1"}, {title: "a2"}, {title: "a3"}, {title: "B", group: true}, {title: "b1"}}
	head, tail := splitRows(rows, 3)
	if len(head) != 3 || tail[0].title != "A, continued" || !tail[0].group || tail[1].title != "a3" {
		t.Errorf("a torn group: %v | %v", head, tail)
	}
	head, tail = splitRows(rows, 5)
	if len(head) != 4 || tail[0].title != "B" {
		t.Errorf("a name at the end: %v | %v", head, tail)
	}
	if head, tail = splitRows(rows, 9); len(head) != 6 || len(tail) != 0 {
		t.Errorf("all: %v | %v", head, tail)
	}
}
