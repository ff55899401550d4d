package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"
)

// TestExportPlanForLlamaServer opens File > Export plan as the menu does: the
// preset stands there, Copy takes all of it, and each other target has its text.
func TestExportPlanForLlamaServer(t *testing.T) {
	s := newStand(t)
	if !s.run("file.export") {
		t.Fatal("the command is not offered though there is a plan")
	}
	s.settle()
	d := s.exportPlan()
	s.settle()
	test.Tap(d.copy)
	if text := s.app.Clipboard().Content(); !strings.Contains(text, "ctx-size") && !strings.Contains(text, "c = ") || !strings.HasPrefix(text, d.text.Text) {
		t.Errorf("copied %q, shown %q", text, d.text.Text)
	}
	newer := d.text.Text
	for i, mark := range []string{1: "[", 2: "llama-server", 3: "FROM ", 4: "<html"} {
		d.target.SetSelectedIndex(i)
		s.settle()
		if !strings.Contains(d.text.Text, mark) {
			t.Errorf("%s: %.200q", d.target.Selected, d.text.Text)
		}
		if i == 1 && d.text.Text == newer {
			t.Error("older builds get the options of newer ones")
		}
	}
	if f := s.c.Snapshot().Fault; f != nil {
		t.Error(f.Text)
	}
}
