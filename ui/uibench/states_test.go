package uibench

import (
	"testing"

	"fyne.io/fyne/v2"

	"strata/ui/controller"
	"strata/ui/views"
	"strata/ui/views/compare"
	"strata/ui/views/memorymap"
	"strata/ui/views/tensors"
	"strata/ui/views/timeline"
	"strata/ui/views/viewtest"
	"strata/ui/viz"
)

// TestEveryState shows every view of a plan without a document, with a program
// that nothing fits, with a plan that was never simulated, and with the sample,
// in every palette: each says something, exports something and breaks nothing.
func TestEveryState(t *testing.T) {
	s := viewtest.Open(t)
	sample := s.Host.Controller.Snapshot()
	unplanned := *sample.Doc()
	unplanned.ID, unplanned.Version, unplanned.Plan, unplanned.Predicted = 900, 900, nil, nil
	synthetic := Document(3000)
	synthetic.ID, synthetic.Version = 901, 901
	states := map[string]*controller.Snapshot{
		"nothing":    {Active: -1},
		"no plan":    {Docs: []*controller.Document{&unplanned}},
		"unmeasured": {Docs: []*controller.Document{synthetic}},
		"two":        {Docs: []*controller.Document{&unplanned, sample.Doc()}, Active: 1},
		"sample":     sample,
	}
	for _, mk := range []views.Maker{tensors.New, memorymap.New, timeline.New, compare.New} {
		v := mk(s.Host)
		s.Window.SetContent(v.Content())
		s.Window.Resize(fyne.NewSize(1280, 640))
		for _, name := range []string{"nothing", "no plan", "unmeasured", "two", "nothing", "sample"} {
			for _, pal := range viz.Palettes() {
				s.Palette = pal
				v.Update(states[name])
				s.Settle(t)
			}
			e := v.Export()
			if e.Name == "" || e.Text() == "" && name == "sample" && v.ID() != views.Compare {
				t.Errorf("%s, %s: nothing to copy", v.ID(), name)
			}
			if table := e.Table(); len(table) == 0 || len(table[0]) == 0 {
				t.Errorf("%s, %s: a table without a header", v.ID(), name)
			}
			if f := e.Figure(); f != nil {
				if _, err := f.Image(400, 300, 1, viz.Light); err != nil {
					t.Errorf("%s, %s: %v", v.ID(), name, err)
				}
			}
		}
		s.Shot(t, "state-"+v.ID())
	}
}

// TestCommandsNeedNoDocument runs every command of every view, without a
// document and with the sample.
func TestCommandsNeedNoDocument(t *testing.T) {
	s := viewtest.Open(t)
	for _, mk := range []views.Maker{tensors.New, memorymap.New, timeline.New, compare.New} {
		v := mk(s.Host)
		seen := map[string]bool{}
		for _, snap := range []*controller.Snapshot{{Active: -1}, s.Host.Controller.Snapshot()} {
			s.Window.SetContent(v.Content())
			v.Update(snap)
			for _, c := range v.Commands() {
				if c.Title == "" || seen[c.ID] && snap.Active < 0 {
					t.Errorf("%s: command %q has no title, or its ID is taken", v.ID(), c.ID)
				}
				seen[c.ID] = true
				if c.Can() {
					c.Run()
				}
				s.Settle(t)
			}
		}
	}
}
